"""What a table means, and what is said where that isn't certain: of targets, columns and rows."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from chainrule.files import load, save
from chainrule.tables import Conventions, Table, TableError, TableModel, TrainOptions, read, train
from chainrule.tables.columns import natural
from chainrule.tables.conventions import USUAL
from chainrule.tables.doubts import doubt_of
from chainrule.tables.reading import as_table

QUICK = TrainOptions(hidden=(4,), epochs=3)
RNG = np.random.default_rng(0)


def csv_table(folder: Path, conventions: Conventions = USUAL, **columns: Any) -> Table:
    """A CSV file with these cells, read; separated by bars, so that commas are text."""
    path = folder / "t.csv"
    rows = zip(*columns.values(), strict=True)
    lines = ["|".join(columns), *("|".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read(path, conventions)


def typed(**columns: Any) -> Table:
    return as_table(pa.table(columns))


# -- targets -----------------------------------------------------------------------------------


def test_a_date_target_is_measured_in_days(tmp_path: Path) -> None:
    x = RNG.permutation(120) * 2
    days = [date(2024, 1, 1) + timedelta(int(value)) for value in x]
    table = csv_table(tmp_path, x=x, when=days)
    model = train(table, "when", TrainOptions(hidden=(), epochs=200, learning_rate=0.03, l2=0.0))
    assert model.report.metrics["rmse"] < 2  # days
    assert model.report.metrics["r2"] > 0.99
    found = model.evaluate(table)
    answers = pd.to_datetime(pd.Series(model.predict(table)))
    error = (answers - pd.to_datetime(pd.Series(days))) / pd.Timedelta(days=1)
    assert found.values["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-6)


@pytest.mark.parametrize(
    ("odd", "options"),
    [
        ("-", "--na - reads it as a number"),
        ("N.A.", "--na N.A. reads it as a number"),
        ("unknown", "--na unknown reads it as a number"),
        ("$11,140.00", "--thousands , --strip '$' reads it as a number"),
    ],
)
def test_a_number_target_with_a_stray_mark_is_not_classes(
    tmp_path: Path, odd: str, options: str
) -> None:
    prices = [f"{i}.5" for i in range(60)]
    prices[6] = odd
    table = csv_table(tmp_path, x=RNG.normal(size=60), price=prices)
    with pytest.raises(TableError) as caught:
        train(table, "price", QUICK)
    assert f"column 'price': text because of {odd!r} (line 8)" in str(caught.value)
    assert options in str(caught.value)
    assert "--task classification takes it as classes" in str(caught.value)


def test_what_is_proposed_for_a_target_reads_it(tmp_path: Path) -> None:
    prices = [f"{i},25" for i in range(60)]
    x = RNG.integers(0, 9, 60)
    with pytest.raises(TableError, match="--decimal , reads it as a number"):
        train(csv_table(tmp_path, x=x, price=prices), "price", QUICK)
    table = csv_table(tmp_path, Conventions(decimal=","), x=x, price=prices)
    assert train(table, "price", QUICK).target.task == "regression"


def test_numbers_that_parquet_holds_as_text_are_asked_about() -> None:
    table = typed(x=RNG.normal(size=60), price=[f"{i}.5" for i in range(60)])
    with pytest.raises(
        TableError, match=r"though all of it are numbers.*--kind price=number reads"
    ):
        train(table, "price", QUICK)
    options = TrainOptions(hidden=(4,), epochs=3, kinds={"price": "number"})
    assert train(table, "price", options).target.task == "regression"


def test_classes_that_are_asked_for_are_classes(tmp_path: Path) -> None:
    grades = (["1", "2", "3", "-"] * 15)[:60]
    table = csv_table(tmp_path, x=RNG.normal(size=60), grade=grades)
    with pytest.raises(TableError, match="--na - reads"):
        train(table, "grade", QUICK)
    options = TrainOptions(hidden=(4,), epochs=3, task="classification")
    assert train(table, "grade", options).target.classes == ("-", "1", "2", "3")


def test_few_classes_of_which_one_is_a_letter_need_no_question(tmp_path: Path) -> None:
    table = csv_table(tmp_path, x=RNG.normal(size=60), grade=["1", "2", "A"] * 20)
    assert train(table, "grade", QUICK).target.classes == ("1", "2", "A")


# -- long numbers and codes ----------------------------------------------------------------------


@pytest.mark.parametrize("typed_as", ["csv", "parquet"])
def test_classes_beyond_float64_are_kept_apart(tmp_path: Path, typed_as: str) -> None:
    low, high = 2**53, 2**53 + 1
    y = [low, high] * 30
    x = [0.0, 1.0] * 30
    table = csv_table(tmp_path, x=x, y=y) if typed_as == "csv" else typed(x=x, y=y)
    model = train(table, "y", TrainOptions(hidden=(4,), epochs=60, learning_rate=0.05))
    assert model.target.classes == (str(low), str(high))
    assert model.predict(table).tolist() == y


def test_classes_of_more_than_64_bits_are_text(tmp_path: Path) -> None:
    y = ["98765432109876543210", "98765432109876543211"] * 30
    model = train(csv_table(tmp_path, x=[0.0, 1.0] * 30, y=y), "y", QUICK)
    assert model.target.classes == tuple(y[:2])
    assert set(model.predict(model.table(tmp_path / "t.csv"))) <= set(y)


def test_codes_with_leading_zeros_come_back_as_they_were(tmp_path: Path) -> None:
    y = ["01", "02", "10"] * 20
    table = csv_table(tmp_path, x=[0.0, 1.0, 2.0] * 20, y=y)
    model = train(table, "y", TrainOptions(hidden=(8,), epochs=80, learning_rate=0.05))
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
    ],
)
def test_columns_that_are_passed_on_lose_no_digit(
    tmp_path: Path, cells: list[str], expected: list
) -> None:
    assert natural(csv_table(tmp_path, x=cells, y=cells), "x").to_pylist() == expected


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


# -- columns whose text is almost something else ---------------------------------------------------

DOUBTS = {
    "a percent": (
        ["12%", "7.5%"],
        "text because of '12%' (line 2); --strip % reads it as a number",
    ),
    "euros": (["€10", "€5.5"], "text because of '€10' (line 2); --strip '€' reads it as a number"),
    "thousands": (
        ["1,234.5", "12"],
        "text because of '1,234.5' (line 2); --thousands , reads it as a number",
    ),
    "thousands or decimals": (
        ["1,234", "12,500"],
        "text because of '1,234' (line 2); --thousands , or --decimal , read it as a number",
    ),
    "decimal commas": (
        ["1,5", "2"],
        "text because of '1,5' (line 2); --decimal , reads it as a number",
    ),
    "a unit": (
        ["12 km", "3 km"],
        "text because of '12 km' (line 2); --strip km reads it as a number",
    ),
    "a dash": (["1", "-", "2", "3"], "text because of '-' (line 3); --na - reads it as a number"),
    "a dash among dates": (
        ["2024-01-05", "2024-01-06", "-"],
        "text because of '-' (line 4); --na - reads it as a date",
    ),
    "the day first": (
        ["25/01/2024", "05/01/2024"],
        "text because of '25/01/2024' (line 2); --date-order dmy reads it as a date",
    ),
    "either order": (
        ["05/01/2024", "06/01/2024"],
        "text because of '05/01/2024' (line 2); --date-order dmy or --date-order mdy read it as a "
        "date",
    ),
}
NO_DOUBT = {
    "words": ["red", "blue"],
    "codes": ["A1", "B2", "C3"],
    "ordinals": ["1st", "2nd", "3rd", "4th"],
    "quarters": ["Q1", "Q2"],
    "ranges": ["1-2", "3-4"],
    "numbers with different units": ["10k", "5M", "3"],
    "more words than numbers": ["a", "b", "c", "1"],
    "nothing": [""],
}


@pytest.mark.parametrize("case", DOUBTS)
def test_text_that_is_almost_something_else_is_told_with_what_reads_it(
    tmp_path: Path, case: str
) -> None:
    cells, told = DOUBTS[case]
    assert str(doubt_of(csv_table(tmp_path, x=cells, y=cells), "x")) == told


@pytest.mark.parametrize("case", NO_DOUBT)
def test_text_that_is_text_raises_no_doubt(tmp_path: Path, case: str) -> None:
    cells = NO_DOUBT[case]
    assert doubt_of(csv_table(tmp_path, x=cells, y=cells), "x") is None


def test_an_odd_column_is_remarked_whether_it_is_read_or_left_out(tmp_path: Path) -> None:
    table = csv_table(
        tmp_path,
        rate=[f"{i % 7}%" for i in range(80)],
        price=[f"€{i}" for i in range(80)],
        y=[f"{i}.5" for i in range(80)],
    )
    report = train(table, "y", QUICK).report
    assert report.remarks["rate"] == "text because of '0%' (line 2); --strip % reads it as a number"
    assert report.left_out["price"].endswith("--strip '€' reads it as a number")


# -- rows ------------------------------------------------------------------------------------------


def test_the_index_of_a_dataframe_is_left_out(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": RNG.normal(size=40), "y": RNG.normal(size=40)})
    frame = frame.sample(frac=1, random_state=0)
    frame.to_parquet(tmp_path / "t.parquet")
    report = train(read(tmp_path / "t.parquet"), "y", QUICK).report
    assert report.left_out == {"__index_level_0__": "the index of the DataFrame"}
    assert train(as_table(frame), "y", QUICK).report.left_out == report.left_out


@pytest.mark.parametrize("name", ["PassengerId", "id", "row_id", "Unnamed: 0", "ID", "row number"])
def test_a_row_number_is_left_out(tmp_path: Path, name: str) -> None:
    y = RNG.normal(size=40)
    table = csv_table(tmp_path, **{name: range(1, 41), "x": y, "y": y})
    model = train(table, "y", QUICK)
    assert model.report.left_out[name].startswith("it numbers the rows; --kind ")
    kept = train(table, "y", TrainOptions(hidden=(4,), epochs=3, kinds={name: "number"}))
    assert kept.features.names == [name, "x"]


@pytest.mark.parametrize("name", ["year", "grid", "t"])
def test_a_number_that_increases_row_by_row_is_remarked(tmp_path: Path, name: str) -> None:
    y = RNG.normal(size=40)
    report = train(csv_table(tmp_path, **{name: range(1, 41), "x": y, "y": y}), "y", QUICK).report
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
    options = TrainOptions(hidden=(), epochs=1, learning_rate=1.0, validation_fraction=0.0)
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


def test_conventions_travel_with_the_model(tmp_path: Path) -> None:
    money = Conventions(decimal=",", thousands=".", strip="€", na=("-",), date_order="dmy")
    x = [f"{i}.{i % 10}00,5 €" for i in range(1, 40)] + ["-"]
    days = [f"{1 + i % 28}.{1 + i % 12}.2024" for i in range(40)]
    table = csv_table(tmp_path, money, x=x, d=days, y=[f"{i},5" for i in range(40)])
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
