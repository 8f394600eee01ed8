"""The values of one column: their kind, and as numbers or text, with the line of a wrong one."""

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from chainrule.tables import parsing
from chainrule.tables.errors import TableError
from chainrule.tables.table import Table

Kind = Literal["number", "boolean", "date", "text"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_WORDS = {"number": "a number", "boolean": "true or false", "date": "a date", "text": "text"}
_INFERRED: tuple[Kind, ...] = ("number", "boolean", "date")
MICROSECONDS_A_DAY = 86_400e6
_TRUE, _FALSE = ("true", "yes", "y", "t", "on", "1"), ("false", "no", "n", "f", "off", "0")


def kind_of(table: Table, name: str) -> Kind | None:
    """Return the kind of a column: stated by its type, or the first that all its texts can be.

    Returns
    -------
    "number", "boolean", "date" or "text"
        None where the values are none of these (lists, structures, binary).
    """
    column = table.column(name)
    if not table.typed:
        return next((kind for kind in _INFERRED if _is(table, name, kind)), "text")
    if pa.types.is_boolean(column.type):
        return "boolean"
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        return "date"
    if parsing.is_text(column.type):
        return "text"
    return "number" if _is_numeric(column.type) else None


def _is(table: Table, name: str, kind: Kind) -> bool:
    """Whether all of a column can be of a kind; its conversion is kept for whoever asks next."""
    try:
        table.conversions[name, kind] = _convert(table, table.column(name), kind)
    except (pa.ArrowException, TypeError):
        return False
    return True


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
    column = converted(table, name, kind)
    if kind == "date":
        column = pc.cast(pc.cast(column, pa.int64()), pa.float64(), safe=False)
        column = pc.divide(column, MICROSECONDS_A_DAY)
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
    column = pc.cast(converted(table, name, kind), pa.string())
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def known_texts(table: Table, name: str, kind: Kind, known: tuple[str, ...]) -> pa.Array:
    """Return a column of categories as `texts` does, in the words of those that a model knows.

    Where none of the values is known, the column may have been retyped since. Truth values are
    told in the model's own words where it knows two, as yes and no.

    Raises
    ------
    TableError
        As `texts`, and if the column now has another type, in which nothing is known.
    """
    values = texts(table, name, kind)
    words = pa.array(known, pa.string())
    present = pc.drop_null(values)
    if not len(present) or not known or pc.any(pc.is_in(present, value_set=words)).as_py():
        return values
    told = _in_words_of(values, known)
    if pc.any(pc.is_in(told, value_set=words)).as_py():
        return told
    if not parsing.is_text(table.column(name).type):
        raise TableError(
            f"{table.name}, column {name!r}: expected text as {known[0]!r}, as in training, got "
            f"{table.column(name).type}, as {present[0].as_py()!r}; convert the column"
        )
    return values


def _in_words_of(values: pa.Array, known: tuple[str, ...]) -> pa.Array:
    """Return truth values in the two words for them that a model knows, others as they are."""
    lower = {text.strip().lower(): text for text in known}
    words: dict[str, str | None] = {}
    for truth in (_FALSE, _TRUE):
        words |= dict.fromkeys(truth, next((lower[word] for word in truth if word in lower), None))
    if len(known) != 2 or None in words.values():
        return values
    given = pc.utf8_lower(pc.utf8_trim_whitespace(values))
    index = pc.index_in(given, value_set=pa.array(list(words)))
    return pc.coalesce(pa.array(list(words.values())).take(index), values)


def parsed(table: Table, kinds: Mapping[str, Kind]) -> Table:
    """Return a table whose columns of these kinds have their types: float64, bool, time, text."""
    return table.with_columns({name: converted(table, name, kinds[name]) for name in kinds})


def natural(table: Table, name: str) -> pa.ChunkedArray:
    """Return a column in the type of its kind, where that tells no less than its text.

    Whole numbers are int64; what has leading zeros, or more digits than a number keeps, stays text,
    and so do times that have an offset, or fractions of a microsecond.
    """
    column = table.column(name)
    if table.typed:
        return column
    kind = kind_of(table, name) or "text"
    if kind == "date":
        try:
            return pc.cast(pc.utf8_trim_whitespace(column), pa.timestamp("us"))
        except pa.ArrowInvalid:
            return column
    if kind != "number":
        return converted(table, name, kind)
    digits = pc.utf8_trim_whitespace(column)
    if pc.any(pc.match_substring_regex(digits, r"^[+-]?(0\d|\d{16})")).as_py():
        try:
            whole = pc.cast(digits, pa.int64())
        except pa.ArrowInvalid:
            return column
        return whole if pc.cast(whole, pa.string()).equals(digits) else column
    try:
        return pc.cast(digits, pa.int64())
    except pa.ArrowInvalid:
        return converted(table, name, "number")


def missing(table: Table, name: str) -> NDArray[np.bool_]:
    """Return whether the value of each row is missing (null or NaN), bool of shape (n_rows,)."""
    column = table.column(name)
    if not column.null_count and not pa.types.is_floating(column.type):
        return np.zeros(len(column), dtype=np.bool_)
    return np.asarray(pc.is_null(column, nan_is_null=True).to_numpy(), dtype=np.bool_)


def converted(table: Table, name: str, kind: Kind) -> pa.ChunkedArray:
    """Return a column in the type of a kind: float64, bool, timestamp (microseconds) or text.

    Raises
    ------
    TableError
        If a value isn't of that kind, or the column's type tells that it was meant otherwise: a
        number is no date, whatever its size.
    """
    if (name, kind) in table.conversions:
        return table.conversions[name, kind]
    try:
        return _convert(table, table.column(name), kind)
    except (pa.ArrowException, TypeError) as error:
        raise TableError(_wrong_value(table, name, kind)) from error


def _wrong_value(table: Table, name: str, kind: Kind) -> str:
    column = table.column(name)
    if not parsing.is_text(column.type):
        return (
            f"{table.name}, column {name!r}: expected {_WORDS[kind]} in each row, got "
            f"{column.type}; convert the column"
        )
    row = _first_wrong(table, column, kind)
    value = column[row].as_py()
    return (
        f"{table.where(row)}, column {name!r}: expected {_WORDS[kind]}, got {value!r}; "
        "correct it, or empty the cell if it is missing"
    )


def _first_wrong(table: Table, column: pa.ChunkedArray, kind: Kind) -> int:
    """Return the first row whose value isn't of a kind, by halving."""
    start, stop = 0, len(column)
    while stop - start > 1:
        middle = (start + stop) // 2
        if _converts(table, column.slice(start, middle - start), kind):
            start = middle
        else:
            stop = middle
    return start


def _converts(table: Table, column: pa.ChunkedArray, kind: Kind) -> bool:
    try:
        _convert(table, column, kind)
    except (pa.ArrowException, TypeError):
        return False
    return True


def _convert(table: Table, column: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    given = column.type
    if pa.types.is_dictionary(given):
        return _convert(table, pc.cast(column, given.value_type), kind)
    if pa.types.is_null(given):
        types = {"number": pa.float64(), "boolean": pa.bool_(), "date": pa.timestamp("us")}
        return pc.cast(column, types.get(kind, pa.string()))
    if kind == "number":
        if parsing.is_text(given):
            return parsing.numbers(column, table.conventions)
        if _is_numeric(given) or pa.types.is_boolean(given):
            return pc.cast(column, pa.float64(), safe=False)
    elif kind == "date":
        if parsing.is_text(given):
            return parsing.times(column, table.conventions)
        if pa.types.is_timestamp(given) or pa.types.is_date(given):
            zone = given.tz if pa.types.is_timestamp(given) else None
            utc = pc.cast(column, pa.timestamp("us", tz=zone), safe=False)
            return pc.cast(utc, pa.timestamp("us"))
    elif kind == "boolean":
        if parsing.is_text(given):
            return parsing.truth_values(column)
        if pa.types.is_boolean(given):
            return column
        if _is_numeric(given):
            return pc.cast(pc.cast(pc.cast(column, pa.uint8()), pa.string()), pa.bool_())
    elif parsing.is_text(given) or pa.types.is_boolean(given):
        return pc.cast(column, pa.string())
    elif _is_numeric(given):
        return _whole_texts(column)
    raise TypeError(f"{given} is no {kind}")


def _whole_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return whole numbers as text, 3.0 as '3'; others raise, for they can be told in many ways."""
    if pa.types.is_floating(column.type):
        column = pc.cast(pc.if_else(pc.is_nan(column), None, column), pa.int64())
    elif pa.types.is_decimal(column.type):
        column = pc.cast(column, pa.int64())
    return pc.cast(column, pa.string())


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_null(kind)
    )
