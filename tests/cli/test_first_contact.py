"""What a stranger meets: files that stay, figures beside a baseline, columns passed on whole."""

import json
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chainrule.files import load, save
from chainrule.tables import TrainOptions, read, train

FEW = ["--epochs", "1", "--hidden", "4"]
RNG = np.random.default_rng(0)


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    """t.csv: a number x, a word w, and y, of 60 rows."""
    x = RNG.normal(size=60)
    frame = pd.DataFrame({"x": x, "w": ["a", "b", "c"] * 20, "y": x + 0.5})
    frame.to_csv(tmp_path / "t.csv", index=False)
    return frame


# -- what is written, and what is never replaced -----------------------------------------------


@pytest.mark.usefixtures("table")
def test_train_replaces_a_model_and_says_so_and_nothing_else(
    tmp_path: Path, inside: Callable[..., str], refused: Callable[..., str]
) -> None:
    (tmp_path / "c.toml").write_text('target = "y"\nepochs = 1\n')
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "notes").write_text("of mine")
    train = ("train", "t.csv", "--config", "c.toml", "-o")
    assert "would replace what this command reads" in refused(*train, "c.toml")
    assert "would replace what this command reads" in refused(*train, "t.csv")
    for name in ("other.csv", "notes"):
        message = refused(*train, name)
        assert f"{name} is there already and does not hold a model" in message
    assert "model     m.safetensors\n" in inside(*train, "m.safetensors")
    assert "model     m.safetensors, replaced\n" in inside(*train, "m.safetensors")


@pytest.mark.usefixtures("table")
def test_predictions_replace_predictions_and_say_so_and_nothing_else(
    inside: Callable[..., str], refused: Callable[..., str]
) -> None:
    inside("train", "t.csv", "-t", "y", *FEW)
    Path("other.csv").write_text("a,b\n1,2\n")
    predict = ("predict", "t.safetensors", "t.csv", "-o")
    assert "does not hold predictions" in refused(*predict, "other.csv")
    assert inside(*predict, "p.csv") == "60 predictions in p.csv\n"
    assert inside(*predict, "p.csv") == "60 predictions in p.csv, replaced\n"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_held_out_rows_are_written_and_unseen(
    table: pd.DataFrame, inside: Callable[..., str], refused: Callable[..., str], suffix: str
) -> None:
    name = f"held{suffix}"
    told = inside("train", "t.csv", "-t", "y", *FEW, "--held-out", name, "--json")
    figures = json.loads(told)["report"]["metrics"]
    held = (pd.read_csv if suffix == ".csv" else pd.read_parquet)(name)
    assert len(held) == 12
    assert set(held["x"].astype(float).round(9)) <= set(table["x"].round(9))
    measured = json.loads(inside("evaluate", "t.safetensors", name, "--json"))
    assert measured["rows"] == {"evaluated": 12, "without_target": 0, "seen": 0}
    assert measured["metrics"] == figures
    both = refused("train", "t.csv", "-t", "y", "-o", f"new{suffix}", "--held-out", f"new{suffix}")
    assert "--held-out and --output are both" in both
    again = refused("train", "t.csv", "-t", "y", *FEW, "--held-out", name)
    assert "is there already" in again


# -- what is said of the figures -----------------------------------------------------------------


@pytest.mark.usefixtures("table")
def test_evaluate_says_how_many_rows_were_seen(inside: Callable[..., str]) -> None:
    inside("train", "t.csv", "-t", "y", *FEW, "--quality", "plain")
    said = "48 of the rows were seen in training: the figures flatter the model"
    assert said in inside("evaluate", "t.safetensors", "t.csv")


def test_a_model_worse_than_the_majority_is_said_to_be(inside: Callable[..., str]) -> None:
    rows = "".join(f"{x},{'yes' if i % 10 else 'no'}\n" for i, x in enumerate(RNG.normal(size=200)))
    Path("t.csv").write_text(f"x,y\n{rows}")
    bad = ["--learning-rate", "3", "--hidden", "none", "--validation-fraction", "0"]
    printed = inside("train", "t.csv", "-t", "y", "--epochs", "3", *bad)
    assert "is no better than that of class shares, which looks at no column" in printed


@pytest.mark.parametrize(
    ("rows", "options", "said"),
    [
        (2, [], "no figures: 2 rows are too few to hold some out"),
        (3, [], "no figures: 3 rows are too few to hold some out"),
        (2, ["--quality", "plain"], "no figures: 2 rows are too few to hold some out"),
        (60, ["--members", "1", "--test-fraction", "0"], "no figures: --test-fraction is 0"),
        (19, [], "so few rows say little"),
        (20, ["--quality", "plain"], "so few rows say little"),
    ],
)
def test_too_few_rows_for_figures_are_said(
    inside: Callable[..., str], rows: int, options: list[str], said: str
) -> None:
    cells = "".join(f"{i % 7},{i}.5\n" for i in range(rows))
    Path("t.csv").write_text(f"x,y\n{cells}")
    assert said in inside("train", "t.csv", "-t", "y", *FEW, *options)


def test_the_task_is_said_with_its_reason(inside: Callable[..., str]) -> None:
    printed = inside("train", "digits", *FEW)
    assert "task      classification: 10 different whole numbers; or --task regression\n" in printed
    printed = inside("train", "digits", *FEW, "--task", "regression")
    assert "task  " not in printed


# -- what is passed on ----------------------------------------------------------------------------

IDS = ["00123", "12345678901234567890", "7"] * 20


@pytest.mark.parametrize("way", ["json", "csv", "parquet"])
def test_ids_pass_through_exactly(
    table: pd.DataFrame, inside: Callable[..., str], way: str
) -> None:
    table.assign(id=IDS, n=[2**53 + 1, 2**62, 5] * 20).to_csv("t.csv", index=False)
    inside("train", "t.csv", "-t", "y", *FEW, "--ignore", "id,n")
    keep = ["--keep", "id", "--keep", "n"]
    if way == "json":
        told = json.loads(inside("predict", "t.safetensors", "t.csv", *keep, "--json"))["columns"]
        assert (told["id"], told["n"]) == (IDS, [2**53 + 1, 2**62, 5] * 20)
        return
    inside("predict", "t.safetensors", "t.csv", *keep, "-o", f"p.{way}")
    read_back = pd.read_csv if way == "csv" else pd.read_parquet
    kept = read_back(f"p.{way}", **({"dtype": {"id": str}} if way == "csv" else {}))
    assert kept["id"].tolist() == IDS
    assert kept["n"].tolist() == [2**53 + 1, 2**62, 5] * 20


ODD = pa.table(
    {
        "x": np.arange(40) % 7,
        "y": ["a", "b"] * 20,
        "lists": [[1, 2], [], None, [3]] * 10,
        "decimals": pa.array([Decimal("1.50"), Decimal("12345678901234.25")] * 20),
        "structs": [{"k": 1.5}, {"k": None}] * 20,
        "words": pa.array(["a", None] * 20, pa.large_string()),
        "times": pa.array([0, 1] * 20, pa.timestamp("ns")),
        "nan": [0.5, float("nan")] * 20,
        "bytes": [b"\xff\xfe"] * 40,
    }
)
KEPT = ["lists", "decimals", "structs", "words", "times", "nan"]


@pytest.fixture
def odd(tmp_path: Path) -> list[str]:
    pq.write_table(ODD, tmp_path / "t.parquet")
    options = TrainOptions(epochs=1, ignore=("lists", "structs", "bytes", "decimals", "nan"))
    save(train(read(tmp_path / "t.parquet"), "y", options), tmp_path / "m")
    return ["predict", "m", "t.parquet", *(word for name in KEPT for word in ("--keep", name))]


def test_columns_of_any_type_are_passed_on(odd: list[str], inside: Callable[..., str]) -> None:
    told = json.loads(inside(*odd, "--json"))["columns"]
    assert told["lists"][:4] == [[1, 2], [], None, [3]]
    assert told["decimals"][:2] == ["1.50", "12345678901234.25"]
    assert told["structs"][:2] == [{"k": 1.5}, {"k": None}]
    assert told["words"][:2] == ["a", None]
    assert told["nan"][:2] == [0.5, None]
    inside(*odd, "-o", "p.csv")
    cells = pd.read_csv("p.csv", dtype=str)
    assert [json.loads(cell) for cell in cells["lists"].dropna()[:3]] == [[1, 2], [], [3]]
    assert cells["decimals"][1] == "12345678901234.25"
    inside(*odd, "-o", "p.parquet")
    kept = pq.read_table("p.parquet").select(KEPT[:3])
    assert kept.equals(ODD.select(KEPT[:3]))


def test_binary_data_has_no_text(odd: list[str], refused: Callable[..., str]) -> None:
    message = refused(*odd, "--keep", "bytes")
    assert "column 'bytes' holds binary data, which has no text" in message


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("way", [["--json"], [], ["-o", "p.parquet"]])
def test_a_table_of_no_rows_has_no_predictions(inside: Callable[..., str], way: list[str]) -> None:
    inside("train", "t.csv", "-t", "y", *FEW)
    Path("none.csv").write_text("x,w\n")
    printed = inside("predict", "t.safetensors", "none.csv", *way)
    if way == ["--json"]:
        assert json.loads(printed) == {"rows": 0, "columns": {"prediction": []}}
    elif way:
        assert pq.read_table("p.parquet").num_rows == 0
    else:
        assert printed == "prediction\n"


# -- how the columns are read ----------------------------------------------------------------------


def test_columns_are_read_as_asked(inside: Callable[..., str]) -> None:
    rows = "".join(
        f"{i % 5}.{i % 10}00,5 €|{1 + i % 28}.{1 + i % 12}.2024|{1000 + i % 3}|"
        f"{'-' if i % 9 == 0 else i}\n"
        for i in range(80)
    )
    Path("t.csv").write_text(f"price|day|zip|y\n{rows}")
    flags = ["--decimal", ",", "--thousands", ".", "--strip", "€", "--na", "-"]
    flags += ["--date-order", "dmy", "--kind", "zip=text", "--kind", "y=number"]
    told = json.loads(inside("train", "t.csv", "-t", "y", *FEW, *flags, "-o", "flags", "--json"))
    assert told["target"]["task"] == "regression"
    Path("c.toml").write_text(
        'decimal = ","\nthousands = "."\nstrip = "€"\nna = "-"\ndate-order = "dmy"\n'
        'epochs = 1\nhidden = [4]\ntarget = "y"\n[train.kind]\nzip = "text"\ny = "number"\n'
    )
    inside("train", "t.csv", "--config", "c.toml", "-o", "file")
    for name in ("flags", "file"):
        model = load(name)
        kinds = {column.name: column.kind for column in model.features.columns}
        assert kinds == {"price": "number", "day": "date", "zip": "text"}
    assert Path("flags").read_bytes() == Path("file").read_bytes()
    assert len(pd.read_csv(pa.BufferReader(inside("predict", "file", "t.csv").encode()))) == 80


@pytest.mark.usefixtures("table")
def test_sizes_and_names_in_other_notations(inside: Callable[..., str]) -> None:
    inside("train", "t.csv", "-t", "y", "--epochs", "1", "--hidden", "8x4", "--ignore", "w")
    assert load("t.safetensors").spec.layer_sizes[1:] == (8, 4, 1)


# -- what goes wrong is said --------------------------------------------------------------------


def test_a_link_in_a_circle_is_said_to_be_one(tmp_path: Path, refused: Callable[..., str]) -> None:
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    message = refused("train", "loop.csv", "-t", "y")
    assert "no table 'loop.csv': it is a link to 'loop.csv', which leads nowhere" in message


def test_a_long_quote_that_is_never_closed(tmp_path: Path, refused: Callable[..., str]) -> None:
    rows = "1,2\n" * 100_000
    (tmp_path / "t.csv").write_text(f'a,b\n1,2\n3,"x\n{rows}')
    assert "a quote after line 2 is never closed" in refused("train", "t.csv", "-t", "a")


def test_one_cell_is_one_cell(tmp_path: Path, refused: Callable[..., str]) -> None:
    (tmp_path / "t.csv").write_text("a\n1\n2,3\n")
    message = refused("train", "t.csv", "-t", "a")
    assert "line 3: expected 1 cell as in the header, got 2" in message


def test_a_file_that_grows_too_large_is_named(tmp_path: Path) -> None:
    """As on a disk that is full: the system says no in the middle of writing."""
    line = f"ulimit -f 8; {sys.executable} -m chainrule train digits --epochs 1 -o m"
    done = subprocess.run(
        ["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
    )
    assert (done.returncode, done.stderr) == (2, "chainrule: error: m: file too large\n")
    assert list(tmp_path.iterdir()) == []


def test_a_narrow_terminal_keeps_words_whole(
    inside: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    inside("train", "iris", *FEW, "--quality", "plain")
    monkeypatch.setenv("COLUMNS", "20")
    printed = inside("inspect", "iris.safetensors")
    assert "sepal length (cm)" in printed
    assert "(v - 5.851) / 0.831" in printed


def test_what_is_missing_is_named_as_the_readme_does() -> None:
    script = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from chainrule.cli.entry import run; run(['train', 'iris'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert "the command line needs pyarrow: pip install '.[cli]' in a clone" in done.stderr
