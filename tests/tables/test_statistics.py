"""What one pass learns of a column is what all its rows at once would tell."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.tables.statistics import (
    MOST_DISTINCT,
    MOST_LABELS,
    LabelStatistics,
    NumberStatistics,
)

finite = st.floats(-1e6, 1e6, width=32)


def joined(kind, parts):
    found = kind()
    for part in parts:
        found.add(kind.of(part))
    return found


@given(st.lists(st.lists(finite | st.just(float("nan")), max_size=30), min_size=1, max_size=6))
def test_numbers_are_joined_exactly(parts):
    arrays = [np.array(part, dtype=np.float64) for part in parts]
    found, whole = joined(NumberStatistics, arrays), np.concatenate(arrays)
    present = whole[~np.isnan(whole)]
    assert (found.count, found.missing) == (present.size, whole.size - present.size)
    if not present.size:
        return
    assert (found.least, found.most) == (present.min(), present.max())
    assert found.quantiles([0, 0.3, 0.5, 1]) == pytest.approx(
        np.quantile(present, [0, 0.3, 0.5, 1])
    )
    filled = np.where(np.isnan(whole), 2.5, whole)
    spread = 1e-9 * (1 + np.abs(filled).max())
    assert found.filled(2.5) == pytest.approx((filled.mean(), filled.std()), rel=1e-9, abs=spread)
    assert found.is_rising == bool(not found.missing and (np.diff(present) > 0).all())


@pytest.mark.parametrize("order", ["random", "sorted", "falling"])
@pytest.mark.parametrize("shape", ["normal", "lognormal", "uniform"])
def test_quantiles_of_many_numbers_are_near(shape, order):
    values = getattr(np.random.default_rng(3), shape)(size=300_000)
    if order != "random":
        values = np.sort(values)[:: 1 if order == "sorted" else -1]
    found = joined(NumberStatistics, np.array_split(values, 11))
    shares = np.linspace(0, 1, 33)
    ranks = np.searchsorted(np.sort(values), found.quantiles(shares)) / values.size
    assert np.abs(ranks - shares).max() < 0.002
    assert found.quantiles(shares) == joined(
        NumberStatistics, np.array_split(values, 11)
    ).quantiles(shares)


def test_numbers_are_counted_until_they_are_too_many():
    some = np.arange(MOST_DISTINCT, dtype=np.float64)
    assert joined(NumberStatistics, [some, some]).counts == dict.fromkeys(some.tolist(), 2)
    many = joined(NumberStatistics, [some, some + 0.5])
    assert many.counts is None
    (median,) = many.quantiles([0.5])
    assert median == pytest.approx(127.75, abs=0.5)


def test_few_numbers_that_are_very_often_there_and_then_many():
    found = NumberStatistics()
    for _ in range(40):  # two million, which are counted
        found.add(NumberStatistics.of(np.repeat(np.arange(100.0), 500)))
    found.add(NumberStatistics.of(np.linspace(0, 99, 1000)))
    assert found.counts is None
    assert found.count == 2_001_000
    assert found.quantiles([0, 0.1, 0.5, 0.9, 1]) == pytest.approx([0, 10, 50, 90, 99], abs=1)


@given(st.lists(st.lists(st.sampled_from("abcdef") | st.none(), max_size=20), max_size=5))
def test_texts_are_counted_exactly(parts):
    columns = [pa.array(part, pa.string()) for part in parts]
    coded = [column.dictionary_encode() for column in columns]
    whole = [text for part in parts for text in part if text is not None]
    for found in (joined(LabelStatistics, columns), joined(LabelStatistics, coded)):
        assert found.count == len(whole)
        assert found.missing == sum(map(len, parts)) - len(whole)
        assert found.counts == {text: whole.count(text) for text in set(whole)}
        assert found.different == len(set(whole))


def test_of_too_many_texts_the_frequent_ones_are_known():
    numbers = np.random.default_rng(0)
    drawn = numbers.zipf(1.3, size=120_000).tolist()
    rare = [f"rare {k}" for k in range(3 * MOST_LABELS)]
    texts = [f"text {k}" for k in drawn] + rare
    found = joined(LabelStatistics, [pa.array(texts[k::7]) for k in range(7)])
    assert not found.is_exact
    assert found.most_frequent(5) == tuple(f"text {k}" for k in range(1, 6))
    assert found.different == pytest.approx(len(set(texts)), rel=0.05)
    assert found.counts["text 1"] == pytest.approx(drawn.count(1), rel=0.01)
