"""Equations: what makes each quantity of a step, as an expression of other quantities.

In the order of the step: forward, loss, backward, gradient; the update is in ``updates.py``. The
formulas of activations, losses and optimizers are those of theory/.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from chainrule.engine.trace import Trace
from chainrule.explain.expressions import (
    HALF,
    ONE,
    ZERO,
    Call,
    Expression,
    Letter,
    Mapped,
    Power,
    Product,
    Quotient,
    Reference,
    Series,
    bound,
    evaluated,
    mapped,
    product,
    references,
    total,
    whole,
)
from chainrule.explain.formulas import formula
from chainrule.explain.quantities import DERIVED, Quantity
from chainrule.explain.updates import UpdateEquations
from chainrule.explain.values import number
from chainrule.theory.checks import require

Index = int | str
OfUnit = Callable[[Index], Expression]

# Options of losses by the letter that they have in the formulas.
_LOSS_OPTIONS = {"t": "threshold", "γ": "gamma"}


@dataclass(frozen=True)
class Line:
    """A quantity, the expression that makes it, and its number.

    Attributes
    ----------
    quantity : Quantity
    formula : Expression or None
        None where the step began with it.
    value : float
        The engine's number; of a quantity that it doesn't hold, one computed in float64 from its.
    """

    quantity: Quantity
    formula: Expression | None
    value: float


def ref(kind: str, layer: int = -1, *at: Index, name: str = "") -> Reference:
    """Return a reference to a quantity."""
    return Reference(Quantity(kind, layer, at, name))


class Equations:
    """Every quantity of a step, with the equation that makes it.

    Parameters
    ----------
    trace : Trace
    decimals : int, optional
        To which every result is rounded before it is used again, as on paper; the numbers then are
        those of these equations in float64, not the engine's.
    replaced : mapping of Quantity to Expression, optional
        Equations that are put in the places of others, as by somebody who makes a mistake; it takes
        decimals.

    Examples
    --------
    >>> import chainrule as cr
    >>> net = cr.Network([2, 1], dtype="float64", seed=0)
    >>> equations = Equations(net.trace([[1.0, 2.0]], [0.5]))
    >>> line = equations.line(Quantity("deltas", 0, (0, 0)))
    >>> line.value == net.forward([[1.0, 2.0]])[0, 0] - 0.5
    np.True_
    """

    def __init__(
        self,
        trace: Trace,
        decimals: int | None = None,
        replaced: Mapping[Quantity, Expression] = MappingProxyType({}),
    ) -> None:
        self.trace, self.spec = trace, trace.parameters.spec
        require(
            self.spec.precision is None,
            f"equations are shown with the numbers as they are, and this network's products round "
            f"them to {self.spec.precision}: explain a step of the same network without precision",
        )
        self.decimals, self._replaced = decimals, replaced
        self._updates = UpdateEquations(trace) if trace.update is not None else None
        self._derived: dict[Quantity, float] = {}
        self._shares_differ = bool((trace.shares != 1).any())

    def line(self, quantity: Quantity) -> Line:
        """Return the line of a quantity."""
        return Line(quantity, self.formula(quantity), self.number(quantity))

    def number(self, quantity: Quantity) -> float:
        """Return the number of a quantity."""
        if quantity.kind not in DERIVED and self.decimals is None:
            return number(self.trace, quantity)
        if quantity not in self._derived:
            tree = self.formula(quantity)
            if tree is None:
                return number(self.trace, quantity)
            found = evaluated(tree, self.number)
            self._derived[quantity] = (
                found if self.decimals is None else round(found, self.decimals)
            )
        return self._derived[quantity]

    def formula(self, quantity: Quantity) -> Expression | None:
        """Return what makes a quantity, or None where the step began with it."""
        if quantity in self._replaced:
            return self._replaced[quantity]
        makes = getattr(self, f"_{quantity.kind}", None)
        if makes is not None:
            made: Expression | None = makes(quantity.layer, *quantity.at)
            return made
        return self._updates.formula(quantity) if self._updates is not None else None

    def needed(self, quantity: Quantity) -> list[Quantity]:
        """Return the quantities that the equation of one is made of, from left to right."""
        tree = self.formula(quantity)
        return [] if tree is None else list(references(tree))

    def update_of(self, layer: int, at: tuple[Index, ...]) -> tuple[Quantity, ...]:
        """Return what becomes of a weight or a bias in this step, in the order of the update."""
        return () if self._updates is None else self._updates.quantities(layer, at)

    # -- forward: equations (1) and (5) ------------------------------------------------

    def _pre_activations(self, layer: int, i: Index, j: Index) -> Expression:
        def term(k: Index) -> Expression:
            return Product((ref("weights", layer, k, j), ref("activations", layer, i, k)))

        return total(_sum("k", self.spec.shapes[layer][0], term), ref("biases", layer, j))

    def _activations(self, layer: int, i: Index, j: Index) -> Expression | None:
        if layer == 0:
            return None
        if not self._is_dropped(layer - 1):
            return self._undropped(layer, i, j)
        return Product((ref("masks", layer - 1, i, j), ref("undropped", layer, i, j)))

    def _undropped(self, layer: int, i: Index, j: Index) -> Expression:
        row = self.spec.activation_rows[layer - 1]

        def z(unit: Index) -> Expression:
            return ref("pre_activations", layer - 1, i, unit)

        return self._of_unit(row.formula, {"z": z}, layer - 1, j)

    # -- loss: equations (2) and (6) ---------------------------------------------------

    def _sample_losses(self, _: int, i: Index) -> Expression | None:
        text, targets = self.spec.loss_row.formula, self.spec.n_targets
        parts = len(self.spec.loss_row.parts) or 1
        outputs = self.spec.n_outputs if parts == 1 else targets
        if not text:
            return None
        return _sum("j", outputs, lambda j: bound(formula(text), self._of_output(i, j)))

    def _of_output(self, i: Index, j: Index) -> dict[str, Expression]:
        """Return what the letters of a loss stand for, of one output, or of one target's parts."""
        row, last = self.spec.loss_row, self.spec.n_layers
        letters: dict[str, Expression] = {
            "a": ref("activations", last, i, j),
            "z": ref("pre_activations", last - 1, i, j),
            "y": ref("targets", -1, i, j),
        }
        for letter, option in _LOSS_OPTIONS.items():
            if option in row.settings:
                letters[letter] = ref("option", name=option)
        if row.levels and isinstance(j, int):
            level = j // (self.spec.n_outputs // len(row.levels))
            letters["q"] = ref("option", name=f"levels:{level}")
        if row.parts:
            target = j % self.spec.n_targets if isinstance(j, int) else j
            second = target + self.spec.n_targets if isinstance(target, int) else target
            letters |= {
                "m": ref("activations", last, i, target),
                "s": ref("activations", last, i, second),
                "y": ref("targets", -1, i, target),
            }
        return letters

    def _shares(self, _: int, i: Index) -> Expression | None:
        weight = ref("sample_weights", -1, i) if self.trace.sample_weight is not None else ONE
        if self.spec.reduction == "sum" or self.trace.mean_weight == 0:
            return weight
        if weight == ONE:
            return Quotient(ONE, ref("batch_size"))
        return Quotient(weight, Product((ref("batch_size"), ref("mean_weight"))))

    def _loss(self, _: int) -> Expression:
        losses = _sum(
            "i", len(self.trace.rows), lambda i: self._shared(i, ref("sample_losses", -1, i))
        )
        return total(losses, ref("penalty")) if self._is_penalised else losses

    def _penalty(self, _: int) -> Expression:
        def over_weights(of: Callable[[Expression], Expression]) -> Expression:
            places = Places(self.spec.shapes)
            terms = Mapped(range(len(places)), lambda n: of(ref("weights", *places[n])))
            return Series("", of(Letter("w")), terms)  # of every layer

        squares = over_weights(lambda w: Power(w, whole(2)))
        sizes = over_weights(lambda w: Call("abs", (w,)))
        return total(
            *([product(HALF, ref("option", name="l2"), squares)] if self.spec.l2 else []),
            *([product(ref("option", name="l1"), sizes)] if self.spec.l1 else []),
        )

    # -- backward: equations (9) to (13) -----------------------------------------------

    def _output_gradients(self, _: int, i: Index, j: Index) -> Expression:
        row = self.spec.loss_row
        texts = row.derivative_formula.split("; ")
        part = j // self.spec.n_targets if row.parts and isinstance(j, int) else 0
        return bound(formula(texts[part]), self._of_output(i, j))

    def _slopes(self, layer: int, i: Index, j: Index) -> Expression:
        row = self.spec.activation_rows[layer]
        letters: dict[str, OfUnit] = {
            "z": lambda unit: ref("pre_activations", layer, i, unit),
            "a": lambda unit: self._phi(layer, i, unit),
        }
        return self._of_unit(row.derivative_formula, letters, layer, j)

    def _upstream(self, layer: int, i: Index, k: Index) -> Expression:
        def term(j: Index) -> Expression:
            return Product((ref("weights", layer + 1, k, j), ref("deltas", layer + 1, i, j)))

        into = _sum("j", self.spec.shapes[layer + 1][1], term)
        return Product((ref("masks", layer, i, k), into)) if self._is_dropped(layer) else into

    def _deltas(self, layer: int, i: Index, j: Index) -> Expression | None:
        is_output, row = layer == self.spec.n_layers - 1, self.spec.activation_rows[layer]
        if is_output and not self.spec.loss_row.derivative_formula:
            return None
        if is_output and self.spec.fused is not None and self.spec.fused.delta_formula:
            return bound(formula(self.spec.fused.delta_formula), self._of_output(i, j))
        kind = "output_gradients" if is_output else "upstream"
        letters: dict[str, OfUnit] = {
            "u": lambda unit: ref(kind, layer, i, unit),
            "φ′": lambda unit: ref("slopes", layer, i, unit),
            "a": lambda unit: self._phi(layer, i, unit),
        }
        return self._of_unit(row.pullback_formula, letters, layer, j)

    # -- gradient: equations (7), (14) and (16) ----------------------------------------

    def _weight_gradients(self, layer: int, k: Index, j: Index) -> Expression:
        def term(i: Index) -> Expression:
            a, delta = ref("activations", layer, i, k), ref("deltas", layer, i, j)
            return self._shared(i, Product((delta, a)))

        w = ref("weights", layer, k, j)
        return total(
            _sum("i", len(self.trace.rows), term),
            *([product(ref("option", name="l2"), w)] if self.spec.l2 else []),
            *([product(ref("option", name="l1"), Call("sign", (w,)))] if self.spec.l1 else []),
        )

    def _sample_weight_gradients(self, layer: int, i: Index, k: Index, j: Index) -> Expression:
        """∂ℓ/∂a · ∂a/∂z · ∂z/∂w; from δ where that is taken at once."""
        delta = self.formula(Quantity("deltas", layer, (i, j)))
        kinds = [q.kind for q in references(delta)] if delta is not None else []
        a = ref("activations", layer, i, k)
        if isinstance(delta, Product) and kinds[-1:] == ["slopes"]:
            return Product((*delta.factors, a))
        return Product((ref("deltas", layer, i, j), a))

    def _bias_gradients(self, layer: int, j: Index) -> Expression:
        n = len(self.trace.rows)
        return _sum("i", n, lambda i: self._shared(i, ref("deltas", layer, i, j)))

    def _gradient_norm(self, _: int) -> Expression:
        places = Places(self.spec.shapes)

        def square(n: int) -> Expression:
            if n < len(places):
                return Power(ref("weight_gradients", *places[n]), whole(2))
            layer, unit = places.bias(n - len(places))
            return Power(ref("bias_gradients", layer, unit), whole(2))

        count = self.spec.n_weights + self.spec.n_biases
        every = Series("", Power(Letter("g"), whole(2)), Mapped(range(count), square))
        return Call("sqrt", (every,))

    # -- what they share ---------------------------------------------------------------

    @property
    def _is_penalised(self) -> bool:
        return self.spec.l2 > 0 or self.spec.l1 > 0

    def _is_dropped(self, layer: int) -> bool:
        return layer < len(self.trace.masks)

    def _phi(self, layer: int, i: Index, j: Index) -> Expression:
        """Return φ(z), which is the output of the unit unless that is dropped."""
        kind = "undropped" if self._is_dropped(layer) else "activations"
        return ref(kind, layer + 1, i, j)

    def _shared(self, i: Index, of_sample: Expression) -> Expression:
        """Return what a sample adds, times its share; without it where every share is 1."""
        if not self._shares_differ:
            return of_sample
        factors = of_sample.factors if isinstance(of_sample, Product) else (of_sample,)
        return Product((ref("shares", -1, i), *factors))

    def _of_unit(self, text: str, of: Mapping[str, OfUnit], layer: int, j: Index) -> Expression:
        """Return a formula of theory/ for unit j of a layer: xₖ under a Σ is of every unit."""
        row = self.spec.activation_rows[layer]
        letters: dict[str, Expression] = {name: ref("option", name=name) for name in row.constants}
        if not row.elementwise:  # of ∂aⱼ/∂zₖ, the one of the unit itself
            letters |= {"j": ZERO, "k": ZERO, **{f"{name}ₖ": make(j) for name, make in of.items()}}
        units = self.spec.layer_sizes[layer + 1]
        here = letters | {name + below: make(j) for name, make in of.items() for below in ("", "ⱼ")}

        def opened(node: Expression) -> Expression | None:
            if not isinstance(node, Series):
                return None
            pattern = node.pattern
            return _sum(
                "k", units, lambda k: bound(pattern, {f"{name}ₖ": of[name](k) for name in of})
            )

        return bound(mapped(formula(text), opened), here)


class Places:
    """The place of each weight of **w**, (layer, from, to), and of each bias of **b**."""

    def __init__(self, shapes: tuple[tuple[int, int], ...]) -> None:
        self._shapes = shapes

    def __len__(self) -> int:
        return sum(rows * columns for rows, columns in self._shapes)

    def __getitem__(self, n: int) -> tuple[int, int, int]:
        for layer, (rows, columns) in enumerate(self._shapes):
            if n < rows * columns:
                return layer, *divmod(n, columns)
            n -= rows * columns
        raise IndexError(n)

    def bias(self, n: int) -> tuple[int, int]:
        """Return the place of a bias."""
        for layer, (_, columns) in enumerate(self._shapes):
            if n < columns:
                return layer, n
            n -= columns
        raise IndexError(n)


def _sum(index: str, count: int, term: Callable[[Index], Expression]) -> Expression:
    """Return Σ of so many terms, or the term where there is one."""
    return term(0) if count == 1 else Series(index, term(index), Mapped(range(count), term))
