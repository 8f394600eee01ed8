"""What the losses compute: terms of ℓ, derivatives, and the forms taken from z.

With y the target and a = φ(z) the output. The rows that name these functions, and say where
they come from, are in ``losses.py``.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.theory.activations import ACTIVATIONS

Array = NDArray[Any]


def huber(a: Array, y: Array, threshold: float = 1.0) -> Array:
    """½ e² up to the threshold, linear beyond."""
    e = np.abs(a - y)
    return np.where(e <= threshold, 0.5 * e * e, threshold * (e - 0.5 * threshold))


def huber_derivative(a: Array, y: Array, threshold: float = 1.0) -> Array:
    """e, and at most the threshold."""
    return np.clip(a - y, -threshold, threshold)


def log_cosh(a: Array, y: Array) -> Array:
    """|e| + log1p(exp(-2|e|)) - ln 2, and ½ log1p(sinh² e) near 0."""
    e = np.where((a - y).real < 0, y - a, a - y)
    small = np.where(e.real < 1, e, 0)
    large = e + np.log1p(np.exp(-2 * e)) - np.log(2.0)  # cancels near 0, where sinh doesn't
    return np.where(e.real < 1, 0.5 * np.log1p(np.sinh(small) ** 2), large)


def times(y: Array, x: Array) -> Array:
    """y x, and 0 where y is 0, whatever x is."""
    return y * np.where(y != 0, x, 0)


def y_log(y: Array, a: Array) -> Array:
    """y ln a, with 0 ln 0 = 0."""
    return y * np.log(np.where(y > 0, a, 1))


def poisson(a: Array, y: Array) -> Array:
    """Half the deviance: a - y ln a + y ln y - y."""
    return a - y_log(y, a) + y_log(y, y) - y


def y_over(y: Array, a: Array) -> Array:
    """y / a, with 0 / 0 = 0."""
    return y / np.where(y > 0, a, 1)


def poisson_derivative(a: Array, y: Array) -> Array:
    """1 - y / a."""
    return 1 - y_over(y, a)


def poisson_of_exponential(z: Array, y: Array) -> Array:
    """exp(z) - y z + y ln y - y."""
    return np.sum(np.exp(z) - times(y, z) + y_log(y, y) - y, axis=1)


def log1p_share(z: Array) -> Array:
    """ln(1 + e) / e with e = exp(z) for z < 0, else 0 for z: near 1 where e is small, even 0."""
    e = np.exp(np.minimum(z, 0))
    return np.where(e > 0, np.log1p(e) / np.where(e > 0, e, 1), 1)


def poisson_of_softplus(z: Array, y: Array) -> Array:
    """Half the deviance, where below 0 ln a = z + ln(ln(1 + e) / e) of e = exp(z)."""
    a = ACTIVATIONS["softplus"].value(z)
    log_a = np.where(z < 0, z + np.log(log1p_share(z)), np.log(np.where(z < 0, 1, a)))
    return np.sum(a - times(y, log_a) + y_log(y, y) - y, axis=1)


def poisson_of_softplus_delta(z: Array, y: Array) -> Array:
    """(1 − y/a) σ(z), where σ/a below 0 is 1 / ((1 + e) ln(1 + e) / e)."""
    a, slope = ACTIVATIONS["softplus"].value(z), ACTIVATIONS["softplus"].derivative(z)
    ratio = 1 / ((1 + np.exp(np.minimum(z, 0))) * log1p_share(z))
    return slope - y * np.where(z < 0, ratio, slope / np.where(z < 0, 1, a))


def binary_cross_entropy(a: Array, y: Array) -> Array:
    """-y ln a - (1 - y) ln(1 - a)."""
    return -y_log(y, a) - (1 - y) * np.log1p(-np.where(y < 1, a, 0))


def binary_cross_entropy_derivative(a: Array, y: Array) -> Array:
    """(1 - y) / (1 - a) - y / a."""
    return y_over(1 - y, 1 - a) - y_over(y, a)


def binary_cross_entropy_of_sigmoid(z: Array, y: Array) -> Array:
    """(1 - y) max(z, 0) - y min(z, 0) + log1p(exp(-|z|))."""
    linear = times(1 - y, np.maximum(z, 0)) - times(y, np.minimum(z, 0))
    return np.sum(linear + np.log1p(np.exp(-np.abs(z))), axis=1)


def cross_entropy_of_softmax(z: Array, y: Array) -> Array:
    """Σ y (ln Σ exp(z) - z)."""
    largest = np.argmax(z, axis=1)[:, None]
    below = z - np.take_along_axis(z, largest, axis=1)
    others = np.exp(below)
    np.put_along_axis(others, largest, 0, axis=1)  # its 1 would round the small ones away
    log_sum = np.log1p(np.sum(others, axis=1, keepdims=True))
    return np.sum(y * np.where(y != 0, log_sum - below, 0), axis=1)  # 0 where a class is impossible


def a_minus_y(activation: str) -> Callable[[Array, Array], Array]:
    """∂ℓ/∂z of a loss with the activation that it belongs to."""
    return lambda z, y: ACTIVATIONS[activation].value(z) - y


def of_each_output(levels: tuple[float, ...], outputs: int) -> Array:
    """Return the level of each output: the first for all targets, then the next."""
    return np.repeat(np.asarray(levels), outputs // len(levels))


def pinball(a: Array, y: Array, levels: tuple[float, ...] = (0.5,)) -> Array:
    """q (y - a) where the output is too small, (1 - q) (a - y) where it is too large."""
    q, e = of_each_output(levels, a.shape[1]), y - a
    return np.where(e.real > 0, q * e, (q - 1) * e)


def pinball_derivative(a: Array, y: Array, levels: tuple[float, ...] = (0.5,)) -> Array:
    """-q or 1 - q, and 0 at the target."""
    q = of_each_output(levels, a.shape[1])
    return np.where(y > a, -q, np.where(y < a, 1 - q, 0.0))


def gamma_deviance(a: Array, y: Array) -> Array:
    """ln(a / y) + y / a - 1."""
    return np.log(a / y) + y / a - 1


def gamma_of_exponential(z: Array, y: Array) -> Array:
    """exp(u) - 1 - u of u = ln y - z."""
    u = np.log(y) - z
    return np.sum(np.expm1(u) - u, axis=1)


def gamma_of_exponential_delta(z: Array, y: Array) -> Array:
    """1 - exp(u) of u = ln y - z."""
    return -np.expm1(np.log(y) - z)


def gaussian_nll(a: Array, y: Array) -> Array:
    """½ (s + e² exp(-s)) beside each mean; 0 beside each s, the logarithm of a variance."""
    mean, s = np.split(a, 2, axis=1)
    e = mean - y[:, : mean.shape[1]]
    return np.hstack([0.5 * (s + e * e * np.exp(-s)), np.zeros_like(s)])


def gaussian_nll_derivative(a: Array, y: Array) -> Array:
    """e exp(-s) by each mean, ½ (1 - e² exp(-s)) by each s."""
    mean, s = np.split(a, 2, axis=1)
    e, w = mean - y[:, : mean.shape[1]], np.exp(-s)
    return np.hstack([e * w, 0.5 * (1 - e * e * w)])


def focal(a: Array, y: Array, gamma: float = 2.0) -> Array:
    """-y (1 - a)^γ ln a."""
    return -((1 - a) ** gamma) * y_log(y, a)


def focal_derivative(a: Array, y: Array, gamma: float = 2.0) -> Array:
    """y (γ (1 - a)^(γ-1) ln a - (1 - a)^γ / a)."""
    q = np.where(y > 0, 1 - a, 1)
    return gamma * q ** (gamma - 1) * y_log(y, a) - q**gamma * y_over(y, a)


def log_softmax(z: Array) -> tuple[Array, Array]:
    """ln p and ln(1 - p) of the softmax p, with the digits of 1 - p where p rounds to 1."""
    largest = np.argmax(z, axis=1)[:, None]
    below = z - np.take_along_axis(z, largest, axis=1)
    terms = np.exp(below)
    others = terms.copy()
    np.put_along_axis(others, largest, 0, axis=1)
    rest, total = others.sum(axis=1, keepdims=True), terms.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        log_rest = np.log(np.where(others > 0, total - terms, rest) / total)
    return below - np.log1p(rest), log_rest


def focal_of_softmax(z: Array, y: Array, gamma: float = 2.0) -> Array:
    """-Σ y (1 - p)^γ ln p."""
    log_p, log_q = log_softmax(z)
    return np.sum(times(y, -np.exp(gamma * log_q) * np.where(y != 0, log_p, 0)), axis=1)


def focal_of_softmax_delta(z: Array, y: Array, gamma: float = 2.0) -> Array:
    """y g - p Σ y g, with g = (1 - p)^γ (γ p ln p / (1 - p) - 1)."""
    log_p, log_q = log_softmax(z)
    p, q = np.exp(log_p), np.exp(log_q)
    ratio = np.where(q > 0, np.where(y != 0, log_p, 0) / np.where(q > 0, q, 1), -1)
    g = times(y, np.exp(gamma * log_q) * (gamma * p * ratio - 1))
    return g - p * np.sum(g, axis=1, keepdims=True)


def binary_focal(a: Array, y: Array, gamma: float = 2.0) -> Array:
    """-y (1 - a)^γ ln a - (1 - y) a^γ ln(1 - a)."""
    return focal(a, y, gamma) + focal(1 - a, 1 - y, gamma)


def binary_focal_derivative(a: Array, y: Array, gamma: float = 2.0) -> Array:
    """Return that of ``focal`` for y, less that for 1 - y."""
    return focal_derivative(a, y, gamma) - focal_derivative(1 - a, 1 - y, gamma)


def softplus(z: Array) -> Array:
    """ln(1 + exp(z)), that is -ln(1 - p) of the sigmoid p; of -z it is -ln p."""
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def binary_focal_of_sigmoid(z: Array, y: Array, gamma: float = 2.0) -> Array:
    """With (1 - p)^γ = exp(-γ softplus(z)) and -ln p = softplus(-z)."""
    plus, minus = softplus(z), softplus(-z)
    terms = times(y, np.exp(-gamma * plus) * minus) + times(1 - y, np.exp(-gamma * minus) * plus)
    return np.sum(terms, axis=1)


def binary_focal_of_sigmoid_delta(z: Array, y: Array, gamma: float = 2.0) -> Array:
    """-y (1 - p)^γ (γ p softplus(-z) + 1 - p), and the same of -z for 1 - y."""
    plus, minus, sigmoid = softplus(z), softplus(-z), ACTIVATIONS["sigmoid"].value
    p, q = sigmoid(z), sigmoid(-z)
    rise = np.exp(-gamma * plus) * (gamma * p * minus + q)
    fall = np.exp(-gamma * minus) * (gamma * q * plus + p)
    return (1 - y) * fall - y * rise
