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
from chainrule.tables.parsing import is_text
from chainrule.tables.table import Table
from chainrule.theory.checks import plural

CSV_SUFFIXES = (".csv", ".tsv", ".txt")
_COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
COMPRESSED = tuple(_COMPRESSIONS)
_MARK = b"\xef\xbb\xbf"
_BLOCK, _BLOCK_A_COLUMN, _LARGEST_BLOCK = 2**20, 2**12, 2**31 - 1  # bytes


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
    """Return the rows as text, in blocks that suit a cache, or in one where a row is longer."""
    words = [*MISSING, *conventions.na]
    whole = min(len(content) + 1, _LARGEST_BLOCK)
    first = first_row(content, separator)
    block = _BLOCK + _BLOCK_A_COLUMN * first.count(separator.encode())
    for size in (min(block, whole), whole):
        odd = _OddRows()
        try:
            data = _in_blocks(content, first, separator, words, odd, size)
        except (pa.ArrowException, UnicodeDecodeError) as error:
            if odd.ragged is None and size < whole:
                continue
            raise TableError(
                _ragged(path, content, separator, odd)
                or _open_quote(path, content, separator)
                or _not_utf8(path, content)
                or f"{path}: {str(error).strip().splitlines()[0]}"
            ) from error
        break
    if _ends_in_lines(data) and (opened := _open_quote(path, content, separator)):
        raise TableError(opened)
    return without_words(data, words) if b" " in content else data


def _in_blocks(
    content: bytes, first: bytes, separator: str, words: list[str], odd: "_OddRows", block: int
) -> pa.Table:
    # one thread: Arrow's can abort a process that exits
    options = {
        "read_options": pyarrow.csv.ReadOptions(use_threads=False, block_size=block),
        "parse_options": pyarrow.csv.ParseOptions(
            delimiter=separator, newlines_in_values=True, invalid_row_handler=odd.handle
        ),
    }
    header = pyarrow.csv.read_csv(pa.BufferReader(first), **options)
    convert = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(header.column_names, pa.string()),
        strings_can_be_null=True,
        null_values=words,
    )
    return pyarrow.csv.read_csv(pa.BufferReader(content), convert_options=convert, **options)


class _OddRows:
    """Rows of another length than the header's: lines of spaces are skipped, others refused."""

    def __init__(self) -> None:
        self.blank = 0
        self.ragged: pyarrow.csv.InvalidRow | None = None

    def handle(self, row: pyarrow.csv.InvalidRow) -> str:
        """Say what is to be done with a row."""
        if not row.text.strip():
            self.blank += 1
            return "skip"
        self.ragged = self.ragged or row
        return "error"


def without_words(data: pa.Table, words: list[str]) -> pa.Table:
    """Return the table with null where a text, but for spaces around it, is one of the words."""
    missing = pa.array(words, pa.string())
    columns = []
    for column in data.columns:
        if is_text(column.type):
            plain = column
            if pc.any(pc.or_(pc.starts_with(column, " "), pc.ends_with(column, " "))).as_py():
                plain = pc.utf8_trim_whitespace(column)
            word = pc.is_in(plain, value_set=missing.cast(column.type))
            column = pc.if_else(word, None, column)
        columns.append(column)
    return pa.table(columns, names=data.column_names) if columns else data


def compression(path: Path) -> str | None:
    """Return what a file is packed with, by its suffix in any case."""
    return _COMPRESSIONS.get(path.suffix.lower())


def _unpacked(path: Path) -> bytes:
    packed = compression(path)
    if packed is None:
        return path.read_bytes()
    with path.open("rb") as file, pa.input_stream(file, packed) as stream:
        return bytes(stream.read())


def _content(path: Path, given: bytes | None) -> bytes:
    content = given
    if content is None:
        try:
            content = _unpacked(path)
        except PermissionError:
            raise
        except OSError as error:
            raise TableError(f"{path} can't be unpacked; copy it or compress it again") from error
    content = content.removeprefix(_MARK)
    if b"\0" in content:
        raise TableError(f"{path} is not a table: expected UTF-8 text, got binary data")
    if not content[:1000].strip() and not content.strip():
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


def _ragged(path: Path, content: bytes, separator: str, odd: _OddRows) -> str:
    row = odd.ragged
    if row is None or row.text.count('"') % 2:  # an open quote takes in what follows
        return ""
    line = line_of_row(content, separator, row.number - 1 - odd.blank, text=row.text)
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
