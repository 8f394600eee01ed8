"""Lines of an explanation: symbol = formula = substituted = result, in a notation."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chainrule.explain import zooms
from chainrule.explain.equations import Equations
from chainrule.explain.expressions import Constant, Expression, Reference, Value
from chainrule.explain.matrices import Matrices, Sides
from chainrule.explain.notations import Notation
from chainrule.explain.quantities import BECOMING, KINDS, Quantity
from chainrule.explain.reference_numbers import Beside
from chainrule.explain.scaling import in_notation
from chainrule.explain.substituting import substituted

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


class Lines:
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
            tree = line.formula
            if self._notation.scales:
                tree = in_notation(tree, self._notation.scale, quantity)
            numbers = substituted(tree, self._number, self._most)
            if not isinstance(tree, Constant):  # which is the result already
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
