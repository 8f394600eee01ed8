"""Training networks on a table, and measuring them on rows that they didn't learn from."""

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.tables.intervals import Errors
from chainrule.tables.metrics import Metrics
from chainrule.tables.model import TableModel
from chainrule.tables.networks import loss_of_target, network_for
from chainrule.tables.options import TrainOptions
from chainrule.tables.preparing import PreparedTable, divided, encoded_for, prepared_tables
from chainrule.tables.report import Report
from chainrule.tables.seen import fingerprints
from chainrule.tables.table import Table
from chainrule.tables.targets import NumberTarget
from chainrule.theory.named import loss_named
from chainrule.training.many import NetworksDiverged, fit_many
from chainrule.training.run import Run
from chainrule.training.stopping import EarlyStopping


def train(
    table: Table,
    target: str,
    options: TrainOptions | None = None,
    callbacks: Sequence[Callable[[Run], None]] = (),
) -> TableModel:
    """Return a model that predicts one column of a table from the others.

    Rows whose target is missing are left out. For one network, a share of the rows is held out for
    the reported metrics, and another decides when to stop; the encoding of the columns is learned
    from the rows that remain. Several learn from all folds but one each, which decides when to
    stop; the metrics are of all rows, each judged by the network that hasn't learned from it.

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
    >>> train(read("wine"), "target", TrainOptions("plain", epochs=40)).report.rows["test"]
    36
    """
    options = options or TrainOptions()
    start = time.monotonic()
    tables = prepared_tables(table, target, options)
    if options.time_limit is not None:
        tables = _within(options.time_limit, start, tables)
    prepared, runs, losses = _best(tables, callbacks)
    learned = np.concatenate([prepared.parts.training, prepared.parts.validation])
    model = TableModel(
        prepared.features,
        prepared.target,
        tuple(run.network for run in runs),
        Report.empty(table.short_name),
        table.conventions,
    )
    judged = _judged(prepared, runs, model)
    return replace(
        model,
        report=_report(table, prepared, runs, losses, judged, model),
        errors=judged.errors(model),
        seen=fingerprints(prepared.X[learned], model.truth(prepared.answers.take(learned))),
        runs=tuple(runs) if options.record else (),
    )


def held_out(table: Table, target: str, options: TrainOptions | None = None) -> Table:
    """Return the rows of a table that `train` holds out for its figures, as they were read.

    None where each row is judged by the networks that didn't learn from it.

    Examples
    --------
    >>> from chainrule.tables import TrainOptions, read
    >>> held_out(read("wine"), "target", TrainOptions("plain", seed=1)).n_rows
    36
    """
    options = options or TrainOptions()
    found = divided(table, target, options)
    return table.take(found.column.present[found.parts.test])


def epochs_ahead(table: Table, target: str, options: TrainOptions | None = None) -> int:
    """Return the epochs of all networks that `train` trains, at most.

    Examples
    --------
    >>> from chainrule.tables import TrainOptions, read
    >>> epochs_ahead(read("wine"), "target", TrainOptions("fast", members=5, epochs=7))
    35
    """
    found = divided(table, target, options or TrainOptions())
    return _all_epochs(found.candidates, len(found.folds) or 1)


def _all_epochs(candidates: Sequence[TrainOptions], networks: int) -> int:
    epochs = [one.epochs or 1 for one in candidates]
    heat = _heat(networks) if len(candidates) > 1 else 0
    return sum(epochs) * heat + max(epochs) * (networks - heat)


def _heat(networks: int) -> int:
    """Return how many networks of each candidate decide which of them trains all."""
    return math.ceil(0.4 * networks)


def _best(
    tables: Sequence[PreparedTable], callbacks: Sequence[Callable[[Run], None]]
) -> tuple[PreparedTable, list[Run], tuple[float, ...]]:
    """Return the candidate whose first networks are better on the rows they didn't see.

    With its runs, and the mean loss of each candidate's first networks.
    """
    if len(tables) == 1:
        return tables[0], fitted(tables[0], callbacks), ()
    heat = _heat(len(tables[0].folds))
    heats = [fitted(one, callbacks, range(heat)) for one in tables]
    losses = [float(np.mean([min(run.validation_losses) for run in runs])) for runs in heats]
    best = int(np.argmin(losses))
    rest = range(heat, len(tables[best].folds))
    others = fitted(tables[best], callbacks, rest) if rest else []
    return tables[best], heats[best] + others, tuple(losses)


def fitted(
    prepared: PreparedTable,
    callbacks: Sequence[Callable[[Run], None]] = (),
    members: Sequence[int] | None = None,
) -> list[Run]:
    """Return the run of each network: one that learned from all training rows, or one a fold.

    Of several, some alone where they are named, each as it is among all.
    """
    options, recipe = prepared.options, prepared.options.recipe(prepared.column.task)
    loss = loss_named(loss_of_target(prepared.target, options))
    X, y = encoded_for(loss, prepared, prepared.parts.training)
    members = range(len(prepared.folds) or 1) if members is None else members
    parts = prepared.folds or (prepared.parts.validation,)
    held_out = [parts[k] for k in members]
    validation = [encoded_for(loss, prepared, part) if part.size else None for part in held_out]
    n_rows = X.shape[0] - max((fold.size for fold in prepared.folds), default=0)
    learning: dict[str, Any] = {
        "optimizer": recipe.optimizer_row(options.clip_norm),
        "epochs": recipe.epochs,
        "batch_size": options.rows_a_step(prepared.column.task, n_rows),
        "early_stopping": EarlyStopping(patience=recipe.patience) if validation[0] else None,
        "threads": options.threads,
        "callbacks": list(callbacks),
    }
    networks = [network_for(prepared.target, options, X.shape[1], n_rows, k) for k in members]
    if not prepared.folds:
        return [networks[0].fit(X, y, seed=options.seed, validation=validation[0], **learning)]
    training = prepared.parts.training
    rows = [np.flatnonzero(~np.isin(training, fold)) for fold in held_out]
    seeds = [options.seed + member for member in members]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NetworksDiverged)
        runs = fit_many(networks, X, y, rows=rows, seed=seeds, validation=validation, **learning)
    if any(run.stopped == "diverged" for run in runs):
        raise _divergence(caught)
    for one in caught:
        warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return runs


def _divergence(caught: Sequence[warnings.WarningMessage]) -> FloatingPointError:
    """Return the error of the first network that diverged, which another thread may have taken."""
    told = [one.message for one in caught if isinstance(one.message, NetworksDiverged)]
    reasons = [reason for message in told for reason in message.reasons.values()]
    return (
        reasons[0] if reasons else FloatingPointError("a network diverged: lower the learning rate")
    )


def _within(limit: float, start: float, tables: Sequence[PreparedTable]) -> list[PreparedTable]:
    """Return the tables with as many epochs as there is time for, by how long one takes."""
    first, began = tables[0], time.monotonic()
    fitted(replace(first, options=replace(first.options, epochs=1)))
    end = time.monotonic()
    networks = len(first.folds) or 1
    possible = (start + limit - end) / (end - began) * networks
    share = min(1.0, possible / _all_epochs([one.options for one in tables], networks))
    shorter = [max(1, int(share * (one.options.epochs or 1))) for one in tables]
    return [
        replace(one, options=replace(one.options, epochs=epochs))
        for one, epochs in zip(tables, shorter, strict=True)
    ]


class Judged(NamedTuple):
    """What was answered for rows that were not learned from, and what is true of them."""

    which: Literal["held out", "out of fold", ""]
    outputs: NDArray[np.floating[Any]]
    truth: NDArray[Any]

    def metrics(self, model: TableModel) -> Metrics:
        """Return the metrics; none where no row was judged."""
        return model.judged(self.outputs, self.truth) if self.which else Metrics({})

    def errors(self, model: TableModel) -> Errors | None:
        """Return by how much numbers were missed, if any were predicted."""
        if not self.which or not isinstance(model.target, NumberTarget):
            return None
        return Errors.of(model.numbers_of(self.outputs) - self.truth)


def _judged(prepared: PreparedTable, runs: Sequence[Run], model: TableModel) -> Judged:
    """Return the answers for the rows that were held out, else for each fold by its network."""
    test, folds = prepared.parts.test, prepared.folds
    if test.size:
        outputs = model.outputs_of(prepared.X[test])
        return Judged("held out", outputs, model.truth(prepared.answers.take(test)))
    if not folds:
        return Judged("", np.empty((0, 1)), np.empty(0))
    pairs = zip(runs, folds, strict=True)
    outputs = np.concatenate([run.network.forward(prepared.X[fold]) for run, fold in pairs])
    truth = model.truth(prepared.answers.take(np.concatenate(folds)))
    return Judged("out of fold", outputs, truth)


def _report(
    table: Table,
    prepared: PreparedTable,
    runs: Sequence[Run],
    losses: tuple[float, ...],
    judged: Judged,
    model: TableModel,
) -> Report:
    parts, figures = prepared.parts, judged.metrics(model)
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
        batch_size=runs[0].options.batch_size,
        epochs=max(run.epoch for run in runs),
        best_epochs=tuple(
            run.best_epoch if run.options.early_stopping else run.epoch for run in runs
        ),
        candidate_losses=losses,
        judged=judged.which,
        metrics=figures.values,
        baseline=figures.baseline,
        reasons=figures.reasons,
        options=prepared.options.to_dict(),
    )
