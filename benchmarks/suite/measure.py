"""One model on one split of a table: what it is worth, and how long it takes."""

import time
import warnings

import numpy as np

from benchmarks.suite.models import THREADS

COVERAGE = 0.9
_BINS = 10


def measured(make, table, X, y, learned, judged, seed):
    """Return the figures of a model that learns some rows and is judged by others.

    Returns
    -------
    dict
        ``score`` (accuracy or R²), ``log_loss`` and ``calibration_error`` of classes, ``covered``
        of intervals where the model has them; ``threads``; the rows ``learned`` from and
        ``judged``; ``seconds`` of the fit and ``row_microseconds``.
    """
    model = make(table.task, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        model.fit(X.iloc[learned], y[learned])
        seconds = time.perf_counter() - start
        rows, truth = X.iloc[judged], y[judged]
        if table.task == "classification":
            found = _of_classes(model, rows, truth)
        else:
            found = _of_numbers(model, rows, truth)
        counts = {"threads": THREADS, "learned": len(learned), "judged": len(judged)}
        return found | counts | {"seconds": seconds, "row_microseconds": _one_row(model, rows)}


def _of_classes(model, rows, truth):
    from sklearn.metrics import accuracy_score, log_loss

    probabilities, classes = np.asarray(model.predict_proba(rows)), np.asarray(model.classes_)
    chosen = classes[probabilities.argmax(axis=1)]
    return {
        "score": accuracy_score(truth, chosen),
        "log_loss": log_loss(truth, probabilities, labels=classes),
        "calibration_error": calibration_error(probabilities.max(axis=1), chosen == truth),
    }


def _of_numbers(model, rows, truth):
    from sklearn.metrics import r2_score

    found = {"score": r2_score(truth, np.ravel(model.predict(rows)))}
    if hasattr(model, "predict_interval") and model.model_.errors is not None:
        lower, upper = model.predict_interval(rows, COVERAGE).T
        found["covered"] = float(np.mean((lower <= truth) & (truth <= upper)))
    return found


def calibration_error(confidence, right):
    """Return the expected calibration error, of ten bins of the same width (Guo et al. 2017)."""
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    error = 0.0
    for k in np.unique(bins):
        inside = bins == k
        error += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    return float(error)


def _one_row(model, rows, rounds=7):
    """Return the least time of a prediction of one row of a DataFrame, in microseconds."""
    row, times = rows.iloc[:1], []
    for _ in range(rounds):
        start = time.perf_counter()
        model.predict(row)
        times.append(time.perf_counter() - start)
    return min(times) * 1e6
