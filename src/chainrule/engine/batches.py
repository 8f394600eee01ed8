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

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in one pass over the data."""
        return -(-len(self.X) // self.batch_size)

    def rows(self, step: int) -> NDArray[np.int64]:
        """Return the rows of X in the batch of a step (from 1), in the batch's order."""
        epoch, batch = divmod(step - 1, self.steps_per_epoch)
        places = slice(batch * self.batch_size, (batch + 1) * self.batch_size)
        if self.shuffle:
            return permutation(self.seed, epoch, len(self.X))[places]
        return np.arange(len(self.X), dtype=np.int64)[places]


def mean_weight(sample_weight: Array | None) -> float:
    """Return the mean of the sample weights; 1 without any."""
    return 1.0 if sample_weight is None else float(np.mean(sample_weight, dtype=np.float64))
