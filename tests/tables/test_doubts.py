"""Text that is almost numbers or dates: it is told, with what reads it; a target is asked about."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from chainrule.tables import Conventions, Table, TableError, TrainOptions, train
from chainrule.tables.doubts import doubt_of
from chainrule.tables.reading import as_table

Tables = Callable[..., Table]
QUICK = TrainOptions(hidden=(4,), epochs=3)
RNG = np.random.default_rng(0)


def typed(**columns: Any) -> Table:
    return as_table(pa.table(columns))


# -- targets--------------------------------------------------------------------------------


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
    csv_table: Tables, odd: str, options: str
) -> None:
    prices = [f"{i}.5" for i in range(60)]
    prices[6] = odd
    table = csv_table(x=RNG.normal(size=60), price=prices)
    with pytest.raises(TableError) as caught:
        train(table, "price", QUICK)
    assert f"column 'price': text because of {odd!r} (line 8)" in str(caught.value)
    assert options in str(caught.value)
    assert "--task classification takes it as classes" in str(caught.value)


def test_what_is_proposed_for_a_target_reads_it(csv_table: Tables) -> None:
    prices = [f"{i},25" for i in range(60)]
    x = RNG.integers(0, 9, 60)
    with pytest.raises(TableError, match="--decimal , reads it as a number"):
        train(csv_table(x=x, price=prices), "price", QUICK)
    table = csv_table(Conventions(decimal=","), x=x, price=prices)
    assert train(table, "price", QUICK).target.task == "regression"


def test_numbers_that_parquet_holds_as_text_are_asked_about() -> None:
    table = typed(x=RNG.normal(size=60), price=[f"{i}.5" for i in range(60)])
    with pytest.raises(
        TableError, match=r"though all of it are numbers.*--kind price=number reads"
    ):
        train(table, "price", QUICK)
    options = TrainOptions(hidden=(4,), epochs=3, kinds={"price": "number"})
    assert train(table, "price", options).target.task == "regression"


def test_classes_that_are_asked_for_are_classes(csv_table: Tables) -> None:
    grades = (["1", "2", "3", "-"] * 15)[:60]
    table = csv_table(x=RNG.normal(size=60), grade=grades)
    with pytest.raises(TableError, match="--na - reads"):
        train(table, "grade", QUICK)
    options = TrainOptions(hidden=(4,), epochs=3, task="classification")
    assert train(table, "grade", options).target.classes == ("-", "1", "2", "3")


def test_few_classes_of_which_one_is_a_letter_need_no_question(csv_table: Tables) -> None:
    table = csv_table(x=RNG.normal(size=60), grade=["1", "2", "A"] * 20)
    assert train(table, "grade", QUICK).target.classes == ("1", "2", "A")


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
    "brackets and money": (
        ["(0.13)", "2.5", "($1,000.5)"],
        "text because of '(0.13)' (line 2); --thousands , --strip '($)' reads it as a number",
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
    csv_table: Tables, case: str
) -> None:
    cells, told = DOUBTS[case]
    assert str(doubt_of(csv_table(x=cells, y=cells), "x")) == told


@pytest.mark.parametrize("case", NO_DOUBT)
def test_text_that_is_text_raises_no_doubt(csv_table: Tables, case: str) -> None:
    cells = NO_DOUBT[case]
    assert doubt_of(csv_table(x=cells, y=cells), "x") is None


def test_an_odd_column_is_remarked_whether_it_is_read_or_left_out(csv_table: Tables) -> None:
    table = csv_table(
        rate=[f"{i % 7}%" for i in range(80)],
        price=[f"€{i}" for i in range(80)],
        y=[f"{i}.5" for i in range(80)],
    )
    report = train(table, "y", QUICK).report
    assert report.remarks["rate"] == "text because of '0%' (line 2); --strip % reads it as a number"
    assert report.left_out["price"].endswith("--strip '€' reads it as a number")
