"""Explanation: a step of training, read as equations with its numbers in them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from html import escape

from chainrule.engine.trace import Trace
from chainrule.explain import zooms
from chainrule.explain.equations import Equations
from chainrule.explain.expressions import Constant, Expression, Reference, Value, mapped
from chainrule.explain.latex import LatexWriter
from chainrule.explain.mathml import MathmlWriter
from chainrule.explain.matrices import Matrices, Sides
from chainrule.explain.notations import Notation, notation_of
from chainrule.explain.places import place_of, require_place
from chainrule.explain.quantities import BECOMING, KINDS, Quantity
from chainrule.explain.receipt import receipt
from chainrule.explain.reference_numbers import Beside
from chainrule.explain.scaling import scaled
from chainrule.explain.speech import SpeechWriter
from chainrule.explain.substituting import substituted
from chainrule.explain.summary import Table, summary
from chainrule.explain.text import TextWriter
from chainrule.theory.checks import plural, require

_LINE = 'style="width: max-content; margin: 0.4em 0"'  # to the left, where lines are long
MOST_TERMS = 6  # of a sum, unless it is asked for in full


@dataclass(frozen=True)
class ExplainedLine:
    """A line: symbol = formula = substituted = result.

    Attributes
    ----------
    quantity : Quantity or None
        None of an equation of matrices.
    sides : tuple of Expression
        What is equal; of a quantity that the step began with, its symbol and its number.
    meaning : str
        The quantity in words.
    sign : str
        Between the first two sides: ← where the first becomes the second.
    beside : float or None
        The number that the reference engine has in float64, where that is asked for.
    ulps : float or None
        By how many units in the last place of the network's dtype the engine's differs from it.
    """

    quantity: Quantity | None
    sides: Sides
    meaning: str
    sign: str = "="
    beside: float | None = None
    ulps: float | None = None


def beside(line: ExplainedLine) -> str:
    """Return the reference's number and the difference as text; "" where they aren't known."""
    if line.beside is None:
        return ""
    ulps = "" if line.ulps is None else f", {line.ulps:+.1f} ulp"
    return f"   [float64: {line.beside!r}{ulps}]"


@dataclass(frozen=True)
class ExplainedSection:
    """A heading, and the lines below it."""

    title: str
    lines: tuple[ExplainedLine, ...]
    remark: str = ""


class Explanation:
    """What ``explain`` returns: sections of lines, or a table of the whole network.

    Attributes
    ----------
    title : str
    sections : tuple of ExplainedSection
    tables : tuple of Table
    """

    def __init__(
        self,
        title: str,
        sections: tuple[ExplainedSection, ...],
        tables: tuple[Table, ...],
        writing: _Writing,
    ) -> None:
        self.title, self.sections, self.tables = title, sections, tables
        self._writing = writing

    @property
    def lines(self) -> tuple[ExplainedLine, ...]:
        """The lines of all sections."""
        return tuple(line for section in self.sections for line in section.lines)

    def __str__(self) -> str:
        return self.to_text()

    def written(self, line: ExplainedLine) -> list[str]:
        """Return a line as plain text, on as many lines as its matrices have rows."""
        return self._writing.text.lines(*line.sides, sign=line.sign)

    def sides(self, line: ExplainedLine) -> list[str]:
        """Return each side of a line as plain text."""
        return [self._writing.text.write(side) for side in line.sides]

    def to_text(self) -> str:
        """Return the explanation as plain text, for a terminal."""
        parts = [self.title, ""]
        for table in self.tables:
            parts += [table.title, *table.aligned(), ""]
        for section in self.sections:
            parts.append(section.title)
            for line in section.lines:
                *before, last = self.written(line)
                parts += [f"  {text}" for text in (*before, last + beside(line))]
            parts += [f"  {section.remark}"] if section.remark else []
            parts.append("")
        return "\n".join(parts).rstrip() + "\n"

    def to_latex(self) -> str:
        """Return the explanation as LaTeX, to be put into a document that uses amsmath."""
        writer = self._writing.latex
        parts = [f"% {self.title}"]
        for section in self.sections:
            parts.append(rf"\paragraph{{{_plain_latex(section.title)}}}")
            rows = [writer.aligned(*line.sides, sign=line.sign) for line in section.lines]
            if rows:
                inner = " \\\\\n".join(rows)
                parts.append(f"\\begin{{align*}}\n{inner}\n\\end{{align*}}")
            parts += [_plain_latex(section.remark)] if section.remark else []
        for table in self.tables:
            parts.append(table.latex())
        return "\n".join(parts) + "\n"

    def to_json(self) -> str:
        """Return the receipt: each line, and all that it is made of, down to what was given.

        Raises
        ------
        ValueError
            If a number isn't finite, a line was rounded as on paper, or nothing is explained.
        """
        wanted = [line.quantity for line in self.lines if line.quantity is not None]
        require(bool(wanted), "a receipt needs lines: explain a row, a layer, a unit or a weight")
        return json.dumps(receipt(self._writing.equations, wanted), ensure_ascii=False, indent=1)

    def to_html(self) -> str:
        """Return the explanation as a fragment of HTML with MathML; each line can be spoken."""
        writer, speech = self._writing.mathml, self._writing.speech
        parts = [f"<h3>{escape(self.title)}</h3>"]
        parts += [table.html() for table in self.tables]
        for section in self.sections:
            parts.append(f"<h4>{escape(section.title)}</h4>")
            for line in section.lines:
                spoken = escape(speech.equation(*line.sides, sign=line.sign), quote=True)
                math = writer.math(*line.sides, sign=line.sign)
                parts.append(f'<div role="math" aria-label="{spoken}" {_LINE}>{math}</div>')
            parts += [f"<p>{escape(section.remark)}</p>"] if section.remark else []
        return f'<section class="chainrule" style="overflow-x: auto">{"".join(parts)}</section>'

    def _repr_html_(self) -> str:
        return self.to_html()

    def spoken(self) -> list[str]:
        """Return each line as a sentence."""
        speech = self._writing.speech
        return [f"{speech.equation(*line.sides, sign=line.sign)}." for line in self.lines]


class _Writing:
    """The writers of an explanation, all with the same symbols and digits."""

    def __init__(self, equations: Equations, notation: Notation, place: int, digits: int) -> None:
        self.equations, symbol = equations, notation.of(equations.trace, place)
        self.text, self.speech = TextWriter(symbol, digits), SpeechWriter(symbol, digits)
        self.latex, self.mathml = LatexWriter(symbol, digits), MathmlWriter(symbol, digits)


def explained(
    trace: Trace,
    row: int | None,
    layer: int | None,
    unit: int | None,
    weight: tuple[int, int] | None,
    notation: Notation | str,
    digits: int,
    full: bool,
    decimals: int | None,
    reference: bool,
) -> Explanation:
    """Return what ``explain`` in ``door.py`` does, which says what its arguments are."""
    equations = Equations(trace, decimals)
    chosen = notation_of(notation)
    place = place_of(trace, row)
    require_place(trace, layer, unit, weight)
    most = None if full else zooms.MOST_UNITS
    parts = _Parts(equations, chosen, None if full else MOST_TERMS, reference)
    title = f"Step {trace.step:,}, row {trace.rows[place]}"
    writing = _Writing(equations, chosen, place, digits)
    if row is None and layer is None:
        batch = plural(len(trace.rows), "sample")
        return Explanation(f"Step {trace.step:,}, {batch}", (), tuple(summary(equations)), writing)
    if layer is None:
        sections = zooms.sample(equations, place, most)
    elif weight is not None:
        sections = zooms.weight(equations, layer, weight[1], weight[0], place)
    elif unit is not None:
        sections = zooms.unit(equations, layer, unit, place, most)
    else:
        sections = zooms.layer(equations, layer, place, most)
    shown = [parts.section(section) for section in sections]
    if layer is not None and unit is None and weight is None:
        shown.insert(0, parts.matrices(layer, place, full))
    return Explanation(title, tuple(shown), (), writing)


class _Parts:
    """Sections and lines as they are shown, in a notation."""

    def __init__(
        self, equations: Equations, notation: Notation, most: int | None, reference: bool
    ) -> None:
        self._equations, self._notation, self._most = equations, notation, most
        self._beside = Beside(equations.trace) if reference else None

    def section(self, section: zooms.Section) -> ExplainedSection:
        """Return a section with its lines."""
        lines = tuple(map(self.line, section.quantities))
        return ExplainedSection(section.title, lines, section.remark)

    def line(self, quantity: Quantity) -> ExplainedLine:
        """Return the line of a quantity."""
        line = self._equations.line(quantity)
        sides: list[Expression] = [Reference(quantity)]
        if line.formula is not None:
            tree = self._in_notation(line.formula, self._notation.scale(quantity))
            numbers = substituted(tree, self._number, self._most)
            sides += [tree] if isinstance(numbers, Value | Constant) else [tree, numbers]
        sides.append(Value(self._number(quantity), quantity))
        becomes = quantity.kind in BECOMING and not self._notation.after
        explained = ExplainedLine(
            quantity, tuple(sides), KINDS[quantity.kind], "←" if becomes else "="
        )
        if self._beside is None:
            return explained
        number, ulps = self._beside.compared(quantity, line.value)
        return replace(explained, beside=number * self._notation.scale(quantity), ulps=ulps)

    def matrices(self, layer: int, place: int, full: bool) -> ExplainedSection:
        """Return the layer in matrices."""
        matrices = Matrices(self._equations, self._notation, None if full else 4)
        sides = [matrices.forward(layer, place)]
        meanings = ["weighted sums"]
        if layer:
            sides.append(matrices.backward(layer, place))
            meanings.append("derivatives by the outputs below")
        pairs = zip(sides, meanings, strict=True)
        lines = tuple(ExplainedLine(None, side, meaning) for side, meaning in pairs)
        return ExplainedSection(f"In matrices, layer {layer}", lines)

    def _number(self, quantity: Quantity) -> float:
        """Return the number of a quantity, as the notation has it."""
        return self._equations.number(quantity) * self._notation.scale(quantity)

    def _in_notation(self, tree: Expression, by: float) -> Expression:
        """Return an equation among the notation's quantities, which may be multiples of ours."""

        def change(node: Expression) -> Expression | None:
            if not isinstance(node, Reference):
                return None
            factor = self._notation.scale(node.quantity)
            return node if factor == 1 else scaled(node, 1 / factor)

        changed = mapped(tree, change)
        return scaled(changed, by) if self._notation.scales else changed


def _plain_latex(text: str) -> str:
    return text.replace("_", r"\_").replace("%", r"\%").replace("⋯", r"\dots")
