"""Formulas: the texts of theory/ as expressions.

The rows of theory/ say their formulas as a person would type them: ``½ (a - y)²``,
``z if z > 0 else exp(z) - 1``, ``m ← β₁ m + (1 - β₁) g``. What stands side by side is multiplied,
as strongly as / divides, from left to right; a function without brackets takes the next factor.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from chainrule.explain.expressions import (
    FUNCTIONS,
    HALF,
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
    Series,
    Sum,
    bound,
)

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*)"
    rf"|(?P<word>{'|'.join(sorted((*FUNCTIONS, 'if', 'else'), key=len, reverse=True))})"
    r"|(?P<series>Σ[ⱼₖ])"
    r"|(?P<letter>[^\W\d_½²ᵗ](?:[₀-₉₊₋ⱼₖ]|′)*)"
    r"|(?P<sign>[½²ᵗ+\-/^()|,=<>≤≥←]))"
)
_BELOW = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋ⱼₖ", "0123456789+-jk")
_RELATIONS = frozenset("<>≤≥=")
_SUPERSCRIPTS = {"²": Constant(2.0, "2"), "ᵗ": Letter("t")}


class Assignment(NamedTuple):
    """What an optimizer does: a letter, and the formula of what it becomes."""

    letter: str
    formula: Expression


@lru_cache(maxsize=256)
def formula(text: str) -> Expression:
    """Return a formula as an expression of its letters.

    What follows after a comma defines a letter of it: ``t + z, t = tanh(z)``.

    Raises
    ------
    ValueError
        If it is not a formula.

    Examples
    --------
    >>> formula("2 z")
    Product(factors=(Constant(value=2.0, text='2'), Letter(name='z', below='', above='')))
    """
    parser = _Parser(text)
    tree = parser.expression()
    while parser.takes(","):
        letter = parser.letter()
        parser.need("=")
        tree = bound(tree, {letter.name: parser.expression()})
    parser.end()
    return tree


@lru_cache(maxsize=256)
def assignment(text: str) -> Assignment:
    """Return what a text like ``v ← μ v - η g`` says."""
    parser = _Parser(text)
    letter = parser.letter()
    parser.need("←")
    tree = parser.expression()
    parser.end()
    return Assignment(letter.name, tree)


class _Parser:
    """One reading of a text, from left to right."""

    def __init__(self, text: str) -> None:
        self._text, self._tokens, at = text, [], 0
        self._bars = 0  # that are open: the next one closes
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None:
                raise ValueError(f"{text!r} is not a formula: what is {text[at:]!r}?")
            kind = match.lastgroup or ""
            self._tokens.append((kind, match[kind]))
            at = match.end()
        self._tokens.append(("end", ""))

    @property
    def _next(self) -> tuple[str, str]:
        return self._tokens[0]

    def _take(self) -> str:
        return self._tokens.pop(0)[1]

    def takes(self, token: str) -> bool:
        """Take this token, if it is the next."""
        is_next = self._next[1] == token
        if is_next:
            self._take()
        return is_next

    def need(self, token: str) -> None:
        """Take this token, which must be the next."""
        if not self.takes(token):
            found = self._next[1] or "the end"
            raise ValueError(f"{self._text!r} is not a formula: expected {token!r}, got {found!r}")

    def end(self) -> None:
        """Be at the end."""
        self.need("")

    def letter(self) -> Letter:
        """Return the letter that is next."""
        kind, text = self._next
        if kind != "letter":
            raise ValueError(f"{self._text!r} is not a formula: expected a letter, got {text!r}")
        return Letter(self._take())

    def expression(self) -> Expression:
        """Return a sum, or one where something holds and else another."""
        tree = self._sum()
        if not self.takes("if"):
            return tree
        condition = self._comparison()
        self.need("else")
        return Cases(tree, condition, self.expression())

    def _comparison(self) -> Comparison:
        operands, relations = [self._sum()], []
        while self._next[1] in _RELATIONS:
            relations.append(self._take())
            operands.append(self._sum())
        if not relations:
            raise ValueError(f"{self._text!r} is not a formula: expected a comparison")
        return Comparison(tuple(operands), tuple(relations))

    def _sum(self) -> Expression:
        terms = [self._signed()]
        while self._next[1] in ("+", "-"):
            terms.append(self._signed())
        return terms[0] if len(terms) == 1 else Sum(tuple(terms))

    def _signed(self) -> Expression:
        if self.takes("-"):
            return Negative(self._product())
        self.takes("+")
        return self._product()

    def _product(self) -> Expression:
        tree = self._factor()
        while True:
            if self.takes("/"):
                tree = Quotient(tree, self._factor())
            elif self._begins_factor():
                factors = tree.factors if isinstance(tree, Product) else (tree,)
                tree = Product((*factors, self._factor()))
            else:
                return tree

    def _begins_factor(self) -> bool:
        kind, text = self._next
        if kind == "word":
            return text not in ("if", "else")
        return kind in ("number", "letter", "series") or text in ("½", "(") or self._opens(text)

    def _opens(self, text: str) -> bool:
        return text == "|" and not self._bars

    def _factor(self) -> Expression:
        tree = self._atom()
        kind, text = self._next
        if text in _SUPERSCRIPTS:
            self._take()
            return Power(tree, _SUPERSCRIPTS[text])
        if kind == "sign" and self.takes("^"):
            return Power(tree, self._atom())
        return tree

    def _atom(self) -> Expression:
        kind, text = self._next
        self._take()
        if kind == "number":
            return Constant(float(text), text)
        if kind == "letter":
            return Constant(3.141592653589793, "π") if text == "π" else Letter(text)
        if kind == "series":
            return Series(text[1:].translate(_BELOW), self._product())
        if kind == "word":
            return self._call(text)
        if text == "½":
            return HALF
        if text == "(":
            bars, self._bars = self._bars, 0
            tree = self.expression()
            self.need(")")
            self._bars = bars
            return tree
        if text == "|":
            self._bars += 1
            tree = self.expression()
            self.need("|")
            self._bars -= 1
            return Call("abs", (tree,))
        raise ValueError(f"{self._text!r} is not a formula: got {text or 'the end'!r}")

    def _call(self, name: str) -> Expression:
        if not self.takes("("):
            return Call(name, (self._factor(),))
        arguments = [self.expression()]
        while self.takes(","):
            arguments.append(self.expression())
        self.need(")")
        return Call(name, tuple(arguments))
