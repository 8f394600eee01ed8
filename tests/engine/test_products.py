"""Products of few rows, few columns or few terms have kernels of their own: with the same bits."""

import numpy as np
import pytest
from bits import assert_same_bits

import chainrule as cr
from chainrule.engine import compiled

DTYPES = ("float32", "float64")


def data(spec, n):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n, spec.n_inputs)), rng.normal(size=(n, spec.n_outputs))
    return X.astype(spec.dtype), y.astype(spec.dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_few_samples_of_a_step(dtype):
    """One to three rows have products of their own, forward and backward, with the same bits.

    But for the backward product of one, whose sums have an order of their own.
    """
    net = cr.Network((300, 150, 140, 3), activation="tanh", dtype=dtype)
    X, y = data(net.spec, 13)
    whole = compiled.trace(net.parameters, X, y, None)
    for n in (1, 2, 3):
        for first in range(len(X) - n + 1):
            rows = slice(first, first + n)
            few = compiled.trace(net.parameters, X[rows], y[rows], None)
            for layer in range(3):
                what = f"rows {first} to {first + n}, layer {layer + 1}"
                mine, theirs = few.pre_activations[layer], whole.pre_activations[layer]
                assert_same_bits(mine, theirs[rows], f"z, {what}")
                if n > 1:
                    assert_same_bits(few.deltas[layer], whole.deltas[layer][rows], f"delta, {what}")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layers", [(5, 3, 1), (4, 33, 7, 2), (9, 300, 150, 40), (1, 16, 32, 65)])
def test_delta_of_one_sample(layers, dtype):
    """delta W^T, where the batch is one row: within the rounding of any order of its sums.

    A sum of K products in any order differs from the exact one by at most K eps times the sum of
    their magnitudes; of tanh' = 1 - a^2 some roundings are added.
    """
    net = cr.Network(layers, activation="tanh", dtype=dtype, seed=3)
    X, y = data(net.spec, 1)
    trace = compiled.trace(net.parameters, X, y, None)
    W, delta, a = ([m.astype("longdouble") for m in part]
                   for part in (net.weights, trace.deltas, trace.activations))  # fmt: skip
    for layer in range(len(layers) - 2):
        slope = 1 - a[layer + 1] ** 2
        exact = delta[layer + 1] @ W[layer + 1].T * slope
        magnitude = abs(delta[layer + 1]) @ abs(W[layer + 1]).T
        eps = np.finfo(dtype).eps
        assert (abs(delta[layer] - exact) <= (layers[layer + 2] + 4) * eps * magnitude).all()
        assert abs(exact).max() > 1e-3 * magnitude.max()  # nothing so small that it would pass


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_gradient_of_one_sample(dtype):
    """Each entry is one product, rounded once."""
    net = cr.Network((300, 150, 7), activation="tanh", dtype=dtype)
    X, y = data(net.spec, 1)
    trace = compiled.trace(net.parameters, X, y, None)
    for layer in (0, 1):
        expected = trace.activations[layer].T * trace.deltas[layer]
        np.testing.assert_array_equal(trace.gradient.weights[layer], expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("outputs", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(("hidden", "samples"), [(71, 53), (5, 4), (150, 1), (16, 300)])
def test_few_outputs(hidden, samples, outputs, dtype):
    """Units of their own have the bits that they have beside others: here, two vectors more."""
    narrow = cr.Network((9, hidden, outputs), activation="tanh", dtype=dtype)
    X, y = data(narrow.spec, samples)
    wide = cr.Network((9, hidden, outputs + 32), activation="tanh", dtype=dtype)
    for mine, theirs in zip([*wide.weights, *wide.biases], [*narrow.weights, *narrow.biases],
                            strict=True):  # fmt: skip
        mine[...] = 0
        mine[..., : theirs.shape[-1]] = theirs
    narrow.biases[-1][:] = wide.biases[-1][:outputs] = np.arange(outputs) - 0.3
    beside = np.concatenate([y, np.zeros((samples, 32), dtype)], axis=1)
    few = compiled.trace(narrow.parameters, X, y, None)
    many = compiled.trace(wide.parameters, X, beside, None)
    for name in ("pre_activations", "activations", "deltas"):
        theirs = getattr(many, name)[-1][:, :outputs]
        assert_same_bits(getattr(few, name)[-1], theirs, name)
    for name in ("weights", "biases"):
        theirs = getattr(many.gradient, name)[-1][..., :outputs]
        assert_same_bits(getattr(few.gradient, name)[-1], theirs, f"gradient of the {name}")
