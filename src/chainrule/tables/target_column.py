"""The column to predict, as it stands in a table: its rows, its kind, and the task it sets."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chainrule.tables.columns import Kind, kind_of, missing, numbers
from chainrule.tables.doubts import doubt_of
from chainrule.tables.errors import TableError
from chainrule.tables.labels import are_codes, label_counts
from chainrule.tables.table import Table
from chainrule.tables.targets import Task

MOST_INTEGER_CLASSES = 20


@dataclass(frozen=True)
class TargetColumn:
    """What a table asks of a model.

    Parameters
    ----------
    present : ndarray of int64, shape (n_present,)
        The rows that have the target.
    kind : "number", "boolean", "date" or "text"
    task : "classification" or "regression"
    why : str
        What the task was inferred from, and how to change it; '' where it was asked for.
    """

    present: NDArray[np.int64]
    kind: Kind
    task: Task
    why: str = ""


def target_column(
    table: Table, name: str, task: str = "auto", kind: Kind | None = None
) -> TargetColumn:
    """Return the column to predict.

    Parameters
    ----------
    table : Table
    name : str
    task : "auto", "classification" or "regression"
        "auto": classification for text, booleans and at most 20 different whole numbers.
    kind : Kind, optional
        What it holds, where that was said.

    Raises
    ------
    TableError
        If there are no rows or no such column, all its values are missing or the same, or it is
        almost numbers, so that it isn't clear what is meant.

    Examples
    --------
    >>> import pyarrow as pa
    >>> fruit = Table("fruit", pa.table({"ripe": ["yes", "no"]}), typed=True)
    >>> target_column(fruit, "ripe").why
    'its values are text'
    """
    where = f"{table.name}, column {name!r}"
    column = table.column(name)
    if table.n_rows == 0:
        raise TableError(f"{table.name} has column names and no rows; expected at least one row")
    present = np.flatnonzero(~missing(table, name))
    if not present.size:
        raise TableError(f"{where}: all values are missing; a target needs some")
    found = kind or kind_of(table, name)
    if found is None:
        raise TableError(f"{where}: expected numbers, text, booleans or dates, got {column.type}")
    rows = table.only(name).take(present)
    if task == "auto" and kind is None and found == "text":
        _check_doubt(rows, name)
    asked: Task | None = None if task == "auto" else task  # type: ignore[assignment]
    inferred, kind, why = _inferred(rows, name, found)
    if asked == "regression":
        kind = found
    task = asked or inferred
    _check_varies(rows, name, kind, task)
    return TargetColumn(present, kind, task, "" if asked else why)


def _check_doubt(rows: Table, name: str) -> None:
    """Refuse text that is numbers or dates but for the way it is written."""
    doubt = doubt_of(rows, name)
    if doubt is None:
        return
    classes = label_counts(rows, name, "text")
    codes = all(text.isdigit() or text.isalpha() for text in classes)
    if len(classes) <= MOST_INTEGER_CLASSES and codes:
        return  # as 1, 2, 3 and A
    raise TableError(
        f"{rows.name}, column {name!r}: {doubt.why}, so that it is not clear what to predict; "
        f"{doubt.remedy + ', ' if doubt.remedy else 'correct it, or '}"
        "--task classification takes it as classes"
    )


def _inferred(rows: Table, name: str, kind: Kind) -> tuple[Task, Kind, str]:
    """Return the task, the kind of its classes or numbers, and the reason."""
    if kind != "number":
        task, why = inferred_task(kind)
        return task, kind, why
    values = np.unique(numbers(rows, name, kind))
    is_whole = bool((values == np.floor(values)).all())
    few = values.size <= MOST_INTEGER_CLASSES
    codes = len(label_counts(rows, name, "text")) if is_whole and are_codes(rows, name) else 0
    if 0 < codes <= MOST_INTEGER_CLASSES:
        return "classification", "text", "its values are codes, with leading zeros"
    different = len(label_counts(rows, name, kind)) if few else values.size  # beyond 2⁵³, as text
    task, why = inferred_task(kind, is_whole, different)
    return task, kind, why


def inferred_task(kind: Kind, is_whole: bool = False, different: int = 0) -> tuple[Task, str]:
    """Return the task that a target sets, and the reason.

    Parameters
    ----------
    kind : Kind
    is_whole : bool
        Of numbers, whether all of them are whole.
    different : int
        How many different numbers there are.
    """
    if kind == "text":
        return "classification", "its values are text"
    if kind == "boolean":
        return "classification", "its values are true and false"
    if kind == "date":
        return "regression", "its values are dates"
    if not is_whole:
        return "regression", "its values are numbers"
    count = f"{different:,} different whole numbers"
    if different <= MOST_INTEGER_CLASSES:
        return "classification", f"{count}; or --task regression"
    return "regression", f"{count}; or --task classification"


def _check_varies(rows: Table, name: str, kind: Kind, task: Task) -> None:
    """Refuse a target that is everywhere the same."""
    if task == "regression" and kind in ("number", "date"):
        found = [f"{value:g}" for value in np.unique(numbers(rows, name, kind))[:2]]
    else:
        found = list(label_counts(rows, name, kind))
        found = [repr(text) for text in found] if kind == "text" else found
    if len(found) == 1:
        raise TableError(
            f"{rows.name}, column {name!r}: all values are {found[0]}; a constant target "
            "leaves nothing to learn"
        )
