"""Every example in a docstring and in the README runs and prints what it says."""

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
MODULES = [
    ".".join(path.relative_to(SOURCE).with_suffix("").parts)
    for path in sorted(SOURCE.rglob("*.py"))
    if ">>>" in path.read_text()
]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    module = importlib.import_module(name.removesuffix(".__init__"))
    result = doctest.testmod(module, extraglobs={"np": np})
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "docs/explaining.md", "docs/pages.md"]
)
def test_pages(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # what they save
    monkeypatch.setenv("MPLBACKEND", "agg")
    result = doctest.testfile(str(ROOT / page), module_relative=False)
    assert result.failed == 0
    assert result.attempted > 0 or page == "CONTRIBUTING.md"


@pytest.mark.parametrize(
    "path",
    sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")]),
    ids=lambda path: path.name,
)
def test_tables_of_pages(path):
    """Every row has as many cells as its table's head."""
    cells = 0  # of the row above, if there is one
    for line in path.read_text().splitlines():
        found = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert not cells or found in (0, cells), line
        cells = found


def masked(text):
    """Leave out the numbers, which differ by a little between levels of the instruction set."""
    return [re.sub(r"[\d.,]+", "#", line).rstrip() for line in text.splitlines()]


def test_demo_prints_what_the_readme_says(tmp_path):
    shown = re.search(
        r"\$ chainrule train digits --quality plain --record\n(.*?)```",
        (ROOT / "README.md").read_text(),
        re.S,
    )
    command = [
        sys.executable,
        "-m",
        "chainrule",
        "train",
        "digits",
        "--quality",
        "plain",
        "--record",
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert masked(result.stdout) == masked(shown[1])
    accuracy = float(re.search(r"accuracy +([\d.]+)", result.stdout)[1])
    assert accuracy >= 0.97
