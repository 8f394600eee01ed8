"""Several networks of one table: each against its own fit, the answers and figures restated."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import chainrule as cr
from chainrule.tables import Table, TableModel, TrainOptions, opened_run, read, train
from chainrule.tables.fitting import epochs_ahead
from chainrule.tables.preparing import prepared_table
from chainrule.tables.splitting import folds
from chainrule.tables.targets import TASKS, Task

OPTIONS: dict[str, Any] = {"quality": "fast", "epochs": 4, "members": 3, "record": True, "seed": 5}
TABLES = ("diabetes", "iris", "breast_cancer")


@pytest.fixture(scope="module", params=TABLES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def model(name: str) -> TableModel:
    return train(read(name), "target", TrainOptions(**OPTIONS))


def test_each_network_is_its_own_fit_on_all_folds_but_one(name: str, model: TableModel) -> None:
    options = TrainOptions(**OPTIONS)
    prepared = prepared_table(read(name), "target", options)
    recipe = options.recipe(model.target.task)
    assert len(model.networks) == len(prepared.folds) == 3
    for k, (ours, fold) in enumerate(zip(model.networks, prepared.folds, strict=True)):
        rows = np.setdiff1d(np.arange(len(prepared.X)), fold)
        network = cr.Network(
            list(ours.spec.layer_sizes), activation=recipe.activation, loss=ours.spec.loss,
            dropout=recipe.dropout, seed=5 + k,
        )  # fmt: skip
        (X, y), held_out = prepared.encoded(rows, False), prepared.encoded(fold, False)
        n_rows = min(len(prepared.X) - len(other) for other in prepared.folds)
        network.fit(
            X, y, epochs=4, validation=held_out, seed=5 + k, early_stopping=cr.EarlyStopping(1000),
            batch_size=min(256, max(16, n_rows // 40)), optimizer=recipe.optimizer_row(None),
        )  # fmt: skip
        assert network.parameters.theta.tobytes() == ours.parameters.theta.tobytes()


def test_the_answer_is_the_mean_and_each_row_alone_has_its_bits(
    name: str, model: TableModel
) -> None:
    table = read(name)
    X = model.features.transform(table, "float32")
    mean = np.mean([net.forward(X) for net in model.networks], axis=0, dtype=np.float64)
    outputs = model.outputs(table)
    np.testing.assert_allclose(outputs, mean, rtol=1e-5, atol=1e-6)  # a few roundings of float32
    alone = [model.outputs(table.take(np.array([row]))) for row in range(7)]
    assert np.concatenate(alone).tobytes() == outputs[:7].tobytes()


def test_the_figures_are_of_rows_that_the_network_did_not_see(name: str, model: TableModel) -> None:
    prepared = prepared_table(read(name), "target", TrainOptions(**OPTIONS))
    outputs = np.empty((len(prepared.X), model.spec.n_outputs))
    for network, fold in zip(model.networks, prepared.folds, strict=True):
        outputs[fold] = network.forward(prepared.X[fold])
    truth = model.truth(prepared.answers)
    assert model.report.judged == "out of fold"
    if model.target.task == "regression":
        error = model.target.decode(outputs[:, 0]) - truth
        expected = 1 - np.mean(error**2) / np.var(truth)
        assert model.report.metrics["r2"] == pytest.approx(expected, rel=1e-6)
    else:
        chosen = outputs.argmax(1) if outputs.shape[1] > 1 else outputs[:, 0] > 0.5
        assert model.report.metrics["accuracy"] == np.mean(chosen == truth)
    rows = {"training": len(truth), "validation": 0, "test": 0, "without_target": 0}
    assert model.report.rows == rows


def test_it_is_the_same_for_any_threads_and_when_it_was_saved(
    name: str, model: TableModel, tmp_path: Path
) -> None:
    one = train(read(name), "target", TrainOptions(**OPTIONS, threads=1))
    cr.save(model, tmp_path / "m.safetensors")
    loaded = cr.load(tmp_path / "m.safetensors")
    outputs = model.outputs(name)
    for other in (one, loaded):
        assert other.outputs(name).tobytes() == outputs.tobytes()
        assert other.report == model.report


def test_a_step_of_each_network_can_be_opened(name: str, model: TableModel) -> None:
    for member in (1, 3):
        opened, run = opened_run(model, name, member), model.runs[member - 1]
        trace = opened.run.at(2)
        assert trace.loss == run.losses[1]
        row = int(opened.rows[trace.rows[0]])
        X = model.features.transform(read(name).take(np.array([row])), "float32")
        assert trace.activations[0][0].tobytes() == X.tobytes()
    with pytest.raises(ValueError, match="member must be from 1 to 3, the networks there are"):
        opened_run(model, name, 4)


def test_rows_held_out_are_held_out_of_every_fold(name: str) -> None:
    options = TrainOptions(**OPTIONS, test_fraction=0.3)
    prepared = prepared_table(read(name), "target", options)
    together = np.sort(np.concatenate(prepared.folds))
    np.testing.assert_array_equal(together, prepared.parts.training)
    model = train(read(name), "target", options)
    assert model.report.judged == "held out"
    assert model.report.rows["test"] == len(prepared.parts.test) > 0


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("target", ["smooth", "rough"])
def test_the_better_of_two_recipes_is_trained_as_if_alone(target: str, task: Task) -> None:
    """By the loss of two fifths of the networks; each is taken for one target."""
    rng = np.random.default_rng(0)
    X, noise = rng.uniform(size=(300, 4)), rng.normal(size=300)
    y = X.sum(axis=1) + noise if target == "smooth" else np.sin(40 * X[:, 0]) + 0.1 * noise
    if task == "classification":
        y = np.where(y > np.median(y), "high", "low").astype(object)
    table = Table("t", pa.table({"y": y} | {f"x{k}": X[:, k] for k in range(4)}), typed=True)
    options = TrainOptions("balanced", epochs=30, hidden=(16,))
    model = train(table, "y", options)
    candidates = options.candidates_for(task, 300)
    alone = [train(table, "y", one) for one in candidates]
    heats = [train(table, "y", replace(one, record=True)).runs[:2] for one in candidates]
    losses = [np.mean([min(run.validation_losses) for run in runs]) for runs in heats]
    assert model.report.candidate_losses == tuple(losses)
    best = int(np.argmin(losses))
    assert best == (target == "smooth")
    assert model.report.options == alone[best].report.options
    for ours, theirs in zip(model.networks, alone[best].networks, strict=True):
        assert ours.parameters.theta.tobytes() == theirs.parameters.theta.tobytes()
    assert alone[0].report.candidate_losses == ()
    recorded = train(table, "y", replace(options, record=True))
    for member in (1, 5):  # of those that were compared, and of the rest
        step = opened_run(recorded, table, member).run.at(3)
        assert step.loss == recorded.runs[member - 1].losses[2]
    one = train(table, "y", replace(options, candidates=1))
    assert one.report.metrics == alone[0].report.metrics


def test_of_many_rows_recipes_are_compared_where_that_is_asked_for() -> None:
    options = TrainOptions("balanced")
    assert [len(options.candidates_for("regression", n)) for n in (4000, 4001)] == [2, 1]
    assert len(replace(options, candidates=2).candidates_for("regression", 10**6)) == 2


def test_all_epochs_ahead_are_told() -> None:
    seen: dict[int, Any] = {}
    options = TrainOptions("balanced", epochs=3, hidden=(4,))
    train(read("diabetes"), "target", options, [lambda run: seen.update({id(run): run})])
    assert sum(run.epoch for run in seen.values()) == 2 * 2 * 3 + 3 * 3
    assert epochs_ahead(read("diabetes"), "target", options) == 21


@pytest.mark.parametrize("quality", ["fast", "balanced"])
@pytest.mark.parametrize("n_rows", [3, 4, 10, 11])
def test_few_rows(n_rows: int, quality: Any) -> None:
    """Folds have two rows at least; of three rows there is one fold, from which nobody learns."""
    rng = np.random.default_rng(0)
    data = pa.table({"x": rng.normal(size=n_rows), "y": rng.normal(size=n_rows)})
    model = train(Table("t", data, typed=True), "y", TrainOptions(quality))
    assert len(model.networks) == max(min(5, n_rows // 2), 1)
    assert np.isfinite(model.predict(Table("t", data, typed=True))).all()


def test_folds_have_their_share_of_each_class() -> None:
    rows, classes = np.arange(100, 200), np.repeat([0, 1, 2], [60, 37, 3])
    parts = folds(rows, 5, 3, classes)
    assert np.sort(np.concatenate(parts)).tolist() == rows.tolist()
    counts = np.array([np.bincount(classes[part - 100], minlength=3) for part in parts])
    assert counts.sum(axis=1).tolist() == [20] * 5
    assert (np.ptp(counts, axis=0) <= 1).all()
    again, other = folds(rows, 5, 3, classes), folds(rows, 5, 4, classes)
    assert all(map(np.array_equal, parts, again))
    assert not all(map(np.array_equal, parts, other))


def test_a_network_that_diverges_ends_the_training() -> None:
    options = TrainOptions(quality="fast", optimizer="sgd", learning_rate=1e6, dtype="float64")
    with pytest.raises(FloatingPointError, match=r"the loss became .* lower the learning rate"):
        train(read("diabetes"), "target", options)


@pytest.mark.parametrize("quality", ["fast", "balanced", "best"])
def test_the_qualities(quality: Any) -> None:
    """Each says what it chooses, an option that is given counts, and its optimizer's own rate."""
    options = TrainOptions(quality=quality)
    recipe = options.recipe("classification")
    assert recipe.members > 1
    assert recipe.pieces > 1
    assert options.chosen("classification", 100).hidden == recipe.hidden
    for n_rows, stretch in ((10**5, 1), (640, 1), (320, 2), (160, 4), (20, 4)):
        assert options.chosen("classification", n_rows).epochs == stretch * recipe.epochs
    assert TrainOptions(quality=quality, epochs=7).chosen("regression", 20).epochs == 7
    own = TrainOptions(quality=quality, optimizer="sgd").recipe("regression").optimizer_row(None)
    assert own.learning_rate == cr.SGD().learning_rate


@pytest.mark.parametrize("loss", ["squared_error", "quantile:levels=0.1 0.5 0.9"])
def test_nothing_beyond_what_was_seen_is_predicted(loss: str) -> None:
    x = np.linspace(0, 1, 80)
    rows = Table("t", pa.table({"x": x, "y": 3 * x}), typed=True)
    beyond = Table("t", pa.table({"x": [-9.0, 0.5, 9.0]}), typed=True)
    made: dict[str, Any] = {"quality": "fast", "pieces": 0, "task": "regression", "loss": loss}
    least, middle, most = train(rows, "y", TrainOptions(**made)).predict(beyond)
    assert (least, most) == (0, 3)
    assert 0 < middle < 3
    free = train(rows, "y", TrainOptions(**made, clamp=False))
    assert free.predict(beyond).max() > 3
    table = train(rows, "y", TrainOptions(**made)).prediction_table(beyond)
    assert all(0 <= v <= 3 for column in table.columns for v in column.to_pylist())


@pytest.mark.parametrize("quality", ["fast", "balanced"])
def test_a_long_tail_is_followed(quality: str) -> None:
    """A number that is a column plus noise, and the column lognormal: R² is the noise's."""
    rng = np.random.default_rng(0)
    X = np.exp(1.5 * rng.normal(size=(3000, 3)))
    y = X[:, 0] + 0.2 * X[:, 0].std() * rng.normal(size=3000)
    model = cr.TableRegressor(quality).fit(X[:2000], y[:2000])
    assert model.score(X[2000:], y[2000:]) > 0.93  # of 1 / 1.04; bent columns made .4 of it


def test_a_time_limit_cuts_epochs_and_nothing_else() -> None:
    """Any time will do for all epochs, and none for more than one; neither says how fast it is."""
    options = TrainOptions("fast", epochs=3)
    whole = train(read("iris"), "target", options)
    ample = train(read("iris"), "target", replace(options, time_limit=1e6))
    assert [n.w.tobytes() for n in ample.networks] == [n.w.tobytes() for n in whole.networks]
    assert ample.report.options["epochs"] == 3
    short = train(read("iris"), "target", replace(options, time_limit=1e-6))
    assert (short.report.epochs, short.report.options["epochs"]) == (1, 1)
    again = train(read("iris"), "target", replace(options, epochs=1))
    assert [n.w.tobytes() for n in again.networks] == [n.w.tobytes() for n in short.networks]
    with pytest.raises(ValueError, match="time_limit must be a number > 0, seconds, got 0"):
        TrainOptions(time_limit=0)


def test_divergence_is_an_error_though_its_warning_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's filters belong to all threads: another may have taken it."""
    monkeypatch.setattr("chainrule.training.many.warn", lambda *_: None)
    options = TrainOptions("fast", optimizer="sgd", learning_rate=1e6, dtype="float64")
    with pytest.raises(FloatingPointError, match="diverged: lower the learning rate"):
        train(read("diabetes"), "target", options)
