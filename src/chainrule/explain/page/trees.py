"""Expressions as lists that JSON can hold: an operation first, its parts behind it.

``["+", x, y]``, ``["*", x, y]``, ``["/", x, y]``, ``["^", x, y]``, ``["-", x]``,
``["call", name, x, …]``, ``["compare", relations, x, y, …]``,
``["if", value, condition, otherwise]``, ``["constant", number, text]``, ``["letter", name]``;
``["of", kind, layer, indices, name]`` is a quantity, its layer counted from that of the quantity
whose equation this is, null where it has none, and its indices letters, where ``i`` is a sample;
``["sum", index, count, pattern]`` is a series, over the samples of the batch where the index is i,
and ``["sum", index, count, pattern, x, …]`` one whose terms don't follow the pattern;
``["all", letter, pattern, what]`` is one over all weights, or over all derivatives.
"""

from collections.abc import Callable
from typing import Any

from chainrule.explain.expressions import (
    Call,
    Cases,
    Comparison,
    Constant,
    Expression,
    Letter,
    Negative,
    Power,
    Product,
    Quotient,
    Reference,
    Series,
    Sum,
    references,
)
from chainrule.explain.quantities import Quantity

Tree = Any  # what JSON can hold


class TreeEncoder:
    """Encodes the equation of a quantity.

    Parameters
    ----------
    layer : int
        Of the quantity.
    met : callable
        Is told each quantity that the equation is made of.
    """

    def __init__(self, layer: int, met: Callable[[Quantity], None]) -> None:
        self._layer, self._met = layer, met

    def encoded(self, tree: Expression) -> Tree:
        """Return an expression as lists."""
        of = self.encoded
        match tree:
            case Reference(quantity=quantity):
                return self._quantity(quantity)
            case Constant(value=value, text=text):
                return ["constant", value, text]
            case Letter(name=name):
                return ["letter", name]
            case Sum(terms=parts):
                return ["+", *map(of, parts)]
            case Product(factors=parts):
                return ["*", *map(of, parts)]
            case Quotient(top=top, bottom=bottom):
                return ["/", of(top), of(bottom)]
            case Power(base=base, exponent=exponent):
                return ["^", of(base), of(exponent)]
            case Negative(of=inner):
                return ["-", of(inner)]
            case Call(function=name, arguments=parts):
                return ["call", name, *map(of, parts)]
            case Comparison(operands=operands, relations=relations):
                return ["compare", list(relations), *map(of, operands)]
            case Cases(value=value, condition=condition, otherwise=otherwise):
                return ["if", of(value), of(condition), of(otherwise)]
            case Series():
                return self._series(tree)
        raise TypeError(f"{tree!r} can't stand on a page")

    def _quantity(self, quantity: Quantity) -> Tree:
        self._met(quantity)
        layer = None if quantity.layer < 0 else quantity.layer - self._layer
        return ["of", quantity.kind, layer, list(quantity.at), quantity.name]

    def _series(self, series: Series) -> Tree:
        count = len(series.terms)
        if not series.index:
            first = next(references(series.terms[0]))
            self._met(first)
            (letter,) = (node.name for node in _letters(series.pattern))
            what = "weights" if first.kind == "weights" else "derivatives"
            return ["all", letter, self.encoded(series.pattern), what]
        head = ["sum", series.index, count, self.encoded(series.pattern)]
        follows = all(series.terms[n] == series.at(n) for n in {0, count // 2, count - 1})
        return head if follows else [*head, *map(self.encoded, series.terms)]


def _letters(tree: Expression) -> list[Letter]:
    found = [tree] if isinstance(tree, Letter) else []
    return found + [one for part in tree.parts() for one in _letters(part)]
