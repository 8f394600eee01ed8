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
from chainrule.tables.model import TableModel
from chainrule.tables.one_row import OneRow
from chainrule.tables.reading import as_table

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "mass": RNG.normal(size=60).round(2),
        "count": RNG.integers(0, 9, 60),
        "port": RNG.choice(["S", "C", "Q"], 60),
        "open": RNG.random(60) < 0.5,
    }
)
FRAME.loc[::7, "mass"] = np.nan
KINDS = [("mass", "number"), ("count", "number"), ("port", "text"), ("open", "boolean")]


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
    found = OneRow(encoder, "float64").of_frame(frame)
    assert found is not None
    assert found.tobytes() == encoder.transform(as_table(frame), "float64").tobytes()


@pytest.mark.parametrize(
    "change",
    [{"port": "elsewhere"}, {"port": None}, {"port": 3}, {"mass": np.inf}, {"mass": "1.5"},
     {"mass": True}, {"mass": None}, {"mass": 2**60}, {"mass": datetime(2024, 1, 1)},
     {"open": "yes"}, {"open": None}],
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
    dates = FeatureEncoder.fit(
        as_table(FRAME.assign(mass=pd.Timestamp(2024, 1, 1))), [("mass", "date")]
    )
    assert OneRow(dates, "float64").of_frame(FRAME[:1]) is None


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
    assert number._one_row(rows[3]) is not None  # or nothing is tested here
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
@pytest.mark.parametrize("sizes", [[1, 1], [5, 3, 2], [300, 17, 33, 10], [129, 128, 64, 1]])
def test_members_answer_with_the_bits_of_each_alone(sizes: list[int], dtype: str) -> None:
    """Zeros are passed over, and chains of 128 begin and end among them."""
    networks = [cr.Network(sizes, activation="gelu", dtype=dtype, seed=k) for k in range(3)]
    members = compiled.Members([network.parameters for network in networks])
    rng = np.random.default_rng(1)
    for share in (0.0, 0.5, 0.99, 1.0):
        row = rng.normal(size=(1, sizes[0])).astype(dtype)
        row[rng.random(row.shape) < share] = 0.0
        outputs = [network.forward(row) for network in networks]
        total = outputs[0] + outputs[1]
        total += outputs[2]
        assert members.mean(row).tobytes() == (total / 3).tobytes()


def test_weights_that_are_not_finite_take_the_way_of_many_rows() -> None:
    model = cr.TableRegressor("fast", epochs=1).fit(FRAME, np.arange(60.0)).model_
    assert isinstance(model, TableModel)
    model.networks[0].w[0] = np.inf
    first = model.predict(FRAME[:1])
    np.testing.assert_array_equal(first, model.predict(FRAME[:2])[:1])
