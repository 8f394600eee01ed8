"""Any step of a run, again: the trace of `run.at` is that of the step that was taken."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from noise import HELD_OUT, WEIGHT, X, Y, fit, net
from traces import assert_same_bits

import chainrule as cr

CLASSES = (Y[:, 0] > 0).astype(int) + (X[:, 0] > 1)


def watched(one, **options):
    """A fit whose callback takes the trace of every step but the first."""
    seen = {}

    def look(run):
        if run.step < run.requested_epochs * run.steps_per_epoch and not run.stopped:
            seen[run.step + 1] = run.trace()

    return fit(one, callbacks=[cr.Callback(look, every=1)], **options), seen


# name: options of the network, options of the fit
RUNS = {
    "sgd": ({}, {"optimizer": cr.SGD(0.1)}),
    "momentum": ({}, {"optimizer": cr.SGD(0.1, momentum=0.9)}),
    "nesterov": ({}, {"optimizer": cr.SGD(0.1, momentum=0.9, nesterov=True)}),
    "rmsprop": ({}, {"optimizer": cr.RMSprop()}),
    "adagrad": ({}, {"optimizer": cr.Adagrad()}),
    "adam": ({}, {"optimizer": cr.Adam(0.02)}),
    "adamw": ({}, {"optimizer": cr.AdamW(0.02, weight_decay=0.1)}),
    "rprop": ({}, {"optimizer": cr.Rprop(), "batch_size": 40}),
    "clipped": ({}, {"optimizer": cr.SGD(0.1, clip_norm=0.3)}),
    "largest norm": ({}, {"optimizer": cr.Adam(0.1, max_norm=0.5)}),
    "averaged": ({}, {"optimizer": cr.Adam(0.02, averaging=0.9)}),
    "schedule": ({}, {"optimizer": cr.Adam(cr.OneCycle(0.05))}),
    "penalties": ({"l2": 0.01, "l1": 0.003}, {}),
    "dropout": ({"dropout": 0.3}, {}),
    "float32": ({"dtype": "float32", "dropout": 0.2}, {}),
    "reference": ({"engine": "reference", "dropout": 0.2}, {}),
    "weights": ({}, {"sample_weight": WEIGHT}),
    "sum, in order": ({"reduction": "sum"}, {"optimizer": cr.SGD(0.01), "shuffle": False}),
    "batches of one": ({}, {"batch_size": 1, "epochs": 4}),
    "uneven batches": ({}, {"batch_size": 7}),
    "one thread": ({}, {"threads": 1}),
    "early stopping": ({}, {"early_stopping": cr.EarlyStopping(patience=3), "epochs": 200}),
    "no keyframes": ({}, {"keyframe_memory": 0}),
    "few keyframes": ({}, {"keyframe_memory": 6 * 121 * 3 * 8}),
}


@pytest.mark.parametrize("case", RUNS)
def test_a_step_is_the_one_that_was_taken(case):
    of_network, of_fit = RUNS[case]
    options = {"epochs": 30} | of_fit
    run = fit(net(**of_network), **options)
    other, seen = watched(net(**of_network), **options)
    assert run.losses.tobytes() == other.losses.tobytes()
    steps = [
        s for s in {2, 3, run.step // 3, run.step // 2 + 1, run.step - 1, run.step} if s in seen
    ]
    assert len(steps) > 3
    for step in steps:
        trace = run.at(step)
        assert_same_bits(trace, seen[step])
        assert trace.update.learning_rate == run.rates[step - 1]
        if step + 1 in seen:  # what it changed is what the next one starts from
            after = trace.update.parameters.theta
            assert after.tobytes() == seen[step + 1].parameters.theta.tobytes()
            following = run.at(step + 1).update.state
            for slot, vector in trace.update.state_after.items():
                assert vector.theta.tobytes() == following[slot].theta.tobytes(), slot


def test_several_classes_with_everything():
    def one():
        return cr.Network([4, 9, 5, 3], loss="cross_entropy:smoothing=0.1", dropout=0.2, l2=0.01)

    def learn(callbacks=()):
        rule = cr.AdamW(cr.Cosine(0.05), clip_norm=0.5, averaging=0.8, max_norm=2.0)
        return one().fit(X, CLASSES, optimizer=rule, epochs=40, batch_size=6, sample_weight=WEIGHT,
                         callbacks=callbacks, validation=(X[:9], CLASSES[:9]))  # fmt: skip

    seen = {}

    def look(run):
        if run.step < 280:
            seen[run.step + 1] = run.trace()

    run = learn()
    learn([cr.Callback(look, every=1)])
    for step in range(2, 281, 13):
        assert_same_bits(run.at(step), seen[step])


def test_the_first_step_starts_from_the_first_parameters():
    one = net()
    theta = one.parameters.theta.copy()
    trace = fit(one, epochs=3).at(1)
    assert trace.parameters.theta.tobytes() == theta.tobytes()
    assert (trace.update.t, trace.step) == (1, 1)
    assert not trace.update.state["first_moment"].theta.any()


def test_the_last_step_ends_with_the_last_parameters():
    run = fit(net(), epochs=30)
    update = run.at(run.step).update
    assert update.parameters.theta.tobytes() == run.last.theta.tobytes()
    for slot, vector in zip(run.optimizer.slots, run.last.optimizer_state, strict=True):
        assert update.state_after[slot].theta.tobytes() == vector.tobytes()


def test_the_update_is_the_rule_of_the_optimizer():
    """Kingma and Ba's Algorithm 1 on the numbers of the trace; float64, so to a few roundings."""
    trace = fit(net(), epochs=30, optimizer=cr.Adam(0.02)).at(77)
    g, update = trace.gradient.theta, trace.update
    m = 0.9 * update.state["first_moment"].theta + 0.1 * g
    v = 0.999 * update.state["second_moment"].theta + 0.001 * g**2
    theta = trace.parameters.theta - 0.02 * (m / (1 - 0.9**77)) / (
        np.sqrt(v / (1 - 0.999**77)) + 1e-8
    )
    np.testing.assert_allclose(update.parameters.theta, theta, rtol=1e-12)
    np.testing.assert_allclose(trace.gradient_norm, np.linalg.norm(g), rtol=1e-14)


def test_the_factor_of_clipping():
    run = fit(net(), epochs=30, optimizer=cr.SGD(0.1, clip_norm=0.3))
    for trace in run.steps(1, 40):
        expected = min(1.0, 0.3 / np.linalg.norm(trace.gradient.theta))
        np.testing.assert_allclose(trace.update.clip_factor, expected, rtol=1e-14)
        moved = trace.parameters.theta - 0.1 * expected * trace.gradient.theta
        np.testing.assert_allclose(trace.update.parameters.theta, moved, rtol=1e-12)


# -- the run is cut, saved, copied ---------------------------------------------------------------


def test_a_run_in_three_calls_is_one_run():
    whole, cut = fit(net(), epochs=40), fit(net(), epochs=7)
    for epochs in (12, 21):
        cut.resume(X, Y, epochs=epochs, validation=HELD_OUT)
    for step in (1, 34, 35, 36, 96, 200):
        assert_same_bits(cut.at(step), whole.at(step))


def test_a_step_in_another_process(tmp_path):
    run = fit(net(dropout=0.2), sample_weight=WEIGHT, early_stopping=cr.EarlyStopping(patience=5))
    step = run.step - 3
    cr.save(run, tmp_path / "run.safetensors")
    np.savez(tmp_path / "data.npz", X=X, Y=Y, W=WEIGHT)
    program = (
        "import chainrule as cr, numpy as np, pickle\n"
        f"data = np.load({str(tmp_path / 'data.npz')!r})\n"
        f"run = cr.load({str(tmp_path / 'run.safetensors')!r})\n"
        f"trace = run.at({step}, data['X'], data['Y'], sample_weight=data['W'])\n"
        f"pickle.dump(trace, open({str(tmp_path / 'trace')!r}, 'wb'))\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    trace = pickle.loads((tmp_path / "trace").read_bytes())
    assert_same_bits(trace, run.at(step))
    assert trace.update.parameters.theta.tobytes() == run.at(step).update.parameters.theta.tobytes()


@pytest.mark.parametrize("way", [cr.Run.copy, lambda run: pickle.loads(pickle.dumps(run))])
def test_a_copy_is_without_the_data(way):
    run = fit(net(), epochs=10)
    other = way(run)
    with pytest.raises(ValueError, match=r"^files and copies of a run are without its data: run.a"):
        other.at(5)
    assert_same_bits(other.at(5, X, Y), run.at(5))
    assert_same_bits(other.at(6), run.at(6))  # it has them now
    assert len(pickle.dumps(run)) < len(pickle.dumps(run, protocol=5)) * 2


def test_in_a_callback():
    """While the run goes on, any step that was taken; and going on is not disturbed."""
    seen = []

    def look(run):
        seen.append(run.at(run.step // 2))

    run = fit(net(), epochs=10, callbacks=[look])
    assert [trace.step for trace in seen] == [run.steps_per_epoch * i // 2 for i in range(1, 11)]
    for trace in seen:
        assert_same_bits(run.at(trace.step), trace)
    assert run.losses.tobytes() == fit(net(), epochs=10).losses.tobytes()


# -- walking and finding -----------------------------------------------------------------------


def test_walking():
    run = fit(net(), epochs=5)
    assert [trace.step for trace in run.steps()] == list(range(1, 26))
    assert [trace.loss for trace in run.steps(7, 9)] == run.losses[6:9].tolist()


def test_finding():
    run = fit(net(), epochs=5, optimizer=cr.SGD(0.5))
    rises = int(np.flatnonzero(np.diff(run.losses) > 0)[0]) + 2
    assert run.find(lambda s: s.loss > run.losses[s.step - 2], first=2).step == rises
    norms = [trace.gradient_norm for trace in run.steps()]
    bound = sorted(norms)[-3]
    assert run.find(lambda s: s.gradient_norm >= bound).gradient_norm == next(
        norm for norm in norms if norm >= bound
    )
    assert run.find(lambda s: s.loss < 0) is None


def test_in_which_steps_a_row_was():
    run = fit(net(), epochs=6, batch_size=7)
    for row in (0, 17, 39):
        expected = [trace.step for trace in run.steps() if row in trace.rows]
        assert run.steps_of(row).tolist() == expected
        assert len(expected) == 6


def test_the_step_that_failed():
    one = net(activation="identity")
    with pytest.raises(FloatingPointError) as caught:
        fit(one, optimizer=cr.SGD(1e6), epochs=50)
    run = caught.value.run
    failed = run.at(run.step + 1)
    assert not np.isfinite(failed.loss)
    assert failed.update is None
    assert run.at(run.step).update is not None


# -- wrong use ---------------------------------------------------------------------------------

RUN = fit(net(), epochs=10, sample_weight=WEIGHT)


@pytest.mark.parametrize("step", [0, 51, -1, 2.5, "3", None, True])
def test_no_such_step(step):
    with pytest.raises(ValueError, match=r"^step must be from 1 to 50, the steps of this run, got"):
        RUN.at(step)


OTHER = {
    "other X": ((X + 1e-9, Y, WEIGHT), "X is another"),
    "another order": ((X[::-1], Y[::-1], WEIGHT[::-1]), "X is another"),
    "another dtype": ((X.astype(np.float32), Y, WEIGHT), "X is another"),
    "other y": ((X, np.roll(Y, 1), WEIGHT), "y is another"),
    "no weights": ((X, Y, None), "sample_weight is missing"),
    "fewer": ((X[1:], Y[1:], WEIGHT[1:]), "needs the data of the fit, 40 samples, got 39"),
}


@pytest.mark.parametrize("case", OTHER)
def test_other_data(case):
    (other_X, other_y, weight), message = OTHER[case]
    with pytest.raises(ValueError, match=message):
        RUN.copy().at(5, other_X, other_y, sample_weight=weight)


def test_half_of_the_data():
    with pytest.raises(ValueError, match="at needs both X and y of the fit, or neither"):
        RUN.at(5, X)


def test_a_run_that_has_not_begun():
    run = fit(net(), epochs=0)
    with pytest.raises(ValueError, match="no step of this run was taken yet"):
        run.at(1)


def test_a_record_that_is_not_what_happened():
    """Whatever changed what the record doesn't know: the losses tell."""
    run = fit(net(), epochs=10, keyframe_memory=0)
    run.record.history.losses.room(7, 1)[:] += 1e-15
    assert run.at(7).step == 7
    with pytest.raises(ValueError, match=r"^step 8 gave the loss .* and the record has"):
        run.at(20)


def test_another_processor(monkeypatch):
    run = fit(net(), epochs=10)
    run.record.history.losses.room(7, 1)[:] += 1e-15
    monkeypatch.setattr(run.record, "levels", ("another",))
    with pytest.raises(ValueError, match=r"was computed on another .* CHAINRULE_CPU=another"):
        run.at(8)
