"""TableClassifier and TableRegressor: scikit-learn's contract, and tables as they are."""

import pickle
import unittest
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

import chainrule as cr
from chainrule.tables import TableError, TrainOptions, read, train
from chainrule.tables.reading import as_table

QUALITIES = ("plain", "fast")


@pytest.mark.filterwarnings("ignore")  # the checks are about what is done, not what is said
@parametrize_with_checks(
    [kind(quality) for kind in (cr.TableClassifier, cr.TableRegressor) for quality in QUALITIES]
)
def test_check(estimator: Any, check: Any) -> None:
    try:
        check(estimator)
    except unittest.SkipTest as reason:
        pytest.skip(str(reason))


def frame(n_rows: int = 90) -> pd.DataFrame:
    """Numbers, text, categories, booleans, dates, and gaps in all of them."""
    rng = np.random.default_rng(0)
    days = [timedelta(days=int(day)) for day in rng.integers(40, size=n_rows)]
    table = pd.DataFrame(
        {
            "age": rng.integers(1, 80, n_rows).astype(float),
            "port": rng.choice(["S", "C", "Q"], n_rows),
            "deck": pd.Categorical(rng.choice(["upper", "lower"], n_rows)),
            "alone": rng.random(n_rows) < 0.5,
            "when": [datetime(1912, 4, 1) + day for day in days],
        }
    )
    for place, name in enumerate(["age", "port", "deck", "when"]):
        table.loc[table.index % 11 == place, name] = None
    return table


def told(X: pd.DataFrame) -> np.ndarray:
    """Something that can be learned of it."""
    return np.where((X["port"] == "S") ^ X["alone"], "saved", "lost")


def test_any_table_of_the_same_columns_is_the_same() -> None:
    X = frame(500)
    y = told(X)
    model = cr.TableClassifier("fast").fit(X, y)
    assert model.score(X, y) > 0.9  # where neither column is missing, it can be told
    assert model.feature_names_in_.tolist() == list(X)
    expected = model.predict_proba(X)
    np.testing.assert_allclose(expected.sum(axis=1), 1, rtol=1e-6)
    polars = pl.from_pandas(X.astype({"deck": "string"}))
    for other in (polars, pa.Table.from_pandas(X)):
        again = cr.TableClassifier("fast").fit(other, y)
        assert again.predict_proba(other).tobytes() == expected.tobytes()
    assert pickle.loads(pickle.dumps(model)).predict_proba(X).tobytes() == expected.tobytes()


def test_it_is_what_train_makes_of_the_table() -> None:
    """One way from a table to a model, from Python as from a file."""
    X, rng = frame(), np.random.default_rng(1)
    y = X["age"].fillna(20) + rng.normal(size=len(X))
    model = cr.TableRegressor("fast", epochs=5, random_state=3, n_jobs=1).fit(X, y.rename("price"))
    table = as_table(X.assign(price=y))
    options = TrainOptions(quality="fast", epochs=5, seed=3, task="regression")
    expected = train(table, "price", options)
    assert model.model_.target == expected.target
    assert model.predict(X).tobytes() == expected.predict(X).tobytes()
    assert model.report_.metrics == expected.report.metrics


@pytest.mark.parametrize(
    "labels",
    [
        [10, 9, 2], np.array([1.0, 2.0, 0.0]), ["b", "a", "c"], [True, False, True],
        np.array(["b", "B", "a"], dtype=object),
    ],
    ids=str,
)  # fmt: skip
def test_classes_are_what_they_were(labels: Any) -> None:
    """Each row is told apart by its number, and answered in the type of y."""
    y = np.array(labels)[np.arange(60) % 3]
    X = np.repeat(np.arange(3.0), 60).reshape(3, 60)[np.arange(60) % 3][:, :2]
    model = cr.TableClassifier("fast", epochs=60, hidden=(8,)).fit(X, y)
    assert model.classes_.tolist() == sorted(set(np.array(labels).tolist()))
    predicted = model.predict(X)
    assert predicted.dtype == y.dtype
    assert (predicted == y).all()
    best = model.classes_[model.predict_proba(X).argmax(axis=1)]
    assert (best == y).all()


def test_columns_are_known_by_name_and_may_not_change_their_type() -> None:
    X = frame()
    model = cr.TableClassifier("fast", epochs=2).fit(X, told(X))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(X.rename(columns={"age": "years"}))
    with pytest.raises(TableError, match=r"'age': expected a number, got 'old'"):
        model.predict(X.assign(age="old"))
    with pytest.raises(TableError, match="'port': expected text in each row, got double"):
        model.predict(X.assign(port=1.5))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a"] * 90, "y has only one class, 'a'"),
        (["a"] * 45 + ["b"] * 44, "X has 90 rows, and y has 89"),
        (np.linspace(0, 1, 90), "Unknown label type: continuous"),
    ],
)
def test_targets_that_there_is_nothing_to_learn_of(y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cr.TableClassifier("fast").fit(frame(), y)


@pytest.mark.parametrize("labels", [["b", "a"], [3, 10], [True, False]], ids=str)
def test_it_is_saved_with_its_parameters_and_classes(labels: Any, tmp_path: Path) -> None:
    X = frame()
    y = np.array(labels)[(told(X) == "saved").astype(int)]
    model = cr.TableClassifier("fast", hidden=(4, 3), epochs=2, ignore=("when",)).fit(X, y)
    cr.save(model, tmp_path / "m.safetensors")
    loaded = cr.load(tmp_path / "m.safetensors")
    assert loaded.get_params() == model.get_params()
    assert loaded.classes_.tolist() == model.classes_.tolist()
    assert loaded.classes_.dtype == model.classes_.dtype
    assert loaded.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.predict(X[["age"]])
    generator = cr.TableClassifier("fast", epochs=1, random_state=np.random.RandomState(0))
    with pytest.raises(ValueError, match="random_state is a generator"):
        cr.save(generator.fit(X, y), tmp_path / "m.safetensors")


def test_one_column_is_no_table() -> None:
    with pytest.raises(ValueError, match=r"X is one column; a table of it is X.to_frame\(\)"):
        cr.TableRegressor("fast").fit(pd.Series([1.0, 2.0, 3.0]), [1, 2, 3])


def test_in_searches() -> None:
    iris = read("iris").data.to_pandas()
    X, y = iris.drop(columns="target"), iris["target"]
    assert cross_val_score(cr.TableClassifier("fast"), X, y, cv=3).min() > 0.85
    search = GridSearchCV(cr.TableClassifier("fast"), {"pieces": [2, 16]}, cv=2).fit(X, y)
    assert search.best_params_["pieces"] in (2, 16)


def test_a_table_is_not_modified() -> None:
    X = frame()
    before = X.copy()
    cr.TableClassifier("fast", epochs=2).fit(X, told(X)).predict(X)
    pd.testing.assert_frame_equal(X, before)


def test_more_columns_than_the_pieces_are_for() -> None:
    """5,000 of 60 rows: each is one input, and nothing is lost."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5000))
    model = cr.TableRegressor("fast", epochs=2).fit(X, X[:, 0])
    assert model.model_.spec.n_inputs == 5000
    assert np.isfinite(model.predict(X)).all()


def test_a_category_in_each_row_is_left_out_and_ten_rows_are_enough() -> None:
    X = pd.DataFrame({"name": [f"n{i}" for i in range(60)], "x": np.arange(60.0)})
    model = cr.TableRegressor("fast", epochs=2).fit(X, X["x"])
    assert list(model.report_.left_out) == ["name"]
    ten = cr.TableClassifier("fast").fit(X[:10], ["a", "b"] * 5)
    assert ten.predict(X[:10]).shape == (10,)


@pytest.mark.parametrize("index", ["unnamed", "named", "several"])
def test_the_index_of_a_frame_is_no_column(index: str) -> None:
    """Rows that were shuffled, or drawn, have one that counts them: it isn't learned from."""
    rng = np.random.default_rng(0)
    plain = pd.DataFrame({"a": rng.normal(size=80), "b": rng.choice(["x", "y"], 80)})
    y = plain["a"].to_numpy() + (plain["b"] == "x").to_numpy()
    numbers = rng.permutation(80)
    indexed = {
        "unnamed": plain.set_axis(numbers),
        "named": plain.set_axis(pd.Index(numbers, name="id")),
        "several": plain.set_axis(pd.MultiIndex.from_arrays([numbers, numbers], names=["i", "j"])),
    }[index]
    expected = cr.TableRegressor("fast", epochs=2).fit(plain, y)
    model = cr.TableRegressor("fast", epochs=2).fit(indexed, y)
    assert model.model_.features.names == ["a", "b"]
    assert model.predict(indexed).tobytes() == expected.predict(plain).tobytes()
    assert model.predict(indexed[:1]).tobytes() == expected.predict(plain[:1]).tobytes()
    assert train(
        as_table(indexed.assign(y=y)), "y", TrainOptions("fast", epochs=1)
    ).features.names == ["a", "b"]
