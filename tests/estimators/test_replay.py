"""Any step of an estimator's fit, again: model.run_ is a run, and files and pickles can keep it."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris

import chainrule as cr

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_digits(return_X_y=True)
X = X / 16
OPTIONS = {
    "hidden_layer_sizes": (24,), "dropout": 0.2, "early_stopping": True, "n_iter_no_change": 3,
    "class_weight": "balanced", "random_state": 0, "max_iter": 40,
}  # fmt: skip


def classifier(**options):
    return cr.MLPClassifier(**OPTIONS | options)


def watched(model, steps):
    """The traces that a callback takes on the way before these steps."""
    seen = {}

    def look(run):
        if run.step + 1 in steps:
            seen[run.step + 1] = run.trace()

    model.set_params(callbacks=cr.Callback(look, every=1)).fit(X, Y)
    return seen


def bits(trace):
    parts = [*trace.activations, *trace.deltas, *trace.masks, trace.gradient.theta, trace.targets]
    return [part.tobytes() for part in parts], trace.loss, trace.rows.tolist()


def test_a_step_is_the_one_that_was_taken():
    model = classifier().fit(X, Y)
    assert model.run_.stopped == "early_stopping"
    steps = np.random.default_rng(0).integers(2, model.run_.step, 8).tolist()
    for step, trace in watched(classifier(), steps).items():
        assert bits(model.run_.at(step)) == bits(trace)
        assert len(trace.masks) == 1


PROGRAM = """
import pickle, sys
import chainrule as cr
from sklearn.datasets import load_digits

X, y = load_digits(return_X_y=True)
model = cr.load(sys.argv[1]).attach(X / 16, y)
pickle.dump(model.run_.at(int(sys.argv[2])), open(sys.argv[3], "wb"))
"""


@pytest.mark.parametrize("record", [False, True])
def test_in_another_process(tmp_path, record):
    model = classifier(record=record).fit(X, Y)
    step, path = model.run_.step - 10, tmp_path / "model.safetensors"
    cr.save(model, path)
    trace = tmp_path / "trace"
    subprocess.run([sys.executable, "-c", PROGRAM, path, str(step), trace], check=True)
    assert bits(pickle.loads(trace.read_bytes())) == bits(model.run_.at(step))
    kept = cr.load(path).run_.record.keyframes.kept()
    assert (len(kept) > 30) == record
    assert bool(kept) == record


def test_pickles_are_small_unless_they_keep_the_record():
    small, large = (pickle.dumps(classifier(record=r).fit(X, Y)) for r in (False, True))
    assert len(large) > 5 * len(small)
    model = pickle.loads(small)
    assert model.network_ is model.run_.network
    step = model.run_.step // 2
    with pytest.raises(ValueError, match="without its data"):
        model.run_.at(step)
    assert bits(model.attach(X, Y).run_.at(step)) == bits(
        pickle.loads(large).attach(X, Y).run_.at(step)
    )


def test_a_regressor_that_learned_by_parts():
    X, y = load_iris(return_X_y=True)
    model = cr.MLPRegressor(hidden_layer_sizes=(5,), random_state=1, batch_size=30)
    for _ in range(4):
        model.partial_fit(X, y)
    whole = cr.MLPRegressor(hidden_layer_sizes=(5,), random_state=1, batch_size=30, max_iter=4).fit(
        X, y
    )
    assert bits(model.run_.at(17)) == bits(whole.run_.at(17))


def test_wrong_use():
    model = classifier(max_iter=2, early_stopping=False).fit(X, Y)
    other = pickle.loads(pickle.dumps(model))
    with pytest.raises(ValueError, match="replay needs the data of the fit, in the same order: X"):
        other.attach(X[::-1], Y[::-1])
    with pytest.raises(ValueError, match="1797 samples, got 1796"):
        other.attach(X[1:], Y[1:])
    with pytest.raises(AttributeError, match="solver='lbfgs' takes no steps"):
        cr.MLPClassifier(solver="lbfgs", max_iter=5).fit(X[:99], Y[:99]).attach(X[:99], Y[:99])
