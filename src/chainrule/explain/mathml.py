"""Equations as MathML, of the elements of MathML Core."""

from collections.abc import Sequence
from html import escape

from chainrule.explain.expressions import Expression, Letter
from chainrule.explain.letters import accented, parted
from chainrule.explain.writing import Strength, Writer, Written

_HALF = "<mfrac><mn>1</mn><mn>2</mn></mfrac>"
_TIMES, _DOT, _MINUS = "\u2062", "\u22c5", "\u2212"  # the first can't be seen


class MathmlWriter(Writer):
    """Writes presentation MathML; ``math`` makes the element of an equation.

    Examples
    --------
    >>> from chainrule.explain.formulas import formula
    >>> MathmlWriter(lambda quantity: Letter(quantity.kind)).write(formula("y / a"))
    '<mfrac><mi>y</mi><mi>a</mi></mfrac>'
    """

    def math(self, *sides: Expression, sign: str = "=") -> str:
        """Return the element of an equation, in display style."""
        return f'<math display="block">{self.equation(*sides, sign=sign)}</math>'

    def bracketed(self, text: str) -> str:
        """Return it in brackets."""
        return f"<mrow><mo>(</mo>{text}<mo>)</mo></mrow>"

    def joined(self, parts: Sequence[str], between: str = "") -> str:
        """Return the parts in a row, with =, ← or nothing between them."""
        return _row((f"<mo>{between}</mo>" if between else "").join(parts))

    def constant(self, text: str) -> str:
        """Return a number as the formula has it."""
        if text == "½":
            return _HALF
        return f"<mi>{text}</mi>" if text == "π" else f"<mn>{text}</mn>"

    def number(self, mantissa: str, exponent: str) -> str:
        """Return a number ≥ 0, with a power of ten if there is an exponent."""
        mantissa = {"inf": "∞"}.get(mantissa, mantissa)
        if not exponent:
            return f"<mn>{mantissa}</mn>"
        power = f"<mn>{exponent.lstrip('-')}</mn>"
        if exponent.startswith("-"):
            power = _row(f"<mo>{_MINUS}</mo>{power}")
        return _row(f"<mn>{mantissa}</mn><mo>×</mo><msup><mn>10</mn>{power}</msup>")

    def letter(self, letter: Letter) -> str:
        """Return a letter with what is below and above."""
        letter, primes = parted(letter)
        base = _name(letter.name)
        below, above = _index(letter.below), _index(letter.above)
        if primes:
            above = _row(f"<mo>{primes}</mo>{above}")
        if below and above:
            return f"<msubsup>{base}{below}{above}</msubsup>"
        if below or above:
            tag = "msub" if below else "msup"
            return f"<{tag}>{base}{below or above}</{tag}>"
        return base

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        """Return entries in rows and columns."""
        cells = ["".join(f"<mtd>{cell}</mtd>" for cell in row) for row in rows]
        table = "".join(f"<mtr>{row}</mtr>" for row in cells)
        return _row(f"<mo>[</mo><mtable>{table}</mtable><mo>]</mo>")

    def omitted(self, count: int) -> str:
        """Return dots, and how many terms they stand for."""
        return f"<munder><mo>⋯</mo><mn>{count}</mn></munder>"

    def derivative(self, of: str, by: str) -> Written:
        """Return ∂of/∂by."""
        top, bottom = (_row(f"<mo>∂</mo>{part}") for part in (of, by))
        return f"<mfrac>{top}{bottom}</mfrac>", Strength.POWER

    def signed(self, sign: str, text: str, first: bool) -> str:
        """Return a term with its sign, + only where it isn't the first."""
        if first and sign == "+":
            return text
        signed = f"<mo>{_MINUS if sign == '-' else sign}</mo>{text}"
        return _row(signed) if first else signed

    def series(self, index: str, pattern: str) -> str:
        """Return Σ over an index."""
        sign = f"<munder><mo>∑</mo><mi>{index}</mi></munder>" if index else "<mo>∑</mo>"
        return _row(sign + pattern)

    def multiplied(self, factors: Sequence[str], dots: Sequence[bool]) -> str:
        """Return factors with a dot, or a sign that can't be seen, between them."""
        text = factors[0]
        for factor, dot in zip(factors[1:], dots, strict=True):
            is_tight = text == _HALF and factor.startswith("<mrow><mo>(")
            text += f"<mo>{_DOT if dot and not is_tight else _TIMES}</mo>{factor}"
        return _row(text)

    def quotient(self, top: Expression, bottom: Expression) -> Written:
        """Return a fraction."""
        return f"<mfrac>{self.write(top)}{self.write(bottom)}</mfrac>", Strength.POWER

    def power(self, base: str, exponent: str) -> str:
        """Return a power."""
        return f"<msup>{base}{exponent}</msup>"

    def call(self, name: str, arguments: Sequence[Expression]) -> Written:
        """Return a function of its arguments; exp is a power of e."""
        inner = "<mo>,</mo>".join(self.write(argument) for argument in arguments)
        if name == "exp":
            return f"<msup><mi>e</mi>{_row(inner)}</msup>", Strength.POWER
        if name == "sqrt":
            return f"<msqrt>{inner}</msqrt>", Strength.ATOM
        if name in ("abs", "norm"):
            bar = "|" if name == "abs" else "∥"
            return _row(f"<mo>{bar}</mo>{inner}<mo>{bar}</mo>"), Strength.ATOM
        return _row(f"<mi>{name}</mi>{self.bracketed(inner)}"), Strength.ATOM

    def compared(self, operands: Sequence[str], relations: Sequence[str]) -> str:
        """Return a chain of comparisons."""
        pairs = zip(relations, operands[1:], strict=True)
        return _row(operands[0] + "".join(f"<mo>{escape(r)}</mo>{x}" for r, x in pairs))

    def cases(self, value: str, condition: str, otherwise: str) -> str:
        """Return a choice."""
        rows = (
            f"<mtr><mtd>{value}</mtd><mtd><mtext>if </mtext>{condition}</mtd></mtr>"
            f"<mtr><mtd>{otherwise}</mtd><mtd><mtext>otherwise</mtext></mtd></mtr>"
        )
        return _row(f"<mo>{{</mo><mtable>{rows}</mtable>")


def _row(text: str) -> str:
    return f"<mrow>{text}</mrow>"


def _name(name: str) -> str:
    plain, accent = accented(name)
    letter = f"<mi>{escape(plain)}</mi>"
    return f"<mover>{letter}<mo>{accent[2]}</mo></mover>" if accent else letter


def _index(text: str) -> str:
    if not text:
        return ""
    return f"<mn>{text}</mn>" if text.isdigit() else f"<mi>{escape(text)}</mi>"
