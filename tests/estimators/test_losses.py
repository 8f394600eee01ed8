"""The losses that scikit-learn's users have asked for: each does what it is for."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss, mean_gamma_deviance, mean_pinball_loss

import chainrule as cr

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, size=(400, 2))
MEAN = 1 + X[:, 0]


def fitted(loss, y, **options):
    options = {
        "solver": "lbfgs",
        "hidden_layer_sizes": (),
        "alpha": 0.0,
        "max_iter": 2000,
    } | options
    return cr.MLPRegressor(loss, **options, random_state=0).fit(X, y)


class TestRobust:
    """A tenth of the targets is far off: what is learned of the others?"""

    Y = MEAN + np.where(RNG.uniform(size=400) < 0.1, 50.0, 0.0)

    @pytest.mark.parametrize("loss", ["absolute_error", "huber", "huber:threshold=0.3", "log_cosh"])
    def test_it_learns_the_others(self, loss):
        robust, plain = (
            fitted(loss, self.Y, solver="adam", learning_rate_init=0.05),
            fitted("squared_error", self.Y),
        )
        off = [np.abs(model.predict(X) - MEAN).mean() for model in (robust, plain)]
        assert off[0] < 0.2
        assert off[1] > 3

    def test_the_threshold_counts(self):
        wide, narrow = (fitted(f"huber:threshold={t}", self.Y) for t in (1000, 0.5))
        np.testing.assert_allclose(
            wide.predict(X), fitted("squared_error", self.Y).predict(X), rtol=1e-3
        )
        assert np.abs(narrow.predict(X) - wide.predict(X)).mean() > 3


class TestQuantiles:
    Y = MEAN * RNG.exponential(size=400)
    LEVELS = (0.1, 0.5, 0.9)
    LOSS = "quantile:levels=0.1 0.5 0.9"

    def model(self, loss=LOSS, y=None):
        return fitted(
            loss, self.Y if y is None else y, solver="adam", learning_rate_init=0.02,
            learning_rate="cosine", max_iter=300,
        )  # fmt: skip

    def test_as_many_lie_below_as_the_level_says(self):
        found = self.model().predict(X)
        assert found.shape == (400, 3)
        share = (self.Y[:, None] < found).mean(axis=0)
        np.testing.assert_allclose(share, self.LEVELS, atol=0.03)
        assert (np.diff(found, axis=1) >= 0).all()

    def test_one_level(self):
        model = self.model("quantile:levels=0.9")
        assert model.predict(X).shape == (400,)
        pinball = mean_pinball_loss(self.Y, model.predict(X), alpha=0.9)
        assert model.network_.loss(X, self.Y) == pytest.approx(pinball, rel=1e-12)

    def test_of_several_targets(self):
        y = np.column_stack([self.Y, -self.Y])
        found = self.model(y=y).predict(X)
        assert found.shape == (400, 2, 3)
        share = (y[:, :, None] < found).mean(axis=0)
        np.testing.assert_allclose(share, [self.LEVELS] * 2, atol=0.06)

    def test_score_is_of_the_median(self):
        from sklearn.metrics import r2_score

        model = self.model()
        median = model.predict(X)[:, 1]
        assert model.score(X, self.Y) == pytest.approx(r2_score(self.Y, median), rel=1e-12)

    def test_early_stopping_watches_the_loss(self):
        model = cr.MLPRegressor(self.LOSS, early_stopping=True, random_state=0, max_iter=20)
        model.fit(X, self.Y)
        assert model.validation_scores_ == [-loss for loss in model.validation_loss_curve_]


class TestGaussian:
    """A mean and a spread that both depend on x."""

    SPREAD = np.exp(X[:, 1])
    Y = MEAN + SPREAD * RNG.normal(size=400)

    def test_mean_and_standard_deviation(self):
        mean, std = fitted("gaussian_nll", self.Y).predict(X, return_std=True)
        assert np.corrcoef(np.log(std), X[:, 1])[0, 1] > 0.95
        assert np.log(std / self.SPREAD).std() < 0.2
        assert np.abs(mean - MEAN).mean() < 0.2

    def test_of_several_targets(self):
        y = np.column_stack([self.Y, 3 * self.Y + 1])
        mean, std = fitted("gaussian_nll", y).predict(X, return_std=True)
        assert mean.shape == std.shape == (400, 2)
        np.testing.assert_allclose(std[:, 1], 3 * std[:, 0], rtol=0.05)
        np.testing.assert_array_equal(mean, fitted("gaussian_nll", y).predict(X))

    def test_other_losses_have_no_deviation(self):
        with pytest.raises(ValueError, match="return_std needs loss='gaussian_nll'"):
            fitted("squared_error", self.Y).predict(X, return_std=True)


def test_gamma_of_amounts():
    y = np.exp(MEAN) * RNG.gamma(3.0, 1 / 3, size=400)
    model = fitted("gamma", y)
    assert model.out_activation_ == "exp"
    deviance = mean_gamma_deviance(y, model.predict(X))
    assert model.loss_ == pytest.approx(deviance / 2, rel=1e-9)
    np.testing.assert_allclose(model.predict(X), np.exp(MEAN), rtol=0.3)


@pytest.mark.parametrize(("loss", "y", "message"), [
    ("gamma", [0.0, 1.0], "y must be > 0 for loss 'gamma', got 0.0"),
    ("poisson", [-1.0, 1.0], "y must be >= 0 for loss 'poisson', got -1.0"),
])  # fmt: skip
def test_targets_out_of_range(loss, y, message):
    with pytest.raises(ValueError, match=message):
        cr.MLPRegressor(loss).fit(X[:2], y)


class TestClasses:
    DATA = make_classification(500, 6, n_informative=4, n_classes=3, random_state=0)

    def model(self, loss, y=None, **options):
        options = {"max_iter": 40, "random_state": 0} | options
        return cr.MLPClassifier(loss=loss, **options).fit(
            self.DATA[0], self.DATA[1] if y is None else y
        )

    @pytest.mark.parametrize(("loss", "several", "one"), [
        ("log_loss", "cross_entropy", "binary_cross_entropy"),
        ("cross_entropy", "cross_entropy", "binary_cross_entropy"),
        ("focal:gamma=3", "focal:gamma=3.0", "binary_focal:gamma=3.0"),
        ("binary_cross_entropy", "binary_cross_entropy", "binary_cross_entropy"),
        ("squared_error", "squared_error", "squared_error"),
    ])  # fmt: skip
    def test_which_loss_it_is(self, loss, several, one):
        y = self.DATA[1]
        found = [self.model(loss, labels).network_.spec for labels in (y, y > 0, np.eye(3)[y])]
        assert [spec.loss for spec in found] == [several, one, one]
        assert [spec.n_outputs for spec in found] == [3, 1, 3]
        assert self.model(loss).score(*self.DATA) > 0.55

    def test_focal_turns_to_what_is_wrong(self):
        """Samples that are right already count less: probabilities stay further from 1."""
        plain, focal = self.model("log_loss"), self.model("focal:gamma=5")
        X, y = self.DATA
        sure = [m.predict_proba(X)[np.arange(500), y].max() for m in (plain, focal)]
        assert sure[1] < sure[0]

    @pytest.mark.parametrize("binary", [False, True])
    def test_smoothed_labels_keep_probabilities_away_from_1(self, binary):
        y = self.DATA[1] > 0 if binary else self.DATA[1]
        plain = self.model("log_loss", y, max_iter=500)
        smooth = self.model("log_loss:smoothing=0.2", y, max_iter=500)
        highest = [m.predict_proba(self.DATA[0]).max() for m in (plain, smooth)]
        assert highest[0] > 0.99 > highest[1]

    def test_probabilities_of_the_articles_loss_add_up(self):
        model = self.model("squared_error")
        assert model.out_activation_ == "logistic"
        np.testing.assert_allclose(model.predict_proba(self.DATA[0]).sum(axis=1), 1, rtol=1e-12)


def pinball(a, y):
    return np.where(y > a, 0.9 * (y - a), 0.1 * (a - y))


def pinball_derivative(a, y):
    return np.where(y > a, -0.9, 0.1)


class TestOnesOwn:
    def test_it_is_the_loss_that_it_is(self):
        """The same as the row, on the reference engine, step by step."""
        options = {"max_iter": 5, "random_state": 0}
        own = cr.MLPRegressor((pinball, pinball_derivative), **options).fit(X, MEAN)
        row = cr.MLPRegressor("quantile:levels=0.9", **options).fit(X, MEAN)
        np.testing.assert_allclose(own.predict(X), row.predict(X), rtol=1e-9)
        assert own.network_.engine.NAME == "reference"

    def test_it_goes_on_exactly(self):
        """The same functions are the same loss, so the same run goes on."""
        options = {"random_state": 0, "warm_start": True, "n_iter_no_change": 99}
        whole = cr.MLPRegressor((pinball, pinball_derivative), max_iter=5, **options).fit(X, MEAN)
        cut = cr.MLPRegressor((pinball, pinball_derivative), max_iter=2, **options).fit(X, MEAN)
        run = cut.run_
        cut.set_params(max_iter=3).fit(X, MEAN)
        assert cut.run_ is run
        np.testing.assert_array_equal(cut.coefs_[0], whole.coefs_[0])

    def test_a_loss_a_sample(self):
        own = cr.MLPRegressor(
            (lambda a, y: 0.5 * ((a - y) ** 2).sum(axis=1), lambda a, y: a - y),
            max_iter=5, random_state=0,
        ).fit(X, np.column_stack([MEAN, -MEAN]))  # fmt: skip
        row = cr.MLPRegressor(max_iter=5, random_state=0).fit(X, np.column_stack([MEAN, -MEAN]))
        np.testing.assert_allclose(own.predict(X), row.predict(X), rtol=1e-9)

    def test_of_classes(self):
        def value(a, y):
            return -(y * np.log(a)).sum(axis=1)

        X, y = TestClasses.DATA
        own = cr.MLPClassifier(loss=(value, lambda a, y: -y / a), max_iter=5, random_state=0)
        row = cr.MLPClassifier(max_iter=5, random_state=0).fit(X, y)
        np.testing.assert_allclose(
            own.fit(X, y).predict_proba(X), row.predict_proba(X), rtol=1e-8, atol=1e-12
        )

    @pytest.mark.parametrize("solver", ["adam", "lbfgs"])
    def test_a_wrong_derivative_is_found(self, solver):
        model = cr.MLPRegressor((pinball, lambda a, y: np.sign(a - y)), solver=solver)
        with pytest.raises(ValueError, match="derivative of the loss is not that of its value: at"):
            model.fit(X, MEAN)

    @pytest.mark.parametrize(("pair", "message"), [
        ((lambda a, y: (a - y).sum(), lambda a, y: a - y), r"loss must return shape \(200,\) or"),
        ((lambda a, y: a - y, lambda a, y: (a - y)[:, 0]), "derivative of the loss must have the"),
    ])  # fmt: skip
    def test_wrong_shapes(self, pair, message):
        with pytest.raises(ValueError, match=message):
            cr.MLPRegressor(pair).fit(X, MEAN)

    def test_it_is_pickled_but_not_saved(self, tmp_path):
        model = cr.MLPRegressor((pinball, pinball_derivative), max_iter=2).fit(X, MEAN)
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
        with pytest.raises(ValueError, match="loss is a function, which is code and isn't written"):
            cr.save(model, tmp_path / "model")
        assert not list(tmp_path.iterdir())

    def test_of_a_network(self):
        net = cr.Network([2, 1], loss=(pinball, pinball_derivative), engine="reference")
        assert net.fit(X, MEAN, epochs=30).losses[-1] < net.loss(X, MEAN + 5)
        with pytest.raises(
            ValueError, match="a loss of one's own is Python code: it needs engine="
        ):
            cr.Network([2, 1], loss=(pinball, pinball_derivative))


def test_probabilities_have_finite_logarithms():
    """Also where the sigmoid rounds to 1."""
    X = np.array([[-1000.0], [1000.0]])
    model = cr.MLPClassifier((), solver="lbfgs", alpha=0.0).fit(X, [0, 1])
    assert np.isfinite(model.predict_log_proba(X)).all()
    assert log_loss([1, 0], model.predict_proba(X)) < np.inf
