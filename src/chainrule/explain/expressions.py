"""Expressions: the small tree that every equation is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from chainrule.explain.quantities import Quantity


@dataclass(frozen=True)
class Expression:
    """Base of the nodes."""

    def parts(self) -> Iterator[Expression]:
        """Yield the expressions right below this one."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Expression):
                yield value
            elif isinstance(value, tuple):
                yield from (part for part in value if isinstance(part, Expression))


@dataclass(frozen=True)
class Constant(Expression):
    """A number that belongs to the formula, as it is written: ½, 0.01, 2."""

    value: float
    text: str


@dataclass(frozen=True)
class Letter(Expression):
    """A letter of a formula, with what is written below and above it: w, j k, l."""

    name: str
    below: str = ""
    above: str = ""


@dataclass(frozen=True)
class Reference(Expression):
    """A quantity of a step, whose number stands in its place when it is substituted."""

    quantity: Quantity


@dataclass(frozen=True)
class Value(Expression):
    """A number that was substituted, and the quantity that it is."""

    value: float
    quantity: Quantity


@dataclass(frozen=True)
class Sum(Expression):
    """The sum of its terms; a term that is ``Negative`` is taken away."""

    terms: tuple[Expression, ...]


@dataclass(frozen=True)
class Product(Expression):
    """The product of its factors; 0 where one is 0, whatever the others: 0 ln 0 is 0."""

    factors: tuple[Expression, ...]


@dataclass(frozen=True)
class Quotient(Expression):
    """One divided by the other."""

    top: Expression
    bottom: Expression


@dataclass(frozen=True)
class Power(Expression):
    """A base to an exponent."""

    base: Expression
    exponent: Expression


@dataclass(frozen=True)
class Negative(Expression):
    """-x."""

    of: Expression


@dataclass(frozen=True)
class Call(Expression):
    """A function of its arguments; a name of ``FUNCTIONS``."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Comparison(Expression):
    """-3 < z < 3: operands, and the relations between them."""

    operands: tuple[Expression, ...]
    relations: tuple[str, ...]


@dataclass(frozen=True)
class Cases(Expression):
    """The first value whose condition holds, or the other."""

    value: Expression
    condition: Comparison
    otherwise: Expression


@dataclass(frozen=True)
class Derivative(Expression):
    """The symbol ∂of/∂by; a name, which has no value of its own."""

    of: Expression
    by: Expression


@dataclass(frozen=True)
class Series(Expression):
    """Σ over an index: a pattern in which the index stands, and the terms, in the order of the sum.

    Without an index it is over all there are of the letter in the pattern.

    Of a formula that is not yet about a step there is the pattern alone.
    """

    index: str
    pattern: Expression
    terms: Sequence[Expression] = ()

    def parts(self) -> Iterator[Expression]:
        """Yield the terms."""
        yield from self.terms

    def at(self, n: int) -> Expression:
        """Return the pattern with a number in the place of the index."""

        def change(node: Expression) -> Expression | None:
            if not isinstance(node, Reference):
                return None
            at = tuple(n if place == self.index else place for place in node.quantity.at)
            return Reference(node.quantity._replace(at=at))

        return mapped(self.pattern, change)


@dataclass(frozen=True)
class Matrix(Expression):
    """Expressions in rows and columns."""

    rows: tuple[tuple[Expression, ...], ...]

    def parts(self) -> Iterator[Expression]:
        """Yield the entries, row by row."""
        for row in self.rows:
            yield from row


@dataclass(frozen=True)
class Omitted(Expression):
    """So many terms of a sum, and what they are together, that aren't written down."""

    count: int
    value: float


ONE = Constant(1.0, "1")
ZERO = Constant(0.0, "0")
HALF = Constant(0.5, "½")


def total(*terms: Expression) -> Expression:
    """Return the sum of terms, of which those that are 0 are left out."""
    kept = tuple(term for term in terms if term != ZERO)
    return kept[0] if len(kept) == 1 else Sum(kept) if kept else ZERO


def product(*factors: Expression) -> Expression:
    """Return the product of factors, of which those that are 1 are left out."""
    kept = tuple(factor for factor in factors if factor != ONE)
    return kept[0] if len(kept) == 1 else Product(kept) if kept else ONE


def whole(number: int) -> Constant:
    """Return a whole number."""
    return Constant(float(number), str(number))


def mapped(tree: Expression, change: Callable[[Expression], Expression | None]) -> Expression:
    """Return the tree with each node that ``change`` has something for in its place."""
    changed = change(tree)
    if changed is not None:
        return changed
    if isinstance(tree, Series):
        return replace(
            tree,
            pattern=mapped(tree.pattern, change),
            terms=Mapped(tree.terms, lambda term: mapped(term, change)),
        )
    new: dict[str, Any] = {}
    for field in fields(tree):
        value = getattr(tree, field.name)
        if isinstance(value, Expression):
            new[field.name] = mapped(value, change)
        elif isinstance(value, tuple) and value and isinstance(value[0], Expression):
            new[field.name] = tuple(mapped(part, change) for part in value)
    return replace(tree, **new) if new else tree


class Mapped(Sequence[Expression]):
    """The terms of a series, each made when it is asked for: there may be thousands.

    Parameters
    ----------
    terms : sequence
    make : callable
        Makes an expression of each.
    """

    def __init__(self, terms: Sequence[Any], make: Callable[[Any], Expression]) -> None:
        self._terms, self._make = terms, make

    def __len__(self) -> int:
        return len(self._terms)

    def __getitem__(self, place: Any) -> Any:  # noqa: ANN401
        if isinstance(place, slice):
            return [self._make(term) for term in self._terms[place]]
        return self._make(self._terms[place])


def bound(tree: Expression, letters: Mapping[str, Expression]) -> Expression:
    """Return a formula with expressions in the places of its letters.

    Examples
    --------
    >>> bound(Sum((Letter("z"), ONE)), {"z": HALF})
    Sum(terms=(Constant(value=0.5, text='½'), Constant(value=1.0, text='1')))
    """

    def change(node: Expression) -> Expression | None:
        return letters.get(node.name) if isinstance(node, Letter) else None

    return mapped(tree, change)


def references(tree: Expression) -> Iterator[Quantity]:
    """Yield the quantities of an expression, from left to right."""
    if isinstance(tree, Reference):
        yield tree.quantity
    for part in tree.parts():
        yield from references(part)


# -- numbers -------------------------------------------------------------------------------------


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _ln(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf if x == 0 else math.nan


def _sigma(x: float) -> float:
    return 1 / (1 + _exp(-x)) if x >= 0 else _exp(x) / (1 + _exp(x))


def _cosh(x: float) -> float:
    try:
        return math.cosh(x)
    except OverflowError:
        return math.inf


FUNCTIONS: dict[str, Callable[..., float]] = {
    "exp": _exp,
    "ln": _ln,
    "sqrt": lambda x: math.sqrt(x) if x >= 0 else math.nan,
    "tanh": math.tanh,
    "cosh": _cosh,
    "sin": math.sin,
    "cos": math.cos,
    "abs": abs,
    "sign": lambda x: math.copysign(1.0, x) if x else 0.0,
    "max": max,
    "min": min,
    "σ": _sigma,
    "Φ": lambda x: 0.5 * math.erfc(-x / math.sqrt(2)),
}

_HOLDS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "≤": lambda a, b: a <= b,
    "≥": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
}


def holds(condition: Comparison, number: Callable[[Quantity], float]) -> bool:
    """Return whether a condition holds with these numbers."""
    values = [evaluated(operand, number) for operand in condition.operands]
    pairs = zip(values[:-1], condition.relations, values[1:], strict=True)
    return all(_HOLDS[relation](a, b) for a, relation, b in pairs)


def evaluated(tree: Expression, number: Callable[[Quantity], float]) -> float:
    """Return the number that an expression is, in float64, its quantities having these numbers.

    Raises
    ------
    TypeError
        If it has a letter without a number.
    """

    def of(part: Expression) -> float:
        return evaluated(part, number)

    match tree:
        case Constant(value=value) | Value(value=value) | Omitted(value=value):
            return value
        case Reference(quantity=quantity):
            return float(number(quantity))
        case Sum(terms=terms) | Series(terms=terms):
            return sum(map(of, terms), 0.0)
        case Product(factors=factors):
            values = list(map(of, factors))
            return 0.0 if 0.0 in values else math.prod(values)
        case Quotient(top=top, bottom=bottom):
            return _divided(of(top), of(bottom))
        case Power(base=base, exponent=exponent):
            return _power(of(base), of(exponent))
        case Negative(of=inner):
            return -of(inner)
        case Call(function=name, arguments=arguments):
            return FUNCTIONS[name](*map(of, arguments))
        case Cases(value=value, condition=condition, otherwise=otherwise):
            return of(value if holds(condition, number) else otherwise)
    raise TypeError(f"{tree!r} has no number")


def _divided(top: float, bottom: float) -> float:
    if bottom:
        return top / bottom
    return math.nan if top == 0 or math.isnan(top) else math.copysign(math.inf, top)


def _power(base: float, exponent: float) -> float:
    try:
        return float(base**exponent)
    except ZeroDivisionError:
        return math.inf
    except OverflowError:
        return math.inf
