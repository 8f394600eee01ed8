"""Several networks at the prompt: what is said of them, intervals, and the steps of each."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import chainrule as cr
from chainrule.tables import TrainOptions, read

FEW = ("--quality", "fast", "--members", 3, "--epochs", 4)


def test_what_is_said_of_several_networks(inside: Callable[..., str]) -> None:
    printed = inside("train", "diabetes", *FEW)
    assert "network   3 times 10" not in printed  # columns are in pieces
    assert "; the mean of all" in printed
    assert "of each the best on the rows it didn't see" in printed
    assert "on 442 rows, each by a network that didn't see it" in printed
    told = inside("inspect", "diabetes.safetensors")
    assert "networks  3, whose mean is the answer" in told
    assert "and 16 pieces" in told
    report = json.loads(inside("inspect", "diabetes.safetensors", "--json"))["model"]["report"]
    assert (report["judged"], len(report["best_epochs"])) == ("out of fold", 3)


def test_an_interval_is_beside_each_number(inside: Callable[..., str]) -> None:
    inside("train", "diabetes", *FEW)
    inside("predict", "diabetes.safetensors", "diabetes", "--interval", 0.8, "-o", "p.parquet")
    found = pq.read_table(Path("p.parquet"))
    assert found.column_names == ["prediction", "lower", "upper"]
    expected = cr.load("diabetes.safetensors").prediction_table("diabetes", 0.8)
    assert found["upper"].to_pylist() == expected["upper"].to_pylist()


def test_intervals_that_there_are_not(
    inside: Callable[..., str], refused: Callable[..., str]
) -> None:
    inside("train", "iris", *FEW)
    told = refused("predict", "iris.safetensors", "iris", "--interval", 0.9)
    assert "'target' has classes, of which there are no intervals" in told
    inside("train", "diabetes", *FEW)
    told = refused("predict", "diabetes.safetensors", "diabetes", "--interval", 90)
    assert "coverage must be between 0 and 1, got 90" in told


@pytest.mark.parametrize("member", [1, 3])
def test_a_step_of_each_is_opened(inside: Callable[..., str], member: int) -> None:
    inside("train", "diabetes", *FEW, "--record")
    printed = inside("explain", "diabetes.safetensors", "diabetes", "--member", member, "--step", 7)
    loss = cr.load("diabetes.safetensors").runs[member - 1].losses[6]
    assert f"{loss:.6g}" in printed
    assert ("--member 3" in printed) == (member == 3)  # in what to type next


def test_an_estimator_is_a_model_of_a_table(inside: Callable[..., str], tmp_path: Path) -> None:
    X = read("iris").data.to_pandas()
    y = X.pop("target")
    model = cr.TableClassifier("fast", epochs=3).fit(X, y)
    cr.save(model, tmp_path / "m.safetensors")
    assert "a table classifier" in inside("inspect", "m.safetensors")
    inside("predict", "m.safetensors", "iris", "-o", "p.parquet")
    found = pq.read_table(tmp_path / "p.parquet")["prediction"].to_numpy()
    assert np.array_equal(found, model.predict(X))


def test_inspect_tells_what_columns_do_by_a_table(inside: Callable[..., str]) -> None:
    inside("train", "diabetes", *FEW)
    printed = inside("inspect", "diabetes.safetensors", "diabetes", "--plot", "columns.png")
    assert "RMSE rises by" in printed
    assert re.search(r"^bmi +[\d.]+ ± [\d.]+ +-0.09\d* → \d+, ", printed, re.MULTILINE)
    assert Path("columns.png").read_bytes().startswith(b"\x89PNG")
    again = inside("inspect", "diabetes.safetensors", "diabetes", "--plot", "columns.png", "--json")
    columns = json.loads(again)["columns"]
    assert {one["column"] for one in columns} == set(read("diabetes").names) - {"target"}
    assert len(columns[0]["values"]) == len(columns[0]["answers"]) == 9
    assert columns[0]["importance"] >= columns[1]["importance"]


def test_inspect_of_classes_and_dates(inside: Callable[..., str]) -> None:
    days = pd.date_range("2024-01-01", periods=90)
    told = np.where(np.arange(90) > 45, "late", "soon")
    pd.DataFrame({"day": days, "port": ["S", "C", "Q"] * 30, "when": told}).to_csv(
        "t.csv", index=False
    )
    inside("train", "t.csv", "-t", "when", *FEW)
    printed = inside("inspect", "t.safetensors", "t.csv", "--plot", "t.svg")
    assert re.search(r"day .*: 2024-01-01 → ", printed)
    assert re.search(r"port .*: \w → ", printed)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--plot", "a.png"], "--plot draws what columns do by a table"),
        (["diabetes", "--plot", "a.xls"], "expected a name ending in .png, .svg or .pdf"),
        (["diabetes", "--plot", "no/a.png"], "no/a.png"),
        (["iris"], "lacks the columns"),
        (["nowhere.csv"], "no table 'nowhere.csv'"),
    ],
)
def test_inspect_refuses(
    inside: Callable[..., str], refused: Callable[..., str], words: list[str], message: str
) -> None:
    inside("train", "diabetes", *FEW)
    assert message in refused("inspect", "diabetes.safetensors", *words)


@pytest.mark.parametrize("name", ["plain", "fast", "balanced", "best"])
def test_info_tells_what_a_quality_chooses(inside: Callable[..., str], name: str) -> None:
    assert name in inside("info", "qualities")
    assert "members" in inside("info", "qualities", name)
    told = json.loads(inside("info", "qualities", name, "--json"))["qualities"]
    recipes = TrainOptions(name).recipes("regression")
    assert [one["members"] for one in told[name]["regression"]] == [r.members for r in recipes]
    assert len(recipes) == 1 + (name in ("balanced", "best"))


def test_rows_that_are_asked_for_are_held_out(inside: Callable[..., str]) -> None:
    told = inside("train", "iris", *FEW, "--held-out", "rest.csv", "--json")
    assert json.loads(told)["report"]["rows"]["test"] == 30
    assert len(pd.read_csv("rest.csv")) == 30
