"""``chainrule explain`` and ``chainrule verify``, as somebody at a terminal types them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import chainrule as cr
from chainrule.tables import opened_run, read


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a recorded model, and one without a record."""
    path = tmp_path_factory.mktemp("explained")
    for options in (["--record", "-o", "m.safetensors"], ["-o", "plain.safetensors"]):
        chainrule(path, "train", "iris", "--quality", "plain", "--epochs", "15",
                  "--hidden", "5", "--seed", "3", *options)  # fmt: skip
    return path


def chainrule(path, *words, code=0, text=""):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "chainrule", *words],
        cwd=path, capture_output=True, text=True, encoding="utf-8", input=text, timeout=300,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def explained(folder, *words):
    return chainrule(folder, "explain", "m.safetensors", "iris", *words)


def rows_of(folder, step):
    """The rows of the table, from 1, in the batch of a step."""
    opened = opened_run(cr.load(folder / "m.safetensors"), "iris")
    return [int(row) + 1 for row in opened.rows[opened.run.at(step).rows]]


def following(printed):
    """The command that is to be tried next."""
    return re.search(r"^try next +chainrule (.*)$", printed, re.MULTILINE)[1].split()


def test_from_the_network_down_to_one_weight(folder):
    """Each screen says what to type next, and that goes deeper, until the receipt."""
    network = chainrule(folder, "explain", "m.safetensors", "iris", "--step", "60")
    assert "Layer by layer" in network
    assert re.search(r"^  1 softmax +3 ", network, re.MULTILINE)
    row = chainrule(folder, *following(network))
    for part in ("Forward, layer 0", "Loss", "Backward, layer 1", "Update", "z⁰₀ = ", "x₀ sepal"):
        assert part in row
    unit = chainrule(folder, *following(row))
    assert "Backward, layer 1, unit 0" in unit
    weight = chainrule(folder, *following(unit))
    assert "The chain rule down to the weight" in weight
    article = chainrule(folder, *following(weight))
    assert "← w" in article
    assert "λ" in article
    receipt = chainrule(folder, *following(weight)[:-2], "--json")
    lines = len(json.loads(receipt)["lines"])
    assert chainrule(folder, "verify", "-", text=receipt) == (
        f"- is true: {lines} lines derived again\n"
    )


def test_the_numbers_are_those_of_the_run(folder):
    row = rows_of(folder, 33)[2]
    receipt = json.loads(
        explained(folder, "--step", "33", "--row", str(row), "--weight", "0,1,2", "--json")
    )
    opened = opened_run(cr.load(folder / "m.safetensors"), "iris")
    trace = opened.run.at(33)
    place = trace.rows.tolist().index(opened.training_row(row - 1))
    found = {entry["name"]: entry["value"] for entry in receipt["given"] + receipt["lines"]}
    assert found[f"pre_activations[0][{place}, 1]"] == trace.pre_activations[0][place, 1]
    assert found["new_weights[0][2, 1]"] == trace.update.parameters.weights[0][2, 1]
    standardised = trace.activations[0][place, 2]
    raw = read("iris").data["petal length (cm)"].to_pylist()
    assert found[f"activations[0][{place}, 2]"] == standardised
    assert (float(raw[row - 1]) > 3.76) == (standardised > 0)  # the mean of the column


def test_the_last_step_without_a_step(folder):
    assert explained(folder).startswith("Step 105 of 105, batch of ")


def test_latex(folder):
    latex = explained(folder, "--step", "5", "--layer", "0", "--unit", "1", "--latex")
    assert r"\begin{align*}" in latex
    assert "z_{1}^{0} &= " in latex
    assert latex.isascii()


def test_digits_reference_and_paper(folder):
    words = ["--step", "5", "--layer", "1", "--unit", "1"]
    results = re.findall(r"= -?([\d.]+)$", explained(folder, *words, "--digits", "3"), re.MULTILINE)
    assert max(len(digits.replace(".", "").lstrip("0")) for digits in results) == 3
    assert "ulp]" in explained(folder, *words, "--reference")
    paper = explained(folder, *words, "--decimals", "2")
    results = re.findall(r"^  [zaδ]\S* = .* = (-?\d+\.?\d*)$", paper, re.MULTILINE)
    assert len(results) >= 3
    assert all(len(result.partition(".")[2]) <= 2 for result in results)


def test_in_full(folder):
    words = ["--step", "5", "--layer", "0"]
    short, full = explained(folder, *words), explained(folder, *words, "--full")
    assert "more weights" in short
    assert "more" not in full
    assert len(full) > len(short)


ERRORS = {
    "beyond the run": (["--step", "106"], "from 1 to 105, the steps of this run, got 106"),
    "step 0": (["--step", "0"], "step must be from 1 to 105"),
    "row 0": (["--row", "0"], "--row counts the rows of the table from 1, got 0"),
    "no such row": (["--row", "151"], "row 151 was not learned from"),
    "no such layer": (["--layer", "2"], "layer must be from 0 to 1, a layer of weights, got 2"),
    "no such unit": (["--layer", "0", "--unit", "5"], "unit must be from 0 to 4 in layer 0, got 5"),
    "a unit without layer": (["--unit", "1"], "unit and weight need a layer"),
    "no such weight": (["--weight", "0,1,9"], "must be from 0 to 3 in layer 0, got 9"),
    "half a weight": (["--weight", "0,1"], "--weight must be L,J,K, three whole numbers"),
    "weight and unit": (["--weight", "0,1,1", "--unit", "1"], "--weight names its layer, as L,J,K"),
    "notation": (["--notation", "mazor"], "unknown notation 'mazor': did you mean 'mazur'"),
    "digits": (["--digits", "0"], "--digits must be from 1 to 17, got 0"),
    "both": (["--latex", "--json"], "--latex and --json: choose one"),
    "a receipt of all": (["--json"], "a receipt needs lines: explain a row, a layer, a unit"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_wrong_use_is_said_in_one_line(folder, name):
    words, message = ERRORS[name]
    said = chainrule(folder, "explain", "m.safetensors", "iris", *words, code=2)
    assert said.startswith("chainrule: error: ")
    assert message in said
    assert said.count("\n") == 1


def test_a_row_of_another_batch_is_told_its_steps(folder):
    batch, row = rows_of(folder, 40), rows_of(folder, 41)[0]
    said = chainrule(
        folder, "explain", "m.safetensors", "iris", "--step", "40", "--row", str(row), code=2
    )
    assert f"row {row} is not in the batch of step 40" in said
    assert str(sorted(batch)[0]) in said
    steps = [int(n) for n in re.search(r"was in step ([\d, ]+)", said)[1].split(", ") if n.strip()]
    assert 41 in steps
    assert explained(folder, "--step", str(steps[0]), "--row", str(row))


def test_a_held_out_row(folder):
    opened = opened_run(cr.load(folder / "m.safetensors"), "iris")
    row = next(n for n in range(150) if n not in opened.rows) + 1
    said = chainrule(folder, "explain", "m.safetensors", "iris", "--row", str(row), code=2)
    assert f"row {row} was not learned from: it is one of those that were held out" in said


def test_no_record_and_other_data(folder):
    said = chainrule(folder, "explain", "plain.safetensors", "iris", code=2)
    assert "the model has no record of its run: train it again with --record" in said
    said = chainrule(folder, "explain", "m.safetensors", "wine", code=2)
    assert said.count("\n") == 1
    assert "wine" in said


@pytest.mark.parametrize(("change", "message"), [
    (lambda text: text.replace('"value": 0.', '"value": 0.1', 1), "is not true: "),
    (lambda text: text[:-20], "is not JSON, as explain --json prints it"),
    (lambda _: "[]", "the receipt must be an object"),
])  # fmt: skip
def test_a_receipt_that_was_edited(folder, change, message):
    receipt = explained(folder, "--step", "9", "--weight", "1,0,0", "--json")
    edited = change(receipt)
    assert edited != receipt
    Path(folder / "r.json").write_text(edited, encoding="utf-8")
    said = chainrule(folder, "verify", "r.json", code=2)
    assert said.startswith("chainrule: error: r.json is")
    assert message in said


def test_no_receipt(folder):
    assert "nothing.json: no such file" in chainrule(folder, "verify", "nothing.json", code=2)


def test_inspect_tells_of_the_record(folder):
    told = "105 steps, which chainrule explain opens"
    assert told in chainrule(folder, "inspect", "m.safetensors")
    assert "explain" not in chainrule(folder, "inspect", "plain.safetensors")


def test_a_page(folder):
    row = str(rows_of(folder, 7)[1])
    words = ("--step", "7", "--row", row, "--html", "step.html")
    printed = explained(folder, *words)
    assert re.search(
        r"^page +step.html, [\d,]+ bytes; open it in a browser$", printed, re.MULTILINE
    )
    page = (folder / "step.html").read_text(encoding="utf-8")
    document = json.loads(page.split('id="document">')[1].split("</script>")[0])
    assert document["shown"]["row"] == int(row)
    assert document["network"]["inputs"][0] == "sepal length (cm)"
    assert document["network"]["outputs"] == ["setosa", "versicolor", "virginica"]
    assert document["steps"][2]["rows"] == rows_of(folder, 7)
    assert "--step K --row I --html step.html" in document["another"]
    assert explained(folder, *words) == printed  # a page may be written over a page


@pytest.mark.parametrize(
    ("output", "message"),
    [("m.safetensors", "would replace what this command reads"),
     ("plain.safetensors", "does not hold a page; name another file"),
     ("nowhere/step.html", "nowhere")],
)  # fmt: skip
def test_a_page_is_never_written_over_anything_else(folder, output, message):
    words = ("explain", "m.safetensors", "iris", "--row", "1", "--html", output)
    assert message in chainrule(folder, *words, code=2)


def test_one_form_at_a_time(folder):
    words = ("explain", "m.safetensors", "iris", "--json", "--html", "step.html")
    assert "choose one" in chainrule(folder, *words, code=2)
