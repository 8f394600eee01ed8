"""A loss of one's own: a pair of functions, and whether they belong together."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.theory.checks import require
from chainrule.theory.loss import Loss
from chainrule.theory.named import loss_named

Array = NDArray[Any]
Function = Callable[[Array, Array], Array]

_STEP = float(np.cbrt(np.finfo(np.float64).eps))  # of a central difference
_AGREES = 1e-4  # relative; a central difference of a smooth loss is right to about 1e-9


def own_loss(value: Function, derivative: Function) -> Loss:
    """Return the loss that two functions of (a, y) make, both of shape (n, outputs).

    Parameters
    ----------
    value : callable
        (a, y) -> ℓ of each sample, shape (n,); or its terms, shape (n, outputs).
    derivative : callable
        (a, y) -> ∂ℓ/∂a, shape (n, outputs).

    Notes
    -----
    It runs on the reference engine, in float64, and is not saved in files.

    Examples
    --------
    >>> cubed = own_loss(lambda a, y: abs(a - y) ** 3 / 3, lambda a, y: abs(a - y) * (a - y))
    >>> cubed.value(np.array([[3.0]]), np.array([[0.0]]))
    array([[9.]])
    """
    return Loss(
        name=f"own ({getattr(value, '__name__', 'value')})",
        formula="",
        derivative_formula="",
        value=_Terms(value),
        derivative=derivative,
        output="identity",
        targets="real",
        source="the user's own",
        is_known=False,
    )


@dataclass(frozen=True)
class _Terms:
    """The function, with a column of terms where it returns a number a sample."""

    function: Function

    def __call__(self, a: Array, y: Array) -> Array:
        terms = np.asarray(self.function(a, y))
        shapes = ((len(a),), a.shape)
        require(
            terms.shape in shapes,
            f"loss must return shape {shapes[0]} or {shapes[1]}, got {terms.shape}",
        )
        return terms.reshape(len(a), -1)


def loss_of(given: object) -> Loss:
    """Return a loss by its name, as it is, or of a pair of functions."""
    if isinstance(given, Loss):
        return given
    if isinstance(given, tuple) and len(given) == 2 and all(map(callable, given)):
        return own_loss(*given)
    require(
        isinstance(given, str),
        f"loss must be a name or a pair of functions (value, derivative) of (a, y), got {given!r}",
    )
    return loss_named(str(given))


def require_derivative(loss: Loss, a: Array, y: Array) -> None:
    """Raise ``ValueError`` where the derivative isn't that of the loss, at outputs a.

    Compared with central differences; one sample in ten may be at a kink.
    """
    found = np.asarray(loss.derivative(a, y))
    require(
        found.shape == a.shape,
        f"the derivative of the loss must have the shape of a, {a.shape}, got {found.shape}",
    )
    for j in range(a.shape[1]):
        h = np.zeros_like(a)
        h[:, j] = _STEP * np.maximum(1, np.abs(a[:, j]))
        rise = loss.value(a + h, y).sum(axis=1) - loss.value(a - h, y).sum(axis=1)
        numeric = rise / (2 * h[:, j])
        size = np.maximum(np.abs(numeric), np.abs(found[:, j]))
        wrong = ~(np.abs(numeric - found[:, j]) <= _AGREES * np.maximum(size, 1))
        if wrong.mean() > 0.1:
            i = int(np.argmax(wrong))
            raise ValueError(
                f"the derivative of the loss is not that of its value: at a = {a[i].tolist()}, "
                f"y = {y[i].tolist()} it is {found[i, j]:.6g} by a[{j}], and the central "
                f"difference {numeric[i]:.6g}"
            )
