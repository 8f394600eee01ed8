"""What each column does for a model's predictions: its importance, and the curve of its effect."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from chainrule.tables.columns import Kind, missing
from chainrule.tables.encoding import Column
from chainrule.tables.errors import TableError
from chainrule.tables.model import TableModel
from chainrule.tables.number_column import NumberColumn
from chainrule.tables.reading import Source
from chainrule.tables.table import Table
from chainrule.tables.targets import ClassTarget

_MOST_CATEGORIES = 12


@dataclass(frozen=True)
class Importance:
    """By how much a model is worse without what a column says.

    Parameters
    ----------
    column : str
    mean, deviation : float
        Of the rise of the figure, log-loss of classes or RMSE of numbers, over the repeats.
    """

    column: str
    mean: float
    deviation: float


@dataclass(frozen=True)
class Effect:
    """What a model answers on average, if a column had the same value in every row.

    Parameters
    ----------
    column : str
    values : tuple of str or float
        Numbers, or days since 1970, in increasing order; or categories, the most frequent first.
    answers : ndarray of float64, shape (values, answers)
        The mean number, in the target's unit; or the mean probability of each class.
    kind : "number", "date", "text" or "boolean"
        Of the column.
    """

    column: str
    values: tuple[str | float, ...]
    answers: NDArray[np.float64]
    kind: Kind


def importances(
    model: TableModel, source: Source, repeats: int = 5, seed: int = 0, most_rows: int = 2000
) -> list[Importance]:
    """Return the importance of each column, the greatest first.

    A column's inputs are shuffled among the rows, so that they say nothing of their own row any
    more, and the figure is measured again: its rise is the importance. Two columns that say the
    same share theirs.

    Parameters
    ----------
    model : TableModel
    source : table with the target
        Best of rows that the model hasn't learned from.
    repeats : int
        Shuffles of each column.
    seed : int
    most_rows : int
        More are sampled.

    Returns
    -------
    list of Importance

    Raises
    ------
    TableError
        If the table lacks a column, or has no row with a target.

    References
    ----------
    Breiman 2001, Random forests, section 10; Fisher, Rudin, Dominici 2019, All models are wrong,
    section 3.

    Examples
    --------
    >>> from chainrule.tables import TrainOptions, read, train
    >>> model = train(read("iris"), "target", TrainOptions("fast"))
    >>> found = importances(model, "iris")
    >>> found[0].column.startswith("petal"), found[0].mean > found[-1].mean
    (True, True)
    """
    X, y = _judged_rows(model, source, seed, most_rows)
    figure = _figure(model, X, y)
    found = []
    for column, inputs in _inputs_of(model).items():
        generator = np.random.default_rng([seed, inputs[0]])
        rises = []
        for _ in range(repeats):
            shuffled = X.copy()
            shuffled[:, inputs] = X[generator.permutation(len(X))][:, inputs]
            rises.append(_figure(model, shuffled, y) - figure)
        found.append(Importance(column, float(np.mean(rises)), float(np.std(rises))))
    return sorted(found, key=lambda one: -one.mean)


def effect(
    model: TableModel,
    source: Source,
    column: str,
    points: int = 9,
    seed: int = 0,
    most_rows: int = 500,
) -> Effect:
    """Return the partial dependence of a model's answers on a column.

    Parameters
    ----------
    model : TableModel
    source : table
        Whose rows have the other columns' values.
    column : str
    points : int
        Values of a column of numbers: so many of its quantiles, from the least to the greatest.
    seed : int
    most_rows : int
        More are sampled.

    References
    ----------
    Friedman 2001, Greedy function approximation: a gradient boosting machine, section 8.2.

    Examples
    --------
    >>> from chainrule.tables import TrainOptions, read, train
    >>> model = train(read("diabetes"), "target", TrainOptions("fast"))
    >>> found = effect(model, "diabetes", "bmi", points=3)
    >>> bool((np.diff(found.answers[:, 0]) > 0).all())
    True
    """
    if column not in model.features.names:
        raise TableError(f"the model doesn't read {column!r}; it reads {model.features.names}")
    table = model.table(source)
    rows = _sample(np.arange(table.n_rows), seed, most_rows)
    X = model.features.transform(table.take(rows), model.spec.dtype)
    encoders = [one for one in model.features.columns if one.name == column]
    values, cells = _values_of(encoders[0], table, points)
    blocks = np.hstack([one.encode(cells) for one in encoders])
    inputs, answers = _inputs_of(model)[column], []
    for block in blocks:
        X[:, inputs] = block
        answers.append(_answers(model, X).mean(axis=0))
    return Effect(column, values, np.array(answers, dtype=np.float64), encoders[0].kind)


def _values_of(column: Column, table: Table, points: int) -> tuple[tuple[str | float, ...], Table]:
    """Return the values that a column takes in turn, and a table of them."""
    if not isinstance(column, NumberColumn):
        known = column.categories[:_MOST_CATEGORIES]
        return known, Table("", pa.table({column.name: pa.array(known, pa.string())}), typed=True)
    present = table.only(column.name).take(np.flatnonzero(~missing(table, column.name)))
    order = np.argsort(column.values(present), kind="stable")
    picked = order[
        np.linspace(0, max(order.size - 1, 0), min(points, order.size)).round().astype(int)
    ]
    cells = present.take(picked)
    numbers, first = np.unique(column.values(cells), return_index=True)
    return tuple(numbers.tolist()), cells.take(first)


def _inputs_of(model: TableModel) -> dict[str, NDArray[np.int64]]:
    """Return which inputs each column becomes, all parts of a date together."""
    found: dict[str, list[int]] = {}
    for column, start in zip(model.features.columns, model.features.starts, strict=False):
        found.setdefault(column.name, []).extend(range(start, start + len(column.inputs)))
    return {name: np.array(inputs) for name, inputs in found.items() if inputs}


def _judged_rows(
    model: TableModel, source: Source, seed: int, most: int
) -> tuple[NDArray[np.floating[Any]], NDArray[Any]]:
    """Return X and y of rows that have the target."""
    table = model.table(source)
    known = np.flatnonzero(~missing(table, model.target.name))
    if not known.size:
        raise TableError(f"{table.name}, column {model.target.name!r}: all values are missing")
    rows = table.take(_sample(known, seed, most))
    return model.features.transform(rows, model.spec.dtype), model.truth(rows)


def _sample(rows: NDArray[np.int64], seed: int, most: int) -> NDArray[np.int64]:
    """Return at most so many of some rows, in their order."""
    if rows.size <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _figure(model: TableModel, X: NDArray[np.floating[Any]], y: NDArray[Any]) -> float:
    """Return the figure that is better the smaller it is: log-loss or RMSE."""
    answers = _answers(model, X)
    if isinstance(model.target, ClassTarget):
        right = answers[np.arange(y.size), y].astype(np.float64)
        return float(-np.log(np.maximum(right, np.finfo(answers.dtype).eps)).mean())
    return float(np.sqrt(np.mean(np.square(answers[:, 0] - y))))


def _answers(model: TableModel, X: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return the probabilities of the classes, or the number, of each row."""
    outputs = model.outputs_of(X)
    if isinstance(model.target, ClassTarget):
        return model.probabilities_of(outputs)
    return model.numbers_of(outputs)[:, np.newaxis]
