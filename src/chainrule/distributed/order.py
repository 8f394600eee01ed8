"""Which rows are in a step's batch: a function of (seed, epoch, step) alone."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.theory.checks import require, require_whole
from chainrule.theory.random import permutation, ranks_of_draws


class Piece(NamedTuple):
    """Rows ``first`` ≤ i < ``last`` of a group."""

    group: int
    first: int
    last: int


@dataclass(frozen=True)
class RowOrder:
    """In which order the rows of an epoch are visited, and by which lane.

    The groups are shuffled by (seed, epoch), and the rows, one group after the other, cut into as
    many *lanes* of one length. A batch takes the next ``batch_size / lanes`` rows of every lane. A
    lane reads ``buffer_rows`` rows at a time, and shuffles these among themselves, by (seed, epoch)
    and the place of the first. So a lane is all that a worker must read, and no row depends on
    how many workers there are.

    Parameters
    ----------
    group_rows : tuple of int
        The rows of each group: what is read at once.
    batch_size : int
        A multiple of ``lanes``.
    lanes : int
        A power of two; at most so many workers are busy.
    buffer_rows : int
    shuffle : bool
    seed : int

    Examples
    --------
    >>> order = RowOrder((4, 4), batch_size=4, lanes=2, buffer_rows=4, shuffle=False)
    >>> order.steps_per_epoch, order.epoch(0).pieces(lane=1, buffer=0)
    (2, [Piece(group=1, first=0, last=4)])
    """

    group_rows: tuple[int, ...]
    batch_size: int
    lanes: int
    buffer_rows: int
    shuffle: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        require(sum(self.group_rows) > 0, "there are no rows to learn from")
        require_lanes(self.lanes)
        require_whole("batch_size", self.batch_size, 1)
        require(
            self.batch_size % self.lanes == 0,
            f"batch_size must be a multiple of lanes ({self.lanes}), got {self.batch_size}",
        )
        require_whole("buffer_rows", self.buffer_rows, 1)

    @cached_property
    def n_rows(self) -> int:
        """Rows of all groups."""
        return sum(self.group_rows)

    @property
    def share(self) -> int:
        """Rows that a lane gives a step."""
        return self.batch_size // self.lanes

    @cached_property
    def steps_per_epoch(self) -> int:
        """Number of batches in one pass over the rows; the last ones may be smaller."""
        longest = -(-self.n_rows // self.lanes)
        return -(-longest // self.share)

    def lane(self, lane: int) -> tuple[int, int]:
        """Return where a lane begins and ends, in the rows of an epoch."""
        return lane * self.n_rows // self.lanes, (lane + 1) * self.n_rows // self.lanes

    def buffers(self, lane: int) -> int:
        """Return how many buffers a lane reads in an epoch."""
        first, last = self.lane(lane)
        return -(-(last - first) // self.buffer_rows)

    def epoch(self, epoch: int) -> EpochOrder:
        """Return the order of one epoch, from 0."""
        return EpochOrder(self, epoch)


def require_lanes(lanes: object) -> None:
    """Raise ``ValueError`` unless a number of lanes is a power of two."""
    require_whole("lanes", lanes, 1)
    require(int(lanes).bit_count() == 1, f"lanes must be a power of two, got {lanes}")  # type: ignore[call-overload]


class EpochOrder:
    """In which order the lanes visit the rows of one epoch.

    Parameters
    ----------
    order : RowOrder
    epoch : int
    """

    def __init__(self, order: RowOrder, epoch: int) -> None:
        count = len(order.group_rows)
        groups = permutation(order.seed, epoch, count) if order.shuffle else np.arange(count)
        self.order, self.epoch = order, epoch
        self._groups: list[int] = groups.tolist()
        self._ends = list(accumulate(order.group_rows[group] for group in self._groups))

    def pieces(self, lane: int, buffer: int) -> list[Piece]:
        """Return what a lane reads into one of its buffers."""
        begin, end = self._place(lane, buffer)
        pieces = []
        at = bisect_right(self._ends, begin)
        while begin < end:
            group, stop = self._groups[at], min(end, self._ends[at])
            start = self._ends[at] - self.order.group_rows[group]
            if stop > begin:
                pieces.append(Piece(group, begin - start, stop - start))
            begin, at = stop, at + 1
        return pieces

    def places(self, lane: int, buffer: int) -> NDArray[np.int64]:
        """Return as which each row of a buffer is visited, in the order in which they are read."""
        begin, end = self._place(lane, buffer)
        places = np.arange(end - begin)
        if self.order.shuffle:
            visited = ranks_of_draws(self.order.seed, self.epoch, 1 + begin, end - begin)
            places[visited] = places.copy()
        return places

    def _place(self, lane: int, buffer: int) -> tuple[int, int]:
        first, last = self.order.lane(lane)
        begin = first + buffer * self.order.buffer_rows
        return begin, min(begin + self.order.buffer_rows, last)
