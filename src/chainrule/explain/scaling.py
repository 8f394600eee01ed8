"""Expressions whose signs and factors are moved to where a person would write them."""

from collections.abc import Callable
from dataclasses import replace

from chainrule.explain.expressions import (
    ONE,
    Constant,
    Expression,
    Mapped,
    Negative,
    Product,
    Quotient,
    Reference,
    Series,
    Sum,
    mapped,
)
from chainrule.explain.quantities import Quantity

_TEXTS = {0.5: "½", 2.0: "2", 0.25: "0.25"}


def scaled(tree: Expression, by: float) -> Expression:
    """Return a multiple of an expression, tidied: -(a - y) is y - a, and 2 · ½ x is x.

    Examples
    --------
    >>> from chainrule.explain.formulas import formula
    >>> scaled(formula("½ (a - y)²"), 2.0) == formula("(a - y)²")
    True
    >>> scaled(formula("(a - y) z"), -1.0) == formula("(y - a) z")
    True
    """
    coefficient, rest = _split(tree)
    return _joined(coefficient * by, rest)


def in_notation(
    tree: Expression, scale: Callable[[Quantity], float], quantity: Quantity
) -> Expression:
    """Return the equation of a quantity among those of a notation, which are multiples of ours.

    Parameters
    ----------
    tree : Expression
    scale : callable
        Returns what the notation's number is times ours.
    quantity : Quantity
        Whose equation it is.
    """

    def change(node: Expression) -> Expression | None:
        if not isinstance(node, Reference):
            return None
        factor = scale(node.quantity)
        return node if factor == 1 else scaled(node, 1 / factor)

    return scaled(mapped(tree, change), scale(quantity))


def _split(tree: Expression) -> tuple[float, Expression]:
    """Return the numerical factor of an expression, and the rest of it."""
    match tree:
        case Constant(value=value, text=text) if text in _TEXTS.values() or value == 1:
            return value, ONE
        case Negative(of=of):
            coefficient, rest = _split(of)
            return -coefficient, rest
        case Product(factors=factors):
            parts = [_split(factor) for factor in factors]
            coefficient = 1.0
            for part, _ in parts:
                coefficient *= part
            kept = [rest for _, rest in parts if rest != ONE]
            return coefficient, Product(tuple(kept)) if len(kept) > 1 else (kept or [ONE])[0]
        case Quotient(top=top, bottom=bottom):
            above, rest = _split(top)
            return above, Quotient(rest, bottom)
        case Series(pattern=pattern, terms=terms):
            coefficient, rest = _split(pattern)
            tidy = Mapped(terms, lambda term: scaled(term, 1 / coefficient))
            return coefficient, replace(tree, pattern=rest, terms=tidy)
        case Sum(terms=terms):
            return 1.0, Sum(tuple(scaled(term, 1.0) for term in terms))
    return 1.0, tree


def _joined(coefficient: float, rest: Expression) -> Expression:
    if coefficient < 0:
        turned = _turned(rest)
        if turned is None:
            return Negative(_joined(-coefficient, rest))
        return _joined(-coefficient, turned)
    if coefficient == 1:
        return rest
    number = Constant(coefficient, _TEXTS.get(coefficient, f"{coefficient:g}"))
    factors = rest.factors if isinstance(rest, Product) else (rest,)
    return number if rest == ONE else Product((number, *factors))


def _turned(tree: Expression) -> Expression | None:
    """Return -tree, where that is as short: of a difference, or a product with one."""
    if isinstance(tree, Sum) and len(tree.terms) == 2:
        first, second = tree.terms
        if isinstance(second, Negative) and not isinstance(first, Negative):
            return Sum((second.of, Negative(first)))
    if isinstance(tree, Product):
        for place, factor in enumerate(tree.factors):
            turned = _turned(factor)
            if turned is not None:
                rest = tree.factors[place + 1 :]
                return Product((*tree.factors[:place], turned, *rest))
    return None
