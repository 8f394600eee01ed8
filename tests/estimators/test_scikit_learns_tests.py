"""scikit-learn's own tests of its networks, as installed, on ours."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import MinMaxScaler

import chainrule as cr

HERE = Path(__file__).parent

# The tests that read or write private names, and what of ours covers the same behaviour.
PRIVATE = {
    "test_fit": "TestPrivate::test_one_step_worked_out_by_hand",
    "test_gradient": "test_lbfgs.py: the gradient of 1, 2, 3 and 5 outputs",
    "test_learning_rate_warmstart": "TestPrivate::test_invscaling_goes_on_in_a_warm_start",
    "test_adaptive_learning_rate": "TestPrivate::test_adaptive_ends_below_a_millionth",
    "test_n_iter_no_change": "TestPrivate::test_it_stops_one_epoch_after_n_iter_no_change",
    "test_n_iter_no_change_inf": "TestPrivate::test_infinite_patience",
}


def test_every_public_one_passes():
    """The module is theirs, word for word; only the two classes are replaced."""
    paths = [str(HERE), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    command = [
        sys.executable, "-m", "pytest", "-p", "replaced", "-p", "no:cacheprovider", "-rf", "-q",
        "--rootdir", "/", "-c", os.devnull, "--pyargs", "sklearn.neural_network.tests.test_mlp",
    ]  # fmt: skip
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=900,
        cwd=HERE,
    )  # fmt: skip
    failed = set(re.findall(r"^FAILED .*::(\w+)", done.stdout, re.MULTILINE))
    passed = re.search(r"(\d+) passed", done.stdout)
    assert failed == set(PRIVATE), done.stdout
    assert passed, done.stdout
    assert int(passed.group(1)) == 53, done.stdout


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
class TestPrivate:
    """What the tests above want to know, by public names."""

    def test_one_step_worked_out_by_hand(self):
        """Their example: 3-2-1, logistic, SGD 0.1 without momentum, alpha 0.1, one sample."""
        X, y = np.array([[0.6, 0.8, 0.7]]), np.array([0])
        model = cr.MLPClassifier(
            solver="sgd", learning_rate_init=1e-300, alpha=0.1, activation="logistic",
            random_state=1, max_iter=1, hidden_layer_sizes=2, momentum=0,
        )  # fmt: skip
        model.partial_fit(X, y, classes=[0, 1])  # moves nothing
        model.coefs_ = [[[0.1, 0.2], [0.3, 0.1], [0.5, 0]], [[0.1], [0.2]]]
        model.intercepts_ = [[0.1, 0.1], [1.0]]
        model.set_params(learning_rate_init=0.1).partial_fit(X, y)
        # as printed there; its own tolerance, as it rounds to three digits on the way
        expected = [[0.098, 0.195756], [0.2956664, 0.096008], [0.4939998, -0.002244]]
        np.testing.assert_allclose(model.coefs_[0], expected, atol=1.5e-3)
        np.testing.assert_allclose(model.coefs_[1], [[0.04706], [0.154089]], atol=1.5e-3)
        np.testing.assert_allclose(model.intercepts_[0], [0.098333, 0.09626], atol=1.5e-3)
        np.testing.assert_allclose(model.intercepts_[1], 0.9235, atol=1.5e-3)
        assert model.predict_proba(X)[0, 1] == pytest.approx(0.739, abs=1.5e-3)

    @pytest.mark.parametrize("learning_rate", ["constant", "invscaling"])
    def test_invscaling_goes_on_in_a_warm_start(self, learning_rate):
        """η / (t + 1)^power_t, t the samples seen before the epoch."""
        X, y = [[3, 2], [1, 6], [5, 6], [-2, -4]], [1, 1, 1, 0]
        model = cr.MLPClassifier(
            solver="sgd", hidden_layer_sizes=4, learning_rate=learning_rate, max_iter=1,
            power_t=0.25, warm_start=True,
        )  # fmt: skip
        for _ in range(3):
            model.fit(X, y)
        seen = np.array([0, 4, 8]) if learning_rate == "invscaling" else np.zeros(3)
        np.testing.assert_allclose(model.run_.rates, 0.001 / (seen + 1) ** 0.25, rtol=1e-15)

    def test_adaptive_ends_below_a_millionth(self):
        X, y = [[3, 2], [1, 6]], [1, 0]
        model = cr.MLPClassifier(tol=0.5, max_iter=3000, solver="sgd", learning_rate="adaptive")
        model.fit(X, y)
        assert model.n_iter_ < 3000
        assert model.run_.rates[-1] <= 1e-6
        ratios = model.run_.rates[1:] / model.run_.rates[:-1]
        np.testing.assert_allclose(ratios[ratios != 1], 0.2, rtol=1e-12)

    @pytest.mark.parametrize("patience", [2, 5, 10, 50, 100])
    def test_it_stops_one_epoch_after_n_iter_no_change(self, patience):
        """Their count is above n_iter_no_change when it stops: one more epoch."""
        X, y = load_digits(n_class=2, return_X_y=True)
        X, y = MinMaxScaler().fit_transform(X[:200])[:100], y[:100]
        model = cr.MLPClassifier(tol=0.01, max_iter=3000, solver="sgd", n_iter_no_change=patience)
        losses = np.array(model.fit(X, y).loss_curve_)
        best = np.minimum.accumulate(np.concatenate([[np.inf], losses]))[:-1]
        assert (losses[-patience - 1 :] > best[-patience - 1 :] - 0.01).all()
        assert losses[-patience - 2] <= best[-patience - 2] - 0.01
        assert len(losses) == model.n_iter_ < 3000

    def test_infinite_patience(self):
        X, y = load_digits(n_class=2, return_X_y=True)
        model = cr.MLPClassifier(tol=1e9, max_iter=300, solver="sgd", n_iter_no_change=np.inf)
        with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(300\) reached"):
            assert model.fit(X[:100], y[:100]).n_iter_ == 300
