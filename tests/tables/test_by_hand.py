"""``train`` against the same steps by hand: split, encode, network, fit; every option counts."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import chainrule as cr
from chainrule.tables import Table, TrainOptions, read, train
from chainrule.tables.encoding import FeatureEncoder
from chainrule.tables.splitting import split

PLAIN: dict[str, Any] = {
    "hidden": (7, 5), "epochs": 4, "batch_size": 16, "l2": 0.01, "learning_rate": 0.003,
}  # fmt: skip
CHANGES: list[dict[str, Any]] = [
    {},
    {"seed": 5},
    {"dropout": 0.3},
    {"dropout": 0.3, "seed": 5},
    {"batch_size": 50},
    {"batch_size": "auto", "l2": "auto"},
    {"hidden": ()},
    {"activation": "tanh"},
    {"optimizer": "rmsprop"},
    {"optimizer": "rprop", "batch_size": "auto", "learning_rate": None},
    {"dtype": "float64"},
    {"patience": 1, "epochs": 60, "learning_rate": 0.1},
    {"test_fraction": 0.4},
    {"validation_fraction": 0.4},
    {"validation_fraction": 0.0},
    {"threads": 3},
]


def by_hand(options: dict[str, Any]) -> tuple[cr.Network, cr.Run, FeatureEncoder, float, float]:
    """A regression on the diabetes table: only what the training rows say is learned from."""
    chosen = TrainOptions("plain", **options).chosen("regression", 1000)
    table = read("diabetes")
    parts = split(table.n_rows, chosen.test_fraction, chosen.validation_fraction, chosen.seed)
    names = [name for name in table.names if name != "target"]
    columns = {name: table.column(name).to_numpy() for name in table.names}
    y = columns["target"].astype(np.float64)
    mean, std = y[parts.training].mean(), y[parts.training].std()

    def encoded(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        X = np.empty((len(rows), len(names)), chosen.dtype)
        for i, name in enumerate(names):
            learned = columns[name][parts.training]
            X[:, i] = (columns[name][rows] - learned.mean()) / learned.std()
        return X, ((y[rows] - mean) / std).reshape(-1, 1)

    n = len(parts.training)
    rows_a_step = {"auto": n if chosen.optimizer == "rprop" else min(n, max(16, min(128, n // 40)))}
    network = cr.Network(
        [len(names), *chosen.hidden, 1], activation=chosen.activation, seed=chosen.seed,
        l2=10 / n if chosen.l2 == "auto" else chosen.l2, dropout=chosen.dropout,
        dtype=chosen.dtype,
    )  # fmt: skip
    row = cr.OPTIMIZERS[chosen.optimizer]
    rate = {} if chosen.learning_rate is None else {"learning_rate": chosen.learning_rate}
    validation = encoded(parts.validation) if len(parts.validation) else None
    run = network.fit(
        *encoded(parts.training), optimizer=row(**rate), epochs=chosen.epochs, seed=chosen.seed,
        batch_size=rows_a_step.get(chosen.batch_size, chosen.batch_size), validation=validation,
        early_stopping=cr.EarlyStopping(chosen.patience) if validation else None,
    )  # fmt: skip
    return network, run, parts, mean, std


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_train_is_what_it_would_be_by_hand(change: dict[str, Any]) -> None:
    options = PLAIN | change
    network, run, parts, mean, std = by_hand(options)
    runs: list[cr.Run] = []
    model = train(read("diabetes"), "target", TrainOptions("plain", **options), [runs.append])
    relative = 1e-3 if options.get("dtype") != "float64" else 1e-9  # of X, by another mean
    np.testing.assert_allclose(model.networks[0].w, network.w, rtol=relative, atol=relative / 10)
    np.testing.assert_allclose(runs[-1].losses, run.losses, rtol=relative)
    np.testing.assert_allclose(runs[-1].validation_losses, run.validation_losses, rtol=relative)
    assert (model.target.mean, model.target.std) == (
        pytest.approx(mean, rel=1e-12),
        pytest.approx(std, rel=1e-12),
    )
    report = model.report
    assert (report.epochs, report.rows["training"]) == (run.epoch, len(parts.training))
    assert (report.rows["validation"], report.rows["test"]) == (
        len(parts.validation),
        len(parts.test),
    )
    stopped = run.best_epoch if len(parts.validation) else run.epoch
    assert report.best_epoch == stopped


def test_each_seed_counts() -> None:
    """It chooses the rows, the starting weights, and the order of the rows: each by itself."""
    options = TrainOptions("plain", **PLAIN, seed=5)
    start = train(
        read("diabetes"), "target", TrainOptions("plain", **PLAIN | {"learning_rate": 1e-30})
    )
    expected = cr.Network([10, 7, 5, 1], seed=0)
    np.testing.assert_allclose(start.networks[0].w, expected.w, rtol=1e-6)
    other = train(read("diabetes"), "target", options)
    assert other.report.options["seed"] == 5
    assert not np.allclose(other.networks[0].w, start.networks[0].w)


@pytest.mark.parametrize(
    ("n_rows", "rows", "penalty"),
    [(1, 1, 10), (15, 15, 10 / 15), (16, 16, 10 / 16), (640, 16, 10 / 640), (679, 16, 10 / 679),
     (680, 17, 10 / 680), (5120, 128, 10 / 5120), (10**6, 128, 1e-5)],
)  # fmt: skip
def test_what_auto_means(n_rows: int, rows: int, penalty: float) -> None:
    """A fortieth of the rows a step, from 16 to 128; 10 of l2 shared out among the rows."""
    auto, task = TrainOptions("plain"), "regression"
    assert auto.rows_a_step(task, n_rows) == rows
    assert auto.recipe(task).penalty(n_rows) == pytest.approx(penalty, rel=1e-15)
    assert TrainOptions("plain", optimizer="rprop").rows_a_step(task, n_rows) == n_rows
    assert TrainOptions("plain", batch_size=100).rows_a_step(task, n_rows) == min(100, n_rows)
    assert TrainOptions("plain", l2=0.25).recipe(task).penalty(n_rows) == 0.25


AT_THE_LIMIT: list[dict[str, Any]] = [
    {"hidden": (1,)}, {"epochs": 1}, {"patience": 1}, {"batch_size": 1}, {"dropout": 0.0},
    {"l2": 0.0}, {"seed": 2**32 - 1}, {"threads": 1}, {"test_fraction": 0.0},
    {"learning_rate": 5e-324}, {"test_fraction": 0.99, "validation_fraction": 0.5},
]  # fmt: skip


@pytest.mark.parametrize("options", AT_THE_LIMIT, ids=str)
def test_options_at_their_limit(options: dict[str, Any]) -> None:
    model = train(read("diabetes"), "target", TrainOptions("plain", **{"epochs": 1} | options))
    assert np.isfinite(model.networks[0].w).all()


@pytest.mark.parametrize(
    "options", [{"learning_rate": 0}, {"seed": 2**32}, {"validation_fraction": 1.0}, {"l2": -1e-9}]
)
def test_options_just_beyond_it(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        TrainOptions("plain", **options)


# -- categories and parts --------------------------------------------------------------------


def text_table(values: list[str]) -> Table:
    return Table("t", pa.table({"c": values}), typed=True)


def test_the_32_most_frequent_categories_are_kept_ties_by_the_alphabet() -> None:
    names = [f"n{i:02d}" for i in range(40)]
    values = names[::-1] + names[5:] + ["n39"] * 3  # the first five once, the others twice
    (column,) = FeatureEncoder.fit(text_table(values), [("c", "text")]).columns
    assert column.categories == ("n39", *names[5:36])
    (column,) = FeatureEncoder.fit(text_table(names[:32]), [("c", "text")]).columns
    assert column.categories == tuple(names[:32])


def test_how_rows_are_shared_out() -> None:
    """Rounded counts; every row in one part; at least one row to train on."""
    for n, test, validation, counts in [
        (100, 0.2, 0.15, (68, 12, 20)),
        (10, 0.25, 0.5, (4, 4, 2)),  # 2.5 and 4 are rounded to even
        (2, 0.9, 0.9, (1, 0, 1)),
        (1, 0.9, 0.9, (1, 0, 0)),
        (3, 0.1, 0.1, (3, 0, 0)),
    ]:
        parts = split(n, test, validation, seed=0)
        assert tuple(map(len, (parts.training, parts.validation, parts.test))) == counts, n
        together = np.concatenate([parts.training, parts.validation, parts.test])
        assert np.array_equal(np.sort(together), np.arange(n))
        for rows in (parts.training, parts.validation, parts.test):
            assert np.all(np.diff(rows) > 0)


def test_each_class_is_shared_out() -> None:
    """A class of 4 rows and more has its share in each part; smaller ones count as the largest."""
    classes = np.repeat([0, 1, 2], [60, 36, 4])
    parts = split(100, 0.25, 0.0, 0, classes)
    assert np.bincount(classes[parts.test]).tolist() == [15, 9, 1]
    classes = np.repeat([0, 1, 2], [61, 36, 3])
    parts = split(100, 0.25, 0.0, 0, classes)
    found = np.bincount(classes[parts.test], minlength=3)
    assert found[1] == 9
    assert found[0] + found[2] == 16
    # fewer held-out rows than classes: shared out without regard to them
    parts = split(100, 0.02, 0.0, 0, np.repeat([0, 1, 2], [60, 36, 4]))
    assert len(parts.test) == 2


def test_the_defaults() -> None:
    """Those that the documentation states."""
    assert TrainOptions("plain").chosen("regression", 10) == TrainOptions("plain",
        task="auto", hidden=(128, 64), activation="relu", optimizer="adam", learning_rate=None,
        epochs=400, batch_size="auto", l2="auto", dropout=0.0, patience=20, test_fraction=0.2,
        validation_fraction=0.15, seed=0, dtype="float32", threads=None, ignore=(), pieces=0,
        piece_height=1.0, categories=32, members=1, clamp=False,
    )  # fmt: skip
