"""The command line as a process of its own, in a folder of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chainrule.cli.entry import run as run_inside

Process = subprocess.CompletedProcess[str]


@pytest.fixture
def chainrule(tmp_path: Path) -> Callable[..., Process]:
    """Run ``python -m chainrule`` with warnings as errors in an empty folder."""

    def run(*arguments: object, **environment: str) -> Process:
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "chainrule", *map(str, arguments)],
            cwd=tmp_path,
            env=os.environ | {"COLUMNS": "80"} | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    return run


@pytest.fixture
def refused(chainrule: Callable[..., Process], tmp_path: Path) -> Callable[..., str]:
    """Run a command that must fail: exit code 2, one line on stderr, nothing written."""

    def run(*arguments: object) -> str:
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        done = chainrule(*arguments)
        after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        assert done.returncode == 2, done
        assert done.stdout == ""
        assert done.stderr.startswith("chainrule: error: ")
        assert done.stderr.count("\n") == 1
        assert done.stderr.endswith("\n")
        assert after == before
        return done.stderr

    return run


@pytest.fixture
def inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., str]:
    """Run a command in this process, in an empty folder, and return what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments: object) -> str:
        code = run_inside([str(argument) for argument in arguments])
        out, err = capfdbinary.readouterr()
        assert (code, err) == (0, b"")
        return out.decode()

    return call
