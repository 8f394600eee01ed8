"""Any table is learned from, or refused in one line; what is learned predicts any such table."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.files import load, save
from chainrule.tables import TableError, TrainOptions, read, train

NUMBERS = st.one_of(
    st.integers(-9, 9).map(str),
    st.floats(allow_nan=False).map(repr),
    st.sampled_from(["1e5", "-0", " 7", "1e308", "-1e308", "1e-320", "0.1"]),
)
TEXTS = st.one_of(
    st.sampled_from(["a", "b", "true", "False", "2024-01-31", "1", "NA", "12:30", "x,y", 'q"q']),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4),
)
DATES = st.dates().map(str) | st.datetimes().map(str)
CELLS = st.sampled_from([NUMBERS, TEXTS, DATES, st.sampled_from(["true", "FALSE"]), st.just("k")])


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """A header and rows; each column of one kind of cell, some of them missing."""
    n_rows = draw(st.integers(1, 40))
    n_columns = draw(st.integers(1, 5))
    columns = []
    for _ in range(n_columns):
        cells = draw(CELLS)
        cells = st.one_of(cells, st.just("")) if draw(st.booleans()) else cells
        columns.append(draw(st.lists(cells, min_size=n_rows, max_size=n_rows)))
    names = [f"column {i}" for i in range(n_columns)]
    return [names, *map(list, zip(*columns, strict=True))]


@settings(max_examples=60)
@given(
    tables(),
    st.integers(0, 4),
    st.sampled_from(["auto", "classification", "regression"]),
    st.sampled_from([0.0, 0.3]),
)
def test_any_table_is_learned_from_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[list[str]],
    target: int,
    task: str,
    share: float,
) -> None:
    path = tmp_path_factory.mktemp("t") / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    name = rows[0][target % len(rows[0])]
    options = TrainOptions(
        task=task, hidden=(3,), epochs=2, test_fraction=share, validation_fraction=share
    )  # type: ignore[arg-type]
    try:
        table = read(path)
        assert table.n_rows == len(rows) - 1
        model = train(table, name, options)
    except (TableError, FloatingPointError) as error:
        message = str(error)
    else:
        message = ""
        check(model, table, path)
    assert "\n" not in message


def check(model, table, path: Path) -> None:
    outputs = model.outputs(table)
    assert outputs.shape[0] == table.n_rows
    assert np.isfinite(outputs).all()
    save(model, path.with_suffix(".safetensors"))
    again = load(path.with_suffix(".safetensors"))
    assert again.outputs(read(path)).tobytes() == outputs.tobytes()
    assert again.prediction_table(table).equals(model.prediction_table(table))
