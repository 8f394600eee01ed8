"""The commands on real tables: what they print, write and repeat."""

import csv
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import chainrule as cr
from chainrule.files import save
from chainrule.tables import TableModel, TrainOptions, read, train

DATA = Path(__file__).parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data are not here")
Command = Callable[..., subprocess.CompletedProcess[str]]


def iris_model(path: Path) -> TableModel:
    model = train(read("iris"), "target", TrainOptions(epochs=5))
    save(model, path)
    return model


def test_train_ends_with_the_model_and_what_to_try_next(tmp_path: Path, chainrule: Command) -> None:
    done = chainrule("train", "digits")
    assert (done.returncode, done.stderr) == (0, "")
    accuracy = re.search(r"accuracy +([\d.]+)", done.stdout)
    assert accuracy is not None
    assert float(accuracy[1]) >= 0.97
    assert done.stdout.splitlines()[-2:] == [
        "model     digits.safetensors",
        "try next  chainrule predict digits.safetensors digits",
    ]
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert [path.name for path in tmp_path.iterdir()] == ["digits.safetensors"]


@needs_data
def test_titanic_trains_and_predicts_whatever_the_order_of_columns(
    tmp_path: Path, inside: Callable[..., str]
) -> None:
    table = DATA / "titanic.csv"
    told = json.loads(inside("train", table, "--target", "Survived", "--json"))
    assert told["model"] == "titanic.safetensors"
    assert told["report"]["missing"] == {"Age": 177, "Embarked": 2}
    assert told["report"]["metrics"]["auc"] > 0.8
    shuffled = tmp_path / "shuffled.csv"
    with table.open(newline="") as file:
        rows = list(csv.reader(file))
    with shuffled.open("w", newline="") as file:
        csv.writer(file).writerows([row[::-1] for row in rows])
    outputs = [
        inside("predict", "titanic.safetensors", path, "--keep", "PassengerId")
        for path in (table, shuffled)
    ]
    assert outputs[0] == outputs[1]
    header, first = outputs[0].splitlines()[:2]
    assert header == "PassengerId,prediction,probability_0,probability_1"
    assert re.fullmatch(r"1,[01],0\.\d+,0\.\d+", first)


@pytest.mark.parametrize(("table", "dtype"), [("wine", "float32"), ("diabetes", "float64")])
def test_predictions_of_the_saved_file_are_those_before_saving(
    inside: Callable[..., str], chainrule: Command, table: str, dtype: str
) -> None:
    model = train(read(table), "target", TrainOptions(epochs=20, dtype=dtype))
    expected = model.prediction_table(read(table))
    save(model, "m.safetensors")
    assert chainrule("predict", "m.safetensors", table, "-o", "p.parquet").returncode == 0
    assert pq.read_table("p.parquet").equals(expected)
    rows = list(csv.reader(io.StringIO(inside("predict", "m.safetensors", table))))
    assert rows[0] == expected.column_names
    for printed, column in zip(zip(*rows[1:], strict=True), expected.columns, strict=True):
        values = column.to_numpy(zero_copy_only=False)
        assert np.array(printed).astype(values.dtype).tolist() == values.tolist()


def test_a_parquet_table_and_a_csv_table_predict_the_same(inside: Callable[..., str]) -> None:
    n = 60
    columns = {
        "when": pa.array(range(n), pa.date32()),
        "flag": pa.array([i % 3 == 0 for i in range(n)]),
        "kind": pa.array([["a", "b", None][i % 3] for i in range(n)]),
        "size": pa.array([None if i % 7 == 0 else float(i) for i in range(n)]),
        "good": pa.array([i % 2 == 0 for i in range(n)]),
    }
    table = pa.table(columns)
    pq.write_table(table, "t.parquet")
    texts = [column.cast(pa.string()).to_pylist() for column in table.columns]
    lines = [",".join(cell or "" for cell in row) for row in zip(*texts, strict=True)]
    Path("t.csv").write_text("\n".join([",".join(columns), *lines]) + "\n")
    for name in ("t.csv", "t.parquet"):
        inside("train", name, "-t", "good", "--epochs", 3, "-o", f"{name}.safetensors")
    answers = {
        inside("predict", f"{model}.safetensors", name)
        for model in ("t.csv", "t.parquet")
        for name in ("t.csv", "t.parquet")
    }
    assert len(answers) == 1
    assert next(iter(answers)).splitlines()[1].startswith(("true,", "false,"))
    kept = ["--keep", "when", "--keep", "size", "--keep", "flag"]
    inside("predict", "t.csv.safetensors", "t.csv", *kept, "-o", "out.parquet")
    written = pq.read_table("out.parquet").drop_columns(["prediction"]).columns
    assert written[1].to_pylist() == columns["size"].to_pylist()
    assert written[2].to_pylist() == columns["flag"].to_pylist()
    assert written[0].cast(pa.date32()).to_pylist() == columns["when"].to_pylist()


def test_evaluate_leaves_out_rows_without_a_target(inside: Callable[..., str]) -> None:
    Path("t.csv").write_text("x,y\n" + "".join(f"{i},{i % 2}\n" for i in range(20)))
    inside("train", "t.csv", "-t", "y", "--epochs", 2)
    Path("u.csv").write_text("y,x\n1,3\n,4\n0,5\n")
    told = json.loads(inside("evaluate", "t.safetensors", "u.csv", "--json"))
    assert told["rows"] == {"evaluated": 2, "without_target": 1, "seen": 1}
    assert set(told["metrics"]) == {"accuracy", "log_loss", "auc"}
    assert "1 row without 'y' left out" in inside("evaluate", "t.safetensors", "u.csv")
    Path("v.csv").write_text("y,x\n1,3\n")
    assert "undefined: no rows of class 0" in inside("evaluate", "t.safetensors", "v.csv")


def test_evaluate_on_the_table_of_an_unknown_class(
    tmp_path: Path, refused: Callable[..., str]
) -> None:
    iris_model(tmp_path / "m.safetensors")
    (tmp_path / "t.csv").write_text(",".join(read("iris").names) + "\n1,2,3,4,tulip\n")
    message = refused("evaluate", "m.safetensors", "t.csv")
    assert "line 2, column 'target': expected one of the classes setosa" in message


def test_inspect_tells_what_is_in_each_kind_of_file(inside: Callable[..., str]) -> None:
    iris_model(Path("table.safetensors"))
    net = cr.Network([2, 3, 1], seed=0)
    cr_run = net.fit([[0.0, 1.0], [1.0, 0.0]], [0, 1], epochs=3, batch_size=1)
    save(net, "network.safetensors")
    save(cr_run, "run.safetensors")
    table, network, steps = (
        inside("inspect", f"{name}.safetensors") for name in ("table", "network", "run")
    )
    assert "target, 3 classes: setosa, versicolor, virginica" in table
    assert "petal width (cm)" in table
    assert "accuracy" in table
    assert "2 → 3" in network
    assert "3 of 3 epochs, 6 steps with batches of 1; stopped by epochs" in steps
    first, last = cr_run.losses[[0, -1]]
    assert f"{first:.6g} at step 1, {last:.6g} at step 6" in steps
    save(net.fit([[0.0, 1.0]], [0], epochs=0), "none.safetensors")
    assert "losses" not in inside("inspect", "none.safetensors")
    told = json.loads(inside("inspect", "table.safetensors", "--json"))
    assert told["kind"] == "table_model"
    assert told["model"]["target"]["classes"] == ["setosa", "versicolor", "virginica"]


def test_predict_as_json(inside: Callable[..., str]) -> None:
    model = iris_model(Path("m.safetensors"))
    told = json.loads(inside("predict", "m.safetensors", "iris", "--json"))
    assert told["rows"] == 150
    assert told["columns"]["prediction"] == model.predict(read("iris")).tolist()
    told = json.loads(inside("predict", "m.safetensors", "iris", "--json", "-o", "p.csv"))
    assert told == {"rows": 150, "output": "p.csv"}
    written = Path("p.csv").read_bytes()
    assert written.count(b"\n") == 151
    assert b"\r" not in written


def test_options_of_a_file_and_flags_that_win(inside: Callable[..., str]) -> None:
    Path("c.toml").write_text(
        '[train]\nquality = "plain"\ntarget = "target"\noutput = "c.safetensors"\n'
        "epochs = 7\nhidden = [9, 8]\n"
        'batch-size = 16\nignore = ["sepal width (cm)"]\n'
    )
    told = json.loads(inside("train", "iris", "--config", "c.toml", "--epochs", 3, "--json"))
    assert told["model"] == "c.safetensors"
    assert told["network"]["layer_sizes"] == [3, 9, 8, 3]
    options = told["report"]["options"]
    assert (options["epochs"], options["batch_size"]) == (3, 16)
    Path("d.toml").write_text('quality = "plain"\nepochs = 2\nhidden = "none"\nl2 = "auto"\n')
    told = json.loads(inside("train", "iris", "--config", "d.toml", "--l2", "0.5", "--json"))
    assert told["network"]["layer_sizes"] == [4, 3]
    assert told["network"]["l2"] == 0.5
    assert told["report"]["epochs"] == 2


def test_a_name_for_the_shell_is_quoted(inside: Callable[..., str]) -> None:
    Path("my table.csv").write_text("x,y\n" + "".join(f"{i},{i % 2}\n" for i in range(20)))
    last = inside("train", "my table.csv", "-t", "y", "--epochs", 1).splitlines()[-1]
    assert last == "try next  chainrule predict 'my table.safetensors' 'my table.csv'"


def test_a_terminal_that_knows_ascii_only(chainrule: Command) -> None:
    done = chainrule("info", "optimizers", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "\\u03b8" in done.stdout


def test_names_are_printed_as_they_are(inside: Callable[..., str]) -> None:
    rows = "".join(f"{i},{i * 7 % 5},{i % 2}\n" for i in range(20))
    Path("t.csv").write_text(f"[red]x[/red],:smile:,y\n{rows}")
    inside("train", "t.csv", "-t", "y", "--epochs", 1)
    told = inside("inspect", "t.safetensors")
    assert "[red]x[/red]" in told
    assert ":smile:" in told


@pytest.mark.parametrize("topic", ["activations", "losses", "optimizers", "initializers"])
def test_info_prints_every_row_of_a_topic(inside: Callable[..., str], topic: str) -> None:
    rows = getattr(cr, topic.upper())
    printed = inside("info", topic)
    assert all(name in printed for name in rows)
    told = json.loads(inside("info", topic, "--json"))[topic]
    assert [row["name"] for row in told] == list(rows)
    assert all(row["source"] for row in told)
    name = next(iter(rows))
    assert json.loads(inside("info", topic, name, "--json")) == told[0]
    assert rows[name].source in inside("info", topic, name)


def test_info_tells_the_installation(inside: Callable[..., str]) -> None:
    told = json.loads(inside("info", "--json"))
    assert told["chainrule"] == cr.__version__
    assert told["processor_level"] in told["supported_levels"]
    assert cr.__version__ in inside("--version")


@pytest.mark.parametrize("arguments", [(), ("--help",), ("train", "--help"), ("info", "-h")])
def test_help_fits_a_terminal(inside: Callable[..., str], arguments: tuple[str, ...]) -> None:
    printed = inside(*arguments)
    assert "Usage: chainrule" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    """As with ``| head``: no complaint, and the exit code of a process that a broken pipe ends."""
    iris_model(tmp_path / "m.safetensors")
    reader, writer = os.pipe()
    os.close(reader)  # it has gone away before anything was written
    command = [sys.executable, "-m", "chainrule", "predict", "m.safetensors", "iris"]
    done = subprocess.run(
        command, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def in_terminal(
    folder: Path, *arguments: str, interrupt: bytes = b"", stdout: int | None = None
) -> tuple[int, str]:
    """Run a command on a terminal, its stdout elsewhere if told; interrupt it at a pattern."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "chainrule", *arguments],
        cwd=folder, stdout=child if stdout is None else stdout, stderr=child,
        env=os.environ | {"COLUMNS": "80", "TERM": "xterm"},
    )  # fmt: skip
    os.close(child)
    printed, end = b"", time.monotonic() + 600
    while select.select([parent], [], [], max(0.0, end - time.monotonic()))[0]:
        try:
            part = os.read(parent, 65536)
        except OSError:  # the process has closed its side
            break
        if not part:
            break
        printed += part
        if interrupt and re.search(interrupt, printed):
            process.send_signal(signal.SIGINT)
            interrupt = b""
    os.close(parent)
    try:
        return process.wait(timeout=60), printed.decode()
    finally:
        process.kill()  # if it waits for what will not come


def test_a_terminal_sees_progress(tmp_path: Path) -> None:
    code, printed = in_terminal(tmp_path, "train", "digits", "--epochs", "30")
    assert code == 0
    assert re.search(r"epoch +\d+/210", printed)  # of five networks, and two by the other recipe
    assert "validation" in printed
    code, printed = in_terminal(tmp_path, "info", "losses")
    assert code == 0
    assert re.search(r"\x1b\[1mname", printed)  # headings are bold


def test_an_interruption_is_one_line_and_writes_nothing(tmp_path: Path) -> None:
    options = ["--epochs", "100000", "--patience", "100000", "--hidden", "256,256"]
    code, printed = in_terminal(
        tmp_path, "train", "digits", *options, interrupt=rb"epoch +[1-9]\d*/700000"
    )
    assert code == 130
    assert printed.splitlines()[-1].endswith("chainrule: interrupted; nothing was written")
    assert "Traceback" not in printed
    assert list(tmp_path.iterdir()) == []


def test_train_repeats_its_file_byte_for_byte(inside: Callable[..., str]) -> None:
    for name in ("one", "two"):
        inside("train", "wine", "--epochs", 5, "-o", name, "--seed", 3)
    assert Path("one").read_bytes() == Path("two").read_bytes()


def test_threads_are_of_no_consequence(
    inside: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many are used, and the file has the same bytes."""
    used: list[int] = []

    def noting(*arguments: Any, **options: Any) -> TableModel:
        options["callbacks"] = [lambda run: used.append(run.threads)]
        return train(*arguments[:3], **options)

    monkeypatch.setattr("chainrule.cli.train.trained", noting)
    for threads in (1, 3):
        few = ("--quality", "plain", "--epochs", 2)
        inside("train", "digits", *few, "-o", threads, "--threads", threads)
        assert used.pop() == threads
    assert Path("1").read_bytes() == Path("3").read_bytes()


def test_progress_is_for_the_terminal_and_never_in_a_file(tmp_path: Path) -> None:
    with (tmp_path / "out.txt").open("wb") as file:
        train = ("train", "iris", "--target", "target", "--epochs", "7")
        code, shown = in_terminal(tmp_path, *train, stdout=file.fileno())
    assert code == 0
    assert "epoch    0/49" in shown  # of five networks, and two by the other recipe
    printed = (tmp_path / "out.txt").read_text()
    assert "/49" not in printed
    assert "accuracy" in printed
