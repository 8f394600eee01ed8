"""A run's record: what can't be set, what a copy holds, and that none is lost."""

import copy
import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from noise import HELD_OUT, RNG, X, Y, fit, net, same

import chainrule as cr
from chainrule.engine import compiled
from chainrule.training.history import History

ENGINES = pytest.mark.parametrize("engine", ["compiled", "reference"])


# -- what is bound to arrays can't be replaced ----------------------------------------------


def test_what_an_engine_holds_on_to_can_not_be_replaced():
    one = net()
    with pytest.raises(AttributeError, match=r"theta can't be replaced.*use theta\[:\] ="):
        one.parameters.theta = np.zeros(3)
    with pytest.raises(AttributeError, match="network's parameters can't be replaced: write into"):
        one.parameters = cr.Parameters(one.spec)
    with pytest.raises(AttributeError, match="network's engine can't be replaced"):
        one.engine = compiled
    one.name = "mine"  # anything else is free
    assert one.copy().name == "mine"


@pytest.mark.parametrize("name", ["optimizer", "network", "losses", "step", "options", "stopped"])
def test_a_record_is_not_written_by_hand(name):
    run = fit(net(), epochs=1, optimizer=cr.SGD(0.1))
    with pytest.raises(AttributeError, match=rf"run.{name} can't be set.*run.set_learning_rate"):
        setattr(run, name, cr.Adam())


def test_what_is_shown_can_not_be_written():
    run = fit(net(), epochs=2, early_stopping=cr.EarlyStopping())
    shown = [
        run.losses, run.rates, run.epoch_losses, run.validation_losses, *run.optimizer_state,
        *(a for p in (run.start, run.last, run.best) for a in (p.theta, *p.optimizer_state)),
    ]  # fmt: skip
    for array in shown:
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


# -- the learning rate may change -----------------------------------------------------------


def halve(run):
    if run.epoch == 2:
        run.set_learning_rate(0.01)
    if run.epoch == 4:
        run.set_learning_rate(cr.InverseScaling(0.1))


@ENGINES
@pytest.mark.parametrize("optimizer", [cr.SGD(0.05, momentum=0.9), cr.Adam(0.02)])
def test_one_fit_equals_fit_and_resume_where_the_rate_is_changed(engine, optimizer):
    options = {"optimizer": optimizer, "callbacks": [halve]}
    whole = fit(net(engine=engine), epochs=6, **options)
    for cut in range(7):
        run = fit(net(engine=engine), epochs=cut, **options)
        run.resume(X, Y, epochs=6 - cut, validation=HELD_OUT, callbacks=[halve])
        run.record.requested_epochs = whole.requested_epochs  # of the last call only
        assert same(run, whole), cut
    steps = np.arange(21, 31)
    assert whole.rates[:20].tolist() == [optimizer.learning_rate] * 10 + [0.01] * 10
    np.testing.assert_allclose(whole.rates[20:], 0.1 / np.sqrt(steps), rtol=1e-15)


def test_a_rate_between_two_calls():
    run = fit(net(), epochs=1, optimizer=cr.SGD(0.1))
    run.set_learning_rate(0.025)
    run.resume(X, Y, epochs=1, validation=HELD_OUT)
    assert run.rates.tolist() == [0.1] * 5 + [0.025] * 5


def test_a_rate_that_can_not_be():
    run = fit(net(), epochs=1, optimizer=cr.Rprop())
    with pytest.raises(ValueError, match="Rprop adapts its own step sizes"):
        run.set_learning_rate(0.1)
    run = fit(net(), epochs=1)
    with pytest.raises(ValueError, match="learning_rate must be"):
        run.set_learning_rate(-1.0)
    assert run.optimizer == cr.Adam(0.02)


# -- schedules that last as long as the fit -------------------------------------------------


@pytest.mark.parametrize("row", [cr.Cosine, cr.OneCycle])
def test_a_schedule_without_steps_lasts_as_long_as_the_fit(row, tmp_path):
    run = fit(net(), epochs=4, optimizer=cr.Adam(row(0.02)))
    assert run.optimizer == cr.Adam(row(0.02, steps=20))
    assert run.rates.tolist() == row(0.02, steps=20).rates(np.arange(1, 21)).tolist()
    cr.save(run, tmp_path / "run")
    assert cr.load(tmp_path / "run").optimizer == run.optimizer


def test_a_fit_of_no_epochs_leaves_it_open():
    run = fit(net(), epochs=0, optimizer=cr.Adam(cr.Cosine(0.02)))
    assert run.optimizer == cr.Adam(cr.Cosine(0.02))
    run.resume(X, Y, epochs=3, validation=HELD_OUT)
    assert run.optimizer == cr.Adam(cr.Cosine(0.02, steps=15))


def test_steps_beyond_the_end_of_a_schedule_are_said():
    message = (
        r"schedule ends with step 7, and this call goes on to step 10, at a rate of 0.001 from"
    )
    rate = cr.Cosine(0.02, steps=7, minimum=0.001)
    with pytest.warns(UserWarning, match=message) as said:
        run = fit(net(), epochs=2, optimizer=cr.Adam(rate))
    assert said[0].filename == fit.__code__.co_filename  # the line that called Network.fit
    assert run.rates[-1] == 0.001
    run = fit(net(), epochs=1, optimizer=cr.Adam(cr.Cosine(0.02)))
    with pytest.warns(UserWarning, match="schedule ends with step 5, and this call") as said:
        run.resume(X, Y, epochs=1, validation=HELD_OUT)
    assert said[0].filename == __file__
    fit(net(), epochs=2, optimizer=cr.Adam(cr.Cosine(0.02, steps=10)))  # nothing to say


# -- nothing is taken for something else ----------------------------------------------------


@pytest.mark.parametrize("wrong", [False, 0.0, 0, [], cr.Adam])
def test_what_is_no_optimizer_is_not_taken_for_one(wrong):
    with pytest.raises(ValueError, match=r"optimizer must be one of chainrule.s, as cr\.Adam"):
        net().fit(X, Y, optimizer=wrong)
    with pytest.raises(ValueError, match="optimizer must be one of chainrule's"):
        net().step(X, Y, wrong)
    with pytest.raises(ValueError, match="optimizer must be one of chainrule's"):
        net().step(X, Y, None)


def test_numbers_of_numpy_in_early_stopping(tmp_path):
    rule = cr.EarlyStopping(patience=np.int64(3), min_delta=np.float32(0.5))
    cr.save(fit(net(), epochs=1, early_stopping=rule), tmp_path / "run")
    assert cr.load(tmp_path / "run").options.early_stopping == rule


# -- copies ---------------------------------------------------------------------------------

COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda run: pickle.loads(pickle.dumps(run)),
    "method": lambda run: run.copy(),
}


@ENGINES
@pytest.mark.parametrize("how", COPIES)
def test_a_copy_made_in_a_callback_goes_on_by_itself(how, engine):
    """It is at rest after the step just taken, and shares nothing with the run."""
    copies = []

    def keep(run):
        if run.epoch == 2:
            copies.append(COPIES[how](run))

    run = fit(net(engine=engine), epochs=4, callbacks=[keep])
    (other,) = copies
    assert (other.epoch, other.record.trainer) == (2, None)
    assert other.network is not run.network
    other.resume(X, Y, epochs=2, validation=HELD_OUT)
    assert same(other, run)
    kept = run.losses.copy(), run.network.w.copy()
    other.resume(X, Y, epochs=1, validation=HELD_OUT)
    np.testing.assert_array_equal(run.losses, kept[0])
    np.testing.assert_array_equal(run.network.w, kept[1])


def test_a_run_saved_in_a_callback_goes_on(tmp_path):
    def keep(run):
        if run.epoch == 2:
            cr.save(run, tmp_path / "run")

    run = fit(net(), epochs=4, callbacks=[keep])
    other = cr.load(tmp_path / "run").resume(X, Y, epochs=2, validation=HELD_OUT)
    assert same(other, run)


class Named(cr.Network):
    """A network of one's own, with more than a network has."""

    def __init__(self, *arguments, name, **options):
        super().__init__(*arguments, **options)
        self.name = name


@pytest.mark.parametrize("how", COPIES)
def test_a_network_of_ones_own_class_stays_one(how):
    one = Named([4, 3, 1], name="mine")
    other = COPIES[how](one)
    assert (type(other), other.name, other.engine) == (Named, "mine", one.engine)
    other.w[:] = 0
    assert one.w.any()
    assert type(COPIES[how](one.fit(X, Y, epochs=1)).network) is Named


# -- no run is lost -------------------------------------------------------------------------


def raised_in(epoch, error):
    def maybe(run):
        if run.epoch == epoch:
            raise error

    return maybe


def test_an_error_of_fit_has_the_run():
    with pytest.raises(FloatingPointError) as caught:
        net().fit(X * 1e200, Y, optimizer=cr.SGD(1e200), epochs=3)
    run = caught.value.run
    assert run.stopped == "diverged"
    assert run.step == len(run.losses) == len(run.rates)
    with pytest.raises(ZeroDivisionError) as caught:
        fit(net(), epochs=3, callbacks=[raised_in(2, ZeroDivisionError())])
    assert caught.value.run.epoch == 2
    caught.value.run.resume(X, Y, epochs=1, validation=HELD_OUT)
    assert same(caught.value.run, fit(net(), epochs=3))


@dataclass(frozen=True)
class Frozen(Exception):  # noqa: N818 (an error that takes no attribute)
    message: str


def test_an_error_that_takes_no_attribute_is_raised_all_the_same():
    with pytest.raises(Frozen, match="mine") as caught:
        fit(net(), epochs=3, callbacks=[raised_in(2, Frozen("mine"))])
    assert caught.value.run.epoch == 2


def test_an_error_of_fit_many_has_the_runs():
    nets = [net(seed=i) for i in range(3)]
    with pytest.raises(KeyboardInterrupt) as caught:
        cr.fit_many(nets, X, Y, epochs=5, callbacks=[raised_in(2, KeyboardInterrupt())])
    runs = caught.value.runs
    assert [run.stopped for run in runs] == ["interrupted"] * 3
    cr.resume_many(runs, X, Y, epochs=5 - runs[0].epoch)
    expected = cr.fit_many([net(seed=i) for i in range(3)], X, Y, epochs=5)
    for run, other in zip(runs, expected, strict=True):
        np.testing.assert_array_equal(run.network.w, other.network.w)


# -- nothing that grows with the square of the run ------------------------------------------


def test_a_look_at_the_record_copies_nothing():
    """losses, rates, epoch and validation losses in a callback: views of what is there."""
    seen = []

    def look(run):
        views = run.losses, run.rates, run.epoch_losses, run.validation_losses
        seen.append([view.base is not None for view in views])
        assert len(run.losses) == run.step
        assert np.shares_memory(run.losses, run.losses)

    run = fit(net(), epochs=9, callbacks=[look])
    assert all(all(row) for row in seen)
    spe = run.steps_per_epoch
    np.testing.assert_allclose(
        run.epoch_losses, run.losses.reshape(9, spe).mean(axis=1), rtol=1e-14
    )


def test_a_trace_takes_its_rows_from_the_core(monkeypatch):
    """The order of a million rows is known there; to shuffle them in Python takes long."""
    found = []
    expected = permutation_of_two_epochs()
    monkeypatch.setattr("chainrule.engine.batches.permutation", None)
    fit(net(), epochs=2, callbacks=[cr.Callback(lambda r: found.append(r.trace().rows), every=1)])
    np.testing.assert_array_equal(np.concatenate(found)[: len(expected)], expected)


def permutation_of_two_epochs():
    """The rows of steps 2 to 10 of fits of this file."""
    from chainrule.theory.random import permutation

    return np.concatenate([permutation(0, 0, 40), permutation(0, 1, 40)])[8:]


@pytest.mark.parametrize("steps", [1, 2, 7, 8, 9, 100, 129, 1000])
def test_an_epochs_mean_has_the_same_bits_whenever_it_is_taken(steps):
    """One after the other, as early stopping does, or all at once, as of a run from a file."""
    at_once, in_turn = (History(3 * steps - 1, 3) for _ in range(2))
    losses = RNG.normal(size=50 * steps)
    for history in (at_once, in_turn):
        history.losses.room(0, len(losses))[:] = losses
    for epochs in range(51):
        means = in_turn.epoch_losses(epochs)
    np.testing.assert_array_equal(at_once.epoch_losses(50), means)
    expected = np.average(losses.reshape(50, steps), axis=1, weights=[3] * (steps - 1) + [2])
    np.testing.assert_allclose(means, expected, rtol=1e-12, atol=1e-15)
