"""The way in: ``cr.explain``, which loads the rest of this floor when it is first called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.engine.trace import Trace

if TYPE_CHECKING:
    from chainrule.explain.explanation import Explanation
    from chainrule.explain.notations import Notation


def explain(
    trace: Trace,
    *,
    row: int | None = None,
    layer: int | None = None,
    unit: int | None = None,
    weight: tuple[int, int] | None = None,
    notation: Notation | str = "rows",
    digits: int = 6,
    full: bool = False,
    decimals: int | None = None,
    reference: bool = False,
) -> Explanation:
    """Return a step as equations: symbol = formula = substituted = result.

    Without anything else it is about the whole network: norms, units that are dead or saturated,
    what changed most. With a row, about the step of that sample; with a layer, about that layer, in
    matrices; with a unit or a weight too, about that.

    Parameters
    ----------
    trace : Trace
        Of ``run.at(step)``, of ``run.trace()`` in a callback, or of ``net.trace(X, y)``.
    row : int, optional
        A row of the training data, from 0; the first of the batch without it.
    layer : int, optional
        A layer of weights, from 0.
    unit : int, optional
        A unit of that layer, from 0.
    weight : (int, int), optional
        (j, k): the weight to unit j of that layer from unit k below, from 0, as the article's w_jk.
    notation : Notation or str
        "article", "rows", "mazur", "han", "negnevitsky", "hagan", "nielsen", or one of one's own.
    digits : int
        Significant digits that are shown; the numbers that are carried have all of theirs.
    full : bool
        Whether long sums have all their terms, and layers all their units.
    decimals : int, optional
        To which each line is rounded before the next uses it, as on paper.
    reference : bool
        Whether the number of the reference engine, in float64, stands beside each, with the
        difference in units of the last place.

    Returns
    -------
    Explanation

    Raises
    ------
    ValueError
        If there is no such layer, unit or weight, or the row is not in the step's batch.

    Examples
    --------
    >>> import chainrule as cr
    >>> net = cr.Network([2, 1], activation="sigmoid", output="sigmoid", dtype="float64", seed=1)
    >>> net.w, net.b = [0.15, 0.2], [0.35]
    >>> print(explain(net.trace([[0.05, 0.1]], [[0.01]]), layer=0, unit=0))
    Step 1, row 0
    <BLANKLINE>
    Forward, layer 0, unit 0
      z⁰₀ = w⁰₀₀ x₀ + w⁰₁₀ x₁ + b⁰₀ = 0.15 · 0.05 + 0.2 · 0.1 + 0.35 = 0.3775
      a⁰₀ = 1 / (1 + exp(-z⁰₀)) = 1 / (1 + exp(-0.3775)) = 0.59327
    <BLANKLINE>
    Backward, layer 0, unit 0
      ∂ℓ/∂a⁰₀ = a⁰₀ - y₀ = 0.59327 - 0.01 = 0.58327
      φ′⁰₀ = a⁰₀(1 - a⁰₀) = 0.59327(1 - 0.59327) = 0.241301
      δ⁰₀ = ∂ℓ/∂a⁰₀ φ′⁰₀ = 0.58327 · 0.241301 = 0.140743
    <BLANKLINE>
    Gradient
      ∂L/∂w⁰₀₀ = δ⁰₀ x₀ = 0.140743 · 0.05 = 0.00703717
      ∂L/∂w⁰₁₀ = δ⁰₀ x₁ = 0.140743 · 0.1 = 0.0140743
      ∂L/∂b⁰₀ = δ⁰₀ = 0.140743
    <BLANKLINE>
    """
    from chainrule.explain.explanation import explained  # 0.1 s that `import chainrule` has not

    return explained(trace, row, layer, unit, weight, notation, digits, full, decimals, reference)
