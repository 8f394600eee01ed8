"""Every equation of the article, restated in plain Python floats, against both engines.

In the article w_jk leads to neuron j from neuron k and W is n × m; here rows are samples,
so that ``weights[l][k, j]`` is the article's w^l_jk. The truth, ŷ there, is ``y`` here.

Tolerances: 1e-13 where two ways of rounding one calculation meet (a few ulps, and
what a sum of a dozen terms may cancel); 1e-8 for central differences, whose truncation
and rounding are near 1e-10 each.
"""

import cmath
import math

import numpy as np
import pytest

import chainrule as cr

EXACT = {"rel": 1e-13, "abs": 1e-16}
DIFFERENCE = {"rel": 1e-8}
H = 6e-6  # the cube root of ε: the best step of a central difference

SIZES = (3, 4, 2)
X = [0.5, -1.2, 0.3]
Y = [0.25, 0.9]
RATE = 0.7


def sigma(z):
    return 1 / (1 + math.exp(-z))


@pytest.fixture
def net(engine):
    return cr.Network(
        SIZES, activation="sigmoid", output="sigmoid", init="standard_normal", seed=5,
        dtype="float64", reduction="sum", engine=engine,
    )  # fmt: skip


def neuron(W, b, a, j):
    """z_j = Σ_k w_jk a_k + b_j, with the article's indices."""
    return sum(W[k][j] * a[k] for k in range(len(a))) + b[j]


def layers(net):
    """W and b of each layer as nested lists of floats."""
    pairs = zip(net.weights, net.biases, strict=True)
    return [(W.tolist(), b.tolist()) for W, b in pairs]


def loss(parameters, x=X, y=Y):
    """L of equations (1) and (2), for real and complex parameters."""
    a = x
    for W, b in parameters:
        a = [1 / (1 + cmath.exp(-neuron(W, b, a, j))) for j in range(len(b))]
    return sum((a_k - y_k) ** 2 for a_k, y_k in zip(a, y, strict=True)) / 2


def partial_derivative(parameters, layer, index):
    """∂L/∂w^l_jk or ∂L/∂b^l_j on its own, by a complex step: no other derivative is used."""
    moved = [([row[:] for row in W], b[:]) for W, b in parameters]
    W, b = moved[layer]
    if len(index) == 2:
        j, k = index
        W[k][j] += 1e-30j
    else:
        b[index[0]] += 1e-30j
    return loss(moved).imag / 1e-30


# -- forward propagation ----------------------------------------------------------------


def test_equation_01_forward_pass_of_one_neuron(net):
    """z_j^l = Σ_k w_jk^l a_k^{l−1} + b_j^l and a_j^l = σ(z_j^l), each neuron on its own."""
    trace = net.trace([X], [Y])
    for layer, (W, b) in enumerate(layers(net)):
        below = trace.activations[layer][0].tolist()
        for j in range(len(b)):
            z = neuron(W, b, below, j)
            assert trace.pre_activations[layer][0, j] == pytest.approx(z, **EXACT)
            assert trace.activations[layer + 1][0, j] == pytest.approx(sigma(z), **EXACT)


def test_equation_01_forward_pass_of_one_layer(engine):
    """a⃗^l = σ(W^l a⃗^{l−1} + b⃗^l) as a matrix times a column; W^l is n × m."""
    net = cr.Network([3, 4], output="sigmoid", seed=2, dtype="float64", engine=engine)
    net.b = [0.1, -0.2, 0.3, -0.4]
    W, column = net.weights[0].T, np.array(X)[:, None]
    assert W.shape == (4, 3)
    z = W @ column + net.b[:, None]
    np.testing.assert_allclose(net.forward([X]).T, 1 / (1 + np.exp(-z)), rtol=1e-13)


def test_equation_01_whole_chain(net):
    """a⃗⁰ = σ(W⁰ x⃗ + b⃗⁰), …, a⃗^L = σ(W^L a⃗^{L−1} + b⃗^L): the network's output."""
    a = X
    for W, b in layers(net):
        a = [sigma(neuron(W, b, a, j)) for j in range(len(b))]
    assert net.forward([X])[0].tolist() == pytest.approx(a, **EXACT)


# -- the loss and the two vectors -------------------------------------------------------


def test_equation_02_loss(net):
    """L = ½ Σ_k (y_k − ŷ_k)², over the outputs."""
    outputs = net.forward([X])[0].tolist()
    expected = 0.5 * sum((y - truth) ** 2 for y, truth in zip(outputs, Y, strict=True))
    assert net.loss([X], [Y]) == pytest.approx(expected, **EXACT)
    assert net.trace([X], [Y]).sample_losses.tolist() == pytest.approx([expected], **EXACT)


def test_equation_02_total_loss_is_the_sum_over_the_data(net, engine):
    """ "The total loss L, the summation across all training data"; a mean divides it by n."""
    rows, truths = [X, [1.0, 0, 2], [-1.0, 1, 0]], [Y, [0.0, 1], [1.0, 0]]
    total = sum(loss(layers(net), x, y).real for x, y in zip(rows, truths, strict=True))
    assert net.loss(rows, truths) == pytest.approx(total, **EXACT)
    mean = cr.Network(SIZES, activation="sigmoid", output="sigmoid", dtype="float64", engine=engine)
    mean.w, mean.b = net.w, net.b
    assert mean.loss(rows, truths) == pytest.approx(total / 3, **EXACT)


def test_vector_w_holds_every_weight_layer_after_layer(net):
    """w⃗ of the article; inside a layer ours runs along the rows of W, by k and then j."""
    w = [value for W, _ in layers(net) for row in W for value in row]
    assert net.w.tolist() == w
    assert len(w) == 3 * 4 + 4 * 2
    net.w[12] = 42.0  # the first weight of layer 1
    assert net.weights[1][0, 0] == 42.0


def test_vector_w_in_the_articles_own_order(net):
    """[w⁰₀₀ w⁰₀₁ … w¹₀₀ w¹₀₁ …] runs by j and then k: the rows of the article's W = our Wᵀ."""
    expected = [
        net.weights[layer][k, j]
        for layer, (m, n) in enumerate([(3, 4), (4, 2)])
        for j in range(n)
        for k in range(m)
    ]
    articles = np.concatenate([W.T.ravel() for W in net.weights])
    assert articles.tolist() == expected
    assert sorted(expected) == sorted(net.w.tolist())


def test_vector_b_holds_every_bias_layer_after_layer(net):
    """b⃗ = [b⁰₀ b⁰₁ … b^L₀ b^L₁ …]."""
    assert net.b.tolist() == [value for _, b in layers(net) for value in b]
    net.b[4] = 42.0  # the first bias of layer 1
    assert net.biases[1][0] == 42.0


# -- gradient descent -------------------------------------------------------------------


def test_equation_03_update_of_the_vectors(net):
    """w⃗ = w⃗ − λ ∂L/∂w⃗ and b⃗ = b⃗ − λ ∂L/∂b⃗, by ``step`` and by hand: the same bits."""
    by_hand = net.copy()
    g = by_hand.gradient([X], [Y])
    by_hand.w -= RATE * g.w
    by_hand.b -= RATE * g.b
    loss_before = net.step([X], [Y], cr.SGD(learning_rate=RATE))
    assert loss_before == g.loss
    np.testing.assert_array_equal(net.w, by_hand.w)
    np.testing.assert_array_equal(net.b, by_hand.b)
    assert net.loss([X], [Y]) < loss_before


def test_equation_04_update_of_each_weight_by_its_own_partial_derivative(net):
    """w_jk = w_jk − λ ∂L/∂w_jk and b_j = b_j − λ ∂L/∂b_j: the same as (3) for the vectors."""
    before = layers(net)
    net.step([X], [Y], cr.SGD(learning_rate=RATE))
    for layer, (W, b) in enumerate(before):
        for j in range(len(b)):
            for k in range(len(W)):
                w_jk = W[k][j] - RATE * partial_derivative(before, layer, (j, k))
                assert net.weights[layer][k, j] == pytest.approx(w_jk, **EXACT)
            b_j = b[j] - RATE * partial_derivative(before, layer, (j,))
            assert net.biases[layer][j] == pytest.approx(b_j, **EXACT)


def test_equation_04_every_partial_derivative_is_the_gradients_entry(net):
    """∂L/∂w_jk one by one, in the article's w⃗, against what the two vectors' update uses."""
    parameters, g = layers(net), net.gradient([X], [Y])
    for layer, (W, b) in enumerate(parameters):
        own = [[partial_derivative(parameters, layer, (j, k)) for j in range(len(b))]
               for k in range(len(W))]  # fmt: skip
        np.testing.assert_allclose(g.weights[layer], own, rtol=1e-12)
        own = [partial_derivative(parameters, layer, (j,)) for j in range(len(b))]
        np.testing.assert_allclose(g.biases[layer], own, rtol=1e-12)


def test_equation_03_repeated_reaches_a_minimum(net):
    """ "By repeatedly performing this update we move toward the minimum": the loss falls."""
    losses = net.fit([X], [Y], optimizer=cr.SGD(RATE), epochs=300, shuffle=False).losses
    assert np.all(np.diff(losses) < 0)
    assert losses[-1] < 1e-3 * losses[0]


# -- one neuron a layer -----------------------------------------------------------------


class Chain:
    """The network 1-1-…-1, in plain floats: z, a and the loss of one pair (x, y)."""

    x, y = 0.8, 0.3
    w = (0.7, -1.3, 0.9)
    b = (0.2, -0.4, 0.1)

    def __init__(self, n_layers, engine):
        self.L = n_layers - 1
        self.net = cr.Network(
            [1] * (n_layers + 1), activation="sigmoid", output="sigmoid", dtype="float64",
            engine=engine,
        )  # fmt: skip
        self.net.w, self.net.b = self.w[:n_layers], self.b[:n_layers]
        self.trace = self.net.trace([[self.x]], [[self.y]])
        self.z, self.a = [], []
        for layer in range(n_layers):
            below = self.a[-1] if self.a else self.x
            self.z.append(self.w[layer] * below + self.b[layer])
            self.a.append(sigma(self.z[-1]))
        self.below = self.a[self.L - 1] if self.L else self.x  # a^{L−1}

    def of_trace(self, trace=None):
        """Return z^L, a^L and L of a trace of the network."""
        trace = trace or self.trace
        return trace.pre_activations[-1].item(), trace.activations[-1].item(), trace.loss

    def moved(self, name):
        """Return z^L, a^L and L with the last w or b moved by +h, and by −h."""
        results = []
        for h in (H, -H):
            net = self.net.copy()
            getattr(net, name)[self.L] += h
            results.append(self.of_trace(net.trace([[self.x]], [[self.y]])))
        return results


@pytest.fixture(params=[1, 2, 3], ids=["1-1", "1-1-1", "1-1-1-1"])
def chain(request, engine):
    return Chain(request.param, engine)


def test_equation_05_forward_propagation_of_single_neurons(chain):
    """z^l = w^l a^{l−1} + b^l, a^l = σ(z^l)."""
    for layer in range(chain.L + 1):
        z, a = chain.trace.pre_activations[layer], chain.trace.activations[layer + 1]
        assert z.item() == pytest.approx(chain.z[layer], **EXACT)
        assert a.item() == pytest.approx(chain.a[layer], **EXACT)


def test_equation_06_loss_of_one_pair(chain):
    """L = ½ (a^L − ŷ)²."""
    expected = 0.5 * (chain.a[-1] - chain.y) ** 2
    assert chain.trace.loss == pytest.approx(expected, **EXACT)
    assert chain.net.loss([[chain.x]], [[chain.y]]) == pytest.approx(expected, **EXACT)


def test_equation_07_weight_of_the_last_layer_by_the_chain_rule(chain):
    """∂L/∂w^L = ∂L/∂z^L ∂z/∂w^L = ∂L/∂z^L a^{L−1}."""
    dL_dw = chain.trace.weight_gradients[-1].item()
    product = chain.trace.deltas[-1].item() * chain.trace.activations[-2].item()
    assert dL_dw == pytest.approx(product, **EXACT)
    (*_, above), (*_, below) = chain.moved("w")
    assert dL_dw == pytest.approx((above - below) / (2 * H), **DIFFERENCE)


def test_equation_08_weighted_sum_by_its_weight(chain):
    """∂z/∂w^L = a^{L−1}."""
    assert chain.trace.activations[-2].item() == pytest.approx(chain.below, **EXACT)
    (above, *_), (below, *_) = chain.moved("w")
    assert (above - below) / (2 * H) == pytest.approx(chain.below, **DIFFERENCE)


def test_equation_09_loss_by_the_weighted_sum_by_the_chain_rule(chain):
    """∂L/∂z^L = ∂L/∂a^L ∂a^L/∂z^L, each of the three by its own difference quotient."""
    (z1, a1, loss1), (z0, a0, loss0) = chain.moved("b")  # b moves z, and nothing else
    dL_dz = (loss1 - loss0) / (z1 - z0)
    dL_da = (loss1 - loss0) / (a1 - a0)
    da_dz = (a1 - a0) / (z1 - z0)
    assert chain.trace.deltas[-1].item() == pytest.approx(dL_dz, **DIFFERENCE)
    assert chain.trace.deltas[-1].item() == pytest.approx(dL_da * da_dz, **DIFFERENCE)


def test_equation_10_loss_by_the_output(chain):
    """∂L/∂a^L = a^L − ŷ."""
    expected = chain.a[-1] - chain.y
    a, y = chain.trace.activations[-1], chain.trace.targets
    assert cr.LOSSES["squared_error"].derivative(a, y).item() == pytest.approx(expected, **EXACT)
    (_, a1, loss1), (_, a0, loss0) = chain.moved("b")
    assert (loss1 - loss0) / (a1 - a0) == pytest.approx(expected, **DIFFERENCE)


def test_equation_11_output_by_the_weighted_sum(chain):
    """∂a^L/∂z^L = ∂σ(z^L)/∂z^L: the slope of σ where the network is."""
    slope = cr.ACTIVATIONS["sigmoid"].derivative(chain.trace.pre_activations[-1]).item()
    (z1, a1, _), (z0, a0, _) = chain.moved("b")
    assert (a1 - a0) / (z1 - z0) == pytest.approx(slope, **DIFFERENCE)
    plain = (sigma(chain.z[-1] + H) - sigma(chain.z[-1] - H)) / (2 * H)
    assert slope == pytest.approx(plain, **DIFFERENCE)


def test_equation_12_slope_of_the_sigmoid(chain):
    """σ′(z^L) = σ(z^L)(1 − σ(z^L)) = a^L (1 − a^L)."""
    slope = cr.ACTIVATIONS["sigmoid"].derivative(chain.trace.pre_activations[-1]).item()
    assert slope == pytest.approx(chain.a[-1] * (1 - chain.a[-1]), **EXACT)


def test_equation_13_loss_by_the_weighted_sum(chain):
    """∂L/∂z^L = (a^L − ŷ) a^L (1 − a^L): the δ of the last layer."""
    a = chain.a[-1]
    expected = (a - chain.y) * (a * (1 - a))
    assert chain.trace.deltas[-1].item() == pytest.approx(expected, **EXACT)


def test_equation_14_loss_by_the_weight(chain):
    """∂L/∂w^L = a^{L−1} (a^L − ŷ) a^L (1 − a^L)."""
    a = chain.a[-1]
    expected = chain.below * (a - chain.y) * (a * (1 - a))
    assert chain.trace.weight_gradients[-1].item() == pytest.approx(expected, **EXACT)


def test_equation_15_bias_of_the_last_layer_by_the_chain_rule(chain):
    """∂L/∂b^L = ∂L/∂z^L ∂z/∂b^L = ∂L/∂z^L · 1, without any rounding."""
    (z1, _, loss1), (z0, _, loss0) = chain.moved("b")
    assert (z1 - z0) / (2 * H) == pytest.approx(1, **DIFFERENCE)
    assert chain.trace.bias_gradients[-1].item() == chain.trace.deltas[-1].item()
    dL_db = (loss1 - loss0) / (2 * H)
    assert chain.trace.bias_gradients[-1].item() == pytest.approx(dL_db, **DIFFERENCE)


def test_equation_16_loss_by_the_bias(chain):
    """∂L/∂b^L = (a^L − ŷ) a^L (1 − a^L)."""
    a = chain.a[-1]
    expected = (a - chain.y) * (a * (1 - a))
    assert chain.trace.bias_gradients[-1].item() == pytest.approx(expected, **EXACT)


def test_equations_14_and_16_adjust_the_last_layer_as_equation_04_says(chain):
    """w^L = w^L − λ ∂L/∂w^L and b^L = b^L − λ ∂L/∂b^L."""
    a = chain.a[-1]
    delta = (a - chain.y) * (a * (1 - a))
    chain.net.step([[chain.x]], [[chain.y]], cr.SGD(learning_rate=RATE))
    w, b = chain.w[chain.L], chain.b[chain.L]
    assert chain.net.w[-1] == pytest.approx(w - RATE * chain.below * delta, **EXACT)
    assert chain.net.b[-1] == pytest.approx(b - RATE * delta, **EXACT)


def test_backpropagation_reaches_the_very_first_layer(chain):
    """δ^{l} = δ^{l+1} w^{l+1} a^l (1 − a^l): the chain rule, layer by layer, back to x."""
    delta = (chain.a[-1] - chain.y) * chain.a[-1] * (1 - chain.a[-1])
    for layer in range(chain.L, -1, -1):
        if layer < chain.L:
            delta *= chain.w[layer + 1] * chain.a[layer] * (1 - chain.a[layer])
        below = chain.a[layer - 1] if layer else chain.x
        assert chain.trace.deltas[layer].item() == pytest.approx(delta, **EXACT)
        assert chain.trace.bias_gradients[layer].item() == pytest.approx(delta, **EXACT)
        assert chain.trace.weight_gradients[layer].item() == pytest.approx(delta * below, **EXACT)
