"""fit and Run: what is recorded is what happened, step by step."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.engine import compiled
from chainrule.theory.random import permutation

RNG = np.random.default_rng(0)
X = RNG.normal(size=(23, 4))
Y = RNG.normal(size=(23, 2))
WEIGHT = RNG.uniform(0.5, 2, size=23)


def net(**options):
    options = {"activation": "tanh", "dtype": "float64", "seed": 1} | options
    return cr.Network([4, 6, 2], **options)


def batch_rows(step, n, batch_size, seed):
    """The rows of a step: its place in the order of its epoch."""
    epoch, batch = divmod(step - 1, -(-n // batch_size))
    return permutation(seed, epoch, n)[batch * batch_size : (batch + 1) * batch_size]


# -- losses ---------------------------------------------------------------------------------


@settings(max_examples=20)
@given(n=st.integers(1, 23), batch_size=st.integers(1, 23), seed=st.integers(0, 2**64 - 1))
def test_losses_are_those_before_each_step(n, batch_size, seed):
    """L of the batch at the parameters before its update, penalty and sample weights included."""
    batch_size = min(n, batch_size)
    one, expected = net(l2=0.1), []

    def loss_of(network, rows):
        """A sample's share is its weight over |B| times the mean weight of all."""
        penalty = 0.05 * np.sum(network.w**2)
        mean = network.loss(X[rows], Y[rows], sample_weight=WEIGHT[rows]) - penalty
        return mean * WEIGHT[rows].mean() / WEIGHT[:n].mean() + penalty

    def before_next(run):
        rows = batch_rows(run.step + 1, n, batch_size, seed)
        expected.append(loss_of(run.network, rows))
        assert run.trace().rows.tolist() == rows.tolist()
        assert run.trace().loss == pytest.approx(expected[-1], rel=1e-13)

    first = batch_rows(1, n, batch_size, seed)
    expected.append(loss_of(one, first))
    run = one.fit(
        X[:n], Y[:n], sample_weight=WEIGHT[:n], epochs=2, batch_size=batch_size, seed=seed,
        optimizer=cr.SGD(0.1), callbacks=[cr.Callback(before_next, every=1)],
    )  # fmt: skip
    assert run.step == len(run.losses) == 2 * run.steps_per_epoch == len(expected) - 1
    np.testing.assert_allclose(run.losses, expected[:-1], rtol=1e-12)


def test_losses_with_dropout_are_those_of_the_step():
    """With its masks, as the trace shows them; not those of Network.loss."""
    seen = []
    run = net(dropout=0.5).fit(
        X, Y, epochs=3, batch_size=23, shuffle=False,
        callbacks=[lambda run: seen.append(run.trace().loss)],
    )  # fmt: skip
    assert run.losses[1:].tolist() == seen[:-1]


def test_epoch_losses():
    """Mean over the samples: a last, smaller batch counts for less."""
    run = net().fit(X, Y, epochs=3, batch_size=10)
    expected = [losses @ [10, 10, 3] / 23 for losses in run.losses.reshape(3, 3)]
    np.testing.assert_allclose(run.epoch_losses, expected, rtol=1e-14)
    assert run.epoch_losses.shape == (3,)
    one_batch = net().fit(X, Y, epochs=2, batch_size=23)
    np.testing.assert_allclose(one_batch.epoch_losses, one_batch.losses, rtol=1e-15)


def test_validation_losses():
    """On all held-out samples after each epoch, with their weights, without penalty or dropout."""
    expected = []
    one = net(l2=0.5, l1=0.1, dropout=0.3, reduction="sum")

    def measure(run):
        residual = run.network.forward(X[:5]) - Y[:5]
        weight = WEIGHT[:5] / WEIGHT[:5].sum()
        expected.append(weight @ (0.5 * np.sum(residual**2, axis=1)))

    run = one.fit(
        X[5:], Y[5:], epochs=4, validation=(X[:5], Y[:5], WEIGHT[:5]), callbacks=[measure],
        optimizer=cr.SGD(0.001),
    )  # fmt: skip
    np.testing.assert_allclose(run.validation_losses, expected, rtol=1e-12)


def test_nothing_asked_is_nothing_done():
    one = net()
    run = one.fit(X, Y, epochs=0)
    assert (run.step, run.epoch, run.stopped, len(run.losses)) == (0, 0, "epochs", 0)
    assert run.epoch_losses.shape == (0,)
    assert run.best_epoch == 0
    assert np.array_equal(one.w, net().w)


def test_batches_of_auto():
    assert net().fit(X, Y, epochs=1).options.batch_size == 23
    many = np.tile(X, (2, 1)), np.tile(Y, (2, 1))
    assert net().fit(*many, epochs=1).options.batch_size == 32


def test_without_shuffling_the_order_is_that_of_the_rows():
    run = net().fit(X, Y, epochs=2, batch_size=10, shuffle=False, optimizer=cr.SGD(0.0))
    expected = [net().loss(X[i : i + 10], Y[i : i + 10]) for i in (0, 10, 20)]
    np.testing.assert_allclose(run.losses, expected * 2, rtol=1e-13)


def test_the_seed_gives_the_order():
    runs = [net().fit(X, Y, epochs=1, batch_size=5, seed=seed).losses for seed in (3, 3, 4)]
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_adam_is_the_default():
    runs = [net().fit(X, Y, optimizer=optimizer) for optimizer in (None, cr.Adam())]
    assert np.array_equal(runs[0].network.w, runs[1].network.w)
    assert (runs[0].requested_epochs, runs[0].optimizer) == (10, cr.Adam())


def test_learning():
    """A function that a small network learns: the loss falls by more than a hundred."""
    inputs = np.linspace(-2, 2, 64).reshape(-1, 1)
    one = cr.Network([1, 16, 1], activation="tanh", seed=0)
    run = one.fit(inputs, np.sin(2 * inputs), optimizer=cr.Adam(0.02), epochs=300, batch_size=16)
    assert run.epoch_losses[-1] < run.epoch_losses[0] / 100
    assert one.loss(inputs, np.sin(2 * inputs)) < 1e-3


def test_repr():
    run = net().fit(X, Y, epochs=2, batch_size=10)
    assert repr(run).startswith(f"<Run: 2 epochs, 6 steps, last loss {run.losses[-1]:.3g}")


# -- going on -------------------------------------------------------------------------------


def test_resume_wants_the_data_of_the_fit():
    one = net()
    run = one.fit(X, Y, epochs=1, validation=(X, Y))
    with pytest.raises(ValueError, match=r"the data of the fit, 23 samples, got 22"):
        run.resume(X[:22], Y[:22], epochs=1, validation=(X, Y))
    with pytest.raises(ValueError, match="resume needs validation if the fit had it"):
        run.resume(X, Y, epochs=1)
    with pytest.raises(ValueError, match="takes none if it hadn't"):
        net().fit(X, Y, epochs=1).resume(X, Y, epochs=1, validation=(X, Y))
    assert (run.step, run.requested_epochs) == (1, 1)


def test_epochs_count_from_those_done():
    run = net().fit(X, Y, epochs=3, batch_size=10)
    assert run.resume(X, Y, epochs=2) is run
    assert (run.epoch, run.requested_epochs, run.step) == (5, 5, 15)
    stop = cr.Callback(lambda run: run.stop(), every=17)
    run.resume(X, Y, epochs=100, callbacks=[stop])
    assert (run.step, run.epoch, run.requested_epochs, run.stopped) == (17, 5, 105, "callback")
    run.resume(X, Y, epochs=1)
    assert (run.step, run.epoch, run.requested_epochs, run.stopped) == (18, 6, 6, "epochs")


def test_a_call_of_many_steps_is_cut(monkeypatch):
    """Unseen: a limit for memory, not for the result."""
    expected = net().fit(X, Y, epochs=9, batch_size=5)
    monkeypatch.setattr("chainrule.training.run.LONGEST_CALL", 7)
    run = net().fit(X, Y, epochs=9, batch_size=5)
    assert np.array_equal(run.network.w, expected.network.w)
    assert np.array_equal(run.losses, expected.losses)


def test_a_restored_run_shares_nothing():
    run = net().fit(X, Y, epochs=2, early_stopping=cr.EarlyStopping())
    description = json.loads(json.dumps(run.describe()))
    other = cr.Run.restore(net(), description, run.arrays())
    before = [array.copy() for array in run.arrays().values()]
    other.resume(X, Y, epochs=3)
    for kept, array in zip(before, run.arrays().values(), strict=True):
        assert np.array_equal(kept, array)


def test_the_description_is_json():
    options = {
        "seed": np.int64(3),
        "batch_size": np.int32(4),
        "early_stopping": cr.EarlyStopping(9),
    }
    run = net().fit(X, Y, epochs=1, optimizer=cr.SGD(cr.Cosine(0.1, steps=9)), **options)
    description = json.loads(json.dumps(run.describe()))
    assert description["options"] == {
        "n_samples": 23,
        "batch_size": 4,
        "shuffle": True,
        "seed": 3,
        "is_validated": False,
        "early_stopping": {
            "patience": 9,
            "min_delta": 0.0,
            "from_lowest": False,
            "restore_best": True,
            "of_training": False,
        },
        "is_scored": False,
        "keyframe_memory": 64 << 20,
        "steps_before": 0,
    }
    assert description["optimizer"]["learning_rate"]["name"] == "cosine"
    assert (description["step"], description["requested_epochs"]) == (6, 1)


def broken(**changes):
    run = net().fit(X, Y, epochs=2, validation=(X, Y), batch_size=10)
    description, arrays = run.describe(), run.arrays()
    for key, value in changes.items():
        target = arrays if key in arrays else description
        target[key] = value
        if value is None:
            del target[key]
    return cr.Run.restore(net(), description, arrays)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": -1}, "step must be a whole number >= 0, got -1"),
        ({"step": 5}, r"array 'losses' must be float64 of shape \(5,\), got float64 \(6,\)"),
        ({"step": 10**15}, r"array 'losses' must be float64 of shape \(1000000000000000,\)"),
        ({"requested_epochs": "2"}, "requested_epochs must be a whole number >= 0, got '2'"),
        ({"options": {"n_samples": 23}}, "field 'batch_size' is missing"),
        ({"options": None}, "field 'options' is missing"),
        ({"options": {"n_samples": 23, "batchsize": 3}}, "unknown field of options 'batchsize'"),
        ({"optimizer": {"name": "lion"}}, "unknown optimizer 'lion'"),
        ({"losses": None}, "array 'losses' is missing"),
        ({"losses": np.zeros(6, "f4")}, r"'losses' must be float64 of shape \(6,\), got float32"),
        ({"validation_losses": None}, "array 'validation_losses' is missing"),
        (
            {"validation_losses": np.zeros(3)},
            r"array 'validation_losses' must be float64 of shape \(2,\), got float64 \(3,\)",
        ),
        ({"last.first_moment": None}, "array 'last.first_moment' is missing"),
        ({"last.first_moment": np.zeros(3)}, r"'last.first_moment' must be float64 of shape"),
    ],
)
def test_a_wrong_description(changes, message):
    with pytest.raises(ValueError, match=message):
        broken(**changes)


# -- long fits are one call -----------------------------------------------------------------


@pytest.fixture
def calls(monkeypatch):
    """The steps of each native call, in the order of the calls."""
    steps, advance = [], compiled.Trainer.advance

    def counted(self, rates, losses=None):
        steps.append(len(rates))
        return advance(self, rates, losses)

    monkeypatch.setattr(compiled.Trainer, "advance", counted)
    return steps


def fit_ones(epochs, **options):
    return cr.Network([2, 2, 1]).fit(np.ones((40, 2)), np.ones(40), epochs=epochs, **options)


def test_many_epochs_are_one_call(calls):
    """Up to a million steps; a callback or a validation waits after each epoch, or n steps."""
    fit_ones(3000)
    assert calls == [6000]
    calls.clear()
    fit_ones(5, callbacks=[lambda _: None])
    fit_ones(2, validation=(np.ones((3, 2)), np.ones(3)))
    fit_ones(4, callbacks=[cr.Callback(lambda _: None, every=3)])
    assert calls == [2] * 5 + [2] * 2 + [3, 3, 2]


def test_a_call_is_at_most_a_million_steps(calls):
    """What the losses of a call take in memory is bounded, whatever is asked for."""
    cr.Network([1, 1]).fit(np.ones((1, 1)), np.ones(1), epochs=(1 << 20) + 5)
    assert calls == [1 << 20, 5]


def test_early_stopping_looks_once_at_each_epoch(monkeypatch):
    """Each epoch's loss is taken once, and not those before it anew."""
    seen, after = [], cr.EarlyStopping.after
    monkeypatch.setattr(
        cr.EarlyStopping,
        "after",
        lambda rule, so_far, *loss: (seen.append(loss[0]), after(rule, so_far, *loss))[1],
    )
    run = fit_ones(200, early_stopping=cr.EarlyStopping(patience=10**6))
    assert seen == run.epoch_losses.tolist()


# -- schedules ------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["compiled", "reference"])
@pytest.mark.parametrize("every", [None, 1, 3])
@pytest.mark.parametrize("cut", [0, 2])
def test_each_step_has_its_own_rate(engine, every, cut):
    """η_t = η / sqrt(t), t from 1, however the run is cut into calls: gradient descent by hand."""
    one = cr.Network([4, 1], dtype="float64", engine=engine, seed=2)
    w, b, losses = one.w.reshape(4, 1).copy(), one.b.copy(), []
    x, y = X[:20], Y[:20, :1]
    for t in range(1, 13):
        rows = slice((t - 1) % 4 * 5, (t - 1) % 4 * 5 + 5)
        e = x[rows] @ w + b - y[rows]
        losses.append(0.5 * np.mean(e**2))
        w -= 0.3 / np.sqrt(t) * x[rows].T @ e / 5
        b -= 0.3 / np.sqrt(t) * e.mean(axis=0)
    callbacks = [cr.Callback(lambda _: None, every=every)] if every else []
    options = {"optimizer": cr.SGD(cr.InverseScaling(0.3)), "batch_size": 5, "shuffle": False}
    run = one.fit(x, y, epochs=3 - cut, callbacks=callbacks, **options)
    run.resume(x, y, epochs=cut, callbacks=callbacks)
    np.testing.assert_allclose(run.losses, losses, rtol=1e-12)
    np.testing.assert_allclose(one.w, w.ravel(), rtol=1e-11)
