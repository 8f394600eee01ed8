"""Zooms: which quantities an explanation shows; the step of a sample, a layer, a unit, a weight."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chainrule.explain.equations import Equations
from chainrule.explain.quantities import Quantity

MOST_UNITS = 6  # of a layer, whose equations stand below each other; unless all are asked for


@dataclass(frozen=True)
class Section:
    """A part of an explanation: a heading, quantities whose lines stand below each other, a remark.

    Attributes
    ----------
    title : str
    quantities : tuple of Quantity
    remark : str
    """

    title: str
    quantities: tuple[Quantity, ...]
    remark: str = ""


def sample(equations: Equations, i: int, most: int | None) -> list[Section]:
    """Return the step of one sample of the batch, from its inputs to the update."""
    layers = range(equations.spec.n_layers)
    forward = [_forward(equations, layer, i, most) for layer in layers]
    backward = [_backward(equations, layer, i, most) for layer in reversed(layers)]
    return [*forward, _loss(equations, i), *backward, *_largest_updates(equations, most)]


def layer(equations: Equations, layer: int, i: int, most: int | None) -> list[Section]:
    """Return a layer of a sample's step."""
    forward = _forward(equations, layer, i, most)
    return [forward, _backward(equations, layer, i, most), *_updates_of(equations, layer, most)]


def unit(equations: Equations, layer: int, j: int, i: int, most: int | None) -> list[Section]:
    """Return what one unit does in a sample's step, and how its weights move."""
    fan_in = equations.spec.shapes[layer][0]
    into = [Quantity("weight_gradients", layer, (k, j)) for k in _first(range(fan_in), most)]
    return [
        Section(f"Forward, layer {layer}, unit {j}", _values(layer, i, j)),
        Section(f"Backward, layer {layer}, unit {j}", _chain(equations, layer, i, j)),
        Section(
            "Gradient",
            (*into, Quantity("bias_gradients", layer, (j,))),
            _left_out(fan_in, len(into), "weight"),
        ),
        *_update(equations, layer, (j,)),
    ]


def weight(equations: Equations, layer: int, k: int, j: int, i: int) -> list[Section]:
    """Return the chain rule from the loss down to one weight, and the weight's update."""
    above = [
        _backward(equations, upper, i, MOST_UNITS)
        for upper in reversed(range(layer + 1, equations.spec.n_layers))
    ]
    return [
        Section(f"Forward through unit {j} of layer {layer}", _values(layer, i, j)),
        _loss(equations, i),
        *above,
        Section(
            f"The chain rule down to the weight from unit {k} to unit {j} of layer {layer}",
            (
                *_chain(equations, layer, i, j),
                Quantity("sample_weight_gradients", layer, (i, k, j)),
            ),
        ),
        Section("Gradient", (Quantity("weight_gradients", layer, (k, j)),)),
        *_update(equations, layer, (k, j)),
    ]


# -- parts of them -------------------------------------------------------------------------------


def _forward(equations: Equations, layer: int, i: int, most: int | None) -> Section:
    units = equations.spec.shapes[layer][1]
    shown = _first(range(units), most)
    values = [_values(layer, i, j) for j in shown]
    if not equations.spec.activation_rows[layer].elementwise:  # each a needs every z
        values = list(zip(*values, strict=True))
    lines = [quantity for row in values for quantity in row]
    return Section(f"Forward, layer {layer}", tuple(lines), _left_out(units, len(shown), "unit"))


def _backward(equations: Equations, layer: int, i: int, most: int | None) -> Section:
    units = equations.spec.shapes[layer][1]
    shown = _first(range(units), most)
    lines = [quantity for j in shown for quantity in _chain(equations, layer, i, j)]
    return Section(f"Backward, layer {layer}", tuple(lines), _left_out(units, len(shown), "unit"))


def _loss(equations: Equations, i: int) -> Section:
    of_sample, loss = Quantity("sample_losses", -1, (i,)), Quantity("loss")
    if equations.needed(loss) == [of_sample]:  # which is all there is of it
        return Section("Loss", (of_sample,))
    beside = [Quantity("penalty")] if equations.spec.l2 or equations.spec.l1 else []
    share = Quantity("shares", -1, (i,))
    if share in equations.needed(loss):
        beside.insert(0, share)
    return Section("Loss", (of_sample, *beside, loss))


def _values(layer: int, i: int, j: int) -> tuple[Quantity, ...]:
    return Quantity("pre_activations", layer, (i, j)), Quantity("activations", layer + 1, (i, j))


def _chain(equations: Equations, layer: int, i: int, j: int) -> tuple[Quantity, ...]:
    """Return δ of a unit, after the factors that it is made of."""
    delta = Quantity("deltas", layer, (i, j))
    own = [q for q in equations.needed(delta) if q.kind in _FACTORS and q.at == (i, j)]
    return (*own, delta)


_FACTORS = ("output_gradients", "upstream", "slopes")


def _updates_of(equations: Equations, layer: int, most: int | None) -> list[Section]:
    fan_in, units = equations.spec.shapes[layer]
    count = fan_in * units
    shown = [divmod(n, units) for n in _first(range(count), most)]
    gradients = [Quantity("weight_gradients", layer, at) for at in shown]
    remark = _left_out(count, len(shown), "weight")
    return [
        Section(f"Gradient, layer {layer}", tuple(gradients), remark),
        *_update(equations, layer, shown[0]),
    ]


def _largest_updates(equations: Equations, most: int | None) -> list[Section]:
    """Return gradient and update of the weight whose gradient is the largest."""
    gradients = equations.trace.weight_gradients
    sizes = [float(abs(g).max()) for g in gradients]
    layer = sizes.index(max(sizes))
    k, j = divmod(int(abs(gradients[layer]).argmax()), gradients[layer].shape[1])
    of_all = "" if most is None else f"the steepest of {equations.spec.n_weights:,} weights"
    return [
        Section("Gradient", (Quantity("weight_gradients", layer, (k, j)),), of_all),
        *_update(equations, layer, (k, j)),
    ]


def _update(equations: Equations, layer: int, at: tuple[int, ...]) -> list[Section]:
    """Return the update of a weight or a bias, where the step was taken."""
    made = equations.update_of(layer, at)
    return [Section("Update", made)] if made else []


def _first(units: Sequence[Any], most: int | None) -> list[Any]:
    """Return the first units, all of them where dots for the rest would be no shorter."""
    return list(units if most is None or len(units) <= most + 1 else units[:most])


def _left_out(count: int, shown: int, what: str) -> str:
    return f"⋯ {count - shown:,} more {what}s" if shown < count else ""
