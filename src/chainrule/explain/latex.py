"""Equations as LaTeX: amsmath, nothing else."""

from collections.abc import Sequence

from chainrule.explain.expressions import Expression, Letter
from chainrule.explain.formulas import assignment, formula
from chainrule.explain.letters import GREEK, accented, parted
from chainrule.explain.writing import Strength, Writer, Written

_RELATIONS = {"≤": r"\le", "≥": r"\ge"}
_FUNCTIONS = {
    "ln": r"\ln", "tanh": r"\tanh", "cosh": r"\cosh", "sin": r"\sin", "cos": r"\cos",
    "max": r"\max", "min": r"\min", "sign": r"\operatorname{sign}", "σ": r"\sigma", "Φ": r"\Phi",
}  # fmt: skip


class LatexWriter(Writer):
    r"""Writes LaTeX.

    Examples
    --------
    >>> from chainrule.explain.formulas import formula
    >>> write = LatexWriter(lambda quantity: Letter(quantity.kind)).write
    >>> print(write(formula("½ (a - y)²")), write(formula("1 / (1 + exp(-z))")))
    \tfrac{1}{2}\left(a - y\right)^{2} \frac{1}{1 + e^{-z}}
    """

    def aligned(self, *sides: Expression, sign: str = "=") -> str:
        """Return sides that are equal, each on a line of an ``align``."""
        first, *rest = [self.write(side) for side in sides]
        signs = [r"\leftarrow" if sign == "←" else sign, *["="] * (len(rest) - 1)]
        lines = (f" &{sign} {side}" for sign, side in zip(signs, rest, strict=True))
        return first + " \\\\\n".join(lines)

    def bracketed(self, text: str) -> str:
        """Return it in brackets."""
        return rf"\left({text}\right)"

    def joined(self, parts: Sequence[str], between: str = "") -> str:
        """Return the parts beside each other, with =, ← or nothing between them."""
        between = r"\leftarrow" if between == "←" else between
        return (f" {between} " if between else "").join(parts)

    def constant(self, text: str) -> str:
        """Return a number as the formula has it."""
        return {"½": r"\tfrac{1}{2}", "π": r"\pi"}.get(text, text)

    def number(self, mantissa: str, exponent: str) -> str:
        """Return a number ≥ 0, with a power of ten if there is an exponent."""
        mantissa = {"inf": r"\infty", "nan": r"\mathrm{nan}"}.get(mantissa, mantissa)
        return rf"{mantissa} \times 10^{{{exponent}}}" if exponent else mantissa

    def letter(self, letter: Letter) -> str:
        """Return a letter with what is below and above."""
        letter, primes = parted(letter)
        text = _name(letter.name)
        text += f"_{{{_index(letter.below)}}}" if letter.below else ""
        above = r"\prime " * len(primes) + _index(letter.above)
        return text + (f"^{{{above.strip()}}}" if above else "")

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        """Return entries in rows and columns."""
        inner = r" \\ ".join(" & ".join(row) for row in rows)
        return rf"\begin{{bmatrix}} {inner} \end{{bmatrix}}"

    def omitted(self, count: int) -> str:
        """Return dots, and how many terms they stand for."""
        return rf"\underset{{{count}}}{{\cdots}}"

    def derivative(self, of: str, by: str) -> Written:
        """Return ∂of/∂by."""
        return rf"\frac{{\partial {of}}}{{\partial {by}}}", Strength.POWER

    def signed(self, sign: str, text: str, first: bool) -> str:
        """Return a term with its sign, + only where it isn't the first."""
        if first:
            return text if sign == "+" else f"-{text}"
        return f" {sign} {text}"

    def series(self, index: str, pattern: str) -> str:
        """Return Σ over an index."""
        return rf"\sum_{{{index}}} {pattern}" if index else rf"\sum {pattern}"

    def multiplied(self, factors: Sequence[str], dots: Sequence[bool]) -> str:
        """Return factors with a dot, or a thin space, between them."""
        text = factors[0]
        for factor, dot in zip(factors[1:], dots, strict=True):
            opens, half = factor.startswith(r"\left("), text == r"\tfrac{1}{2}"
            is_tight = (opens and (half or not dot)) or (half and not dot)
            text += ("" if is_tight else r" \cdot " if dot else r" \, ") + factor
        return text

    def quotient(self, top: Expression, bottom: Expression) -> Written:
        """Return a fraction."""
        return rf"\frac{{{self.write(top)}}}{{{self.write(bottom)}}}", Strength.POWER

    def power(self, base: str, exponent: str) -> str:
        """Return a power."""
        return f"{base}^{{{exponent}}}" if "^" not in base else f"{{{base}}}^{{{exponent}}}"

    def call(self, name: str, arguments: Sequence[Expression]) -> Written:
        """Return a function of its arguments; exp is a power of e."""
        inner = ", ".join(self.write(argument) for argument in arguments)
        if name == "exp":
            return f"e^{{{inner}}}", Strength.POWER
        if name == "sqrt":
            return rf"\sqrt{{{inner}}}", Strength.ATOM
        if name in ("abs", "norm"):
            bar = "|" if name == "abs" else r"\|"
            return rf"\left{bar}{inner}\right{bar}", Strength.ATOM
        return rf"{_FUNCTIONS[name]}\left({inner}\right)", Strength.ATOM

    def compared(self, operands: Sequence[str], relations: Sequence[str]) -> str:
        """Return a chain of comparisons."""
        pairs = zip(relations, operands[1:], strict=True)
        return operands[0] + "".join(f" {_RELATIONS.get(r, r)} {x}" for r, x in pairs)

    def cases(self, value: str, condition: str, otherwise: str) -> str:
        """Return a choice."""
        first = rf"{value} & \text{{if }} {condition}"
        return rf"\begin{{cases}} {first} \\ {otherwise} & \text{{otherwise}} \end{{cases}}"


def _name(name: str) -> str:
    plain, accent = accented(name)
    if plain in GREEK:
        text = rf"\{GREEK[plain]}"
    else:
        text = plain if len(plain) == 1 else rf"\mathrm{{{plain}}}"
    return rf"\{accent[0]}{{{text}}}" if accent else text


def _index(text: str) -> str:
    return "".join(rf"\{GREEK[c]} " if c in GREEK else c for c in text).strip()


def latex_of(text: str) -> str:
    r"""Return formulas of theory/, with a semicolon between two, as LaTeX.

    Examples
    --------
    >>> print(latex_of("v ← μ v - η g; θ ← θ + v"))
    v \leftarrow \mu \, v - \eta \, g, \quad \theta \leftarrow \theta + v
    """
    writer = LatexWriter(lambda quantity: Letter(quantity.kind))
    written = []
    for one in text.split("; "):
        if "←" in one:
            letter, tree = assignment(one)
            written.append(rf"{writer.write(Letter(letter))} \leftarrow {writer.write(tree)}")
        else:
            written.append(writer.write(formula(one)))
    return r", \quad ".join(written)
