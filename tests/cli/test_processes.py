"""The command as a process: streams that are closed, signals at any moment, disks that are full."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chainrule.files import load, save
from chainrule.tables import TrainOptions, read, train

COMMAND = Path(sys.executable).with_name("chainrule")
LONG = ["--epochs", "100000", "--patience", "100000", "--hidden", "256,256"]
Process = subprocess.CompletedProcess[bytes]


def shell(folder: Path, line: str) -> Process:
    return subprocess.run(
        ["bash", "-c", line.replace("chainrule", str(COMMAND))],
        env=os.environ | {"COLUMNS": "80"},
        cwd=folder, capture_output=True, check=False, timeout=300,
    )  # fmt: skip


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save(train(read("iris"), "target", TrainOptions(epochs=2)), tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_break_nothing(tmp_path: Path, closed: str) -> None:
    done = shell(tmp_path, f"chainrule train iris --epochs 2 -o m {closed}")
    assert (done.returncode, done.stderr) == (0, b"")
    assert load(tmp_path / "m").report.epochs == 2
    assert names(tmp_path) == ["m"]


def test_predictions_that_nobody_would_get_are_refused(model: Path) -> None:
    done = shell(model.parent, "chainrule predict m.safetensors iris >&-")
    assert done.returncode == 2
    assert done.stderr == (
        b"chainrule: error: standard output is closed, and the result goes there; "
        b"name a file with -o\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_full_disk_is_named(model: Path) -> None:
    done = shell(model.parent, "chainrule predict m.safetensors iris > /dev/full")
    assert done.returncode == 2
    assert done.stderr == b"chainrule: error: standard output: no space left on device\n"


def test_an_error_on_a_closed_stderr_keeps_its_code(tmp_path: Path) -> None:
    assert shell(tmp_path, "chainrule train nothing.csv 2>&-").returncode == 2


def started(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(COMMAND), *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def ended(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """What it printed; a process that doesn't end is ended, and fails the test."""
    try:
        return process.communicate(timeout=300)
    finally:
        process.kill()


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_an_interruption_while_it_starts_is_one_line(tmp_path: Path, share: float) -> None:
    """At a share of the time that `chainrule --version` takes, from where Python runs our code."""
    begin = time.perf_counter()
    shell(tmp_path, "chainrule --version")
    whole = time.perf_counter() - begin
    process = started(tmp_path, "train", "digits", *LONG)
    wait_for_our_code(process)
    time.sleep(share * whole)
    process.send_signal(signal.SIGINT)
    printed, said = ended(process)
    assert (process.returncode, printed) == (130, b"")
    assert said == b"chainrule: interrupted; nothing was written\n"
    assert names(tmp_path) == []


def wait_for_our_code(process: subprocess.Popen[bytes]) -> None:
    """Until SIGINT is caught: before that, Python itself is starting."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        pytest.skip("needs Linux's /proc")
    ours = 0
    while process.poll() is None and not ours:
        maps = Path(f"/proc/{process.pid}/maps").read_text()
        caught = int(re.search(r"SigCgt:\s*(\w+)", status.read_text())[1], 16)  # type: ignore[index]
        ours = caught >> (signal.SIGINT - 1) & 1 and "numpy" in maps


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_termination_is_one_line_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    process = started(tmp_path, "train", "digits", *LONG)
    wait_for_our_code(process)
    time.sleep(1.5)
    process.send_signal(number)
    printed, said = ended(process)
    assert (process.returncode, printed) == (code, b"")
    assert said == b"chainrule: terminated; nothing was written\n"
    assert names(tmp_path) == []


IMPORTING = """
import os, signal, sys, time
import chainrule.cli.train as train
from chainrule.cli.entry import run

def read(*_):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    except SystemExit:
        raise ImportError("numpy._core.multiarray failed to import") from None

train.read = read
code = run(["train", "digits"])
sys.stderr.flush()
os._exit(code)
"""


def test_a_termination_while_an_extension_is_imported_is_one(tmp_path: Path) -> None:
    """Extensions make an ImportError of what is raised while they are loaded."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING], cwd=tmp_path, capture_output=True, timeout=300
    )
    assert done.returncode == 143
    assert done.stderr == b"chainrule: terminated; nothing was written\n"


LOSING = """
import os, signal, sys, time
import chainrule.cli.train as train
from chainrule.cli.entry import run

def read(*_):
    try:
        os.kill(os.getpid(), signal.Signals[sys.argv[1]])
        time.sleep(5)
    except BaseException:
        pass
    time.sleep(200)  # the work that goes on

train.read = read
code = run(["train", "digits"])
sys.stderr.flush()
os._exit(code)
"""


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "terminated"), ("SIGHUP", 129, "terminated")],
)
def test_a_signal_that_is_lost_comes_again(tmp_path: Path, name: str, code: int, said: str) -> None:
    """Whoever is at work when it comes may swallow any exception: a destructor, an extension."""
    done = subprocess.run(
        [sys.executable, "-c", LOSING, name], cwd=tmp_path, capture_output=True, timeout=100
    )
    assert done.returncode == code
    assert done.stderr.decode() == f"chainrule: {said}; nothing was written\n"


WRITING = """
import os, signal, sys
from pathlib import Path
import chainrule.atomic as atomic
from chainrule.cli.entry import run, streams

def then(function, number):
    def called(*arguments, **options):
        result = function(*arguments, **options)
        os.kill(os.getpid(), number)
        return result
    return called

number = signal.Signals[sys.argv[2]]
if sys.argv[1] == "before":
    os.fsync = then(os.fsync, number)
else:
    Path.replace = then(Path.replace, number)
streams.prepare()
sys.exit(run(["train", "iris", "--epochs", "2", "-o", "m"]))
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_was_written_is_said_at_the_moment_of_writing(
    tmp_path: Path, moment: str, name: str
) -> None:
    """A signal just before the model takes its place, and just after."""
    done = subprocess.run(
        [sys.executable, "-c", WRITING, moment, name],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}[name]
    files = names(tmp_path)
    if moment == "before":
        assert files == []
        assert done.stderr.endswith("; nothing was written\n")
    else:
        assert files == ["m"]
        assert done.stderr.endswith(f"; {tmp_path / 'm'} was written\n")


def test_what_a_killed_process_left_is_removed_by_the_next_save(tmp_path: Path) -> None:
    left = tmp_path / ".m.0123abcd.part"
    left.write_bytes(b"half")
    other = tmp_path / ".n.0123abcd.part"
    other.write_bytes(b"of another file")
    assert shell(tmp_path, "chainrule train iris --epochs 1 -o m").returncode == 0
    assert names(tmp_path) == [other.name, "m"]


def test_what_another_process_is_writing_stays(tmp_path: Path) -> None:
    script = (
        "from chainrule.atomic import atomic_file\n"
        "with atomic_file('m') as file:\n    print(flush=True)\n    input()\n    file.write(b'x')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"\n"  # type: ignore[union-attr]
    assert shell(tmp_path, "chainrule train iris --epochs 1 -o m").returncode == 0
    assert len(names(tmp_path)) == 2
    process.communicate(b"\n", timeout=60)
    assert (process.returncode, (tmp_path / "m").read_bytes()) == (0, b"x")


@pytest.mark.parametrize("name", ["m" * 200, "ü" * 110, "m" * 255])
def test_a_long_name_is_written(tmp_path: Path, name: str) -> None:
    done = shell(tmp_path, f"chainrule train iris --epochs 1 -o {name}")
    assert (done.returncode, names(tmp_path)) == (0, [name]), done.stderr


def test_a_name_too_long_is_refused_before_training(
    refused: Callable[..., str],
) -> None:
    message = refused("train", "digits", *LONG, "-o", "m" * 256)
    assert "file name too long" in message


def test_a_table_from_a_pipe(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": np.arange(40) % 7, "y": ["a", "b"] * 20})
    frame.to_csv(tmp_path / "t.csv", index=False)
    for source in ("-", "/dev/stdin", "<(cat t.csv)", "<(gzip -c t.csv)"):
        done = shell(tmp_path, f"cat t.csv | chainrule train {source} -t y --epochs 1 -o m")
        assert done.returncode == 0, done.stderr
    done = shell(tmp_path, "chainrule predict m <(cat t.csv)")
    assert done.stdout.count(b"\n") == 41


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": np.arange(40) % 7, "y": ["a", "b"] * 20})
    (tmp_path / os.fsdecode(b"caf\xe9.csv")).write_text(frame.to_csv(index=False))
    line = "chainrule train caf$'\\xe9'.csv -t y --epochs 1"
    done = shell(tmp_path, line)
    assert done.returncode == 0, done.stderr
    assert b"caf\\udce9.csv" in done.stdout
    done = shell(tmp_path, "chainrule predict caf$'\\xe9'.safetensors caf$'\\xe9'.csv")
    assert (done.returncode, done.stdout.count(b"\n")) == (0, 41), done.stderr


def test_control_characters_reach_no_terminal(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i % 3}\n" for i in range(40))
    (tmp_path / "t.csv").write_text(f"\x1b[31mred,y\n{rows}")
    assert shell(tmp_path, "chainrule train t.csv -t y --epochs 1").returncode == 0
    done = shell(tmp_path, "chainrule inspect t.safetensors")
    assert b"\x1b" not in done.stdout
    assert rb"\x1b[31mred" in done.stdout
