"""The starting weights: one row each, the spread beside its source.

Biases start at 0, except under ``standard_normal``, where Nielsen's book draws
them like the weights.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.theory.random import Purpose, normals, uniforms


@dataclass(frozen=True)
class Initializer:
    """One rule for starting weights.

    Parameters
    ----------
    name, formula, latex : str
        The name, and the distribution of one weight as text and as LaTeX.
    distribution : {"uniform", "normal", "zeros"}
        Uniform in [−√3 σ, √3 σ], normal with standard deviation σ, or 0.
    gain : float
        Variance σ² = gain / fan, for "uniform" and "normal".
    fan : {"in", "average", "none"}
        fan_in, (fan_in + fan_out) / 2, or 1.
    source, departures : str
        Where the rule comes from, and how the code differs from it.
    """

    name: str
    formula: str
    latex: str
    distribution: Literal["uniform", "normal", "zeros"]
    gain: float
    fan: Literal["in", "average", "none"]
    source: str
    departures: str = ""

    def weights(self, seed: int, layer: int, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Return W of one layer.

        Parameters
        ----------
        seed, layer : int
            Address of the draws.
        shape : (fan_in, fan_out)

        Returns
        -------
        ndarray of shape (fan_in, fan_out), dtype float64
        """
        return self._draw(seed, 2 * layer, shape[0] * shape[1], shape).reshape(shape)

    def biases(self, seed: int, layer: int, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Return b of one layer, shape (fan_out,): zeros unless the spread ignores the fan."""
        if self.fan != "none":
            return np.zeros(shape[1])
        return self._draw(seed, 2 * layer + 1, shape[1], shape)

    def _draw(
        self, seed: int, stream: int, count: int, shape: tuple[int, int]
    ) -> NDArray[np.float64]:
        spread = math.sqrt(self.gain / self._fan(*shape))
        purpose = Purpose.INITIAL_PARAMETERS
        if self.distribution == "normal":
            return spread * normals(seed, purpose, count, layer=stream)
        if self.distribution == "uniform":
            centred = 2.0 * uniforms(seed, purpose, count, layer=stream) - 1.0
            return math.sqrt(3.0) * spread * centred
        return np.zeros(count)

    def _fan(self, fan_in: int, fan_out: int) -> float:
        return {"in": float(fan_in), "average": (fan_in + fan_out) / 2, "none": 1.0}[self.fan]


_GLOROT = "Glorot, Bengio 2010, Understanding the difficulty of training, equation (16)"
_HE = "He, Zhang, Ren, Sun 2015, Delving deep into rectifiers, equation (10)"
_LECUN = "LeCun, Bottou, Orr, Müller 1998, Efficient BackProp, equation (16)"

_ROWS = (
    Initializer(
        name="glorot_uniform",
        formula="U(-r, r), r = sqrt(6 / (fan_in + fan_out))",
        latex=r"U\left(-r, r\right),\ r = \sqrt{6 / (n_{in} + n_{out})}",
        distribution="uniform",
        gain=1.0,
        fan="average",
        source=_GLOROT,
    ),
    Initializer(
        name="glorot_normal",
        formula="N(0, 2 / (fan_in + fan_out))",
        latex=r"N\left(0, 2 / (n_{in} + n_{out})\right)",
        distribution="normal",
        gain=1.0,
        fan="average",
        source=_GLOROT,
        departures="normal with the variance of their uniform distribution; not truncated",
    ),
    Initializer(
        name="he_uniform",
        formula="U(-r, r), r = sqrt(6 / fan_in)",
        latex=r"U\left(-r, r\right),\ r = \sqrt{6 / n_{in}}",
        distribution="uniform",
        gain=2.0,
        fan="in",
        source=_HE,
        departures="uniform with the variance of their normal distribution",
    ),
    Initializer(
        name="he_normal",
        formula="N(0, 2 / fan_in)",
        latex=r"N\left(0, 2 / n_{in}\right)",
        distribution="normal",
        gain=2.0,
        fan="in",
        source=_HE,
        departures="not truncated",
    ),
    Initializer(
        name="lecun_uniform",
        formula="U(-r, r), r = sqrt(3 / fan_in)",
        latex=r"U\left(-r, r\right),\ r = \sqrt{3 / n_{in}}",
        distribution="uniform",
        gain=1.0,
        fan="in",
        source=_LECUN,
    ),
    Initializer(
        name="lecun_normal",
        formula="N(0, 1 / fan_in)",
        latex=r"N\left(0, 1 / n_{in}\right)",
        distribution="normal",
        gain=1.0,
        fan="in",
        source=_LECUN,
        departures="not truncated",
    ),
    Initializer(
        name="standard_normal",
        formula="N(0, 1), weights and biases",
        latex=r"N(0, 1)",
        distribution="normal",
        gain=1.0,
        fan="none",
        source="Nielsen 2015, Neural Networks and Deep Learning, chapter 1, network.py",
    ),
    Initializer(
        name="zeros",
        formula="0",
        latex=r"0",
        distribution="zeros",
        gain=1.0,
        fan="none",
        source="none: every unit of a layer stays equal to its neighbours, which is the lesson",
    ),
)

INITIALIZERS: dict[str, Initializer] = {row.name: row for row in _ROWS}

_RECTIFIERS = {"relu", "leaky_relu", "elu", "gelu", "silu", "mish", "softplus"}


def default_initializer(activation: str) -> str:
    """Return the name that ``init="auto"`` stands for in a layer with this activation."""
    if activation in _RECTIFIERS:
        return "he_normal"
    return "lecun_normal" if activation == "selu" else "glorot_uniform"
