"""solver="lbfgs": the gradient is that of the loss, for any number of outputs (#8349)."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge

import chainrule as cr
from chainrule.estimators.lbfgs import AllSamples

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))


def central_differences(loss, theta):
    h = np.cbrt(np.finfo(np.float64).eps)
    steps = h * np.eye(len(theta))
    return np.array([(loss(theta + step) - loss(theta - step)) / (2 * h) for step in steps])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("outputs", [1, 2, 3, 5])
@pytest.mark.parametrize("Estimator", [cr.MLPRegressor, cr.MLPClassifier])
def test_the_gradient_is_the_derivative_of_the_published_loss(Estimator, outputs, weighted):
    """loss_ is the loss at the end; what SciPy is given is it and its derivative."""
    if Estimator is cr.MLPRegressor:
        y = RNG.normal(size=(40, outputs)) if outputs > 1 else RNG.normal(size=40)
    else:
        y = np.arange(40) % max(2, outputs)
    weight = RNG.uniform(0.5, 2, size=40) if weighted else None
    model = Estimator(
        solver="lbfgs", activation="tanh", hidden_layer_sizes=4, alpha=3.0, max_iter=7,
        random_state=0,
    )  # fmt: skip
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge"):
        model.fit(X, y, weight)
    columns = model._targets(y, "more")
    objective = AllSamples(model.network_, (X, columns, weight), None)
    theta = model.network_.parameters.theta
    loss, gradient = objective(theta)
    published = model.network_.loss(X, columns, sample_weight=weight)
    assert model.loss_ == pytest.approx(loss, rel=1e-14)
    assert published == pytest.approx(loss, rel=1e-14)
    numeric = central_differences(lambda t: objective(t)[0], theta)
    # of h² and ε/h, relative to a gradient of about 0.1
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("outputs", [1, 2, 5])
def test_a_linear_network_is_ridge_regression(outputs):
    """½/n Σ (a - y)² + ½ α/n Σ w² has the same minimum as Ridge(α), for any number of outputs."""
    y = (X @ RNG.normal(size=(3, outputs)) + RNG.normal(size=(40, outputs))).squeeze()
    model = cr.MLPRegressor(
        hidden_layer_sizes=(), solver="lbfgs", alpha=5.0, tol=1e-10, max_iter=1000
    ).fit(X, y)
    ridge = Ridge(5.0).fit(X, y)
    # SciPy ends where L falls by less than 2e-9 of itself: θ is then right to the root of that
    tolerance = {"rtol": 1e-4, "atol": 1e-4}
    np.testing.assert_allclose(model.coefs_[0].T, np.atleast_2d(ridge.coef_), **tolerance)
    np.testing.assert_allclose(model.intercepts_[0], ridge.intercept_, **tolerance)


def test_float32_ends_as_low_as_float64():
    """θ is rounded once, at the end: a line search in float32 would end where losses look equal."""
    y = np.sin(X[:, 0])
    models = {
        dtype: cr.MLPRegressor(solver="lbfgs", random_state=0, max_iter=300).fit(
            X.astype(dtype), y.astype(dtype)
        )
        for dtype in ("float32", "float64")
    }
    assert models["float32"].coefs_[0].dtype == np.float32
    assert models["float32"].predict(X.astype(np.float32)).dtype == np.float32
    assert models["float32"].loss_ < 2 * models["float64"].loss_ < 1e-4


def test_the_loss_of_each_iteration_is_kept():
    model = cr.MLPRegressor(solver="lbfgs", random_state=0, max_iter=300).fit(X, X[:, 0] ** 2)
    assert len(model.loss_curve_) == model.n_iter_
    assert model.loss_curve_[-1] == model.loss_
    assert (np.diff(model.loss_curve_) <= 0).all()
    assert not hasattr(model, "run_")


def test_verbose_prints_each_iteration(capsys):
    model = cr.MLPRegressor(solver="lbfgs", random_state=0, verbose=True, max_iter=300)
    model.fit(X, X[:, 0] ** 2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"Iteration {model.n_iter_}, loss = {model.loss_:.8f}"
    assert len(lines) == model.n_iter_


def test_max_fun_ends_it():
    model = cr.MLPRegressor(solver="lbfgs", max_fun=10, tol=0, random_state=0)
    with pytest.warns(ConvergenceWarning, match="EVALUATIONS") as told:
        model.fit(X, X[:, 0] ** 2)
    assert told[0].filename == __file__
    assert model.n_iter_ <= 10


@pytest.mark.parametrize("option", [
    {"dropout": 0.1}, {"clip_norm": 1.0}, {"max_norm": 1.0}, {"weight_decay": 0.1},
    {"averaging": 0.9}, {"callbacks": print},
], ids=str)  # fmt: skip
def test_what_belongs_to_steps_is_refused(option):
    (name,) = option
    message = f"solver 'lbfgs' takes no steps on batches: leave out {name}, or choose"
    with pytest.raises(ValueError, match=message):
        cr.MLPRegressor(solver="lbfgs", **option).fit(X, X[:, 0])


@pytest.mark.parametrize("Estimator", [cr.MLPRegressor, cr.MLPClassifier])
def test_there_is_no_partial_fit(Estimator):
    model = Estimator(solver="lbfgs")
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError, match="partial_fit is only available for stochastic opti"):
        _ = model.partial_fit
