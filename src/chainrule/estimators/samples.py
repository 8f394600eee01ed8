"""Prepared: what a fit of an estimator learns from, and what of it is held out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from chainrule.engine.sparse_rows import SparseRows
from chainrule.theory.random import Purpose, raw_draws

Array = NDArray[Any]

TOO_SMALL = (
    "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
)


class Prepared(NamedTuple):
    """Samples as the network takes them, beside the targets as they were given.

    Attributes
    ----------
    X : ndarray or SparseRows of shape (n, inputs)
    y : ndarray of shape (n, targets)
        For the network: numbers, or a column a class.
    truth : ndarray of shape (n,) or (n, targets)
        For scorers.
    weight : ndarray of shape (n,) or None
        In the loss and the score.
    copies : ndarray of shape (n,) or None
        How many samples each counts as: its weight without that of its class.
    """

    X: Array | SparseRows
    y: Array
    truth: Array
    weight: Array | None
    copies: Array | None

    def take(self, rows: Array) -> Prepared:
        """Return these rows."""
        X = self.X.take(rows) if isinstance(self.X, SparseRows) else self.X[rows]
        weight = None if self.weight is None else self.weight[rows]
        copies = None if self.copies is None else self.copies[rows]
        return Prepared(X, self.y[rows], self.truth[rows], weight, copies)

    def counted(self) -> Prepared:
        """Return the samples without those of weight 0, which count nothing."""
        if self.weight is None or (self.weight > 0).all():
            return self
        return self.take(np.flatnonzero(self.weight > 0))


def divided(
    data: Prepared, fraction: float, seed: int, classes: Array | None
) -> tuple[Prepared, Prepared]:
    """Return the samples to learn from, and those that are held out.

    Which side a sample is on follows from its own numbers and the seed, not from its place: so
    samples that are the same are on the same side, and a sample of weight 2 counts as two.

    Parameters
    ----------
    data : Prepared
    fraction : float
        Of the weight that is held out: of each class as much, but never all there is of one.
    seed : int
    classes : ndarray of shape (n,), optional

    Raises
    ------
    ValueError
        As scikit-learn's ``train_test_split``; or if fewer than two samples would be held out.
    """
    n = len(data.X)
    if n < 4:
        raise ValueError(f"{TOO_SMALL} It has n_samples={n}, and needs 4.")
    if classes is not None and data.y.shape[1] == 1:  # its errors of classes with few samples
        train_test_split(data.y > 0, test_size=max(2, int(fraction * n)), stratify=data.y > 0)
    kinds = np.zeros(n, np.int64) if classes is None else classes.astype(np.int64)
    copies = np.ones(n) if data.copies is None else data.copies.astype(np.float64)
    _, groups = np.unique(_keys(data.X, data.y, seed), return_inverse=True)
    held_out = _chosen(groups, kinds, copies, fraction)
    return data.take(np.flatnonzero(~held_out)), data.take(np.flatnonzero(held_out))


def _chosen(groups: Array, kinds: Array, copies: Array, fraction: float) -> Array:
    """Return which samples are held out, (n,): some of the first groups of each kind.

    What one kind gives too much, the next gives less. At least two groups, and of each kind at
    least as many stay.
    """
    mass = np.bincount(groups, copies)
    kind = np.zeros(len(mass), np.int64)
    kind[groups] = kinds
    members = [np.flatnonzero(kind == k) for k in range(int(kind.max()) + 1)]
    spare = [iter(rows[: len(rows) // 2]) for rows in members]
    taken: list[int] = []
    owed = 0.0
    for rows, rest in zip(members, spare, strict=True):
        owed += fraction * mass[rows].sum()
        while owed > 1e-9 * mass.sum() and (one := next(rest, None)) is not None:
            taken.append(int(one))
            owed -= mass[one]
    for rest in spare:
        taken += [int(one) for one in rest if len(taken) < 2]
    if len(taken) < 2:
        raise ValueError(TOO_SMALL)
    return np.isin(groups, taken)


def _keys(X: Array | SparseRows, y: Array, seed: int) -> NDArray[np.uint64]:
    """Return a random key of each row, the same for the same numbers: multilinear hashing.

    Σ of its words times odd numbers, so that what is 0 adds nothing, kept or not.
    """
    factors = raw_draws(seed, Purpose.SPLIT, 2 * (X.shape[1] + y.shape[1])) | np.uint64(1)
    of_X, of_y = np.split(factors, [2 * X.shape[1]])
    keys = _products(y, of_y)
    if isinstance(X, SparseRows):
        pairs = of_X.reshape(-1, 2)[X.columns]
        words = _words(X.values.reshape(-1, 1))
        sums = np.cumsum((pairs * words).sum(axis=1), dtype=np.uint64)
        ends = np.concatenate([np.zeros(1, np.uint64), sums])
        keys += ends[X.starts[1:]] - ends[X.starts[:-1]]
    else:
        keys += _products(X, of_X)
    return keys ^ (keys >> np.uint64(32))


def _products(numbers: Array, factors: NDArray[np.uint64]) -> NDArray[np.uint64]:
    total = np.zeros(len(numbers), np.uint64)
    for words, factor in zip(_words(numbers).T, factors, strict=True):
        total += factor * words
    return total


def _words(numbers: Array) -> NDArray[np.uint64]:
    """Return each number as two words of 32 bits; -0 is 0."""
    words = np.ascontiguousarray(numbers.astype(np.float64) + 0.0).view(np.uint32)
    return words.astype(np.uint64)
