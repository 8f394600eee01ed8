"""The optimizers: one class each, hyperparameters as fields, the update as one method.

θ is every parameter (**w**, then **b**) in one vector, g the gradient, t the step
counted from 1, η the learning rate of that step. ``update`` is the textbook
version that the reference engine runs; the compiled engine is tested against it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from chainrule.theory.checks import fields_from, require, require_name, require_number
from chainrule.theory.optimizer import CLIPPING, DECAY, Optimizer, Vector, normal
from chainrule.theory.schedules import Schedule, schedule_from_dict


def _require_rate(name: str, value: float) -> None:
    require_number(name, value, lambda v: 0 <= v < 1, "in [0, 1)")


def _require_positive(name: str, value: float) -> None:
    require_number(name, value, lambda v: v > 0, "a number > 0")


@dataclass(frozen=True, repr=False)
class SGD(Optimizer):
    """Gradient descent, with momentum μ and Nesterov's look-ahead on request."""

    learning_rate: float | Schedule = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    name: ClassVar[str] = "sgd"
    formula: ClassVar[str] = "θ ← θ - η g"
    with_momentum: ClassVar[str] = "v ← μ v - η g; θ ← θ + v"
    with_look_ahead: ClassVar[str] = "v ← μ v - η g; θ ← θ + μ v - η g"
    letters: ClassVar[Mapping[str, str]] = {"μ": "momentum", "v": "velocity"}
    source: ClassVar[str] = (
        "the article, equations (3) and (4); momentum: Sutskever, Martens, Dahl, Hinton 2013, "
        "equations (1)-(4)"
    )
    departures: ClassVar[str] = (
        "Nesterov's momentum is written for the looked-ahead parameters, θ ← θ + μ v - η g "
        "(Bengio, Boulanger-Lewandowski, Pascanu 2013, equation (7)); η is inside the velocity, as "
        "in the source, where PyTorch multiplies it afterwards: the same while η is constant; "
        + CLIPPING
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_rate("momentum", self.momentum)
        require(
            isinstance(self.nesterov, bool),
            f"nesterov must be True or False, got {self.nesterov}",
        )
        require(
            self.momentum > 0 or not self.nesterov,
            "nesterov=True needs momentum > 0, got momentum=0; try momentum=0.9",
        )

    @property
    def rule_formulas(self) -> tuple[str, ...]:
        """What ``rule`` does, with momentum or without."""
        with_it = self.with_look_ahead if self.nesterov else self.with_momentum
        return tuple((with_it if self.momentum else self.formula).split("; "))

    @property
    def own_slots(self) -> tuple[str, ...]:
        """The names of the state vectors: none without momentum."""
        return ("velocity",) if self.momentum else ()

    def rule(self, theta: Vector, g: Vector, state: list[Vector], eta: float, t: int) -> None:  # noqa: ARG002
        """Move θ by one step, in place."""
        if not self.momentum:
            theta -= eta * g
            return
        (v,) = state
        v[:] = normal(self.momentum * v - eta * g)
        theta += self.momentum * v - eta * g if self.nesterov else v


@dataclass(frozen=True, repr=False)
class Adagrad(Optimizer):
    """Each parameter's rate falls with the sum of its squared gradients."""

    learning_rate: float | Schedule = 0.01
    epsilon: float = 1e-10

    name: ClassVar[str] = "adagrad"
    formula: ClassVar[str] = "s ← s + g²; θ ← θ - η g / (sqrt(s) + ε)"
    letters: ClassVar[Mapping[str, str]] = {"s": "squares", "ε": "epsilon"}
    source: ClassVar[str] = "Duchi, Hazan, Singer 2011, Adaptive subgradient methods, Figure 1"
    departures: ClassVar[str] = "ε is added to the root; no projection; " + CLIPPING
    state_names: ClassVar[tuple[str, ...]] = ("squares",)

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_positive("epsilon", self.epsilon)

    def rule(self, theta: Vector, g: Vector, state: list[Vector], eta: float, t: int) -> None:  # noqa: ARG002
        """Move θ by one step, in place."""
        (s,) = state
        s[:] = normal(s + g * g)
        theta -= eta * g / (np.sqrt(s) + self.epsilon)


@dataclass(frozen=True, repr=False)
class RMSprop(Optimizer):
    """Gradients divided by the root of their running mean square."""

    learning_rate: float | Schedule = 0.001
    decay: float = 0.9
    epsilon: float = 1e-8

    name: ClassVar[str] = "rmsprop"
    formula: ClassVar[str] = "s ← ρ s + (1 - ρ) g²; θ ← θ - η g / (sqrt(s) + ε)"
    letters: ClassVar[Mapping[str, str]] = {"ρ": "decay", "s": "mean_square", "ε": "epsilon"}
    source: ClassVar[str] = (
        "Tieleman, Hinton 2012, Neural networks for machine learning, lecture 6e"
    )
    departures: ClassVar[str] = "ε, which the lecture leaves out, is added to the root; " + CLIPPING
    state_names: ClassVar[tuple[str, ...]] = ("mean_square",)

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_rate("decay", self.decay)
        _require_positive("epsilon", self.epsilon)

    def rule(self, theta: Vector, g: Vector, state: list[Vector], eta: float, t: int) -> None:  # noqa: ARG002
        """Move θ by one step, in place."""
        (s,) = state
        s[:] = normal(self.decay * s + (1 - self.decay) * g * g)
        theta -= eta * g / (np.sqrt(s) + self.epsilon)


@dataclass(frozen=True, repr=False)
class Adam(Optimizer):
    """Running means of g and g², each corrected for its start at 0."""

    learning_rate: float | Schedule = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    name: ClassVar[str] = "adam"
    formula: ClassVar[str] = (
        "m ← β₁ m + (1 - β₁) g; v ← β₂ v + (1 - β₂) g²; "
        "θ ← θ - η (m / (1 - β₁ᵗ)) / (sqrt(v / (1 - β₂ᵗ)) + ε)"
    )
    letters: ClassVar[Mapping[str, str]] = {
        "m": "first_moment",
        "v": "second_moment",
        "β₁": "beta1",
        "β₂": "beta2",
        "ε": "epsilon",
    }
    source: ClassVar[str] = "Kingma, Ba 2015, Adam, Algorithm 1"
    state_names: ClassVar[tuple[str, ...]] = ("first_moment", "second_moment")

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_rate("beta1", self.beta1)
        _require_rate("beta2", self.beta2)
        _require_positive("epsilon", self.epsilon)

    def rule(self, theta: Vector, g: Vector, state: list[Vector], eta: float, t: int) -> None:
        """Move θ by one step, in place."""
        m, v = state
        m[:] = normal(self.beta1 * m + (1 - self.beta1) * g)
        v[:] = normal(self.beta2 * v + (1 - self.beta2) * g * g)
        m_hat = m / (1 - self.beta1**t)
        v_hat = v / (1 - self.beta2**t)
        theta -= eta * m_hat / (np.sqrt(v_hat) + self.epsilon)


@dataclass(frozen=True, repr=False)
class AdamW(Adam):
    """Adam, with weight decay beside the gradient instead of inside it."""

    weight_decay: float = field(default=0.01, kw_only=True)

    name: ClassVar[str] = "adamw"
    formula: ClassVar[str] = f"{DECAY}; {Adam.formula}"
    source: ClassVar[str] = "Loshchilov, Hutter 2019, Decoupled weight decay, Algorithm 2"
    departures: ClassVar[str] = (
        "the decay is multiplied by η, as PyTorch does, not by a schedule multiplier alone; biases "
        "decay like weights, as in the source, where the l2 penalty leaves them out; " + CLIPPING
    )


@dataclass(frozen=True, repr=False)
class Rprop(Optimizer):
    """Only the sign of g counts; each parameter has a step size of its own."""

    learning_rate: float | Schedule = 0.01
    increase: float = 1.2
    decrease: float = 0.5
    smallest: float = 1e-6
    largest: float = 50.0

    name: ClassVar[str] = "rprop"
    formula: ClassVar[str] = (
        "Δ ← min(Δ₊, max(Δ₋, η₊ Δ if g h > 0 else η₋ Δ if g h < 0 else Δ)); "
        "h ← 0 if g h < 0 else g; θ ← θ - sign(h) Δ"
    )
    letters: ClassVar[Mapping[str, str]] = {
        "Δ": "step_size",
        "h": "previous_gradient",
        "η₊": "increase",
        "η₋": "decrease",
        "Δ₋": "smallest",
        "Δ₊": "largest",
    }
    source: ClassVar[str] = "Igel, Hüsken 2000, Improving the Rprop learning algorithm, iRprop-"
    departures: ClassVar[str] = "learning_rate is the first Δ; meant for full batches; " + CLIPPING
    state_names: ClassVar[tuple[str, ...]] = ("step_size", "previous_gradient")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            not isinstance(self.learning_rate, Schedule),
            "Rprop adapts its own step sizes: learning_rate must be a number, not a schedule",
        )
        _require_rate("decrease", self.decrease)
        require_number("increase", self.increase, lambda v: v >= 1, "a number >= 1")
        require_number("largest", self.largest, lambda v: v > 0, "a number > 0")
        require_number(
            "smallest",
            self.smallest,
            lambda v: 0 < v <= self.largest,
            f"between 0 and largest ({self.largest})",
        )

    def at_rate(self, learning_rate: float | Schedule) -> Self:  # noqa: ARG002
        """Raise ``ValueError``: the learning rate was only the first step size."""
        raise ValueError("Rprop adapts its own step sizes: its learning rate can't be changed")

    def initial_slot(self, slot: str, theta: NDArray[Any]) -> NDArray[Any]:
        """Return the first step sizes (the learning rate) or the gradient before any (0)."""
        return np.full_like(theta, self.learning_rate if slot == "step_size" else 0.0)

    def rule(self, theta: Vector, g: Vector, state: list[Vector], eta: float, t: int) -> None:  # noqa: ARG002
        """Move θ by one step, in place."""
        size, previous = state
        product = g * previous
        size[product > 0] *= self.increase
        size[product < 0] *= self.decrease
        size[:] = np.clip(size, self.smallest, self.largest)
        kept = np.where(product < 0, 0.0, g)
        theta -= np.sign(kept) * size
        size[:], previous[:] = normal(size), normal(kept)


OPTIMIZERS: dict[str, type[Optimizer]] = {
    row.name: row for row in (SGD, RMSprop, Adagrad, Adam, AdamW, Rprop)
}


def optimizer_from_dict(description: dict[str, Any]) -> Optimizer:
    """Return the optimizer that ``to_dict`` described.

    Raises
    ------
    ValueError
        If a name or field is unknown, or a value out of range.
    """
    require_name("optimizer", description.get("name"), OPTIMIZERS)
    row = OPTIMIZERS[description["name"]]
    values = fields_from(row.name, description, [f.name for f in fields(row)])
    if isinstance(values.get("learning_rate"), dict):
        values["learning_rate"] = schedule_from_dict(values["learning_rate"])
    return row(**values)
