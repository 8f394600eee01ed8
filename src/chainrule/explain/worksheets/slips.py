"""Slips: what people do wrong, as changes of an equation."""

from collections.abc import Callable
from dataclasses import dataclass

from chainrule.explain.expressions import (
    HALF,
    Expression,
    Negative,
    Product,
    Reference,
    Series,
    Sum,
    mapped,
    product,
    references,
)
from chainrule.explain.quantities import Quantity

Change = Callable[[Expression], Expression | None]


@dataclass(frozen=True)
class Slip:
    """A mistake.

    Attributes
    ----------
    kinds : tuple of str
        The quantities in whose equations it is made.
    change : callable
        Returns the wrong equation, or None where the mistake can't be made.
    said : str
        What was done wrong.
    """

    kinds: tuple[str, ...]
    change: Change
    said: str


def _without_bias(tree: Expression) -> Expression | None:
    if not isinstance(tree, Sum):
        return None
    kept = tuple(term for term in tree.terms if not _is_of(term, "biases"))
    return kept[0] if len(kept) == 1 else Sum(kept)


def _without_slope(tree: Expression) -> Expression | None:
    if not isinstance(tree, Product) or not any(_is_of(one, "slopes") for one in tree.factors):
        return None
    return product(*(one for one in tree.factors if not _is_of(one, "slopes")))


def _turned(tree: Expression) -> Expression | None:
    """Return y - a for a - y."""
    if isinstance(tree, Sum) and len(tree.terms) == 2 and isinstance(tree.terms[1], Negative):
        return Sum((tree.terms[1].of, Negative(tree.terms[0])))
    return None


def _up_the_hill(tree: Expression) -> Expression | None:
    if isinstance(tree, Sum) and len(tree.terms) == 2 and isinstance(tree.terms[1], Negative):
        return Sum((tree.terms[0], tree.terms[1].of))
    return None


def _without_half(tree: Expression) -> Expression | None:
    if isinstance(tree, Series):
        terms = [_without_half(term) for term in tree.terms]
        return None if None in terms else Sum(tuple(term for term in terms if term is not None))
    if isinstance(tree, Product) and HALF in tree.factors:
        return product(*(factor for factor in tree.factors if factor != HALF))
    return None


def _one_way_only(tree: Expression) -> Expression | None:
    """Return the sum over the units above without its last term."""
    if isinstance(tree, Series) and len(tree.terms) > 1:
        kept = tuple(tree.terms)[:-1]
        return kept[0] if len(kept) == 1 else Sum(kept)
    return None


def _by_the_weight(tree: Expression) -> Expression | None:
    """Return δ w for δ a: the derivative by the unit below in the place of that by the weight."""
    inputs = [q for q in references(tree) if q.kind == "activations"]
    deltas = [q for q in references(tree) if q.kind == "deltas"]
    if len(inputs) != 1 or len(deltas) != 1:
        return None
    (a,), (delta,) = inputs, deltas
    weight = Quantity("weights", delta.layer, (a.at[-1], delta.at[-1]))

    def change(node: Expression) -> Expression | None:
        return Reference(weight) if node == Reference(a) else None

    return mapped(tree, change)


def _is_of(tree: Expression, kind: str) -> bool:
    return isinstance(tree, Reference) and tree.quantity.kind == kind


SLIPS = (
    Slip(("pre_activations",), _without_bias, "the bias was left out"),
    Slip(("deltas",), _without_slope, "the slope φ′(z) of the activation was left out"),
    Slip(("output_gradients", "deltas"), _turned, "the difference was taken the wrong way round"),
    Slip(("sample_losses",), _without_half, "the factor ½ was left out"),
    Slip(("upstream",), _one_way_only, "one of the ways from the unit to the loss was left out"),
    Slip(
        ("weight_gradients",),
        _by_the_weight,
        "δ was multiplied by the weight in the place of the input that comes along it",
    ),
    Slip(("new_weights", "new_biases"), _up_the_hill, "the step goes up the slope, not down"),
)
