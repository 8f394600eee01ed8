"""The gallery as pages: an index, and of each example its numbers and its step, opened."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from chainrule.explain.door import explain
from chainrule.explain.gallery.examples import Example, Printed, examples
from chainrule.explain.gallery.reckoning import Reckoning
from chainrule.explain.mathml import MathmlWriter
from chainrule.explain.page.html import paper_html
from chainrule.theory.checks import plural

INDEX = "index.html"
_DIGITS = 3  # more than are printed


@dataclass(frozen=True)
class Verdict:
    """A printed number beside the exact one.

    Attributes
    ----------
    printed : Printed
    exact : float
    as_printed : float or None
        What the source's way of reckoning gives, where that is known.
    """

    printed: Printed
    exact: float
    as_printed: float | None

    @property
    def agrees(self) -> bool:
        """Whether the exact number, rounded, is printed."""
        return self.printed.agrees(self.exact)

    @property
    def exactly(self) -> str:
        """The exact number, with some digits more than are printed."""
        if self.printed.special.get("epochs_until"):
            return f"{self.exact:,.0f}"
        return f"{self.exact:.{min(self.printed.decimals + _DIGITS, 15)}f}"


def verdicts(example: Example) -> tuple[Reckoning, list[Verdict]]:
    """Return the numbers of an example beside the exact ones."""
    reckoning = Reckoning(example)
    return reckoning, [
        Verdict(one, reckoning.exact(one), reckoning.as_printed(one)) for one in example.numbers
    ]


def gallery_pages(names: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each page: of the examples, of their steps, the index."""
    rows = []
    for name in names:
        example = examples()[name]
        reckoning, found = verdicts(example)
        yield f"{name}.html", _example_page(reckoning, found)
        yield f"{name}-step.html", step_page(reckoning)
        link = f"<a href='{name}.html'>{escape(example.title)}</a>"
        source = escape(example.source)
        rows.append(f"<tr><td>{link}</td><td>{source}</td><td>{in_words(found)}</td></tr>")
    yield INDEX, _index(rows)


def step_page(reckoning: Reckoning) -> str:
    """Return the page that opens the step of an example, in the notation of its source."""
    example = reckoning.example
    return explain(reckoning.trace, row=0, notation=example.notation).to_html(title=example.source)


def in_words(found: list[Verdict]) -> str:
    """Return how many of the numbers are right."""
    wrong = sum(not one.agrees for one in found)
    numbers = plural(len(found), "number")
    if not wrong:
        return f"{numbers}, all right"
    return f"{numbers}, of which {wrong} {'differs' if wrong == 1 else 'differ'}"


def _index(rows: list[str]) -> str:
    body = f"""<h1>Worked examples, reckoned again</h1>
<p>Published calculations of backpropagation, number by number: what is printed, the exact value,
and why they differ where they do. Each step can be opened and followed in the source's own
notation.</p>
<div class="wide" tabindex="0"><table>
<thead><tr><th scope="col">example</th><th scope="col">source</th><th scope="col">numbers</th></tr>
</thead>
<tbody>
{"".join(rows)}
</tbody></table></div>"""
    return paper_html("Worked examples, reckoned again", body)


def _example_page(reckoning: Reckoning, found: list[Verdict]) -> str:
    example = reckoning.example
    rows = "\n".join(_row(reckoning, one) for one in found)
    remark = f"<p>{escape(example.remark)}</p>" if example.remark else ""
    body = f"""<p><a href="{INDEX}">All examples</a></p>
<h1>{escape(example.title)}</h1>
<p>{escape(example.source)}</p>
{remark}
<p>{in_words(found)}. <a href="{example.name}-step.html">Open the step</a>: every number with the
equation that made it.</p>
{_errata(found)}
<h2>All numbers</h2>
<div class="wide" tabindex="0"><table>
<thead><tr><th scope="col">number</th><th scope="col">symbol</th><th scope="col">printed</th>
<th scope="col">exact</th><th scope="col">verdict</th></tr></thead>
<tbody>
{rows}
</tbody></table></div>"""
    return paper_html(example.title, body)


def _errata(found: list[Verdict]) -> str:
    wrong = [one for one in found if not one.agrees]
    if not wrong:
        return ""
    reasons: dict[str, list[Verdict]] = {}
    for one in wrong:
        reasons.setdefault(one.printed.why, []).append(one)
    items = [
        f"<li><strong>{escape(', '.join(one.printed.name for one in group))}</strong>: "
        f"printed {escape(', '.join(one.printed.text for one in group))}, exactly "
        f"{', '.join(one.exactly for one in group)}. {escape(why[:1].upper() + why[1:])}.</li>"
        for why, group in reasons.items()
    ]
    return "<h2>What differs, and why</h2>\n<ul>\n" + "\n".join(items) + "\n</ul>"


def _row(reckoning: Reckoning, one: Verdict) -> str:
    verdict = "as printed" if one.agrees else "differs"
    style = "" if one.agrees else " class='differs'"
    return (
        f"<tr{style}><td>{escape(one.printed.name)}</td><td>{_symbol(reckoning, one)}</td>"
        f"<td>{escape(one.printed.text)}</td><td>{one.exactly}</td><td>{verdict}</td></tr>"
    )


def _symbol(reckoning: Reckoning, one: Verdict) -> str:
    """Return the symbol of a number in the source's notation, of a product those of its factors."""
    if not one.printed.of or one.printed.after:
        return ""
    symbol = reckoning.example.notation.of(reckoning.trace, 0)
    symbols = [MathmlWriter(symbol).write(symbol(quantity)) for quantity in one.printed.of]
    return f"<math><mrow>{'<mo>·</mo>'.join(symbols)}</mrow></math>"
