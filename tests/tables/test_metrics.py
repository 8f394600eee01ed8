"""Metrics against their definitions, and the split against its promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.tables.metrics import classification_metrics, regression_metrics
from chainrule.tables.splitting import split

EVEN = (0.5, 0.5)


def test_classification_metrics_are_their_definitions() -> None:
    index = np.array([0, 1, 1, 0])
    second = np.array([0.2, 0.9, 0.4, 0.6])
    found = classification_metrics(index, np.column_stack([1 - second, second]), ("a", "b"), EVEN)
    pairs = [(p > q) + 0.5 * (p == q) for p in second[index == 1] for q in second[index == 0]]
    assert found.values["accuracy"] == 0.5
    assert found.values["auc"] == pytest.approx(np.mean(pairs), rel=1e-12)
    expected = -np.mean(np.log(np.where(index == 1, second, 1 - second)))
    assert found.values["log_loss"] == pytest.approx(expected, rel=1e-12)


def test_auc_of_several_classes_is_the_mean_of_each_against_the_rest() -> None:
    rng = np.random.default_rng(0)
    index = np.arange(60) % 3
    probabilities = rng.dirichlet(np.ones(3), 60)
    found = classification_metrics(index, probabilities, ("a", "b", "c"), (0.5, 0.3, 0.2)).values[
        "auc"
    ]
    each = []
    for k in range(3):
        p, q = probabilities[index == k, k], probabilities[index != k, k]
        each.append(np.mean(p[:, None] > q))
    assert found == pytest.approx(np.mean(each), rel=1e-12)


def test_auc_without_a_class_says_why() -> None:
    found = classification_metrics(np.array([0, 0]), np.array([[0.9, 0.1]] * 2), ("a", "b"), EVEN)
    assert found.values["auc"] is None
    assert found.reasons == {"auc": "no rows of class b"}


def test_float32_probabilities_are_taken_as_they_are() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(9), 50).astype(np.float32)
    found = classification_metrics(
        np.arange(50) % 9, probabilities, tuple("abcdefghi"), (1 / 9,) * 9
    )
    assert found.values["log_loss"] is not None


def test_regression_metrics_are_their_definitions() -> None:
    target, predicted = np.array([1.0, 2.0, 6.0]), np.array([1.0, 4.0, 5.0])
    found = regression_metrics(target, predicted, mean=3.0).values
    error = predicted - target
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-12)
    assert found["mae"] == pytest.approx(np.mean(np.abs(error)), rel=1e-12)
    expected = 1 - np.sum(error**2) / np.sum((target - target.mean()) ** 2)
    assert found["r2"] == pytest.approx(expected, rel=1e-12)


def test_r2_of_a_constant_says_why() -> None:
    found = regression_metrics(np.array([2.0, 2.0]), np.array([1.0, 2.0]), mean=2.5)
    assert found.values["r2"] is None
    assert found.reasons == {"r2": "all targets are the same"}


def test_the_baseline_of_classes_is_their_shares_in_training() -> None:
    index, shares = np.array([0, 1, 1, 2]), (0.2, 0.5, 0.3)
    found = classification_metrics(index, np.eye(3)[index], ("a", "b", "c"), shares)
    assert found.baseline["accuracy"] == 0.5  # always b
    assert found.baseline["auc"] == 0.5
    expected = -np.mean(np.log(np.array(shares)[index]))
    assert found.baseline["log_loss"] == pytest.approx(expected, rel=1e-12)
    assert found.worse == ""


def test_the_baseline_of_numbers_is_the_mean_in_training() -> None:
    target = np.array([1.0, 2.0, 6.0])
    found = regression_metrics(target, target + 4, mean=2.0)
    assert found.baseline["rmse"] == pytest.approx(np.sqrt(np.mean((target - 2) ** 2)), rel=1e-12)
    assert found.baseline["mae"] == pytest.approx(5 / 3, rel=1e-12)
    assert found.worse == "rmse"


@settings(max_examples=80)
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=120),
    st.floats(0, 0.6),
    st.floats(0, 0.6),
    st.integers(0, 9),
)
def test_each_row_is_in_one_part_whatever_the_classes(
    labels: list[int], test: float, validation: float, seed: int
) -> None:
    classes = np.unique(np.array(labels), return_inverse=True)[1].astype(np.int64)
    parts = split(len(labels), test, validation, seed, classes)
    everything = np.concatenate([parts.training, parts.validation, parts.test])
    assert sorted(everything.tolist()) == list(range(len(labels)))
    assert parts.test.size == min(round(test * len(labels)), len(labels) - 1)
    assert parts.training.size > 0
    again = split(len(labels), test, validation, seed, classes)
    assert all(np.array_equal(getattr(parts, p), getattr(again, p)) for p in vars(parts))


def test_each_part_gets_its_share_of_each_class() -> None:
    classes = np.repeat([0, 1], [900, 100]).astype(np.int64)
    parts = split(1000, 0.2, 0.25, 0, classes)
    assert [int(classes[part].sum()) for part in vars(parts).values()] == [60, 20, 20]
