"""The starting weights: their spread, their bounds, and that they depend on the seed only.

The seeds are fixed, so these tests give one answer for ever. A bound of 4 standard
errors holds for 99.99 % of all streams, p > 0.001 for 99.9 %.
"""

import math

import numpy as np
import pytest
from scipy import stats

import chainrule as cr
from chainrule import INITIALIZERS
from chainrule.theory.initializers import default_initializer

ROWS = list(INITIALIZERS.values())
DRAWN = [row for row in ROWS if row.distribution != "zeros"]
BY_NAME = {"ids": lambda row: row.name}

SHAPE = (300, 200)

# The variances, from the sources.
VARIANCES = {
    "glorot_uniform": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "glorot_normal": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "he_uniform": lambda fan_in, fan_out: 2 / fan_in,  # noqa: ARG005
    "he_normal": lambda fan_in, fan_out: 2 / fan_in,  # noqa: ARG005
    "lecun_uniform": lambda fan_in, fan_out: 1 / fan_in,  # noqa: ARG005
    "lecun_normal": lambda fan_in, fan_out: 1 / fan_in,  # noqa: ARG005
    "standard_normal": lambda fan_in, fan_out: 1.0,  # noqa: ARG005
}
KURTOSIS = {"uniform": 9 / 5, "normal": 3.0}


@pytest.mark.parametrize("row", DRAWN, **BY_NAME)
@pytest.mark.parametrize("shape", [SHAPE, (20, 3000), (3000, 20)])
def test_mean_and_variance(row, shape):
    W = row.weights(0, 0, shape)
    expected = VARIANCES[row.name](*shape)
    standard_error = math.sqrt(expected / W.size)
    assert abs(W.mean()) < 4 * standard_error, f"mean {W.mean()}, 4 SE {4 * standard_error}"
    variance = np.mean(W * W)
    of_variance = expected * math.sqrt((KURTOSIS[row.distribution] - 1) / W.size)
    assert abs(variance - expected) < 4 * of_variance, f"variance {variance}, not {expected}"


@pytest.mark.parametrize("row", DRAWN, **BY_NAME)
def test_distribution(row):
    W = row.weights(1, 2, SHAPE).ravel() / math.sqrt(VARIANCES[row.name](*SHAPE))
    root = math.sqrt(3)
    known = stats.norm() if row.distribution == "normal" else stats.uniform(-root, 2 * root)
    p = stats.kstest(W, known.cdf).pvalue
    assert p > 1e-3, f"Kolmogorov–Smirnov p = {p}"


@pytest.mark.parametrize(("name", "bound"), [
    ("glorot_uniform", math.sqrt(6 / 500)),
    ("he_uniform", math.sqrt(6 / 300)),
    ("lecun_uniform", math.sqrt(3 / 300)),
])  # fmt: skip
def test_bounds_of_the_uniform_rows(name, bound):
    largest = np.abs(INITIALIZERS[name].weights(0, 0, SHAPE)).max()
    assert 0.999 * bound < largest <= bound, f"largest {largest}, bound {bound}"


def test_zeros_are_zeros():
    assert not INITIALIZERS["zeros"].weights(0, 0, SHAPE).any()


@pytest.mark.parametrize("row", ROWS, **BY_NAME)
def test_biases_are_zero_except_nielsens(row):
    b = row.biases(0, 0, (300, 20_000))
    assert b.shape == (20_000,)
    if row.name != "standard_normal":
        assert not b.any()
        return
    p = stats.kstest(b, "norm").pvalue
    assert p > 1e-3, f"Kolmogorov–Smirnov p = {p}"
    correlation = np.corrcoef(b[:300], row.weights(0, 0, (300, 1))[:, 0])[0, 1]
    assert abs(correlation) < 4 / math.sqrt(300), "biases repeat the draws of the weights"


@pytest.mark.parametrize("row", DRAWN, **BY_NAME)
def test_seed_and_layer_are_the_address(row):
    W = row.weights(3, 1, (4, 5))
    assert (W.shape, W.dtype) == ((4, 5), np.float64)
    np.testing.assert_array_equal(row.weights(3, 1, (4, 5)), W)
    assert not np.any(row.weights(4, 1, (4, 5)) == W)
    assert not np.any(row.weights(3, 2, (4, 5)) == W)


@pytest.mark.parametrize("row", ROWS, **BY_NAME)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_network_starts_from_its_rows(row, dtype):
    net = cr.Network([3, 4, 2], init=row.name, seed=6, dtype=dtype)
    for layer, shape in enumerate([(3, 4), (4, 2)]):
        W, b = row.weights(6, layer, shape), row.biases(6, layer, shape)
        np.testing.assert_array_equal(net.weights[layer], W.astype(dtype))
        np.testing.assert_array_equal(net.biases[layer], b.astype(dtype))


@pytest.mark.parametrize("activation", cr.ACTIVATIONS)
def test_auto_is_made_for_the_activation(activation):
    """He 2015 for rectifiers, LeCun 1998 for selu as its paper asks, Glorot 2010 otherwise."""
    rectifiers = ("relu", "leaky_relu", "elu", "gelu", "silu", "mish", "softplus")
    expected = {"selu": "lecun_normal"} | dict.fromkeys(rectifiers, "he_normal")
    assert default_initializer(activation) == expected.get(activation, "glorot_uniform")
    auto, named = (
        cr.Network([5, 4, 4], activation=activation, init=init)
        for init in ("auto", default_initializer(activation))
    )
    np.testing.assert_array_equal(auto.weights[0], named.weights[0])
