"""Where the article's text departs from the mathematics: what it prints, and what is right."""

import math

import numpy as np
import pytest

import chainrule as cr


def sigma(x):
    return 1 / (1 + math.exp(-x))


POINTS = [-2.0, -0.3, 0.5, 1.7]


@pytest.mark.parametrize("x", POINTS)
def test_the_printed_exponents_before_equation_12_are_wrong_and_the_result_is_right(x):
    """(−1 / (1 + e⁻ˣ)⁻²)(−e⁻ˣ) is printed; the power rule gives −1 / (1 + e⁻ˣ)⁺²."""
    h = 6e-6  # the cube root of ε
    slope = (sigma(x + h) - sigma(x - h)) / (2 * h)
    printed = (-1 / (1 + math.exp(-x)) ** -2) * -math.exp(-x)
    corrected = (-1 / (1 + math.exp(-x)) ** 2) * -math.exp(-x)
    result = sigma(x) * (1 - sigma(x))
    assert abs(printed / slope - 1) > 0.5, f"as printed {printed}, slope {slope}"
    assert corrected == pytest.approx(slope, rel=1e-8)
    assert corrected == pytest.approx(result, rel=1e-14)
    row = cr.ACTIVATIONS["sigmoid"]
    assert row.derivative(np.array(x)).item() == pytest.approx(result, rel=1e-14)


def test_the_forward_chain_uses_each_layers_own_weights(engine):
    """ "a^L = σ(W¹ a^{L−1} + b^L)" is printed: it is W^L."""
    net = cr.Network(
        [2, 2, 2, 2], activation="sigmoid", output="sigmoid", dtype="float64", engine=engine
    )
    a = printed = np.array([[0.3, -0.8]])
    for layer, b in enumerate(net.biases):
        a = 1 / (1 + np.exp(-(a @ net.weights[layer] + b)))
        printed = 1 / (1 + np.exp(-(printed @ net.weights[min(layer, 1)] + b)))
    np.testing.assert_allclose(net.forward([[0.3, -0.8]]), a, rtol=1e-13)
    assert np.abs(printed - a).max() > 1e-3, f"W¹ throughout gives {printed}, the chain {a}"


def test_the_indices_count_one_neuron_too_many(engine):
    """k = 0 … m names m + 1 neurons; a layer of m has the indices 0 … m − 1."""
    net = cr.Network([3, 2], dtype="float64", engine=engine)
    assert net.weights[0].size == 3 * 2  # "a total of mn individual connections"
    assert net.biases[0].size == 2  # one a neuron of the layer itself, n and not m


@pytest.mark.parametrize(("name", "z"), [("relu", -0.5), ("hard_sigmoid", 3.5)])
def test_not_every_derivative_is_nonzero_everywhere(name, z, engine):
    """ "A nonzero derivative throughout their entire domain": such a unit stops learning."""
    net = cr.Network([1, 1, 1], activation=name, dtype="float64", engine=engine)
    net.w, net.b = [z, 1.0], [0.0, 2.0]
    before = net.weights[0].item()
    assert net.gradient([[1.0]], [0.0]).weights[0].item() == 0
    net.fit([[1.0]], [0.0], optimizer=cr.SGD(0.1), epochs=20)
    assert net.weights[0].item() == before
    assert net.loss([[1.0]], [0.0]) < 0.1, "the last layer learns alone"


def test_the_update_is_simultaneous(engine):
    """The last paragraph adjusts the last layer first; (3) takes every gradient at one point."""
    net = cr.Network(
        [1, 1, 1], activation="sigmoid", output="sigmoid", dtype="float64", engine=engine
    )
    net.w, net.b = [0.7, -1.3], [0.2, -0.4]
    before = net.trace([[0.8]], [0.3])
    net.step([[0.8]], [0.3], cr.SGD(learning_rate=5.0))
    slope = before.activations[1].item() * (1 - before.activations[1].item())
    delta = before.deltas[1].item()
    by_old, by_new = (0.7 - 5 * 0.8 * delta * w * slope for w in (-1.3, net.w[1]))
    assert net.w[0] == pytest.approx(by_old, rel=1e-13)
    assert abs(by_old - by_new) > 1e-4, f"simultaneous {by_old}, on the way {by_new}"
