r"""Worksheets as Moodle XML: each exercise a question of the type "embedded answers" (cloze).

A blank is ``{1:NUMERICAL:=answer:tolerance}``; which line is wrong is a menu. Equations are LaTeX
between ``\(`` and ``\)``, which Moodle's MathJax filter shows.
"""

from html import escape
from xml.sax.saxutils import escape as escaped_xml

from chainrule.explain.latex import LatexWriter
from chainrule.explain.worksheets.exercises import Exercise, Item, Shown
from chainrule.explain.worksheets.paper import DIGITS, parts_of
from chainrule.explain.worksheets.sheet import Worksheet


def to_moodle(sheet: Worksheet, with_solutions: bool = True) -> str:  # noqa: ARG001
    """Return a question bank; solutions are in it always, as Moodle has to know them."""
    questions = [_question(sheet, number, one) for number, one in enumerate(sheet.exercises, 1)]
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<quiz>\n'
    return head + "\n".join([_category(sheet), *questions]) + "\n</quiz>\n"


def _category(sheet: Worksheet) -> str:
    name = escaped_xml(f"$course$/top/{sheet.title}")
    return f'<question type="category">\n<category><text>{name}</text></category>\n</question>'


def _question(sheet: Worksheet, number: int, one: Exercise) -> str:
    text = f"<p>{escape(sheet.task(one))}</p>\n<p>{_given(one)}</p>\n{_lines(one)}"
    if one.mistake is not None:
        text += _which(one)
    feedback = "" if one.mistake is None else f"Line {one.mistake.number}: {one.mistake.said}."
    name = escaped_xml(f"{sheet.title}, exercise {number}")
    return f"""<question type="cloze">
<name><text>{name}</text></name>
<questiontext format="html"><text>{_cdata(text)}</text></questiontext>
<generalfeedback format="html"><text>{_cdata(escape(feedback))}</text></generalfeedback>
<penalty>0.3333333</penalty>
<hidden>0</hidden>
</question>"""


def _given(one: Exercise) -> str:
    writer = _writer(one)
    return ", ".join(rf"\({writer.equation(*line.sides)}\)" for line in one.given)


def _lines(one: Exercise) -> str:
    parts, number = [], 0
    for title, items in one.sections:
        parts.append(f"<h5>{escape(title)}</h5>")
        for item in items:
            number += 1
            label = "" if one.mistake is None else f"{number}: "
            parts.append(f"<p>{label}{_line(one, item)}</p>")
    return "\n".join(parts)


def _line(one: Exercise, item: Item) -> str:
    sides = parts_of(item, _writer(one))
    sign = r"\leftarrow" if item.line.sign == "←" else "="
    text = f" {sign} ".join([sides[0], " = ".join(sides[1:])]) if len(sides) > 1 else sides[0]
    if item.shown is Shown.SOLVED:
        return rf"\({text}\)"
    between = "=" if len(sides) > 1 else sign
    return rf"\({text} {between}\) {numerical(item)}"


def _which(one: Exercise) -> str:
    """Return the menu of lines, and the blank for what is right."""
    mistake = one.mistake
    assert mistake is not None
    numbers = range(1, len(one.items) + 1)
    options = "~".join(f"{'=' if n == mistake.number else ''}line {n}" for n in numbers)
    return (
        f"<p>Wrong is {{1:MULTICHOICE:{options}}}, where the result should be "
        f"{numerical(mistake.right)}.</p>"
    )


def numerical(item: Item) -> str:
    """Return the blank of a number, with how far an answer may be off."""
    return f"{{1:NUMERICAL:={item.answer:.{DIGITS}g}:{item.tolerance:.3g}}}"


def _writer(one: Exercise) -> LatexWriter:
    return LatexWriter(one.notation.of(one.trace, 0), DIGITS)


def _cdata(text: str) -> str:
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"
