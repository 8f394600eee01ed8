"""Figures of rows that come some at a time are those of all rows at once."""

import numpy as np
import pytest

from chainrule.tables.metrics import classification_metrics, regression_metrics
from chainrule.tables.running_metrics import ClassErrors, NumberErrors


def same(found, expected, rel=1e-9):
    assert found.values == pytest.approx(expected.values, rel=rel)
    assert found.baseline == pytest.approx(expected.baseline, rel=rel)
    assert (found.reasons, found.rows) == (expected.reasons, expected.rows)


@pytest.mark.parametrize("far", [0.0, 1e7])
@pytest.mark.parametrize("cuts", [1, 7])
def test_numbers(far, cuts):
    numbers = np.random.default_rng(0)
    target = numbers.normal(far, 2, 5000)
    predicted = target + numbers.normal(size=5000)
    errors = NumberErrors(mean=far + 1)
    for rows in np.array_split(np.arange(5000), cuts):
        errors.add(target[rows], predicted[rows])
    same(errors.metrics(), regression_metrics(target, predicted, far + 1))


def test_one_number_everywhere():
    errors = NumberErrors(mean=1.0)
    errors.add(np.full(5, 3.0), np.full(5, 2.0))
    found = errors.metrics()
    assert found == regression_metrics(np.full(5, 3.0), np.full(5, 2.0), 1.0)
    assert found.values["r2"] is None


@pytest.mark.parametrize("classes", [2, 3, 20])
@pytest.mark.parametrize("sharp", [0.3, 20])
def test_classes(classes, sharp):
    numbers = np.random.default_rng(classes)
    index = numbers.integers(0, classes, 20_000)
    logits = numbers.normal(size=(20_000, classes)) * sharp
    logits[np.arange(20_000), index] += sharp
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = (probabilities / probabilities.sum(axis=1, keepdims=True)).astype("float32")
    names, shares = (
        [str(k) for k in range(classes)],
        np.arange(1, classes + 1) / sum(range(classes + 1)),
    )
    errors = ClassErrors(names, shares)
    for rows in np.array_split(np.arange(20_000), 6):
        errors.add(index[rows], probabilities[rows])
    expected = classification_metrics(index, probabilities, names, shares)
    found = errors.metrics()
    assert found.values["auc"] == pytest.approx(expected.values["auc"], abs=2e-4)
    found.values["auc"] = expected.values["auc"]
    same(found, expected, rel=1e-6)  # which is taken in float32


def test_a_class_without_rows():
    errors = ClassErrors(["a", "b"], [0.5, 0.5])
    errors.add(np.zeros(3, int), np.full((3, 2), 0.5))
    found = errors.metrics()
    assert found.values["auc"] is None
    assert found.reasons == {"auc": "no rows of class b"}
