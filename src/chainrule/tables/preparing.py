"""A table made ready for networks: columns chosen, rows divided, everything encoded."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.tables.columns import missing, parsed
from chainrule.tables.encoding import FeatureEncoder
from chainrule.tables.labels import told_apart
from chainrule.tables.options import TrainOptions
from chainrule.tables.selection import Selection, selected
from chainrule.tables.splitting import Split, split
from chainrule.tables.splitting import folds as folds_of
from chainrule.tables.table import Table
from chainrule.tables.target_column import TargetColumn, target_column
from chainrule.tables.targets import RANGES, ClassTarget, NumberTarget, Range, Target
from chainrule.theory.loss import Loss
from chainrule.theory.named import loss_named

_LEAST_TO_FOLD = 4  # rows: two folds of two


@dataclass(frozen=True)
class PreparedTable:
    """A table ready for networks: the rows that have the target, their X, and their parts.

    `folds` are parts of the training rows, one for each of several networks, by which it stops and
    is judged; () where there is one.
    """

    features: FeatureEncoder
    target: Target
    column: TargetColumn
    selection: Selection
    answers: Table
    X: NDArray[np.floating[Any]]
    parts: Split
    folds: tuple[NDArray[np.int64], ...]
    options: TrainOptions
    missing: dict[str, int]
    doubt: dict[str, str]

    def encoded(
        self, part: NDArray[np.int64], indicators: bool
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """X and y of some rows; y as one 1 a row among 0s, where indicators are asked for."""
        y: NDArray[Any] = self.target.encode(self.answers.take(part))
        return self.X[part], np.eye(self.target.outputs)[y] if indicators else y


def prepared_table(table: Table, target: str, options: TrainOptions) -> PreparedTable:
    """Return what a model learns from, and by what it is judged; always the same."""
    column, answers, parts, folds, options = divided(table, target, options)
    recipe = options.recipe(column.task)
    kinds = {name: kind for name, kind in options.kinds.items() if name != target}
    selection = selected(table, target, options.ignore, kinds)
    table = parsed(table, dict(selection.kinds))
    training = column.present[parts.training]
    features = FeatureEncoder.fit(
        table.take(training), selection.kinds, recipe.pieces, recipe.categories
    )
    # of all rows: what predict refuses is refused in a row without a target, too
    X = features.transform(table, options.dtype)[column.present]
    encoder: Target
    if column.task == "classification":
        classes = ClassTarget.fit(answers, target, column.kind)
        encoder = classes.with_shares(answers.take(parts.training))
    else:
        loss = loss_named("squared_error" if options.loss == "auto" else options.loss)
        within: Range = loss.targets if loss.targets in RANGES else "real"  # type: ignore[assignment]
        encoder = NumberTarget.fit(
            answers.take(parts.training), target, column.kind, within, recipe.clamp
        )
    absent = {name: missing(table, name)[column.present].sum() for name in features.names}
    gaps = {name: int(count) for name, count in absent.items() if count}
    doubt = told_apart(answers, target) if encoder.kind == "text" else ""
    doubts = {target: doubt} if doubt else {}
    return PreparedTable(
        features, encoder, column, selection, answers, X, parts, folds, options, gaps, doubts
    )


def chosen_options(table: Table, target: str, options: TrainOptions) -> TrainOptions:
    """Return the options with everything chosen for a table and its target."""
    return divided(table, target, options).options


class Divided(NamedTuple):
    """The target, the rows that have it, their parts and folds, and the options for the task."""

    column: TargetColumn
    answers: Table
    parts: Split
    folds: tuple[NDArray[np.int64], ...]
    options: TrainOptions


def divided(table: Table, target: str, options: TrainOptions) -> Divided:
    """Return the target and the parts of the rows that have it, each with its share of a class."""
    column = target_column(table, target, options.task, options.kinds.get(target))
    recipe = options.recipe(column.task)
    answers = table.only(target).take(column.present)
    classes = None
    if column.task == "classification":
        classes = ClassTarget.fit(answers, target, column.kind).encode(answers)
    alone = recipe.members == 1
    fractions = (recipe.test_fraction, recipe.validation_fraction if alone else 0.0)
    parts = split(answers.n_rows, *fractions, options.seed, classes)
    folds: tuple[NDArray[np.int64], ...] = ()
    if not alone and parts.training.size >= _LEAST_TO_FOLD:
        of_training = None if classes is None else classes[parts.training]
        folds = folds_of(parts.training, recipe.members, options.seed, of_training)
    return Divided(column, answers, parts, folds, options.chosen(column.task, parts.training.size))


def encoded_for(
    loss: Loss, prepared: PreparedTable, part: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return X and y of some rows, as a network with this loss learns them."""
    return prepared.encoded(part, loss.targets != "classes" and prepared.target.outputs > 1)
