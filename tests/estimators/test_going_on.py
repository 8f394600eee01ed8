"""N epochs and then M are N + M at once, to the last bit: partial_fit, warm_start, files."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import chainrule as cr

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 5))
Y = RNG.integers(3, size=90)
WEIGHT = RNG.uniform(0.5, 2, size=90)

CASES = {
    "adam": {},
    "sgd": {"solver": "sgd"},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling"},
    "rprop": {"solver": "rprop", "batch_size": 90},
    "small batches": {"batch_size": 7, "dropout": 0.3, "l1": 1e-3},
    "averaging": {"batch_size": 7, "averaging": 0.9, "max_norm": 1.0, "weight_decay": 0.1},
    "schedule": {"learning_rate": cr.Cosine(0.01, steps=40), "batch_size": 30},
    "lists": {"activation": ["tanh", "silu"], "hidden_layer_sizes": (6, 4)},
    "unshuffled": {"shuffle": False, "batch_size": 11},
}


def model_of(Estimator, **options):
    return Estimator(random_state=3, n_iter_no_change=10**6, **options)


def through_a_file(model, tmp_path):
    cr.save(model, tmp_path / "model")
    return cr.load(tmp_path / "model")


HANDED_ON = {
    "itself": lambda model, _: model,
    "file": through_a_file,
    "pickle": lambda model, _: pickle.loads(pickle.dumps(model)),
}


def assert_same_bits(one, other):
    for found, expected in zip(
        (*one.coefs_, *one.intercepts_, *one.run_.optimizer_state, one.run_.last.theta),
        (*other.coefs_, *other.intercepts_, *other.run_.optimizer_state, other.run_.last.theta),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)
    assert one.loss_curve_ == other.loss_curve_
    assert (one.t_, one.loss_, one.best_loss_) == (other.t_, other.loss_, other.best_loss_)
    np.testing.assert_array_equal(one.predict(X), other.predict(X))


@pytest.mark.parametrize("Estimator", [cr.MLPClassifier, cr.MLPRegressor])
@pytest.mark.parametrize("handed_on", HANDED_ON)
@pytest.mark.parametrize("case", CASES)
class TestNAndThenM:
    N, M = 4, 3

    def whole(self, Estimator, case):
        model = model_of(Estimator, max_iter=self.N + self.M, **CASES[case])
        return model.fit(X, Y, WEIGHT)

    def begun(self, Estimator, case, handed_on, tmp_path):
        model = model_of(Estimator, max_iter=self.N, **CASES[case]).fit(X, Y, WEIGHT)
        return HANDED_ON[handed_on](model, tmp_path)

    def test_partial_fit(self, Estimator, case, handed_on, tmp_path):
        model = self.begun(Estimator, case, handed_on, tmp_path)
        for _ in range(self.M):
            model.partial_fit(X, Y, WEIGHT)
            assert model.n_iter_ == 1
        assert_same_bits(model, self.whole(Estimator, case))

    def test_warm_start(self, Estimator, case, handed_on, tmp_path):
        model = self.begun(Estimator, case, handed_on, tmp_path)
        model.set_params(warm_start=True, max_iter=self.M).fit(X, Y, WEIGHT)
        assert model.n_iter_ == self.M
        assert_same_bits(model, self.whole(Estimator, case))


def test_partial_fit_from_the_beginning():
    model = model_of(cr.MLPClassifier, batch_size=20)
    for _ in range(5):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    assert_same_bits(model, model_of(cr.MLPClassifier, batch_size=20, max_iter=5).fit(X, Y))


class TestOtherData:
    """The optimizer's state and step go on; the rest follows from the new samples."""

    def test_adams_moments_are_kept(self):
        """One step on each of two halves is what Adam's formula says, moments and t included."""
        model = model_of(cr.MLPRegressor, hidden_layer_sizes=(), alpha=0, dropout=0)
        m = v = 0.0
        model.partial_fit(X[:45], Y[:45])
        theta = model.run_.start.theta.copy()
        for t, half in enumerate((slice(45), slice(45, 90)), start=1):
            if t == 2:
                model.partial_fit(X[half], Y[half])
            inputs = np.hstack([X[half], np.ones((45, 1))])
            g = inputs.T @ (inputs @ theta - Y[half]) / 45
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            theta -= 0.001 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        np.testing.assert_allclose(model.run_.last.theta, theta, rtol=1e-12)

    def test_a_stream_through_a_file(self, tmp_path):
        parts = [slice(0, 30), slice(30, 50), slice(50, 90), slice(0, 30)]
        options = {"dropout": 0.2, "averaging": 0.9, "batch_size": 8}
        whole = model_of(cr.MLPClassifier, **options)
        for part in parts:
            whole.partial_fit(X[part], Y[part], classes=[0, 1, 2])
        cut = model_of(cr.MLPClassifier, **options)
        for part in parts:
            cut.partial_fit(X[part], Y[part], classes=[0, 1, 2])
            cut = through_a_file(cut, tmp_path)
        assert_same_bits(cut, whole)
        assert whole.run_.options.steps_before == 4 + 3 + 5

    def test_the_batch_may_become_smaller(self):
        model = model_of(cr.MLPRegressor).fit(X, Y)
        model.partial_fit(X[:10], Y[:10])
        assert model.run_.options.batch_size == 10
        assert model.network_.spec.l2 == pytest.approx(0.0001 / 10)


class TestChangedParameters:
    def test_another_learning_rate_is_the_same_run(self):
        model = model_of(cr.MLPRegressor, warm_start=True, max_iter=2).fit(X, Y)
        run = model.run_
        model.set_params(learning_rate_init=0.5).fit(X, Y)
        assert model.run_ is run
        assert run.rates.tolist() == [0.001, 0.001, 0.5, 0.5]

    def test_another_penalty_keeps_the_weights_and_the_state(self):
        model = model_of(cr.MLPRegressor, warm_start=True, max_iter=2).fit(X, Y)
        before = model.network_.parameters.theta.copy()
        model.set_params(alpha=1.0).fit(X, Y)
        np.testing.assert_array_equal(model.run_.start.theta, before)
        assert model.run_.options.steps_before == 2
        assert any(vector.any() for vector in model.run_.start.optimizer_state)

    def test_another_solver_begins_its_state_anew(self):
        model = model_of(cr.MLPRegressor, warm_start=True, max_iter=2).fit(X, Y)
        model.set_params(solver="sgd").fit(X, Y)
        assert model.run_.options.steps_before == 0

    def test_other_layers_are_refused(self):
        model = model_of(cr.MLPRegressor, warm_start=True, max_iter=2).fit(X, Y)
        with pytest.raises(
            ValueError, match=r"has layers \[5, 100, 1\], and .* ask for \[5, 7, 1\]"
        ):
            model.set_params(hidden_layer_sizes=7).fit(X, Y)

    def test_without_warm_start_a_fit_begins_anew(self):
        model = model_of(cr.MLPClassifier, max_iter=5)
        first = model.fit(X, Y).coefs_[0].copy()
        np.testing.assert_array_equal(model.fit(X, Y).coefs_[0], first)
        np.testing.assert_array_equal(clone(model).fit(X, Y).coefs_[0], first)


def test_lbfgs_goes_on_from_its_weights():
    model = model_of(cr.MLPRegressor, solver="lbfgs", warm_start=True, max_iter=5)
    first = model.fit(X, Y).loss_
    assert model.fit(X, Y).loss_ < first
    assert len(model.loss_curve_) == 10


def test_steps_after_lbfgs_and_before():
    model = model_of(cr.MLPRegressor, warm_start=True, max_iter=5).fit(X, Y)
    model.set_params(solver="lbfgs").fit(X, Y)
    assert not hasattr(model, "run_")
    before = model.network_.parameters.theta.copy()
    model.set_params(solver="adam").fit(X, Y)
    np.testing.assert_array_equal(model.run_.start.theta, before)


def test_early_stopping_goes_on_from_its_last_epoch():
    """The network had the best epoch's weights in between."""
    options = {"early_stopping": True, "validation_fraction": 0.3, "learning_rate_init": 0.01}
    whole = model_of(cr.MLPClassifier, max_iter=30, **options).fit(X, Y)
    cut = model_of(cr.MLPClassifier, max_iter=12, warm_start=True, **options).fit(X, Y)
    cut.set_params(max_iter=18).fit(X, Y)
    np.testing.assert_array_equal(cut.run_.last.theta, whole.run_.last.theta)
    assert cut.validation_scores_ == whole.validation_scores_
    np.testing.assert_array_equal(cut.predict_proba(X), whole.predict_proba(X))


def test_threads_change_no_bit():
    big = RNG.normal(size=(3000, 40))
    target = big[:, 0] ** 2
    fits = [
        model_of(cr.MLPRegressor, max_iter=3, n_jobs=jobs).fit(big, target).coefs_[0]
        for jobs in (1, 2, 3, -1, None)
    ]
    assert all(np.array_equal(fit, fits[0]) for fit in fits)


def test_an_interrupted_fit_is_a_fit():
    def press(run):
        if run.epoch == 3:
            raise KeyboardInterrupt

    model = model_of(cr.MLPClassifier, callbacks=press)
    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        model.fit(X, Y)
    assert model.n_iter_ == 3
    model.set_params(callbacks=None)
    for _ in range(2):
        model.partial_fit(X, Y)
    with pytest.warns(ConvergenceWarning):
        whole = model_of(cr.MLPClassifier, max_iter=5).fit(X, Y)
    assert_same_bits(model, whole)
