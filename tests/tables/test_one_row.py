"""A single row is answered at once, with the bits that it has among others."""

import pickle
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import chainrule as cr
from chainrule.engine import compiled
from chainrule.tables import Conventions, TrainOptions, train
from chainrule.tables.encoding import FeatureEncoder, encoding_of
from chainrule.tables.errors import TableError
from chainrule.tables.number_column import NumberColumn
from chainrule.tables.one_row import OneRow
from chainrule.tables.reading import as_table

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "mass": RNG.normal(size=60).round(2),
        "count": RNG.integers(0, 9, 60),
        "port": RNG.choice(["S", "C", "Q"], 60),
        "open": RNG.random(60) < 0.5,
        "day": pd.Timestamp(2024, 1, 1) + pd.to_timedelta(RNG.integers(0, 700, 60), unit="h"),
    }
)
FRAME.loc[::7, "mass"] = np.nan
KINDS = [
    ("mass", "number"),
    ("count", "number"),
    ("port", "text"),
    ("open", "boolean"),
    ("day", "date"),
]


@pytest.fixture(scope="module")
def encoder() -> FeatureEncoder:
    return FeatureEncoder.fit(as_table(FRAME), KINDS, pieces=6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_row_of_a_table_has_the_bits_that_it_has_among_others(
    encoder: FeatureEncoder, dtype: str
) -> None:
    row, expected = OneRow(encoder, dtype), encoder.transform(as_table(FRAME), dtype)
    for k in range(len(FRAME)):
        found = row.of_frame(FRAME.iloc[[k]])
        assert found is not None
        assert found.tobytes() == expected[[k]].tobytes()
    turned = FRAME.iloc[[3], ::-1].assign(more="x")  # other columns, in another order
    assert row.of_frame(turned).tobytes() == expected[[3]].tobytes()


@given(
    mass=st.floats(allow_infinity=False) | st.integers(-(2**53), 2**53),
    count=st.integers(-1000, 1000) | st.just(np.nan),
    port=st.sampled_from(["S", "C", "Q"]),
    open_=st.booleans(),
)
def test_whatever_is_read_at_once_has_the_bits_of_the_general_way(
    encoder: FeatureEncoder, mass: float, count: float, port: str, open_: bool
) -> None:
    frame = pd.DataFrame({"mass": [mass], "count": [count], "port": [port], "open": [open_]})
    frame["day"] = pd.Timestamp(2024, 2, 2)
    found = OneRow(encoder, "float64").of_frame(frame)
    assert found is not None
    assert found.tobytes() == encoder.transform(as_table(frame), "float64").tobytes()


@pytest.mark.parametrize(
    "change",
    [{"port": np.arange(2)}, {"mass": np.arange(2)}, {"day": [1]}, {"port": 3}, {"port": ""},
     {"port": " S"}, {"mass": np.inf}, {"mass": "1.5"}, {"mass": True},
     {"mass": 2**60}, {"mass": datetime(2024, 1, 1)}, {"open": "yes"}, {"open": 1},
     {"day": "2024-01-05"}, {"day": pd.Timestamp(2024, 1, 5, tz="UTC")}, {"day": 19_000},
     {"day": pd.Timestamp(2024, 1, 5, nanosecond=7)}, {"day": np.nan}],
    ids=str,
)  # fmt: skip
def test_what_is_not_plain_is_left_to_the_general_way(
    encoder: FeatureEncoder, change: dict[str, Any]
) -> None:
    values = FRAME.iloc[1].to_dict() | change
    assert OneRow(encoder, "float64").encoded(list(values), list(values.values())) is None


def test_tables_that_are_not_one_row_of_the_columns(encoder: FeatureEncoder) -> None:
    row = OneRow(encoder, "float64")
    for other in (FRAME, FRAME[:0], FRAME["mass"], FRAME[:1].to_dict(), "iris", None):
        assert row.of_frame(other) is None
    assert row.of_frame(FRAME[:1], ["port", "mass"]) is None
    assert OneRow(encoder, "float64").of_frame(FRAME[:1].drop(columns="port")) is None
    dates = FeatureEncoder.fit(as_table(FRAME), [("day", "date")])
    assert OneRow(dates, "float64").numbers(np.ones((1, 1)), ["day"]) is None


@pytest.mark.parametrize(
    "change",
    [{"port": None}, {"port": np.nan}, {"port": pd.NA}, {"mass": None}, {"mass": pd.NA},
     {"open": None}, {"open": pd.NA}, {"day": None}, {"day": pd.NaT},
     *({"port": word} for word in ("elsewhere", "NA", "nan", "None", "null", "-", "?", "true"))],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("some_missing", [False, True])
def test_what_is_missing_or_new_is_as_in_any_table(
    some_missing: bool, change: dict[str, Any]
) -> None:
    known = FRAME.astype({"open": object})
    if some_missing:
        known.loc[::9, ["port", "open", "day"]] = None
    encoder = FeatureEncoder.fit(as_table(known), KINDS, pieces=6)
    frame = FRAME.iloc[[1]].astype(object).assign(**change)
    found = OneRow(encoder, "float64").of_frame(frame)
    assert found is not None
    assert found.tobytes() == encoder.transform(as_table(frame), "float64").tobytes()


@given(st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1)))
def test_dates_have_their_bits(when: datetime) -> None:
    known = as_table(
        pd.DataFrame({"when": pd.date_range("2020-01-01 03:07", periods=900, freq="31h")})
    )
    encoder = FeatureEncoder.fit(known, [("when", "date")], pieces=12)
    assert len({column.part for column in encoder.columns}) == 5
    frame = pd.DataFrame({"when": [pd.Timestamp(when)]})
    found = OneRow(encoder, "float64").of_frame(frame)
    assert found.tobytes() == encoder.transform(as_table(frame), "float64").tobytes()


def test_another_table_changes_nothing_for_the_next(encoder: FeatureEncoder) -> None:
    row = OneRow(encoder, "float64")
    first = row.of_frame(FRAME[:1])
    assert row.of_frame(FRAME[:1].drop(columns="port")) is None
    assert row.of_frame(FRAME.iloc[:1, ::-1]).tobytes() == first.tobytes()
    assert row.of_frame(FRAME[:1]).tobytes() == first.tobytes()


def test_a_word_for_missing_numbers_is_missing_in_a_single_row_too() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, -999.0, 4.0] * 10, "y": np.arange(40.0)})
    missing = Conventions(na=("-999",))
    model = train(as_table(frame, missing), "y", TrainOptions("fast", epochs=1))
    several, one = model.predict(frame[2:4]), model.predict(frame[2:3])
    assert one.tobytes() == several[:1].tobytes()
    assert one.tobytes() == model.predict(frame[2:3].assign(x=np.nan)).tobytes()


@pytest.fixture(scope="module", params=["array", "frame"])
def fitted(request: pytest.FixtureRequest) -> tuple[Any, Any, Any]:
    y = np.nan_to_num(FRAME["mass"].to_numpy()) + (FRAME["port"] == "S")
    X = FRAME[["mass", "count"]].to_numpy(float) if request.param == "array" else FRAME
    number = cr.TableRegressor("fast", epochs=3).fit(X, y)
    return X, number, cr.TableClassifier("fast", epochs=3).fit(X, np.where(y > 0.2, "b", "a"))


def test_estimators_answer_one_row_as_among_others(fitted: tuple[Any, Any, Any]) -> None:
    X, number, classes = fitted
    rows = [X[k : k + 1] for k in range(20)]
    assert number._of_one_row(rows[3]) is not None  # or nothing is tested here
    for expected, of in [
        (number.predict(X[:20]), number.predict),
        (classes.predict_proba(X[:20]), classes.predict_proba),
        (classes.predict(X[:20]), classes.predict),
    ]:
        assert np.concatenate([of(row) for row in rows]).tobytes() == expected.tobytes()
    again = pickle.loads(pickle.dumps(number))
    assert again.predict(rows[0]).tobytes() == number.predict(rows[0]).tobytes()


def test_one_row_is_refused_as_many_are() -> None:
    X = FRAME[["mass", "count"]].to_numpy(float)
    model = cr.TableRegressor("fast", epochs=2).fit(X, X[:, 1])
    with pytest.raises(ValueError, match="infinity"):
        model.predict([[np.inf, 1.0]])
    with pytest.raises(ValueError, match="infinity"):
        model.predict(np.array([[np.inf, 1.0]]))
    with pytest.raises(ValueError, match="features"):
        model.predict(np.array([[1.0, 1.0, 2.0]]))
    named = cr.TableRegressor("fast", epochs=2).fit(FRAME[["mass", "count"]], X[:, 1])
    with pytest.raises(TableError, match="mass"):
        named.predict(pd.DataFrame({"mass": ["heavy"], "count": [1]}))
    assert named.predict(pd.DataFrame({"mass": [1.0], "count": [2]})).shape == (1,)


def _column(pieces: int, height: float, flagged: bool, width: float = 1.0) -> NumberColumn:
    rng = np.random.default_rng(pieces)
    knots = tuple(np.cumsum(rng.uniform(0.2, 2, size=pieces + 1) * width).tolist())
    return NumberColumn("v", "number", "", knots[1], knots[2], 1.7 * width, knots, height, flagged)


def _values(column: NumberColumn, n: int) -> NDArray[np.float64]:
    """Numbers between the knots, on them, beyond them, and missing ones."""
    rng = np.random.default_rng(n)
    least, most = column.knots[0], column.knots[-1]
    values = rng.uniform(2 * least - most, 2 * most - least, size=n)
    values[::5] = rng.choice(column.knots, size=len(values[::5]))
    values[1::9] = np.nan
    return values


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", [(), (33, 17), (8,)])
def test_members_answer_the_mean_of_the_networks(hidden: tuple[int, ...], dtype: str) -> None:
    """Each network's forward pass adds up every piece; they read sums of pieces, so that only
    roundings differ, of about as many terms as there are inputs. Alone a row has the same bits.
    """
    columns = [
        _column(2, 1.0, True),
        _column(20, 0.25, False, 1e-6),
        NumberColumn("plain", "number", "", 0.0, 0.1, 1.7, (), 1.0, False),
        NumberColumn("flat", "number", "", 0.0, 0.0, 1.0, (-1.0, 0.0, 1.0), 0.0, False),
        _column(7, 0.7, True, 1e9),
    ]
    places = np.cumsum([3, *(len(column.inputs) for column in columns[:-1])]).tolist()
    width = places[-1] + len(columns[-1].inputs) + 2
    encoding = encoding_of(columns, places, width)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, width)).astype(dtype)
    X[:, rng.random(width) < 0.3] = 0.0  # what is no column's
    values = [rng.normal(size=50) if len(c.knots) < 4 else _values(c, 50) for c in columns]
    assert encoding.encode(np.column_stack(values), X)
    networks = [
        cr.Network([width, *hidden, 2], activation="gelu", dtype=dtype, seed=k) for k in range(3)
    ]
    members = compiled.Members([network.parameters for network in networks], encoding)
    found = members.mean(X)
    expected = np.mean([network.forward(X) for network in networks], axis=0)
    limit = 40 * np.finfo(dtype).eps
    np.testing.assert_allclose(found, expected, rtol=limit, atol=limit)
    assert np.concatenate([members.mean(X[k : k + 1]) for k in range(50)]).tobytes() == (
        found.tobytes()
    )
    assert members.mean(np.tile(X, (100, 1))).tobytes() == np.tile(found, (100, 1)).tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_members_answer_numbers_as_what_they_become(dtype: str) -> None:
    column = _column(12, 0.5, True)
    encoding = encoding_of([column], [0], 14 + 1)
    networks = [cr.Network([15, 9, 1], dtype=dtype, seed=k) for k in range(2)]
    members = compiled.Members([network.parameters for network in networks], encoding)
    numbers = _values(column, 30)[:, np.newaxis]
    X = np.zeros((30, 15), dtype)
    assert encoding.encode(numbers, X)
    found = members.mean_of_numbers(numbers)
    assert found is not None
    assert found.tobytes() == members.mean(X).tobytes()
    numbers[3] = np.inf
    assert members.mean_of_numbers(numbers) is None
    with pytest.raises(ValueError, match="the columns of values must be 1, got 2"):
        members.mean_of_numbers(np.ones((3, 2)))


def test_a_column_whose_knots_are_clipped_is_read_piece_by_piece() -> None:
    """Between a knot and one farther than 1,000 deviations the scaled number is no straight line:
    here it bends in the middle of the last piece, where a line from end to end would be off by 500.
    """
    column = NumberColumn("v", "number", "", 0.0, 0.0, 1.0, (-1.0, 0.0, 2000.0), 1.0, False)
    encoding = encoding_of([column], [0], 3)
    network = cr.Network([3, 1], activation="identity", dtype="float64")
    network.weights[0][:] = [[1.0], [0.0], [0.0]]
    network.biases[0][:] = 0.0
    members = compiled.Members([network.parameters], encoding)
    found = members.mean_of_numbers(np.array([[1000.0], [500.0], [1900.0]]))
    assert found is not None
    assert found.ravel().tolist() == [1000.0, 500.0, 1000.0]


def test_an_encoding_that_does_not_fit_is_refused() -> None:
    network = cr.Network([4, 2], dtype="float32")
    column = NumberColumn("v", "number", "", 0.0, 0.0, 1.0, (-1.0, 0.0, 1.0), 1.0, False)
    with pytest.raises(ValueError, match="the width of the encoding must be 4, got 5"):
        compiled.Members([network.parameters], encoding_of([column], [0], 5))
    for places in ([-1], [2], [0, 1], [1, 0]):  # before, beyond, into, out of order
        with pytest.raises(ValueError, match=r"the column's 3 inputs from -?\d on must be among"):
            encoding_of([column] * len(places), places, 4)
