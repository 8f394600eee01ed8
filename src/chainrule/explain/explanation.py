"""Explanation: a step of training, read as equations with its numbers in them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html import escape

import numpy as np

from chainrule.engine.trace import Trace
from chainrule.explain import zooms
from chainrule.explain.equations import Equations
from chainrule.explain.latex import LatexWriter
from chainrule.explain.lines import MOST_TERMS, ExplainedLine, ExplainedSection, Lines, beside
from chainrule.explain.mathml import MathmlWriter
from chainrule.explain.notations import Notation, notation_of
from chainrule.explain.page.document import Shown, document, steps_around
from chainrule.explain.page.html import page_html
from chainrule.explain.page.naming import Naming
from chainrule.explain.places import place_of, require_place
from chainrule.explain.receipt import receipt
from chainrule.explain.speech import SpeechWriter
from chainrule.explain.summary import Table, summary
from chainrule.explain.text import TextWriter
from chainrule.theory.checks import plural, require
from chainrule.training.run import Run

_LINE = 'style="width: max-content; margin: 0.4em 0"'  # to the left, where lines are long
_FRAME = 'width="100%" height="860" style="border: 0"'
_LARGEST_FRAME = 1_000_000  # characters that are kept in a notebook for each output


class Explanation:
    """What ``explain`` returns: sections of lines, or a table of the whole network.

    Attributes
    ----------
    title : str
    sections : tuple of ExplainedSection
    tables : tuple of Table
    """

    def __init__(
        self,
        title: str,
        sections: tuple[ExplainedSection, ...],
        tables: tuple[Table, ...],
        writing: _Writing,
    ) -> None:
        self.title, self.sections, self.tables = title, sections, tables
        self._writing = writing

    @property
    def lines(self) -> tuple[ExplainedLine, ...]:
        """The lines of all sections."""
        return tuple(line for section in self.sections for line in section.lines)

    def __str__(self) -> str:
        return self.to_text()

    def written(self, line: ExplainedLine) -> list[str]:
        """Return a line as plain text, on as many lines as its matrices have rows."""
        return self._writing.text.lines(*line.sides, sign=line.sign)

    def sides(self, line: ExplainedLine) -> list[str]:
        """Return each side of a line as plain text."""
        return [self._writing.text.write(side) for side in line.sides]

    def to_text(self) -> str:
        """Return the explanation as plain text, for a terminal."""
        parts = [self.title, ""]
        for table in self.tables:
            parts += [table.title, *table.aligned(), ""]
        for section in self.sections:
            parts.append(section.title)
            for line in section.lines:
                *before, last = self.written(line)
                parts += [f"  {text}" for text in (*before, last + beside(line))]
            parts += [f"  {section.remark}"] if section.remark else []
            parts.append("")
        return "\n".join(parts).rstrip() + "\n"

    def to_latex(self) -> str:
        """Return the explanation as LaTeX, to be put into a document that uses amsmath."""
        writer = self._writing.latex
        parts = [f"% {self.title}"]
        for section in self.sections:
            parts.append(rf"\paragraph{{{_plain_latex(section.title)}}}")
            rows = [writer.aligned(*line.sides, sign=line.sign) for line in section.lines]
            if rows:
                inner = " \\\\\n".join(rows)
                parts.append(f"\\begin{{align*}}\n{inner}\n\\end{{align*}}")
            parts += [_plain_latex(section.remark)] if section.remark else []
        for table in self.tables:
            parts.append(table.latex())
        return "\n".join(parts) + "\n"

    def to_json(self) -> str:
        """Return the receipt: each line, and all that it is made of, down to what was given.

        Raises
        ------
        ValueError
            If a number isn't finite, a line was rounded as on paper, or nothing is explained.
        """
        wanted = [line.quantity for line in self.lines if line.quantity is not None]
        require(bool(wanted), "a receipt needs lines: explain a row, a layer, a unit or a weight")
        return json.dumps(receipt(self._writing.equations, wanted), ensure_ascii=False, indent=1)

    def to_html(
        self,
        run: Run | None = None,
        *,
        title: str = "",
        inputs: Sequence[str] = (),
        outputs: Sequence[str] = (),
        image: tuple[int, int] | None = None,
    ) -> str:
        """Return a page that opens the step: one file, which needs nothing else.

        It draws the network, goes through the step forward, loss, backward, update, and computes
        what follows where a number is changed.

        Parameters
        ----------
        run : Run, optional
            Of the step: its losses are drawn, and the steps beside it are on the page, too.
        title : str
        inputs, outputs : sequence of str
            Names of the network's inputs and outputs.
        image : (int, int), optional
            Rows and columns of the picture that a row is; found out where it can be.

        Raises
        ------
        ValueError
            If the lines are rounded as on paper, or there are not as many names as inputs.

        Examples
        --------
        >>> import chainrule as cr
        >>> net = cr.Network([2, 3, 1], seed=0)
        >>> run = net.fit([[0.0, 1.0], [1.0, 1.0]], [1.0, 0.0], epochs=10)
        >>> page = cr.explain(run.at(3), row=1).to_html(run, title="two rows")
        >>> page[:15], "default-src 'none'" in page
        ('<!doctype html>', True)
        """
        return self.page(run, Naming(title, inputs, outputs, image=image))

    def page(self, run: Run | None, naming: Naming) -> str:
        """Return what ``to_html`` does, with all that a page may be told."""
        equations = self._writing.equations
        require(
            equations.decimals is None,
            "a page has the engine's numbers, not those rounded as on paper: leave decimals out",
        )
        naming.require(equations.spec.n_inputs, equations.spec.n_outputs)
        steps = _beside(equations.trace, run)
        of = document(steps, self._writing.shown, naming, run)
        plain = re.sub(r' style="[^"]*"', "", self.to_mathml())  # which the policy forbids
        return page_html(of, f"{naming.title} {self.title}".strip(), plain)

    def to_mathml(self) -> str:
        """Return the explanation as a fragment of HTML with MathML; each line can be spoken."""
        writer, speech = self._writing.mathml, self._writing.speech
        parts = [f"<h3>{escape(self.title)}</h3>"]
        parts += [table.html() for table in self.tables]
        for section in self.sections:
            parts.append(f"<h4>{escape(section.title)}</h4>")
            for line in section.lines:
                spoken = escape(speech.equation(*line.sides, sign=line.sign), quote=True)
                math = writer.math(*line.sides, sign=line.sign)
                parts.append(f'<div role="math" aria-label="{spoken}" {_LINE}>{math}</div>')
            parts += [f"<p>{escape(section.remark)}</p>"] if section.remark else []
        return f'<section class="chainrule" style="overflow-x: auto">{"".join(parts)}</section>'

    def _repr_html_(self) -> str:
        """Return the page in a frame, for a notebook; of a large network the equations alone."""
        if self._writing.equations.decimals is not None:
            return self.to_mathml()
        page = self.to_html()
        if len(page) > _LARGEST_FRAME:
            return self.to_mathml()
        return f'<iframe srcdoc="{escape(page)}" title="{escape(self.title)}" {_FRAME}></iframe>'

    def spoken(self) -> list[str]:
        """Return each line as a sentence."""
        speech = self._writing.speech
        return [f"{speech.equation(*line.sides, sign=line.sign)}." for line in self.lines]


def _beside(trace: Trace, run: Run | None) -> list[Trace]:
    """Return the step with those beside it, which are on its page."""
    if run is None or trace.step > run.step:
        return [trace]
    require(
        run.losses[trace.step - 1] == trace.loss or np.isnan(trace.loss),
        f"step {trace.step} of the run has the loss {run.losses[trace.step - 1]!r}, and this "
        f"step {trace.loss!r}: it is of another run",
    )
    around = steps_around(run, trace)
    return list(run.steps(around[0], around[-1]))


class _Writing:
    """The writers of an explanation, all with the same symbols and digits."""

    def __init__(self, equations: Equations, shown: Shown, place: int) -> None:
        self.equations, self.shown = equations, shown
        symbol, digits = shown.notation.of(equations.trace, place), shown.digits
        self.text, self.speech = TextWriter(symbol, digits), SpeechWriter(symbol, digits)
        self.latex, self.mathml = LatexWriter(symbol, digits), MathmlWriter(symbol, digits)


def explained(
    trace: Trace,
    row: int | None,
    layer: int | None,
    unit: int | None,
    weight: tuple[int, int] | None,
    notation: Notation | str,
    digits: int,
    full: bool,
    decimals: int | None,
    reference: bool,
) -> Explanation:
    """Return what ``explain`` in ``door.py`` does, which says what its arguments are."""
    equations = Equations(trace, decimals)
    chosen = notation_of(notation)
    place = place_of(trace, row)
    require_place(trace, layer, unit, weight)
    most = None if full else zooms.MOST_UNITS
    parts = Lines(equations, chosen, None if full else MOST_TERMS, reference)
    title = f"Step {trace.step:,}, row {trace.rows[place]}"
    to, source = weight if weight is not None else (unit, None)
    shown_first = Shown(trace.step, int(trace.rows[place]), layer, to, source, chosen, digits)
    writing = _Writing(equations, shown_first, place)
    if row is None and layer is None:
        batch = plural(len(trace.rows), "sample")
        return Explanation(f"Step {trace.step:,}, {batch}", (), tuple(summary(equations)), writing)
    if layer is None:
        sections = zooms.sample(equations, place, most)
    elif weight is not None:
        sections = zooms.weight(equations, layer, weight[1], weight[0], place)
    elif unit is not None:
        sections = zooms.unit(equations, layer, unit, place, most)
    else:
        sections = zooms.layer(equations, layer, place, most)
    shown = [parts.section(section) for section in sections]
    if layer is not None and unit is None and weight is None:
        shown.insert(0, parts.matrices(layer, place, full))
    return Explanation(title, tuple(shown), (), writing)


def _plain_latex(text: str) -> str:
    return text.replace("_", r"\_").replace("%", r"\%").replace("⋯", r"\dots")
