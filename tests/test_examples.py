"""The programs in examples/ run as they are, and end with what they promise."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
PROGRAMS = {
    "digits.py": (["losses.png"], r"(9[5-9]|100)\.\d% of 360 digits that it never saw are right$"),
    "houses.py": ([], r"r2 +0\.9\d+ .*\npredicted \[.*\] sold for \[.*\]$"),
    "uncertainty.py": ([], r"3\.0 .* no data here$"),
    "go_on.py": ([], r"the same bits as at once: True$"),
    "nielsen_mnist.py": (["mnist.npz", "--seeds", "1"], r"best .*% at epoch"),
}


def test_every_program_is_here():
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_runs(tmp_path, name):
    rng = np.random.default_rng(0)
    few = {key: rng.integers(0, 256, (60, 28, 28)) for key in ("x_train", "x_test")}
    few |= {key: rng.integers(0, 10, 60) for key in ("y_train", "y_test")}
    np.savez(tmp_path / "mnist.npz", **few)
    arguments, promised = PROGRAMS[name]
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name, *arguments],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(promised, done.stdout.strip()), done.stdout
    if "losses.png" in arguments:
        assert (tmp_path / "losses.png").read_bytes().startswith(b"\x89PNG")


def test_the_network_is_less_sure_where_it_has_seen_nothing(tmp_path):
    printed = subprocess.run(
        [sys.executable, EXAMPLES / "uncertainty.py"],
        cwd=tmp_path, capture_output=True, text=True, check=True, timeout=300,
    ).stdout  # fmt: skip
    spread = [float(line.split()[3]) for line in printed.splitlines()[1:]]
    assert min(spread[3:]) > max(spread[:3])
