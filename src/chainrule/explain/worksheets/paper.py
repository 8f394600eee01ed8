"""Worksheets as HTML, LaTeX and Markdown, solutions behind the exercises."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from html import escape

from chainrule.explain.latex import LatexWriter
from chainrule.explain.mathml import MathmlWriter
from chainrule.explain.page.html import paper_html
from chainrule.explain.worksheets.exercises import Exercise, Item, Shown
from chainrule.explain.worksheets.sheet import Worksheet
from chainrule.explain.writing import Writer

DIGITS = 8  # more than any rounded number has


def to_html(sheet: Worksheet, with_solutions: bool) -> str:
    """Return a page to be printed; its equations are MathML."""
    return _Html(sheet, with_solutions).document()


def to_latex(sheet: Worksheet, with_solutions: bool) -> str:
    """Return a LaTeX document, which needs amsmath."""
    return _Latex(sheet, with_solutions).document()


def to_markdown(sheet: Worksheet, with_solutions: bool) -> str:
    """Return Markdown with LaTeX between dollars."""
    return _Markdown(sheet, with_solutions).document()


def parts_of(item: Item, writer: Writer) -> list[str]:
    """Return the sides of a line that are given, from its symbol on."""
    sides = [writer.write(side) for side in item.line.sides]
    match item.shown:
        case Shown.SOLVED:
            return sides
        case Shown.SUBSTITUTED:
            return sides[:-1]
        case Shown.FORMULA:
            return sides[:2] if len(sides) > 2 else sides[:1]
    return sides[:1]


class _Paper(ABC):
    """The parts of a sheet, in their order."""

    def __init__(self, sheet: Worksheet, with_solutions: bool) -> None:
        self.sheet, self.with_solutions = sheet, with_solutions

    def exercises(self) -> Iterator[str]:
        """Yield the exercises, each with its task."""
        for number, one in enumerate(self.sheet.exercises, 1):
            yield self.heading(f"Exercise {number}")
            yield self.paragraph(self.sheet.task(one))
            yield self.given(one)
            yield from self._lines(one, solved=False)

    def solutions(self) -> Iterator[str]:
        """Yield the solutions."""
        for number, one in enumerate(self.sheet.exercises, 1):
            yield self.heading(f"Solution {number}")
            if one.mistake is None:
                yield from self._lines(one, solved=True)
                continue
            wrong = f"Line {one.mistake.number} is wrong: {one.mistake.said}. Right is"
            yield self.paragraph(wrong)
            yield self.block([self.line(one, one.mistake.right, None, solved=True)])

    def _lines(self, one: Exercise, solved: bool) -> Iterator[str]:
        number = 0
        for title, items in one.sections:
            yield self.subheading(title)
            lines = []
            for item in items:
                number += 1
                shown = number if one.mistake is not None else None
                lines.append(self.line(one, item, shown, solved))
            yield self.block(lines)

    def writer_of(self, one: Exercise, make: type[Writer]) -> Writer:
        """Return a writer in the exercise's notation."""
        return make(one.notation.of(one.trace, 0), DIGITS)

    @abstractmethod
    def document(self) -> str:
        """Return the whole file."""

    @abstractmethod
    def heading(self, text: str) -> str:
        """Return the heading of an exercise."""

    @abstractmethod
    def subheading(self, text: str) -> str:
        """Return the heading of a section."""

    @abstractmethod
    def paragraph(self, text: str) -> str:
        """Return a sentence."""

    @abstractmethod
    def given(self, one: Exercise) -> str:
        """Return the numbers that the step begins with."""

    @abstractmethod
    def line(self, one: Exercise, item: Item, number: int | None, solved: bool) -> str:
        """Return a line, with a blank in the place of what is to be found."""

    @abstractmethod
    def block(self, lines: list[str]) -> str:
        """Return lines below each other."""


def _sides(item: Item, writer: Writer, solved: bool) -> tuple[list[str], bool]:
    """Return the sides that are given, and whether the result is left blank."""
    given = replace(item, shown=Shown.SOLVED) if solved else item
    return parts_of(given, writer), given.shown is not Shown.SOLVED


class _Html(_Paper):
    def document(self) -> str:
        body = [f"<h1>{escape(self.sheet.title)}</h1>", "<p class='name'>Name</p>"]
        body += self.exercises()
        if self.with_solutions:
            body += ["<section class='solutions'>", *self.solutions(), "</section>"]
        return paper_html(self.sheet.title, "\n".join(body))

    def heading(self, text: str) -> str:
        return f"<h2>{escape(text)}</h2>"

    def subheading(self, text: str) -> str:
        return f"<h3>{escape(text)}</h3>"

    def paragraph(self, text: str) -> str:
        return f"<p>{escape(text)}</p>"

    def given(self, one: Exercise) -> str:
        writer = self.writer_of(one, MathmlWriter)
        lines = [writer.equation(*line.sides) for line in one.given]
        return "<p class='given'>" + " ".join(f"<math>{line}</math>" for line in lines) + "</p>"

    def line(self, one: Exercise, item: Item, number: int | None, solved: bool) -> str:
        writer = self.writer_of(one, MathmlWriter)
        sides, is_blank = _sides(item, writer, solved)
        sign = item.line.sign
        signs = [sign, *["="] * len(sides)]
        text = sides[0] + "".join(
            f"<mo>{s}</mo>{x}" for s, x in zip(signs, sides[1:], strict=False)
        )
        if is_blank:
            text += f"<mo>{signs[len(sides) - 1]}</mo>"
        label = "" if number is None else f"<span class='number'>{number}</span>"
        blank = "<span class='blank'></span>" if is_blank else ""
        math = f"<math displaystyle='true'><mrow>{text}</mrow></math>"
        return f"<div class='line' tabindex='0'>{label}{math}{blank}</div>"

    def block(self, lines: list[str]) -> str:
        return "\n".join(lines)


class _Latex(_Paper):
    blank = r"\underline{\hspace{2.2cm}}"

    def document(self) -> str:
        parts = [
            r"\documentclass[11pt]{article}", r"\usepackage{amsmath}",
            r"\usepackage[margin=2.2cm]{geometry}", r"\setlength{\parindent}{0pt}",
            r"\allowdisplaybreaks", r"\begin{document}",
            rf"\section*{{{_tex(self.sheet.title)}}}", r"Name: \underline{\hspace{6cm}}", "",
            *self.exercises(),
        ]  # fmt: skip
        if self.with_solutions:
            parts += [r"\newpage", *self.solutions()]
        return "\n".join([*parts, r"\end{document}", ""])

    def heading(self, text: str) -> str:
        return rf"\subsection*{{{text}}}"

    def subheading(self, text: str) -> str:
        return rf"\paragraph{{{text}}}"

    def paragraph(self, text: str) -> str:
        return _tex(text)

    def given(self, one: Exercise) -> str:
        writer = self.writer_of(one, LatexWriter)
        lines = [writer.equation(*line.sides) for line in one.given]
        return "\n\n" + ", ".join(f"${line}$" for line in lines) + "\n"

    def equation(self, one: Exercise, item: Item, solved: bool) -> tuple[str, str, str]:
        """Return what is left of the first sign, the sign, and what is right of it."""
        writer = self.writer_of(one, LatexWriter)
        sides, is_blank = _sides(item, writer, solved)
        rest = [*sides[1:], *([self.blank] if is_blank else [])]
        sign = r"\leftarrow" if item.line.sign == "←" else "="
        return sides[0], sign, " = ".join(rest)

    def line(self, one: Exercise, item: Item, number: int | None, solved: bool) -> str:
        left, sign, right = self.equation(one, item, solved)
        label = rf"\text{{{number}:}}\quad " if number is not None else ""
        return f"{label}{left} &{sign} {right}"

    def block(self, lines: list[str]) -> str:
        inner = " \\\\\n".join(lines)
        return f"\\begin{{align*}}\n{inner}\n\\end{{align*}}"


class _Markdown(_Latex):
    blank = r"\_\_\_\_\_\_\_\_"

    def document(self) -> str:
        parts = [f"# {self.sheet.title}", "", *self.exercises()]
        if self.with_solutions:
            parts += ["---", "", *self.solutions()]
        return "\n".join(parts).rstrip() + "\n"

    def heading(self, text: str) -> str:
        return f"## {text}\n"

    def subheading(self, text: str) -> str:
        return f"### {text}\n"

    def paragraph(self, text: str) -> str:
        return f"{text}\n"

    def given(self, one: Exercise) -> str:
        return super().given(one).strip() + "\n"

    def line(self, one: Exercise, item: Item, number: int | None, solved: bool) -> str:
        left, sign, right = self.equation(one, item, solved)
        bullet = "- " if number is None else f"- {number}: "
        return f"{bullet}${left} {sign} {right}$"

    def block(self, lines: list[str]) -> str:
        return "\n".join(lines) + "\n"


def _tex(text: str) -> str:
    text = text.replace("_", r"\_")
    return (
        text.replace("φ′(z)", r"$\varphi'(z)$")
        .replace("δ", r"$\delta$")
        .replace("½", r"$\tfrac12$")
    )
