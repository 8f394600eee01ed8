"""Models of real tables: what they are worth, what they report, and that they repeat."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import chainrule as cr
from chainrule.tables import Table, TableError, TableModel, TrainOptions, read, train

DATA = Path(__file__).parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data are not here")


@pytest.fixture(scope="module")
def iris_model() -> TableModel:
    return train(read("iris"), "target", TrainOptions("plain", epochs=60))


def small(**columns: object) -> Table:
    return Table("t", pa.table(columns), typed=True)


def test_digits_are_read_with_the_default_options() -> None:
    report = train(read("digits"), "target").report
    assert report.metrics["accuracy"] >= 0.97
    assert report.judged == "out of fold"
    assert report.rows == {"training": 1797, "validation": 0, "test": 0, "without_target": 0}


@needs_data
def test_california_housing_with_the_default_options() -> None:
    report = train(read(DATA / "california_housing.csv"), "median_house_value").report
    assert report.metrics["r2"] >= 0.78
    assert report.missing == {"total_bedrooms": 207}


@needs_data
def test_titanic_as_it_is() -> None:
    model = train(read(DATA / "titanic.csv"), "Survived")
    assert set(model.report.left_out) == {"PassengerId", "Name", "Ticket", "Cabin"}
    assert model.report.missing == {"Age": 177, "Embarked": 2}
    assert model.report.metrics["accuracy"] > 0.75
    assert model.report.metrics["auc"] > 0.8


@needs_data
def test_wine_quality_as_it_is() -> None:
    model = train(read(DATA / "wine_red.csv"), "quality")
    assert model.target.classes == ("3", "4", "5", "6", "7", "8")
    assert model.report.metrics["accuracy"] > 0.5


def test_a_figure_that_the_held_out_rows_do_not_have_is_reported_with_the_reason() -> None:
    table = small(x=[float(i) for i in range(20)], y=[2.5] * 19 + [3.5])
    report = train(table, "y", TrainOptions("plain", task="regression", epochs=1, seed=1)).report
    assert report.metrics["r2"] is None
    assert report.reasons == {"r2": "all targets are the same"}


def test_a_task_can_be_forced() -> None:
    model = train(read("digits"), "target", TrainOptions("plain", task="regression", epochs=5))
    assert model.target.task == "regression"
    assert set(model.report.metrics) == {"rmse", "mae", "r2"}


def test_classes_can_not_be_forced_into_numbers() -> None:
    with pytest.raises(TableError, match="column 'target': expected a number, got 'setosa'"):
        train(read("iris"), "target", TrainOptions("plain", task="regression"))


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    iris = read("iris")
    one, two, three = (
        train(iris, "target", TrainOptions("plain", epochs=3, seed=seed)) for seed in (1, 1, 2)
    )
    assert one.report == two.report
    assert one.outputs(iris).tobytes() == two.outputs(iris).tobytes()
    assert one.outputs(iris).tobytes() != three.outputs(iris).tobytes()


def test_reported_metrics_are_those_of_the_held_out_rows() -> None:
    iris = read("iris")
    model = train(iris, "target", TrainOptions("plain", epochs=30, seed=4))
    from chainrule.tables.splitting import split

    classes = model.target.encode(iris)
    held_out = iris.take(split(iris.n_rows, 0.2, 0.15, 4, classes).test)
    assert model.evaluate(held_out).values == model.report.metrics


def test_the_encoding_is_learned_from_the_training_rows_only() -> None:
    iris = read("iris")
    model = train(iris, "target", TrainOptions("plain", epochs=1))
    from chainrule.tables.splitting import split

    training = split(iris.n_rows, 0.2, 0.15, 0, model.target.encode(iris)).training
    for column in model.features.columns:
        values = iris.column(column.name).to_numpy()[training]
        assert column.center == pytest.approx(values.mean(), rel=1e-14)
        assert column.scale == pytest.approx(values.std(), rel=1e-14)


def test_probabilities_sum_to_one_and_agree_with_the_answers(iris_model: TableModel) -> None:
    iris = read("iris")
    probabilities = iris_model.predict_proba(iris)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    expected = np.array(iris_model.target.classes)[probabilities.argmax(axis=1)]
    assert iris_model.predict(iris).tolist() == expected.tolist()


def test_two_classes_have_two_probabilities() -> None:
    model = train(read("breast_cancer"), "target", TrainOptions("plain", epochs=3))
    table = model.prediction_table(read("breast_cancer"))
    assert table.column_names == ["prediction", "probability_benign", "probability_malignant"]
    assert model.spec.n_outputs == 1


def test_a_prediction_needs_neither_the_target_nor_an_order(iris_model: TableModel) -> None:
    iris = read("iris")
    shuffled = Table("s", iris.data.select(iris_model.features.names[::-1]), typed=True)
    assert iris_model.outputs(shuffled).tobytes() == iris_model.outputs(iris).tobytes()
    with pytest.raises(TableError, match="no column 'target'"):
        iris_model.evaluate(shuffled)


def test_each_row_alone_has_the_same_bits(iris_model: TableModel) -> None:
    iris = read("iris")
    together = iris_model.outputs(iris)
    for i in (0, 77, 149):
        alone = iris_model.outputs(iris.take(np.array([i])))
        assert alone.tobytes() == together[i : i + 1].tobytes()


def test_rare_categories_teach_what_unseen_ones_mean() -> None:
    rng = np.random.default_rng(0)
    common = [f"c{i:02d}" for i in range(32)]
    group = rng.choice([*common, "rare"], 4000, p=[0.5 / 32] * 32 + [0.5])
    names = [g if g != "rare" else f"rare {i % 1000}" for i, g in enumerate(group)]
    y = np.where(group == "rare", 5.0, 1.0) + rng.normal(0, 0.1, 4000)
    model = train(small(name=names, y=y), "y")
    assert model.predict(small(name=["never seen", "c07"])) == pytest.approx([5, 1], abs=0.3)


def test_regression_has_no_probabilities() -> None:
    model = train(read("diabetes"), "target", TrainOptions("plain", epochs=1))
    with pytest.raises(TypeError, match="predict_proba needs classes"):
        model.predict_proba(read("diabetes"))


def test_early_stopping_keeps_the_best_epoch() -> None:
    seen: list[float] = []
    options = TrainOptions("plain", patience=5, epochs=200)
    model = train(
        read("wine"), "target", options, [lambda run: seen.append(run.validation_losses[-1])]
    )
    report = model.report
    assert report.epochs == len(seen) == report.best_epoch + 5
    assert min(seen) == seen[report.best_epoch - 1]


def test_no_rows_need_be_held_out() -> None:
    options = TrainOptions("plain", epochs=2, test_fraction=0, validation_fraction=0)
    report = train(read("iris"), "target", options).report
    assert report.metrics == {}
    assert report.rows["training"] == 150
    assert report.best_epoch == 2


def test_four_rows_and_a_class_of_one() -> None:
    model = train(small(x=[1.0, 2.0, 3.0, 4.0], y=["a", "a", "b", "c"]), "y")
    assert model.target.classes == ("a", "b", "c")
    assert model.report.rows["training"] >= 2


@pytest.mark.parametrize("optimizer", sorted(cr.OPTIMIZERS))
def test_every_optimizer_trains(optimizer: str) -> None:
    model = train(read("iris"), "target", TrainOptions("plain", optimizer=optimizer, epochs=3))
    assert np.isfinite(model.outputs(read("iris"))).all()


def test_divergence_is_an_error() -> None:
    options = TrainOptions("plain", optimizer="sgd", learning_rate=1e6, dtype="float64")
    with pytest.raises(FloatingPointError, match="lower the learning rate"):
        train(read("diabetes"), "target", options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "rank"}, "task"),
        ({"hidden": (0,)}, "hidden must be a whole number >= 1, got 0"),
        ({"activation": "rleu"}, "activation 'rleu': did you mean 'relu'"),
        ({"optimizer": "adan"}, "optimizer 'adan': did you mean 'adam'"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"epochs": 0}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": "all"}, "batch_size"),
        ({"l2": -1}, "l2"),
        ({"l2": float("nan")}, "l2"),
        ({"dropout": 1}, "dropout"),
        ({"patience": True}, "patience"),
        ({"test_fraction": 1.0}, "test_fraction"),
        ({"seed": -1}, "seed"),
        ({"dtype": "float16"}, "dtype"),
        ({"threads": 0}, "threads"),
    ],
)
def test_an_option_out_of_range_is_named(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainOptions("plain", **options)


def test_an_infinite_number_is_refused_in_any_row() -> None:
    """In one whose target is missing, too: by train, by evaluate and by predict."""
    y = [1.0, 2.0, None, 4.0, 5.0, 6.0, 7.0, 8.0]
    good, bad = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [1.0, 2.0, np.inf, *range(4, 9)]
    options = TrainOptions("plain", task="regression", epochs=1)
    with pytest.raises(TableError, match="row 3, column 'x'") as refused:
        train(small(x=bad, y=y), "y", options)
    model = train(small(x=good, y=y), "y", options)
    for ask in (model.predict, model.evaluate):
        with pytest.raises(TableError) as error:
            ask(small(x=bad, y=y))
        assert str(error.value) == str(refused.value)
