"""The losses: one row each, per-sample value beside its derivative.

With y the target and a the output, every ℓᵢ is summed over the outputs of
sample i. The mean over samples is taken by the engines, nowhere here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.theory.activations import ACTIVATIONS

Array = NDArray[Any]
Targets = Literal["real", "counts", "binary", "classes"]


@dataclass(frozen=True)
class Fused:
    """A loss taken from z, together with one output activation: stable where a rounds to 0 or 1.

    Attributes
    ----------
    value, delta : callable
        (z, y) -> ℓ of each sample, shape (n,), and ∂ℓ/∂z, shape (n, outputs).
    """

    value: Callable[[Array, Array], Array]
    delta: Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Loss:
    """One loss ℓ(a, y) with its derivative by the output.

    Parameters
    ----------
    name : str
        The name used in code, files and at the command line.
    formula, derivative_formula : str
        The term of one output, and its derivative by a, as plain text.
    latex, derivative_latex : str
        The same as LaTeX.
    value, derivative : callable
        (a, y) -> terms of ℓ and ∂ℓ/∂a, elementwise, shape (n, outputs).
    output : str
        The activation that ``output="auto"`` chooses.
    targets : {"real", "counts", "binary", "classes"}
        Which targets the loss takes: any number, numbers ≥ 0, numbers in
        [0, 1], or rows of class probabilities (one-hot rows, class numbers).
    source, departures : str
        Where the loss comes from, and how the code differs from it.
    outputs : tuple of str or None
        The output activations that the loss is defined for; None is any.
    fused : mapping of str to Fused
        The output activations, by name, with which the loss is taken from z.
    smooth : bool
        Whether ℓ is analytic in a.
    """

    name: str
    formula: str
    derivative_formula: str
    latex: str
    derivative_latex: str
    value: Callable[[Array, Array], Array]
    derivative: Callable[[Array, Array], Array]
    output: str
    targets: Targets
    source: str
    departures: str = ""
    outputs: tuple[str, ...] | None = None
    fused: Mapping[str, Fused] = field(default_factory=dict)
    smooth: bool = True


def _huber(a: Array, y: Array) -> Array:
    e = np.abs(a - y)
    return np.where(e <= 1, 0.5 * e * e, e - 0.5)


def _log_cosh(a: Array, y: Array) -> Array:
    e = np.where((a - y).real < 0, y - a, a - y)
    small = np.where(e.real < 1, e, 0)
    large = e + np.log1p(np.exp(-2 * e)) - np.log(2.0)  # cancels near 0, where sinh doesn't
    return np.where(e.real < 1, 0.5 * np.log1p(np.sinh(small) ** 2), large)


def _times(y: Array, x: Array) -> Array:
    """y x, and 0 where y is 0, whatever x is."""
    return y * np.where(y != 0, x, 0)


def _y_log(y: Array, a: Array) -> Array:
    """y ln a, with 0 ln 0 = 0."""
    return y * np.log(np.where(y > 0, a, 1))


def _poisson(a: Array, y: Array) -> Array:
    return a - _y_log(y, a) + _y_log(y, y) - y


def _y_over(y: Array, a: Array) -> Array:
    """y / a, with 0 / 0 = 0."""
    return y / np.where(y > 0, a, 1)


def _poisson_derivative(a: Array, y: Array) -> Array:
    return 1 - _y_over(y, a)


def _poisson_of_exponential(z: Array, y: Array) -> Array:
    return np.sum(np.exp(z) - _times(y, z) + _y_log(y, y) - y, axis=1)


def _log1p_share(z: Array) -> Array:
    """ln(1 + e) / e with e = exp(z) for z < 0, else 0 for z: near 1 where e is small, even 0."""
    e = np.exp(np.minimum(z, 0))
    return np.where(e > 0, np.log1p(e) / np.where(e > 0, e, 1), 1)


def _poisson_of_softplus(z: Array, y: Array) -> Array:
    a = ACTIVATIONS["softplus"].value(z)
    log_a = np.where(z < 0, z + np.log(_log1p_share(z)), np.log(np.where(z < 0, 1, a)))
    return np.sum(a - _times(y, log_a) + _y_log(y, y) - y, axis=1)


def _poisson_of_softplus_delta(z: Array, y: Array) -> Array:
    """(1 − y/a) σ(z), where σ/a below 0 is 1 / ((1 + e) ln(1 + e) / e)."""
    a, slope = ACTIVATIONS["softplus"].value(z), ACTIVATIONS["softplus"].derivative(z)
    ratio = 1 / ((1 + np.exp(np.minimum(z, 0))) * _log1p_share(z))
    return slope - y * np.where(z < 0, ratio, slope / np.where(z < 0, 1, a))


def _binary_cross_entropy(a: Array, y: Array) -> Array:
    return -_y_log(y, a) - (1 - y) * np.log1p(-np.where(y < 1, a, 0))


def _binary_cross_entropy_derivative(a: Array, y: Array) -> Array:
    return _y_over(1 - y, 1 - a) - _y_over(y, a)


def _binary_cross_entropy_of_sigmoid(z: Array, y: Array) -> Array:
    linear = _times(1 - y, np.maximum(z, 0)) - _times(y, np.minimum(z, 0))
    return np.sum(linear + np.log1p(np.exp(-np.abs(z))), axis=1)


def _cross_entropy_of_softmax(z: Array, y: Array) -> Array:
    largest = np.argmax(z, axis=1)[:, None]
    below = z - np.take_along_axis(z, largest, axis=1)
    others = np.exp(below)
    np.put_along_axis(others, largest, 0, axis=1)  # its 1 would round the small ones away
    log_sum = np.log1p(np.sum(others, axis=1, keepdims=True))
    return np.sum(y * np.where(y != 0, log_sum - below, 0), axis=1)  # 0 where a class is impossible


def _a_minus_y(activation: str) -> Callable[[Array, Array], Array]:
    """∂ℓ/∂z of a loss with the activation that it belongs to."""
    return lambda z, y: ACTIVATIONS[activation].value(z) - y


_ROWS = (
    Loss(
        name="squared_error",
        formula="½ (a - y)²",
        derivative_formula="a - y",
        latex=r"\tfrac{1}{2} (a - y)^2",
        derivative_latex=r"a - y",
        value=lambda a, y: 0.5 * (a - y) ** 2,
        derivative=lambda a, y: a - y,
        output="identity",
        targets="real",
        source="the article, equations (2), (6) and (10)",
        departures="y is the truth and a the output; the article writes ŷ for the truth",
    ),
    Loss(
        name="absolute_error",
        formula="|a - y|",
        derivative_formula="sign(a - y)",
        latex=r"|a - y|",
        derivative_latex=r"\operatorname{sign}(a - y)",
        value=lambda a, y: np.abs(a - y),
        derivative=lambda a, y: np.sign(a - y),
        output="identity",
        targets="real",
        source="Boscovich 1757; Laplace 1789",
        departures="the derivative at a = y is taken as 0",
        smooth=False,
    ),
    Loss(
        name="huber",
        formula="½ (a - y)² if |a - y| ≤ 1 else |a - y| - ½",
        derivative_formula="min(1, max(-1, a - y))",
        latex=r"\tfrac{1}{2} e^2 \,[|e| \le 1] + (|e| - \tfrac{1}{2})\,[|e| > 1], \quad e = a - y",
        derivative_latex=r"\min(1, \max(-1, a - y))",
        value=_huber,
        derivative=lambda a, y: np.clip(a - y, -1, 1),
        output="identity",
        targets="real",
        source="Huber 1964, Robust estimation of a location parameter, with threshold 1",
        smooth=False,
    ),
    Loss(
        name="log_cosh",
        formula="ln cosh(a - y)",
        derivative_formula="tanh(a - y)",
        latex=r"\ln \cosh(a - y)",
        derivative_latex=r"\tanh(a - y)",
        value=_log_cosh,
        derivative=lambda a, y: np.tanh(a - y),
        output="identity",
        targets="real",
        source="Green 1990, Bayesian reconstructions from emission tomography data, section II",
        departures=(
            "computed as |e| + log1p(exp(-2|e|)) - ln 2, which cannot overflow, "
            "and below |e| = 1 as ½ log1p(sinh² e), which does not cancel"
        ),
    ),
    Loss(
        name="poisson",
        formula="a - y ln a + (y ln y - y)",
        derivative_formula="1 - y / a",
        latex=r"a - y \ln a + (y \ln y - y)",
        derivative_latex=r"1 - y / a",
        value=_poisson,
        derivative=_poisson_derivative,
        output="exponential",
        targets="counts",
        source="Nelder, Wedderburn 1972, Generalized linear models: half the deviance",
        departures=(
            "with the constant in brackets, as in scikit-learn, so that it is 0 at a = y; fused "
            "with both outputs: ln a and y/a are taken from z, where a rounds to 0"
        ),
        outputs=("exponential", "softplus"),
        fused={
            "exponential": Fused(_poisson_of_exponential, _a_minus_y("exponential")),
            "softplus": Fused(_poisson_of_softplus, _poisson_of_softplus_delta),
        },
    ),
    Loss(
        name="binary_cross_entropy",
        formula="-y ln a - (1 - y) ln(1 - a)",
        derivative_formula="(a - y) / (a (1 - a))",
        latex=r"-y \ln a - (1 - y) \ln(1 - a)",
        derivative_latex=r"\frac{a - y}{a (1 - a)}",
        value=_binary_cross_entropy,
        derivative=_binary_cross_entropy_derivative,
        output="sigmoid",
        targets="binary",
        source="Bishop 2006, Pattern Recognition and Machine Learning, equation (5.21)",
        departures=(
            "fused with the sigmoid: ∂ℓ/∂z = a - y, "
            "ℓ = (1 - y) max(z, 0) - y min(z, 0) + log1p(exp(-|z|))"
        ),
        outputs=("sigmoid",),
        fused={"sigmoid": Fused(_binary_cross_entropy_of_sigmoid, _a_minus_y("sigmoid"))},
    ),
    Loss(
        name="cross_entropy",
        formula="-y ln a",
        derivative_formula="-y / a",
        latex=r"-y \ln a",
        derivative_latex=r"-\frac{y}{a}",
        value=lambda a, y: -_y_log(y, a),
        derivative=lambda a, y: -_y_over(y, a),
        output="softmax",
        targets="classes",
        source="Bishop 2006, Pattern Recognition and Machine Learning, equation (5.24)",
        departures="fused with the softmax: ∂ℓ/∂z = a - y, ℓ = Σ y (ln Σ exp(z) - z), in nats",
        outputs=("softmax",),
        fused={"softmax": Fused(_cross_entropy_of_softmax, _a_minus_y("softmax"))},
    ),
)

LOSSES: dict[str, Loss] = {row.name: row for row in _ROWS}
