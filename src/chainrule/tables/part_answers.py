"""What a model answers for a table in parts, some rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from chainrule.tables.columns import missing
from chainrule.tables.encoding import require_columns
from chainrule.tables.errors import TableError
from chainrule.tables.metrics import Metrics
from chainrule.tables.model import TableModel
from chainrule.tables.parquet_files import typed_table
from chainrule.tables.parts import Parts, in_text
from chainrule.tables.running_metrics import ClassErrors, NumberErrors
from chainrule.tables.seen import count_seen, fingerprints
from chainrule.tables.table import Table
from chainrule.tables.targets import ClassTarget

_ROWS = 16_384  # that are answered at a time
Seen = Callable[[int], Any]  # told how many rows were answered


def predicted(
    model: TableModel,
    parts: Parts,
    coverage: float | None = None,
    keep: Sequence[str] = (),
    seen: Seen | None = None,
) -> Iterator[tuple[Table, pa.Table]]:
    """Yield rows of a table in parts, and what the model answers for them, in their order.

    Parameters
    ----------
    model : TableModel
    parts : Parts
    coverage : float, optional
        Of the intervals, as of ``prediction_table``.
    keep : sequence of str
        Columns that the rows have beside those that the model reads.
    seen : callable, optional

    Raises
    ------
    TableError
        If the parts lack a column, or a value isn't of its kind; part and row are named.
    """
    for table in _tables(model, parts, keep):
        yield table, model.prediction_table(table, coverage)
        if seen:
            seen(table.n_rows)


def evaluated(model: TableModel, parts: Parts, seen: Seen | None = None) -> Metrics:
    """Return the metrics on the rows of a table in parts whose target isn't missing.

    Raises
    ------
    TableError
        As `predicted`, and if the target is missing everywhere, or a class isn't known.
    """
    target = model.target
    judge: ClassErrors | NumberErrors = (
        ClassErrors(target.classes, target.shares)
        if isinstance(target, ClassTarget)
        else NumberErrors(target.mean)
    )
    known, rows = 0, 0
    for table in _tables(model, parts, [target.name]):
        there = np.flatnonzero(~missing(table, target.name))
        X = model.features.transform(table, model.spec.dtype)  # of every row, as in memory
        if there.size:
            X, truth = X[there], model.truth(in_text(table.only(target.name).take(there)))
            outputs = model.outputs_of(X)
            if isinstance(judge, ClassErrors):
                judge.add(truth, model.probabilities_of(outputs))
            else:
                judge.add(truth, model.numbers_of(outputs))
            rows += there.size
            known += count_seen(fingerprints(X, truth), model.seen) if model.seen.size else 0
        if seen:
            seen(table.n_rows)
    if not rows:
        raise TableError(f"{parts.name}, column {target.name!r}: all values are missing")
    return replace(judge.metrics(), seen=known)


def _tables(model: TableModel, parts: Parts, more: Sequence[str]) -> Iterator[Table]:
    """Yield the columns that the model reads, and more of them."""
    empty = parts.empty()
    require_columns(empty, model.features.names)
    for name in more:
        empty.column(name)
    names = list(dict.fromkeys([*model.features.names, *more]))
    for group in range(len(parts.groups)):
        for table in parts.tables(group, names, batch_rows=_ROWS):
            if model.conventions.na:
                data = typed_table(table.name, in_text(table).data, model.conventions).data
                table = replace(table, data=data)
            yield replace(table, conventions=model.conventions)
