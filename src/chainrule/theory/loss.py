"""Loss: what a row of the table of losses holds, and its options."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from chainrule.theory.checks import require_name
from chainrule.theory.loss_options import LossOption

Array = NDArray[Any]
Targets = Literal["real", "counts", "positive", "binary", "classes"]

SMOOTHING = "smoothing"  # the option that changes the targets, before ℓ is taken


@dataclass(frozen=True)
class Fused:
    """A loss taken from z, together with one output activation: stable where a rounds to 0 or 1.

    Attributes
    ----------
    value, delta : callable
        (z, y) -> ℓ of each sample, shape (n,), and ∂ℓ/∂z, shape (n, outputs).
    delta_formula : str
        ∂ℓ/∂z as plain text, where that is shorter than ∂ℓ/∂a φ′(z).
    """

    value: Callable[[Array, Array], Array]
    delta: Callable[[Array, Array], Array]
    delta_formula: str = ""


@dataclass(frozen=True)
class Loss:
    """One loss ℓ(a, y) with its derivative by the output.

    Parameters
    ----------
    name : str
        The name used in code, files and at the command line.
    formula, derivative_formula : str
        The term of one output, and its derivative by a, as plain text, which ``explain`` reads; of
        several ``parts``, the term of a target, and its derivative by each part after semicolons.
    value, derivative : callable
        (a, y) -> terms of ℓ and ∂ℓ/∂a, elementwise, shape (n, outputs).
    output : str
        The activation that ``output="auto"`` chooses.
    targets : {"real", "counts", "positive", "binary", "classes"}
        Which targets the loss takes: any number, numbers ≥ 0, numbers > 0, numbers in
        [0, 1], or rows of class probabilities (one-hot rows, class numbers).
    source, departures : str
        Where the loss comes from, and how the code differs from it.
    outputs : tuple of str or None
        The output activations that the loss is defined for; None is any.
    fused : mapping of str to Fused
        The output activations, by name, with which the loss is taken from z.
    smooth : bool
        Whether ℓ is analytic in a.
    options : mapping of str to LossOption
        Numbers that it can be given, by name: after a colon, as "huber:threshold=1.35".
    given : mapping of str to float or tuple of float
        The options that were given; the functions have them already.
    parts : tuple of str
        What it predicts of each target, where that is more than one number: as many outputs,
        first the first for all targets.
    of_one_output : str
        The loss of one class against the rest, where this is of several classes.
    is_known : bool
        Whether it is a row, which the compiled engine and files know.
    """

    name: str
    formula: str
    derivative_formula: str
    value: Callable[[Array, Array], Array]
    derivative: Callable[[Array, Array], Array]
    output: str
    targets: Targets
    source: str
    departures: str = ""
    outputs: tuple[str, ...] | None = None
    fused: Mapping[str, Fused] = field(default_factory=dict)
    smooth: bool = True
    options: Mapping[str, LossOption] = field(default_factory=dict)
    given: Mapping[str, float | tuple[float, ...]] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    of_one_output: str = ""
    is_known: bool = True

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def row(self) -> str:
        """The name without options."""
        return self.name.partition(":")[0]

    @cached_property
    def settings(self) -> dict[str, float | tuple[float, ...]]:
        """Every option, as given or by default."""
        return {name: option.default for name, option in self.options.items()} | dict(self.given)

    @cached_property
    def outputs_per_target(self) -> int:
        """How many outputs predict one target."""
        return len(self.levels) or max(len(self.parts), 1)

    @cached_property
    def levels(self) -> tuple[float, ...]:
        """The quantiles that it predicts of each target; none where it predicts a mean."""
        found = self.settings.get("levels", ())
        return found if isinstance(found, tuple) else ()

    @cached_property
    def central(self) -> int:
        """Which of the outputs of a target is its prediction: the nearest to the median."""
        return int(np.argmin(np.abs(np.array(self.levels) - 0.5))) if self.levels else 0

    def constants(self) -> list[float]:
        """Return the options, in the order of the row, for the compiled engine."""
        return [float(x) for value in self.settings.values() for x in np.atleast_1d(value)]

    def with_options(self, **options: Any) -> Self:  # noqa: ANN401
        """Return the loss with these options; ``ValueError`` if there is no such, or out of range.

        Examples
        --------
        >>> from chainrule import LOSSES
        >>> LOSSES["huber"].with_options(threshold=2).name
        'huber:threshold=2.0'
        """
        for name in options:
            require_name(f"option of {self.row}", name, self.options)
        checked = {k: self.options[k].checked(k, v) for k, v in options.items()}
        given = {k: v for k, v in checked.items() if v != self.options[k].default}
        if not given:
            return self
        texts = [f"{k}={' '.join(map(str, np.atleast_1d(v).tolist()))}" for k, v in given.items()]
        bound = {k: v for k, v in given.items() if k != SMOOTHING}
        fused = {
            output: replace(
                both, value=partial(both.value, **bound), delta=partial(both.delta, **bound)
            )
            for output, both in self.fused.items()
        }
        return replace(
            self,
            name=f"{self.row}:{','.join(texts)}",
            value=partial(self.value, **bound),
            derivative=partial(self.derivative, **bound),
            fused=fused,
            given=given,
        )

    def prepared(self, y: Array) -> Array:
        """Return the targets as ℓ takes them: smoothed, and beside each output that predicts one.

        Smoothed by s, targets of k classes are (1 - s) y + s / k.
        """
        smoothing = self.given.get(SMOOTHING)
        if isinstance(smoothing, float):
            y = (1 - smoothing) * y + smoothing / (2 if self.targets == "binary" else y.shape[1])
        return np.tile(y, (1, self.outputs_per_target)) if self.outputs_per_target > 1 else y
