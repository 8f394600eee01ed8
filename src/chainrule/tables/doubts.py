"""Text that is almost numbers or dates: why it is text, and which option would read it."""

import itertools
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import pyarrow as pa
import pyarrow.compute as pc

from chainrule.tables import parsing
from chainrule.tables.columns import Kind
from chainrule.tables.conventions import Conventions
from chainrule.tables.table import Table

_MOST_MARKS = 3
_KINDS: tuple[Kind, ...] = ("number", "date")
_LOOKS = r"^\W{0,4}\d[\d\s.,'/:TZ+-]*\D{0,4}$"  # of a number or a date, however it is written
_SIGN_BEFORE, _SIGN_AFTER = r"^[+-]?([^\d\s.,+-]+)\s*[+-]?[\d.,]", r"\d\s*([^\d\s.,]+)$"
_NUMBERS = ((".", ""), (".", ","), (",", ""), (",", "."), (".", " "), (",", " "), (".", "'"))
_MOST_TEXTS = 10_000
_MOST_SIGNS = 4


@dataclass(frozen=True)
class Doubt:
    """A column of text that is something else, but for the way it is written.

    Parameters
    ----------
    why : str
        Which value makes it text, and where.
    options : tuple of str
        The options of the command line that read it, each a way of its own; none where none does.
    kind : "number" or "date"
        What they read it as.
    marks : tuple of str
        The values that these options read as missing.

    Examples
    --------
    >>> table = Table("t.csv", pa.table({"price": ["$1,200.50", "$950", "-"]}), typed=False)
    >>> doubt = doubt_of(table, "price")
    >>> print(doubt.why, doubt.remedy, sep="; ")
    text because of '-' (row 3); --na - --thousands , --strip '$' reads it as a number
    """

    why: str
    options: tuple[str, ...]
    kind: Kind
    marks: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.why}; {self.remedy}" if self.options else self.why

    @property
    def remedy(self) -> str:
        """What to do, in words; '' where nothing is known to help."""
        reads = "reads" if len(self.options) == 1 else "read"
        return f"{' or '.join(self.options)} {reads} it as a {self.kind}" if self.options else ""


def doubt_of(table: Table, name: str) -> Doubt | None:
    """Return the doubt about a column of text; None where most of its values are only text."""
    column = table.column(name)
    if not parsing.is_text(column.type):
        return None
    counted = pc.value_counts(pc.drop_null(column))
    texts, counts = counted.field("values"), counted.field("counts")
    unmarked = pc.match_substring_regex(texts, r"\d")
    marks = texts.filter(pc.invert(unmarked)).to_pylist() if len(texts) else []
    weight = pc.sum(counts.filter(pc.invert(unmarked))).as_py() or 0
    rest = texts.filter(unmarked)
    if not len(rest) or 2 * weight >= len(column):
        return None
    words = tuple(dict.fromkeys(mark.strip() for mark in marks))
    if len(words) <= _MOST_MARKS and pc.all(pc.match_substring_regex(rest, _LOOKS)).as_py():
        for kind in _KINDS:
            if options := _options(table, name, rest[:_MOST_TEXTS], words, kind):
                return Doubt(_because(table, column, kind, words), options, kind, words)
    plain = pc.sum(counts.filter(pc.match_substring_regex(texts, parsing.NUMBER))).as_py() or 0
    if plain <= 0.9 * pc.sum(counts).as_py():
        return None
    return Doubt(_because(table, column, "number", words), (), "number", words)


def _options(
    table: Table, name: str, rest: pa.Array, marks: tuple[str, ...], kind: Kind
) -> tuple[str, ...]:
    """Return the shortest options that read every text but the marks, each a way of its own."""
    known = table.conventions
    candidates = dict.fromkeys(_ways(known, rest, kind))
    ways = [_flags(known, way) for way in candidates if _reads(rest, way, kind)]
    if not ways:
        return ()
    missing = [f"--na {shlex.quote(mark)}" for mark in marks]
    typed = [f"--kind {shlex.quote(f'{name}={kind}')}"] if table.typed else []
    shortest = min(map(len, ways))
    return tuple(" ".join([*missing, *way, *typed]) for way in ways if len(way) == shortest)


def _ways(known: Conventions, texts: pa.Array, kind: Kind) -> Iterator[Conventions]:
    """Return the conventions by which texts could be read, those of the table first."""
    yield known
    if kind == "date":
        yield from (replace(known, date_order=order) for order in ("dmy", "mdy"))
        return
    signs = _signs(texts)
    for strip, (decimal, thousands) in itertools.product(dict.fromkeys(("", signs)), _NUMBERS):
        if not set(strip) & {decimal, thousands}:
            yield replace(known, strip=strip, decimal=decimal, thousands=thousands)


def _signs(texts: pa.Array) -> str:
    """Return the signs around numbers, as "$": of currencies, or one unit that all of them have."""
    before = [re.match(_SIGN_BEFORE, text.strip()) for text in texts.to_pylist()]
    after = [re.search(_SIGN_AFTER, text.strip()) for text in texts.to_pylist()]
    units = {match[1] for match in (*before, *after) if match}
    signs = "".join(dict.fromkeys("".join(sorted(units))))
    lettered = any(map(str.isalpha, signs))
    if len(signs) > _MOST_SIGNS or (lettered and (len(units) > 1 or None in after)):
        return ""
    return signs


def _reads(texts: pa.Array, way: Conventions, kind: Kind) -> bool:
    try:
        (parsing.numbers if kind == "number" else parsing.times)(texts, way)
    except pa.ArrowInvalid:
        return False
    return True


def _flags(known: Conventions, way: Conventions) -> list[str]:
    """Return the options of the command line that make one convention of another."""
    return [
        f"--{field.name.replace('_', '-')} {shlex.quote(getattr(way, field.name))}"
        for field in fields(Conventions)
        if field.name != "na" and getattr(way, field.name) != getattr(known, field.name)
    ]


def _because(table: Table, column: pa.ChunkedArray, kind: Kind, marks: tuple[str, ...]) -> str:
    """Return which value made a column text, and where it is first."""
    pattern = parsing.NUMBER if kind == "number" else r"^\d{4}-\d{2}-\d{2}"
    odd = pc.is_in(pc.utf8_trim_whitespace(column), value_set=pa.array(marks, column.type))
    odd = odd if marks else pc.invert(pc.match_substring_regex(column, pattern))
    row = pc.index(pc.fill_null(odd, False), True).as_py()
    if row < 0:
        return f"text, though all of it are {kind}s, as {pc.drop_null(column)[0].as_py()!r}"
    return f"text because of {column[row].as_py()!r} ({table.where(row).rsplit(', ', 1)[1]})"
