"""What columns do for a model's predictions, as pictures, by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.estimators.displays import pyplot
from chainrule.tables.importance import Effect, Importance

_MOST_BARS = 20


def importance_figure(
    importances: Sequence[Importance], effects: Sequence[Effect], names: Sequence[str], figure: str
) -> Any:  # noqa: ANN401 (matplotlib has no types)
    """Return a picture: the importances as bars, beside them a curve for each effect.

    Parameters
    ----------
    importances : sequence of Importance
        The greatest first; 20 are drawn.
    effects : sequence of Effect
    names : sequence of str
        Of the answers: the target; or each class, of two the second is drawn.
    figure : str
        What importance is the rise of, as "log-loss".

    Returns
    -------
    matplotlib's Figure
    """
    shown = list(importances[:_MOST_BARS])
    rows = max(-(-len(effects) // 2), 1)
    picture = pyplot().Figure(
        figsize=(11, max(2.2 * rows, 1.2 + 0.3 * len(shown))), layout="constrained"
    )
    grid = picture.add_gridspec(rows, 3 if effects else 1)
    ax = picture.add_subplot(grid[:, 0])
    places = np.arange(len(shown))
    ax.barh(places, [one.mean for one in shown], xerr=[one.deviation for one in shown])
    ax.set_yticks(places, [_short(one.column) for one in shown])
    ax.invert_yaxis()
    ax.set_xlabel(f"rise of the {figure} without the column")
    first = None
    for k, effect in enumerate(effects):
        first_here = picture.add_subplot(grid[k // 2, 1 + k % 2], sharey=first)
        first = first or first_here
        _draw(effect, names, first_here)
    if first is not None and len(names) > 2:
        first.legend(fontsize="small")
    return picture


def _draw(effect: Effect, names: Sequence[str], ax: Any) -> None:  # noqa: ANN401
    """Draw the answers over the values of a column: curves over numbers, dots over categories."""
    texts = effect.kind in ("text", "boolean")
    values: Any = [_short(str(v)) for v in effect.values] if texts else effect.values
    if effect.kind == "date":
        values = (np.array(values) * 86_400).astype("datetime64[s]")
    shown = [1] if len(names) == 2 else range(len(names))  # the second of two classes says it all
    for k in shown:
        ax.plot(values, effect.answers[:, k], "o" if texts else "-", label=_short(names[k]))
    ax.set_xlabel(effect.column)
    ax.set_ylabel(_short(names[shown[0]]) if len(shown) == 1 else "probability")
    ax.tick_params("x", rotation=0 if effect.kind == "number" else 30)


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:23]}…"
