"""Equations as sentences, to be heard."""

from collections.abc import Sequence

from chainrule.explain.expressions import Expression, Letter
from chainrule.explain.letters import GREEK, accented, parted
from chainrule.explain.writing import Strength, Writer, Written

_WORDS = {"½": "one half", "π": "pi"}
_RELATIONS = {
    "<": "is less than", ">": "is greater than", "≤": "is at most", "≥": "is at least",
    "=": "equals",
}  # fmt: skip
_FUNCTIONS = {
    "exp": "e to the power of", "ln": "the logarithm of", "sqrt": "the square root of",
    "abs": "the absolute value of", "tanh": "the hyperbolic tangent of",
    "cosh": "the hyperbolic cosine of", "sin": "the sine of", "cos": "the cosine of",
    "max": "the larger of", "min": "the smaller of", "sign": "the sign of", "σ": "the sigmoid of",
    "norm": "the norm of", "Φ": "the normal distribution function of",
}  # fmt: skip


class SpeechWriter(Writer):
    """Writes words.

    Examples
    --------
    >>> from chainrule.explain.formulas import formula
    >>> SpeechWriter(lambda quantity: Letter(quantity.kind)).write(formula("½ (a - y)²"))
    'one half times the quantity a minus y, end quantity, squared'
    """

    def bracketed(self, text: str) -> str:
        """Return it between words for brackets."""
        return f"the quantity {text}, end quantity,"

    def joined(self, parts: Sequence[str], between: str = "") -> str:
        """Return the parts one after the other, with a verb between them."""
        return {"=": " equals ", "←": " becomes "}.get(between, " ").join(parts)

    def constant(self, text: str) -> str:
        """Return a number as the formula has it."""
        return _WORDS.get(text, text)

    def number(self, mantissa: str, exponent: str) -> str:
        """Return a number ≥ 0."""
        power = exponent.replace("-", "minus ")
        return f"{mantissa} times ten to the {power}" if exponent else mantissa

    def letter(self, letter: Letter) -> str:
        """Return the name of a letter, what is below, and what is above."""
        letter, primes = parted(letter)
        plain, accent = accented(letter.name)
        name = GREEK.get(plain, plain).removeprefix("var").replace("ell", "l")
        name += f" {accent[1]}" if accent else ""
        name += " prime" * len(primes)
        below = f" {' '.join(letter.below.replace(',', ' ').split())}" if letter.below else ""
        if letter.below.isalnum() and not letter.below.isdigit() and len(letter.below) < 4:
            below = " " + " ".join(letter.below)
        return name + below + (f" of {letter.above}" if letter.above else "")

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        """Return the size of a matrix, and its rows."""
        spoken = "; ".join("row: " + ", ".join(row) for row in rows)
        return f"the matrix of {len(rows)} rows, {spoken}, end matrix"

    def omitted(self, count: int) -> str:
        """Return how many terms are left out."""
        return f"{count} more terms"

    def derivative(self, of: str, by: str) -> Written:
        """Return a derivative."""
        return f"the derivative of {of} by {by}", Strength.ATOM

    def signed(self, sign: str, text: str, first: bool) -> str:
        """Return a term with its sign, plus only where it isn't the first."""
        word = "plus " if sign == "+" else "minus "
        return ("" if first and sign == "+" else word) + text

    def series(self, index: str, pattern: str) -> str:
        """Return a sum over an index."""
        return f"the sum over {index} of {pattern}" if index else f"the sum of all {pattern}"

    def multiplied(self, factors: Sequence[str], dots: Sequence[bool]) -> str:  # noqa: ARG002
        """Return factors, times each other."""
        return " times ".join(factors)

    def quotient(self, top: Expression, bottom: Expression) -> Written:
        """Return one divided by the other."""
        over = f"{self.write(top, Strength.PRODUCT)} over {self.write(bottom, Strength.POWER)}"
        return over, Strength.PRODUCT

    def power(self, base: str, exponent: str) -> str:
        """Return a power."""
        return f"{base} squared" if exponent == "2" else f"{base} to the power of {exponent}"

    def call(self, name: str, arguments: Sequence[Expression]) -> Written:
        """Return a function of its arguments."""
        inner = " and ".join(self.write(argument, Strength.PRODUCT) for argument in arguments)
        return f"{_FUNCTIONS[name]} {inner}", Strength.POWER

    def compared(self, operands: Sequence[str], relations: Sequence[str]) -> str:
        """Return a chain of comparisons."""
        pairs = zip(relations, operands[1:], strict=True)
        return operands[0] + "".join(f" {_RELATIONS[r]} {x}" for r, x in pairs)

    def cases(self, value: str, condition: str, otherwise: str) -> str:
        """Return a choice."""
        return f"{value} if {condition}, otherwise {otherwise}"
