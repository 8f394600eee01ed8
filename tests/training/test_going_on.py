"""How a run goes on, and how not: one call at a time, with its own data, from its last step."""

import math
import threading

import numpy as np
import pytest
from noise import HELD_OUT, WEIGHT, X, Y, fit, net, same

import chainrule as cr
from chainrule.engine import compiled
from chainrule.engine.batches import Batches

# -- going on while going on ----------------------------------------------------------------


@pytest.mark.parametrize("again", [
    lambda run: run.resume(X, Y, epochs=1, validation=HELD_OUT),
    lambda run: run.network.fit(X, Y),
    lambda run: cr.Network.from_parameters(run.network.parameters).fit(X, Y),
    lambda run: run.network.step(X, Y, cr.SGD()),
    lambda run: cr.fit_many([run.network], X, Y),
])  # fmt: skip
def test_a_network_is_trained_by_one_call_at_a_time(again):
    """Refused in one line; the call that it was made in goes on as if nothing was."""

    def try_again(run):
        with pytest.raises(ValueError, match=r"^this network is being trained already: [^\n]*$"):
            again(run)

    run = fit(net(), epochs=3, callbacks=[try_again])
    assert same(run, fit(net(), epochs=3))
    again(run)  # it is free now


def test_two_threads_do_not_train_one_network():
    one, inside, refused = net(), threading.Event(), threading.Event()

    def wait(_):
        inside.set()
        assert refused.wait(600)

    other = threading.Thread(target=fit, args=(one,), kwargs={"epochs": 1, "callbacks": [wait]})
    other.start()
    assert inside.wait(600)
    with pytest.raises(ValueError, match="is being trained already"):
        fit(one, epochs=1)
    refused.set()
    other.join()
    fit(one, epochs=1)


# -- other data -----------------------------------------------------------------------------

OTHER = {
    "other X": ({"X": X + 1e-9}, "X is another"),
    "another order": ({"X": X[::-1], "y": Y[::-1], "sample_weight": WEIGHT[::-1]}, "X is another"),
    "other y": ({"y": np.roll(Y, 1)}, "y is another"),
    "no weights": ({"sample_weight": None}, "sample_weight is missing"),
    "other weights": ({"sample_weight": WEIGHT * 2}, "sample_weight is another"),
    "other validation": (
        {"validation": (HELD_OUT[0] * 2, HELD_OUT[1])},
        "validation's X is another",
    ),
}


@pytest.mark.parametrize("case", OTHER)
def test_resume_with_other_data_is_refused(case, tmp_path):
    """Also of a run from a file; the network is as before."""
    data = {"X": X, "y": Y, "sample_weight": WEIGHT, "validation": HELD_OUT}
    run = net().fit(**data, epochs=1)
    cr.save(run, tmp_path / "run")
    change, message = OTHER[case]
    for one in (run, cr.load(tmp_path / "run")):
        before = one.network.w.copy()
        with pytest.raises(ValueError, match=f"resume needs the data of the fit.*: {message}; "):
            one.resume(**(data | change), epochs=1)
        np.testing.assert_array_equal(one.network.w, before)
        one.resume(**data, epochs=1)


def test_weights_that_the_fit_did_not_have_are_refused():
    run = net().fit(X, Y, epochs=1)
    with pytest.raises(ValueError, match="sample_weight is given now"):
        run.resume(X, Y, epochs=1, sample_weight=WEIGHT)


def test_the_same_numbers_in_other_arrays_are_the_same_data():
    run = net().fit(X, Y, epochs=1)
    run.resume(X.tolist(), Y.ravel().tolist(), epochs=1)
    run.resume(np.asfortranarray(X), Y, epochs=1)
    with pytest.raises(ValueError, match=r"network 0: resume needs .*: y is another"):
        cr.resume_many([run], X, -Y, epochs=1)


# -- early stopping, however a call ends ----------------------------------------------------


def stopped_early(**options):
    one = net()
    return one, fit(one, early_stopping=cr.EarlyStopping(2), **options)


def test_the_best_the_last_and_the_first():
    one, run = stopped_early()
    assert run.best_epoch < run.epoch
    assert (run.start.step, run.best.step) == (0, run.best_epoch * 5)
    assert run.last.step == run.step
    for point, epochs in ((run.start, 0), (run.best, run.best_epoch), (run.last, run.epoch)):
        plain = fit(net(), epochs=epochs)
        np.testing.assert_array_equal(point.theta, plain.network.parameters.theta)
        for vector, expected in zip(point.optimizer_state, plain.optimizer_state, strict=True):
            np.testing.assert_array_equal(vector, expected)
    np.testing.assert_array_equal(one.parameters.theta, run.best.theta)


def test_edits_after_an_early_stop_count():
    one, run = stopped_early()
    one.w[:] *= 0.5
    theta, state = one.parameters.theta.copy(), run.last.optimizer_state
    seen = []
    look = cr.Callback(lambda run: seen.append(run.step), every=1)
    run.resume(X, Y, epochs=1, validation=HELD_OUT, callbacks=[look])
    other = net()
    other.parameters.theta[:] = theta
    trainer = compiled.Trainer(
        other.parameters, cr.Adam(0.02), [v.copy() for v in state],
        Batches(X, Y, None, 8, True, 0), seen[0] - 1,
    )  # fmt: skip
    losses = trainer.advance(np.full(5, 0.02))
    np.testing.assert_array_equal(run.losses[-5:], losses)


def raised_in(epoch, error):
    def maybe(run):
        if run.epoch == epoch:
            raise error

    return maybe


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_the_network_has_the_best_parameters_however_the_call_ends(error):
    _, whole = stopped_early(epochs=100)
    epoch = whole.best_epoch + 1
    with pytest.raises(error) as caught:
        stopped_early(callbacks=[raised_in(epoch, error)])
    run = caught.value.run
    assert (run.epoch, run.stopped) == (epoch, "interrupted")
    np.testing.assert_array_equal(run.network.parameters.theta, whole.best.theta)
    run.resume(X, Y, epochs=100 - epoch, validation=HELD_OUT)
    assert same(run, whole)


def test_the_network_has_the_best_parameters_after_divergence():
    def explode(run):
        if run.epoch == 2:
            run.set_learning_rate(1e200)

    with pytest.raises(FloatingPointError) as caught:
        stopped_early(callbacks=[explode], optimizer=cr.SGD(0.01))
    run = caught.value.run
    assert run.stopped == "diverged"
    np.testing.assert_array_equal(run.network.parameters.theta, run.best.theta)
    assert np.isfinite(run.best.theta).all()


def test_gone_on_with_after_a_stop_it_waits_anew():
    _, run = stopped_early()
    first = run.epoch
    run.resume(X, Y, epochs=50, validation=HELD_OUT)
    assert run.epoch >= first + 2
    assert run.stopped == "early_stopping"


def test_a_loss_that_is_no_number_is_no_improvement():
    rule = cr.EarlyStopping(patience=2)
    assert rule.best_epoch([math.nan, 2.0, math.nan, math.inf, 1.0, math.nan]) == 5
    assert rule.best_epoch([math.nan, math.inf]) == 0
    assert rule.is_over(rule.after_all([1.0, math.nan, math.nan]))


def test_a_long_array_is_read_whole_by_several_threads():
    """Each of its numbers counts; and of those that are not finite, the first is named."""
    long = np.zeros((4_200_000, 2), "float32")  # two chunks and a rest
    y = np.zeros(len(long), "float32")
    one = cr.Network([2, 1])
    run = one.fit(long, y, epochs=0)
    for place in (0, 4_194_303, 4_194_304, 8_399_999):
        long.reshape(-1)[place] = 1
        with pytest.raises(ValueError, match=r"resume needs .*: X is another"):
            run.resume(long, y, epochs=0)
        long.reshape(-1)[place] = 0
    run.resume(long, y, epochs=0)
    long[4_199_999, 1], long[2_097_152, 1] = np.nan, np.inf
    with pytest.raises(ValueError, match=r"X must be finite in float32, got inf at \[2097152, 1\]"):
        run.resume(long, y, epochs=0)
