"""A single row is answered at once, with the bits that it has among others."""

import pickle
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.engine import compiled
from chainrule.tables import Conventions, TrainOptions, train
from chainrule.tables.encoding import FeatureEncoder
from chainrule.tables.errors import TableError
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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("inputs", [1, 40, 300])
def test_members_answer_the_mean_of_the_networks(inputs: int, dtype: str) -> None:
    """Each network's forward pass adds up every piece; they read sums of pieces, so that only
    roundings differ, of about as many terms as there are inputs. Alone a row has the same bits.
    """
    rng = np.random.default_rng(inputs)
    X, pieces = rng.normal(size=(50, inputs)), []
    X[:, rng.random(inputs) < 0.3] = 0.0
    for place in range(1, inputs - 20, 23):
        count, height = int(rng.integers(1, 20)), float(rng.choice([1.0, 0.25, 0.7]))
        pieces.append((place, count, height))
        risen = np.clip(rng.uniform(-1, count + 1, size=50)[:, None] - np.arange(count), 0, 1)
        X[:, place : place + count] = height * (risen - 0.5)
    X = X.astype(dtype)
    sizes = [inputs, 33, 17, 2]
    networks = [cr.Network(sizes, activation="gelu", dtype=dtype, seed=k) for k in range(3)]
    members = compiled.Members([network.parameters for network in networks], pieces)
    found = members.mean(X)
    expected = np.mean([network.forward(X) for network in networks], axis=0)
    limit = 40 * np.finfo(dtype).eps
    np.testing.assert_allclose(found, expected, rtol=limit, atol=limit)
    assert np.concatenate([members.mean(X[k : k + 1]) for k in range(50)]).tobytes() == (
        found.tobytes()
    )
    assert members.mean(np.tile(X, (100, 1))).tobytes() == np.tile(found, (100, 1)).tobytes()


@pytest.mark.parametrize(
    "pieces",
    [[(0, 5, 1.0)], [(-1, 2, 1.0)], [(1, 2, 1.0), (2, 1, 1.0)], [(0, 0, 1.0)], [(0, 1, 0)]],
)
def test_pieces_that_are_not_the_inputs_are_refused(pieces: list[Any]) -> None:
    network = cr.Network([4, 2], dtype="float32")
    with pytest.raises(ValueError, match="pieces must be some of the inputs, in their order"):
        compiled.Members([network.parameters], pieces)


def test_a_table_is_told_where_its_pieces_are() -> None:
    """What stands there is at half the height above or below 0, but at most one of each column."""
    model = cr.TableRegressor("balanced", epochs=1).fit(FRAME, np.arange(60.0)).model_
    X = model.features.transform(as_table(FRAME), "float32")
    inputs, cut = model.features.inputs, 0
    for place, count, height in model.features.pieces:
        cut += count
        assert all(" from " in name for name in inputs[place : place + count])
        between = np.abs(X[:, place : place + count]) < np.float32(height / 2)
        assert (between.sum(axis=1) <= 1).all()
        assert np.abs(X[:, place : place + count]).max() == np.float32(height / 2)
    assert cut == sum(" from " in name for name in inputs) > 20
