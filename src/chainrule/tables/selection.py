"""Which columns of a table a model reads, and why the others are left out."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.tables.category_column import KEPT_CATEGORIES
from chainrule.tables.columns import Kind, kind_of, missing, numbers
from chainrule.tables.doubts import doubt_of
from chainrule.tables.errors import TableError, listed, near_miss
from chainrule.tables.labels import are_codes, label_counts, told_apart
from chainrule.tables.table import Table
from chainrule.theory.checks import plural

_ENOUGH_TO_COUNT = 10  # rows
_NUMBERED = (
    r"(?i:(^|[\W_])(id|index|row|number|nr|no|key)$)|^Unnamed|"
    r"[a-z](Id|ID|Index|Row|Number|Nr|No|Key)$"
)


@dataclass(frozen=True)
class Selection:
    """The columns to read with their kinds, the columns left out with the reason, and remarks.

    Parameters
    ----------
    kinds : tuple of (str, Kind)
        Name and kind of each column to read.
    left_out : dict of str to str
        Why, for each column left out.
    remarks : dict of str to str
        What is odd about a column that is read.

    Examples
    --------
    >>> from chainrule.tables import read
    >>> chosen = selected(read("iris"), target="target", ignore=["petal width (cm)"])
    >>> len(chosen.kinds), chosen.left_out
    (3, {'petal width (cm)': 'ignored'})
    """

    kinds: tuple[tuple[str, Kind], ...]
    left_out: dict[str, str]
    remarks: dict[str, str]


def selected(
    table: Table,
    target: str,
    ignore: Sequence[str] = (),
    kinds: Mapping[str, Kind] | None = None,
) -> Selection:
    """Return the columns that a model of the target reads.

    Left out are: what is ignored; the index of a DataFrame; columns that hold neither numbers,
    text, booleans nor dates; text that names the row (more than 32 values, more than half of the
    values distinct); and numbers that count the rows from 0 or 1 under a name that ends in id,
    index or number, if there are other columns to learn from. A column whose kind is given is
    read, whatever it holds.

    Raises
    ------
    TableError
        If a column that is named isn't there, one has no values, or none is left.
    """
    asked = dict(kinds or {})
    for name in (*ignore, *asked):
        require_column(table, name, "ignore" if name in ignore else "kind")
    if target in ignore:
        raise TableError(f"ignore: {target!r} is the target; ignore other columns")
    left_out = dict.fromkeys(ignore, "ignored")
    if table.nameless:
        left_out["(no name)"] = f"{table.nameless} without a name in the header"
    read: dict[str, Kind] = {}
    remarks: dict[str, str] = {}
    for name in table.names:
        if name == target or name in left_out:
            continue
        if missing(table, name).all():
            raise TableError(
                f"{table.name}, column {name!r}: all values are missing; "
                f"drop the column, or leave it out with --ignore {name!r}"
            )
        kind = asked.get(name) or kind_of(table, name)
        reason = "" if name in asked else _reason(table, name, kind)
        if kind is None or reason:
            left_out[name] = reason
        else:
            read[name] = kind
            if remark := "" if name in asked else _remark(table, name, kind):
                remarks[name] = remark
    for name in list(remarks):
        if len(read) > 1 and _is_row_number(table, name, read):
            del read[name], remarks[name]
            left_out[name] = f"it numbers the rows; --kind {shlex.quote(name)}=number reads it"
    if not read:
        why = listed(f"{name} ({reason})" for name, reason in left_out.items())
        raise TableError(
            f"{table.name}: no column is left to learn {target!r} from{': ' + why if why else ''}"
        )
    return Selection(tuple(read.items()), left_out, remarks)


def require_column(table: Table, name: str, option: str) -> None:
    """Refuse a column that an option names and the table hasn't."""
    if name not in table:
        hint = near_miss(name, table.names) or f"; its columns are {listed(table.names)}"
        raise TableError(f"{option}: {table.name} has no column {name!r}{hint}")


def _reason(table: Table, name: str, kind: Kind | None) -> str:
    """Why a column is left out; '' where it is kept."""
    if name in table.index:
        return "the index of the DataFrame"
    if kind is None:
        return f"{table.column(name).type} is neither numbers, text, booleans nor dates"
    if kind != "text":
        return ""
    counts = label_counts(table, name, kind)
    present = sum(counts.values())
    if len(counts) <= KEPT_CATEGORIES or 2 * len(counts) <= present:
        return ""
    return str(
        doubt_of(table, name) or f"text, {len(counts)} different values in {plural(present, 'row')}"
    )


def _remark(table: Table, name: str, kind: Kind) -> str:
    """Return what a reader should know of a column that is read."""
    if kind == "text":
        return str(doubt_of(table, name) or told_apart(table, name))
    if kind != "number":
        return ""
    values = numbers(table, name, kind)
    if not (values == np.floor(values)).all():  # nor where one is missing
        return ""
    if are_codes(table, name):
        return f"a number, for all its leading zeros; --kind {shlex.quote(f'{name}=text')} if codes"
    if values.size >= _ENOUGH_TO_COUNT and (np.diff(values) > 0).all():
        ignore = f"--ignore {shlex.quote(name)}"
        return f"a number, whole and larger in each row: if it only counts, {ignore}"
    return ""


def _is_row_number(table: Table, name: str, kinds: Mapping[str, Kind]) -> bool:
    """Whether a column is 0, 1, 2, ... or 1, 2, 3, ..., and its name says that it is a number."""
    if kinds[name] != "number" or not names_a_row(name):
        return False
    values = numbers(table, name, "number")
    return bool(values[0] in (0, 1) and (np.diff(values) == 1).all())


def names_a_row(name: str) -> bool:
    """Whether a column is called as what numbers the rows, or names them."""
    return bool(re.search(_NUMBERED, name))
