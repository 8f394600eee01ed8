"""Losses of tables: what they predict, in the unit of the target, in Python and at the prompt."""

import numpy as np
import pandas as pd
import pytest

import chainrule as cr
from chainrule.tables import TableError, TrainOptions, train
from chainrule.tables.reading import as_table

RNG = np.random.default_rng(0)
X = RNG.uniform(1, 3, size=600)
FRAME = pd.DataFrame({
    "x": X,
    "price": 1000 * X * RNG.gamma(9.0, 1 / 9, size=600),
    "count": RNG.poisson(40 * X),
    "noisy": 200 + 50 * X * RNG.normal(size=600),
})  # fmt: skip


def trained(target, loss, frame=FRAME, **options):
    options = {"loss": loss, "epochs": 60, "hidden": (16,)} | options
    return train(as_table(frame[["x", target]]), target, TrainOptions("plain", **options))


def test_quantiles(tmp_path):
    model = trained("price", "quantile:levels=0.1 0.5 0.9")
    found = model.prediction_table(FRAME).to_pandas()
    assert list(found) == ["prediction", "quantile_0.1", "quantile_0.5", "quantile_0.9"]
    assert (found["prediction"] == found["quantile_0.5"]).all()
    shares = [(FRAME["price"] < found[f"quantile_{q}"]).mean() for q in (0.1, 0.5, 0.9)]
    np.testing.assert_allclose(shares, [0.1, 0.5, 0.9], atol=0.06)
    cr.save(model, tmp_path / "m")
    again = cr.load(tmp_path / "m").prediction_table(FRAME).to_pandas()
    pd.testing.assert_frame_equal(again, found)


def test_a_mean_and_its_deviation():
    model = trained("noisy", "gaussian_nll", epochs=150)
    found = model.prediction_table(FRAME).to_pandas()
    assert list(found) == ["prediction", "standard_deviation"]
    ratio = found["standard_deviation"] / (50 * X)
    assert 0.7 < ratio.median() < 1.4
    assert np.corrcoef(found["standard_deviation"], X)[0, 1] > 0.7
    z = (FRAME["noisy"] - found["prediction"]) / found["standard_deviation"]
    assert 0.8 < z.std() < 1.2


@pytest.mark.parametrize(("loss", "target", "expected"), [
    ("poisson", "count", 40 * X), ("gamma", "price", 1000 * X),
])  # fmt: skip
def test_counts_and_amounts(loss, target, expected):
    """Divided by their mean, so that exp(z) begins where they are; the unit is theirs."""
    model = trained(target, loss)
    assert model.target.range in ("counts", "positive")
    found = model.predict(FRAME)
    assert (found > 0).all()
    assert np.abs(found / expected - 1).mean() < 0.15
    figures = model.report.metrics
    assert figures["r2"] > 0.2


@pytest.mark.parametrize(("loss", "value", "message"), [
    ("poisson", -1.0, "column 'price': expected a number >= 0 for this loss, got -1"),
    ("gamma", 0.0, "column 'price': expected a number > 0 for this loss, got 0"),
])  # fmt: skip
def test_numbers_that_the_loss_does_not_take(loss, value, message):
    frame = FRAME.assign(price=np.where(np.arange(600) % 7 == 0, value, FRAME["price"]))
    with pytest.raises(TableError, match=message):
        trained("price", loss, frame)


@pytest.mark.parametrize(("loss", "message"), [
    ("hubber", "unknown loss 'hubber': did you mean 'huber'"),
    ("huber:threshold=0", "threshold must be a number > 0, got 0"),
    ("quantile:levels=2", "levels must be between 0 and 1, got 2"),
])  # fmt: skip
def test_out_of_range(loss, message):
    with pytest.raises(ValueError, match=message):
        TrainOptions("plain", loss=loss)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("loss", ["focal", "focal:gamma=1", "cross_entropy:smoothing=0.1"])
def test_of_classes(loss, classes):
    labels = np.array(["low", "middle", "high"])[np.digitize(X, [1.7, 2.3][: classes - 1])]
    model = trained("kind", loss, FRAME.assign(kind=labels))
    assert (model.predict(FRAME) == labels).mean() > 0.9
