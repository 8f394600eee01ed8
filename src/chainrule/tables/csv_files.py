"""CSV files, by pyarrow: text columns, and the line of each row for messages."""

import csv
import functools
import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from chainrule.tables.errors import TableError
from chainrule.tables.table import Table

CSV_SUFFIXES = (".csv", ".tsv", ".txt")
_SEPARATORS = ",;\t|"
_ONE_THREAD = pyarrow.csv.ReadOptions(use_threads=False)  # Arrow's can abort a process that exits
_MISSING = [*pyarrow.csv.ConvertOptions().null_values, "?"]


def read_csv(path: Path) -> Table:
    """Return a CSV file as a table of text columns.

    Empty cells are missing, and so are pyarrow's words for it (NA, N/A, NaN, null, ...) and a
    lone "?". Columns without a name (an index that a program wrote) are left out and counted.

    Raises
    ------
    TableError
        If the file isn't UTF-8 text, or a row hasn't as many cells as the header, with the line.
    """
    content = _content(path)
    separator = _separator(content)
    parse = pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True)
    options = {"parse_options": parse, "read_options": _ONE_THREAD}
    try:
        header = pyarrow.csv.read_csv(pa.BufferReader(_header(content, separator)), **options)
        convert = pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(header.column_names, pa.string()),
            strings_can_be_null=True,
            null_values=_MISSING,
        )
        data = pyarrow.csv.read_csv(pa.BufferReader(content), convert_options=convert, **options)
    except pa.ArrowException as error:
        raise TableError(
            _defect(path, content, separator) or f"{path}: {_one_line(error)}"
        ) from error
    _check_last_quote(path, data, content, separator)
    named = [index for index, name in enumerate(data.column_names) if name.strip()]
    return Table(
        str(path),
        data.select(named),
        typed=False,
        place=functools.partial(_place, path),
        nameless=data.num_columns - len(named),
    )


def _content(path: Path) -> bytes:
    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            content = bytes(stream.read())
    except PermissionError:
        raise
    except OSError as error:
        raise TableError(f"{path} can't be unpacked; copy it or compress it again") from error
    if b"\0" in content:
        raise TableError(f"{path} is not a table: expected UTF-8 text, got binary data")
    if not content.strip():
        raise TableError(f"{path} is empty; expected a header line and rows")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise TableError(
            f"{path}, line {line}: expected UTF-8 text; convert the file to UTF-8"
        ) from error
    return content


def _separator(content: bytes) -> str:
    """Return the most frequent separator of the header line, outside quotes; else a comma."""
    header = content.lstrip().split(b"\n", 1)[0].decode("utf-8", "replace")
    unquoted = re.sub('"[^"]*"', "", header)
    return max(_SEPARATORS, key=unquoted.count)


def _header(content: bytes, separator: str) -> bytes:
    """Return the line or lines of the first row, for pyarrow to read the names from."""
    text = io.StringIO(content.decode("utf-8"), newline="")
    reader = csv.reader(text, delimiter=separator)
    next(filter(None, reader))
    text.seek(0)
    return "".join(itertools.islice(text, reader.line_num)).encode()


def _rows(content: bytes, separator: str, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Return the line on which each row begins, from 1, and its cells: to place a defect."""
    csv.field_size_limit(max(csv.field_size_limit(), len(content)))  # a cell may be a document
    text = io.StringIO(content.decode("utf-8"), newline="")
    reader = csv.reader(text, delimiter=separator, strict=strict)
    before = 0
    for cells in reader:
        if cells:
            yield before + 1, cells
        before = reader.line_num


def _place(path: Path, row: int) -> str:
    content = _content(path)
    for index, (line, _) in enumerate(_rows(content, _separator(content))):
        if index == row + 1:
            return f"line {line}"
    return f"row {row + 1}"


def _defect(path: Path, content: bytes, separator: str) -> str:
    """Return what is wrong with a CSV file that pyarrow refused, and where; '' if unknown."""
    if opened := _open_quote(path, content, separator):
        return opened
    expected = 0
    for number, cells in _rows(content, separator):
        expected = expected or len(cells)
        if len(cells) != expected:
            return (
                f"{path}, line {number}: expected {expected} cells as in the header, "
                f"got {len(cells)}; correct the line"
            )
    return ""


def _open_quote(path: Path, content: bytes, separator: str) -> str:
    """Return where a quote is opened and never closed, which takes the rest into one cell."""
    after = 0
    try:
        for line, _ in _rows(content, separator, strict=True):
            after = line
    except csv.Error as error:
        if "unexpected end" in str(error):
            return f"{path}: a quote after line {after} is never closed; close it"
    return ""


def _check_last_quote(path: Path, data: pa.Table, content: bytes, separator: str) -> None:
    """Refuse a quote that is never closed, which can only end in the last row."""
    last = data.slice(max(data.num_rows - 1, 0)).to_pylist()
    if not any("\n" in value for row in last for value in row.values() if value):
        return
    if opened := _open_quote(path, content, separator):
        raise TableError(opened)


def _one_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
