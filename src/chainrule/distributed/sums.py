"""What rows add up to, in one fixed binary tree: so it doesn't matter who adds up what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass
class Sums:
    """Sums over some rows.

    Attributes
    ----------
    rows : int
    loss : float
        Σ ℓᵢ.
    gradient : ndarray
        Σ ∂ℓᵢ/∂θ, laid out as θ.
    """

    rows: int
    loss: float
    gradient: Array

    def __iadd__(self, other: Sums) -> Sums:
        """Add those of other rows; the gradient is written in place."""
        self.rows += other.rows
        self.loss += other.loss
        self.gradient += other.gradient
        return self


class Tree:
    """Adds up numbered leaves, given in their order, in a binary tree over their numbers.

    Leaves 2k and 2k + 1 are added first, then such pairs likewise, and so on: as the digits of a
    binary number carry. Who has the leaves from a 2ʰ to (a + 1) 2ʰ can add these up alone, and give
    the sum at that height: no bit tells.

    Examples
    --------
    >>> import numpy as np
    >>> tree = Tree()
    >>> for k in range(3):
    ...     tree.add(Sums(1, float(k), np.full(1, float(k))))
    >>> tree.total().loss
    3.0
    """

    def __init__(self) -> None:
        self._roots: list[tuple[int, Sums]] = []  # of whole subtrees, each with its height

    def add(self, sums: Sums, height: int = 0) -> None:
        """Add the next leaf, or a whole subtree of this height; it may be written into."""
        while self._roots and self._roots[-1][0] == height:
            left = self._roots.pop()[1]
            left += sums
            sums, height = left, height + 1
        self._roots.append((height, sums))

    def __bool__(self) -> bool:
        return bool(self._roots)

    def total(self) -> Sums:
        """Return the sum of all leaves, of which there are some; the tree is then empty."""
        _, total = self._roots.pop()
        while self._roots:
            _, left = self._roots.pop()
            left += total
            total = left
        return total


def subtrees(first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield (leaf, height) of the largest whole subtrees that make up leaves first ≤ k < last.

    Examples
    --------
    >>> list(subtrees(3, 8))
    [(3, 0), (4, 2)]
    """
    while first < last:
        height = (last - first).bit_length() - 1
        if first:
            height = min(height, (first & -first).bit_length() - 1)
        yield first, height
        first += 1 << height
