"""Batches: the data of a fit, and the order in which its steps visit them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.sparse_rows import SparseRows
from chainrule.theory.checks import require
from chainrule.theory.random import permutation

Array = NDArray[Any]


@dataclass(frozen=True)
class Order:
    """In which step of a run each sample is.

    Parameters
    ----------
    n_samples, batch_size : int
        An epoch's last batch is as large as is left.
    shuffle : bool
        Whether each epoch has an order of its own.
    seed : int
        Key of the shuffles, with the epoch.

    Examples
    --------
    >>> order = Order(n_samples=5, batch_size=2, shuffle=False)
    >>> order.rows(3), order.steps_of(4, steps=9)
    (array([4]), array([3, 6, 9]))
    """

    n_samples: int
    batch_size: int
    shuffle: bool = False
    seed: int = 0

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in one pass over the data."""
        return -(-self.n_samples // self.batch_size)

    def rows(self, step: int) -> NDArray[np.int64]:
        """Return the rows of X in the batch of a step (from 1), in the batch's order."""
        epoch, batch = divmod(step - 1, self.steps_per_epoch)
        return self._epoch(epoch)[batch * self.batch_size : (batch + 1) * self.batch_size]

    def steps_of(self, row: int, steps: int) -> NDArray[np.int64]:
        """Return those of the first steps whose batch has this row of X, one an epoch."""
        epochs = range(-(-steps // self.steps_per_epoch))
        places = [int(np.flatnonzero(self._epoch(epoch) == row)[0]) for epoch in epochs]
        batches = np.array(places, dtype=np.int64) // self.batch_size
        found = np.arange(len(places)) * self.steps_per_epoch + batches + 1
        return found[found <= steps]

    def _epoch(self, epoch: int) -> NDArray[np.int64]:
        if self.shuffle:
            return permutation(self.seed, epoch, self.n_samples)
        return np.arange(self.n_samples, dtype=np.int64)


@dataclass(frozen=True)
class Batches:
    """Samples cut into batches: shuffled anew each epoch, the last batch as large as is left.

    Parameters
    ----------
    X : ndarray or SparseRows of shape (n, inputs)
    y : ndarray of shape (n, outputs)
    sample_weight : ndarray of shape (n,) or None
    batch_size : int
        From 1 to n.
    shuffle : bool
    seed : int
        Key of the shuffles, with the epoch; and of dropout, with the step.
    steps_before : int
        Steps that the optimizer took on other samples: its t, and dropout's step, count them.

    Notes
    -----
    X, y and sample_weight are C-contiguous, of the network's dtype, and are not copied.

    Raises
    ------
    ValueError
        If a batch would have no samples, or more than there are.
    """

    X: Array | SparseRows
    y: Array
    sample_weight: Array | None
    batch_size: int
    shuffle: bool = False
    seed: int = 0
    steps_before: int = 0

    def __post_init__(self) -> None:
        n = len(self.X)
        require(
            1 <= self.batch_size <= n,
            f"batch_size must be from 1 to n_samples ({n}), got {self.batch_size}",
        )

    @classmethod
    def whole(cls, X: Array | SparseRows, y: Array, sample_weight: Array | None) -> "Batches":
        """Return all samples as one batch, in their own order."""
        return cls(X, y, sample_weight, batch_size=len(X))

    @cached_property
    def mean_weight(self) -> float:
        """Mean s̄ of all sample weights; 1 without any.

        In L of a batch B, sample i has the share sᵢ / (|B| s̄): so the mean of the batches' losses,
        weighted by their sizes, is L of all samples, and the mean of their gradients ∂L/∂θ.
        """
        return mean_weight(self.sample_weight)

    @cached_property
    def order(self) -> Order:
        """In which step each sample is."""
        return Order(len(self.X), self.batch_size, self.shuffle, self.seed)


def shares(reduction: str, sample_weight: Array | None, n: int, mean: float) -> Array:
    """Return the factor of each of n ℓᵢ in L: 1/n, sᵢ / (n s̄), or for the sum 1, sᵢ.

    The mean s̄ is that of all samples, of which these n may be a batch.
    """
    s = np.ones(n) if sample_weight is None else sample_weight
    return s if reduction == "sum" or mean == 0 else s / (n * mean)


def mean_weight(sample_weight: Array | None) -> float:
    """Return the mean of the sample weights; 1 without any."""
    return 1.0 if sample_weight is None else float(np.mean(sample_weight, dtype=np.float64))
