"""Substituting: numbers in the places of quantities, and long sums shortened."""

from collections.abc import Callable

from chainrule.explain.expressions import (
    Cases,
    Expression,
    Omitted,
    Reference,
    Series,
    Sum,
    Value,
    evaluated,
    holds,
    mapped,
)
from chainrule.explain.quantities import Quantity

Number = Callable[[Quantity], float]


def substituted(tree: Expression, number: Number, most: int | None) -> Expression:
    """Return an expression with its numbers: of a choice what holds, of a long sum a part.

    Parameters
    ----------
    tree : Expression
    number : callable
        Returns the number of a quantity.
    most : int or None
        Terms that are kept of a sum, those of the largest size; None for all.
    """

    def change(node: Expression) -> Expression | None:
        if isinstance(node, Reference):
            return Value(number(node.quantity), node.quantity)
        if isinstance(node, Cases):
            chosen = node.value if holds(node.condition, number) else node.otherwise
            return mapped(chosen, change)
        if isinstance(node, Series):
            return mapped(Sum(tuple(_kept(node, number, most))), change)
        return None

    return mapped(tree, change)


def _kept(series: Series, number: Number, most: int | None) -> list[Expression]:
    """Return the terms to be shown, in their order, with dots in the places of the others."""
    terms = list(series.terms)
    if most is None or len(terms) <= most + 1:
        return terms
    values = [evaluated(term, number) for term in terms]
    largest = sorted(range(len(terms)), key=lambda n: -abs(values[n]))[:most]
    shown: list[Expression] = []
    before = 0
    for place in (*sorted(largest), len(terms)):
        if place == before + 1:  # dots for one would be no shorter
            shown.append(terms[before])
        elif place > before:
            shown.append(Omitted(place - before, sum(values[before:place])))
        if place < len(terms):
            shown.append(terms[place])
        before = place + 1
    return shown
