"""A worker's part: the rows of its lanes, chunk by chunk, and what they add up to."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
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

_FEW, _MANY = 256, 1024  # rows of a chunk; part of the promise of the same bits
_IN_CACHE = 1 << 20  # bytes
_PIECE = 4 << 20  # bytes of samples that the engine gets at a time, if a chunk has no more
_SIZES = 4  # of pieces, whose trainers are kept: a share's, its rest's, and an epoch's last


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
        self._rows: Array = np.empty((0, 0))  # of the buffer, as they are visited

    def rows(self, epoch: EpochOrder, step: int) -> Array:
        """Return the rows for a step of an epoch, both from 0; none beyond the lane's end.

        They are to be read before the next are asked for.
        """
        order = epoch.order
        first, last = order.lane(self._number)
        begin = min(step * order.share, last - first)
        end = min(begin + order.share, last - first)
        buffers = range(begin // order.buffer_rows, -(-end // order.buffer_rows))
        parts = []
        for buffer in buffers:
            offset = buffer * order.buffer_rows
            self._hold(epoch, buffer)
            part = self._rows[max(begin - offset, 0) : min(end - offset, order.buffer_rows)]
            parts.append(part.copy() if len(buffers) > 1 else part)
        return parts[0] if len(parts) == 1 else np.concatenate(parts or [self._rows[:0]])

    def _hold(self, epoch: EpochOrder, buffer: int) -> None:
        """Read a buffer, unless it is the one that is held."""
        if self._held == (epoch.epoch, buffer):
            return
        self._held, at = None, 0
        places = epoch.places(self._number, buffer)
        for piece in epoch.pieces(self._number, buffer):
            for rows in self._reader.read(*piece):
                if self._rows.shape[1] != rows.shape[1]:  # the first of all
                    self._rows = np.empty((epoch.order.buffer_rows, rows.shape[1]))
                self._rows[places[at : at + len(rows)]] = rows
                at += len(rows)
        self._held = epoch.epoch, buffer


def chunk_rows(spec: NetworkSpec) -> int:
    """Return how many rows a chunk has: few, whose activations stay in a core's cache with θ.

    Where θ itself is too large for it, each chunk reads it anew, and more rows have it in common.
    """
    parameters = spec.n_weights + spec.n_biases
    return _FEW if parameters * np.dtype(spec.dtype).itemsize <= _IN_CACHE else _MANY


class ShareSums:
    """Σ ℓᵢ and Σ ∂ℓᵢ/∂θ over a lane's share of a batch, by one thread.

    The engine adds up chunks in a tree, and here the pieces that it gets, each a whole subtree: as
    many chunks as make up to 4 MiB of samples.

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
        self._chunk = self._piece = chunk_rows(spec)
        sample = (spec.n_inputs + spec.n_outputs) * parameters.theta.itemsize
        while 2 * self._piece * sample <= _PIECE:
            self._piece *= 2

    def of(self, rows: Array, number: int) -> Sums:
        """Return the sums over some rows; the first chunk's number in the fit is a key of dropout.

        The next chunks have the next numbers.
        """
        tree = Tree()
        for first in range(0, len(rows), self._piece):
            piece = rows[first : first + self._piece]
            trainer = self._trainer(len(piece), number + first // self._chunk)
            X, y = trainer.batches.X, trainer.batches.y
            self._source.fill(piece, X, y)  # type: ignore[arg-type]
            loss, gradient = trainer.gradient(-(-len(piece) // self._chunk))
            tree.add(Sums(len(piece), loss, gradient))
        return tree.total() if tree else Sums(0, 0.0, np.zeros_like(self._parameters.theta))

    def _trainer(self, rows: int, number: int) -> compiled.Trainer:
        """Return a trainer on so many rows, a batch a chunk: made once, but for dropout."""
        spec = self._parameters.spec
        trainer = self._trainers.get(rows)
        if trainer is None or spec.dropout:
            X, y = (np.empty((rows, n), spec.dtype) for n in (spec.n_inputs, spec.n_outputs))
            chunk = min(self._chunk, rows)
            batches = Batches(X, y, None, chunk, seed=self._seed, steps_before=number)
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
        leaves = iter(each(lambda lane: self._timed_sums(lane, steps), lanes))
        found = []
        for first, height in subtrees(lanes.start, lanes.stop):
            tree = Tree()
            for sums, seconds in islice(leaves, 1 << height):  # added up while others work
                tree.add(sums)
                self.busy += seconds
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
        """Return the sums over the shares of one lane: a tree of its own."""
        if not hasattr(self._mine, "sums"):
            self._mine.sums = ShareSums(self._source, self._parameters, self._order.seed)
        lane = self._lanes.get(number) or self._lanes.setdefault(number, Lane(self._source, number))
        tree = Tree()
        for step in steps:
            rows = lane.rows(self._epoch, step)
            tree.add(self._mine.sums.of(rows, self._first_chunk(number, step)))
        return tree.total()

    def _first_chunk(self, lane: int, step: int) -> int:
        """Return the number in the fit of the first chunk of a lane's share."""
        order = self._order
        shares = (self._epoch.epoch * order.steps_per_epoch + step) * order.lanes + lane
        return shares * -(-order.share // chunk_rows(self._parameters.spec))


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
