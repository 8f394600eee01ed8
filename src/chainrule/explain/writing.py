"""Writer: an expression on a line, whatever the line is made of; text, LaTeX, MathML, speech."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from enum import IntEnum

from chainrule.explain.expressions import (
    Call,
    Cases,
    Comparison,
    Constant,
    Derivative,
    Expression,
    Letter,
    Matrix,
    Negative,
    Omitted,
    Power,
    Product,
    Quotient,
    Reference,
    Series,
    Sum,
    Value,
)
from chainrule.explain.quantities import Quantity

Symbols = Callable[[Quantity], Expression]


class Strength(IntEnum):
    """How strongly the parts of what was written hold together."""

    CHOICE = 0
    SUM = 1
    PRODUCT = 2
    POWER = 3
    ATOM = 4


Written = tuple[str, Strength]


class Writer(ABC):
    """Base of the writers; each says how one kind of line is made, and this where brackets are.

    Parameters
    ----------
    symbol : callable
        Returns the symbol of a quantity, in the notation that is asked for.
    digits : int
        Significant digits of numbers.
    expanded : int
        A sum of at most so many terms is written term by term, a longer one as Σ.
    """

    def __init__(self, symbol: Symbols, digits: int = 6, expanded: int = 4) -> None:
        self._symbol, self.digits, self._expanded = symbol, digits, expanded

    def write(self, tree: Expression, least: Strength = Strength.CHOICE) -> str:
        """Return the expression, in brackets if its parts hold together less than asked for."""
        text, strength = self._written(tree)
        return self.bracketed(text) if strength < least else text

    def equation(self, *sides: Expression, sign: str = "=") -> str:
        """Return sides that are equal; the first may become (←) the others."""
        first, *rest = [self.write(side) for side in sides]
        return self.joined([first, self.joined(rest, "=")], sign) if rest else first

    def _written(self, tree: Expression) -> Written:
        match tree:
            case Reference(quantity=quantity):
                return self._written(self._symbol(quantity))
            case Constant(text=text):
                return self.constant(text), Strength.ATOM
            case Letter():
                return self.letter(tree), Strength.ATOM
            case Value(value=value):
                return self._number(value)
            case Matrix(rows=rows):
                cells = [[self.write(cell) for cell in row] for row in rows]
                return self.matrix(cells), Strength.ATOM
            case Omitted(count=count):
                return self.omitted(count), Strength.ATOM
            case Derivative(of=of, by=by):
                return self.derivative(self.write(of), self.write(by))
            case Negative(of=of):
                return self.signed("-", self.write(of, Strength.PRODUCT), first=True), Strength.SUM
            case Sum(terms=terms):
                return self._sum(terms)
            case Series():
                return self._series(tree)
            case Product(factors=factors):
                return self._product(factors)
            case Quotient(top=top, bottom=bottom):
                return self.quotient(top, bottom)
            case Power(base=base, exponent=exponent):
                text = self.power(self.write(base, Strength.ATOM), self.write(exponent))
                return text, Strength.POWER
            case Call(function=name, arguments=arguments):
                return self.call(name, arguments)
            case Comparison(operands=operands, relations=relations):
                parts = [self.write(operand, Strength.SUM) for operand in operands]
                return self.compared(parts, relations), Strength.CHOICE
            case Cases(value=value, condition=condition, otherwise=otherwise):
                parts = [self.write(part) for part in (value, condition, otherwise)]
                return self.cases(*parts), Strength.CHOICE
        raise TypeError(f"{tree!r} can't be written")

    def _number(self, value: float) -> Written:
        digits = f"{value + 0.0:.{self.digits}g}"  # -0 is 0
        mantissa, e, exponent = digits.partition("e")
        text = self.number(mantissa.lstrip("-"), str(int(exponent)) if e else "")
        if digits.startswith("-"):
            return self.signed("-", text, first=True), Strength.SUM
        return text, Strength.PRODUCT if e else Strength.ATOM

    def _sum(self, terms: Sequence[Expression]) -> Written:
        parts = []
        for place, term in enumerate(self._spread(terms)):
            sign = "-" if isinstance(term, Negative) else "+"
            inner = term.of if isinstance(term, Negative) else term
            text = self.write(inner, Strength.PRODUCT)
            parts.append(self.signed(sign, text, first=place == 0))
        return self.joined(parts), Strength.SUM

    def _spread(self, terms: Sequence[Expression]) -> list[Expression]:
        """Return the terms, a short series among them term by term."""
        spread: list[Expression] = []
        for term in terms:
            if isinstance(term, Sum):
                spread += self._spread(term.terms)
            elif isinstance(term, Series) and 0 < len(term.terms) <= self._expanded:
                spread += list(term.terms)
            else:
                spread.append(term)
        return spread

    def _series(self, series: Series) -> Written:
        if 0 < len(series.terms) <= self._expanded:
            terms = tuple(series.terms)
            return self._written(terms[0] if len(terms) == 1 else Sum(terms))
        pattern = self.write(series.pattern, Strength.PRODUCT)
        return self.series(series.index, pattern), Strength.PRODUCT

    def _product(self, factors: Sequence[Expression]) -> Written:
        texts = []
        for place, factor in enumerate(factors):
            last = place == len(factors) - 1
            least = Strength.PRODUCT if last and _opens_safely(factor) else Strength.POWER
            texts.append(self.write(factor, least))
        dots = [_opens_with_number(factor) for factor in factors[1:]]
        return self.multiplied(texts, dots), Strength.PRODUCT

    # -- what a kind of line is made of ---------------------------------------------------------

    @abstractmethod
    def bracketed(self, text: str) -> str:
        """Return it in brackets."""

    @abstractmethod
    def joined(self, parts: Sequence[str], between: str = "") -> str:
        """Return the parts beside each other, with =, ← or nothing between them."""

    @abstractmethod
    def constant(self, text: str) -> str:
        """Return a number as the formula has it."""

    @abstractmethod
    def number(self, mantissa: str, exponent: str) -> str:
        """Return a number ≥ 0, with a power of ten if there is an exponent."""

    @abstractmethod
    def letter(self, letter: Letter) -> str:
        """Return a letter with what is below and above."""

    @abstractmethod
    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        """Return entries in rows and columns."""

    @abstractmethod
    def omitted(self, count: int) -> str:
        """Return dots for so many terms."""

    @abstractmethod
    def derivative(self, of: str, by: str) -> Written:
        """Return ∂of/∂by."""

    @abstractmethod
    def signed(self, sign: str, text: str, first: bool) -> str:
        """Return a term with its sign, + only where it isn't the first."""

    @abstractmethod
    def series(self, index: str, pattern: str) -> str:
        """Return Σ over an index."""

    @abstractmethod
    def multiplied(self, factors: Sequence[str], dots: Sequence[bool]) -> str:
        """Return factors beside each other, with a dot between two where that is asked for."""

    @abstractmethod
    def quotient(self, top: Expression, bottom: Expression) -> Written:
        """Return a fraction."""

    @abstractmethod
    def power(self, base: str, exponent: str) -> str:
        """Return a power."""

    @abstractmethod
    def call(self, name: str, arguments: Sequence[Expression]) -> Written:
        """Return a function of its arguments."""

    @abstractmethod
    def compared(self, operands: Sequence[str], relations: Sequence[str]) -> str:
        """Return a chain of comparisons."""

    @abstractmethod
    def cases(self, value: str, condition: str, otherwise: str) -> str:
        """Return a choice."""


def _opens_with_number(tree: Expression) -> bool:
    """Return whether what stands before it needs a dot in between."""
    match tree:
        case Power(base=first) | Negative(of=first) | Quotient(top=first):
            return _opens_with_number(first)
        case Product(factors=(first, *_)):
            return _opens_with_number(first)
    return isinstance(tree, Value) or (isinstance(tree, Constant) and tree.text[0].isdigit())


def _opens_safely(tree: Expression) -> bool:
    return isinstance(tree, Call | Quotient | Series)
