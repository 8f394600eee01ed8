"""Losses and options of optimizers at the prompt: all that a network can take."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

RNG = np.random.default_rng(0)
X = RNG.uniform(1, 3, size=300)
FRAME = pd.DataFrame({"x": X, "price": 1000 * X * RNG.gamma(9.0, 1 / 9, size=300)})


def test_quantiles_and_options_of_the_optimizer(inside: Callable[..., str]) -> None:
    FRAME.to_csv("t.csv", index=False)
    loss = "quantile:levels=0.05 0.95"
    inside("train", "t.csv", "-t", "price", "--loss", loss, "--epochs", 5, "--optimizer",
           "adam:averaging=0.9,max_norm=3,weight_decay=0.001")  # fmt: skip
    assert loss in json.dumps(json.loads(inside("inspect", "t.safetensors", "--json")))
    inside("predict", "t.safetensors", "t.csv", "-o", "p.parquet")
    found = pq.read_table(Path("p.parquet"))
    assert found.column_names == ["prediction", "quantile_0.05", "quantile_0.95"]
    inside("evaluate", "t.safetensors", "t.csv")


def test_amounts(inside: Callable[..., str]) -> None:
    FRAME.to_csv("t.csv", index=False)
    inside("train", "t.csv", "-t", "price", "--loss", "gamma", "--epochs", 5)
    assert "exponential" in inside("inspect", "t.safetensors")
