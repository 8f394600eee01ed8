"""``chainrule predict``: the predictions of a model for a table, as CSV, Parquet or JSON."""

import csv
import io
import sys
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import pyarrow as pa
import typer

from chainrule.cli.models import table_model
from chainrule.cli.options import Json, ModelFile, Source
from chainrule.cli.printing import plural, print_json, print_line
from chainrule.files import atomic_file, writable
from chainrule.tables import Table, read
from chainrule.tables.columns import natural

_SUFFIXES = (".csv", ".parquet", ".pq")


def predict(
    model: ModelFile,
    table: Source,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="A .csv or .parquet; else stdout."),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A column to copy beside; can be repeated."),
    ] = None,
    json: Json = False,
) -> None:
    """Predict each row of a table, classes with their probabilities."""
    if output is not None:
        _check_output(output, table)
    loaded = table_model(model)
    source = read(table)
    suffix = output.suffix.lower() if output else ".json" if json else ".csv"
    kept = {name: _kept(source, name, suffix) for name in keep or []}
    predictions = _beside(kept, loaded.prediction_table(source))
    if output is not None:
        with atomic_file(output) as file:
            _write(predictions, suffix, file)
        if json:
            print_json({"rows": source.n_rows, "output": str(output)})
        else:
            print_line(plural(source.n_rows, "prediction"), " in ", (str(output), "bold"))
    elif json:
        columns = {name: _plain(predictions.column(name)) for name in predictions.column_names}
        print_json({"rows": source.n_rows, "columns": columns})
    else:
        sys.stdout.flush()
        _write(predictions, suffix, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _check_output(output: Path, table: str) -> None:
    if output.suffix.lower() not in _SUFFIXES:
        raise ValueError(f"--output must end in .csv or .parquet, got {str(output)!r}")
    writable(output)
    if output.exists() and Path(table).exists() and output.samefile(table):
        raise ValueError(f"--output {output} would replace the table itself; name another file")


def _kept(source: Table, name: str, suffix: str) -> pa.ChunkedArray:
    """Return a column to copy: as it is written for CSV, else as what it is."""
    return source.column(name) if suffix == ".csv" else natural(source, name)


def _beside(kept: dict[str, pa.ChunkedArray], predictions: pa.Table) -> pa.Table:
    """Return the columns that are kept, then the predictions."""
    columns = dict(kept)
    for name in predictions.column_names:
        if name in columns:
            raise ValueError(f"--keep {name}: the predictions have a column of that name")
        columns[name] = predictions.column(name)
    return pa.table(columns)


def _write(predictions: pa.Table, suffix: str, file: BinaryIO) -> None:
    if suffix != ".csv":
        import pyarrow.parquet

        pyarrow.parquet.write_table(predictions, file)
        return
    columns = [column.cast(pa.string()).to_pylist() for column in predictions.columns]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(predictions.column_names)
    writer.writerows(zip(*columns, strict=True))
    file.write(text.getvalue().encode())


def _plain(column: pa.ChunkedArray) -> list[Any]:
    """Return the values of a column as JSON can hold them."""
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.string())
    return list(column.to_pylist())
