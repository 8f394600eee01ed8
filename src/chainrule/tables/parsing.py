"""Columns of text as numbers, truth values and times; what isn't one raises ``ArrowInvalid``."""

import re
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from chainrule.tables.conventions import Conventions

Texts: TypeAlias = pa.ChunkedArray | pa.Array
NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_CLOCK = (
    r"(?:[T ]\s*(?P<hour>\d{1,2})(?::(?P<minute>\d{2})"
    r"(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?)?(?:\s*(?P<half>[AaPp])[Mm])?\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?$"
)
_PARTS = ("year", "month", "day", "hour", "minute", "second", "fraction", "half", "zone")
_HOUR = 3_600_000_000  # microseconds
_YEAR_FIRST = r"^(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})"
_YEAR_LAST = {
    "dmy": r"^(?P<day>\d{1,2})[-/.](?P<month>\d{1,2})[-/.](?P<year>\d{4})",
    "mdy": r"^(?P<month>\d{1,2})[-/.](?P<day>\d{1,2})[-/.](?P<year>\d{4})",
}


def is_text(kind: pa.DataType) -> bool:
    """Whether a type of Arrow's is text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def truth_values(texts: Texts) -> Texts:
    """Return true, false, 1 and 0, in any case, as booleans."""
    return pc.cast(pc.utf8_trim_whitespace(texts), pa.bool_())


def numbers(texts: Texts, conventions: Conventions) -> Texts:
    """Return numbers, written by some conventions, as float64.

    Examples
    --------
    >>> money = Conventions(decimal=",", thousands=".", strip="€")
    >>> numbers(pa.array(["1.234,5 €", "-€7", None]), money).to_pylist()
    [1234.5, -7.0, None]
    """
    if not conventions.usual_numbers:
        texts = _usual(pc.utf8_trim_whitespace(texts), conventions)
    try:
        return pc.cast(texts, pa.float64())
    except pa.ArrowInvalid:
        return pc.cast(pc.utf8_trim_whitespace(texts), pa.float64())


def _usual(texts: Texts, conventions: Conventions) -> Texts:
    """Return numbers as programs write them; what isn't one stays, or becomes no number."""
    if {"(", ")"} <= set(conventions.strip):  # as accountants write what is below 0
        texts = pc.replace_substring_regex(texts, r"^\((.+)\)$", r"-\1")
    if conventions.strip:
        signs = rf"[\s{re.escape(conventions.strip)}]+"
        texts = pc.replace_substring_regex(texts, rf"^([+-]?){signs}", r"\1")
        texts = pc.replace_substring_regex(texts, rf"{signs}$", "")
    if thousands := conventions.thousands:
        if thousands == " ":
            texts = pc.replace_substring_regex(texts, r"[\x{a0}\x{202f}]", " ")
        between, decimal = re.escape(thousands), re.escape(conventions.decimal)
        # groups of three, or as in India of two before the last three
        grouped = rf"^[+-]?\d{{1,3}}({between}\d{{2,3}})*{between}\d{{3}}({decimal}\d*)?$"
        joined = pc.replace_substring(texts, thousands, "")
        texts = pc.if_else(pc.match_substring_regex(texts, grouped), joined, texts)
    if conventions.decimal != ".":
        texts = pc.replace_substring(texts, ".", "!")  # a point is no decimal then
        texts = pc.replace_substring(texts, conventions.decimal, ".")
    return texts


def times(texts: Texts, conventions: Conventions) -> Texts:
    """Return dates and times as timestamps in microseconds; those with an offset in UTC.

    Examples
    --------
    >>> days = pa.array(["2024-1-5", "2024/01/05 12:00+06:00", "5.1.2024"])
    >>> [str(time) for time in times(days, Conventions(date_order="dmy")).to_pylist()]
    ['2024-01-05 00:00:00', '2024-01-05 06:00:00', '2024-01-05 00:00:00']
    """
    texts = pc.utf8_trim_whitespace(texts)
    if len(texts) == texts.null_count:
        return pc.cast(texts, pa.timestamp("us"))
    first = next(text for text in texts if text.is_valid)
    for zone in (None, "UTC"):
        try:  # the first alone, for it takes Arrow long to refuse all
            pc.cast(first, pa.timestamp("us", zone))
            return pc.cast(pc.cast(texts, pa.timestamp("us", zone)), pa.timestamp("us"))
        except pa.ArrowInvalid:
            continue
    return _joined(_parts(texts, first, conventions))


def _parts(texts: Texts, first: pa.Scalar, conventions: Conventions) -> list[Texts]:
    """Return the digits of `_PARTS` of each date, null where there is no text."""
    dates = [_YEAR_FIRST, *filter(None, [_YEAR_LAST.get(conventions.date_order)])]
    if not any(pc.match_substring_regex(first, date + _CLOCK).as_py() for date in dates):
        raise pa.ArrowInvalid(f"{first} is not a date")  # before all of a long column is tried
    found = [pc.extract_regex(texts, pattern=date + _CLOCK) for date in dates]
    parts = [pc.coalesce(*(pc.struct_field(part, name) for part in found)) for name in _PARTS]
    if parts[0].null_count > texts.null_count:
        raise pa.ArrowInvalid("a text is not a date")
    return parts


def _joined(parts: list[Texts]) -> Texts:
    """Return the timestamps of digits of `_PARTS`."""
    year, month, day, hour, minute, second, fraction, half, zone = parts
    midnight = pc.and_(pc.equal(hour, "12"), pc.not_equal(half, ""))  # 12 am, 12 pm
    date = pc.binary_join_element_wise(year, _two(month), _two(day), "-")
    hour = pc.if_else(midnight, "00", _two(hour))
    clock = pc.binary_join_element_wise(hour, _two(minute), _two(second), ":")
    whole = pc.cast(pc.binary_join_element_wise(date, clock, "T"), pa.timestamp("us"))
    shift = _whole(pc.utf8_slice_codeunits(pc.utf8_rpad(fraction, 6, "0"), 0, 6))
    shift = pc.add(shift, pc.if_else(pc.match_substring_regex(half, "[Pp]"), 12 * _HOUR, 0))
    zone = pc.replace_substring_regex(zone, "Z|UTC|GMT", "+0")
    sign = pc.if_else(pc.starts_with(zone, "-"), -1, 1)
    offset = pc.utf8_rpad(pc.replace_substring_regex(zone, "[-+:]", ""), 4, "0")
    hours = _whole(pc.utf8_slice_codeunits(offset, 0, 2))
    minutes = _whole(pc.utf8_slice_codeunits(offset, 2, 4))
    offset = pc.add(pc.multiply(hours, _HOUR), pc.multiply(minutes, _HOUR // 60))
    shift = pc.subtract(shift, pc.multiply(sign, offset))
    return pc.add(whole, pc.cast(shift, pa.duration("us")))


def _two(digits: Texts) -> Texts:
    return pc.utf8_lpad(digits, 2, "0")


def _whole(digits: Texts) -> Texts:
    return pc.cast(digits, pa.int64())
