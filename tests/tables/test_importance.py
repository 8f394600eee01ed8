"""Importance is what a shuffled column costs; an effect is the mean answer, all else as it was."""

import numpy as np
import pandas as pd
import pytest

import chainrule as cr
from chainrule.tables import TableModel
from chainrule.tables.errors import TableError
from chainrule.tables.importance import effect, importances

N = 600
RNG = np.random.default_rng(0)
DAYS = pd.Timestamp(2024, 1, 1) + pd.to_timedelta(RNG.integers(0, 360, N), unit="D")
X = pd.DataFrame(
    {
        "strong": RNG.normal(size=N),
        "weak": RNG.normal(size=N),
        "noise": RNG.normal(size=N),
        "port": RNG.choice(["Cork", "Ayr", "Bude"], N),
        "day": DAYS,
    }
)
Y = 3 * X["strong"] + 0.5 * X["weak"] + 2.0 * (X["port"] == "Cork") + (DAYS.month > 6)
FRAME = X.assign(y=Y)


@pytest.fixture(scope="module")
def model() -> TableModel:
    return cr.TableRegressor("fast").fit(X, Y.rename("y")).model_


def test_the_order_is_that_of_what_columns_do(model: TableModel) -> None:
    found = importances(model, FRAME)
    assert found[0].column == "strong"
    by_name = {one.column: one for one in found}
    assert set(by_name) == set(X.columns)
    assert by_name["strong"].mean > by_name["port"].mean > by_name["noise"].mean
    assert by_name["day"].mean > by_name["noise"].mean  # by its parts, shuffled together
    # of a sum of independent terms, shuffling one adds twice its variance to the squared error
    rmse = model.evaluate(FRAME).values["rmse"]
    expected = np.sqrt(rmse**2 + 2 * np.var(3 * X["strong"])) - rmse
    assert by_name["strong"].mean == pytest.approx(expected, rel=0.15)


def test_by_hand_for_one_column(model: TableModel) -> None:
    """The table itself is shuffled: all columns but one stay, and the figure is measured again."""
    rises = []
    for k in range(30):
        shuffled = FRAME.assign(weak=FRAME["weak"].sample(frac=1, random_state=k).to_numpy())
        rises.append(model.evaluate(shuffled).values["rmse"] - model.evaluate(FRAME).values["rmse"])
    found = {one.column: one for one in importances(model, FRAME, repeats=30)}["weak"]
    spread = np.hypot(np.std(rises), found.deviation) / np.sqrt(30)
    assert abs(found.mean - np.mean(rises)) < 5 * spread


def test_an_effect_by_hand(model: TableModel) -> None:
    found = effect(model, FRAME, "strong", points=5, most_rows=N)
    assert found.values[0] == X["strong"].min()
    assert found.values[-1] == X["strong"].max()
    for value, answer in zip(found.values, found.answers[:, 0], strict=True):
        assert answer == pytest.approx(model.predict(FRAME.assign(strong=value)).mean(), rel=1e-5)
    ports = effect(model, FRAME, "port", most_rows=N)
    assert set(ports.values) == {"Cork", "Ayr", "Bude"}
    for port, answer in zip(ports.values, ports.answers[:, 0], strict=True):
        assert answer == pytest.approx(model.predict(FRAME.assign(port=port)).mean(), rel=1e-5)


def test_all_parts_of_a_date_go_together(model: TableModel) -> None:
    found = effect(model, FRAME, "day", points=4, most_rows=N)
    for value, answer in zip(found.values, found.answers[:, 0], strict=True):
        day = pd.Timestamp(0) + pd.Timedelta(days=value)
        assert answer == pytest.approx(model.predict(FRAME.assign(day=day)).mean(), rel=1e-4)


def test_classes_have_a_probability_each() -> None:
    classes = cr.TableClassifier("fast", epochs=8).fit(X, np.where(Y > 1, "b", "a")).model_
    frame = X.assign(target=np.where(Y > 1, "b", "a"))
    found = importances(classes, frame)
    assert found[0].column == "strong"
    curve = effect(classes, frame, "strong")
    np.testing.assert_allclose(curve.answers.sum(axis=1), 1, rtol=1e-5)
    assert curve.answers[-1, 1] > curve.answers[0, 1] + 0.3


def test_samples_and_repeats_are_repeatable(model: TableModel) -> None:
    assert importances(model, FRAME, most_rows=100) == importances(model, FRAME, most_rows=100)
    assert importances(model, FRAME, seed=1) != importances(model, FRAME, seed=2)


def test_what_is_refused(model: TableModel) -> None:
    with pytest.raises(TableError, match="doesn't read 'z'"):
        effect(model, FRAME, "z")
    with pytest.raises(TableError, match="lacks the column 'weak'"):
        importances(model, FRAME.drop(columns="weak"))
    with pytest.raises(TableError, match="all values are missing"):
        importances(model, FRAME.assign(y=np.nan))


def test_a_column_that_is_missing_throughout_has_no_curve(model: TableModel) -> None:
    assert effect(model, FRAME.assign(strong=np.nan), "strong").values == ()
