"""scikit-learn's contract on the networks and runs of chainrule."""

from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.displays import ActivationsDisplay, LossCurveDisplay, WeightsDisplay
from chainrule.estimators.regressor import MLPRegressor

__all__ = [
    "ActivationsDisplay",
    "LossCurveDisplay",
    "MLPClassifier",
    "MLPRegressor",
    "WeightsDisplay",
]
