"""The pictures: the numbers that they show, drawn by matplotlib without a screen."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot
from sklearn.datasets import make_moons
from sklearn.exceptions import NotFittedError
from sklearn.inspection import DecisionBoundaryDisplay

import chainrule as cr

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
mpl.use("agg")

X, Y = make_moons(200, noise=0.2, random_state=0)


@pytest.fixture(autouse=True)
def _closed():
    yield
    pyplot.close("all")


def model(**options):
    return cr.MLPClassifier((16, 8), **{"max_iter": 40, "random_state": 0} | options).fit(X, Y)


class TestLossCurve:
    def test_of_training(self):
        fitted = model()
        display = cr.LossCurveDisplay.from_estimator(fitted, log=True, color="red")
        (line,) = display.ax_.lines
        np.testing.assert_array_equal(line.get_ydata(), fitted.loss_curve_)
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 41))
        assert (line.get_color(), display.ax_.get_yscale()) == ("red", "log")
        assert display.ax_.get_title() == "MLPClassifier"
        assert display.score_ax_ is None

    def test_with_held_out_samples(self):
        fitted = model(early_stopping=True)
        display = cr.LossCurveDisplay.from_estimator(fitted)
        held_out = display.ax_.lines[1]
        np.testing.assert_array_equal(held_out.get_ydata(), fitted.validation_loss_curve_)
        assert display.ax_.lines[2].get_xdata()[0] == fitted.run_.best_epoch
        (scores,) = display.score_ax_.lines
        np.testing.assert_array_equal(scores.get_ydata(), fitted.validation_scores_)
        labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
        assert labels == ["training", "held out", "best epoch", "score"]

    def test_on_axes_that_there_are(self):
        _, ax = pyplot.subplots()
        display = cr.LossCurveDisplay.from_estimator(model(solver="lbfgs"), ax=ax)
        assert display.ax_ is ax
        assert display.plot().ax_ is not ax


def test_weights():
    fitted = model()
    display = cr.WeightsDisplay.from_estimator(fitted, bins=7)
    counts = [sum(bar.get_height() for bar in ax.patches) for ax in display.axes_]
    assert counts == [W.size for W in fitted.coefs_]
    assert display.axes_[0].get_title("left").startswith("W of layer 0: 2 × 16, norm")


def test_activations():
    fitted = model()
    fitted.coefs_[0][:, 3] = 0
    fitted.intercepts_[0][3] = -1  # dead: 0 for every sample
    display = cr.ActivationsDisplay.from_estimator(fitted, X)
    first = np.maximum(X @ fitted.coefs_[0] + fitted.intercepts_[0], 0)
    np.testing.assert_allclose(display.layers[0], first, rtol=1e-12, atol=1e-15)
    dead = int((np.ptp(first, axis=0) == 0).sum())
    assert display.axes_[0].get_title("left") == (
        f"a of layer 1: relu, {dead} of 16 units are the same for every sample"
    )
    assert len(display.axes_) == 2
    assert sum(bar.get_height() for bar in display.axes_[0].patches) == first.size


def test_activations_of_a_linear_model():
    fitted = cr.MLPClassifier((), max_iter=2).fit(X, Y)
    with pytest.raises(
        ValueError, match="there is no layer to draw: the network has no hidden one"
    ):
        cr.ActivationsDisplay.from_estimator(fitted, X)


def test_the_decision_boundary_of_scikit_learn():
    fitted = model(solver="lbfgs", max_iter=200)
    display = DecisionBoundaryDisplay.from_estimator(fitted, X, response_method="predict_proba")
    assert display.response.min() < 0.1 < 0.9 < display.response.max()


@pytest.mark.parametrize("display", [cr.LossCurveDisplay, cr.WeightsDisplay])
def test_not_fitted(display):
    with pytest.raises(NotFittedError):
        display.from_estimator(cr.MLPClassifier())


def test_matplotlib_is_imported_where_it_draws():
    program = (
        "import sys, chainrule as cr; cr.LossCurveDisplay; "
        "cr.MLPRegressor(max_iter=2).fit([[0.0], [1.0]], [0, 1]); "
        "print('matplotlib' in sys.modules)"
    )
    command = [sys.executable, "-W", "ignore", "-c", program]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
