"""Summary: the whole network in a step: norms, dead and saturated units, what changed most."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from chainrule.explain.equations import Equations
from chainrule.theory.checks import plural

_SATURATED = 0.01  # of the largest slope that the activation can have, or less


@dataclass(frozen=True)
class Table:
    """A table with a heading."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def aligned(self) -> list[str]:
        """Return lines of text, columns below each other."""
        lines = [self.headings, *self.rows] if any(self.headings) else list(self.rows)
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        if not any(self.headings):
            return [f"  {name.ljust(widths[0])}  {fact}" for name, fact in self.rows]
        return [_line(cells, widths) for cells in lines]

    def latex(self) -> str:
        """Return a tabular."""
        rows = " \\\\\n".join(" & ".join(map(_plain, row)) for row in (self.headings, *self.rows))
        return f"\\begin{{tabular}}{{l{'r' * (len(self.headings) - 1)}}}\n{rows}\n\\end{{tabular}}"

    def html(self) -> str:
        """Return a table element."""
        head = "".join(f'<th scope="col">{escape(text)}</th>' for text in self.headings)
        body = "".join(
            f'<tr><th scope="row">{escape(row[0])}</th>'
            + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
            + "</tr>"
            for row in self.rows
        )
        return (
            '<table style="border-spacing: 1em 0.1em; text-align: right">'
            f"<caption>{escape(self.title)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>"
        )


def summary(equations: Equations) -> list[Table]:
    """Return the tables of a network in a step."""
    return [_of_step(equations), _of_layers(equations), _of_changes(equations)]


def _of_step(equations: Equations) -> Table:
    trace, update = equations.trace, equations.trace.update
    facts = [("loss", f"{trace.loss:.6g}"), ("norm of the gradient", f"{trace.gradient_norm:.6g}")]
    if trace.penalty:
        facts.insert(1, ("of it penalty", f"{trace.penalty:.6g}"))
    if update is not None:
        facts.append(("learning rate", f"{update.learning_rate:.6g}"))
        facts.append(("optimizer", repr(update.optimizer)))
        if update.clip_factor != 1:
            facts.append(("gradient clipped by", f"{update.clip_factor:.6g}"))
    return Table("The step", ("", ""), tuple(facts))


def _of_layers(equations: Equations) -> Table:
    """Return a row a layer: what it computes, sizes, and units that don't learn."""
    trace, rows = equations.trace, []
    headings = ("layer", "units", "|a|", "|δ|", "|∂L/∂W|", "|ΔW|/|W|", "dead", "saturated")
    for layer, row in enumerate(equations.spec.activation_rows):
        a, z = trace.activations[layer + 1], trace.pre_activations[layer].astype(np.float64)
        with np.errstate(all="ignore"):
            slopes = np.abs(row.derivative(z))
            largest = np.nanmax(np.abs(row.derivative(np.linspace(-8, 8, 1601)[:, None])))
        dead = int((slopes == 0).all(axis=0).sum())
        flat = int(((slopes > 0) & (slopes <= _SATURATED * largest)).all(axis=0).sum())
        numbers = (_norm(a), _norm(trace.deltas[layer]), _norm(trace.weight_gradients[layer]))
        rows.append((
            f"{layer} {row.name}", f"{a.shape[1]:,}", *(f"{n:.4g}" for n in numbers),
            _change(equations, layer), f"{dead:,}" if dead else "", f"{flat:,}" if flat else "",
        ))  # fmt: skip
    return Table("Layer by layer", headings, tuple(rows))


def _change(equations: Equations, layer: int) -> str:
    update, W = equations.trace.update, equations.trace.weights[layer]
    if update is None:
        return ""
    size = _norm(W)
    return f"{_norm(update.parameters.weights[layer] - W) / size:.3g}" if size else "∞"


def _of_changes(equations: Equations, most: int = 5) -> Table:
    """Return the weights that changed most, or whose gradients are the largest."""
    trace, update = equations.trace, equations.trace.update
    found = []
    for layer, W in enumerate(trace.weights):
        size = trace.weight_gradients[layer]
        if update is not None:
            size = update.parameters.weights[layer].astype(np.float64) - W
        flat = np.argsort(-np.abs(size), axis=None)[:most]
        found += [(abs(float(size.flat[n])), layer, *divmod(int(n), W.shape[1])) for n in flat]
    rows = []
    for _, layer, k, j in sorted(found, reverse=True)[:most]:
        before = float(trace.weights[layer][k, j])
        after = "" if update is None else f"{float(update.parameters.weights[layer][k, j]):.6g}"
        gradient = f"{float(trace.weight_gradients[layer][k, j]):.6g}"
        rows.append((f"layer {layer}, to {j} from {k}", f"{before:.6g}", gradient, after))
    count = plural(len(rows), "weight")
    title = f"The {count} with the largest " + ("gradients" if update is None else "changes")
    return Table(title, ("weight", "before", "∂L/∂w", "after"), tuple(rows))


def _norm(array: np.ndarray) -> float:
    return float(np.linalg.norm(array.astype(np.float64)))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = cells
    aligned = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
    return "  ".join(["  " + first.ljust(widths[0]), *aligned]).rstrip()


def _plain(text: str) -> str:
    signs = {"δ": r"$\delta$", "∂": r"$\partial$", "Δ": r"$\Delta$", "|": r"$|$", "_": r"\_"}
    return "".join(signs.get(character, character) for character in text)
