"""Worksheets: friendly numbers, verified solutions, mistakes that can be found, four formats."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import moodle_xml_parser.parser as moodle_reader
import numpy as np
import pytest

import chainrule as cr
from chainrule.explain.equations import Equations
from chainrule.explain.worksheets.exercises import KINDS, Shown
from chainrule.explain.worksheets.formats import FORMATS
from chainrule.explain.worksheets.networks import Wanted
from chainrule.explain.worksheets.sheet import worksheet

ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu", "identity", "softplus")


def drawn_sheet(seed):
    """A sheet of three exercises on a network drawn at random."""
    rng = np.random.default_rng(seed)
    sizes = [int(n) for n in rng.integers(1, 4, int(rng.integers(2, 5)))]
    loss = str(rng.choice(["squared_error", "cross_entropy", "binary_cross_entropy", "huber"]))
    if loss == "cross_entropy":
        sizes[-1] = 3
    wanted = Wanted(sizes, str(rng.choice(ACTIVATIONS)), loss=loss)
    notation = list(cr.NOTATIONS)[seed % len(cr.NOTATIONS)]
    return worksheet(wanted, seed=seed, notation=notation, decimals=int(rng.integers(4, 7)))


def restated(trace):
    """The step in NumPy: weighted sums, outputs, loss, δ, gradients, parameters after."""
    spec = trace.parameters.spec
    rows = spec.activation_rows
    a, z = [trace.activations[0]], []
    for W, b, row in zip(trace.weights, trace.biases, rows, strict=True):
        z.append(a[-1] @ W + b)
        a.append(row.value(z[-1]))
    delta = [rows[-1].pullback(z[-1], spec.loss_row.derivative(a[-1], trace.targets))]
    for layer in reversed(range(spec.n_layers - 1)):
        upstream = delta[0] @ trace.weights[layer + 1].T
        delta.insert(0, rows[layer].pullback(z[layer], upstream))
    eta = trace.update.learning_rate
    new = [W - eta * x.T @ d for W, x, d in zip(trace.weights, a, delta, strict=False)]
    return {
        "pre_activations": z, "activations": a, "deltas": delta, "new_weights": new,
        "weight_gradients": [x.T @ d for x, d in zip(a, delta, strict=False)],
        "bias_gradients": [d[0] for d in delta],
        "sample_losses": spec.loss_row.value(a[-1], trace.targets).sum(axis=1),
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(200))
def test_solutions_are_right(seed):
    """200 sheets, 600 exercises: each answer is the engine's number and that of NumPy."""
    sheet = drawn_sheet(seed)
    assert [one.kind for one in sheet.exercises] == list(KINDS)
    for one in sheet.exercises:
        exact, numbers = Equations(one.trace), restated(one.trace)
        checked = 0
        for place, item in enumerate(one.items, 1):
            if one.mistake is not None and place >= one.mistake.number:
                break
            quantity = item.line.quantity
            scale = one.notation.scale(quantity)
            assert abs(item.answer - scale * exact.number(quantity)) <= item.tolerance
            if quantity.kind in numbers:
                array = numbers[quantity.kind]
                array = array if quantity.kind == "sample_losses" else array[quantity.layer]
                assert abs(item.answer - scale * array[quantity.at]) <= item.tolerance
                checked += 1
        assert checked or one.mistake is not None


@pytest.mark.parametrize("seed", range(0, 200, 3))
def test_mistakes_can_be_found(seed):
    """Of the line alone, from what stands before it: its result isn't what its numbers make."""
    (one,) = worksheet(Wanted([2, 2, 1]), kinds=["error"], count=1, seed=seed).exercises
    mistake = one.mistake
    wrong = one.items[mistake.number - 1]
    assert abs(wrong.answer - mistake.right.answer) > 10 * mistake.right.tolerance
    assert wrong.line.sides[1] != mistake.right.line.sides[1]
    assert wrong.line.quantity == mistake.right.line.quantity


def test_all_mistakes_are_made_sometime():
    said = {
        worksheet(Wanted([2, 2, 2]), kinds=["error"], count=1, seed=seed).exercises[0].mistake.said
        for seed in range(80)
    }
    assert len(said) == 7


def test_the_same_seed_gives_the_same_sheet_and_another_another():
    write = FORMATS["markdown"]
    one, same, other = (worksheet(Wanted([2, 2, 1]), seed=seed) for seed in (3, 3, 4))
    assert write(one, True) == write(same, True) != write(other, True)


def test_the_exercises_of_a_sheet_have_numbers_of_their_own():
    sheet = worksheet(Wanted([2, 2, 1]), kinds=["blanks"], count=4)
    assert len({one.trace.parameters.theta.tobytes() for one in sheet.exercises}) == 4


def test_less_and_less_is_given_where_it_fades():
    (one,) = worksheet(Wanted([2, 3, 1]), kinds=["faded"], count=1).exercises
    shown = [item.shown for item in one.items]
    assert shown == sorted(shown, reverse=True)
    assert set(shown) == set(Shown)


def test_numbers_are_friendly():
    for seed in range(30):
        trace = worksheet(Wanted([3, 3, 2], "relu"), count=1, seed=seed).exercises[0].trace
        assert np.all(trace.parameters.theta * 2 == np.round(trace.parameters.theta * 2))
        assert max(np.abs(z).max() for z in trace.pre_activations) <= 4


@pytest.mark.parametrize(
    ("wanted", "options", "message"),
    [(Wanted([30, 30, 1]), {}, "room for 40 units, got 61"),
     (Wanted([2, 1]), {"kinds": ["blank"]}, "did you mean 'blanks'"),
     (Wanted([2, 1]), {"count": 0}, "count must be at least 1"),
     (Wanted([2, 1]), {"decimals": 1}, "decimals must be from 2 to 8"),
     (Wanted([2, 1]), {"seed": -1}, "seed must be"),
     (Wanted([20, 10, 8, 2]), {}, "no friendly numbers")],
)  # fmt: skip
def test_what_can_not_be(wanted, options, message):
    with pytest.raises(ValueError, match=message):
        worksheet(wanted, **options)


def test_the_latex_compiles(tmp_path):
    if shutil.which("pdflatex") is None:
        pytest.skip("no TeX: apt-get install texlive-latex-base (tools/tex.sh)")
    for seed in range(14):  # each notation twice
        (tmp_path / "sheet.tex").write_text(FORMATS["latex"](drawn_sheet(seed), True))
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "sheet.tex"],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
            errors="replace",
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-1500:]
        assert "Missing character" not in done.stdout


@pytest.mark.parametrize("seed", range(12))
def test_moodle_reads_it(seed):
    """A reader that is not ours finds each blank, its answer and its tolerance."""
    sheet = drawn_sheet(seed)
    text = FORMATS["moodle"](sheet, True)
    assert ET.fromstring(text).tag == "quiz"
    questions = moodle_reader.parse_string(text)["cloze"]
    assert len(questions) == len(sheet.exercises)
    for question, one in zip(questions, sheet.exercises, strict=True):
        gaps = [gap for gap in question.gaps if gap.sub_type == "NUMERICAL"]
        wanted = [item for item in one.items if item.shown is not Shown.SOLVED]
        wanted += [one.mistake.right] if one.mistake else []
        assert len(gaps) == len(wanted)
        for gap, item in zip(gaps, wanted, strict=True):
            answer, tolerance = map(float, gap.options[0].answer.split(":"))
            assert gap.options[0].score == 100
            assert answer == pytest.approx(item.answer, rel=1e-7, abs=1e-12)
            assert tolerance == pytest.approx(item.tolerance, rel=1e-2)
        menus = [gap for gap in question.gaps if gap.sub_type == "MULTICHOICE"]
        right = [option.answer for gap in menus for option in gap.options if option.score == 100]
        assert right == ([f"line {one.mistake.number}"] if one.mistake else [])


def test_in_moodle_only_blanks_look_like_blanks():
    """Moodle takes {n:TYPE: for a blank, wherever it stands: no equation has that in it."""
    for seed in range(20):
        text = FORMATS["moodle"](drawn_sheet(seed), True)
        found = re.findall(r"\{\d*:[A-Z]+:", text)
        assert set(found) <= {"{1:NUMERICAL:", "{1:MULTICHOICE:"}


class TestFormats:
    def test_html_can_be_printed_and_has_blanks(self):
        sheet = worksheet(Wanted([2, 2, 1]))
        blank, solved = (FORMATS["html"](sheet, solutions) for solutions in (False, True))
        expected = sum(
            item.shown is not Shown.SOLVED for one in sheet.exercises for item in one.items
        )
        assert blank.count("class='blank'") == solved.count("class='blank'") == expected
        assert "Solution 1" in solved
        assert "Solution" not in blank
        body = blank[blank.index("<main>") : blank.index("</main>") + 7]
        ET.fromstring(body)

    def test_markdown_and_latex_have_no_result_that_is_to_be_found(self):
        sheet = worksheet(Wanted([2, 2, 1]), kinds=["blanks"], count=1, seed=5)
        for name in ("markdown", "latex"):
            text = FORMATS[name](sheet, False)
            answer = f"= {sheet.exercises[0].items[1].answer:.8g}"
            assert answer not in text
            assert answer in FORMATS[name](sheet, True)
