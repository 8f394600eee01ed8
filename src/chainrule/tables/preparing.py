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
    return prepared_tables(table, target, options)[0]


def prepared_tables(table: Table, target: str, options: TrainOptions) -> list[PreparedTable]:
    """Return the same for each recipe that is to be tried: alike but for the columns' encoding."""
    column, answers, parts, folds, candidates = divided(table, target, options)
    kinds = {name: kind for name, kind in options.kinds.items() if name != target}
    selection = selected(table, target, options.ignore, kinds)
    table = parsed(table, dict(selection.kinds))
    learned = table.take(column.present[parts.training])
    absent = {name: int(missing(table, name)[column.present].sum()) for name, _ in selection.kinds}
    gaps = {name: count for name, count in absent.items() if count}
    doubt = told_apart(answers, target) if column.kind == "text" else ""
    doubts = {target: doubt} if doubt else {}
    prepared = []
    for one in candidates:
        recipe = one.recipe(column.task)
        encoder = _encoder(target, column, answers, parts.training, one)
        features = FeatureEncoder.fit(
            learned, selection.kinds, recipe.pieces, recipe.categories, recipe.piece_height
        )
        # of all rows: what predict refuses is refused in a row without a target, too
        X = features.transform(table, options.dtype)[column.present]
        prepared.append(
            PreparedTable(
                features, encoder, column, selection, answers, X, parts, folds, one, gaps, doubts
            )
        )
    return prepared


def _encoder(
    target: str,
    column: TargetColumn,
    answers: Table,
    training: NDArray[np.int64],
    options: TrainOptions,
) -> Target:
    """Return what a network answers: classes of all rows, or numbers scaled by the training's."""
    learned, clamp = answers.take(training), options.recipe(column.task).clamp
    if column.task == "classification":
        return ClassTarget.fit(answers, target, column.kind).with_shares(learned)
    loss = loss_named("squared_error" if options.loss == "auto" else options.loss)
    within: Range = loss.targets if loss.targets in RANGES else "real"  # type: ignore[assignment]
    return NumberTarget.fit(learned, target, column.kind, within, clamp)


class Divided(NamedTuple):
    """The target, the rows that have it, their parts and folds, and the options to be tried."""

    column: TargetColumn
    answers: Table
    parts: Split
    folds: tuple[NDArray[np.int64], ...]
    candidates: tuple[TrainOptions, ...]


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
    candidates = options.candidates_for(column.task, parts.training.size)
    return Divided(column, answers, parts, folds, candidates if folds else candidates[:1])


def encoded_for(
    loss: Loss, prepared: PreparedTable, part: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return X and y of some rows, as a network with this loss learns them."""
    return prepared.encoded(part, loss.targets != "classes" and prepared.target.outputs > 1)
