"""Equations as plain text, for a terminal."""

from collections.abc import Sequence

from chainrule.explain.expressions import Expression, Letter, Matrix, Product, Sum
from chainrule.explain.letters import lowered, parted, raised
from chainrule.explain.writing import Strength, Writer, Written

_POWERS = {"2": "²", "3": "³", "t": "ᵗ"}


def beside(blocks: Sequence[Sequence[str]]) -> list[str]:
    """Return blocks of lines beside each other, the smaller in the middle of the larger.

    Examples
    --------
    >>> beside([["a"], [" = "], ["[ 1 ]", "[ 2 ]", "[ 3 ]"]])
    ['    [ 1 ]', 'a = [ 2 ]', '    [ 3 ]']
    """
    height = max(map(len, blocks))
    columns = []
    for block in blocks:
        above = (height - len(block)) // 2
        width = max(map(len, block))
        padded = [""] * above + list(block) + [""] * (height - len(block) - above)
        columns.append([line.ljust(width) for line in padded])
    return ["".join(line).rstrip() for line in zip(*columns, strict=True)]


class TextWriter(Writer):
    """Writes lines of Unicode.

    Examples
    --------
    >>> from chainrule.explain.formulas import formula
    >>> write = TextWriter(lambda quantity: Letter(quantity.kind)).write
    >>> write(formula("½ (a - y)²")), write(formula("-y ln a / (1 - a)^γ"))
    ('½(a - y)²', '-y ln(a) / (1 - a)^γ')
    """

    def bracketed(self, text: str) -> str:
        """Return it in brackets."""
        return f"({text})"

    def joined(self, parts: Sequence[str], between: str = "") -> str:
        """Return the parts beside each other, with =, ← or nothing between them."""
        return (f" {between} " if between else "").join(parts)

    def constant(self, text: str) -> str:
        """Return a number as the formula has it."""
        return text

    def number(self, mantissa: str, exponent: str) -> str:
        """Return a number ≥ 0, as Python writes it."""
        return f"{mantissa}e{exponent}" if exponent else mantissa

    def letter(self, letter: Letter) -> str:
        """Return a letter with small indices."""
        letter, primes = parted(letter)
        return letter.name + primes + raised(letter.above) + lowered(letter.below)

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        """Return entries, columns apart by spaces and rows by semicolons."""
        return f"[{'; '.join('  '.join(row) for row in rows)}]"

    def lines(self, *sides: Expression, sign: str = "=") -> list[str]:
        """Return an equation, on as many lines as its matrices have rows."""
        signs = [sign, *["="] * (len(sides) - 2)]
        blocks = [self._block(sides[0])]
        for mark, side in zip(signs, sides[1:], strict=True):
            blocks += [[f" {mark} "], self._block(side)]
        return beside(blocks)

    def _block(self, tree: Expression) -> list[str]:
        match tree:
            case Matrix(rows=rows):
                cells = [[self.write(cell) for cell in row] for row in rows]
                widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
                texts = (
                    "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
                    for row in cells
                )
                return [f"[ {text} ]" for text in texts]
            case Sum(terms=parts) if any(isinstance(part, Matrix) for part in parts):
                return beside(self._between(parts, [" + "]))
            case Product(factors=parts) if any(isinstance(part, Matrix) for part in parts):
                return beside(self._between(parts, [" "]))
        return [self.write(tree)]

    def _between(self, parts: Sequence[Expression], sign: list[str]) -> list[list[str]]:
        blocks = [block for part in parts for block in (sign, self._block(part))]
        return blocks[1:]

    def omitted(self, count: int) -> str:
        """Return dots, and how many terms they stand for."""
        return f"⋯ {count:,} more ⋯"

    def derivative(self, of: str, by: str) -> Written:
        """Return ∂of/∂by."""
        return f"∂{of}/∂{by}", Strength.POWER

    def signed(self, sign: str, text: str, first: bool) -> str:
        """Return a term with its sign, + only where it isn't the first."""
        if first:
            return text if sign == "+" else f"-{text}"
        return f" {sign} {text}"

    def series(self, index: str, pattern: str) -> str:
        """Return Σ over an index."""
        return f"Σ{lowered(index)} {pattern}"

    def multiplied(self, factors: Sequence[str], dots: Sequence[bool]) -> str:
        """Return factors with a dot, a space, or nothing where a bracket opens between them."""
        text = factors[0]
        for factor, dot in zip(factors[1:], dots, strict=True):
            opens, half = factor.startswith("("), text == "½"
            is_tight = (opens and (half or not dot)) or (half and not dot)
            text += ("" if is_tight else " · " if dot else " ") + factor
        return text

    def quotient(self, top: Expression, bottom: Expression) -> Written:
        """Return one divided by the other."""
        above = self.write(top, Strength.PRODUCT)
        return f"{above} / {self.write(bottom, Strength.POWER)}", Strength.PRODUCT

    def power(self, base: str, exponent: str) -> str:
        """Return a power, small where the exponent can be."""
        if exponent in _POWERS:
            return base + _POWERS[exponent]
        return f"{base}^{exponent}" if exponent.isalnum() else f"{base}^({exponent})"

    def call(self, name: str, arguments: Sequence[Expression]) -> Written:
        """Return a function of its arguments."""
        inner = ", ".join(self.write(argument) for argument in arguments)
        bars = {"abs": "|", "norm": "‖"}.get(name)
        return f"{bars}{inner}{bars}" if bars else f"{name}({inner})", Strength.ATOM

    def compared(self, operands: Sequence[str], relations: Sequence[str]) -> str:
        """Return a chain of comparisons."""
        pairs = zip(relations, operands[1:], strict=True)
        return operands[0] + "".join(f" {relation} {operand}" for relation, operand in pairs)

    def cases(self, value: str, condition: str, otherwise: str) -> str:
        """Return a choice."""
        return f"{value} if {condition} else {otherwise}"
