"""The figures of `metrics`, of rows that come some at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.tables.metrics import Metrics

Array = NDArray[Any]

_FARTHEST = 104  # log-odds of the smallest float32
_BINS, _FEW = 1 << 16, 1 << 13  # of log-odds: of 1/315 each, of 1/39 where there are many classes
_MANY = 16


class NumberErrors:
    """Root of the mean squared error, mean absolute error, coefficient of determination.

    Parameters
    ----------
    mean : float
        Of the target in training: the answer of the baseline.

    Examples
    --------
    >>> errors = NumberErrors(mean=2.0)
    >>> for target in (1.0, 3.0):
    ...     errors.add(np.array([target]), np.array([target]))
    >>> errors.metrics().values
    {'rmse': 0.0, 'mae': 0.0, 'r2': 1.0}
    """

    def __init__(self, mean: float) -> None:
        self._mean, self._rows = mean, 0
        self._model, self._constant = np.zeros(2), np.zeros(2)  # Σ e², Σ |e|
        self._center, self._spread = 0.0, 0.0  # of the targets: their mean, Σ (v − mean)²
        self._least, self._most = math.inf, -math.inf

    def add(self, target: Array, predicted: Array) -> None:
        """Judge some rows, in the unit of the target."""
        for sums, error in (
            (self._model, predicted - target),
            (self._constant, self._mean - target),
        ):
            sums += np.square(error).sum(), np.abs(error).sum()
        count = len(target)
        center = float(target.mean())
        step, total = center - self._center, self._rows + count
        self._spread += (
            float(np.square(target - center).sum()) + step**2 * self._rows * count / total
        )
        self._center += step * count / total
        self._rows = total
        self._least = min(self._least, float(target.min()))
        self._most = max(self._most, float(target.max()))

    def metrics(self) -> Metrics:
        """Return the figures of all rows."""
        same = self._least == self._most
        reasons = {"r2": "all targets are the same"} if same else {}
        return Metrics(
            self._of(self._model, same), reasons, self._rows, self._of(self._constant, same)
        )

    def _of(self, sums: Array, same: bool) -> dict[str, float | None]:
        squares, absolute = sums.tolist()
        r2 = None if same else 1 - squares / self._spread
        return {"rmse": math.sqrt(squares / self._rows), "mae": absolute / self._rows, "r2": r2}


class ClassErrors:
    """Accuracy, log-loss, and the area under the ROC curve.

    The area is that of probabilities whose log-odds are rounded to 1/315 (1/39 for more than 16
    classes): two rows that are nearer than this count as equal.

    Parameters
    ----------
    classes : sequence of str
    shares : sequence of float
        The share of each class in training: the probabilities of the baseline.
    """

    def __init__(self, classes: Sequence[str], shares: Sequence[float]) -> None:
        self._classes, self._shares = classes, np.asarray(shares)
        self._counts = np.zeros(len(classes), np.int64)
        self._right, self._loss = 0, 0.0
        curves = 1 if len(classes) == 2 else len(classes)
        bins = _FEW if curves > _MANY else _BINS
        self._bins = np.zeros((curves, 2, bins), np.int64)  # of each class: others, its own

    def add(self, index: NDArray[np.int64], probabilities: Array) -> None:
        """Judge some rows: their true class numbers, and the probability of each class."""
        given = probabilities.astype(np.float64)
        self._counts += np.bincount(index, minlength=len(self._classes))
        self._right += int((probabilities.argmax(axis=1) == index).sum())
        own = given[np.arange(len(index)), index] / given.sum(axis=1)
        least = np.finfo(probabilities.dtype).eps  # as scikit-learn's log_loss has it
        self._loss -= float(np.log(np.clip(own, least, 1 - least)).sum())
        for k, bins in enumerate(self._bins):
            which = k if len(self._bins) > 1 else 1
            count = bins.shape[1]
            place, is_own = _binned(given[:, which], count), index == which
            bins[0] += np.bincount(place[~is_own], minlength=count)
            bins[1] += np.bincount(place[is_own], minlength=count)

    def metrics(self) -> Metrics:
        """Return the figures of all rows."""
        rows, absent = int(self._counts.sum()), np.flatnonzero(self._counts == 0)
        reasons = {"auc": f"no rows of class {self._classes[absent[0]]}"} if absent.size else {}
        values = {
            "accuracy": self._right / rows,
            "log_loss": self._loss / rows,
            "auc": None if absent.size else float(np.mean([_area(*bins) for bins in self._bins])),
        }
        least = np.finfo(np.float64).eps
        constant = np.clip(self._shares / self._shares.sum(), least, 1 - least)
        baseline = {
            "accuracy": int(self._counts[self._shares.argmax()]) / rows,
            "log_loss": -float(self._counts @ np.log(constant)) / rows,
            "auc": None if absent.size else 0.5,
        }
        return Metrics(values, reasons, rows, baseline)


def _binned(probability: Array, bins: int) -> NDArray[np.int64]:
    """Return in which of so many bins each probability is, by its log-odds."""
    with np.errstate(divide="ignore"):
        odds = np.log(probability) - np.log1p(-probability)
    places = np.floor((odds + _FARTHEST) * (bins / (2 * _FARTHEST)))
    return np.clip(places, 0, bins - 1).astype(np.int64)


def _area(others: Array, own: Array) -> float:
    """Return the share of pairs whose own one is above the other; equal ones are half."""
    below = np.cumsum(others) - others
    pairs = float(others.sum()) * float(own.sum())
    return float((own * (below + others / 2)).sum() / pairs)
