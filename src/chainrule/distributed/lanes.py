"""A worker's part: the rows of its lanes, chunk by chunk, and what they add up to."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from chainrule.distributed.order import EpochOrder, RowOrder
from chainrule.distributed.sums import Sums, Tree, subtrees
from chainrule.engine import compiled
from chainrule.engine.batches import Batches
from chainrule.engine.parameters import Parameters
from chainrule.engine.spec import NetworkSpec
from chainrule.theory.optimizers import SGD

Array = NDArray[Any]

CHUNK_ROWS = 1024  # at most; part of the promise of the same bits
_SIZES = 4  # of chunks, whose trainers are kept: a share's, its rest's, and an epoch's last


class Reader(Protocol):
    """Reads groups of rows; soonest what follows the rows that it read before."""

    def read(self, group: int, first: int, last: int) -> Iterable[Array]:
        """Yield rows ``first`` ≤ i < ``last`` of a group, as ``Source.fill`` takes them."""


class Source(Protocol):
    """Where rows come from, in groups; it can be sent to other processes."""

    @property
    def group_rows(self) -> tuple[int, ...]:
        """The rows of each group."""

    def reader(self) -> Reader:
        """Return what reads them, for one lane."""

    def fill(self, rows: Array, X: Array, y: Array) -> None:
        """Write the inputs and the targets of rows, as a network takes them."""


class Kept:
    """A source whose groups stay in memory once they are read: for rows that fit there.

    Parameters
    ----------
    source : Source
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._groups: dict[int, Array] = {}
        self.group_rows, self.fill = source.group_rows, source.fill

    def reader(self) -> Kept:
        """Return what reads them, for one lane."""
        return self

    def read(self, group: int, first: int, last: int) -> Iterator[Array]:
        """Yield rows ``first`` ≤ i < ``last`` of a group."""
        if group not in self._groups:
            rows = self._source.reader().read(group, 0, self.group_rows[group])
            self._groups[group] = np.concatenate(list(rows))
        yield self._groups[group][first:last]


def samples_of(source: Source, rows: Array, spec: NetworkSpec) -> tuple[Array, Array]:
    """Return X and y of rows, of a network's dtype."""
    X, y = (np.empty((len(rows), n), spec.dtype) for n in (spec.n_inputs, spec.n_outputs))
    source.fill(rows, X, y)
    return X, y


class Lane:
    """The rows of one lane: a buffer of them in memory, shuffled.

    Parameters
    ----------
    source : Source
    number : int
    """

    def __init__(self, source: Source, number: int) -> None:
        self._reader, self._number = source.reader(), number
        self._held: tuple[int, int] | None = None  # epoch and buffer
        self._rows: Array = np.empty((0, 0))
        self._ranks: NDArray[np.int64] = np.empty(0, np.int64)

    def rows(self, epoch: EpochOrder, step: int) -> Array:
        """Return the rows for a step of an epoch, both from 0; none beyond the lane's end."""
        order = epoch.order
        first, last = order.lane(self._number)
        begin = min(step * order.share, last - first)
        end = min(begin + order.share, last - first)
        parts = []
        for buffer in range(begin // order.buffer_rows, -(-end // order.buffer_rows)):
            offset = buffer * order.buffer_rows
            self._hold(epoch, buffer)
            parts.append(self._rows[self._ranks[max(begin - offset, 0) : end - offset]])
        return parts[0] if len(parts) == 1 else np.concatenate(parts or [self._rows[:0]])

    def _hold(self, epoch: EpochOrder, buffer: int) -> None:
        """Read a buffer, unless it is the one that is held."""
        if self._held == (epoch.epoch, buffer):
            return
        self._held, at = None, 0
        for piece in epoch.pieces(self._number, buffer):
            for rows in self._reader.read(*piece):
                if self._rows.shape[1] != rows.shape[1]:  # the first of all
                    self._rows = np.empty((epoch.order.buffer_rows, rows.shape[1]))
                self._rows[at : at + len(rows)] = rows
                at += len(rows)
        self._ranks = epoch.ranks(self._number, buffer)
        self._held = epoch.epoch, buffer


class ChunkSums:
    """Σ ℓᵢ and Σ ∂ℓᵢ/∂θ over chunks of rows, by one thread.

    Parameters
    ----------
    source : Source
    parameters : Parameters
        Read at each call. Their penalty is left out.
    seed : int
        Of dropout.
    """

    def __init__(self, source: Source, parameters: Parameters, seed: int) -> None:
        spec = replace(parameters.spec, reduction="sum", l2=0.0, l1=0.0)
        self._source, self._seed = source, seed
        self._parameters = Parameters(spec, parameters.theta)
        self._trainers: dict[int, compiled.Trainer] = {}

    def of(self, rows: Array, number: int) -> Sums:
        """Return the sums over a chunk; its number in the fit is the key of dropout."""
        trainer = self._trainer(len(rows), number)
        self._source.fill(rows, trainer.batches.X, trainer.batches.y)  # type: ignore[arg-type]
        loss, gradient = trainer.gradient()
        return Sums(len(rows), loss, gradient)

    def _trainer(self, rows: int, number: int) -> compiled.Trainer:
        """Return a trainer whose batch is so many rows: made once, but for dropout."""
        spec = self._parameters.spec
        trainer = self._trainers.get(rows)
        if trainer is None or spec.dropout:
            X, y = (np.empty((rows, n), spec.dtype) for n in (spec.n_inputs, spec.n_outputs))
            batches = Batches(X, y, None, rows, seed=self._seed, steps_before=number)
            trainer = compiled.Trainer(self._parameters, SGD(), [], batches, threads=1)
            if len(self._trainers) == _SIZES:
                self._trainers.clear()
            self._trainers[rows] = trainer
        return trainer


class Worker:
    """Adds up the chunks of any lanes; what it has read of them it keeps.

    Parameters
    ----------
    source : Source
    order : RowOrder
    spec : NetworkSpec
    threads : int

    Attributes
    ----------
    busy : float
        Seconds for which its threads worked so far, all together.
    """

    def __init__(
        self, source: Source, order: RowOrder, spec: NetworkSpec, threads: int = 1
    ) -> None:
        self._source, self._order = source, order
        self._parameters = Parameters(spec)
        self._epoch = order.epoch(0)
        self._lanes: dict[int, Lane] = {}
        self._mine = threading.local()
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self.busy = 0.0

    def sums(
        self, theta: Array, epoch: int, steps: range, lanes: range
    ) -> list[tuple[int, int, Sums]]:
        """Return what some lanes add up to in some steps of an epoch.

        Returns
        -------
        list of (lane, height, Sums)
            Of each of the largest subtrees over these lanes; see ``Tree``.
        """
        self._parameters.theta[:] = theta
        if self._epoch.epoch != epoch:
            self._epoch = self._order.epoch(epoch)
        each = self._pool.map if self._pool else map
        leaves = []
        for sums, seconds in each(lambda lane: self._timed_sums(lane, steps), lanes):
            leaves.append(sums)
            self.busy += seconds
        found = []
        for first, height in subtrees(lanes.start, lanes.stop):
            tree = Tree()
            for lane in range(first, first + (1 << height)):
                tree.add(leaves[lane - lanes.start])
            found.append((first, height, tree.total()))
        return found

    def hold(self, lanes: range) -> None:
        """Forget what was read of other lanes, which others have from now on."""
        self._lanes = {number: lane for number, lane in self._lanes.items() if number in lanes}

    def close(self) -> None:
        """End the threads."""
        if self._pool:
            self._pool.shutdown()

    def _timed_sums(self, number: int, steps: range) -> tuple[Sums, float]:
        began = time.perf_counter()
        return self._lane_sums(number, steps), time.perf_counter() - began

    def _lane_sums(self, number: int, steps: range) -> Sums:
        """Return the sums over the chunks of one lane: a tree of its own."""
        if not hasattr(self._mine, "sums"):
            self._mine.sums = ChunkSums(self._source, self._parameters, self._order.seed)
        lane = self._lanes.get(number) or self._lanes.setdefault(number, Lane(self._source, number))
        tree = Tree()
        for step in steps:
            rows = lane.rows(self._epoch, step)
            for first, chunk in self._chunks(number, step, len(rows)):
                tree.add(self._mine.sums.of(rows[first : first + CHUNK_ROWS], chunk))
        return tree.total() if tree else Sums(0, 0.0, np.zeros_like(self._parameters.theta))

    def _chunks(self, lane: int, step: int, rows: int) -> Iterator[tuple[int, int]]:
        """Yield where each chunk of a lane's share begins, and its number in the fit."""
        order = self._order
        a_share = -(-order.share // CHUNK_ROWS)
        before = (self._epoch.epoch * order.steps_per_epoch + step) * order.lanes + lane
        for k in range(-(-rows // CHUNK_ROWS)):
            yield k * CHUNK_ROWS, before * a_share + k


def joined(parts: Sequence[tuple[int, int, Sums]]) -> Sums:
    """Return the sum over all lanes, of which each has been added up by some worker."""
    tree = Tree()
    for _, height, sums in sorted(parts, key=lambda part: part[0]):
        tree.add(sums, height)
    return tree.total()


def busy_at_once(order: RowOrder, workers: int | None) -> int:
    """Return how many of so many workers have something to do: at most one for each lane.

    Parameters
    ----------
    order : RowOrder
    workers : int, optional
        As many as there are cores without it.
    """
    return min(workers or compiled.FASTEST.most, order.lanes)
