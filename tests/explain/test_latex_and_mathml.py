"""LaTeX compiles with a real TeX; MathML is Core's, and has the structure of the same LaTeX's."""

import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest
from drawn_steps import drawn, explanations
from latex2mathml.converter import convert

import chainrule as cr
from chainrule.explain.expressions import Letter
from chainrule.explain.formulas import formula
from chainrule.explain.latex import LatexWriter, latex_of
from chainrule.explain.mathml import MathmlWriter

SEEDS = range(12)
DOCUMENT = r"""\documentclass{article}
\usepackage{amsmath}
\allowdisplaybreaks
\begin{document}
%s
\end{document}
"""
ROWS = [*cr.ACTIVATIONS.values(), *cr.LOSSES.values(), *cr.OPTIMIZERS.values()]


def formulas():
    for row in ROWS:
        yield row.formula
        if derivative := getattr(row, "derivative_formula", ""):
            yield derivative


@pytest.mark.skipif(not shutil.which("latex"), reason="no TeX: apt-get install texlive-latex-base")
def test_latex_compiles(tmp_path):
    parts = [rf"\[{latex_of(text)}\]" for text in formulas()]
    for seed in SEEDS:
        notation = list(cr.NOTATIONS)[seed % len(cr.NOTATIONS)]
        parts += [one.to_latex() for one in explanations(drawn(seed), notation=notation)]
    text = DOCUMENT % "\n\n".join(parts)
    assert text.isascii()
    (tmp_path / "all.tex").write_text(text)
    command = ["latex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "all.dvi").exists()


CORE = {
    "math", "mrow", "mi", "mn", "mo", "mtext", "mfrac", "msqrt", "msub", "msup", "msubsup",
    "munder", "mover", "mtable", "mtr", "mtd",
}  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_mathml_is_well_formed_and_of_core(seed):
    notation = list(cr.NOTATIONS)[seed % len(cr.NOTATIONS)]
    for explanation in explanations(drawn(seed), notation=notation):
        html = ET.fromstring(explanation.to_mathml())
        elements = {element.tag for element in html.iter()}
        assert elements - {"section", "h3", "h4", "div", "p"} - TABLES <= CORE
        for math in html.iter("math"):
            for element in math.iter():
                assert set(element.attrib) <= {"display"}
                count = {"mfrac": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3}
                if element.tag in count:
                    assert len(element) == count[element.tag], ET.tostring(element)


TABLES = {"table", "caption", "thead", "tbody", "tr", "th", "td"}

# -- the same structure as what another converter makes of the LaTeX ------------------------------

_SAME = {"−": "-", "⋅": "·", "∥": "‖", "|": "|", "ϵ": "ε", "∑": "Σ", "∗": "*", "′": "'"}
_UNSEEN = {"\u2062", "\u2061", "\u200b", ""}


def structure(element):
    """A tree of what is seen: rows opened, signs that aren't seen and spaces left out."""
    tag = element.tag.rpartition("}")[2]
    if tag in ("mspace", "annotation"):
        return []
    if tag in ("mi", "mn", "mo", "mtext"):
        text = "".join(_SAME.get(c, c) for c in (element.text or "").strip())
        return [] if text in _UNSEEN else list(text)  # letters beside each other are no structure
    children = [part for child in element for part in [structure(child)]]
    row = [x for part in children for x in part]
    if tag in ("math", "mrow", "mstyle", "mpadded", "semantics"):
        return row
    if tag == "mtd":
        return [(tag, *row)]
    if tag == "munder" and children[0] == ["Σ"]:  # where the other is not in display style
        tag = "msub"
    if tag == "msup" and len(children[0]) == 1 and children[0][0][0] == "msub":
        return [("msubsup", *children[0][0][1:], tuple(children[1]))]
    return [(tag, *map(tuple, children))]


def of_latex(latex):
    return structure(ET.fromstring(convert(latex)))


def of_mathml(mathml):
    return structure(ET.fromstring(f"<math>{mathml}</math>"))


@pytest.mark.parametrize("text", dict.fromkeys(
    one for text in formulas() for one in text.split("; ") if "←" not in one
))  # fmt: skip
def test_formulas_have_the_structure_of_their_latex(text):
    def symbol(quantity):
        return Letter(quantity.kind)

    tree = formula(text)
    assert of_mathml(MathmlWriter(symbol).write(tree)) == of_latex(LatexWriter(symbol).write(tree))


@pytest.mark.parametrize("seed", SEEDS)
def test_lines_have_the_structure_of_their_latex(seed):
    notation, trace = cr.NOTATIONS[list(cr.NOTATIONS)[seed % len(cr.NOTATIONS)]], drawn(seed)
    latex, mathml = (
        kind(notation.of(trace, len(trace.rows) - 1)) for kind in (LatexWriter, MathmlWriter)
    )
    for explanation in explanations(trace, notation=notation):
        for line in explanation.lines:
            ours = of_mathml(mathml.equation(*line.sides, sign=line.sign))
            assert ours == of_latex(latex.equation(*line.sides, sign=line.sign))
