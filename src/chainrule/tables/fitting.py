"""Training a network on a table: choose columns, split, encode, fit, measure on held-out rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.tables.columns import missing
from chainrule.tables.encoding import FeatureEncoder
from chainrule.tables.metrics import Metrics
from chainrule.tables.model import TableModel
from chainrule.tables.options import TrainOptions
from chainrule.tables.report import Report
from chainrule.tables.selection import Selection, selected
from chainrule.tables.splitting import Split, split
from chainrule.tables.table import Table
from chainrule.tables.targets import (
    ClassTarget,
    NumberTarget,
    Target,
    checked_target,
    inferred_task,
)
from chainrule.training.network import Network
from chainrule.training.run import Run
from chainrule.training.stopping import EarlyStopping


@dataclass(frozen=True)
class _Prepared:
    """A table ready for a network: its parts encoded."""

    features: FeatureEncoder
    target: Target
    selection: Selection
    rows: Table
    parts: Split

    def encoded(self, part: NDArray[np.int64], dtype: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """X and y of some rows."""
        table = self.rows.take(part)
        y = self.target.encode(table)
        return self.features.transform(table, dtype), y


def train(
    table: Table,
    target: str,
    options: TrainOptions | None = None,
    callbacks: Sequence[Callable[[Run], None]] = (),
) -> TableModel:
    """Return a model that predicts one column of a table from the others.

    Rows whose target is missing are left out. A share of the rows is held out for the reported
    metrics, and another decides when to stop; the encoding of the columns is learned from the rows
    that remain.

    Parameters
    ----------
    table : Table
    target : str
        The column to predict.
    options : TrainOptions, optional
    callbacks : sequence of callable
        Called with the run after every epoch.

    Returns
    -------
    TableModel
        Its `report` says what was used and what the model is worth.

    Raises
    ------
    TableError
        If the table can't be used; the column and line are named.
    FloatingPointError
        If training diverges.

    Examples
    --------
    >>> from chainrule.tables import TrainOptions, read, train
    >>> train(read("wine"), "target", TrainOptions(epochs=40)).report.rows["test"]
    36
    """
    options = options or TrainOptions()
    prepared = _prepared(table, target, options)
    run = _fitted(prepared, options, callbacks)
    report = _report(table, prepared, options, run)
    return TableModel(prepared.features, prepared.target, run.network, report)


def _prepared(table: Table, target: str, options: TrainOptions) -> _Prepared:
    rows, kind = checked_target(table, target)
    task = inferred_task(rows, target, kind) if options.task == "auto" else options.task
    selection = selected(table, target, options.ignore)
    fractions = (options.test_fraction, options.validation_fraction)
    if task == "classification":
        classes = ClassTarget.fit(rows, target, kind)
        parts = split(rows.n_rows, *fractions, options.seed, classes.encode(rows))
        encoder: Target = classes
    else:
        parts = split(rows.n_rows, *fractions, options.seed)
        encoder = NumberTarget.fit(rows.take(parts.training), target, kind)
    features = FeatureEncoder.fit(rows.take(parts.training), selection.kinds)
    # what predict refuses is refused in a row without a target, too
    features.transform(table.take(np.flatnonzero(missing(table, target))), options.dtype)
    return _Prepared(features, encoder, selection, rows, parts)


def _fitted(
    prepared: _Prepared, options: TrainOptions, callbacks: Sequence[Callable[[Run], None]]
) -> Run:
    X, y = prepared.encoded(prepared.parts.training, options.dtype)
    validation = None
    if prepared.parts.validation.size:
        validation = prepared.encoded(prepared.parts.validation, options.dtype)
    network = Network(
        [X.shape[1], *options.hidden, prepared.target.outputs],
        activation=options.activation,
        loss=_loss(prepared.target),
        seed=options.seed,
        dtype=options.dtype,
        l2=options.penalty(X.shape[0]),
        dropout=options.dropout,
    )
    return network.fit(
        X,
        y,
        optimizer=options.optimizer_row(),
        epochs=options.epochs,
        batch_size=options.rows_a_step(X.shape[0]),
        seed=options.seed,
        threads=options.threads,
        validation=validation,
        early_stopping=EarlyStopping(patience=options.patience) if validation else None,
        callbacks=list(callbacks),
    )


def _loss(target: Target) -> str:
    if not isinstance(target, ClassTarget):
        return "squared_error"
    return "binary_cross_entropy" if target.outputs == 1 else "cross_entropy"


def _report(table: Table, prepared: _Prepared, options: TrainOptions, run: Run) -> Report:
    parts = prepared.parts
    model = TableModel(prepared.features, prepared.target, run.network, _EMPTY)
    held_out = prepared.rows.take(parts.test)
    metrics = model.evaluate(held_out) if parts.test.size else Metrics({})
    absent = {name: int(missing(prepared.rows, name).sum()) for name in prepared.features.names}
    return Report(
        table=table.short_name,
        rows={
            "training": parts.training.size,
            "validation": parts.validation.size,
            "test": parts.test.size,
            "without_target": table.n_rows - prepared.rows.n_rows,
        },
        left_out=prepared.selection.left_out,
        missing={name: count for name, count in absent.items() if count},
        remarks=prepared.selection.remarks,
        epochs=run.epoch,
        best_epoch=run.best_epoch if run.options.early_stopping else run.epoch,
        metrics=metrics.values,
        reasons=metrics.reasons,
        options=options.to_dict(),
    )


_EMPTY = Report("", {}, {}, {}, {}, 0, 0, {})
