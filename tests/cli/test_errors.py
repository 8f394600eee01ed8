"""Bad input: one line that names the culprit, exit code 2, no traceback, nothing half-written."""

import pickle
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chainrule.cli.entry import run
from chainrule.files import save
from chainrule.tables import TrainOptions, read, train

GOOD = "size,color,price\n" + "".join(
    f"{i},{'red' if i % 2 else 'blue'},{i}.5\n" for i in range(30)
)


def lines(text: str, number: int, replacement: str) -> str:
    """A CSV text with one line, counted from 1, replaced."""
    split = text.splitlines(keepends=True)
    split[number - 1] = replacement + "\n"
    return "".join(split)


TRAIN = ("train", "t.csv", "--target", "price")
TABLES = {
    "no such file": (None, "no table 't.csv'"),
    "not a table": (b"\x89PNG\r\n\x1a\n\0\0\0", "t.csv is not a table"),
    "empty": (b"", "t.csv is empty"),
    "header only": (b"size,price\n", "t.csv has column names and no rows"),
    "missing target": ("a,b\n1,2\n3,4\n", "no column 'price'; its columns are a, b"),
    "misspelled target": (GOOD.replace("price", "prise"), "did you mean 'prise'?"),
    "constant target": (
        "size,price\n1,5\n2,5\n",
        "column 'price': all values are 5; a constant target",
    ),
    "all-missing target": ("size,price\n1,\n2,\n", "column 'price': all values are missing"),
    "all-missing column": (
        "size,note,price\n1,,1\n2,,2\n",
        "column 'note': all values are missing",
    ),
    "infinite number": (lines(GOOD, 7, "inf,red,5.5"), "line 7, column 'size'.*got inf"),
    "infinite target": (lines(GOOD, 9, "3,red,1e999"), "line 9, column 'price'.*got inf"),
    "duplicate headers": (lines(GOOD, 1, "size,size,price"), "'size' more than once"),
    "ragged row": (lines(GOOD, 12, "3,red"), "line 12: expected 3 cells as in the header, got 2"),
    "long row": (lines(GOOD, 12, "3,red,1,1"), "line 12: expected 3 cells.*got 4"),
    "open quote": (lines(GOOD, 12, '3,"red,1'), "quote after line 11 is never closed"),
    "not UTF-8": (lines(GOOD, 5, "1,gr\xfcn,1").encode("latin-1"), "line 5: expected UTF-8"),
    "nothing to learn from": ("price\n1\n2\n", "no column is left to learn 'price' from"),
}


@pytest.mark.parametrize("case", TABLES)
def test_tables_that_can_not_be_learned_from(
    tmp_path: Path, refused: Callable[..., str], case: str
) -> None:
    content, message = TABLES[case]
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    assert re.search(message, refused(*TRAIN))


def test_a_parquet_file_with_a_broken_footer(tmp_path: Path, refused: Callable[..., str]) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": range(99), "price": range(99)}), path)
    path.write_bytes(path.read_bytes()[:-30])
    message = refused("train", "t.parquet", "--target", "price")
    assert "t.parquet is not a whole Parquet file (its footer is broken or missing)" in message


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("model")
    (folder / "t.csv").write_text(GOOD)
    save(train(read(folder / "t.csv"), "price", TrainOptions(epochs=1)), folder / "m.safetensors")
    return (folder / "m.safetensors").read_bytes()


MODELS = {
    "truncated": (lambda content: content[:-100], "m.safetensors is truncated or edited"),
    "edited weights": (
        lambda content: content[:-9] + b"\x01" + content[-8:],
        "m.safetensors was edited or damaged: its checksum",
    ),
    "edited header": (
        lambda content: content.replace(b"squared_error", b"squared_errot"),
        "unknown loss 'squared_errot'",
    ),
    "a pickle": (lambda _: pickle.dumps({"w": np.zeros(500)}), "m.safetensors is a pickle"),
    "a newer one": (
        lambda content: content.replace(b'\\"format\\": 7', b'\\"format\\": 8'),
        "written by a newer chainrule",
    ),
    "missing": (None, "no model file 'm.safetensors'"),
}


@pytest.mark.parametrize(
    ("command", "case"),
    [("predict", "truncated"), ("evaluate", "missing"), *(("inspect", case) for case in MODELS)],
)
def test_model_files_that_are_not_sound(
    tmp_path: Path, refused: Callable[..., str], model_file: bytes, command: str, case: str
) -> None:
    change, message = MODELS[case]
    if change is not None:
        (tmp_path / "m.safetensors").write_bytes(change(model_file))
    (tmp_path / "t.csv").write_text(GOOD)
    table = [] if command == "inspect" else ["t.csv"]
    assert message in refused(command, "m.safetensors", *table)


USES = {
    "a table that lacks columns": ("predict", "size\n1\n", "t.csv lacks the column 'color'"),
    "a number that is none": (
        "predict",
        lines(GOOD, 4, "ten,red,1"),
        "line 4, column 'size': expected a number, got 'ten'",
    ),
    "an infinite number": ("predict", lines(GOOD, 4, "inf,red,1"), "line 4, column 'size'"),
    "no target": ("evaluate", "size,color\n1,red\n", "no column 'price'"),
    "only missing targets": ("evaluate", "size,color,price\n1,red,\n", "'price': all values are"),
}


@pytest.mark.parametrize("case", USES)
def test_tables_that_do_not_fit_the_model(
    tmp_path: Path, refused: Callable[..., str], model_file: bytes, case: str
) -> None:
    command, table, message = USES[case]
    (tmp_path / "m.safetensors").write_bytes(model_file)
    (tmp_path / "t.csv").write_text(table)
    output = ["-o", "out.csv"] if command == "predict" else []
    assert message in refused(command, "m.safetensors", "t.csv", *output)


OPTIONS = {
    "no command": ("trian iris", "No such command 'trian'.*train"),
    "no table": ("train", "TABLE"),
    "no target": ("train t.csv", "--target is missing.*size, color, price"),
    "unknown option": ("train iris --epoch 5", "No such option: --epoch.*--epochs"),
    "not a number": ("train iris --epochs many", "--epochs.*integer"),
    "no value": ("train iris --epochs", "--epochs"),
    "epochs": ("train iris --epochs 0", "epochs must be a whole number >= 1, got 0"),
    "hidden": ("train iris --hidden 64,x", "hidden.*got 'x'"),
    "hidden 0": ("train iris --hidden 0", "hidden.*got 0"),
    "activation": ("train iris --activation rellu", "'rellu': did you mean 'relu'"),
    "optimizer": ("train iris --optimizer adm", "'adm': did you mean 'adam'"),
    "learning rate": ("train iris --learning-rate -1", "learning_rate"),
    "learning rate nan": ("train iris --learning-rate nan", "learning_rate"),
    "batch size": ("train iris --batch-size all", "batch_size.*'all'"),
    "l2": ("train iris --l2 -1", "l2.*got -1"),
    "dropout": ("train iris --dropout 1", "dropout.*got 1"),
    "patience": ("train iris --patience 0", "patience"),
    "test fraction": ("train iris --test-fraction 1", "test_fraction.*got 1"),
    "seed": ("train iris --seed -1", "seed.*got -1"),
    "big seed": ("train iris --seed 18446744073709551616", "seed"),
    "dtype": ("train iris --dtype float16", "dtype"),
    "threads": ("train iris --threads 0", "threads"),
    "task": ("train iris --task rank", "task 'rank'"),
    "text as numbers": (
        "train iris --task regression",
        "row 1, column 'target': expected a number",
    ),
    "ignore": ("train iris --ignore petal", "ignore: iris has no column 'petal'"),
    "config missing": ("train iris --config c.toml", "c.toml: no such file"),
    "output folder": ("train iris -o no/m.safetensors", "there is no folder 'no'"),
    "output is a folder": ("train iris -o .", "is not a regular file"),
    "output is the table": (
        "train t.csv -t price -o t.csv",
        "would replace what this command reads",
    ),
    "model as table": ("train m.safetensors -t x", "is a model file where a table was expected"),
    "table as model": ("predict t.csv t.csv", "t.csv is a table where a model file was expected"),
    "predict suffix": (
        "predict m.safetensors iris -o p.xlsx",
        "expected a name ending in .csv or .parquet",
    ),
    "topic": ("info activation", "'activation': did you mean 'activations'"),
    "row": ("info losses huberr", "'huberr': did you mean 'huber'"),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_options_and_arguments_that_are_wrong(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    case: str,
) -> None:
    arguments, message = OPTIONS[case]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(GOOD)
    (tmp_path / "m.safetensors").write_bytes(b"{}")
    assert run(arguments.split()) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert re.fullmatch("chainrule: error: .*\n", err)
    assert re.search(message, err), err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.safetensors", "t.csv"]


CONFIGS = {
    "syntax": ("epochs 5", r"c.toml: .*line 1"),
    "unknown": ("epoch = 5", r"c.toml: unknown option 'epoch'; did you mean 'epochs'\?"),
    "section": ("[trian]\nepochs = 5", r"c.toml: unknown option 'trian'"),
    "not a section": ("train = 5", "c.toml: train must be a table of options"),
    "type": ("epochs = 5.0", "c.toml: epochs must be a whole number >= 1, got 5.0"),
    "text": ("target = 5", "c.toml: target must be text, got 5"),
    "rate": ('learning_rate = "fast"', "c.toml: learning_rate must be .*got 'fast'"),
    "hidden": ("hidden = 64", "c.toml: hidden must be .*got 64"),
    "ignore": ('ignore = "a"', "c.toml: ignore must be .*got 'a'"),
    "name": ("activation = 7", "c.toml: unknown activation 7"),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_a_config_file_that_is_wrong(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    case: str,
) -> None:
    content, message = CONFIGS[case]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.toml").write_text(content)
    assert run(["train", "iris", "--config", "c.toml"]) == 2
    err = capfd.readouterr().err
    assert re.fullmatch("chainrule: error: .*\n", err)
    assert re.search(message, err), err


def test_divergence_is_told_and_nothing_is_saved(
    tmp_path: Path, chainrule: Callable[..., object]
) -> None:
    done = chainrule(
        "train", "diabetes", "--optimizer", "sgd", "--learning-rate", "1e6", "-o", "m.safetensors"
    )
    assert done.returncode == 1
    assert re.fullmatch(
        r"chainrule: error: the loss became .* at step .*lower the learning rate.*"
        r"; nothing was saved\n",
        done.stderr,
    )
    assert list(tmp_path.iterdir()) == []


def test_a_bug_is_one_line_too_and_its_traceback_on_demand(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("two\nlines \x1b[31m")

    monkeypatch.setattr("chainrule.cli.train.read", broken)
    assert run(["train", "iris"]) == 1
    err = capfd.readouterr().err
    assert err == (
        "chainrule: error: RuntimeError: two lines \\x1b[31m; CHAINRULE_DEBUG=1 shows where\n"
    )
    monkeypatch.setenv("CHAINRULE_DEBUG", "1")
    assert run(["train", "iris"]) == 1
    assert "Traceback (most recent call last)" in capfd.readouterr().err


@pytest.mark.parametrize("package", ["typer", "rich", "pyarrow"])
def test_a_missing_package_names_what_to_install(
    tmp_path: Path, chainrule: Callable[..., object], package: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules[{package!r}] = None\n")
    done = chainrule("info", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == (
        f"chainrule: error: the command line needs {package}: pip install '.[cli]' in a clone, or "
        "'chainrule[cli]'\n"
    )
