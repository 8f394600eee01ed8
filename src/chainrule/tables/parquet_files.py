"""Parquet files and DataFrames, by pyarrow: columns whose types are stated."""

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from chainrule.tables.conventions import USUAL, Conventions
from chainrule.tables.csv_files import without_words
from chainrule.tables.errors import TableError
from chainrule.tables.parsing import NUMBER, numbers
from chainrule.tables.table import Table

PARQUET_SUFFIXES = (".parquet", ".pq")
MAGIC = b"PAR1"


def read_parquet(
    path: Path, conventions: Conventions = USUAL, content: bytes | None = None
) -> Table:
    """Return a Parquet file as a table.

    Raises
    ------
    TableError
        If its footer is broken or missing, or its pages can't be read.
    """
    try:
        with (
            pa.BufferReader(content) if content is not None else path.open("rb") as source,
            pq.ParquetFile(source) as file,
        ):
            data = _read(path, file)
    except PermissionError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise TableError(
            f"{path} is not a whole Parquet file (its footer is broken or missing); "
            "copy it or write it again"
        ) from error
    return typed_table(str(path), data, conventions)


def from_frame(frame: Any, conventions: Conventions = USUAL) -> Table:  # noqa: ANN401
    """Return a DataFrame of pandas or polars, or a table of Arrow's, as a table.

    Raises
    ------
    TableError
        If a column can't be of one type.
    TypeError
        If it is none of these.
    """
    name = "the DataFrame"
    if isinstance(frame, pa.Table):
        return typed_table("the table", frame, conventions)
    try:
        if is_of_pandas(frame):
            return typed_table(name, pa.Table.from_pandas(frame), conventions)
        if hasattr(frame, "__arrow_c_stream__"):
            return typed_table(name, pa.table(frame), conventions)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise TableError(f"{name}: {' '.join(map(str, error.args))}") from error
    raise TypeError(
        "expected a path, a DataFrame of pandas or polars, a pyarrow.Table or a Table, "
        f"got {type(frame).__name__}"
    )


def is_of_pandas(frame: object) -> bool:
    """Return whether an object is of a class of pandas, which is not imported to tell."""
    return type(frame).__module__.split(".")[0] == "pandas"


def typed_table(name: str, data: pa.Table, conventions: Conventions = USUAL) -> Table:
    """Return Arrow's table, its columns in plain types, and the index of pandas known as one."""
    index = index_of(data.schema)
    columns = [_plain(column) for column in data.columns]
    data = pa.table(columns, names=data.column_names) if columns else data
    if conventions.na:
        data = _without_numbers(without_words(data, list(conventions.na)), conventions)
    return Table(name, data, typed=True, index=index, conventions=conventions)


def index_of(schema: pa.Schema) -> tuple[str, ...]:
    """Return the columns that are the index of the DataFrame that was written."""
    described = (schema.pandas_metadata or {}).get("index_columns", [])
    return tuple(column for column in described if isinstance(column, str))


def in_plain_types(data: pa.Table) -> pa.Table:
    """Return a table in plain types, but with dictionaries of text as they are."""
    columns = [
        column if pa.types.is_dictionary(column.type) else _plain(column) for column in data.columns
    ]
    return pa.table(columns, names=data.column_names) if columns else data


def _without_numbers(data: pa.Table, conventions: Conventions) -> pa.Table:
    """Return the table with null where a number is one of the words for missing, as -999."""
    words = [word for word in conventions.na if re.match(NUMBER, word)]
    if not words:
        return data
    missing = numbers(pa.array(words), USUAL)
    columns = [
        pc.if_else(pc.is_in(pc.cast(column, pa.float64()), value_set=missing), None, column)
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        else column
        for column in data.columns
    ]
    return pa.table(columns, names=data.column_names)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column with what only says how it is stored taken away."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(
            pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type)
        )
    if pa.types.is_dictionary(kind):
        chunks = [_written_out(chunk) for chunk in column.chunks]
        return pa.chunked_array(chunks) if chunks else _plain(column.cast(kind.value_type))
    if pa.types.is_run_end_encoded(kind):
        chunks = [pc.run_end_decode(chunk) for chunk in column.chunks]
        return _plain(pa.chunked_array(chunks, kind.value_type))
    if pa.types.is_string_view(kind):
        return pc.cast(column, pa.string())
    return column


def _written_out(chunk: pa.DictionaryArray) -> pa.Array:
    values = _plain(pa.chunked_array([chunk.dictionary])).combine_chunks()
    return values.take(chunk.indices)


def _read(path: Path, file: pq.ParquetFile) -> pa.Table:
    try:
        return file.read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise TableError(
            f"{path} is a damaged Parquet file (its pages can't be read); copy it or write it again"
        ) from error
