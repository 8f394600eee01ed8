"""Estimators in files, at the prompt: looked at, and refused where a table is meant."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import chainrule as cr

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(60, 3)), columns=["red", "green", "blue"])


def test_inspect_tells_of_a_classifier(inside: Callable[..., str]) -> None:
    labels = np.array(["no", "yes"])[(X["red"] > 0).astype(int)]
    cr.save(cr.MLPClassifier((5,), max_iter=9, alpha=0.5).fit(X, labels), "m.safetensors")
    told = inside("inspect", "m.safetensors")
    assert "a classifier, by chainrule" in told
    assert "MLPClassifier(alpha=0.5, hidden_layer_sizes=(5,), max_iter=9)" in told
    assert "red, green, blue" in told
    assert "no, yes" in told
    assert "9 of 9 epochs" in told
    assert json.loads(inside("inspect", "m.safetensors", "--json"))["kind"] == "classifier"


def test_inspect_tells_of_a_regressor_without_steps(inside: Callable[..., str]) -> None:
    cr.save(cr.MLPRegressor(solver="lbfgs").fit(X.to_numpy(), X["red"]), "m.safetensors")
    told = inside("inspect", "m.safetensors")
    assert "a regressor, by chainrule" in told
    assert "3, unnamed" in told
    assert "at last" in told


def test_a_table_is_not_for_an_estimator(refused: Callable[..., str], tmp_path: Path) -> None:
    cr.save(cr.MLPRegressor(max_iter=2).fit(X, X["red"]), tmp_path / "m.safetensors")
    X.to_csv(tmp_path / "t.csv", index=False)
    message = refused("predict", "m.safetensors", "t.csv")
    assert "holds a regressor, which doesn't know how a table is encoded" in message
