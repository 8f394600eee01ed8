"""``chainrule predict``: the predictions of a model for a table, as CSV, Parquet or JSON."""

import sys
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import typer

from chainrule.cli.models import table_model
from chainrule.cli.options import Json, ModelFile, Source
from chainrule.cli.outputs import check_table_output, plain, write_columns, write_table
from chainrule.cli.printing import print_json, print_line
from chainrule.cli.streams import require_stdout
from chainrule.tables import Table, read
from chainrule.tables.columns import natural
from chainrule.theory.checks import plural


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
    interval: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="Beside a number, lower and upper: between them are X of all, as 0.9.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Predict each row of a table, classes with their probabilities."""
    replaced = False
    if output is None:
        require_stdout()
    else:
        replaced = check_table_output(output, (table, model), "predictions")
    loaded = table_model(model)
    source = read(table, loaded.conventions)
    suffix = output.suffix.lower() if output else ".json" if json else ".csv"
    kept = {name: _kept(source, name, suffix) for name in keep or []}
    predictions = _beside(kept, loaded.prediction_table(source, interval))
    if output is not None:
        write_table(predictions, output)
        if json:
            print_json({"rows": source.n_rows, "output": str(output)})
        else:
            done = ", replaced" if replaced else ""
            print_line(plural(source.n_rows, "prediction"), " in ", (str(output), "bold"), done)
    elif json:
        columns = {
            name: [plain(name, value) for value in predictions.column(name).to_pylist()]
            for name in predictions.column_names
        }
        print_json({"rows": source.n_rows, "columns": columns})
    else:
        sys.stdout.flush()
        write_columns(predictions, suffix, sys.stdout.buffer)
        sys.stdout.buffer.flush()


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
