"""Early stopping, callbacks, divergence: how a run ends before its epochs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4))
Y = RNG.normal(size=(40, 1))
HELD_OUT = (RNG.normal(size=(20, 4)), RNG.normal(size=(20, 1)))


def net(**options):
    return cr.Network([4, 20, 1], **({"activation": "tanh", "seed": 1} | options))


def fit(one, epochs=200, **options):
    """A fit of noise, whose validation loss soon rises."""
    options = {"optimizer": cr.Adam(0.02), "batch_size": 8, "validation": HELD_OUT} | options
    return one.fit(X, Y, epochs=epochs, **options)


# -- early stopping -------------------------------------------------------------------------


@pytest.mark.parametrize("patience", [1, 3, 8])
def test_stops_after_patience_with_the_best_weights(patience):
    """The weights are those of a plain fit of best_epoch epochs, bit for bit."""
    one = net()
    run = fit(one, early_stopping=cr.EarlyStopping(patience))
    losses = run.validation_losses
    assert run.stopped == "early_stopping"
    assert len(losses) == run.epoch == run.best_epoch + patience < 200
    assert run.best_epoch == int(np.argmin(losses)) + 1
    plain = net()
    fit(plain, epochs=run.best_epoch)
    assert np.array_equal(one.parameters.theta, plain.parameters.theta)
    assert one.loss(*HELD_OUT) == min(losses)


def test_best_weights_where_patience_lasts():
    one = net()
    run = fit(one, epochs=30, early_stopping=cr.EarlyStopping(patience=100))
    assert run.stopped == "epochs"
    assert run.best_epoch < 30
    assert one.loss(*HELD_OUT) == min(run.validation_losses)


def test_without_early_stopping_the_last_weights_stay():
    one = net()
    run = fit(one, epochs=30)
    assert one.loss(*HELD_OUT) == run.validation_losses[-1] > min(run.validation_losses)


def test_without_validation_the_training_loss_is_watched():
    """At a learning rate of 0 nothing improves after the first epoch."""
    run = fit(net(), validation=None, optimizer=cr.SGD(0.0), early_stopping=cr.EarlyStopping(4))
    assert (run.epoch, run.best_epoch, run.stopped) == (5, 1, "early_stopping")
    run = fit(net(), validation=None, epochs=9, early_stopping=cr.EarlyStopping(2))
    assert run.best_epoch == int(np.argmin(run.epoch_losses)) + 1


def test_min_delta():
    """An improvement by less does not count."""
    slow = {"optimizer": cr.Adam(0.001)}
    few = fit(net(), early_stopping=cr.EarlyStopping(3, min_delta=0.05), **slow)
    many = fit(net(), early_stopping=cr.EarlyStopping(3), **slow)
    assert few.epoch < many.epoch
    losses, best = few.validation_losses, few.best_epoch
    assert min(losses[best:]) >= losses[best - 1] - 0.05


@given(
    losses=st.lists(st.sampled_from([0.0, 1.0, 1.05, 1.1, 2.0, np.nan, np.inf]), max_size=12),
    min_delta=st.sampled_from([0.0, 0.1]),
)
def test_best_epoch(losses, min_delta):
    """The rule restated: each epoch that is below the best so far by more; nan and ∞ never are."""
    best = 0
    for epoch, loss in enumerate(losses, start=1):
        so_far = losses[best - 1] if best else np.inf
        if np.isfinite(loss) and loss < so_far - min_delta:
            best = epoch
    assert cr.EarlyStopping(min_delta=min_delta).best_epoch(losses) == best


def test_resumed_after_it_stopped():
    """It goes on from the last weights, and may improve on the best."""
    one = net()
    run = fit(one, early_stopping=cr.EarlyStopping(1))
    first_best, first_epochs = run.best_epoch, run.epoch
    for _ in range(10):
        run.resume(X, Y, epochs=1, validation=HELD_OUT)
    assert run.epoch == first_epochs + 10
    assert run.best_epoch == int(np.argmin(run.validation_losses)) + 1 >= first_best
    assert one.loss(*HELD_OUT) == min(run.validation_losses)
    longer = net()
    assert np.array_equal(fit(longer, epochs=run.epoch).losses, run.losses)


# -- callbacks ------------------------------------------------------------------------------


def test_when_callbacks_are_called():
    """23 samples in batches of 5 are 5 steps an epoch; after the validation loss is known."""
    calls = []

    def note(name):
        return lambda run: calls.append((name, run.step, len(run.losses)))

    run = net().fit(
        X[:23], Y[:23], epochs=3, batch_size=5,
        callbacks=[note("epoch"), cr.Callback(note("4"), every=4), cr.Callback(note("7"), every=7)],
    )  # fmt: skip
    assert calls == [
        (name, step, step)
        for step in range(1, 16)
        for name, every in (("epoch", 5), ("4", 4), ("7", 7))
        if step % every == 0
    ]
    assert run.step == 15
    counts = []
    fit(net(), epochs=3, callbacks=[lambda run: counts.append(len(run.validation_losses))])
    assert counts == [1, 2, 3]


def test_a_callback_is_any_callable_and_gets_the_run():
    class Counter:
        runs = ()

        def __call__(self, run):
            self.runs = (*self.runs, run)

    counter = Counter()
    run = fit(net(), epochs=2, callbacks=(counter,))
    assert counter.runs == (run, run)


@pytest.mark.parametrize("every", ["epoch", 3])
def test_stop(every):
    run = fit(net(), callbacks=[cr.Callback(lambda run: run.stop(), every=every)])
    assert (run.stopped, run.step) == ("callback", 5 if every == "epoch" else 3)


def test_stop_from_one_of_several():
    """All callbacks due at that step are called; then it ends."""
    calls = []
    fit(net(), callbacks=[lambda run: run.stop(), lambda _: calls.append(1)])
    assert calls == [1]


def test_callbacks_may_change_the_network():
    """From the next step on."""
    one = net()

    def reset(run):
        run.network.w[:] = 0
        run.network.b[:] = 0

    run = one.fit(X, Y, epochs=3, batch_size=40, optimizer=cr.SGD(0.1), callbacks=[reset])
    at_zero = 0.5 * np.mean(Y.astype("float32") ** 2)
    np.testing.assert_allclose(run.losses[1:], at_zero, rtol=1e-6)


def test_an_error_in_a_callback_ends_the_fit():
    """As it was raised; the network is as after the step before."""
    one = net()

    def fail(_):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        fit(one, callbacks=[cr.Callback(fail, every=2)])
    two_steps = net()
    fit(two_steps, callbacks=[cr.Callback(lambda run: run.stop(), every=2)])
    assert np.array_equal(one.w, two_steps.w)


def test_a_run_that_failed_in_a_callback_goes_on():
    run = fit(net(), epochs=0)

    def fail(_):
        raise LookupError("mine")

    with pytest.raises(LookupError):
        run.resume(X, Y, epochs=4, validation=HELD_OUT, callbacks=[fail])
    assert (run.step, run.epoch) == (5, 1)
    run.resume(X, Y, epochs=3, validation=HELD_OUT)
    assert np.array_equal(run.losses, fit(net(), epochs=4).losses)


def test_a_trace_is_for_callbacks():
    run = fit(net(), epochs=1)
    with pytest.raises(ValueError, match=r"run\.trace\(\) is for callbacks"):
        run.trace()


# -- divergence -----------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_divergence(engine):
    """A FloatingPointError of one line; the last finite parameters and losses are kept."""
    one = net(activation="identity", engine=engine)
    runs = []
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(FloatingPointError) as error:
        fit(one, optimizer=cr.SGD(30.0), validation=None, epochs=100,
            callbacks=[cr.Callback(runs.append, every=1)])  # fmt: skip
    run, message = runs[0], str(error.value)
    assert message.startswith(("the loss became inf", "the loss became nan"))
    assert f" at step {run.step + 1} (epoch {run.epoch + 1}): " in message
    assert "lower the learning rate (30), set clip_norm, or scale" in message
    assert "\n" not in message
    assert np.isfinite(one.parameters.theta).all()
    assert np.isfinite(run.losses).all()
    assert len(run.losses) == run.step > 1


@pytest.mark.parametrize("activation", cr.ACTIVATIONS)
def test_divergence_is_noticed(activation):
    """Under every activation: NaN weights never hide behind a finite loss."""
    one = net(activation=activation)
    with pytest.raises(FloatingPointError):
        fit(one, optimizer=cr.SGD(1e38, momentum=0.9), validation=None, epochs=50)


def test_divergence_in_the_last_step():
    """No loss comes after it: the parameters themselves are looked at."""
    one = net(activation="identity")
    with pytest.raises(
        FloatingPointError, match=r"parameters became infinite at step 1 \(epoch 1\)"
    ):
        one.fit(1e10 * X, 1e10 * Y, epochs=1, batch_size=40, optimizer=cr.SGD(1e38))


def test_clipping_prevents_it():
    one = net(activation="identity")
    fit(one, optimizer=cr.SGD(0.1, clip_norm=1.0), epochs=50)
    assert np.isfinite(one.parameters.theta).all()


@pytest.mark.parametrize("every", [None, 1, 2, 3, 7])
@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_the_training_loss_of_an_epoch_with_a_small_last_batch(every, engine):
    """The mean over the epoch's samples, whatever the calls that a callback cuts it into."""
    callbacks = [cr.Callback(lambda _: None, every=every)] if every else []
    one = net(engine=engine, dtype="float64")
    run = one.fit(
        X[:23], Y[:23], epochs=40, batch_size=5, optimizer=cr.Adam(0.05), callbacks=callbacks,
        early_stopping=cr.EarlyStopping(patience=2, min_delta=0.01),
    )  # fmt: skip
    sizes = np.array([5, 5, 5, 5, 3])
    means = [losses @ sizes / 23 for losses in run.losses.reshape(-1, 5)]
    np.testing.assert_allclose(run.epoch_losses, means, rtol=1e-14)
    best = 0
    for epoch, mean in enumerate(means):
        if epoch == 0 or mean < means[best] - 0.01:
            best = epoch
    assert (run.best_epoch, run.epoch) == (best + 1, min(best + 3, 40))
    plain = net(engine=engine, dtype="float64")
    plain.fit(X[:23], Y[:23], epochs=best + 1, batch_size=5, optimizer=cr.Adam(0.05))
    assert np.array_equal(one.w, plain.w)
