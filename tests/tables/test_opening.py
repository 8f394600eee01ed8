"""Opening a step of a table model's run, on its table again."""

import subprocess
import sys

import numpy as np
import pytest

import chainrule as cr
from chainrule.tables import TableError, TrainOptions, opened_run, read, train

OPTIONS = TrainOptions("plain", epochs=12, record=True, seed=3, dropout=0.1)


@pytest.fixture(scope="module")
def titanic(tmp_path_factory):
    """A table with text, missing values, and rows without the target."""
    rng, rows = np.random.default_rng(0), ["age,sex,fare,survived"]
    for i in range(200):
        age = "" if i % 7 == 0 else f"{rng.integers(1, 80)}"
        alive = "" if i % 19 == 0 else ("yes" if rng.random() < 0.4 else "no")
        rows.append(
            f"{age},{'male' if rng.random() < 0.6 else 'female'},{rng.random() * 99:.2f},{alive}"
        )
    path = tmp_path_factory.mktemp("table") / "titanic.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def model(titanic):
    return train(read(str(titanic)), "survived", OPTIONS)


def test_a_step_of_a_saved_model_is_that_of_the_fit(titanic, model, tmp_path):
    cr.save(model, tmp_path / "m.safetensors")
    opened = opened_run(cr.load(tmp_path / "m.safetensors"), str(titanic))
    for step in (1, 20, model.runs[0].step):
        ours, theirs = opened.run.at(step), model.runs[0].at(step)
        assert ours.loss == theirs.loss == model.runs[0].losses[step - 1]
        assert ours.gradient.theta.tobytes() == theirs.gradient.theta.tobytes()


def test_rows_are_those_of_the_table(titanic, model):
    """The fare of a row, standardised, is what its sample of the batch has."""
    opened, table = opened_run(model, str(titanic)), read(str(titanic))
    fares = np.array(table.data["fare"].to_pylist(), dtype=float)
    trace = opened.run.at(9)
    column = next(i for i, name in enumerate(model.features.inputs) if "fare" in str(name))
    scaled = trace.activations[0][:, column].astype(float)
    given = fares[opened.rows[trace.rows]]
    slope, intercept = np.polyfit(given, scaled, 1)
    np.testing.assert_allclose(scaled, slope * given + intercept, atol=1e-5)
    for row in opened.rows[:5]:
        assert opened.rows[opened.training_row(int(row))] == row


def test_a_row_that_was_held_out(titanic, model):
    opened = opened_run(model, str(titanic))
    held_out = next(row for row in range(200) if row not in opened.rows)
    with pytest.raises(ValueError, match=rf"^row {held_out + 1} was not learned from"):
        opened.training_row(held_out)


def test_a_model_without_a_record(titanic):
    model = train(read(str(titanic)), "survived", TrainOptions("plain", epochs=2))
    assert model.runs == ()
    with pytest.raises(ValueError, match=r"no record of its run: train it again with --record"):
        opened_run(model, str(titanic))


@pytest.mark.parametrize("change", [
    lambda text: text.replace("male", "man", 3),
    lambda text: text + "40,male,7.5,yes\n",
    lambda text: "\n".join([text.split("\n")[0], *text.split("\n")[1:][::-1][1:]]) + "\n",
])  # fmt: skip
def test_another_table(titanic, model, tmp_path, change):
    other = tmp_path / "other.csv"
    other.write_text(change(titanic.read_text()))
    with pytest.raises(TableError, match="not the table that the model was trained on"):
        opened_run(model, str(other))


def test_the_command_line_records(titanic, tmp_path):
    command = [sys.executable, "-m", "chainrule", "train", titanic, "--target", "survived"]
    options = ["--epochs", "5", "--record", "-o", tmp_path / "m.safetensors"]
    subprocess.run([*command, *options], check=True, capture_output=True)
    model = cr.load(tmp_path / "m.safetensors")
    assert opened_run(model, str(titanic)).run.at(3).step == 3
