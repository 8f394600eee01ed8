"""SharedData: the arrays of many networks, each converted and checked once."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.engine.spec import NetworkSpec
from chainrule.training.fingerprints import Fingerprinter, FitData
from chainrule.training.inputs import (
    Samples,
    Validation,
    given_array,
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
        self._X = given_array("X", X)
        self._prints = Fingerprinter()
        self._made: dict[Hashable, tuple[Any, Any]] = {}

    def known(
        self,
        spec: NetworkSpec,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        validation: Validation | None,
        rows: NDArray[np.int64] | None = None,
    ) -> FitData:
        """Return what ``fingerprints.fit_data`` does, of these rows; of all without them."""
        held_out = ("validation", spec.dtype, spec.n_inputs, spec.n_outputs, spec.loss)
        look = self._prints.look
        samples = self._samples(spec, y, sample_weight)
        if rows is not None:
            X = self._once(("rows", spec.dtype), rows, lambda rows: samples.X[rows])
            weight = samples.sample_weight
            samples = Samples(
                X,
                samples.y[rows],
                sample_weights(spec, None if weight is None else weight[rows], len(rows)),
            )
        return self._prints.data(
            samples,
            self._once(held_out, validation, lambda given: validation_samples(spec, given, look)),
        )

    def _samples(self, spec: NetworkSpec, y: ArrayLike, weight: ArrayLike | None) -> Samples:
        dtype, outputs = spec.dtype, (spec.n_outputs, spec.loss)
        X: NDArray[Any] = self._once(
            ("X", dtype, spec.n_inputs),
            self._X,
            lambda X: sample_features(spec, X, self._prints.look),
        )
        n = len(X)
        return Samples(
            X,
            self._once(("y", dtype, *outputs), y, lambda y: sample_targets(spec, y, n)),
            self._once(("weight", dtype), weight, lambda s: sample_weights(spec, s, n)),
        )

    def _once(self, key: tuple[Hashable, ...], given: T, make: Callable[[T], Any]) -> Any:  # noqa: ANN401
        """Return what was made of the very same object before, or make it."""
        address = (*key, id(given))
        if address not in self._made:
            self._made[address] = (make(given), given)  # held: its id is not given away again
        return self._made[address][0]
