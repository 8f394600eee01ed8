"""Learning-rate schedules: η as a function of the step t, counted from 1.

A schedule knows its own length in steps, never how a run is cut into calls, so
10 epochs at once and 4 + 6 take the same rates.
"""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from chainrule.theory.checks import plain, require_number, require_whole


@dataclass(frozen=True)
class Schedule:
    """Base of the schedules: a starting ``learning_rate`` and a rule ``rates(steps)``."""

    learning_rate: float

    name: ClassVar[str]
    formula: ClassVar[str]
    latex: ClassVar[str]
    source: ClassVar[str]
    departures: ClassVar[str] = ""

    def __post_init__(self) -> None:
        require_number(
            "learning_rate", self.learning_rate, lambda v: v >= 0, "a finite number >= 0"
        )

    def rates(self, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return η for each step.

        Parameters
        ----------
        steps : ndarray of int, shape (k,)
            Steps t, from 1.

        Returns
        -------
        ndarray of float64, shape (k,)
        """
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the fields, ready for JSON."""
        return {"name": self.name, **plain(asdict(self))}


@dataclass(frozen=True)
class Constant(Schedule):
    """η at every step."""

    name: ClassVar[str] = "constant"
    formula: ClassVar[str] = "η"
    latex: ClassVar[str] = r"\eta"
    source: ClassVar[str] = "the article, equation (3)"

    def rates(self, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return η for each step."""
        return np.full(len(steps), self.learning_rate, dtype=np.float64)


@dataclass(frozen=True)
class InverseScaling(Schedule):
    """η / t^power."""

    power: float = 0.5

    name: ClassVar[str] = "inverse_scaling"
    formula: ClassVar[str] = "η / t^power"
    latex: ClassVar[str] = r"\eta / t^{p}"
    source: ClassVar[str] = "Robbins, Monro 1951; scikit-learn's 'invscaling'"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("power", self.power, lambda v: v >= 0, "a number >= 0")

    def rates(self, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return η for each step."""
        return self.learning_rate / steps.astype(np.float64) ** self.power


@dataclass(frozen=True)
class Exponential(Schedule):
    """η · decay^((t − 1) / steps): multiplied by ``decay`` every ``steps`` steps, smoothly."""

    decay: float = 0.96
    steps: int = 1000

    name: ClassVar[str] = "exponential"
    formula: ClassVar[str] = "η decay^((t - 1) / steps)"
    latex: ClassVar[str] = r"\eta\, d^{(t - 1) / T}"
    source: ClassVar[str] = "Goodfellow, Bengio, Courville 2016, Deep Learning, section 11.4"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("decay", self.decay, lambda v: 0 < v <= 1, "in (0, 1]")
        require_whole("steps", self.steps, 1)

    def rates(self, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return η for each step."""
        return self.learning_rate * self.decay ** ((steps - 1) / self.steps)


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from η down to ``minimum`` over ``steps`` steps, then ``minimum``."""

    steps: int = 1000
    minimum: float = 0.0

    name: ClassVar[str] = "cosine"
    formula: ClassVar[str] = "m + (η - m) (1 + cos(π min(t - 1, T) / T)) / 2"
    latex: ClassVar[str] = r"m + \tfrac{1}{2} (\eta - m)\left(1 + \cos\frac{\pi (t-1)}{T}\right)"
    source: ClassVar[str] = "Loshchilov, Hutter 2017, SGDR, equation (5)"
    departures: ClassVar[str] = "one descent, without restarts"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_whole("steps", self.steps, 1)
        require_number(
            "minimum",
            self.minimum,
            lambda v: 0 <= v <= self.learning_rate,
            f"between 0 and learning_rate ({self.learning_rate})",
        )

    def rates(self, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return η for each step."""
        progress = np.minimum(steps - 1, self.steps) / self.steps
        fall = 0.5 * (1.0 + np.cos(np.pi * progress))
        return self.minimum + (self.learning_rate - self.minimum) * fall


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up to η over the first ``warmup`` share of ``steps``, then down to almost 0."""

    steps: int = 1000
    warmup: float = 0.3
    start_divisor: float = 25.0
    end_divisor: float = 1e4

    name: ClassVar[str] = "one_cycle"
    formula: ClassVar[str] = "cosine from η/25 up to η, then down to η/25/10000"
    latex: ClassVar[str] = r"\eta / 25 \nearrow \eta \searrow \eta / 250000"
    source: ClassVar[str] = "Smith, Topin 2018, Super-convergence, section 3"
    departures: ClassVar[str] = "cosine instead of straight ramps, momentum left alone"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_whole("steps", self.steps, 1)
        require_number("warmup", self.warmup, lambda v: 0 < v < 1, "between 0 and 1")
        for name in ("start_divisor", "end_divisor"):
            require_number(name, getattr(self, name), lambda v: v >= 1, "a number >= 1")

    def rates(self, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return η for each step."""
        start = self.learning_rate / self.start_divisor
        end = start / self.end_divisor
        progress = np.minimum(steps - 1, self.steps) / self.steps
        rise = 0.5 * (1.0 - np.cos(np.pi * progress / self.warmup))
        fall = 0.5 * (1.0 + np.cos(np.pi * (progress - self.warmup) / (1.0 - self.warmup)))
        up = start + (self.learning_rate - start) * rise
        down = end + (self.learning_rate - end) * fall
        return np.where(progress < self.warmup, up, down)


@dataclass(frozen=True)
class Step(Schedule):
    """η · factor^⌊(t − 1) / every⌋: a staircase."""

    factor: float = 0.1
    every: int = 1000

    name: ClassVar[str] = "step"
    formula: ClassVar[str] = "η factor^floor((t - 1) / every)"
    latex: ClassVar[str] = r"\eta\, f^{\lfloor (t - 1) / k \rfloor}"
    source: ClassVar[str] = "Krizhevsky, Sutskever, Hinton 2012, ImageNet classification, section 5"
    departures: ClassVar[str] = "by a fixed number of steps, not by hand"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("factor", self.factor, lambda v: 0 < v <= 1, "in (0, 1]")
        require_whole("every", self.every, 1)

    def rates(self, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return η for each step."""
        stairs = ((steps - 1) // self.every).astype(np.float64)
        return self.learning_rate * self.factor**stairs


SCHEDULES: dict[str, type[Schedule]] = {
    row.name: row for row in (Constant, InverseScaling, Exponential, Cosine, OneCycle, Step)
}
