"""One pass over a table in parts: statistics of each column, and the rows that are held out."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from chainrule.engine.compiled import FASTEST
from chainrule.tables.columns import Kind, kind_of, missing, numbers, texts
from chainrule.tables.errors import TableError
from chainrule.tables.labels import labels
from chainrule.tables.number_column import PARTS, numbers_of
from chainrule.tables.options import TrainOptions
from chainrule.tables.parts import Parts
from chainrule.tables.selection import require_column
from chainrule.tables.statistics import LabelStatistics, NumberStatistics
from chainrule.tables.table import Table
from chainrule.theory.random import Purpose, uniforms


class HeldOut(NamedTuple):
    """The shares of the rows to test and to validate by, and the key of who is one of them."""

    test: float
    validation: float
    seed: int

    def which(self, group: int, rows: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return whether each row of a group is to test, and to validate by."""
        draws = uniforms(self.seed, Purpose.SPLIT, rows, index=group)
        is_test = draws < self.test
        return is_test, ~is_test & (draws < self.test + self.validation)


class Read(NamedTuple):
    """A column as it is read: its name, kind, and the part of a date."""

    name: str
    kind: Kind
    part: str = ""


@dataclass
class GroupFacts:
    """What is learned of one group, or of several one after the other.

    Attributes
    ----------
    columns : dict of Read to NumberStatistics or LabelStatistics
        Of the rows to learn from.
    target : NumberStatistics or None
        Of the target, where it is numbers or dates.
    labels, shares : LabelStatistics
        Of the target where it may be classes: of all rows, and of those to learn from.
    learned : list of int
        In each group, the rows to learn from.
    without : int
        Rows without a target.
    test, validation : list of pyarrow.Table
    """

    columns: dict[Read, NumberStatistics | LabelStatistics] = field(default_factory=dict)
    target: NumberStatistics | None = None
    labels: LabelStatistics = field(default_factory=LabelStatistics)
    shares: LabelStatistics = field(default_factory=LabelStatistics)
    learned: list[int] = field(default_factory=list)
    without: int = 0
    test: list[pa.Table] = field(default_factory=list)
    validation: list[pa.Table] = field(default_factory=list)

    def add(self, later: GroupFacts) -> None:
        """Join what was learned of the rows that follow."""
        for read, found in later.columns.items():
            if read in self.columns:
                self.columns[read].add(found)  # type: ignore[arg-type]
            else:
                self.columns[read] = found
        if later.target is not None:
            if self.target is None:
                self.target = NumberStatistics()
            self.target.add(later.target)
        self.labels.add(later.labels)
        self.shares.add(later.shares)
        self.learned += later.learned
        self.without += later.without
        self.test += later.test
        self.validation += later.validation


@dataclass(frozen=True)
class Pass:
    """What is read in the pass, of every group alike; it can be sent to other processes.

    Parameters
    ----------
    parts : Parts
    target : str
    kind : Kind
        Of the target.
    task : "auto", "classification" or "regression"
    reads : tuple of Read
    held : HeldOut
    """

    parts: Parts
    target: str
    kind: Kind
    task: str
    reads: tuple[Read, ...]
    held: HeldOut

    @property
    def names(self) -> list[str]:
        """The columns that are read, the target's last."""
        return [*dict.fromkeys(read.name for read in self.reads), self.target]

    def __call__(self, group: int) -> GroupFacts:
        """Return what is learned of a group."""
        facts, at = GroupFacts(), 0
        is_test, is_validation = self.held.which(group, self.parts.groups[group].rows)
        learned = 0
        for table in self.parts.tables(group, self.names):
            here = slice(at, at + table.n_rows)
            at += table.n_rows
            there = ~missing(table, self.target)
            tested, validated = is_test[here] & there, is_validation[here] & there
            facts.without += int((~there).sum())
            for rows, kept in ((tested, facts.test), (validated, facts.validation)):
                if rows.any():
                    kept.append(table.take(np.flatnonzero(rows)).data)
            rows = there & ~tested & ~validated
            learned += int(rows.sum())
            facts.add(self._of_rows(table, there, rows))
        facts.learned = [learned]
        return facts

    def _of_rows(
        self, table: Table, there: NDArray[np.bool_], rows: NDArray[np.bool_]
    ) -> GroupFacts:
        """Return the statistics of rows to learn from; of classes, those of all with a target."""
        present = table if there.all() else table.take(np.flatnonzero(there))
        learned = table if rows.all() else table.take(np.flatnonzero(rows))
        columns: dict[Read, NumberStatistics | LabelStatistics] = {}
        for read in self.reads:
            name, kind, part = read
            if kind == "number" or kind == "date":
                columns[read] = NumberStatistics.of(numbers_of(learned, name, kind, part))
            else:
                columns[read] = LabelStatistics.of(_text_column(learned, name, kind))
        of_target = None
        if self.kind in ("number", "date"):
            of_target = NumberStatistics.of(numbers(learned, self.target, self.kind))
        if not self._may_be_classes(of_target):
            return GroupFacts(columns, of_target)
        classes = LabelStatistics.of(self._labels(present))
        return GroupFacts(columns, of_target, classes, LabelStatistics.of(self._labels(learned)))

    def _may_be_classes(self, found: NumberStatistics | None) -> bool:
        """Return whether the target's texts are counted: of numbers, where they are few."""
        if self.task != "auto" or found is None:
            return self.task != "regression"
        return self.kind == "number" and found.is_whole and found.counts is not None

    def _labels(self, table: Table) -> pa.Array | pa.ChunkedArray:
        if self.kind == "number":
            return labels(table, self.target)
        kind: Kind = "text" if self.kind == "date" else self.kind
        return _text_column(table, self.target, kind)


def reads_of(
    parts: Parts, target: str, options: TrainOptions
) -> tuple[Kind, list[Read], dict[str, str]]:
    """Return the target's kind, the columns to look at, and why others are left out.

    Raises
    ------
    TableError
        If a column that is named isn't there, or the target holds none of the kinds.
    """
    empty = parts.empty()
    for option, names in (("ignore", options.ignore), ("kind", options.kinds)):
        for name in names:
            require_column(empty, name, option)
    empty.column(target)
    kind = options.kinds.get(target) or kind_of(empty, target)
    if kind is None:
        held = empty.column(target).type
        raise TableError(
            f"{parts.name}, column {target!r}: expected numbers, text, booleans or dates, "
            f"got {held}"
        )
    left_out, reads = dict.fromkeys(options.ignore, "ignored"), []
    for name in empty.names:
        if name == target or name in left_out:
            continue
        found = options.kinds.get(name) or kind_of(empty, name)
        if name in parts.index and name not in options.kinds:
            left_out[name] = "the index of the DataFrame"
        elif found is None:
            held = empty.column(name).type
            left_out[name] = f"{held} is neither numbers, text, booleans nor dates"
        else:
            reads.append(Read(name, found))
            if found == "date":
                reads += [Read(name, found, part) for part in PARTS]
    return kind, reads, left_out


def facts_of(
    one_pass: Pass,
    looked: Callable[[int, int], Any] | None = None,
    workers: int | None = None,
) -> GroupFacts:
    """Return what is learned of all groups, by threads; joined in their order.

    Parameters
    ----------
    one_pass : Pass
    looked : callable, optional
        Called with the rows seen so far and the rows there are.
    workers : int, optional
        As many threads as there are cores without it.
    """
    facts, seen, groups = GroupFacts(), 0, one_pass.parts.groups
    workers = workers or FASTEST.most
    with ThreadPoolExecutor(workers) as pool:
        for first in range(0, len(groups), 4 * workers):  # so many are waiting to be joined
            some = range(first, min(first + 4 * workers, len(groups)))
            for group, found in zip(some, pool.map(one_pass, some), strict=True):
                facts.add(found)
                seen += groups[group].rows
                if looked:
                    looked(seen, one_pass.parts.n_rows)
    return facts


def _text_column(table: Table, name: str, kind: Kind) -> pa.Array | pa.ChunkedArray:
    column = table.column(name)
    return column if pa.types.is_dictionary(column.type) else texts(table, name, kind)
