"""``chainrule worksheet``, as a teacher types it."""

import xml.etree.ElementTree as ET

import pytest


def test_a_sheet_in_each_format(chainrule, tmp_path):
    for suffix, begins in ((".html", "<!doctype html>"), (".tex", r"\documentclass"),
                           (".md", "# One step"), (".xml", "<?xml")):  # fmt: skip
        done = chainrule("worksheet", "--seed", 7, "--count", 2, "-o", f"sheet{suffix}")
        assert done.returncode == 0, done.stderr
        assert f"sheet     sheet{suffix}\n" in done.stdout
        assert "2 exercises" in done.stdout
        assert (tmp_path / f"sheet{suffix}").read_text(encoding="utf-8").startswith(begins)
    ET.parse(tmp_path / "sheet.xml")


def test_solutions_are_there_when_asked_for(chainrule):
    plain = chainrule("worksheet", "--layers", "2-3-1", "--kind", "blanks")
    solved = chainrule("worksheet", "--layers", "2-3-1", "--kind", "blanks", "--solutions")
    assert solved.stdout.startswith(plain.stdout.rstrip())
    assert "Solution 1" in solved.stdout


def test_a_sheet_may_be_written_anew_but_over_nothing_else(chainrule, tmp_path):
    for _ in range(2):
        assert chainrule("worksheet", "--count", 1, "-o", "sheet.md").returncode == 0
    (tmp_path / "thesis.md").write_text("years of work")
    done = chainrule("worksheet", "-o", "thesis.md")
    assert done.returncode == 2
    assert "does not hold a worksheet" in done.stderr
    assert (tmp_path / "thesis.md").read_text() == "years of work"


@pytest.mark.parametrize(
    ("words", "message"),
    [(("--layers", "2"), "--layers must be units of each layer"),
     (("--layers", "2-0-1"), "--layers must be units of each layer"),
     (("--layers", "50-50-1"), "room for 40 units"),
     (("--kind", "riddle"), "unknown kind 'riddle'"),
     (("--activation", "relo"), "did you mean 'relu'"),
     (("--notation", "mazzur"), "did you mean 'mazur'"),
     (("-o", "sheet.doc"), "expected a name ending in .html, .tex, .md, .xml"),
     (("--count", "0"), "count must be at least 1")],
)  # fmt: skip
def test_what_is_refused(refused, words, message):
    assert message in refused("worksheet", *words)
