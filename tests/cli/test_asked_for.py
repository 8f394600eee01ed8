"""What is asked for is what is done: options, parts, what is printed, what is not replaced."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.files import load, save
from chainrule.tables import TrainOptions, read, train


def test_the_parts_have_the_sizes_asked_for(inside: Callable[..., str]) -> None:
    sizes = ["--quality", "plain", "--test-fraction", "0.4", "--validation-fraction", "0.25"]
    told = json.loads(inside("train", "iris", "--epochs", 1, *sizes, "--json"))
    rows = {"training": 68, "validation": 22, "test": 60, "without_target": 0}
    assert told["report"]["rows"] == rows
    none = ["--quality", "plain", "--test-fraction", "0", "--validation-fraction", "0"]
    told = json.loads(inside("train", "iris", "--epochs", 2, *none, "--json"))
    assert told["report"]["rows"]["training"] == 150
    assert told["report"]["metrics"] == {}


EVERY_OPTION = {
    "task": "regression", "hidden": [3, 2], "activation": "tanh", "optimizer": "sgd",
    "learning_rate": 0.01, "epochs": 2, "batch_size": 9, "l2": 0.5, "dropout": 0.25, "patience": 7,
    "test_fraction": 0.3, "validation_fraction": 0.2, "seed": 4, "dtype": "float64",
    "ignore": ["bmi"], "l1": 0.01, "loss": "huber", "output_activation": "tanh",
    "init": "he_normal", "schedule": "cosine", "clip_norm": 0.5, "reduction": "sum",
    "engine": "reference", "quality": "fast", "pieces": 5, "piece_height": 0.75,
    "categories": 3, "members": 1, "candidates": 2, "clamp": True, "time_limit": 1e6,
}  # fmt: skip


def test_each_option_changes_the_model_as_its_name_in_python_does(
    inside: Callable[..., str],
) -> None:
    """By flags and by a file: not what is echoed, but the very bits of the network."""
    flags, lines = [], []
    for name, value in EVERY_OPTION.items():
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        flags += [f"--{name.replace('_', '-')}", *([] if value is True else [text])]
        lines.append(f"{name} = {json.dumps(value)}")
    # with one output, all options of TrainOptions; of columns, test_columns_are_read_as_asked
    named = {name.replace("output_activation", "output") for name in EVERY_OPTION}
    assert named == set(TrainOptions.names()) - {"threads", "kinds", "record"}
    Path("c.toml").write_text("\n".join(lines))
    inside("train", "diabetes", "-o", "flags.safetensors", *flags)
    inside("train", "diabetes", "-o", "file.safetensors", "--config", "c.toml")
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in EVERY_OPTION.items()}
    options["output"] = options.pop("output_activation")
    expected = train(read("diabetes"), "target", TrainOptions(**options))
    for name in ("flags", "file"):
        model = load(f"{name}.safetensors")
        assert np.array_equal(model.networks[0].w, expected.networks[0].w)
        assert model.report == expected.report


def test_a_flag_wins_over_the_section_and_that_over_the_top(inside: Callable[..., str]) -> None:
    Path("c.toml").write_text("epochs = 4\nseed = 4\npatience = 4\n[train]\nepochs = 3\nseed = 3\n")
    flags = ["--config", "c.toml", "--epochs", 2, "--json"]
    options = json.loads(inside("train", "iris", *flags))["report"]["options"]
    assert (options["epochs"], options["seed"], options["patience"]) == (2, 3, 4)


def test_the_kept_epoch_that_is_printed(inside: Callable[..., str]) -> None:
    """The best one, and not the last: as the report in the file says."""
    few = ("--quality", "plain", "--epochs", 60, "--patience", 3, "--learning-rate", 0.02)
    printed = inside("train", "wine", *few)
    report = load("wine.safetensors").report
    assert report.best_epoch == report.epochs - 3
    assert f"epoch {report.best_epoch}, the best on {report.rows['validation']} other" in printed
    assert f"{report.epochs} epochs of {report.rows['training']} rows" in printed


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_a_network_knows_no_columns(
    tmp_path: Path, refused: Callable[..., str], command: str
) -> None:
    save(cr.Network([4, 3]), tmp_path / "n.safetensors")
    message = refused(command, "n.safetensors", "iris")
    assert (
        "n.safetensors holds a network, which doesn't know how a table is encoded; expec" in message
    )


def test_predictions_replace_no_table_and_no_column(
    tmp_path: Path, refused: Callable[..., str]
) -> None:
    save(train(read("iris"), "target", TrainOptions(epochs=1)), tmp_path / "m.safetensors")
    names = [*read("iris").names, "prediction"]
    (tmp_path / "t.csv").write_text(",".join(names) + "\n1,2,3,4,setosa,x\n")
    (tmp_path / "link.csv").symlink_to("t.csv")
    for output in ("t.csv", "./t.csv", "link.csv"):
        message = refused("predict", "m.safetensors", "t.csv", "-o", output)
        assert "would replace what this command reads" in message
    message = refused("predict", "m.safetensors", "t.csv", "--keep", "prediction")
    assert "--keep prediction: the predictions have a column of that name" in message


def test_info_prints_the_schedules(inside: Callable[..., str]) -> None:
    told = json.loads(inside("info", "schedules", "--json"))["schedules"]
    assert [row["name"] for row in told] == list(cr.SCHEDULES)
    printed = inside("info", "schedules")
    assert all(name in printed for name in cr.SCHEDULES)


def test_help_tells_the_defaults(inside: Callable[..., str]) -> None:
    """As TrainOptions has them; an option without a default tells none."""
    text = " ".join(inside("train", "--help").replace("│", " ").split())
    defaults = ["(balanced)", "(float32)", "(1/40 of the rows, 16 to 256)", "(mean)"]
    for told in (*defaults, "to leave others free; the result is the same"):
        assert told in text, told
    assert "()" not in text


def test_info_tells_the_options_of_a_row(inside: Callable[..., str]) -> None:
    told = json.loads(inside("info", "optimizers", "adam", "--json"))
    assert told["options"] == {
        "learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "clip_norm": None,
        "max_norm": None, "weight_decay": 0.0, "averaging": 0.0,
    }  # fmt: skip
    assert "options" not in json.loads(inside("info", "activations", "relu", "--json"))


def test_inspect_tells_how_a_column_is_scaled(inside: Callable[..., str]) -> None:
    """(v - mean) with the sign of the mean; a constant column is 0."""
    rows = "".join(f"{i % 2},{i % 2 - 1},{2 * (i % 2) - 1},{3},{i}\n" for i in range(100))
    Path("t.csv").write_text(f"up,down,even,same,y\n{rows}")
    inside("train", "t.csv", "-t", "y", "--quality", "plain", "--test-fraction", 0,
           "--validation-fraction", 0, "--epochs", 1)  # fmt: skip
    lines = inside("inspect", "t.safetensors").splitlines()
    assert any("up" in line and "(v - 0.5) / 0.5" in line for line in lines)
    assert any("down" in line and "(v + 0.5) / 0.5" in line for line in lines)
    assert any("even" in line and "(v - 0) / 1" in line for line in lines)


def test_train_says_what_was_done_with_odd_columns(inside: Callable[..., str]) -> None:
    """Each kind of remark, counted in the rows that have a target; none without a reason."""
    lines = [
        f"{i % 7 if i % 5 else ''},{'ab'[i % 2] if i % 10 else ''},code{i},{i if i > 2 else ''}"
        for i in range(100)
    ]
    Path("odd.csv").write_text("\n".join(["number,text,code,y", *lines]))
    few = ["--epochs", 1, "--test-fraction", 0, "--validation-fraction", 0]
    printed = inside("train", "odd.csv", "-t", "y", *few)
    said = dict(line.split(maxsplit=1) for line in printed.splitlines() if " " in line.strip())
    assert said["number"].strip() == "19 missing values: the median, and a flag"
    assert said["text"].strip() == "9 missing values: a category of their own"
    assert said["code"].startswith("left out: ")
    assert said["y"].strip() == "3 rows without it left out"
    assert "what was done with it" not in inside("train", "iris", *few)
