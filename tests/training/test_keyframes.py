"""What a run keeps so that any step is soon reached: keyframes, and parameters that were edited."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from noise import HELD_OUT, X, Y, fit, net
from traces import assert_same_bits

import chainrule as cr
from chainrule.engine.keyframes import Keyframes, first_stride
from chainrule.training.history import Edits

# -- keyframes --------------------------------------------------------------------------------


@given(st.integers(1, 20_000), st.integers(1, 300), st.integers(0, 3))
def test_keyframes_are_few_and_near(steps, batch_size, slots):
    frames = Keyframes(1, slots, "float32", batch_size)
    first = frames.stride
    for step in range(1, steps + 1):
        frames.keep(step, np.full(1, step), [np.full(1, -step)] * slots)
    kept = frames.kept()
    assert len(kept) <= 64
    apart = np.diff([0, *kept, steps])
    assert apart.max() <= max(steps / 32, first)
    for step in kept:
        assert frames.of(step).tolist() == [[step], *[[-step]] * slots]


def test_both_engines_keep_the_same_keyframes():
    options = {"epochs": 150, "batch_size": 3, "keyframe_memory": 4 * 121 * 3 * 8}  # 4 rooms
    runs = [fit(net(engine=name), **options) for name in ("compiled", "reference")]
    ours, theirs = (run.record.keyframes for run in runs)
    assert ours.kept() == theirs.kept()
    assert ours.stride > first_stride(3, 3)  # it doubled on the way
    for step in ours.kept():
        np.testing.assert_allclose(ours.of(step), theirs.of(step), rtol=1e-6, atol=1e-9)


def test_memory_bounds_the_keyframes():
    run = fit(net(), keyframe_memory=5 * 121 * 3 * 8 + 7)
    assert 2 <= len(run.record.keyframes.kept()) <= 5
    with pytest.raises(ValueError, match="keyframe_memory must be a whole number >= 0, got -1"):
        fit(net(), keyframe_memory=-1)


def test_keyframes_change_no_bit():
    with_them, without = fit(net()), fit(net(), keyframe_memory=0)
    assert with_them.last.theta.tobytes() == without.last.theta.tobytes()
    assert with_them.losses.tobytes() == without.losses.tobytes()


def test_many_networks_share_the_memory():
    nets = [net(seed=i) for i in range(5)]
    runs = cr.fit_many(nets, X, Y, optimizer=cr.Adam(0.02), epochs=50, batch_size=8)
    alone = fit(net(seed=3), epochs=50, validation=None)
    assert_same_bits(runs[3].at(111), alone.at(111))
    assert {run.options.keyframe_memory for run in runs} == {(64 << 20) // 5}


# -- parameters that others wrote ----------------------------------------------------------------


def clip_weights(run):
    np.clip(run.network.w, -0.3, 0.3, out=run.network.w)


def test_what_a_callback_edits_is_replayed():
    seen = {}

    def edit_and_look(run):
        if run.epoch % 3 == 0:
            clip_weights(run)
        if run.epoch < 30:
            seen[run.step + 1] = run.trace()

    run = fit(net(), epochs=30, callbacks=[edit_and_look])
    for step, trace in seen.items():
        assert_same_bits(run.at(step), trace)
    assert [trace.step for trace in run.steps(10, 30)] == list(range(10, 31))


@pytest.mark.parametrize("moment", ["in the callback", "after it"])
def test_an_edit_is_kept_whatever_interrupts(monkeypatch, moment):
    """Also where Ctrl-C comes while it is being looked for."""
    seen = []

    def edit_once(run):
        if run.epoch == 3:
            clip_weights(run)
            seen.append(run.network.parameters.theta.copy())
            if moment == "in the callback":
                raise KeyboardInterrupt

    if moment == "after it":
        real = Edits.add

        def interrupted(*_):
            monkeypatch.setattr(Edits, "add", real)
            raise KeyboardInterrupt

        monkeypatch.setattr(Edits, "add", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        fit(net(), epochs=6, callbacks=[edit_once])
    run = caught.value.run
    assert run.record.edits.steps == [15]
    run.resume(X, Y, epochs=3, validation=HELD_OUT)
    assert run.at(16).parameters.theta.tobytes() == seen[0].tobytes()
    assert run.at(30).loss == run.losses[29]


def test_what_is_edited_between_two_calls_is_replayed():
    run = fit(net(), epochs=4)
    run.network.w[:] *= 0.5
    theta = run.network.parameters.theta.copy()
    run.resume(X, Y, epochs=4, validation=HELD_OUT)
    assert run.at(21).parameters.theta.tobytes() == theta.tobytes()
    assert run.at(20).update.parameters.theta.tobytes() != theta.tobytes()
    assert run.at(35).loss == run.losses[34]


def test_too_many_edits_are_said(tmp_path):
    """64 of 1,000 are kept; behind the others a step is refused, and those it can open it opens."""
    run = fit(net(), epochs=1000, batch_size=40, callbacks=[clip_weights])
    assert len(run.record.edits.points) <= 64
    assert len(run.record.edits.steps) > 900
    cr.save(run, tmp_path / "run")
    assert cr.load(tmp_path / "run").record.edits.points.keys() == run.record.edits.points.keys()
    steps = {step: outcome(run, step) for step in range(400, 480)}
    assert set(steps.values()) == {"opened", "refused"}
    refused = next(step for step, found in steps.items() if found == "refused")
    with pytest.raises(ValueError, match="were edited, and what they then were is no longer kept"):
        run.at(refused)


def test_walking_comes_to_an_edit_that_is_not_kept():
    """The step is shown after which it was; the next one says why it can't be."""
    run = fit(net(), epochs=300, batch_size=40, callbacks=[clip_weights])
    edits = run.record.edits
    lost = next(e for e in edits.steps if e not in edits.points and e - 1 in edits.points)
    steps = run.steps(lost, lost + 1)
    assert next(steps).loss == run.losses[lost - 1]
    with pytest.raises(ValueError, match="were edited, and what they then were is no longer kept"):
        next(steps)


def outcome(run, step):
    """Whether a step can be opened, with the loss that it had."""
    try:
        return "opened" if run.at(step).loss == run.losses[step - 1] else "another"
    except ValueError:
        return "refused"


def test_another_rate_on_the_way():
    def slow_down(run):
        if run.epoch == 3:
            run.set_learning_rate(0.001)

    run = fit(net(), epochs=8, callbacks=[slow_down])
    other = fit(net(), epochs=8)
    assert_same_bits(run.at(15), other.at(15))
    assert (run.at(15).update.learning_rate, run.at(16).update.learning_rate) == (0.02, 0.001)
    assert run.at(40).loss != other.at(40).loss
