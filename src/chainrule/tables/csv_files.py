"""CSV files, by pyarrow: text columns, and the line of each row for messages."""

import functools
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from chainrule.tables.conventions import MISSING, Conventions
from chainrule.tables.csv_lines import first_row, line_of_row, open_quote, separator_of
from chainrule.tables.errors import TableError
from chainrule.tables.table import Table
from chainrule.theory.checks import plural

CSV_SUFFIXES = (".csv", ".tsv", ".txt")
_COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
COMPRESSED = tuple(_COMPRESSIONS)
_MARK = b"\xef\xbb\xbf"
_LARGEST_BLOCK = 2**31 - 1


def read_csv(path: Path, conventions: Conventions, content: bytes | None = None) -> Table:
    """Return a CSV file as a table of text columns.

    Missing are empty cells, cells of spaces, and `MISSING` and the words of the conventions, with
    spaces around them or not. Columns without a name (an index that a program wrote) are left
    out and counted.

    Parameters
    ----------
    path : Path
    conventions : Conventions
    content : bytes, optional
        What a pipe gave, which can't be read twice.

    Raises
    ------
    TableError
        If the file isn't UTF-8 text, or a row hasn't as many cells as the header, with the line.
    """
    again: Callable[[], bytes] = functools.partial(_content, path, content)
    text = again()
    separator = separator_of(text)
    data = _parsed(path, text, separator, conventions)
    named = [index for index, name in enumerate(data.column_names) if name.strip()]
    return Table(
        str(path),
        data.select(named),
        typed=False,
        place=functools.partial(_place, again, data.num_rows),
        nameless=data.num_columns - len(named),
        conventions=conventions,
    )


def _parsed(path: Path, content: bytes, separator: str, conventions: Conventions) -> pa.Table:
    blank: list[pyarrow.csv.InvalidRow] = []
    ragged: list[pyarrow.csv.InvalidRow] = []

    def other_length(row: pyarrow.csv.InvalidRow) -> str:
        (ragged if row.text.strip() else blank).append(row)
        return "error" if ragged else "skip"

    # one thread: Arrow's can abort a process that exits; one block: a row may be of any length
    block = min(len(content) + 1, _LARGEST_BLOCK)
    options = {
        "read_options": pyarrow.csv.ReadOptions(use_threads=False, block_size=block),
        "parse_options": pyarrow.csv.ParseOptions(
            delimiter=separator, newlines_in_values=True, invalid_row_handler=other_length
        ),
    }
    words = [*MISSING, *conventions.na]
    try:
        first = pa.BufferReader(first_row(content, separator))
        header = pyarrow.csv.read_csv(first, **options)
        convert = pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(header.column_names, pa.string()),
            strings_can_be_null=True,
            null_values=words,
        )
        data = pyarrow.csv.read_csv(pa.BufferReader(content), convert_options=convert, **options)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise TableError(
            _open_quote(path, content, separator)
            or _ragged(path, content, separator, len(blank), ragged)
            or _not_utf8(path, content)
            or f"{path}: {str(error).strip().splitlines()[0]}"
        ) from error
    if _ends_in_lines(data) and (opened := _open_quote(path, content, separator)):
        raise TableError(opened)
    return without_words(data, words) if _has_spaces_at_edges(content, separator) else data


def _has_spaces_at_edges(content: bytes, separator: str) -> bool:
    mark = separator.encode()
    edges = (mark + b" ", b" " + mark, b"\n ", b" \n", b" \r", b'" ', b' "')
    return any(edge in content for edge in edges)


def without_words(data: pa.Table, words: list[str]) -> pa.Table:
    """Return the table with null where a text, but for spaces around it, is one of the words."""
    missing = pa.array(words, pa.string())
    columns = []
    for column in data.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            word = pc.is_in(pc.utf8_trim_whitespace(column), value_set=missing.cast(column.type))
            column = pc.if_else(word, None, column)
        columns.append(column)
    return pa.table(columns, names=data.column_names) if columns else data


def compression(path: Path) -> str | None:
    """Return what a file is packed with, by its suffix in any case."""
    return _COMPRESSIONS.get(path.suffix.lower())


def _content(path: Path, given: bytes | None) -> bytes:
    content = given
    if content is None:
        try:
            with path.open("rb") as file, pa.input_stream(file, compression(path)) as stream:
                content = bytes(stream.read())
        except PermissionError:
            raise
        except OSError as error:
            raise TableError(f"{path} can't be unpacked; copy it or compress it again") from error
    content = content.removeprefix(_MARK)
    if b"\0" in content:
        raise TableError(f"{path} is not a table: expected UTF-8 text, got binary data")
    if not content.strip():
        raise TableError(f"{path} is empty; expected a header line and rows")
    return content


def _place(content: Callable[[], bytes], n_rows: int, row: int) -> str:
    text = content()
    return f"line {line_of_row(text, separator_of(text), row + 1, n_rows + 1)}"


def _ends_in_lines(data: pa.Table) -> bool:
    """Whether a cell of the last row is of several lines, as where a quote is never closed."""
    last = data.slice(max(data.num_rows - 1, 0)).to_pylist()
    return any("\n" in value for row in last for value in row.values() if value)


def _open_quote(path: Path, content: bytes, separator: str) -> str:
    line = open_quote(content, separator) if b'"' in content else 0
    return f"{path}: a quote after line {line} is never closed; close it" if line else ""


def _ragged(
    path: Path, content: bytes, separator: str, blank: int, ragged: list[pyarrow.csv.InvalidRow]
) -> str:
    if not ragged:
        return ""
    row = ragged[0]
    line = line_of_row(content, separator, row.number - 1 - blank, text=row.text)
    return (
        f"{path}, line {line}: expected {plural(row.expected_columns, 'cell')} as in the header, "
        f"got {row.actual_columns}; correct the line"
    )


def _not_utf8(path: Path, content: bytes) -> str:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as wrong:
        line = content[: wrong.start].count(b"\n") + 1
        return f"{path}, line {line}: expected UTF-8 text; convert the file to UTF-8"
    return ""
