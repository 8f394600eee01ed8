"""Optimizer: what all optimizers have, beside their rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from chainrule.theory.checks import plain, require, require_number
from chainrule.theory.habits import refuse_unknown
from chainrule.theory.schedules import Constant, Schedule

Vector = NDArray[np.float64]

# What every optimizer does beside its rule, where asked to.
CLIP = "g ← g c / n if n > c else g"
DECAY = "θ ← θ - η λ θ"
CONSTRAINT = "w ← w r / n if n > r else w"
AVERAGE = "Θ ← β Θ + (1 - β) θ"
OF_ALL = {"c": "clip_norm", "r": "max_norm", "λ": "weight_decay", "β": "averaging", "Θ": "average"}

CLIPPING = "clip_norm scales g down to that very norm, where PyTorch divides by the norm + 1e-6"


def normal(state: Vector) -> Vector:
    """Return the state, 0 where it is smaller than the smallest normal number.

    Where a gradient stays 0, as a dead unit's, state decays by a factor a step; left among
    the denormal numbers, on which processors are slow, it would stay there for ever.
    """
    return np.where(np.abs(state) < np.finfo(state.dtype).tiny, 0.0, state)


def in_units(g: Vector) -> tuple[Vector, float]:
    """Return g in units, whose squares neither overflow nor vanish, and the unit.

    It is the power of two in the largest |g|, so that no digit changes.
    """
    exponent = np.frexp(np.max(np.abs(g)))[1]
    unit = float(np.ldexp(1.0, np.clip(exponent - 1, -1022, 1023)))
    return g / unit, unit


def norm(g: Vector) -> float:
    """Return sqrt(Σ g²)."""
    units, unit = in_units(g)
    return float(np.sqrt(np.sum(units * units))) * unit


@dataclass(frozen=True, repr=False)
class Optimizer:
    """Base of the optimizers. Every vector of state is kept ``normal``.

    Parameters
    ----------
    learning_rate : float or Schedule
        η, constant or by the step.
    clip_norm : float, optional
        When the norm of g over all weights and biases, penalty included, exceeds this, g is
        scaled down to it (Pascanu, Mikolov, Bengio 2013, Algorithm 1).
    max_norm : float, optional
        After the update, the weights into a unit whose norm exceeds this are scaled down to it
        (Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov 2014, Dropout, section 5.1).
    weight_decay : float
        λ: before the update, θ ← θ - η λ θ, biases included (Loshchilov, Hutter 2019, Decoupled
        weight decay, Algorithms 1 and 2).
    averaging : float
        β of a moving average of θ, 0 for none: s ← β s + (1 - β) θ after each step, and
        s / (1 - βᵗ) are the parameters that a network has whenever a fit ends or its validation
        loss is taken (Kingma, Ba 2015, Adam, section 7.2). The run keeps θ, and goes on from it.

    Subclasses are refused: engine and files know ``cr.OPTIMIZERS`` only.

    Examples
    --------
    >>> from chainrule import SGD, Cosine
    >>> SGD(learning_rate=Cosine(0.5, steps=10_000), momentum=0.9).slots
    ('velocity',)
    """

    learning_rate: float | Schedule
    clip_norm: float | None = field(default=None, kw_only=True)
    max_norm: float | None = field(default=None, kw_only=True)
    weight_decay: float = field(default=0.0, kw_only=True)
    averaging: float = field(default=0.0, kw_only=True)

    name: ClassVar[str]
    formula: ClassVar[str]
    letters: ClassVar[Mapping[str, str]]  # of the formulas: the hyperparameter or slot of each
    source: ClassVar[str]
    departures: ClassVar[str] = CLIPPING
    state_names: ClassVar[tuple[str, ...]] = ()

    def __new__(cls, *_: object, **options: object) -> Self:
        """Refuse options that there aren't, before the fields are set."""
        refuse_unknown(f"{cls.__name__}()", options, cls.__dataclass_fields__)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        own = "an optimizer must be one of chainrule's own (a new one is a row of"
        got = f"{own} theory/optimizers.py), got a {type(self).__name__}"
        require(type(self).__module__ == f"{__package__}.optimizers", got)
        if not isinstance(self.learning_rate, Schedule):
            Constant(self.learning_rate)  # checks the number
        for name in ("clip_norm", "max_norm"):
            if getattr(self, name) is not None:
                require_number(name, getattr(self, name), lambda v: v > 0, "a number > 0 or None")
        require_number("weight_decay", self.weight_decay, lambda v: v >= 0, "a number >= 0")
        require_number("averaging", self.averaging, lambda v: 0 <= v < 1, "in [0, 1); 0 is none")

    def __repr__(self) -> str:
        """Return the call that makes it, without what is left at its default."""
        given = {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name == "learning_rate" or getattr(self, f.name) != f.default
        }
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in given.items())})"

    @property
    def rule_formulas(self) -> tuple[str, ...]:
        """What ``rule`` does, one assignment after the other, which ``explain`` reads."""
        return tuple(one for one in self.formula.split("; ") if one != DECAY)

    @property
    def own_slots(self) -> tuple[str, ...]:
        """The names of the state vectors that ``update`` needs."""
        return self.state_names

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of all state vectors, each as long as θ."""
        return (*self.own_slots, "average") if self.averaging else self.own_slots

    def over(self, steps: int) -> Self:
        """Return the optimizer for a fit of so many steps, which an open schedule lasts."""
        rate = self.learning_rate
        return self.at_rate(rate.over(steps)) if isinstance(rate, Schedule) else self

    def at_rate(self, learning_rate: float | Schedule) -> Self:
        """Return the optimizer with another learning rate."""
        return replace(self, learning_rate=learning_rate)

    def rates(self, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return η for each step (from 1), float64 of shape (len(steps),)."""
        if not isinstance(self.learning_rate, Schedule):
            return np.full(len(steps), self.learning_rate, dtype=np.float64)
        return np.ascontiguousarray(self.learning_rate.rates(steps), dtype=np.float64)

    def initial_slot(self, slot: str, theta: NDArray[Any]) -> NDArray[Any]:  # noqa: ARG002
        """Return the state before the first step, a new array: zeros, or what an optimizer says."""
        return np.zeros_like(theta)

    def require_dtype(self, dtype: str) -> None:
        """Raise ``ValueError`` if ε, which keeps 0 / 0 away, is itself 0 in the dtype."""
        epsilon = getattr(self, "epsilon", None)
        if epsilon is not None:
            least = np.finfo(dtype).smallest_subnormal
            require(
                np.dtype(dtype).type(epsilon) > 0,
                f"epsilon must be > 0 in {dtype} (at least {least:.2g}), got {epsilon:.6g}",
            )

    def clipped(self, g: Vector) -> Vector:
        """Return g, scaled down to norm ``clip_norm`` where it is longer."""
        if self.clip_norm is None:
            return g
        scaled, unit = in_units(g)
        units = norm(scaled)
        return g if units <= self.clip_norm / unit else scaled * (self.clip_norm / units)

    def constrained(self, weights: NDArray[Any]) -> NDArray[Any]:
        """Return W of a layer, each column of a norm above ``max_norm`` scaled down to it."""
        if self.max_norm is None:
            return weights
        norms = np.sqrt(np.sum(weights * weights, axis=0))
        return weights * np.where(
            norms > self.max_norm, self.max_norm / np.maximum(norms, 1e-300), 1
        )

    def averaged(self, theta: NDArray[Any], state: Sequence[NDArray[Any]], t: int) -> NDArray[Any]:
        """Return the parameters to be used after step t: θ, or its moving average."""
        if not self.averaging or t == 0:
            return theta
        mean: NDArray[Any] = (state[-1] / (1 - self.averaging**t)).astype(theta.dtype)
        return mean

    def update(self, theta: Vector, g: Vector, state: list[Vector], eta: float, t: int) -> None:
        """Move θ by one step, in place: weight decay, then the rule of the optimizer.

        Parameters
        ----------
        theta, g : ndarray of float64, shape (n_parameters,)
            Parameters (overwritten) and gradient.
        state : list of ndarray
            One vector a slot, overwritten.
        eta : float
            Learning rate of this step.
        t : int
            The step, from 1.
        """
        if self.weight_decay:
            theta -= eta * self.weight_decay * theta
        self.rule(theta, g, state, eta, t)

    def rule(self, theta: Vector, g: Vector, state: list[Vector], eta: float, t: int) -> None:
        """Move θ by one step, in place, without weight decay."""
        raise NotImplementedError

    def constants(self) -> list[float]:
        """Return the hyperparameters, in the order of the fields, for the compiled engine."""
        skipped = {f.name for f in fields(Optimizer)}
        return [float(getattr(self, f.name)) for f in fields(self) if f.name not in skipped]

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the fields, ready for JSON."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        if isinstance(self.learning_rate, Schedule):
            values["learning_rate"] = self.learning_rate.to_dict()
        return {"name": self.name, **plain(values)}
