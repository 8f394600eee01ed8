"""Templates: one equation for each kind of quantity and layer, with letters for indices.

A page has thousands of quantities and few equations: that of weight (3, 7) is that of weight
(k, j). Where the outputs of a network have different equations, as a mean and its variance, each
has its own.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from chainrule.engine.trace import Trace
from chainrule.explain.equations import Equations
from chainrule.explain.expressions import Expression
from chainrule.explain.notations import Notation
from chainrule.explain.page.trees import Tree, TreeEncoder
from chainrule.explain.quantities import Quantity
from chainrule.explain.scaling import in_notation

# The letters of a quantity's place: i the sample, k the unit that a weight comes from, j its unit.
_LETTERS: dict[str, tuple[str, ...]] = {
    "upstream": ("i", "k"),
    "sample_weight_gradients": ("i", "k", "j"),
    **dict.fromkeys(("sample_losses", "shares", "sample_weights"), ("i",)),
    **dict.fromkeys(
        ("activations", "pre_activations", "undropped", "masks", "targets", "deltas", "slopes",
         "output_gradients"),
        ("i", "j"),
    ),
}  # fmt: skip
_OF_PARAMETERS = {1: ("j",), 2: ("k", "j")}
_OF_OUTPUTS = ("output_gradients", "deltas")  # which may have an equation for each output


class Templates:
    """The templates of a step.

    Parameters
    ----------
    trace : Trace
    notations : sequence of Notation
        Of which those whose quantities are multiples of ours have trees of their own.
    pool : TreePool
        Where the trees are kept, each once.
    """

    def __init__(self, trace: Trace, notations: Sequence[Notation], pool: "TreePool") -> None:
        self._equations, self._pool = Equations(_as_if_clipped(trace)), pool
        self._scaled = [notation for notation in notations if notation.scales]
        self._met: dict[Quantity, None] = dict.fromkeys(_asked_for(self._equations))

    def entries(self) -> list[dict[str, Any]]:
        """Return an entry for each quantity that has an equation, ready for JSON."""
        found, done = [], set[Quantity]()
        while waiting := [one for one in self._met if one not in done]:
            for quantity in waiting:
                done.add(quantity)
                found += [self._entry(one) for one in self._of_each_output(quantity)]
        return [entry for entry in found if entry is not None]

    def _entry(self, quantity: Quantity) -> dict[str, Any] | None:
        formula = self._equations.formula(quantity)
        if formula is None:
            return None
        kind, layer, at, name = quantity
        tree = self._kept(formula, quantity)
        entry: dict[str, Any] = {"kind": kind, "layer": layer, "at": list(at), "tree": tree}
        scaled = {
            notation.name: self._kept(in_notation(formula, notation.scale, quantity), quantity)
            for notation in self._scaled
        }
        different = {name: number for name, number in scaled.items() if number != tree}
        entry |= {"name": name} if name else {}
        return entry | ({"scaled": different} if different else {})

    def _kept(self, formula: Expression, quantity: Quantity) -> int:
        return self._pool.place(TreeEncoder(quantity.layer, self._meet).encoded(formula))

    def _meet(self, quantity: Quantity) -> None:
        if quantity.kind != "option":
            self._met[quantity._replace(at=_letters(quantity))] = None

    def _of_each_output(self, quantity: Quantity) -> Iterable[Quantity]:
        """Return the quantity; of an output whose equation isn't that of all, each of them."""
        spec = self._equations.spec
        if quantity.kind not in _OF_OUTPUTS or quantity.layer != spec.n_layers - 1:
            return [quantity]
        if not spec.loss_row.parts and not spec.loss_row.levels:
            return [quantity]
        return [quantity._replace(at=(*quantity.at[:-1], j)) for j in range(spec.n_outputs)]


class TreePool:
    """Trees, each once."""

    def __init__(self) -> None:
        self.trees: list[Tree] = []
        self._places: dict[str, int] = {}

    def place(self, tree: Tree) -> int:
        """Return the place of a tree among all."""
        text = json.dumps(tree)
        if text not in self._places:
            self._places[text] = len(self.trees)
            self.trees.append(tree)
        return self._places[text]


def _letters(quantity: Quantity) -> tuple[str, ...]:
    if not quantity.at:
        return ()
    return _LETTERS.get(quantity.kind) or _OF_PARAMETERS[len(quantity.at)]


def _asked_for(equations: Equations) -> list[Quantity]:
    """Return what a page shows by itself; what that is made of is met on the way."""
    asked = [Quantity("loss"), Quantity("sample_losses", -1, ("i",))]
    for layer in range(equations.spec.n_layers):
        asked.append(Quantity("deltas", layer, ("i", "j")))
        asked.append(Quantity("activations", layer + 1, ("i", "j")))
        asked.append(Quantity("sample_weight_gradients", layer, ("i", "k", "j")))
        for at in (("k", "j"), ("j",)):
            kind = "weight_gradients" if len(at) == 2 else "bias_gradients"
            asked += [Quantity(kind, layer, at), *equations.update_of(layer, at)]
    return asked


def _as_if_clipped(trace: Trace) -> Trace:
    """Return a trace whose equations have clipping in them wherever it may happen."""
    update = trace.update
    if update is None or update.optimizer.clip_norm is None:
        return trace
    return replace(trace, update=replace(update, clip_factor=0.5))
