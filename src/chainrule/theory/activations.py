"""The activation functions: one row each, formula beside derivative.

Every formula accepts real and complex arrays, so that its derivative can be
checked by a complex step. The article's table of activations is printed from
these rows by ``chainrule info activations``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LEAKY_SLOPE = 0.01
SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717


@dataclass(frozen=True)
class Activation:
    """One activation function a = φ(z) with its derivative φ′(z).

    Parameters
    ----------
    name : str
        The name used in code, files and at the command line.
    formula, derivative_formula : str
        φ(z) and φ′(z) as plain text, which ``explain`` reads; of softmax for unit j.
    value, derivative : callable
        z -> φ(z) and z -> φ′(z), for arrays of any shape. Softmax mixes the
        units of a row; its ``derivative`` is the diagonal of its Jacobian.
    source : str
        Where the function comes from.
    departures : str
        How the code differs from that source; empty when it doesn't.
    smooth : bool
        Whether φ is analytic on the real line.
    elementwise : bool
        Whether unit j of a depends on unit j of z only.
    pullback_formula : str
        ∂ℓ/∂z from u = ∂ℓ/∂a.
    constants : mapping of str to float
        What letters of the formulas stand for.

    Examples
    --------
    >>> from chainrule import ACTIVATIONS
    >>> ACTIVATIONS["relu"].value(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    name: str
    formula: str
    derivative_formula: str
    value: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    source: str
    departures: str = ""
    smooth: bool = True
    elementwise: bool = True
    pullback_formula: str = "u φ′"
    constants: Mapping[str, float] = field(default_factory=dict)

    def jacobian(self, z: Array) -> Array:
        """Return ∂aⱼ/∂zₖ for each row of z.

        Parameters
        ----------
        z : ndarray of shape (n, units)

        Returns
        -------
        ndarray of shape (n, units, units)
            Entry [i, j, k] is ∂aᵢⱼ/∂zᵢₖ: diag(φ′(z)) for elementwise functions,
            aⱼ(δⱼₖ − aₖ) for softmax.
        """
        identity = np.eye(z.shape[-1])
        if self.elementwise:
            return self.derivative(z)[..., None] * identity
        a = self.value(z)
        return a[..., :, None] * (identity - a[..., None, :])

    def pullback(self, z: Array, upstream: Array) -> Array:
        """Return ∂ℓ/∂z from ∂ℓ/∂a: one use of the chain rule.

        Parameters
        ----------
        z, upstream : ndarray of shape (n, units)
            Pre-activations and ∂ℓ/∂a.

        Returns
        -------
        ndarray of shape (n, units)
            Σⱼ ∂ℓ/∂aⱼ ∂aⱼ/∂zₖ: φ′(z) ∂ℓ/∂a for elementwise functions,
            aₖ(∂ℓ/∂aₖ − Σⱼ aⱼ ∂ℓ/∂aⱼ) for softmax.
        """
        if self.elementwise:
            return upstream * self.derivative(z)
        a = self.value(z)
        return a * (upstream - np.sum(a * upstream, axis=-1, keepdims=True))


def _magnitude(z: Array) -> Array:
    """|z| by the sign of the real part, so that it stays analytic on each side."""
    return np.where(z.real < 0, -z, z)


def _positive(z: Array) -> Array:
    return np.where(z.real <= 0, 0, z)  # this way round nan stays nan


def _finite(z: Array) -> Array:
    """±∞ as the largest numbers, whose product with a 0 is 0, the limit, and not nan."""
    return np.nan_to_num(z, nan=np.nan)


def _not_lowest(z: Array) -> Array:
    """−∞ as the lowest number."""
    return np.where(z.real < 0, _finite(z), z)


def _sigmoid(z: Array) -> Array:
    e = np.exp(-_magnitude(z))  # at most 1: no overflow on either side
    return np.where(z.real < 0, e, 1) / (1 + e)


def _sigmoid_derivative(z: Array) -> Array:
    a = _sigmoid(z)
    return a * (1 - a)


def _softmax(z: Array) -> Array:
    e = np.exp(z - np.max(z.real, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def _softmax_diagonal(z: Array) -> Array:
    a = _softmax(z)
    return a * (1 - a)


def _softplus(z: Array) -> Array:
    return _positive(z) + np.log1p(np.exp(-_magnitude(z)))


def _expm1_below(z: Array) -> Array:
    """exp(z) − 1 for z < 0, else 0; the unused side is never evaluated large."""
    return np.expm1(np.where(z.real < 0, z, 0))


def _exp_below(z: Array) -> Array:
    """exp(z) for z < 0, else 1."""
    return np.exp(np.where(z.real < 0, z, 0))


def _elu(z: Array) -> Array:
    return _positive(z) + _expm1_below(z)


def _selu(z: Array) -> Array:
    return SELU_SCALE * (_positive(z) + SELU_ALPHA * _expm1_below(z))


def _selu_derivative(z: Array) -> Array:
    return SELU_SCALE * np.where(z.real > 0, 1, SELU_ALPHA * _exp_below(z))


def _normal_cdf(z: Array) -> Array:
    from scipy.special import erfc  # on first use: SciPy costs more to import than chainrule

    return 0.5 * erfc(-z / np.sqrt(2.0))


def _gelu(z: Array) -> Array:
    return _not_lowest(z) * _normal_cdf(z)


def _gelu_derivative(z: Array) -> Array:
    return _normal_cdf(z) + _finite(z) * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


def _silu_derivative(z: Array) -> Array:
    s = _sigmoid(z)
    return s * (1 + _finite(z) * (1 - s))


def _mish(z: Array) -> Array:
    return _not_lowest(z) * np.tanh(_softplus(z))


def _mish_derivative(z: Array) -> Array:
    t = np.tanh(_softplus(z))
    return t + _finite(z) * (1 - t * t) * _sigmoid(z)


def _hard_sigmoid(z: Array) -> Array:
    line = (z + 3) / 6  # exact at both ends, where z/6 + 1/2 cancels
    return np.where(z.real <= -3, 0, np.where(z.real >= 3, 1, line))


_ROWS = (
    Activation(
        name="identity",
        formula="z",
        derivative_formula="1",
        value=lambda z: z.copy(),
        derivative=np.ones_like,
        source="the linear layer itself",
    ),
    Activation(
        name="sigmoid",
        formula="1 / (1 + exp(-z))",
        derivative_formula="a (1 - a)",
        value=_sigmoid,
        derivative=_sigmoid_derivative,
        source="the article, equation (12)",
        departures=(
            "computed from exp(-|z|), which cannot overflow; the article's intermediate "
            "exponents -2 in the denominator should be +2, its result is right"
        ),
    ),
    Activation(
        name="tanh",
        formula="tanh(z)",
        derivative_formula="1 - a²",
        value=np.tanh,
        derivative=lambda z: 1 - np.tanh(z) ** 2,
        source="LeCun, Bottou, Orr, Müller 1998, Efficient BackProp, section 4.4",
        departures="plain tanh, without their scaling 1.7159 tanh(2z/3)",
    ),
    Activation(
        name="relu",
        formula="max(0, z)",
        derivative_formula="1 if z > 0 else 0",
        value=_positive,
        derivative=lambda z: np.where(z.real > 0, 1.0, 0.0),
        source="Nair, Hinton 2010, Rectified linear units improve restricted Boltzmann machines",
        departures="the derivative at 0 is taken as 0",
        smooth=False,
    ),
    Activation(
        name="leaky_relu",
        formula="z if z > 0 else 0.01 z",
        derivative_formula="1 if z > 0 else 0.01",
        value=lambda z: np.where(z.real > 0, z, LEAKY_SLOPE * z),
        derivative=lambda z: np.where(z.real > 0, 1.0, LEAKY_SLOPE),
        source="Maas, Hannun, Ng 2013, Rectifier nonlinearities improve acoustic models, section 2",
        departures="the derivative at 0 is taken as 0.01",
        smooth=False,
    ),
    Activation(
        name="elu",
        formula="z if z > 0 else exp(z) - 1",
        derivative_formula="1 if z > 0 else exp(z)",
        value=_elu,
        derivative=_exp_below,
        source="Clevert, Unterthiner, Hochreiter 2016, ELUs, equation (15) with α = 1",
        smooth=False,
    ),
    Activation(
        name="selu",
        formula="λ (z if z > 0 else α (exp(z) - 1))",
        derivative_formula="λ (1 if z > 0 else α exp(z))",
        value=_selu,
        derivative=_selu_derivative,
        source="Klambauer, Unterthiner, Mayr, Hochreiter 2017, SNNs, equation (2)",
        departures=(
            f"the derivative at 0 is the one from the left; λ = {SELU_SCALE}, α = {SELU_ALPHA}"
        ),
        smooth=False,
        constants={"λ": SELU_SCALE, "α": SELU_ALPHA},
    ),
    Activation(
        name="gelu",
        formula="z Φ(z)",
        derivative_formula="Φ(z) + z exp(-z²/2) / sqrt(2π)",
        value=_gelu,
        derivative=_gelu_derivative,
        source="Hendrycks, Gimpel 2016, GELUs, section 2",
        departures="with Φ, the normal distribution function, not their approximation by tanh",
    ),
    Activation(
        name="silu",
        formula="z σ(z)",
        derivative_formula="σ(z) (1 + z (1 - σ(z)))",
        value=lambda z: _not_lowest(z) * _sigmoid(z),
        derivative=_silu_derivative,
        source="Elfwing, Uchibe, Doya 2018, Sigmoid-weighted linear units, equation (1)",
    ),
    Activation(
        name="mish",
        formula="z tanh(ln(1 + exp(z)))",
        derivative_formula="t + z (1 - t²) σ(z), t = tanh(ln(1 + exp(z)))",
        value=_mish,
        derivative=_mish_derivative,
        source="Misra 2020, Mish, equation (1)",
    ),
    Activation(
        name="softplus",
        formula="ln(1 + exp(z))",
        derivative_formula="1 / (1 + exp(-z))",
        value=_softplus,
        derivative=_sigmoid,
        source="Dugas, Bengio, Bélisle, Nadeau, Garcia 2001, equation (1)",
        departures="computed as max(0, z) + log1p(exp(-|z|)), which cannot overflow",
    ),
    Activation(
        name="softsign",
        formula="z / (1 + |z|)",
        derivative_formula="1 / (1 + |z|)²",
        value=lambda z: _finite(z) / (1 + _magnitude(_finite(z))),
        derivative=lambda z: (1 / (1 + _magnitude(z))) ** 2,
        source="Bergstra, Desjardins, Lamblin, Bengio 2009, Quadratic polynomials, section 2",
        smooth=False,
    ),
    Activation(
        name="hard_sigmoid",
        formula="min(1, max(0, (z + 3) / 6))",
        derivative_formula="1/6 if -3 < z < 3 else 0",
        value=_hard_sigmoid,
        derivative=lambda z: np.where(np.abs(z.real) < 3, 1 / 6, 0.0),
        source="Howard et al. 2019, Searching for MobileNetV3, section 5.2: ReLU6(z + 3) / 6",
        departures="the derivative at ±3 is taken as 0",
        smooth=False,
    ),
    Activation(
        name="sine",
        formula="sin(z)",
        derivative_formula="cos(z)",
        value=np.sin,
        derivative=np.cos,
        source="Sitzmann, Martel, Bergman, Lindell, Wetzstein 2020, SIREN, equation (5)",
        departures="without their factor ω₀ = 30, which the weights can carry",
    ),
    Activation(
        name="gaussian",
        formula="exp(-z²)",
        derivative_formula="-2 z exp(-z²)",
        value=lambda z: np.exp(-z * z),
        derivative=lambda z: -2 * (_finite(z) * np.exp(-z * z)),
        source="Broomhead, Lowe 1988, Multivariable functional interpolation, section 3",
        departures="of the weighted sum z, not of a distance to a centre",
    ),
    Activation(
        name="exponential",
        formula="exp(z)",
        derivative_formula="exp(z)",
        value=np.exp,
        derivative=np.exp,
        source="Nelder, Wedderburn 1972, Generalized linear models: the inverse of the log link",
        departures="meant for the output under the poisson loss",
    ),
    Activation(
        name="softmax",
        formula="exp(zⱼ) / Σₖ exp(zₖ)",
        derivative_formula="aⱼ (1 - aⱼ) if j = k else -aⱼ aₖ",
        value=_softmax,
        derivative=_softmax_diagonal,
        source="Bridle 1990, Probabilistic interpretation of feedforward outputs, equation (2.3)",
        departures=(
            "the largest z of the row is subtracted first, which changes no value; the "
            "derivative is that of aⱼ by zₖ"
        ),
        elementwise=False,
        pullback_formula="aⱼ (uⱼ - Σₖ aₖ uₖ)",
    ),
)

ACTIVATIONS: dict[str, Activation] = {row.name: row for row in _ROWS}
