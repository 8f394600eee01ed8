"""The values of one column: their kind, and as numbers or text, with the line of a wrong one."""

from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from chainrule.tables.errors import TableError
from chainrule.tables.table import Table

Kind = Literal["number", "boolean", "date", "text"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_WORDS = {"number": "a number", "boolean": "true or false", "date": "a date", "text": "text"}
_MICROSECONDS_A_DAY = 86_400e6
_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"


def kind_of(table: Table, name: str) -> Kind | None:
    """Return the kind of a column: stated by its type, or the first that all its texts can be.

    Returns
    -------
    "number", "boolean", "date" or "text"
        None where the values are none of these (lists, structures, binary).
    """
    column = _plain(table.column(name))
    if not table.typed:
        return next((kind for kind in ("number", "boolean", "date") if _is(column, kind)), "text")
    if pa.types.is_boolean(column.type):
        return "boolean"
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        return "date"
    if _is_text(column.type):
        return "text"
    if _is_numeric(column.type):
        return "number"
    return None


def numbers(table: Table, name: str, kind: Kind) -> NDArray[np.float64]:
    """Return a column of numbers, or of dates as days since 1970, with NaN where missing.

    Parameters
    ----------
    table : Table
    name : str
        The column.
    kind : "number" or "date"

    Returns
    -------
    ndarray of float64, shape (n_rows,)

    Raises
    ------
    TableError
        If a value isn't of that kind or is infinite; the line is named.
    """
    column = _converted(table, name, kind)
    values = np.asarray(column.to_numpy(), dtype=np.float64)
    infinite = np.flatnonzero(np.isinf(values))
    if infinite.size:
        row = int(infinite[0])
        raise TableError(
            f"{table.where(row)}, column {name!r}: expected a finite number, got "
            f"{values[row]}; correct it, or empty the cell if it is missing"
        )
    return values


def texts(table: Table, name: str, kind: Kind) -> pa.Array:
    """Return a column of categories as text, null where missing; booleans are 'false' and 'true'.

    Raises
    ------
    TableError
        If a value can't be of that kind; the line is named.
    """
    column = pc.cast(_converted(table, name, kind), pa.string())
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def natural(table: Table, name: str) -> pa.ChunkedArray:
    """Return a column in the type of its kind: whole numbers of a CSV file are int64."""
    column = table.column(name)
    if table.typed:
        return column
    kind = kind_of(table, name)
    if kind == "date":
        return _timestamps(pc.utf8_trim_whitespace(column))
    if kind == "number":
        try:
            return pc.cast(pc.utf8_trim_whitespace(column), pa.int64())
        except pa.ArrowInvalid:
            return _convert(column, "number")
    return _convert(column, kind or "text")


def missing(table: Table, name: str) -> NDArray[np.bool_]:
    """Return whether the value of each row is missing (null or NaN), bool of shape (n_rows,)."""
    return np.asarray(pc.is_null(table.column(name), nan_is_null=True).to_numpy(), dtype=np.bool_)


def almost_numbers(table: Table, name: str) -> str:
    """Say why a CSV column is text where most of its values are numbers; '' where they aren't.

    One stray mark in a column of numbers turns all of it into text; the report says so.
    """
    column = table.column(name)
    if table.typed or table.n_rows == 0:
        return ""
    matches = pc.match_substring_regex(column, _NUMBER)
    if (pc.mean(matches).as_py() or 0.0) <= 0.9:
        return ""
    row = pc.index(matches, False).as_py()
    return f"text because of {column[row].as_py()!r} ({table.where(row).rsplit(', ', 1)[1]})"


def _converted(table: Table, name: str, kind: Kind) -> pa.ChunkedArray:
    column = _plain(table.column(name))
    try:
        return _convert(column, kind)
    except pa.ArrowException as error:
        raise TableError(_wrong_value(table, name, column, kind)) from error


def _wrong_value(table: Table, name: str, column: pa.ChunkedArray, kind: Kind) -> str:
    if not _is_text(column.type):
        return (
            f"{table.name}, column {name!r}: expected {_WORDS[kind]} in each row, got {column.type}"
        )
    row = next(row for row in range(len(column)) if not _is(column.slice(row, 1), kind))
    value = column[row].as_py()
    return (
        f"{table.where(row)}, column {name!r}: expected {_WORDS[kind]}, got {value!r}; "
        "correct it, or empty the cell if it is missing"
    )


def _is(column: pa.ChunkedArray, kind: Kind) -> bool:
    try:
        _convert(column, kind)
    except pa.ArrowException:
        return False
    return True


def _convert(column: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    """float64 for a number or a date (days since 1970), bool for a boolean, else text."""
    if kind == "text":
        return pc.cast(column, pa.string())
    if _is_text(column.type):
        column = pc.utf8_trim_whitespace(column)
    if kind == "boolean":
        return pc.cast(column, pa.bool_())
    if kind == "number":
        return pc.cast(column, pa.float64(), safe=False)
    days = pc.cast(pc.cast(_timestamps(column), pa.int64()), pa.float64(), safe=False)
    return pc.divide(days, _MICROSECONDS_A_DAY)


def _timestamps(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return times as timestamps; text with or without an offset from UTC."""
    if not _is_text(column.type):
        zone = column.type.tz if pa.types.is_timestamp(column.type) else None
        return pc.cast(column, pa.timestamp("us", tz=zone), safe=False)
    try:
        return pc.cast(column, pa.timestamp("us"))
    except pa.ArrowInvalid:
        return pc.cast(column, pa.timestamp("us", tz="UTC"))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the column with dictionary-encoded values written out, and views of text as text."""
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    return pc.cast(column, pa.string()) if pa.types.is_string_view(column.type) else column


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_null(kind)
    )
