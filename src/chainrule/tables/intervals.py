"""How far predictions of numbers are off on rows that were not learned from; intervals."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.theory.checks import require, require_number

_KEPT = 10_000  # order statistics at most: a file stays small


@dataclass(frozen=True, eq=False)
class Errors:
    """The absolute errors of n predictions, each of a row that the network hadn't learned from.

    An interval of coverage c is the prediction ± the ⌈(n + 1) c⌉-th smallest of them. If a new row
    and these n come in any order with the same probability, and are predicted alike, the number
    lies in it with a probability of at least c.

    Parameters
    ----------
    sorted : ndarray of float64
        All, or of more than 10,000 so many of them: number i of m is the ⌈i n / m⌉-th.
    count : int
        n.

    Notes
    -----
    Papadopoulos, Proedrou, Vovk, Gammerman 2002, Inductive confidence machines for regression,
    for rows that are held out; for folds, Vovk 2015, Cross-conformal predictors, with
    the mean of the networks in the place of each fold's, which is nearer to the truth than they.

    Examples
    --------
    >>> errors = Errors.of(np.arange(1.0, 100.0))
    >>> errors.half_width(0.9), errors.half_width(0.995)
    (90.0, inf)
    """

    sorted: NDArray[np.float64]
    count: int

    @classmethod
    def of(cls, errors: NDArray[np.floating[Any]]) -> "Errors":
        """Return the absolute errors of these."""
        ordered = np.sort(np.abs(np.asarray(errors, dtype=np.float64)))
        n = ordered.size
        if n > _KEPT:
            ranks = -(-np.arange(1, _KEPT + 1) * n // _KEPT)  # rounded up
            ordered = ordered[ranks - 1]
        return cls(ordered, n)

    @classmethod
    def restore(cls, count: object, sorted_: NDArray[Any]) -> "Errors":
        """Return the errors that a file has; ``ValueError`` if they can't be any."""
        good = sorted_.dtype == np.float64 and sorted_.ndim == 1 and sorted_.size > 0
        require(good, f"errors: expected numbers in one row, got {sorted_.dtype}")
        ordered = bool((np.diff(sorted_) >= 0).all() and sorted_[0] >= 0)
        require(ordered, "errors: expected them from 0 on, in their order")
        known = isinstance(count, int) and sorted_.size == min(count, _KEPT)
        require(known, f"errors: expected the count of {sorted_.size}, got {count!r:.60}")
        return cls(sorted_, count)  # type: ignore[arg-type]

    def half_width(self, coverage: float) -> float:
        """Return half of an interval's width; infinite where the rows are too few to say."""
        require_number("coverage", coverage, lambda v: 0 < v < 1, "between 0 and 1")
        rank = math.ceil(round((self.count + 1) * coverage, 9))  # 0.9 of 10 are 9
        if rank > self.count:
            return math.inf
        place = -(-rank * self.sorted.size // self.count)
        return float(self.sorted[place - 1])
