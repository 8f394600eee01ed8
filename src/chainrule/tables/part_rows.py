"""The rows of a table in parts, as workers read them and networks learn them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.spec import NetworkSpec
from chainrule.tables.columns import missing
from chainrule.tables.encoding import FeatureEncoder
from chainrule.tables.errors import TableError
from chainrule.tables.part_pass import HeldOut
from chainrule.tables.parts import Parts, in_text
from chainrule.tables.table import Table
from chainrule.tables.targets import Target

Array = NDArray[Any]

_ROWS = 16_384  # that each lane reads at a time


@dataclass(frozen=True)
class PartRows:
    """The rows to learn from: those that have a target and are not held out.

    In memory a row is a number a column, as `FeatureEncoder.values` has them, and the target's; it
    is encoded when its step comes.

    Parameters
    ----------
    parts : Parts
    features : FeatureEncoder
    target : Target
    held : HeldOut
    group_rows : tuple of int
        In each group, how many there are.
    spec : NetworkSpec
    """

    parts: Parts
    features: FeatureEncoder
    target: Target
    held: HeldOut
    group_rows: tuple[int, ...]
    spec: NetworkSpec

    def reader(self) -> PartReader:
        """Return what reads them, for one lane."""
        return PartReader(self)

    def fill(self, rows: Array, X: Array, y: Array) -> None:
        """Write the inputs and the targets of rows, as a network takes them."""
        self.features.encode(rows[:, :-1], X)
        targets = rows[:, -1:]
        if self.target.outputs > 1:
            targets = np.eye(self.target.outputs)[rows[:, -1].astype(np.int64)]
        y[:] = self.spec.loss_row.prepared(targets)

    def to_learn_from(self, group: int) -> Iterator[Array]:
        """Yield the rows of a group to learn from, some at a time."""
        names = [*self.features.names, self.target.name]
        is_test, is_validation = self.held.which(group, self.parts.groups[group].rows)
        out, at = is_test | is_validation, 0
        for table in self.parts.tables(group, names, batch_rows=_ROWS):
            keeps = ~out[at : at + table.n_rows] & ~missing(table, self.target.name)
            at += table.n_rows
            learned = table if keeps.all() else table.take(np.flatnonzero(keeps))
            yield rows_of(learned, self.features, self.target)


def rows_of(table: Table, features: FeatureEncoder, target: Target) -> Array:
    """Return rows of a table that have a target, as they are in memory."""
    rows = np.empty((table.n_rows, len(features.columns) + 1))
    features.values(table, rows[:, :-1])
    rows[:, -1] = target.encode(in_text(table.only(target.name)))
    return rows


class PartReader:
    """Reads the rows of one group after the other; what follows is not read again.

    Parameters
    ----------
    source : PartRows
    """

    def __init__(self, source: PartRows) -> None:
        self._source = source
        self._group, self._at = -1, 0
        self._coming: Iterator[Array] = iter(())
        self._none = np.empty((0, len(source.features.columns) + 1))
        self._left = self._none  # read already, from row `_at` of the group on

    def read(self, group: int, first: int, last: int) -> Iterator[Array]:
        """Yield rows ``first`` ≤ i < ``last`` of a group, some at a time.

        Raises
        ------
        TableError
            If the part is gone, damaged, or no longer what it was.
        """
        if group != self._group or first < self._at:
            self._group, self._at = group, 0
            self._coming, self._left = self._source.to_learn_from(group), self._none
        while first < last:
            skipped = min(first - self._at, len(self._left))
            taken = self._left[skipped : skipped + last - first]
            self._left = self._left[skipped + len(taken) :]
            self._at += skipped + len(taken)
            first += len(taken)
            if len(taken):
                yield taken
            elif not len(self._left):
                self._left = self._next()
        if last == self._source.group_rows[group]:
            self._group, self._left = -1, self._none

    def _next(self) -> Array:
        found = next(self._coming, None)
        if found is None:
            path = self._source.parts.paths[self._source.parts.groups[self._group].part]
            raise TableError(
                f"{path} changed: it has fewer rows to learn from than in the first pass"
            )
        return found
