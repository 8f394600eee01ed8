"""Which columns of a table a model reads, and why the others are left out."""

from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.tables.columns import Kind, almost_numbers, kind_of, missing
from chainrule.tables.encoding import KEPT_CATEGORIES, category_counts
from chainrule.tables.errors import TableError, listed, near_miss
from chainrule.tables.table import Table


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


def selected(table: Table, target: str, ignore: Sequence[str] = ()) -> Selection:
    """Return the columns that a model of the target reads.

    Left out are: what is ignored; columns that hold neither numbers, text, booleans nor dates; and
    text that names the row (more than 32 values, more than half of the values distinct).

    Raises
    ------
    TableError
        If a column to ignore isn't there, a column has no values, or no column is left.
    """
    for name in ignore:
        _check_ignored(table, name, target)
    kinds: list[tuple[str, Kind]] = []
    remarks: dict[str, str] = {}
    left_out = dict.fromkeys(ignore, "ignored")
    if table.nameless:
        left_out["(no name)"] = f"{table.nameless} without a name in the header"
    for name in table.names:
        if name == target or name in left_out:
            continue
        if missing(table, name).all():
            raise TableError(
                f"{table.name}, column {name!r}: all values are missing; "
                f"drop the column, or leave it out with --ignore {name!r}"
            )
        kind = kind_of(table, name)
        reason = _reason(table, name, kind)
        if kind is None or reason:
            left_out[name] = reason
        else:
            kinds.append((name, kind))
            if kind == "text" and (remark := almost_numbers(table, name)):
                remarks[name] = remark
    if not kinds:
        why = listed(f"{name} ({reason})" for name, reason in left_out.items())
        raise TableError(
            f"{table.name}: no column is left to learn {target!r} from{': ' + why if why else ''}"
        )
    return Selection(tuple(kinds), left_out, remarks)


def _check_ignored(table: Table, name: str, target: str) -> None:
    if name == target:
        raise TableError(f"ignore: {name!r} is the target; ignore other columns")
    if name not in table.names:
        hint = near_miss(name, table.names) or f"; its columns are {listed(table.names)}"
        raise TableError(f"ignore: {table.name} has no column {name!r}{hint}")


def _reason(table: Table, name: str, kind: Kind | None) -> str:
    """Why a column is left out; '' where it is kept."""
    if kind is None:
        return f"{table.column(name).type} is neither numbers, text, booleans nor dates"
    if kind != "text":
        return ""
    counts = category_counts(table, name, kind)
    present = sum(counts.values())
    if len(counts) <= KEPT_CATEGORIES or 2 * len(counts) <= present:
        return ""
    return almost_numbers(table, name) or f"text, {len(counts)} different values in {present} rows"
