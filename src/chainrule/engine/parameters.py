"""Parameters: one flat buffer, with the article's **w** and **b** and every W and b as views."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.spec import NetworkSpec
from chainrule.theory.checks import require


class Parameters:
    """All weights and biases of a network in one vector.

    θ = [**w**, **b**]: the weights of every layer, each W row by row, then the
    biases of every layer. A gradient or a vector of optimizer state has the same
    layout.

    Parameters
    ----------
    spec : NetworkSpec
    theta : ndarray of shape (n_weights + n_biases,), optional
        The buffer to look into, C-contiguous; a copy of it where it can't be written. Zeros of
        the spec's dtype without it.

    Attributes
    ----------
    theta : ndarray
        The buffer itself.
    w, b : ndarray
        Writable views of shapes (n_weights,) and (n_biases,).
    weights, biases : tuple of ndarray
        Writable views, one a layer, of shapes (fan_in, fan_out) and (fan_out,).

    Notes
    -----
    The arrays can be written, not replaced: the engines hold on to them.

    Examples
    --------
    >>> parameters = Parameters(NetworkSpec((2, 3, 1), ("tanh", "identity")))
    >>> parameters.weights[0][1, 2] = 5
    >>> parameters.w
    array([0., 0., 0., 0., 0., 5., 0., 0., 0.], dtype=float32)
    """

    spec: NetworkSpec
    theta: NDArray[Any]
    w: NDArray[Any]
    b: NDArray[Any]
    weights: tuple[NDArray[Any], ...]
    biases: tuple[NDArray[Any], ...]

    def __init__(self, spec: NetworkSpec, theta: NDArray[Any] | None = None) -> None:
        size = spec.n_weights + spec.n_biases
        if theta is None:
            theta = np.zeros(size, dtype=spec.dtype)
        require(
            theta.shape == (size,) and theta.dtype == spec.dtype and theta.flags.c_contiguous,
            f"theta must be C-contiguous {spec.dtype} of shape ({size},) for layers "
            f"{list(spec.layer_sizes)}, got {theta.dtype} of shape {theta.shape}",
        )
        theta = np.array(theta) if not theta.flags.writeable else theta
        w, b = theta[: spec.n_weights], theta[spec.n_weights :]
        weights = _layers(w, spec.shapes)
        biases = _layers(b, [(fan_out,) for _, fan_out in spec.shapes])
        self.__dict__.update(spec=spec, theta=theta, w=w, b=b, weights=weights, biases=biases)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name} can't be replaced, as engines hold on to it; use {name}[:] =")

    def __reduce__(self) -> tuple[Any, ...]:
        return Parameters, (self.spec, self.theta)  # copied or pickled, the views are made anew

    def copy(self) -> "Parameters":
        """Return an independent copy."""
        return Parameters(self.spec, self.theta.copy())


def _layers(
    flat: NDArray[Any], shapes: list[tuple[int]] | tuple[tuple[int, int], ...]
) -> tuple[NDArray[Any], ...]:
    views, start = [], 0
    for shape in shapes:
        end = start + math.prod(shape)
        views.append(flat[start:end].reshape(shape))
        start = end
    return tuple(views)
