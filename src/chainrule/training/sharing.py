"""SharedData: the arrays of many networks, each converted and checked once."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.engine.spec import NetworkSpec
from chainrule.training.inputs import (
    Samples,
    Validation,
    sample_features,
    sample_targets,
    sample_weights,
    validation_samples,
)

T = TypeVar("T")


class SharedData:
    """X, and what goes with it: networks that need the same array get the same array.

    Parameters
    ----------
    X : array-like of shape (n, inputs)
    """

    def __init__(self, X: ArrayLike) -> None:
        self._X = np.asarray(X)
        self._made: dict[Hashable, tuple[Any, Any]] = {}

    def samples(self, spec: NetworkSpec, y: ArrayLike, weight: ArrayLike | None) -> Samples:
        """Return X, y and the sample weights as ``inputs.samples`` does."""
        dtype, outputs = spec.dtype, (spec.n_outputs, spec.loss)
        X: NDArray[Any] = self._once(
            ("X", dtype, spec.n_inputs), self._X, lambda X: sample_features(spec, X)
        )
        n = len(X)
        return (
            X,
            self._once(("y", dtype, *outputs), y, lambda y: sample_targets(spec, y, n)),
            self._once(("weight", dtype), weight, lambda s: sample_weights(spec, s, n)),
        )

    def validation(self, spec: NetworkSpec, held_out: Validation | None) -> Samples | None:
        """Return the held-out samples as ``inputs.validation_samples`` does."""
        key = ("validation", spec.dtype, spec.n_inputs, spec.n_outputs, spec.loss)
        return self._once(key, held_out, lambda given: validation_samples(spec, given))

    def _once(self, key: tuple[Hashable, ...], given: T, make: Callable[[T], Any]) -> Any:  # noqa: ANN401
        """Return what was made of the very same object before, or make it."""
        address = (*key, id(given))
        if address not in self._made:
            self._made[address] = (make(given), given)  # held: its id is not given away again
        return self._made[address][0]
