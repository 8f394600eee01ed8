"""Training a network on a table: choose columns, split, encode, fit, measure on held-out rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.tables.columns import missing, parsed
from chainrule.tables.encoding import FeatureEncoder
from chainrule.tables.labels import told_apart
from chainrule.tables.metrics import Metrics
from chainrule.tables.model import TableModel
from chainrule.tables.options import TrainOptions
from chainrule.tables.report import Report
from chainrule.tables.seen import fingerprints
from chainrule.tables.selection import Selection, selected
from chainrule.tables.splitting import Split, split
from chainrule.tables.table import Table
from chainrule.tables.target_column import TargetColumn, target_column
from chainrule.tables.targets import RANGES, ClassTarget, NumberTarget, Range, Target
from chainrule.theory.activations import ACTIVATIONS
from chainrule.theory.loss import Loss
from chainrule.theory.named import loss_for, loss_named
from chainrule.training.network import Network
from chainrule.training.run import Run
from chainrule.training.stopping import EarlyStopping


@dataclass(frozen=True)
class PreparedTable:
    """A table ready for a network: the rows that have the target, their X, and their parts."""

    features: FeatureEncoder
    target: Target
    column: TargetColumn
    selection: Selection
    answers: Table
    X: NDArray[np.floating[Any]]
    parts: Split
    missing: dict[str, int]
    doubt: dict[str, str]

    def encoded(
        self, part: NDArray[np.int64], indicators: bool
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """X and y of some rows; y as one 1 a row among 0s, where indicators are asked for."""
        y: NDArray[Any] = self.target.encode(self.answers.take(part))
        return self.X[part], np.eye(self.target.outputs)[y] if indicators else y


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
    prepared = prepared_table(table, target, options)
    run = _fitted(prepared, options, callbacks)
    learned = np.concatenate([prepared.parts.training, prepared.parts.validation])
    model = TableModel(
        prepared.features,
        prepared.target,
        run.network,
        Report.empty(table.short_name),
        table.conventions,
    )
    return replace(
        model,
        report=_report(table, prepared, options, run, model),
        seen=fingerprints(prepared.X[learned], model.truth(prepared.answers.take(learned))),
        run=run if options.record else None,
    )


def held_out(table: Table, target: str, options: TrainOptions | None = None) -> Table:
    """Return the rows of a table that `train` holds out for its figures, as they were read.

    Examples
    --------
    >>> from chainrule.tables import TrainOptions, read
    >>> held_out(read("wine"), "target", TrainOptions(seed=1)).n_rows
    36
    """
    options = options or TrainOptions()
    column, _, parts = _divided(table, target, options)
    return table.take(column.present[parts.test])


def prepared_table(table: Table, target: str, options: TrainOptions) -> PreparedTable:
    """Return what a model learns from, and by what it is judged; always the same."""
    column, answers, parts = _divided(table, target, options)
    kinds = {name: kind for name, kind in options.kinds.items() if name != target}
    selection = selected(table, target, options.ignore, kinds)
    table = parsed(table, dict(selection.kinds))
    training = column.present[parts.training]
    features = FeatureEncoder.fit(table.take(training), selection.kinds)
    # of all rows: what predict refuses is refused in a row without a target, too
    X = features.transform(table, options.dtype)[column.present]
    encoder: Target
    if column.task == "classification":
        classes = ClassTarget.fit(answers, target, column.kind)
        encoder = classes.with_shares(answers.take(parts.training))
    else:
        loss = loss_named("squared_error" if options.loss == "auto" else options.loss)
        within: Range = loss.targets if loss.targets in RANGES else "real"  # type: ignore[assignment]
        encoder = NumberTarget.fit(answers.take(parts.training), target, column.kind, within)
    absent = {name: missing(table, name)[column.present].sum() for name in features.names}
    gaps = {name: int(count) for name, count in absent.items() if count}
    doubt = told_apart(answers, target) if encoder.kind == "text" else ""
    doubts = {target: doubt} if doubt else {}
    return PreparedTable(features, encoder, column, selection, answers, X, parts, gaps, doubts)


def _divided(table: Table, target: str, options: TrainOptions) -> tuple[TargetColumn, Table, Split]:
    """Return the target, the rows that have it, and their parts, each with its share of a class."""
    column = target_column(table, target, options.task, options.kinds.get(target))
    answers = table.only(target).take(column.present)
    classes = None
    if column.task == "classification":
        classes = ClassTarget.fit(answers, target, column.kind).encode(answers)
    fractions = (options.test_fraction, options.validation_fraction)
    return column, answers, split(answers.n_rows, *fractions, options.seed, classes)


def _fitted(
    prepared: PreparedTable, options: TrainOptions, callbacks: Sequence[Callable[[Run], None]]
) -> Run:
    loss = _loss(prepared.target, options)
    row = loss_named(loss)
    X, y = encoded_for(row, prepared, prepared.parts.training)
    validation = None
    if prepared.parts.validation.size:
        validation = encoded_for(row, prepared, prepared.parts.validation)
    network = Network(
        [X.shape[1], *options.hidden, prepared.target.outputs * row.outputs_per_target],
        activation=options.activation,
        output=options.output,
        loss=loss,
        init=options.init,
        seed=options.seed,
        dtype=options.dtype,
        reduction=options.reduction,
        l2=options.penalty(X.shape[0]),
        l1=options.l1,
        dropout=options.dropout,
        engine=options.engine,
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


def encoded_for(
    loss: Loss, prepared: PreparedTable, part: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return X and y of some rows, as a network with this loss learns them."""
    return prepared.encoded(part, loss.targets != "classes" and prepared.target.outputs > 1)


def _loss(target: Target, options: TrainOptions) -> str:
    """Return the loss that was chosen, or that the task has, where answers fit the target."""
    usual = "cross_entropy" if isinstance(target, ClassTarget) else "squared_error"
    loss = usual if options.loss == "auto" else options.loss
    if isinstance(target, ClassTarget):
        loss = loss_for(loss, target.outputs)
        wanted = ["sigmoid"] if target.outputs == 1 else ["softmax"]
        answers = "probabilities"
    elif target.range != "real":
        wanted, answers = ["exponential", "softplus"], "a number above 0"
    else:
        wanted = [name for name in ACTIVATIONS if name not in ("softmax", "sigmoid", "exponential")]
        answers = "a standardised number"
    output = loss_named(loss).output if options.output == "auto" else options.output
    if output not in wanted:
        raise ValueError(
            f"{target.task} needs {answers} as output, with {' or '.join(wanted[:3])}; got "
            f"{output!r} with the loss {loss!r}"
        )
    return loss


def _report(
    table: Table, prepared: PreparedTable, options: TrainOptions, run: Run, model: TableModel
) -> Report:
    parts = prepared.parts
    figures = Metrics({})
    if parts.test.size:
        truth = model.truth(prepared.answers.take(parts.test))
        figures = model.measured(prepared.X[parts.test], truth)
    return Report(
        table=table.short_name,
        task_why=prepared.column.why,
        rows={
            "training": parts.training.size,
            "validation": parts.validation.size,
            "test": parts.test.size,
            "without_target": table.n_rows - prepared.answers.n_rows,
        },
        left_out=prepared.selection.left_out,
        missing=prepared.missing,
        remarks=prepared.selection.remarks | prepared.doubt,
        batch_size=run.options.batch_size,
        epochs=run.epoch,
        best_epoch=run.best_epoch if run.options.early_stopping else run.epoch,
        metrics=figures.values,
        baseline=figures.baseline,
        reasons=figures.reasons,
        options=options.to_dict(),
    )
