"""Learning-rate schedules: η as a function of the step t, counted from 1.

A schedule knows its own length in steps, never how a run is cut into calls, so
10 epochs at once and 4 + 6 take the same rates. One without a length of its own
takes that of the fit, once, when the fit begins.
"""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from chainrule.theory.checks import (
    fields_from,
    plain,
    require,
    require_name,
    require_number,
    require_whole,
)


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
        require(
            type(self) in SCHEDULES.values(),
            f"learning_rate must be a schedule of chainrule's own (a new one is a row of "
            f"theory/schedules.py), got a {type(self).__name__}",
        )
        require_number(
            "learning_rate",
            self.learning_rate,
            lambda v: v >= 0,
            "a finite number >= 0, or a schedule of chainrule's, as cr.Cosine(0.1)",
        )

    @property
    def end(self) -> int | None:
        """The last step of the schedule's course; None where it has no end, or none yet."""
        return None

    def over(self, steps: int) -> Self:  # noqa: ARG002
        """Return the schedule over a fit of so many steps, where its length was left open."""
        return self

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
    """η / t^power; or changed only every so many steps, and counted in other units."""

    power: float = 0.5
    every: int = 1
    unit: float = 1.0

    name: ClassVar[str] = "inverse_scaling"
    formula: ClassVar[str] = "η / (1 + unit ⌊(t - 1) / every⌋)^power"
    latex: ClassVar[str] = r"\eta \left/ \left(1 + u \lfloor (t - 1) / k \rfloor\right)^{p}\right."
    source: ClassVar[str] = "Robbins, Monro 1951; scikit-learn's 'invscaling'"
    departures: ClassVar[str] = (
        "t is the step, and η / t^power unless told otherwise; scikit-learn changes η once an "
        "epoch and counts samples: every=steps of an epoch, unit=n_samples"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("power", self.power, lambda v: v >= 0, "a number >= 0")
        require_whole("every", self.every, 1)
        require_number("unit", self.unit, lambda v: v > 0, "a number > 0")

    def rates(self, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return η for each step."""
        passed = (steps - 1) // self.every
        return self.learning_rate / (1 + self.unit * passed.astype(np.float64)) ** self.power


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
class Course(Schedule):
    """Base of the schedules with an end: a course of ``steps``, then its last rate.

    Parameters
    ----------
    steps : int, optional
        Without it the course is the whole fit: as many steps as the first call of it asks
        for, which the run keeps.
    """

    steps: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps is not None:
            require_whole("steps", self.steps, 1)

    @property
    def end(self) -> int | None:
        """The last step of the course; None while its length is open."""
        return self.steps

    def over(self, steps: int) -> Self:
        """Return the schedule over a fit of so many steps, where its length was left open."""
        return self if self.steps is not None else replace(self, steps=steps)

    def _length(self) -> int:
        require(
            self.steps is not None,
            f"{type(self).__name__} without steps lasts as long as the fit that it is given to: "
            "give it steps, or use its over(steps)",
        )
        return int(self.steps)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Cosine(Course):
    """Half a cosine from η down to ``minimum`` over ``steps`` steps, then ``minimum``."""

    minimum: float = 0.0

    name: ClassVar[str] = "cosine"
    formula: ClassVar[str] = "m + (η - m) (1 + cos(π min(t - 1, T) / T)) / 2"
    latex: ClassVar[str] = r"m + \tfrac{1}{2} (\eta - m)\left(1 + \cos\frac{\pi (t-1)}{T}\right)"
    source: ClassVar[str] = "Loshchilov, Hutter 2017, SGDR, equation (5)"
    departures: ClassVar[str] = "one descent, without restarts; without steps, over the whole fit"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number(
            "minimum",
            self.minimum,
            lambda v: 0 <= v <= self.learning_rate,
            f"between 0 and learning_rate ({self.learning_rate})",
        )

    def rates(self, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return η for each step."""
        length = self._length()
        fall = 0.5 * (1.0 + np.cos(np.pi * np.minimum(steps - 1, length) / length))
        return self.minimum + (self.learning_rate - self.minimum) * fall


@dataclass(frozen=True)
class OneCycle(Course):
    """Up to η in the first ``warmup`` share of ``steps``, then down to almost 0 in the last."""

    warmup: float = 0.3
    start_divisor: float = 25.0
    end_divisor: float = 1e4

    name: ClassVar[str] = "one_cycle"
    formula: ClassVar[str] = "cosine from η/25 up to η, then down to η/25/10000"
    latex: ClassVar[str] = r"\eta / 25 \nearrow \eta \searrow \eta / 250000"
    source: ClassVar[str] = "Smith, Topin 2018, Super-convergence, section 3"
    departures: ClassVar[str] = (
        "cosine instead of straight ramps, momentum left alone; steps as in PyTorch's OneCycleLR; "
        "without steps, over the whole fit"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("warmup", self.warmup, lambda v: 0 < v < 1, "between 0 and 1")
        for name in ("start_divisor", "end_divisor"):
            require_number(name, getattr(self, name), lambda v: v >= 1, "a number >= 1")

    def rates(self, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return η for each step."""
        length = self._length()
        top = max(1.0, self.warmup * length)  # where η is reached, which may lie between steps
        start = self.learning_rate / self.start_divisor
        end = start / self.end_divisor
        # of a course of one step, or one that begins at its top, the share risen or fallen is 0
        risen = (steps - 1) / max(top - 1.0, 1.0)
        fallen = (np.minimum(steps, length) - top) / max(length - top, 1.0 - self.warmup)
        up = start + (self.learning_rate - start) * 0.5 * (1.0 - np.cos(np.pi * risen))
        down = end + (self.learning_rate - end) * 0.5 * (1.0 + np.cos(np.pi * fallen))
        return np.where(steps < top, up, down)


@dataclass(frozen=True)
class Staircase(Schedule):
    """η · factor^⌊(t − 1) / every⌋: down a step every so many steps of training."""

    factor: float = 0.1
    every: int = 1000

    name: ClassVar[str] = "staircase"
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
    row.name: row for row in (Constant, InverseScaling, Exponential, Cosine, OneCycle, Staircase)
}


def schedule_from_dict(description: dict[str, Any]) -> Schedule:
    """Return the schedule that ``to_dict`` described; ``ValueError`` says what is wrong."""
    require_name("schedule", description.get("name"), SCHEDULES)
    row = SCHEDULES[description["name"]]
    return row(**fields_from(row.name, description, [f.name for f in fields(row)]))
