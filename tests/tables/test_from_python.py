"""A saved model of a table, used from Python on whatever holds a table."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import chainrule as cr
from chainrule.tables import TableError, TrainOptions, read, train

N = 60
FRAME = pd.DataFrame(
    {
        "mass": np.random.default_rng(0).normal(size=N),
        "kind": ["pear", "fig", None] * (N // 3),
        "day": pd.date_range("2024-01-01", periods=N, freq="7D"),
        "ripe": [True, False] * (N // 2),
    }
)
FRAME["sweet"] = np.where(FRAME["mass"] > 0, "yes", "no")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fruit")
    FRAME.to_csv(folder / "t.csv", index=False)
    FRAME.to_parquet(folder / "t.parquet")
    cr.save(train(read(folder / "t.csv"), "sweet", TrainOptions("plain", epochs=9)), folder / "m")
    return folder


SOURCES: dict[str, Any] = {
    "a path to CSV": lambda folder: folder / "t.csv",
    "text of a path to Parquet": lambda folder: str(folder / "t.parquet"),
    "a Table": lambda folder: read(folder / "t.csv"),
    "a DataFrame of pandas": lambda _: FRAME,
    "one with an index": lambda _: FRAME.set_index(np.arange(N)[::-1]),
    "one with categories": lambda _: FRAME.astype({"kind": "category"}),
    "one with columns in another order": lambda _: FRAME[FRAME.columns[::-1]],
    "a DataFrame of polars": lambda _: pl.from_pandas(FRAME),
    "a table of Arrow's": lambda _: pa.Table.from_pandas(FRAME),
}


@pytest.mark.parametrize("name", SOURCES)
def test_whatever_holds_the_table_gives_the_same_bits(folder: Path, name: str) -> None:
    model, source = cr.load(folder / "m"), SOURCES[name](folder)
    expected = model.outputs(folder / "t.csv")
    assert model.outputs(source).tobytes() == expected.tobytes()
    assert model.predict(source).tolist() == model.predict(folder / "t.csv").tolist()
    assert model.predict_proba(source).shape == (N, 2)
    assert model.prediction_table(source).num_rows == N
    assert model.evaluate(source).values == model.evaluate(folder / "t.csv").values


def test_a_frame_is_not_changed(folder: Path) -> None:
    before = FRAME.copy()
    cr.load(folder / "m").predict(FRAME)
    pd.testing.assert_frame_equal(FRAME, before)


def test_a_row_at_a_time(folder: Path) -> None:
    model = cr.load(folder / "m")
    one = [model.predict(FRAME.iloc[[row]])[0] for row in range(5)]
    assert one == model.predict(FRAME)[:5].tolist()
    assert model.predict(FRAME.iloc[:0]).tolist() == []


@pytest.mark.parametrize("source", [[[1, "pear"]], {"mass": [1]}, None, 5])
def test_what_is_no_table_is_refused(folder: Path, source: Any) -> None:
    with pytest.raises(TypeError, match="expected a path, a DataFrame of pandas or polars"):
        cr.load(folder / "m").predict(source)


def test_a_column_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(TableError, match="the DataFrame lacks the column 'mass'"):
        cr.load(folder / "m").predict(FRAME.drop(columns="mass"))


def test_the_text_of_a_model_is_three_lines(folder: Path) -> None:
    lines = repr(cr.load(folder / "m")).splitlines()
    assert lines[0] == "<TableModel: sweet, one of no, yes"
    assert lines[1] == " from mass, kind, day, ripe"
    assert lines[2].startswith(" by 7-128-64-1; on 12 held-out rows accuracy ")
