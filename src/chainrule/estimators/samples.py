"""Prepared: what a fit of an estimator learns from, and what of it is held out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from chainrule.theory.random import Purpose, raw_draws

Array = NDArray[Any]

TOO_SMALL = (
    "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
)


class Prepared(NamedTuple):
    """Samples as the network takes them, beside the targets as they were given.

    Attributes
    ----------
    X : ndarray of shape (n, inputs)
    y : ndarray of shape (n, targets)
        For the network: numbers, or a column a class.
    truth : ndarray of shape (n,) or (n, targets)
        For scorers.
    weight : ndarray of shape (n,) or None
        In the loss and the score.
    copies : ndarray of shape (n,) or None
        How many samples each counts as: its weight without that of its class.
    """

    X: Array
    y: Array
    truth: Array
    weight: Array | None
    copies: Array | None

    def take(self, rows: Array) -> Prepared:
        """Return these rows."""
        given = self._asdict().items()
        return self._replace(**{name: part[rows] for name, part in given if part is not None})

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
    _, groups = np.unique(_keys(np.hstack([data.X, data.y]), seed), return_inverse=True)
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


def _keys(numbers: Array, seed: int) -> NDArray[np.uint64]:
    """Return a random key of each row, the same for the same numbers: multilinear hashing."""
    words = np.ascontiguousarray(numbers.astype(np.float64) + 0.0).view(np.uint32)  # -0 is 0
    odd = raw_draws(seed, Purpose.SPLIT, words.shape[1]) | np.uint64(1)
    keys = np.zeros(len(words), np.uint64)
    with np.errstate(over="ignore"):
        for column, factor in zip(words.T, odd, strict=True):
            keys += factor * column
    return keys ^ (keys >> np.uint64(32))
