"""Exercises: a step on paper, with blanks, fading, or a mistake in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from chainrule.engine.trace import Trace
from chainrule.explain import zooms
from chainrule.explain.equations import Equations
from chainrule.explain.expressions import Expression
from chainrule.explain.lines import ExplainedLine, Lines
from chainrule.explain.notations import Notation
from chainrule.explain.quantities import Quantity
from chainrule.explain.receipt import receipt
from chainrule.explain.verifying.verify import verify
from chainrule.explain.worksheets.networks import Wanted, drawn_step
from chainrule.explain.worksheets.slips import SLIPS, Slip
from chainrule.theory.checks import require

KINDS = ("blanks", "faded", "error")
_CLOSE = 0.02  # by which rounding on the way may move a number, or its size where it is small
_APART = 0.05  # by which a mistake changes a number at least
_ROUNDINGS = 1.5  # units of the last decimal that an answer may be off, besides rounding on the way


class Shown(IntEnum):
    """How much of a line is given."""

    SYMBOL = 1
    FORMULA = 2
    SUBSTITUTED = 3
    SOLVED = 4


@dataclass(frozen=True)
class Item:
    """A line of an exercise.

    Attributes
    ----------
    line : ExplainedLine
        Solved, rounded as on paper; of a line with a mistake, as it was done.
    shown : Shown
    answer : float
        The result, rounded as on paper.
    tolerance : float
        By how much an answer may differ: rounding at each line, or at none, is right.
    """

    line: ExplainedLine
    shown: Shown
    answer: float
    tolerance: float


@dataclass(frozen=True)
class Mistake:
    """The mistake of an exercise.

    Attributes
    ----------
    number : int
        Of the line, from 1.
    said : str
        What was done wrong.
    right : Item
        The line as it should be.
    """

    number: int
    said: str
    right: Item


@dataclass(frozen=True)
class Exercise:
    """An exercise: what is given, and lines in sections.

    Attributes
    ----------
    kind : str
        "blanks", "faded" or "error".
    trace : Trace
    notation : Notation
    given : tuple of ExplainedLine
    sections : tuple of (str, tuple of Item)
    mistake : Mistake or None
    """

    kind: str
    trace: Trace
    notation: Notation
    given: tuple[ExplainedLine, ...]
    sections: tuple[tuple[str, tuple[Item, ...]], ...]
    mistake: Mistake | None = None

    @property
    def items(self) -> list[Item]:
        """The lines of all sections."""
        return [item for _, items in self.sections for item in items]


def exercise(
    kind: str, wanted: Wanted, seed: int, number: int, notation: Notation, decimals: int
) -> Exercise:
    """Return an exercise, whose solution was verified.

    Parameters
    ----------
    kind : str
        "blanks": results are to be filled in; "faded": the first lines are solved, and less and
        less is given of those that follow; "error": one line is wrong.
    wanted : Wanted
    seed, number : int
    notation : Notation
    decimals : int
        To which each line is rounded before the next uses it.

    Raises
    ------
    ValueError
        If a solution doesn't agree with the engine.
    """
    maker = _Maker(drawn_step(wanted, seed, number), notation, decimals)
    if kind == "error":
        return maker.with_mistake(np.random.default_rng([seed, number]))
    count = len(maker.quantities)
    shown = [Shown.FORMULA] * count if kind == "blanks" else _fading(count)
    return maker.exercise(kind, shown)


def _fading(count: int) -> list[Shown]:
    """Return how much of each line is given: all of the first ones, and less and less."""
    levels = (Shown.SOLVED, Shown.SUBSTITUTED, Shown.FORMULA, Shown.SYMBOL)
    return [levels[min(4 * n // count, 3)] for n in range(count)]


class _Maker:
    """Exercises on a step."""

    def __init__(self, trace: Trace, notation: Notation, decimals: int) -> None:
        self._trace, self._notation, self._decimals = trace, notation, decimals
        self._exact, self._paper = Equations(trace), Equations(trace, decimals)
        self._sections = _sections(self._exact)
        self.quantities = [q for _, quantities in self._sections for q in quantities]
        self._verify()

    def exercise(self, kind: str, shown: Sequence[Shown]) -> Exercise:
        """Return an exercise with so much of each line."""
        items = [
            self._item(q, self._paper, how) for q, how in zip(self.quantities, shown, strict=True)
        ]
        return Exercise(kind, self._trace, self._notation, self._given(), self._grouped(items))

    def with_mistake(self, rng: np.random.Generator) -> Exercise:
        """Return an exercise in which one line is wrong, and all behind it follow from it."""
        possible = [
            (place, slip, wrong)
            for place, q in enumerate(self.quantities)
            for slip in SLIPS
            if q.kind in slip.kinds and (wrong := self._wrong(q, slip)) is not None
        ]
        require(bool(possible), "there is no line of this step that could be wrong")
        said = sorted({slip.said for _, slip, _ in possible})
        chosen = said[int(rng.integers(len(said)))]
        of_it = [one for one in possible if one[1].said == chosen]
        place, slip, wrong = of_it[int(rng.integers(len(of_it)))]
        quantity = self.quantities[place]
        done = Equations(self._trace, self._decimals, {quantity: wrong})
        items = [self._item(q, done, Shown.SOLVED) for q in self.quantities]
        right = self._item(quantity, self._paper, Shown.SOLVED)
        mistake = Mistake(place + 1, slip.said, right)
        return Exercise(
            "error", self._trace, self._notation, self._given(), self._grouped(items), mistake
        )

    def _wrong(self, quantity: Quantity, slip: Slip) -> Expression | None:
        """Return the wrong equation, where the mistake can be seen in the number."""
        formula = self._paper.formula(quantity)
        wrong = slip.change(formula) if formula is not None else None
        if wrong is None:
            return None
        made = Equations(self._trace, self._decimals, {quantity: wrong}).number(quantity)
        right = self._paper.number(quantity)
        return wrong if abs(made - right) > _APART * max(abs(right), 0.1) else None

    def _item(self, quantity: Quantity, equations: Equations, shown: Shown) -> Item:
        scale = self._notation.scale(quantity)
        line = Lines(equations, self._notation, None, reference=False).line(quantity)
        answer, exact = equations.number(quantity), self._exact.number(quantity)
        way = abs(self._paper.number(quantity) - exact)
        tolerance = way + _ROUNDINGS * 10.0**-self._decimals
        return Item(line, shown, answer * scale, tolerance * abs(scale))

    def _given(self) -> tuple[ExplainedLine, ...]:
        made = set(self.quantities)
        needed = dict.fromkeys(q for one in self.quantities for q in self._exact.needed(one))
        lines = Lines(self._exact, self._notation, None, reference=False)
        given = [q for q in needed if q not in made and self._exact.formula(q) is None]
        return tuple(lines.line(q) for q in sorted(given, key=_given_first))

    def _grouped(self, items: list[Item]) -> tuple[tuple[str, tuple[Item, ...]], ...]:
        left = iter(items)
        return tuple(
            (title, tuple(next(left) for _ in quantities)) for title, quantities in self._sections
        )

    def _verify(self) -> None:
        """Raise ``ValueError`` unless the solutions are the engine's and can be derived again."""
        verify(receipt(self._exact, self.quantities))
        for quantity in self.quantities:
            on_paper, engine = self._paper.number(quantity), self._exact.number(quantity)
            require(
                abs(on_paper - engine) <= _CLOSE * max(abs(engine), 0.1),
                f"{quantity} is {on_paper} on paper and {engine} in the engine: take more decimals",
            )


def _given_first(quantity: Quantity) -> tuple[int, int, tuple[int, ...]]:
    kinds = ("activations", "targets", "weights", "biases")
    place = kinds.index(quantity.kind) if quantity.kind in kinds else len(kinds)
    return place, quantity.layer, tuple(n for n in quantity.at if isinstance(n, int))


def _sections(equations: Equations) -> list[tuple[str, tuple[Quantity, ...]]]:
    """Return the step, forward to update: of the gradient and the update one unit a layer."""
    sections = [
        (section.title, section.quantities)
        for section in zooms.sample(equations, 0, None)
        if not section.title.startswith(("Gradient", "Update"))
    ]
    for layer in reversed(range(equations.spec.n_layers)):
        fan_in = equations.spec.shapes[layer][0]
        places: list[tuple[int, ...]] = [(k, 0) for k in range(fan_in)]
        gradients = [Quantity("weight_gradients", layer, at) for at in places]
        gradients.append(Quantity("bias_gradients", layer, (0,)))
        made = [q for at in (*places, (0,)) for q in equations.update_of(layer, at)]
        sections.append((f"Gradient and update, layer {layer}, into unit 0", (*gradients, *made)))
    return sections
