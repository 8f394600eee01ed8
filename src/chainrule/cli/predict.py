"""``chainrule predict``: the predictions of a model for a table, as CSV, Parquet or JSON."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer

from chainrule.cli.models import table_model
from chainrule.cli.options import Json, ModelFile, Source
from chainrule.cli.outputs import check_table_output, plain, write_columns, write_tables
from chainrule.cli.parts import rows_bar
from chainrule.cli.printing import print_json, print_line
from chainrule.cli.streams import require_stdout
from chainrule.tables import Table, TableModel, read
from chainrule.tables.columns import natural
from chainrule.tables.part_answers import predicted
from chainrule.tables.parts import Parts, in_text, is_in_parts, parts_of
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
    source = parts_of(table) if is_in_parts(table) else read(table, loaded.conventions)
    suffix = output.suffix.lower() if output else ".json" if json else ".csv"
    with rows_bar(source, "predicting") as seen:
        answers = _answers(loaded, source, keep or [], suffix, interval, seen)
        if output is not None:
            write_tables(answers, output)
        elif json:
            print_json(_as_json(source, answers))
        else:
            sys.stdout.flush()
            write_columns(answers, suffix, sys.stdout.buffer)
            sys.stdout.buffer.flush()
    if output is not None and json:
        print_json({"rows": source.n_rows, "output": str(output)})
    elif output is not None:
        done = ", replaced" if replaced else ""
        print_line(plural(source.n_rows, "prediction"), " in ", (str(output), "bold"), done)


def _answers(
    model: TableModel,
    source: Table | Parts,
    keep: Sequence[str],
    suffix: str,
    interval: float | None,
    seen: Callable[[int], Any],
) -> Iterator[pa.Table]:
    """Yield what a model answers, beside columns that are kept; of parts, some rows at a time."""
    if isinstance(source, Parts):
        for rows, answers in predicted(model, source, interval, keep, seen):
            table = in_text(rows)
            yield _beside({name: _kept(table, name, suffix) for name in keep}, answers)
        return
    kept = {name: _kept(source, name, suffix) for name in keep}
    yield _beside(kept, model.prediction_table(source, interval))


def _as_json(source: Table | Parts, answers: Iterable[pa.Table]) -> dict[str, Any]:
    if isinstance(source, Parts):
        raise ValueError("--json of a table in parts needs --output: a .csv or .parquet file")
    (predictions,) = answers
    columns = {
        name: [plain(name, value) for value in predictions.column(name).to_pylist()]
        for name in predictions.column_names
    }
    return {"rows": source.n_rows, "columns": columns}


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
