"""Which rows a network is trained on, which stop the training, and which are held out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEAST_OF_A_CLASS = 4


@dataclass(frozen=True)
class Split:
    """Row numbers, each row in one part: shapes (n_training,), (n_validation,), (n_test,).

    Examples
    --------
    >>> parts = split(100, 0.2, 0.12, seed=0)
    >>> len(parts.training), len(parts.validation), len(parts.test)
    (70, 10, 20)
    """

    training: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def split(
    n_rows: int,
    test_fraction: float,
    validation_fraction: float,
    seed: int,
    classes: NDArray[np.int64] | None = None,
) -> Split:
    """Rows into training, validation and test parts, the same for the same seed.

    Parameters
    ----------
    n_rows : int
    test_fraction : float
        Of all rows; 0 holds none out.
    validation_fraction : float
        Of the rows that aren't held out; 0 for none.
    seed : int
    classes : ndarray of int64, shape (n_rows,), optional
        Class numbers: each part gets its share of each class, where a class has rows enough.

    Returns
    -------
    Split
    """
    rows = np.arange(n_rows, dtype=np.int64)
    rest, test = _parted(rows, test_fraction, seed, classes)
    training, validation = _parted(rest, validation_fraction, seed, classes)
    return Split(training, validation, test)


def folds(
    rows: NDArray[np.int64], count: int, seed: int, classes: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], ...]:
    """Return the rows in so many parts of the same size, each with its share of each class.

    Parameters
    ----------
    rows : ndarray of int64, shape (n,)
    count : int
        Fewer where the parts would have less than two rows.
    seed : int
    classes : ndarray of int64, shape (n,), optional
        Class numbers of the rows.

    Examples
    --------
    >>> [part.size for part in folds(np.arange(11), 3, seed=0)]
    [4, 4, 3]
    """
    count = max(min(count, rows.size // 2), 1)
    order = np.random.default_rng(seed).permutation(rows.size)
    if classes is not None:
        order = order[np.argsort(classes[order], kind="stable")]
    return tuple(np.sort(rows[order[k::count]]) for k in range(count))


def _parted(
    rows: NDArray[np.int64], fraction: float, seed: int, classes: NDArray[np.int64] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows that stay and the fraction that is taken, each in ascending order."""
    count = min(round(fraction * rows.size), rows.size - 1)
    if count == 0:
        return rows, rows[:0]
    from sklearn.model_selection import train_test_split

    strata = None if classes is None else _strata(classes[rows])
    if strata is not None and min(count, rows.size - count) < np.unique(strata).size:
        strata = None
    kept, taken = train_test_split(rows, test_size=count, random_state=seed, stratify=strata)
    return np.sort(kept), np.sort(taken)


def _strata(classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the classes, those with too few rows to be shared out joined to the largest class."""
    counts = np.bincount(classes)
    return np.where(counts[classes] < _LEAST_OF_A_CLASS, counts.argmax(), classes)
