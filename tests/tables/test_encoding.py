"""Columns to numbers: each encoding against its formula, restated with NumPy."""

import json
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.tables import CategoryColumn, FeatureEncoder, NumberColumn, Table, TableError
from chainrule.tables.selection import selected


def table_of(**columns: object) -> Table:
    return Table("t", pa.table(columns), typed=True)


def test_numbers_are_standardised_imputed_and_flagged() -> None:
    table = table_of(x=[1.0, None, 4.0, 10.0])
    column = NumberColumn.fit(table, "x", "number")
    filled = np.array([1.0, 4.0, 4.0, 10.0])
    expected = np.column_stack([(filled - filled.mean()) / filled.std(), [0, 1, 0, 0]])
    np.testing.assert_allclose(column.encode(table), expected, rtol=1e-14)
    assert column.inputs == ["x", "x is missing"]


def test_a_value_missing_for_the_first_time_is_imputed_without_a_flag() -> None:
    column = NumberColumn.fit(table_of(x=[1.0, 2.0, 3.0]), "x", "number")
    assert column.encode(table_of(x=pa.array([None, 2.0]))).tolist() == [[0.0], [0.0]]


def test_a_constant_column_becomes_0_whatever_comes_later() -> None:
    column = NumberColumn.fit(table_of(x=[0.1, 0.1, 0.1]), "x", "number")
    assert column.scale == 0.0
    assert column.encode(table_of(x=[0.1, 9.9])).tolist() == [[0.0], [0.0]]


def test_numbers_too_large_to_standardise_are_refused() -> None:
    with pytest.raises(TableError, match="column 'x': its numbers are too large"):
        NumberColumn.fit(table_of(x=[1e308, -1e308]), "x", "number")


def test_a_number_far_outside_the_training_rows_counts_as_1000_deviations() -> None:
    encoder = FeatureEncoder.fit(table_of(x=[0.0, 2e-30]), [("x", "number")])
    encoded = encoder.transform(table_of(x=[1e300, -1e300, 2e-30]), "float32")
    assert encoded.tolist() == [[1000], [-1000], [1]]


# -- pieces ---------------------------------------------------------------------------------


def piece(v: float, low: float, high: float) -> float:
    """-1/2 below, 1/2 above, between them a straight line."""
    return min(max((v - low) / (high - low), 0.0), 1.0) - 0.5


@pytest.mark.parametrize("height", [1.0, 0.25])
def test_numbers_in_pieces_by_hand(height: float) -> None:
    rng = np.random.default_rng(1)
    learned = np.exp(rng.normal(size=501))
    column = NumberColumn.fit(table_of(x=learned), "x", "number", pieces=8, height=height)
    knots = np.quantile(learned, np.linspace(0, 1, 9))
    np.testing.assert_allclose(column.knots, knots, rtol=1e-14)
    given = [*learned[:9], -1.0, 1e9, *knots]
    encoded = column.encode(table_of(x=given))
    assert encoded.shape == (len(given), 9)
    for v, found in zip(given, encoded, strict=True):
        expected = [min((v - learned.mean()) / learned.std(), 1000.0)]
        expected += [height * piece(v, a, b) for a, b in pairwise(knots)]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


def test_few_different_numbers_are_the_knots_and_missing_ones_are_flagged() -> None:
    column = NumberColumn.fit(table_of(x=[3, 1, None, 9, 1]), "x", "number", pieces=4)
    assert column.knots == (1.0, 3.0, 9.0)
    assert column.inputs == ["x", "x from 1 to 3", "x from 3 to 9", "x is missing"]
    encoded = column.encode(table_of(x=[1, 3, 5, 9, None]))
    assert encoded[:, 1].tolist() == [-0.5, 0.5, 0.5, 0.5, 0.0]  # the median is 2
    np.testing.assert_allclose(encoded[:, 2], [-0.5, -0.5, -1 / 6, 0.5, -0.5])
    assert encoded[:, 3].tolist() == [0, 0, 0, 0, 1]


def test_two_different_numbers_are_one_input_and_one_is_none() -> None:
    two = NumberColumn.fit(table_of(x=[0, 1, 1, 1]), "x", "number", pieces=4)
    assert two.inputs == ["x"]
    assert np.ptp(two.encode(table_of(x=[0, 1]))) > 1
    one = NumberColumn.fit(table_of(x=[7, 7]), "x", "number", pieces=4)
    assert one.encode(table_of(x=[7, 8])).tolist() == [[0.0], [0.0]]


def test_all_pieces_together_are_bounded() -> None:
    names = [f"x{i}" for i in range(300)]
    rng = np.random.default_rng(0)
    table = table_of(**{name: rng.normal(size=50) for name in names})
    encoder = FeatureEncoder.fit(table, [(name, "number") for name in names], pieces=32)
    assert 300 < len(encoder.inputs) <= 300 + 2048
    many = FeatureEncoder.fit(table, [(name, "number") for name in names] * 7, pieces=32)
    assert len(many.inputs) == 2100


def test_dates_have_the_parts_that_differ() -> None:
    days = [datetime(2024, 2, 28) + timedelta(days=i, hours=3) for i in range(400)]
    table = table_of(when=[*days, None])
    encoder = FeatureEncoder.fit(table, [("when", "date")], pieces=64)
    parts = {column.part: column for column in encoder.columns}
    assert list(parts) == ["", "day of week", "month", "day of year"]  # the hour is always 3
    assert encoder.names == ["when"]
    told = {
        "day of week": lambda day: day.weekday(),
        "month": lambda day: day.month,
        "day of year": lambda day: day.timetuple().tm_yday,
    }
    for part, of in told.items():
        assert parts[part].knots[0] == min(map(of, days))
        assert parts[part].knots[-1] == max(map(of, days))
        scaled, expected = parts[part].encode(table)[:-1, 0], np.array([of(day) for day in days])
        assert (np.diff(scaled[np.argsort(expected)]) >= 0).all()
        assert len(np.unique(scaled)) == len(np.unique(expected))
    again = FeatureEncoder.from_list(json.loads(json.dumps(encoder.to_list())))
    assert again.transform(table, "float32").tobytes() == (
        encoder.transform(table, "float32").tobytes()
    )


def test_categories_are_one_hot_the_most_frequent_first() -> None:
    table = table_of(c=["b", "a", "b", None, "c", "a", "b"])
    column = CategoryColumn.fit(table, "c", "text")
    assert column.inputs == ["c = b", "c = a", "c = c", "c is missing"]
    expected = np.eye(4)[[0, 1, 0, 3, 2, 1, 0]]
    np.testing.assert_array_equal(column.encode(table), expected)


def test_an_unseen_category_sets_all_indicators_to_zero() -> None:
    column = CategoryColumn.fit(table_of(c=["a", "b", "a"]), "c", "text")
    encoded = column.encode(table_of(c=["z", "a", None]))
    assert encoded.tolist() == [[0, 0], [1, 0], [0, 0]]


def test_32_categories_are_kept_and_rarer_ones_are_like_unseen_ones() -> None:
    names = [f"c{i:02d}" for i in range(40)]
    table = table_of(c=names * 3 + names[8:])
    column = CategoryColumn.fit(table, "c", "text")
    assert column.categories == tuple(names[8:])
    encoded = column.encode(table_of(c=["c00", "c07", "never seen", "c08"]))
    assert encoded.sum(axis=1).tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("word", [["true", "False"], [True, False], [1, 0], ["1", "0"]])
def test_booleans_mean_the_same_however_a_file_writes_them(word: list[object]) -> None:
    column = CategoryColumn.fit(table_of(flag=[True, False, True]), "flag", "boolean")
    assert column.encode(table_of(flag=word)).tolist() == [[1, 0], [0, 1]]


def test_a_category_of_digits_stays_text() -> None:
    csv = Table("t", pa.table({"code": ["01", "1", "01"]}), typed=False)
    column = CategoryColumn("code", "text", ("01",), flagged=False)
    assert column.encode(csv).tolist() == [[1], [0], [1]]


def test_the_order_of_columns_does_not_matter_and_others_are_not_read() -> None:
    table = table_of(a=[1.0, 2.0], b=["x", "y"])
    encoder = FeatureEncoder.fit(table, [("a", "number"), ("b", "text")])
    other = table_of(zzz=[float("inf"), 0.0], b=["x", "y"], a=[1.0, 2.0])
    expected = encoder.transform(table, "float64")
    np.testing.assert_array_equal(encoder.transform(other, "float64"), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_encoded_rows_are_contiguous_and_of_the_dtype(dtype: str) -> None:
    table = table_of(a=[1.0, 2.0], b=["x", "y"])
    encoded = FeatureEncoder.fit(table, [("a", "number"), ("b", "text")]).transform(table, dtype)
    assert encoded.dtype == dtype
    assert encoded.flags.c_contiguous


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a"], r"lacks the column 'income' that the model reads; its columns are a"),
        (["incme"], r"lacks the column 'income' .*did you mean 'incme'"),
    ],
)
def test_a_table_that_lacks_columns(names: list[str], message: str) -> None:
    encoder = FeatureEncoder.fit(table_of(income=[1.0, 2.0]), [("income", "number")])
    with pytest.raises(TableError, match=message):
        encoder.transform(table_of(**{name: [1.0] for name in names}), "float32")


cells = st.one_of(st.none(), st.floats(-1e6, 1e6), st.integers(-9, 9).map(float))


@settings(max_examples=50)
@given(
    st.lists(st.tuples(cells, st.one_of(st.none(), st.text(max_size=3))), min_size=1, max_size=30)
)
def test_an_encoder_from_its_description_encodes_the_same_bits(rows: list[tuple]) -> None:
    numbers, words = zip(*rows, strict=True)
    table = table_of(x=pa.array(numbers, pa.float64()), c=pa.array(words, pa.string()))
    encoder = FeatureEncoder.fit(table, [("x", "number"), ("c", "text")])
    again = FeatureEncoder.from_list(json.loads(json.dumps(encoder.to_list())))
    assert again == encoder
    encoded = encoder.transform(table, "float32")
    assert np.isfinite(encoded).all()
    assert encoded.tobytes() == again.transform(table, "float32").tobytes()
    one_by_one = [encoder.transform(table.take(np.array([i])), "float32") for i in range(len(rows))]
    assert np.concatenate(one_by_one).tobytes() == encoded.tobytes()


GOOD = {
    "name": "x", "kind": "number", "part": "", "median": 0, "center": 0, "scale": 1,
    "knots": [0, 1], "height": 1, "flagged": False,
}  # fmt: skip
TEXT = {"name": "c", "kind": "text", "categories": ["a"], "flagged": True}


@pytest.mark.parametrize(
    ("described", "message"),
    [
        ([], "at least one column"),
        ({}, "at least one column"),
        ([5], r"columns\[0\]: expected an object"),
        ([GOOD | {"kind": "numbr"}], r"columns\[0\].kind: expected one of number"),
        ([GOOD | {"scale": -1}], r"columns\[0\].scale: expected a finite number of at least 0"),
        ([GOOD | {"scale": True}], r"columns\[0\].scale"),
        ([GOOD | {"center": 10**400}], r"columns\[0\].center: expected a finite number"),
        ([GOOD | {"center": None}], r"columns\[0\].center"),
        ([GOOD | {"extra": 1}], r"columns\[0\].extra: unknown field"),
        ([{k: v for k, v in GOOD.items() if k != "center"}], r"columns\[0\].center: expected this"),
        ([GOOD, TEXT | {"categories": ["a", "a"]}], r"columns\[1\].categories: expected different"),
        ([TEXT | {"categories": "ab"}], r"categories: expected a list of texts"),
        ([TEXT | {"flagged": 1}], r"flagged: expected true or false"),
        ([GOOD | {"knots": [0, 0]}], "the knots of 'x' must increase"),
        ([GOOD | {"height": -1}], r"columns\[0\].height: expected a finite number of at least 0"),
        ([GOOD | {"knots": 3}], r"columns\[0\].knots: expected a list of numbers"),
        ([GOOD | {"part": "hour"}], "'x' is a number, which has no hour"),
        ([GOOD | {"part": "week"}], r"columns\[0\].part: expected one of"),
        ([GOOD, GOOD], "expected different names"),
    ],
)
def test_each_wrong_field_of_a_description_is_named(described: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FeatureEncoder.from_list(described)


def test_names_tickets_and_odd_types_are_left_out_with_the_reason() -> None:
    n = 80
    table = table_of(
        y=list(range(n)),
        name=[f"person {i}" for i in range(n)],
        few=[f"kind {i % 32}" for i in range(n)],
        lists=pa.array([{"a": i} for i in range(n)]),
        age=[float(i) for i in range(n)],
    )
    chosen = selected(table, "y", ignore=["age"])
    assert dict(chosen.kinds) == {"few": "text"}
    assert chosen.left_out == {
        "age": "ignored",
        "name": "text, 80 different values in 80 rows",
        "lists": "struct<a: int64> is neither numbers, text, booleans nor dates",
    }


def test_text_is_kept_where_its_values_come_twice_on_average() -> None:
    n = 80
    table = table_of(
        y=list(range(n)),
        twice=[f"kind {i % 40}" for i in range(n)],
        hardly=[f"kind {i % 41}" for i in range(n)],
    )
    chosen = selected(table, "y")
    assert dict(chosen.kinds) == {"twice": "text"}
    assert chosen.left_out == {"hardly": "text, 41 different values in 80 rows"}


def test_a_stray_mark_in_a_column_of_numbers_is_remarked() -> None:
    texts = [str(i % 20) for i in range(50)] + ["n.k."]
    table = Table("t", pa.table({"x": texts, "y": texts}), typed=False, place="line {}".format)
    assert selected(table, "y").remarks == {
        "x": "text because of 'n.k.' (line 50); --na n.k. reads it as a number"
    }


@pytest.mark.parametrize(
    ("columns", "ignore", "message"),
    [
        ({"y": [1, 2], "x": [None, None]}, [], "column 'x': all values are missing"),
        ({"y": [1, 2], "x": [float("nan")] * 2}, [], "column 'x': all values are missing"),
        ({"y": [1, 2], "size": [1, 2]}, ["sise"], "ignore: t has no column 'sise'; did you mean"),
        ({"y": [1, 2], "x": [1, 2]}, ["y"], "ignore: 'y' is the target"),
        ({"y": [1, 2], "x": [1, 2]}, ["x"], "no column is left to learn 'y' from: x .ignored."),
        ({"y": [1, 2]}, [], "no column is left"),
    ],
)
def test_what_can_not_be_selected(columns: dict, ignore: list[str], message: str) -> None:
    with pytest.raises(TableError, match=message):
        selected(table_of(**columns), "y", ignore)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("order", [("city", "x", "flag"), ("x", "z", "city"), ("city", "flag")])
def test_columns_are_encoded_together_as_each_is_alone(order, dtype):
    """Side by side in their order: numbers with and without pieces, text seen and unseen, gaps."""
    rng = np.random.default_rng(3)
    kinds = {"city": "text", "x": "number", "z": "number", "flag": "boolean"}
    cells = {
        "city": rng.choice(["Ulm", "Bonn", "Kiel"], 200).tolist(),
        "x": rng.normal(size=200),
        "z": rng.integers(0, 2, 200),
        "flag": (rng.random(200) < 0.5).tolist(),
    }
    cells["city"][3] = None
    cells["x"][5] = np.nan
    asked = [(name, kinds[name]) for name in order]
    encoder = FeatureEncoder.fit(table_of(**cells), asked, pieces=8)
    cells["city"][:2] = ["Rom", "Oslo"]  # which it has not seen
    table = table_of(**cells)
    alone = np.hstack([column.encode(table) for column in encoder.columns]).astype(dtype)
    np.testing.assert_array_equal(encoder.transform(table, dtype), alone)
