"""Intervals: the ranks by hand, and that they hold what they state."""

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.tables import Table, TrainOptions, read, train
from chainrule.tables.intervals import Errors


@given(st.integers(1, 40), st.floats(0.01, 0.99))
def test_so_many_errors_are_within_it(n: int, coverage: float) -> None:
    """At least (n + 1) c of n errors, and no interval that is smaller holds as many."""
    errors = Errors.of(np.random.default_rng(n).permutation(np.arange(1.0, n + 1)) * -1)
    half = errors.half_width(coverage)
    if math.isinf(half):
        assert (n + 1) * coverage > n - 1e-6
    else:
        assert half >= (n + 1) * coverage - 1e-6
        assert half - 1 < (n + 1) * coverage


def test_of_many_errors_some_are_kept_and_none_is_smaller() -> None:
    values = np.arange(1.0, 123_457.0)
    errors = Errors.of(values)
    assert errors.sorted.size == 10_000
    for coverage in (0.001, 0.5, 0.9, 0.9999):
        exact = math.ceil((len(values) + 1) * coverage)
        assert exact <= errors.half_width(coverage) <= exact + 13
    again = Errors.restore(errors.count, errors.sorted)
    assert again.half_width(0.9) == errors.half_width(0.9)


@pytest.mark.parametrize(
    ("count", "values", "message"),
    [
        (3, [1.0, 2.0], "errors: expected the count of 2, got 3"),
        (None, [1.0], "errors: expected the count of 1, got None"),
        (2, [2.0, 1.0], "errors: expected them from 0 on"),
        (2, [-1.0, 1.0], "errors: expected them from 0 on"),
        (0, [], "errors: expected numbers in one row"),
    ],
)
def test_what_no_errors_are(count: object, values: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Errors.restore(count, np.array(values))


@pytest.mark.parametrize(
    "options", [{"quality": "fast"}, {"quality": "plain", "epochs": 60}], ids=str
)
def test_they_hold_what_they_state(options: dict, tmp_path: Path) -> None:
    """On 4,000 new rows, within four deviations of the share among the learned and the new."""
    rng = np.random.default_rng(7)
    x = rng.uniform(-2, 2, size=(6000, 2))
    y = np.sin(x[:, 0] * 2) + rng.exponential(0.3, size=6000)
    data = pa.table({"a": x[:, 0], "b": x[:, 1], "y": y})
    learned, new = (Table("t", data.slice(*part), typed=True) for part in ((0, 2000), (2000,)))
    model = train(learned, "y", TrainOptions(**options))
    cr.save(model, tmp_path / "m.safetensors")
    loaded = cr.load(tmp_path / "m.safetensors")
    for coverage in (0.5, 0.9, 0.99):
        found = loaded.prediction_table(new, coverage)
        lower, upper = found["lower"].to_numpy(), found["upper"].to_numpy()
        inside = np.mean((lower <= y[2000:]) & (y[2000:] <= upper))
        spread = math.sqrt(coverage * (1 - coverage) * (1 / 4000 + 1 / model.errors.count))
        assert abs(inside - coverage) < 4 * spread
        middle = found["prediction"].to_numpy()
        np.testing.assert_allclose(upper - middle, middle - lower, rtol=1e-9)


def test_dates_have_dates_around_them() -> None:
    days = np.datetime64("2024-01-01T00:00", "us") + np.arange(100) * np.timedelta64(86400, "s")
    table = Table("t", pa.table({"x": np.arange(100.0), "when": days}), typed=True)
    found = train(table, "when", TrainOptions(quality="fast")).prediction_table(table, 0.9)
    assert found["lower"].type == found["upper"].type == found["prediction"].type
    assert all(
        a < b < c
        for a, b, c in zip(
            *(found[n].to_pylist() for n in ("lower", "prediction", "upper")), strict=True
        )
    )


def test_where_there_are_none() -> None:
    classes = train(read("iris"), "target", TrainOptions(quality="fast", epochs=1))
    with pytest.raises(ValueError, match="'target' has classes, of which there are no intervals"):
        classes.prediction_table("iris", 0.9)
    unjudged = train(read("diabetes"), "target", TrainOptions("plain", epochs=1, test_fraction=0))
    with pytest.raises(ValueError, match="needs rows that were not learned from: train with"):
        unjudged.prediction_table("diabetes", 0.9)
    judged = train(read("diabetes"), "target", TrainOptions(epochs=1))
    for coverage in (0, 1, -0.1, float("nan")):
        with pytest.raises(ValueError, match="coverage must be between 0 and 1"):
            judged.prediction_table("diabetes", coverage)
