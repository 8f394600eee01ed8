"""Numbers that are easily lost: small losses, large batches, rates of another type."""

import numpy as np
import pytest

import chainrule as cr


@pytest.mark.parametrize("rate", [1, np.float32(0.125), np.float64(0.125), np.int64(1)])
@pytest.mark.parametrize("optimizer", cr.OPTIMIZERS.values())
def test_a_rate_of_any_number_type(optimizer, rate):
    expected = cr.Network([2, 3, 1]).fit([[1.0, 2.0]], [1.0], optimizer=optimizer(float(rate)))
    run = cr.Network([2, 3, 1]).fit([[1.0, 2.0]], [1.0], optimizer=optimizer(rate))
    assert np.array_equal(run.network.w, expected.network.w)


@pytest.mark.parametrize("n", [10_000, 1_000_000])
def test_float32_gradient_of_a_large_batch(n):
    """Every sample gives 0.1: one running sum of a million of them would be 0.9 % off.

    Groups of 256 samples bound the chain of additions by 256 + n / 256, each off by at most 2⁻²⁴.
    """
    net = cr.Network([1, 1], init="zeros")
    g = net.gradient(np.ones((n, 1), "float32"), np.full(n, -0.1, "float32"))
    bound = (256 + n / 256) * 2.0**-24
    for found in (g.w[0], g.b[0]):
        assert abs(found / np.float32(0.1) - 1) < bound, f"{found} against 0.1"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("z", [5.0, 20.0, 40.0])
def test_small_cross_entropies_keep_their_digits(z, dtype):
    """ln(1 + exp(-z)) for a sure and right answer: no digit is lost to the 1."""
    relative = 1e-6 if dtype == "float32" else 1e-12
    expected = np.log1p(np.exp(-z))
    one = cr.Network([1, 1], loss="binary_cross_entropy", init="zeros", dtype=dtype)
    two = cr.Network([1, 2], loss="cross_entropy", init="zeros", dtype=dtype)
    one.weights[0][:] = z
    two.weights[0][0, 1] = z
    for net in (one, two):
        found = net.loss([[1.0]], [1])
        assert abs(found / expected - 1) < relative, f"{net}: {found} against {expected}"


def test_reference_keeps_small_cross_entropies():
    net = cr.Network([1, 3], loss="cross_entropy", init="zeros", engine="reference")
    net.weights[0][0] = [40.0, 0.0, 1.0]
    expected = np.log1p(np.exp(-40.0) + np.exp(-39.0))
    assert abs(net.loss([[1.0]], [0]) / expected - 1) < 1e-12


def test_rounded_probabilities_are_a_target():
    """Rows that sum to 1 but for rounding are scaled to 1, where a − y is the derivative."""
    net = cr.Network([2, 3], loss="cross_entropy", dtype="float64", seed=1)
    check = cr.check_gradient(net, [[1.0, 2.0]], [[0.3337, 0.3337, 0.3334]])
    assert check.relative_error < 1e-7, check


def test_elu_and_selu_derivatives_far_below_zero():
    z = np.array([-35.0, -40.0, -300.0])
    np.testing.assert_allclose(cr.ACTIVATIONS["elu"].derivative(z), np.exp(z), rtol=1e-12)
    factor = cr.ACTIVATIONS["selu"].derivative(z) / np.exp(z)
    np.testing.assert_allclose(factor, 1.0507009873554805 * 1.6732632423543772, rtol=1e-12)


def test_more_threads_than_there_are():
    X, y = np.ones((200, 300), "float32"), np.ones(200, "float32")
    one, many = (cr.Network([300, 300, 1]) for _ in range(2))
    one.fit(X, y, epochs=2, batch_size=200, threads=1)
    many.fit(X, y, epochs=2, batch_size=200, threads=1024)
    assert np.array_equal(one.w, many.w)
