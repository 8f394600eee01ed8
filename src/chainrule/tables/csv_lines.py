"""Where the rows of a CSV file begin, its separator, its first row, a quote never closed."""

import csv
import io
import itertools
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SEPARATORS = ",;\t|"
_FIRST = 1 << 16  # bytes


def separator_of(content: bytes) -> str:
    r"""Return the most frequent separator of the header line, outside quotes; else a comma.

    Examples
    --------
    >>> separator_of(b'a;"b,c,d"\n1;2\n')
    ';'
    """
    header = re.match(rb"[\r\n ]*([^\r\n]*)", content)
    unquoted = re.sub('"[^"]*"', "", header[1].decode("utf-8", "replace") if header else "")
    return max(_SEPARATORS, key=unquoted.count)


def first_row(content: bytes, separator: str) -> bytes:
    """Return the line or lines of the first row, for pyarrow to read the names from."""
    for size in (_FIRST, len(content)):
        start = content[:size]
        rows = _reader(start, separator)
        next(filter(None, rows), None)
        text = io.StringIO(start.decode("utf-8", "surrogateescape"), newline="")
        row = "".join(itertools.islice(text, rows.line_num)).encode("utf-8", "surrogateescape")
        if len(row) < size:
            break
    return row


def open_quote(content: bytes, separator: str) -> int:
    """Return the line after which a quote is opened and never closed; 0 where all are closed."""
    rows, after = _reader(content, separator, strict=True), 1
    try:
        for _ in rows:
            after = rows.line_num
    except csv.Error as error:
        return after if "unexpected end" in str(error) else 0
    return 0


def line_of_row(content: bytes, separator: str, row: int, n_rows: int = 0, text: str = "") -> int:
    r"""Return the line, from 1, on which a row begins; row 0 is the header.

    Lines of nothing, or of spaces where there are columns to separate, are no rows.

    Parameters
    ----------
    content : bytes
    separator : str
    row : int
    n_rows : int
        How many rows there are, the header included, where that is known.
    text : str
        How the row begins, where that is known.

    Examples
    --------
    >>> line_of_row(b'a,b\n\n1,"x\ny"\n2,z\n', ",", 2)
    5
    """
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    starts = _row_starts(content)
    known = row < starts.size and n_rows in (0, starts.size)
    if known and content.startswith(text.split("\n")[0].rstrip("\r").encode(), int(starts[row])):
        return content.count(b"\n", 0, int(starts[row])) + 1
    return _parsed_line(content, separator, row)


def _row_starts(content: bytes) -> NDArray[np.int64]:
    """Return the offsets at which rows begin, if quotes stand only around cells."""
    text = np.frombuffer(content, np.uint8)
    starts = np.append(0, np.flatnonzero(text == ord("\n")) + 1)
    stops = np.append(starts[1:] - 1, text.size)
    quotes = np.flatnonzero(text == ord('"'))
    rows = (np.searchsorted(quotes, starts) % 2 == 0) & (stops > starts)
    spaced = np.flatnonzero(rows & (text[np.minimum(starts, text.size - 1)] == ord(" ")))
    for line in spaced:
        rows[line] = bool(content[starts[line] : stops[line]].strip())
    return starts[rows]


def _parsed_line(content: bytes, separator: str, row: int) -> int:
    rows = _reader(content, separator)
    found, before = -1, 0
    for cells in rows:
        found += bool("".join(cells).strip() or len(cells) > 1)
        if found == row:
            break
        before = rows.line_num
    return before + 1


def _reader(content: bytes, separator: str, strict: bool = False) -> Any:  # noqa: ANN401 (csv's)
    csv.field_size_limit(max(csv.field_size_limit(), len(content)))  # a cell may be a document
    text = io.StringIO(content.decode("utf-8", "replace"), newline="")
    return csv.reader(text, delimiter=separator, strict=strict)
