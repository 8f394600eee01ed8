"""The classes of a column as text, with all their digits."""

import math
import re
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from chainrule.tables import parsing
from chainrule.tables.columns import Kind, converted, texts
from chainrule.tables.table import Table

_WHOLE = r"^-?[1-9]\d*$|^0$"
_CODE = r"^[+-]?0\d"


def labels(table: Table, name: str) -> pa.Array:
    """Return the classes of a column of numbers as text, null where missing: 1.0 and 1 are '1'.

    Whole numbers keep all their digits, however many.
    """
    column = table.column(name)
    if parsing.is_text(column.type):
        converted(table, name, "number")  # names the line of what isn't one
    encoded = pc.dictionary_encode(column)
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    found = encoded.dictionary
    if parsing.is_text(found.type):
        values = parsing.numbers(found, table.conventions).to_pylist()
        plain = [str(text).strip() for text in found.to_pylist()]
        names = [
            text if re.match(_WHOLE, text) else _label(value)
            for text, value in zip(plain, values, strict=True)
        ]
    else:
        names = [_label(value) for value in found.to_pylist()]
    return pa.array(names, pa.string()).take(encoded.indices)


def label_counts(table: Table, name: str, kind: Kind) -> dict[str, int]:
    """How many rows hold each class of a target; missing ones aren't counted."""
    column = labels(table, name) if kind == "number" else texts(table, name, kind)
    counted = pc.value_counts(pc.drop_null(column))
    found, counts = counted.field("values").to_pylist(), counted.field("counts").to_pylist()
    return dict(zip(found, counts, strict=True))


def are_codes(table: Table, name: str) -> bool:
    """Whether a column of text holds whole numbers with leading zeros, which are codes."""
    column = table.column(name)
    codes = parsing.is_text(column.type) and pc.any(pc.match_substring_regex(column, _CODE)).as_py()
    return bool(codes)


def _label(value: object) -> str | None:
    """Return a number as text, whole ones without a point; None where it is missing."""
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, Decimal):
        return str(int(value)) if value == value.to_integral_value() else str(value.normalize())
    return str(int(value)) if isinstance(value, bool) else str(value)


def in_order(label: str) -> tuple[Decimal, str]:
    """Return what numbers are sorted by, of any length."""
    return Decimal(label), label


def told_apart(table: Table, name: str) -> str:
    """Say which two texts of a column differ in spaces or in case alone; '' where none do."""
    seen: dict[str, str] = {}
    for text in label_counts(table, name, "text"):
        other = seen.setdefault(" ".join(text.split()).lower(), text)
        if other != text:
            return f"text, in which {other!r} and {text!r} are told apart"
    return ""
