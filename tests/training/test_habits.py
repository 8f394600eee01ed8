"""Habits of other libraries: they work, or the error says what does it here."""

import inspect
import io
import re

import numpy as np
import pytest

import chainrule as cr

X = np.random.default_rng(0).normal(size=(40, 2))
Y = X[:, 0] * X[:, 1]
CLASSES = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)


def net(**options):
    return cr.Network([2, 4, 1], seed=0, **options)


def classifier(**options):
    return cr.Network([2, 4, 3], seed=0, **{"loss": "cross_entropy"} | options)


def weights_of(**options):
    network = net()
    network.fit(X, Y, epochs=2, **options)
    return network.w.tobytes()


# -- what simply works ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("adam", cr.Adam()),
        ("sgd:momentum=0.5", cr.SGD(momentum=0.5)),
        ("sgd:momentum=0.5,nesterov=true", cr.SGD(momentum=0.5, nesterov=True)),
        ("adamw:weight_decay=0.1, learning_rate=0.02", cr.AdamW(0.02, weight_decay=0.1)),
    ],
)
def test_an_optimizer_by_its_name(text, row):
    assert weights_of(optimizer=text) == weights_of(optimizer=row)
    one, two = net(), net()
    assert one.step(X, Y, text) == two.step(X, Y, row)
    assert one.w.tobytes() == two.w.tobytes()
    nets = [net(), net()]
    cr.fit_many(nets, X, Y, epochs=2, optimizer=[text, row])
    assert nets[0].w.tobytes() == nets[1].w.tobytes() == weights_of(optimizer=row)


def test_a_batch_larger_than_the_data_is_the_data():
    assert weights_of(batch_size=1000) == weights_of(batch_size=40)
    nets = [net()]
    (run,) = cr.fit_many(nets, X, Y, epochs=2, batch_size=1000)
    assert run.options.batch_size == 40
    assert nets[0].w.tobytes() == weights_of(batch_size=40)


@pytest.mark.parametrize("many", [False, True])
def test_a_callback_may_stand_alone(many):
    seen = []
    for callbacks in (
        lambda run: seen.append(run.epoch),
        cr.Callback(lambda run: seen.append(-run.epoch)),
    ):
        if many:
            cr.fit_many([net()], X, Y, epochs=2, callbacks=callbacks)
        else:
            net().fit(X, Y, epochs=2, callbacks=callbacks)
    assert seen == [1, 2, -1, -2]


def test_a_bar_shows_the_epochs_and_changes_no_bit(monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr("sys.stderr", shown)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert weights_of(progress=True) == weights_of()
    assert re.search(r"epoch +\d+/2", shown.getvalue())
    network = net()
    network.fit(X, Y, epochs=1).resume(X, Y, epochs=1, progress=True)
    assert network.w.tobytes() == weights_of()


def test_a_second_fit_goes_on_from_the_weights_there_are():
    network, copied = net(), net()
    network.fit(X, Y, epochs=2)
    copied.parameters.theta[:] = network.parameters.theta
    assert (
        network.fit(X, Y, epochs=3).losses.tobytes() == copied.fit(X, Y, epochs=3).losses.tobytes()
    )
    assert "goes on where the first ended" in cr.Network.fit.__doc__


# -- what is said ------------------------------------------------------------------------------

SAID = {
    "mse": (lambda: net(loss="mse"), "unknown loss 'mse': did you mean 'squared_error'?"),
    "bce": (lambda: net(loss="BCE"), "did you mean 'binary_cross_entropy'?"),
    "linear": (lambda: net(output="linear"), "did you mean 'identity'?"),
    "xavier": (lambda: net(init="xavier"), "did you mean 'glorot_uniform'?"),
    "a share to validate": (
        lambda: net().fit(X, Y, validation=0.2),
        "validation must be (X, y) or (X, y, sample_weight), got a float; hold rows out before, as "
        "with sklearn.model_selection.train_test_split",
    ),
    "a function as a schedule": (
        lambda: cr.Adam(learning_rate=lambda step: 0.1 / step),
        "learning_rate must be a finite number >= 0, or a schedule of chainrule's, as "
        "cr.Cosine(0.1), got <function",
    ),
    "classes under squared error": (
        lambda: classifier(loss="squared_error").fit(X, CLASSES),
        "y must have shape (n_samples, 3), got (40,); class numbers need loss='cross_entropy'",
    ),
    "classes from 3 on": (
        lambda: classifier().fit(X, CLASSES + 3),
        "class numbers must be from 0 to 2 for 3 outputs, got 4; number the classes: classes, y = "
        "np.unique(y, return_inverse=True)",
    ),
    "classes that are words": (
        lambda: classifier().fit(X, np.array(["a", "b", "c"])[CLASSES]),
        "y must be numbers, got text, as 'b'; number the classes: classes, y = "
        "np.unique(y, return_inverse=True)",
    ),
    "objects that are words": (
        lambda: classifier().fit(X, np.array(["a", "b", "c"], object)[CLASSES]),
        "y must be numbers, got text, as 'b'; number the classes",
    ),
    "a trace afterwards": (
        lambda: net().fit(X, Y, epochs=1).trace(),
        "run.trace() is for callbacks, and this run is not going on; run.network.trace(X, y) shows",
    ),
}


@pytest.mark.parametrize("case", SAID)
def test_what_does_it_here_is_said(case):
    call, message = SAID[case]
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


ARGUMENTS = {
    "lr": (lambda: net().fit(X, Y, lr=0.1), "Network.fit() has no argument 'lr'; here it is"),
    "lr of Adam": (
        lambda: cr.Adam(lr=0.1),
        "Adam() has no argument 'lr'; here it is learning_rate",
    ),
    "betas": (lambda: cr.Adam(beta_1=0.8), "no argument 'beta_1'; here it is beta1"),
    "momentum": (lambda: cr.SGD(momentun=0.8), "SGD() has no argument 'momentun'; did you mean"),
    "validation_data": (
        lambda: net().fit(X, Y, validation_data=(X, Y)),
        "no argument 'validation_data'; here it is validation=(X, y)",
    ),
    "verbose": (lambda: net().fit(X, Y, verbose=1), "'verbose'; here it is progress=True"),
    "max_iter": (lambda: net().fit(X, Y, max_iter=9), "'max_iter'; here it is epochs"),
    "sizes": (lambda: net(hidden_layer_sizes=9), "Network() has no argument 'hidden_layer_sizes'"),
    "seeds": (lambda: net(random_state=9), "'random_state'; here it is seed"),
    "resume": (
        lambda: net().fit(X, Y, epochs=1).resume(X, Y, n_epochs=1),
        "Run.resume() has no argument 'n_epochs'; here it is epochs",
    ),
    "many": (lambda: cr.fit_many([net()], X, Y, lr=1), "fit_many() has no argument 'lr'"),
    "nonsense": (lambda: net().fit(X, Y, xyz=1), "no argument 'xyz'; it has X, y, optimizer"),
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_an_argument_of_another_library_is_named_with_ours(case):
    call, message = ARGUMENTS[case]
    with pytest.raises(TypeError, match=re.escape(message)):
        call()


@pytest.mark.parametrize("function", [cr.Network, cr.Network.fit, cr.Run.resume, cr.fit_many])
def test_signatures_are_readable(function):
    told = str(inspect.signature(function))
    assert "numpy" not in told
    assert len(told) < 700


def test_optimizers_are_still_copied_pickled_and_replaced():
    import copy
    import dataclasses
    import pickle

    row = cr.SGD(0.1, momentum=0.5, clip_norm=1.0)
    assert copy.deepcopy(row) == pickle.loads(pickle.dumps(row)) == row
    assert dataclasses.replace(row, momentum=0.6).momentum == 0.6
