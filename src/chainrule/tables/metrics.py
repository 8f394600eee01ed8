"""What predictions are worth on rows that were not trained on, by scikit-learn's metrics."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Metrics:
    """Figures by name, and why a figure could not be had.

    Parameters
    ----------
    values : dict of str to float or None
        ``accuracy``, ``log_loss``, ``auc``; or ``rmse``, ``mae``, ``r2``. None where undefined.
    reasons : dict of str to str
        Why, for each None.
    rows : int
        How many rows were measured.

    Examples
    --------
    >>> regression_metrics(np.array([1.0, 3.0]), np.array([1.0, 3.0])).values
    {'rmse': 0.0, 'mae': 0.0, 'r2': 1.0}
    """

    values: dict[str, float | None]
    reasons: dict[str, str] = field(default_factory=dict)
    rows: int = 0


def classification_metrics(
    index: NDArray[np.int64], probabilities: NDArray[np.floating[Any]], classes: Sequence[str]
) -> Metrics:
    """Accuracy, log-loss and area under the ROC curve.

    Parameters
    ----------
    index : ndarray of int64, shape (n,)
        The true class numbers.
    probabilities : ndarray of float, shape (n, n_classes)
    classes : sequence of str
        The names of the classes, for reasons.

    Returns
    -------
    Metrics
        ``log_loss`` in nats; ``auc`` is of the second class against the first, or with more than
        two classes the plain mean over each class against the rest; None where a class has no rows.
    """
    from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

    numbers = np.arange(len(classes))
    values: dict[str, float | None] = {
        "accuracy": float(accuracy_score(index, probabilities.argmax(axis=1))),
        "log_loss": float(log_loss(index, probabilities, labels=numbers)),
        "auc": None,
    }
    absent = np.setdiff1d(numbers, index)
    if absent.size:
        reasons = {"auc": f"no rows of class {classes[absent[0]]}"}
        return Metrics(values, reasons, index.size)
    if len(classes) == 2:
        values["auc"] = float(roc_auc_score(index, probabilities[:, 1]))
    else:
        values["auc"] = float(
            roc_auc_score(index, probabilities, multi_class="ovr", labels=numbers)
        )
    return Metrics(values, rows=index.size)


def regression_metrics(target: NDArray[np.float64], predicted: NDArray[np.float64]) -> Metrics:
    """Root of the mean squared error, mean absolute error, coefficient of determination.

    Parameters
    ----------
    target, predicted : ndarray of float64, shape (n,)
        In the unit of the target.

    Returns
    -------
    Metrics
        ``r2`` is None where all targets are the same.
    """
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    values: dict[str, float | None] = {
        "rmse": float(root_mean_squared_error(target, predicted)),
        "mae": float(mean_absolute_error(target, predicted)),
        "r2": None,
    }
    if target.min() == target.max():
        return Metrics(values, {"r2": "all targets are the same"}, target.size)
    values["r2"] = float(r2_score(target, predicted))
    return Metrics(values, rows=target.size)
