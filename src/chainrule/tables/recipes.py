"""How a model of a table is made where nothing else is asked for: a recipe a quality and task."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from chainrule.tables.targets import Task
from chainrule.theory.named import optimizer_named, schedule_named
from chainrule.theory.optimizer import Optimizer
from chainrule.theory.schedules import Schedule

Quality = Literal["plain", "fast", "balanced", "best"]
# Rows. Of more, the first recipe was the better one for numbers: california_housing, Computers.
MOST_TO_COMPARE = 4000
_STEPS = 40  # of an epoch, where there are rows enough
QUALITIES: tuple[Quality, ...] = get_args(Quality)


@dataclass(frozen=True)
class Recipe:
    """What a quality chooses for a task; each is an option of `TrainOptions`, but the last two.

    Parameters
    ----------
    hidden : tuple of int
    activation : str or tuple of str
    dropout : float
    optimizer : str
    learning_rate : float or None
    schedule : str or None
    epochs, patience : int
    l2 : float or "auto"
    pieces : int
    piece_height : float
    categories, members : int
    clamp : bool
    test_fraction, validation_fraction : float
    largest_batch : int
        Rows a step at most, where their number is "auto".
    stretch : int
        How many times the epochs there may be at most, for tables of so few rows that an epoch has
        less than 40 steps; 1: epochs are epochs.
    """

    hidden: tuple[int, ...]
    activation: str | tuple[str, ...]
    dropout: float
    optimizer: str
    learning_rate: float | None
    schedule: str | None
    epochs: int
    patience: int
    l2: float | Literal["auto"]
    pieces: int
    piece_height: float
    categories: int
    members: int
    clamp: bool
    test_fraction: float
    validation_fraction: float
    largest_batch: int
    stretch: int

    def optimizer_row(self, clip_norm: float | None) -> Optimizer:
        """Return the optimizer with its learning rate and schedule."""
        row = optimizer_named(self.optimizer)
        if self.learning_rate is not None:
            row = replace(row, learning_rate=self.learning_rate)
        if self.schedule is not None and not isinstance(row.learning_rate, Schedule):
            row = replace(row, learning_rate=schedule_named(self.schedule, row.learning_rate))
        return row if clip_norm is None else replace(row, clip_norm=clip_norm)

    def rows_a_step(self, n_rows: int) -> int:
        """Return the batch size for so many training rows: 1/40 of them, within bounds."""
        if optimizer_named(self.optimizer).name == "rprop":
            return n_rows
        return min(n_rows, max(16, min(self.largest_batch, n_rows // _STEPS)))

    def rounds(self, n_rows: int) -> int:
        """Return the epochs for so many training rows, so that there are steps enough."""
        steps = math.ceil(n_rows / self.rows_a_step(n_rows))
        return math.ceil(self.epochs * min(max(_STEPS / steps, 1.0), self.stretch))

    def penalty(self, n_rows: int) -> float:
        """Return the l2 for so many training rows."""
        return 10 / n_rows if self.l2 == "auto" else self.l2


# One network on standardised columns, as a textbook has it: what is best to be read.
_PLAIN = Recipe(
    hidden=(128, 64),
    activation="relu",
    dropout=0.0,
    optimizer="adam",
    learning_rate=None,
    schedule=None,
    epochs=400,
    patience=20,
    l2="auto",
    pieces=0,
    piece_height=1.0,
    categories=32,
    members=1,
    clamp=False,
    test_fraction=0.2,
    validation_fraction=0.15,
    largest_batch=128,
    stretch=1,
)
# Chosen on one half of the suite of benchmarks/suite, and on other tables of R's packages; the
# other half is reported beside it.
_NUMBERS = Recipe(
    hidden=(128, 128),
    activation="gelu",
    dropout=0.0,
    optimizer="adamw:weight_decay=0.1,averaging=0.99",
    learning_rate=0.004,
    schedule="cosine",
    epochs=50,
    patience=1000,  # the schedule ends the training
    l2=0.0,
    pieces=32,
    piece_height=1.0,
    categories=64,
    members=5,
    clamp=True,
    test_fraction=0.0,
    validation_fraction=0.15,
    largest_batch=256,
    stretch=4,
)
# What else is tried of each: better where rows are few or say little, or columns act together.
_SMOOTH = replace(
    _NUMBERS,
    optimizer="adamw:weight_decay=0.5,averaging=0.99",
    learning_rate=0.008,
    piece_height=0.25,
)
_CLASSES = replace(
    _NUMBERS,
    optimizer="adamw:weight_decay=1.0",
    learning_rate=0.008,
    epochs=25,
    piece_height=0.5,
)
_SMOOTH_CLASSES = replace(_CLASSES, pieces=8, dropout=0.1)


def _fast(recipe: Recipe, **given: Any) -> Recipe:  # noqa: ANN401 (fields of a recipe)
    return replace(recipe, hidden=(64, 64), **given)


def _best(recipe: Recipe, epochs: int) -> Recipe:
    return replace(recipe, hidden=(256, 256), members=10, epochs=epochs)


RECIPES: Mapping[Quality, Mapping[Task, tuple[Recipe, ...]]] = {
    "plain": {"regression": (_PLAIN,), "classification": (_PLAIN,)},
    "fast": {
        "regression": (
            _fast(_NUMBERS, learning_rate=0.007, pieces=16, piece_height=0.35, epochs=14),
        ),
        "classification": (
            _fast(
                _CLASSES,
                optimizer="adamw:weight_decay=0.5,averaging=0.98",
                epochs=10,
                pieces=8,
            ),
        ),
    },
    "balanced": {
        "regression": (_NUMBERS, _SMOOTH),
        "classification": (_CLASSES, _SMOOTH_CLASSES),
    },
    "best": {
        "regression": (_best(_NUMBERS, 80), _best(_SMOOTH, 80)),
        "classification": (_best(_CLASSES, 40), _best(_SMOOTH_CLASSES, 40)),
    },
}


def differing(recipes: Sequence[Recipe]) -> list[str]:
    """Return the names of what these recipes don't choose alike."""
    first, *others = recipes
    names = (known.name for known in fields(Recipe))
    return [
        name for name in names if any(getattr(one, name) != getattr(first, name) for one in others)
    ]
