"""What a command may write to: never over a table, a configuration, or another kind of file."""

import csv
import io
import json
import math
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from chainrule.atomic import atomic_file, writable
from chainrule.files import ModelFileError, header
from chainrule.tables import TableError, read
from chainrule.tables.model import PREDICTION

TABLE_SUFFIXES = (".csv", ".parquet", ".pq")
PICTURE_SUFFIXES = (".png", ".svg", ".pdf")


def check_output(output: Path, inputs: Sequence[str | Path | None], kind: str) -> bool:
    """Refuse, before any work, what would be refused or regretted after it.

    Parameters
    ----------
    output : Path
        The file to write.
    inputs : sequence of str, Path or None
        What the same command reads.
    kind : "model", "predictions", "rows", "page", "worksheet" or "picture"
        What is to be written: it may replace a file of its own kind, except rows.

    Returns
    -------
    bool
        Whether a file is replaced.

    Raises
    ------
    ValueError
        If the file is read by the command, or something else is there.
    OSError
        If it can't be written.
    """
    writable(output)
    if not output.exists():
        return False
    for given in inputs:
        if given is not None and os.path.exists(given) and output.samefile(given):  # noqa: PTH110
            raise ValueError(f"{output} would replace what this command reads; name another file")
    if not _IS[kind](output):
        raise ValueError(
            f"{output} is there already and does not hold {_WORDS[kind]}; name another file, or "
            "remove it"
        )
    return True


def check_table_output(output: Path, inputs: Sequence[str | Path | None], kind: str) -> bool:
    """Refuse what `check_output` refuses, and a name that isn't of a table."""
    if output.suffix.lower() not in TABLE_SUFFIXES:
        raise ValueError(f"expected a name ending in .csv or .parquet, got {str(output)!r}")
    return check_output(output, inputs, kind)


def check_picture_output(output: Path, inputs: Sequence[str | Path | None]) -> bool:
    """Refuse what `check_output` refuses, and a name that isn't of a picture."""
    if output.suffix.lower() not in PICTURE_SUFFIXES:
        raise ValueError(f"expected a name ending in .png, .svg or .pdf, got {str(output)!r}")
    return check_output(output, inputs, "picture")


def write_table(data: pa.Table, output: Path) -> None:
    """Write columns to a .csv or .parquet file, whole or not at all."""
    write_tables([data], output)


def write_tables(tables: Iterable[pa.Table], output: Path) -> None:
    """Write tables of the same columns one after the other, to one file, whole or not at all."""
    with atomic_file(output) as file:
        write_columns(tables, output.suffix.lower(), file)


def write_columns(tables: Iterable[pa.Table], suffix: str, file: BinaryIO) -> None:
    """Write columns as CSV, where lists and structures are JSON, or as Parquet."""
    if suffix != ".csv":
        _write_parquet(tables, file)
        return
    for number, data in enumerate(tables):
        columns = [as_text(name, data.column(name)) for name in data.column_names]
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        if number == 0:
            writer.writerow(data.column_names)
        writer.writerows(zip(*columns, strict=True))
        file.write(text.getvalue().encode())


def _write_parquet(tables: Iterable[pa.Table], file: BinaryIO) -> None:
    import pyarrow.parquet

    writer = None
    for data in tables:
        writer = writer or pyarrow.parquet.ParquetWriter(file, data.schema)
        writer.write_table(data)
    if writer:
        writer.close()


def as_text(name: str, column: pa.ChunkedArray) -> list[str | None]:
    """Return the values of a column as text, exactly."""
    try:
        return list(column.cast(pa.string()).to_pylist())
    except pa.ArrowException:
        return [None if v is None else json.dumps(plain(name, v)) for v in column.to_pylist()]


def plain(name: str, value: object) -> Any:  # noqa: ANN401 (JSON)
    """Return a value as JSON can hold it, exactly: decimals and times as text, NaN as null."""
    if isinstance(value, dict):
        return {key: plain(name, item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(name, item) for item in value]
    if isinstance(value, bytes):
        raise ValueError(f"column {name!r} holds binary data, which has no text; leave it out")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | None) else str(value)


def _is_model(path: Path) -> bool:
    try:
        header(path)
    except ModelFileError:
        return False
    return True


def _are_predictions(path: Path) -> bool:
    try:
        return PREDICTION in read(path).names
    except (TableError, pa.ArrowException):
        return False


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(15).lower() == b"<!doctype html>"


def _is_worksheet(path: Path) -> bool:
    """Return whether it is one, which names itself near its beginning in any format."""
    with path.open("rb") as file:
        return b"One step of a " in file.read(4096)


def _is_picture(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(64).startswith((b"\x89PNG", b"%PDF", b"<?xml", b"<svg"))


def _none_is(_: Path) -> bool:
    return False


_WORDS = {
    "model": "a model",
    "predictions": "predictions",
    "rows": "rows that were held out",
    "page": "a page",
    "worksheet": "a worksheet",
    "picture": "a picture",
}
_IS: dict[str, Callable[[Path], bool]] = {
    "model": _is_model,
    "predictions": _are_predictions,
    "rows": _none_is,
    "page": _is_page,
    "worksheet": _is_worksheet,
    "picture": _is_picture,
}
