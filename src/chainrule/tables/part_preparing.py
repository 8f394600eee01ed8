"""What a fit of a table in parts begins with: from one pass over it, or from a folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from chainrule.distributed.checkpoint import (
    CheckpointError,
    Checkpoints,
    read_arrays,
    require_same,
    write_arrays,
)
from chainrule.distributed.lanes import Kept, Source, busy_at_once
from chainrule.distributed.order import RowOrder, require_lanes
from chainrule.tables.options import TrainOptions
from chainrule.tables.part_learning import Learned, learned_from
from chainrule.tables.part_pass import HeldOut, Pass, facts_of, reads_of
from chainrule.tables.part_rows import rows_of
from chainrule.tables.parts import Parts
from chainrule.tables.table import Table
from chainrule.tables.targets import Task
from chainrule.theory.checks import require, require_whole

Array = NDArray[Any]

MEMORY = 2 << 30  # bytes, where nothing is said
MOST_HELD = 50_000  # rows to validate by, and as many to test by: they stay in memory
_OWN = 400 << 20  # bytes that Python, Arrow and the networks take
LANES = 8
_BATCH = 4096  # rows a step, of tables of many
_STEPS = 40  # of an epoch, where there are rows enough
_BUFFER = 1 << 18  # rows of a lane at most
_VISITS = 500_000  # rows to learn from, up to which a quality has as many epochs as in memory
_LEAST = 1024  # rows of a lane
_TEST = 0.2  # of the rows, where nothing is said: no folds tell what the network is worth
_LABELS = ("text", "boolean")
_OF_ORDER = ("batch_size", "lanes", "buffer_rows", "shuffle", "seed")
_PREPARED = "prepared.safetensors"


@dataclass(frozen=True)
class Where:
    """By whom the batches of a fit are added up, and where it is kept.

    Parameters
    ----------
    memory : int
        Bytes that may be taken, by all workers together.
    workers : int, optional
        Threads, or workers of Ray; without it as many as there are cores.
    ray : str, optional
        The address of a cluster of Ray, or "local" for one of its own on this machine.
    folder : str or Path, optional
        Where checkpoints are kept, and where one is found that is gone on with.
    lanes : int
        A power of two: at most so many workers are busy. The order of the rows depends on it.
    """

    memory: int = MEMORY
    workers: int | None = None
    ray: str | None = None
    folder: str | Path | None = None
    lanes: int = LANES

    def __post_init__(self) -> None:
        require_whole("memory", self.memory, 1)
        if self.workers is not None:
            require_whole("workers", self.workers, 1)
        require_lanes(self.lanes)


@dataclass(frozen=True)
class Prepared:
    """What a fit begins with.

    Parameters
    ----------
    learned : Learned
        What the pass found.
    held : HeldOut
    validation, test : ndarray of float64, shape (n, columns + 1)
        The rows that are held out, as `rows_of` gives them.
    order : RowOrder
    options : TrainOptions
        With everything chosen.
    """

    learned: Learned
    held: HeldOut
    validation: Array
    test: Array
    order: RowOrder
    options: TrainOptions

    def describe(self) -> dict[str, Any]:
        """Return all but the arrays, as JSON can hold it."""
        order = {name: getattr(self.order, name) for name in _OF_ORDER}
        return {
            "learned": self.learned.to_dict(),
            "held": list(self.held),
            "order": order,
            "options": self.options.to_dict(),
        }

    def arrays(self) -> dict[str, Array]:
        """Return the rows that are held out."""
        return {"validation": self.validation, "test": self.test}

    @classmethod
    def restore(cls, described: dict[str, Any], arrays: dict[str, Array]) -> Prepared:
        """Return what `describe` and `arrays` gave."""
        learned = Learned.from_dict(described["learned"])
        return cls(
            learned,
            HeldOut(*described["held"]),
            arrays["validation"],
            arrays["test"],
            RowOrder(learned.group_rows, **described["order"]),
            TrainOptions.from_dict(described["options"]),
        )


def prepared_parts(
    parts: Parts,
    target: str,
    options: TrainOptions,
    where: Where,
    looked: Callable[[int, int], Any] | None = None,
) -> Prepared:
    """Return what one pass over a table in parts finds.

    Parameters
    ----------
    parts : Parts
    target : str
    options : TrainOptions
    where : Where
    looked : callable, optional
        Called in the pass, with the rows seen and the rows there are.

    Raises
    ------
    TableError
        If the parts can't be used.
    ValueError
        If an option is of tables in memory alone, or the memory too little.
    """
    _check(options)
    kind, reads, left_out = reads_of(parts, target, options)
    held = _held_out(options, "classification" if kind in _LABELS else "regression", parts.n_rows)
    one_pass = Pass(parts, target, kind, options.task, tuple(reads), held)
    facts = facts_of(one_pass, looked, where.workers)
    learned = learned_from(facts, one_pass, left_out, options)
    chosen = _chosen(options, learned, where.lanes)

    def matrix(tables: list[pa.Table]) -> Array:
        found = [Table(parts.name, table, typed=True) for table in tables]
        rows = [rows_of(table, learned.features, learned.target) for table in found]
        return np.concatenate(rows) if rows else np.empty((0, len(learned.features.columns) + 1))

    order = _order(parts, learned, chosen, where)
    return Prepared(learned, held, matrix(facts.validation), matrix(facts.test), order, chosen)


def kept_or_prepared(keeper: Checkpoints | None, prepare: Callable[[], Prepared]) -> Prepared:
    """Return what a folder keeps of the same fit; else what is prepared, kept there from now on.

    Raises
    ------
    CheckpointError
        If what is there is damaged, or another fit's.
    """
    if keeper is None:
        return prepare()
    path = keeper.folder / _PREPARED
    if path.exists():
        described, arrays = read_arrays(path)
        require_same(path, described["about"], keeper.about)
        try:
            return Prepared.restore(described["prepared"], arrays)
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{path} is not sound: {error}") from error
    prepared = prepare()
    described = {"about": keeper.about, "prepared": prepared.describe()}
    write_arrays(path, described, prepared.arrays())
    return prepared


def _check(options: TrainOptions) -> None:
    """Refuse what is of tables in memory alone."""
    for name in ("members", "candidates", "time_limit"):
        value = getattr(options, name)
        require(
            value is None or (value == 1 and name != "time_limit"),
            f"of a table in parts one network is trained, for a number of epochs; "
            f"{name}={value!r} is for a table in memory",
        )
    require(not options.record, "the steps of a fit of a table in parts are not recorded")
    require(options.engine == "compiled", "a table in parts needs the compiled engine")


def _held_out(options: TrainOptions, task: Task, n_rows: int) -> HeldOut:
    """Return the shares of the rows to test and to validate by: at most 50,000 rows each."""
    recipe = options.recipe(task)
    test = recipe.test_fraction or (_TEST if options.test_fraction is None else 0.0)
    validation = recipe.validation_fraction * (1 - test)
    most = MOST_HELD / n_rows
    return HeldOut(min(test, most), min(validation, most), options.seed)


def _chosen(options: TrainOptions, learned: Learned, lanes: int) -> TrainOptions:
    """Return the options with everything chosen, for so many rows."""
    n_rows, task = learned.n_rows, learned.target.task
    epochs = max(2, round(options.recipe(task).epochs * min(1.0, _VISITS / n_rows)))
    size = lanes
    while size < _BATCH and 2 * size * _STEPS <= n_rows:
        size *= 2
    return replace(
        options.chosen(task, n_rows),
        members=1,
        candidates=None,
        epochs=options.epochs or epochs,
        batch_size=size if options.batch_size == "auto" else options.batch_size,
    )


def _order(parts: Parts, learned: Learned, options: TrainOptions, where: Where) -> RowOrder:
    """Return the order of the rows, of which as many are in memory as there is room for."""
    size = int(options.batch_size)
    lanes = lanes_for(size, where.lanes)
    columns = len(learned.features.columns) + 1
    room = room_of(where.memory, lanes, columns, learned.n_rows, parts.reading)
    return RowOrder(learned.group_rows, size, lanes, room, seed=options.seed)


def lanes_for(batch_size: int, lanes: int) -> int:
    """Return into how many lanes the rows are cut: so many, or fewer that divide the batch."""
    require_lanes(lanes)
    require_whole("batch_size", batch_size, 1)
    while batch_size % lanes:
        lanes //= 2
    return lanes


def room_of(memory: int, lanes: int, columns: int, n_rows: int, reading: int) -> int:
    """Return how many rows each lane has room for, where it takes so many bytes to read a group.

    Raises
    ------
    ValueError
        If that is hardly any.
    """
    longest, bytes_a_row = -(-n_rows // lanes), 8 * lanes * columns  # one in each lane
    taken = _OWN + lanes * reading
    room = (memory - taken) * 2 // 3 // bytes_a_row  # the rest goes where rows are decoded
    least = min(longest, _LEAST)
    require(
        room >= least,
        f"memory must be at least {(taken + 3 * least * bytes_a_row / 2) / 1e9:.2g}GB for "
        f"{columns} columns in {lanes} lanes, got {memory / 1e9:.2g}GB; fewer lanes or smaller row "
        "groups take less",
    )
    return min(room, _BUFFER, longest)


def kept_if_room(rows: Source, columns: int, order: RowOrder, where: Where) -> Source:
    """Return rows that are read once, if all can stay in memory beside the buffers; else as given.

    Every worker of Ray comes to have each of them, threads have them together.
    """
    copies = 1 if where.ray is None else busy_at_once(order, where.workers)
    needed = 4 * 8 * columns * order.n_rows * copies
    return Kept(rows) if needed <= where.memory - _OWN else rows
