"""Long sums: their rounding grows with the number of chains, in every path the same bits."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import NetworkSpec, Parameters
from chainrule.engine import compiled

EPS = float(np.finfo(np.float32).eps)


def dot_products(inputs, rows):
    """Outputs of an identity network of positive numbers, in float32 and exactly (float64)."""
    spec = NetworkSpec((inputs, 3), ("identity",))
    parameters = Parameters(spec)
    rng = np.random.default_rng(inputs)
    parameters.w[:] = rng.random(3 * inputs)
    X = rng.random((rows, inputs)).astype(np.float32)
    exact = X.astype(np.float64) @ parameters.weights[0].astype(np.float64)
    return compiled.forward(parameters, X), exact


# In one chain 784 products of positive numbers were 11 eps away, and 100,000 of them 80.
@pytest.mark.parametrize(("inputs", "worst"), [(784, 4), (100_000, 16)])
@pytest.mark.parametrize("rows", [1, 70], ids=["row by row", "in blocks"])
def test_a_long_sum_of_inputs(inputs, worst, rows):
    found, exact = dot_products(inputs, rows)
    assert np.max(np.abs(found - exact) / exact) < worst * EPS


def test_a_long_sum_of_units_above():
    """δ of the hidden layer: a sum over 20,000 outputs."""
    spec = NetworkSpec((1, 2, 20_000), ("identity", "identity"))
    parameters = Parameters(spec)
    rng = np.random.default_rng(1)
    parameters.weights[1][:] = rng.random((2, 20_000))
    y = -rng.random((5, 20_000)).astype(np.float32)  # δ = a − y = −y
    delta = compiled.trace(parameters, np.zeros((5, 1), np.float32), y, None).deltas[0]
    exact = -y.astype(np.float64) @ parameters.weights[1].astype(np.float64).T
    assert np.max(np.abs(delta - exact) / exact) < 8 * EPS


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("inputs", [127, 128, 129, 256, 257, 1000])
@pytest.mark.parametrize("outputs", [1, 5, 40])
def test_a_row_has_the_same_bits_alone_and_among_others(dtype, inputs, outputs):
    net = cr.Network([inputs, outputs], dtype=dtype, seed=3)
    X = np.random.default_rng(0).normal(size=(70, inputs)).astype(dtype)
    together = net.forward(X, threads=2)
    alone = np.concatenate([net.forward(X[i : i + 1]) for i in range(70)])
    np.testing.assert_array_equal(alone, together)
