"""Training a network on a table in parts, in bounded memory, by threads or by workers of Ray."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.distributed.checkpoint import Checkpoints
from chainrule.distributed.fit import Fit, Held
from chainrule.distributed.lanes import samples_of
from chainrule.distributed.teams import require_team, team_of
from chainrule.tables.intervals import Errors
from chainrule.tables.metrics import Metrics
from chainrule.tables.model import TableModel
from chainrule.tables.networks import network_for
from chainrule.tables.options import TrainOptions
from chainrule.tables.part_preparing import (
    Prepared,
    Where,
    kept_if_room,
    kept_or_prepared,
    prepared_parts,
)
from chainrule.tables.part_rows import PartRows
from chainrule.tables.parts import Parts, parts_of
from chainrule.tables.report import Report
from chainrule.tables.targets import ClassTarget, NumberTarget
from chainrule.training.stopping import EarlyStopping

_TOGETHER = 4096  # rows that are predicted at a time


def train_parts(
    source: Any,  # noqa: ANN401 (see `parts_of`)
    target: str,
    options: TrainOptions | None = None,
    where: Where | None = None,
    watch: Callable[[Fit], Any] | None = None,
    looked: Callable[[int, int], Any] | None = None,
) -> TableModel:
    """Return a model that predicts one column of a table in parts from the others.

    One pass learns what becomes of each column; then every epoch reads the rows anew, group by
    group. One network is trained. The bits of its weights depend on the parts, the options and the
    memory (by which more or fewer rows are shuffled among themselves), and on nothing else.

    Parameters
    ----------
    source : str, Path, list of str, pyarrow.dataset.Dataset or Parts
        Parquet files of the same columns; see `parts_of`.
    target : str
    options : TrainOptions, optional
    where : Where, optional
    watch : callable, optional
        Called with the fit after every step.
    looked : callable, optional
        Called in the pass, with the rows seen and the rows there are.

    Returns
    -------
    TableModel

    Raises
    ------
    TableError
        If the parts can't be used; the part is named, or the column.
    CheckpointError
        If what is in the folder can't be gone on with.
    ConnectionError
        If no Ray answers.
    OSError
        If a checkpoint can't be written; the one before it is still there.
    FloatingPointError
        If training diverges.
    """
    options, where = options or TrainOptions(), where or Where()
    if where.ray is not None:
        require_team(where.ray)  # before the pass, which may take long
    parts = parts_of(source)
    about = {
        "table": parts.about(),
        "target": target,
        "options": options.to_dict(),
        "lanes": where.lanes,
    }
    keeper = Checkpoints(where.folder, about) if where.folder else None
    prepared = kept_or_prepared(
        keeper, lambda: prepared_parts(parts, target, options, where, looked)
    )
    rows, fit = _fit(parts, prepared)
    if keeper:
        keeper.go_on(fit)
    if not fit.stopped:
        kept = kept_if_room(rows, len(rows.features.columns) + 1, fit.order, where)
        team = team_of(kept, fit.order, fit.network.spec, where.workers, where.ray)
        try:
            fit.run(team, keeper, watch)
        finally:
            team.close()
    return _model(parts, prepared, rows, fit)


def _fit(parts: Parts, prepared: Prepared) -> tuple[PartRows, Fit]:
    learned, options = prepared.learned, prepared.options
    recipe = options.recipe(learned.target.task)
    inputs = len(learned.features.inputs)
    network = network_for(learned.target, options, inputs, learned.n_rows)
    rows = PartRows(
        parts, learned.features, learned.target, prepared.held, learned.group_rows, network.spec
    )
    is_judged = len(prepared.validation) > 0
    fit = Fit(
        network,
        recipe.optimizer_row(options.clip_norm),
        prepared.order,
        recipe.epochs,
        EarlyStopping(patience=recipe.patience) if is_judged else None,
        Held(rows, prepared.validation) if is_judged else None,
    )
    return rows, fit


def _model(parts: Parts, prepared: Prepared, rows: PartRows, fit: Fit) -> TableModel:
    """Return the model, with what it is worth on the rows that are held out to test it."""
    learned, empty = prepared.learned, Report.empty(parts.short_name)
    model = TableModel(learned.features, learned.target, (fit.network,), empty)
    metrics, errors = Metrics({}), None
    if len(prepared.test):
        test, target = prepared.test, learned.target
        some = [test[first : first + _TOGETHER] for first in range(0, len(test), _TOGETHER)]
        outputs = np.concatenate(
            [model.outputs_of(samples_of(rows, each, rows.spec)[0]) for each in some]
        )
        truth = test[:, -1]
        if isinstance(target, ClassTarget):
            truth = truth.astype(int)
        else:
            truth = truth * target.unit + target.zero
        metrics = model.judged(outputs, truth)
        if isinstance(target, NumberTarget):
            errors = Errors.of(model.numbers_of(outputs) - truth)
    report = Report(
        table=parts.short_name,
        task_why=learned.task_why,
        rows={
            "training": learned.n_rows,
            "validation": len(prepared.validation),
            "test": len(prepared.test),
            "without_target": learned.without_target,
        },
        left_out=learned.left_out,
        missing=learned.missing,
        remarks={},
        batch_size=fit.order.batch_size,
        epochs=fit.step // fit.order.steps_per_epoch,
        best_epochs=(fit.best_epoch,),
        candidate_losses=(),
        judged="held out" if metrics.values else "",
        metrics=metrics.values,
        baseline=metrics.baseline,
        reasons=metrics.reasons,
        options=prepared.options.to_dict(),
    )
    return replace(model, report=report, errors=errors)
