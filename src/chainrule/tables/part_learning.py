"""What a pass over a table in parts has found, as the encoding of its columns and its target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.tables.category_column import KEPT_CATEGORIES, CategoryColumn
from chainrule.tables.columns import Kind
from chainrule.tables.encoding import MOST_INPUTS, Column, FeatureEncoder
from chainrule.tables.errors import TableError, listed
from chainrule.tables.fields import Fields
from chainrule.tables.labels import in_order
from chainrule.tables.number_column import NumberColumn
from chainrule.tables.options import TrainOptions
from chainrule.tables.part_pass import GroupFacts, Pass, Read
from chainrule.tables.parts import Parts
from chainrule.tables.selection import names_a_row
from chainrule.tables.statistics import LabelStatistics, NumberStatistics
from chainrule.tables.target_column import inferred_task
from chainrule.tables.targets import (
    MOST_CLASSES,
    RANGES,
    ClassTarget,
    NumberTarget,
    Range,
    Target,
    Task,
    target_from_dict,
)
from chainrule.theory.checks import plural
from chainrule.theory.named import loss_named


@dataclass(frozen=True)
class Learned:
    """What a pass found.

    Parameters
    ----------
    features : FeatureEncoder
    target : Target
    task_why : str
        What the task was inferred from; "" where it was asked for.
    left_out : dict of str to str
        Why, for each column that is not read.
    missing : dict of str to int
        Of each column that has gaps, how many.
    group_rows : tuple of int
        In each group, the rows to learn from.
    without_target : int
    """

    features: FeatureEncoder
    target: Target
    task_why: str
    left_out: dict[str, str]
    missing: dict[str, int]
    group_rows: tuple[int, ...]
    without_target: int

    @property
    def n_rows(self) -> int:
        """The rows to learn from."""
        return sum(self.group_rows)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        fields = {"features": self.features.to_list(), "target": self.target.to_dict()}
        return {**vars(self), **fields, "group_rows": list(self.group_rows)}

    @classmethod
    def from_dict(cls, described: object) -> Learned:
        """Return what `to_dict` described; a ValueError names a field that is wrong."""
        fields = Fields(described, "learned")
        learned = cls(
            features=FeatureEncoder.from_list(fields.any("features")),
            target=target_from_dict(fields.any("target")),
            task_why=fields.text("task_why"),
            left_out=fields.mapping("left_out", str),
            missing=fields.mapping("missing", int),
            group_rows=tuple(fields.wholes("group_rows")),
            without_target=fields.whole("without_target"),
        )
        fields.done()
        return learned


def task_of(facts: GroupFacts, kind: Kind, asked: str) -> tuple[Task, str]:
    """Return the task that the target sets, and why; '' where it was asked for."""
    if asked != "auto":
        return asked, ""  # type: ignore[return-value]
    found = facts.target
    if found is None:
        return inferred_task(kind)
    return inferred_task(
        kind, found.is_whole, found.count if found.counts is None else len(found.counts)
    )


def learned_from(
    facts: GroupFacts, one_pass: Pass, left_out: dict[str, str], options: TrainOptions
) -> Learned:
    """Return the encoding of the columns and of the target.

    Raises
    ------
    TableError
        If a column has no values, none is left, or the target is everywhere the same.
    """
    parts, kind = one_pass.parts, one_pass.kind
    task, why = task_of(facts, kind, options.task)
    target = _target(facts, one_pass, task, options)
    recipe, count = options.recipe(task), sum(facts.learned)
    kept = _kept(facts, one_pass, left_out, options)
    read = [read for read in kept if not read.part or (recipe.pieces and _varies(facts, read))]
    of_numbers = sum(read.kind in ("number", "date") for read in read)
    pieces = min(recipe.pieces, MOST_INPUTS // max(of_numbers, 1))
    columns: list[Column] = []
    for one in read:
        found = facts.columns[one]
        if isinstance(found, NumberStatistics):
            columns.append(_number_column(parts, one, found, pieces, recipe.piece_height))
        else:
            texts = found.most_frequent(recipe.categories)
            columns.append(CategoryColumn(one.name, one.kind, texts, found.missing > 0))  # type: ignore[arg-type]
    names = dict.fromkeys(column.name for column in columns)
    gaps = {one.name: facts.columns[one].missing for one in kept if not one.part}
    if not count:
        raise TableError(f"{parts.name}: no row is left to learn from")
    return Learned(
        FeatureEncoder(tuple(columns)),
        target,
        why,
        left_out,
        {name: gaps[name] for name in names if gaps[name]},
        tuple(facts.learned),
        facts.without,
    )


def _kept(
    facts: GroupFacts, one_pass: Pass, left_out: dict[str, str], options: TrainOptions
) -> list[Read]:
    """Return the columns that are read, with their parts; why others aren't is written down."""
    kept = []
    whole = [read for read in one_pass.reads if not read.part]
    for read in whole:
        found, name = facts.columns[read], read.name
        if not found.count:
            raise TableError(
                f"{one_pass.parts.name}, column {name!r}: all values are missing; "
                f"drop the column, or leave it out with --ignore {name!r}"
            )
        if name in options.kinds:
            kept.append(read)
        elif isinstance(found, LabelStatistics):
            different = found.different
            if different > KEPT_CATEGORIES and 2 * different > found.count:
                about = f"{'' if found.is_exact else 'about '}{different:,.0f}"
                rows = plural(found.count, "row")
                left_out[name] = f"text, {about} different values in {rows}"
            else:
                kept.append(read)
        elif len(whole) > 1 and _numbers_rows(name, found, one_pass.parts.n_rows):
            left_out[name] = "it numbers the rows; give its kind as number to have it read"
        else:
            kept.append(read)
    if not kept:
        why = listed(f"{name} ({reason})" for name, reason in left_out.items())
        raise TableError(
            f"{one_pass.parts.name}: no column is left to learn {one_pass.target!r} from"
            f"{': ' + why if why else ''}"
        )
    names = {read.name for read in kept}
    return [read for read in one_pass.reads if read.name in names]


def _numbers_rows(name: str, found: NumberStatistics, n_rows: int) -> bool:
    """Whether a column says which row it is: whole, and rising up to their number."""
    counts = found.is_whole and found.is_rising and found.first >= 0 and found.last <= n_rows
    return counts and names_a_row(name)


def _varies(facts: GroupFacts, read: Read) -> bool:
    found = facts.columns[read]
    return isinstance(found, NumberStatistics) and found.least < found.most


def _number_column(
    parts: Parts, read: Read, found: NumberStatistics, pieces: int, height: float
) -> NumberColumn:
    (median,) = found.quantiles([0.5])
    center, scale = found.filled(median)
    if not np.isfinite([median, center, scale]).all():
        raise TableError(
            f"{parts.name}, column {read.name!r}: its numbers are too large to standardise; "
            f"rescale it, or leave it out with --ignore {read.name!r}"
        )
    if found.least == found.most:
        scale = 0.0
    knots: list[float] = []
    if pieces and scale > 0:
        few = found.counts is not None and len(found.counts) <= pieces
        shares = np.linspace(0, 1, pieces + 1).tolist()
        knots = sorted(found.counts) if few else sorted(set(found.quantiles(shares)))  # type: ignore[arg-type]
    return NumberColumn(
        read.name, read.kind, read.part, median, center, scale, tuple(knots), height,  # type: ignore[arg-type]
        found.missing > 0,
    )  # fmt: skip


def _target(facts: GroupFacts, one_pass: Pass, task: Task, options: TrainOptions) -> Target:
    name, kind = one_pass.target, one_pass.kind
    where = f"{one_pass.parts.name}, column {name!r}"
    found = facts.target
    count = facts.labels.count if found is None else found.count
    if not count:
        raise TableError(f"{where}: all values are missing; a target needs some")
    constant = (
        facts.labels.different < 2
        if task == "classification" or found is None
        else found.least == found.most
    )
    if constant:
        value = next(iter(facts.labels.counts), "") if found is None else f"{found.least:g}"
        raise TableError(
            f"{where}: all values are {value}; a constant target leaves nothing to learn"
        )
    if task == "classification":
        return _class_target(facts, name, "text" if kind == "date" else kind, where)
    if found is None:
        raise TableError(f"{where}: regression needs numbers or dates, got {kind}")
    mean, std = found.filled(0.0)
    loss = loss_named("squared_error" if options.loss == "auto" else options.loss)
    within: Range = loss.targets if loss.targets in RANGES else "real"  # type: ignore[assignment]
    limits = (found.least, found.most) if options.recipe(task).clamp else None
    return NumberTarget.scaled(where, name, kind, mean, std, within, limits)


def _class_target(facts: GroupFacts, name: str, kind: Kind, where: str) -> ClassTarget:
    counts = facts.labels.counts
    if not facts.labels.is_exact or len(counts) > MOST_CLASSES:
        raise TableError(
            f"{where}: expected at most {MOST_CLASSES} classes, got about "
            f"{facts.labels.different:,.0f}; is it the right target?"
        )
    classes = sorted(counts, key=in_order if kind == "number" else None)
    total = facts.shares.count
    shares = tuple(facts.shares.counts[one] / total for one in classes)
    return ClassTarget(name, kind, tuple(classes), shares)  # type: ignore[arg-type]
