"""The equations of an update: clipping, weight decay, the optimizer's rule, and what follows it."""

from chainrule.engine.trace import Trace
from chainrule.explain.expressions import (
    Call,
    Expression,
    Mapped,
    Power,
    Quotient,
    Reference,
    Series,
    bound,
    whole,
)
from chainrule.explain.formulas import assignment
from chainrule.explain.quantities import Quantity
from chainrule.theory.optimizer import AVERAGE, CLIP, CONSTRAINT, DECAY, OF_ALL

At = tuple[int | str, ...]


class UpdateEquations:
    """What makes the quantities of an update.

    The optimizer's assignments are read one after the other: a letter stands for what it was
    assigned last.

    Parameters
    ----------
    trace : Trace
        Of a step that was taken.
    """

    def __init__(self, trace: Trace) -> None:
        assert trace.update is not None
        self._trace, self._update = trace, trace.update
        self._optimizer = trace.update.optimizer

    def formula(self, quantity: Quantity) -> Expression | None:
        """Return what makes a quantity of the update, or None where the step began with it."""
        kind, layer, at, name = quantity
        if kind in ("clipped_weights", "clipped_biases"):
            gradient = Reference(Quantity(_gradients(at), layer, at))
            return self._read(CLIP, {"g": gradient, "n": Reference(Quantity("gradient_norm"))})
        if kind == "clip_factor" and self._is_clipped:
            largest = Reference(Quantity("option", name="clip_norm"))
            return Quotient(largest, Reference(Quantity("gradient_norm")))
        if kind == "unit_norms":
            return self._unit_norm(layer, at[0])
        if kind in ("state_after", *_AFTER):
            made = self.assignments(layer, at)
            return made.get(Quantity(kind, layer, at, name))
        return None

    def quantities(self, layer: int, at: At) -> tuple[Quantity, ...]:
        """Return what the update computes of a weight or a bias, in its order."""
        made = list(self.assignments(layer, at))
        if self._is_clipped:
            kind = "clipped_weights" if len(at) == 2 else "clipped_biases"
            made = [Quantity("gradient_norm"), Quantity(kind, layer, at), *made]
        if self._optimizer.max_norm is not None and len(at) == 2:
            made.insert(-1, Quantity("unit_norms", layer, at[1:]))
        return tuple(made)

    def assignments(self, layer: int, at: At) -> dict[Quantity, Expression]:
        """Return what becomes of a weight or a bias, and of its memory, one after the other."""
        optimizer, made = self._optimizer, dict[Quantity, Expression]()
        is_weight = len(at) == 2
        kind = "weights" if is_weight else "biases"
        g = Quantity(f"clipped_{kind}" if self._is_clipped else _gradients(at), layer, at)
        letters: dict[str, Expression] = {
            "θ": Reference(Quantity(kind, layer, at)),
            "g": Reference(g),
            "η": Reference(Quantity("learning_rate")),
            "t": Reference(Quantity("step_number")),
        }
        slots = dict(self._letters())
        letters |= {letter: self._meaning(name, layer, at) for letter, name in slots.items()}

        def assign(text: str, becomes: Quantity) -> None:
            letter, tree = assignment(text)
            made[becomes] = bound(tree, letters)
            letters[letter] = Reference(becomes)

        is_constrained = is_weight and optimizer.max_norm is not None
        last = Quantity("free_weights" if is_constrained else f"new_{kind}", layer, at)
        if optimizer.weight_decay:
            assign(DECAY, Quantity(f"decayed_{kind}", layer, at))
        for text in optimizer.rule_formulas:
            letter = assignment(text).letter
            slot = Quantity("state_after", layer, at, slots.get(letter, ""))
            assign(text, last if letter == "θ" else slot)
        if is_constrained:
            becomes = Quantity("new_weights", layer, at)
            norm = Reference(Quantity("unit_norms", layer, at[1:]))
            made[becomes] = self._read(CONSTRAINT, {"w": Reference(last), "n": norm})
            letters["θ"] = Reference(becomes)
        if optimizer.averaging:
            assign(AVERAGE, Quantity("state_after", layer, at, "average"))
        return made

    @property
    def _is_clipped(self) -> bool:
        return self._update.clip_factor != 1

    def _letters(self) -> list[tuple[str, str]]:
        return [*OF_ALL.items(), *self._optimizer.letters.items()]

    def _meaning(self, name: str, layer: int, at: At) -> Expression:
        """Return what a letter of the rule stands for: a vector of memory, or an option."""
        if name in self._update.state:
            return Reference(Quantity("state", layer, at, name))
        return Reference(Quantity("option", name=name))

    def _read(self, text: str, letters: dict[str, Expression]) -> Expression:
        options = {k: Reference(Quantity("option", name=v)) for k, v in OF_ALL.items()}
        return bound(assignment(text).formula, options | letters)

    def _unit_norm(self, layer: int, j: int | str) -> Expression:
        def square(k: int | str) -> Expression:
            return Power(Reference(Quantity("free_weights", layer, (k, j))), whole(2))

        fan_in = self._trace.parameters.spec.shapes[layer][0]
        return Call("sqrt", (Series("k", square("k"), Mapped(range(fan_in), square)),))


# What a parameter becomes, one after the other.
_AFTER = (
    "decayed_weights", "decayed_biases", "free_weights", "new_weights", "new_biases",
)  # fmt: skip


def _gradients(at: At) -> str:
    return "weight_gradients" if len(at) == 2 else "bias_gradients"
