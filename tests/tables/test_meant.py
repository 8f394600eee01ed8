"""What a table means, and what is said where that isn't certain: of targets, columns and rows."""

import copy
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from chainrule.files import load, save
from chainrule.tables import Conventions, Table, TableError, TableModel, TrainOptions, read, train
from chainrule.tables.columns import missing, natural
from chainrule.tables.reading import as_table

Tables = Callable[..., Table]
QUICK = TrainOptions("plain", hidden=(4,), epochs=3)
RNG = np.random.default_rng(0)


def typed(**columns: Any) -> Table:
    return as_table(pa.table(columns))


# -- targets -----------------------------------------------------------------------------------


def test_a_date_target_is_measured_in_days(csv_table: Tables) -> None:
    x = RNG.permutation(120) * 2
    days = [date(2024, 1, 1) + timedelta(int(value)) for value in x]
    table = csv_table(x=x, when=days)
    model = train(
        table, "when", TrainOptions("plain", hidden=(), epochs=200, learning_rate=0.03, l2=0.0)
    )
    assert model.report.metrics["rmse"] < 2  # days
    assert model.report.metrics["r2"] > 0.99
    found = model.evaluate(table)
    answers = pd.to_datetime(pd.Series(model.predict(table)))
    error = (answers - pd.to_datetime(pd.Series(days))) / pd.Timedelta(days=1)
    assert found.values["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-6)


# -- long numbers and codes ----------------------------------------------------------------------


@pytest.mark.parametrize("typed_as", ["csv", "parquet"])
def test_classes_beyond_float64_are_kept_apart(csv_table: Tables, typed_as: str) -> None:
    low, high = 2**53, 2**53 + 1
    y = [low, high] * 30
    x = [0.0, 1.0] * 30
    table = csv_table(x=x, y=y) if typed_as == "csv" else typed(x=x, y=y)
    model = train(table, "y", TrainOptions("plain", hidden=(4,), epochs=60, learning_rate=0.05))
    assert model.target.classes == (str(low), str(high))
    assert model.predict(table).tolist() == y


def test_classes_of_more_than_64_bits_are_text(csv_table: Tables, tmp_path: Path) -> None:
    y = ["98765432109876543210", "98765432109876543211"] * 30
    model = train(csv_table(x=[0.0, 1.0] * 30, y=y), "y", QUICK)
    assert model.target.classes == tuple(y[:2])
    assert set(model.predict(model.table(tmp_path / "t.csv"))) <= set(y)


def test_codes_with_leading_zeros_come_back_as_they_were(csv_table: Tables) -> None:
    y = ["01", "02", "10"] * 20
    table = csv_table(x=[0.0, 1.0, 2.0] * 20, y=y)
    model = train(table, "y", TrainOptions("plain", hidden=(8,), epochs=80, learning_rate=0.05))
    assert model.report.task_why == "its values are codes, with leading zeros"
    assert model.predict(table).tolist() == y


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "-2"], [1, -2]),
        (["1.5", "2"], [1.5, 2.0]),
        (["00123", "4"], ["00123", "4"]),
        (["12345678901234567890", "1"], ["12345678901234567890", "1"]),
        (["9223372036854775807", "1"], [9223372036854775807, 1]),
        (["12345678901234567.5", "1"], ["12345678901234567.5", "1"]),
        (["true", "false"], [True, False]),
        (["2024-01-05", "2024-01-06"], [datetime(2024, 1, 5), datetime(2024, 1, 6)]),
        (["2024-01-05T10:00+02:00"] * 2, ["2024-01-05T10:00+02:00"] * 2),
        (["2024-01-05T10:00:00.123456789"] * 2, ["2024-01-05T10:00:00.123456789"] * 2),
    ],
)
def test_columns_that_are_passed_on_lose_no_digit(
    csv_table: Tables, cells: list[str], expected: list
) -> None:
    assert natural(csv_table(x=cells, y=cells), "x").to_pylist() == expected


# -- columns that come back in another type -------------------------------------------------------


def model_of(column: Any, y: Any = None) -> tuple[TableModel, Table]:
    """A model that learned from a column x, beside a number, and its table."""
    n = len(column)
    table = typed(x=column, z=RNG.normal(size=n), y=[0.5 * i for i in range(n)] if y is None else y)
    return train(table, "y", QUICK), table


def given_as(table: Table, column: Any) -> Table:
    return as_table(table.data.set_column(0, "x", pa.array(column)))


YES_NO = ["yes", "no"] * 20
DAYS = pa.array([date(2024, 1, 1) + timedelta(i * i) for i in range(40)])
CERTAIN = {
    "yes and no as truth": (YES_NO, [text == "yes" for text in YES_NO]),
    "yes and no as 1 and 0": (YES_NO, [int(text == "yes") for text in YES_NO]),
    "Y and N as truth": (["Y", "N"] * 20, [True, False] * 20),
    "truth as text": ([True, False] * 20, ["True", "False"] * 20),
    "truth as 1 and 0": ([True, False] * 20, [1, 0] * 20),
    "truth as 1.0 and 0.0": ([True, False] * 20, [1.0, 0.0] * 20),
    "numbers as text": ([0.5, 1.5] * 20, ["0.5", "1.5"] * 20),
    "whole numbers as decimals": ([1, 2] * 20, [1.0, 2.0] * 20),
    "text of whole numbers as numbers": (["1", "2"] * 20, [1, 2] * 20),
    "text of whole numbers as decimals": (["1", "2"] * 20, [1.0, 2.0] * 20),
    "dates as text": (DAYS, [str(day) for day in DAYS.to_pylist()]),
    "dates as times": (DAYS, DAYS.cast(pa.timestamp("ns"))),
    "numbers as truth": ([1, 0] * 20, [True, False] * 20),
}


@pytest.mark.parametrize("case", CERTAIN)
def test_a_retyped_column_is_converted_where_that_is_certain(case: str) -> None:
    before, after = CERTAIN[case]
    model, table = model_of(before)
    assert model.outputs(given_as(table, after)).tobytes() == model.outputs(table).tobytes()


REFUSED = {
    "dates as whole numbers": (DAYS, list(range(40)), "expected a date in each row, got int64"),
    "dates as microseconds": (DAYS, [float(i) for i in range(40)], "expected a date.*got double"),
    "text as truth": (["red", "blue"] * 20, [True, False] * 20, "as 'blue', as in training"),
    "text as decimals": (["1", "2"] * 20, [0.5, 1.5] * 20, "expected text in each row, got double"),
    "text as dates": (["a", "b"] * 20, DAYS, "expected text in each row, got date32"),
    "numbers as dates": ([0.5] * 39 + [1], DAYS, "expected a number in each row, got date32"),
    "numbers as words": ([0.5] * 39 + [1], ["a"] * 40, "row 1, column 'x': expected a number"),
    "truth as other numbers": ([True, False] * 20, [2, 0] * 20, "expected true or false"),
    "truth as words": ([True, False] * 20, ["ja", "nein"] * 20, "row 1.*expected true or false"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_retyped_column_is_refused_where_it_is_not_certain(case: str) -> None:
    before, after, message = REFUSED[case]
    model, table = model_of(before)
    with pytest.raises(TableError, match=message):
        model.predict(given_as(table, after))


def test_one_unknown_word_is_no_retyped_column() -> None:
    model, table = model_of(["red", "blue"] * 20)
    model.predict(given_as(table, ["green"] * 40))


def test_a_target_of_yes_and_no_is_measured_on_truth() -> None:
    model, table = model_of(RNG.normal(size=40), YES_NO)
    truth = as_table(table.data.set_column(2, "y", pa.array([t == "yes" for t in YES_NO])))
    assert model.evaluate(truth) == model.evaluate(table)


# -- rows ------------------------------------------------------------------------------------------


def test_codes_with_leading_zeros_are_remarked(csv_table: Tables) -> None:
    y = RNG.normal(size=40)
    report = train(csv_table(zip=[f"{i:05d}" for i in range(40)][::-1], y=y), "y", QUICK)
    said = "a number, for all its leading zeros; --kind zip=text if codes"
    assert report.report.remarks == {"zip": said}


def test_texts_that_differ_in_spaces_or_case_are_remarked(csv_table: Tables) -> None:
    table = csv_table(x=["Yes", "yes", "no"] * 20, y=["a", "b", "a "] * 20)
    assert train(table, "y", QUICK).report.remarks == {
        "x": "text, in which 'Yes' and 'yes' are told apart",
        "y": "text, in which 'a' and 'a ' are told apart",
    }


def test_a_second_header_of_units_is_no_class(csv_table: Tables) -> None:
    y = ["kg", *(f"{i % 7}.5" for i in range(60))]
    with pytest.raises(TableError, match=r"text because of 'kg' .line 2.*--na kg reads it"):
        train(csv_table(x=range(61), y=y), "y", QUICK)


def test_the_index_of_a_dataframe_is_left_out(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": RNG.normal(size=40), "y": RNG.normal(size=40)})
    frame = frame.sample(frac=1, random_state=0)
    frame.to_parquet(tmp_path / "t.parquet")
    report = train(read(tmp_path / "t.parquet"), "y", QUICK).report
    assert report.left_out == {"__index_level_0__": "the index of the DataFrame"}
    assert train(as_table(frame), "y", QUICK).report.left_out == report.left_out


@pytest.mark.parametrize("name", ["PassengerId", "id", "row_id", "Unnamed: 0", "ID", "row number"])
def test_a_row_number_is_left_out(csv_table: Tables, name: str) -> None:
    y = RNG.normal(size=40)
    table = csv_table(**{name: range(1, 41), "x": y, "y": y})
    model = train(table, "y", QUICK)
    assert model.report.left_out[name].startswith("it numbers the rows; --kind ")
    kept = train(table, "y", TrainOptions("plain", hidden=(4,), epochs=3, kinds={name: "number"}))
    assert kept.features.names == [name, "x"]


@pytest.mark.parametrize("name", ["year", "grid", "t"])
def test_a_number_that_increases_row_by_row_is_remarked(csv_table: Tables, name: str) -> None:
    y = RNG.normal(size=40)
    report = train(csv_table(**{name: range(1, 41), "x": y, "y": y}), "y", QUICK).report
    assert "whole and larger in each row" in report.remarks[name]
    assert report.left_out == {}


def test_a_model_counts_the_rows_that_it_has_seen(tmp_path: Path) -> None:
    x = RNG.normal(size=(100, 2))
    table = typed(a=x[:, 0], b=x[:, 1], y=x.sum(axis=1))
    model = train(table, "y", QUICK)
    assert model.evaluate(table).seen == 80
    fresh = RNG.normal(size=(30, 2))
    assert model.evaluate(typed(a=fresh[:, 0], b=fresh[:, 1], y=fresh.sum(axis=1))).seen == 0
    save(model, tmp_path / "m")
    assert load(tmp_path / "m").evaluate(table).seen == 80


def test_a_model_that_has_learned_nothing_is_said_to_be_worse() -> None:
    table = typed(x=RNG.normal(size=200), y=RNG.normal(size=200))
    options = TrainOptions("plain", hidden=(), epochs=1, learning_rate=1.0, validation_fraction=0.0)
    found = train(table, "y", options).evaluate(table)
    assert found.worse == "rmse"
    assert found.values["rmse"] > found.baseline["rmse"]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (["a", "b"] * 20, "its values are text"),
        ([True, False] * 20, "its values are true and false"),
        (DAYS, "its values are dates"),
        ([0.5, 1.5] * 20, "its values are numbers"),
        ([1, 2, 3, 4] * 10, "4 different whole numbers; or --task regression"),
        (range(40), "40 different whole numbers; or --task classification"),
    ],
)
def test_the_reason_for_the_task_is_told(values: Any, why: str) -> None:
    model, _ = model_of(RNG.normal(size=40), values)
    assert model.report.task_why == why


def test_numbers_that_mean_missing_are_missing_in_typed_columns_too() -> None:
    data = pa.table({"a": [1, -999], "b": [-999.0, 0.5], "c": ["-999", "x"], "d": [True, False]})
    table = as_table(data, Conventions(na=("-999", "x")))
    gone = [missing(table, name).tolist() for name in table.names]
    assert gone == [[False, True], [True, False], [True, True], [False, False]]


def test_models_are_compared_and_copied() -> None:
    model, table = model_of([0.5, 1.5] * 20)
    assert model == model
    assert copy.deepcopy(model).predict(table).tolist() == model.predict(table).tolist()


def test_conventions_travel_with_the_model(csv_table: Tables, tmp_path: Path) -> None:
    money = Conventions(decimal=",", thousands=".", strip="€", na=("-",), date_order="dmy")
    x = [f"{i}.{i % 10}00,5 €" for i in range(1, 40)] + ["-"]
    days = [f"{1 + i % 28}.{1 + i % 12}.2024" for i in range(40)]
    table = csv_table(money, x=x, d=days, y=[f"{i},5" for i in range(40)])
    model = train(table, "y", QUICK)
    assert [column.kind for column in model.features.columns] == ["number", "date"]
    save(model, tmp_path / "m")
    again = load(tmp_path / "m")
    assert again.conventions == money
    assert again.outputs(tmp_path / "t.csv").tobytes() == model.outputs(table).tobytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decimal": ";"}, "decimal"),
        ({"decimal": ",", "thousands": ","}, "different signs"),
        ({"thousands": "ab"}, "thousands must be one sign"),
        ({"strip": "1"}, "strip must not hold digits"),
        ({"strip": "."}, "strip must not hold the signs of decimal"),
        ({"na": "-"}, "na must be words in a tuple"),
        ({"date_order": "ydm"}, "date_order"),
    ],
)
def test_conventions_that_can_not_be_meant(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Conventions(**options)
