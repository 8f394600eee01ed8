"""What predictions are worth on rows that were not trained on, by scikit-learn's metrics."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

HIGHER_IS_BETTER = ("accuracy", "auc", "r2")


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
    baseline : dict of str to float or None
        The same figures of an answer that looks at no column: the shares of the classes, or the
        mean, among the training rows.
    seen : int
        How many of the rows the model has learned from.

    Examples
    --------
    >>> regression_metrics(np.array([1.0, 3.0]), np.array([1.0, 3.0]), mean=2.0).values
    {'rmse': 0.0, 'mae': 0.0, 'r2': 1.0}
    """

    values: dict[str, float | None]
    reasons: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    baseline: dict[str, float | None] = field(default_factory=dict)
    seen: int = 0

    @property
    def worse(self) -> str:
        """The first figure that is no better than the baseline's; '' where all are better."""
        for name, value in self.values.items():
            other = self.baseline.get(name)
            if value is None or other is None or name == "auc":
                continue
            if value <= other if name in HIGHER_IS_BETTER else value >= other:
                return name
        return ""


def classification_metrics(
    index: NDArray[np.int64],
    probabilities: NDArray[np.floating[Any]],
    classes: Sequence[str],
    shares: Sequence[float],
) -> Metrics:
    """Accuracy, log-loss and area under the ROC curve.

    Parameters
    ----------
    index : ndarray of int64, shape (n,)
        The true class numbers.
    probabilities : ndarray of float, shape (n, n_classes)
    classes : sequence of str
        The names of the classes, for reasons.
    shares : sequence of float
        The share of each class in training: the probabilities of the baseline.

    Returns
    -------
    Metrics
        ``log_loss`` in nats; ``auc`` is of the second class against the first, or with more than
        two classes the plain mean over each class against the rest; None where a class has no rows.
    """
    absent = np.setdiff1d(np.arange(len(classes)), index)
    reasons = {"auc": f"no rows of class {classes[absent[0]]}"} if absent.size else {}
    constant = np.tile(np.asarray(shares), (index.size, 1))
    return Metrics(
        _of_classes(index, probabilities, not absent.size),
        reasons,
        index.size,
        _of_classes(index, constant, not absent.size),
    )


def _of_classes(
    index: NDArray[np.int64], probabilities: NDArray[np.floating[Any]], all_there: bool
) -> dict[str, float | None]:
    from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

    numbers = np.arange(probabilities.shape[1])
    values: dict[str, float | None] = {
        "accuracy": float(accuracy_score(index, probabilities.argmax(axis=1))),
        "log_loss": float(log_loss(index, probabilities, labels=numbers)),
        "auc": None,
    }
    if all_there and numbers.size == 2:
        values["auc"] = float(roc_auc_score(index, probabilities[:, 1]))
    elif all_there:
        values["auc"] = float(
            roc_auc_score(index, probabilities, multi_class="ovr", labels=numbers)
        )
    return values


def regression_metrics(
    target: NDArray[np.float64], predicted: NDArray[np.float64], mean: float
) -> Metrics:
    """Root of the mean squared error, mean absolute error, coefficient of determination.

    Parameters
    ----------
    target, predicted : ndarray of float64, shape (n,)
        In the unit of the target; days where it is a date.
    mean : float
        Of the target in training: the answer of the baseline.

    Returns
    -------
    Metrics
        ``r2`` is None where all targets are the same.
    """
    same = bool(target.min() == target.max())
    reasons = {"r2": "all targets are the same"} if same else {}
    constant = np.full_like(target, mean)
    return Metrics(
        _of_numbers(target, predicted, same),
        reasons,
        target.size,
        _of_numbers(target, constant, same),
    )


def _of_numbers(
    target: NDArray[np.float64], predicted: NDArray[np.float64], same: bool
) -> dict[str, float | None]:
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    return {
        "rmse": float(root_mean_squared_error(target, predicted)),
        "mae": float(mean_absolute_error(target, predicted)),
        "r2": None if same else float(r2_score(target, predicted)),
    }
