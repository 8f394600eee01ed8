"""scikit-learn's own checks of estimators, all of them, in many configurations."""

import unittest
import warnings
from collections import Counter

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.datasets import make_blobs, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks, shuffle
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

import chainrule as cr

# Two checks leave out scikit-learn's own networks, too: they have no decision_function, and take
# no arrays of other libraries without an experimental switch.


class Float32:
    """With X made float32, whatever the checks give."""

    def _checked(self, X, y, reset):
        X, y = super()._checked(X, y, reset)
        return X.astype(np.float32), y


class Float32Classifier(Float32, cr.MLPClassifier):
    pass


class Float32Regressor(Float32, cr.MLPRegressor):
    pass


OF_BOTH = (
    {},
    {"solver": "sgd"},
    {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.01},
    {"solver": "lbfgs"},
    {"early_stopping": True},
    {"early_stopping": True, "scoring": "loss"},
    {"hidden_layer_sizes": (8, 6), "activation": ["tanh", "silu"]},
    {"solver": "adamw", "weight_decay": 0.01, "averaging": 0.9, "max_norm": 3.0, "clip_norm": 1.0},
    {"learning_rate": "cosine", "learning_rate_init": 0.01},
)
CLASSIFIERS = [cr.MLPClassifier(**options) for options in OF_BOTH]
CLASSIFIERS += [cr.MLPClassifier(class_weight="balanced"), cr.MLPClassifier(loss="focal")]
REGRESSORS = [cr.MLPRegressor(**options) for options in OF_BOTH]
REGRESSORS += [cr.MLPRegressor("huber"), cr.MLPRegressor("gaussian_nll")]

# A sample of weight 2 and two samples add up with other roundings: in float32 the sums differ by
# 1e-7 of themselves, which is what the check allows of the predictions after 200 epochs. With
# "lbfgs", which computes in float64, it holds. test_a_weight_of_2_is_two_samples compares the rest.
IN_FLOAT32 = dict.fromkeys(
    (
        "check_sample_weight_equivalence_on_dense_data",
        "check_sample_weight_equivalence_on_sparse_data",
    ),
    "compares to 1e-7, which is less than the distance of float32 numbers",
)


def expected(estimator: BaseEstimator) -> dict[str, str]:
    by_steps = isinstance(estimator, Float32) and estimator.solver != "lbfgs"
    return IN_FLOAT32 if by_steps else {}


@pytest.mark.filterwarnings("ignore")  # the checks are about what is done, not what is said
@parametrize_with_checks(
    [
        *CLASSIFIERS,
        *REGRESSORS,
        *(Float32Classifier(solver=solver) for solver in ("adam", "lbfgs")),
        *(Float32Regressor(solver=solver) for solver in ("adam", "lbfgs")),
    ],
    expected_failed_checks=expected,
)
def test_check(estimator, check):
    try:
        check(estimator)
    except unittest.SkipTest as reason:
        pytest.skip(str(reason))


def names_of(estimator):
    return Counter(
        getattr(check, "func", check).__name__ for _, check in estimator_checks_generator(estimator)
    )


def test_none_is_left_out():
    """All 67 and 60 that scikit-learn 1.9.1 has for its own, and the one for class weights."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    ours, theirs = names_of(cr.MLPClassifier()), names_of(MLPClassifier())
    assert ours - theirs == Counter(["check_class_weight_classifiers"])
    assert not theirs - ours
    assert names_of(cr.MLPRegressor()) == names_of(MLPRegressor())
    assert (theirs.total(), names_of(MLPRegressor()).total()) == (67, 60)


class TestByHand:
    """Checks that scikit-learn runs on its own estimators only."""

    @pytest.mark.parametrize("estimator", [cr.MLPClassifier(), cr.MLPRegressor()], ids=str)
    @pytest.mark.parametrize(
        "name",
        [
            "check_param_validation",
            "check_dataframe_column_names_consistency",
            "check_inplace_ensure_writeable",
        ],
    )
    def test_of_both(self, estimator, name):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            getattr(estimator_checks, name)(type(estimator).__name__, estimator)

    @pytest.mark.parametrize("classes", [2, 3])
    def test_predictions_of_classes(self, classes):
        X, y = shuffle(*make_blobs(30, random_state=0, cluster_std=0.1), random_state=7)
        X, y = StandardScaler().fit_transform(X)[y < classes], y[y < classes]
        names = np.array(["one", "two", "three"], dtype=object)
        for labels in (y, names[y], names.astype(str)[y]):
            for options in ({}, {"solver": "lbfgs"}):
                model = cr.MLPClassifier(max_iter=500, tol=1e-3, **options)
                estimator_checks.check_classifiers_predictions(X, labels, "MLPClassifier", model)

    @pytest.mark.parametrize("weights", [[0.8, 0.2], [0.8, 0.1, 0.1]], ids=len)
    def test_balanced_classes(self, weights):
        """Learned where classes are rare, tried where they aren't."""
        X, y = make_classification(
            2000, n_classes=len(weights), n_informative=5, class_sep=0.5, random_state=0
        )
        X = StandardScaler().fit_transform(X)
        X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, random_state=0)
        kept = np.random.default_rng(0).uniform(size=len(y)) < np.array(weights)[y]
        model = cr.MLPClassifier(hidden_layer_sizes=(), solver="lbfgs")
        estimator_checks.check_class_weight_balanced_classifiers(
            "MLPClassifier", model, X[kept], y[kept], X_test, y_test, weights
        )
