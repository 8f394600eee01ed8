"""Each optimizer against its paper's formula in plain Python floats."""

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule import OPTIMIZERS, SGD, Adagrad, Adam, AdamW, RMSprop, Rprop

STEPS = 8


def sgd(o, gradients):
    """Sutskever et al. 2013: vₜ₊₁ = μ vₜ − ε g, θₜ₊₁ = θₜ + vₜ₊₁; with Nesterov, Bengio's (7)."""
    theta, v = 0.0, 0.0
    for eta, g in gradients:
        v = o.momentum * v - eta * g
        theta = theta + (o.momentum * v - eta * g if o.nesterov else v)
        yield theta


def adagrad(o, gradients):
    """Duchi et al. 2011: the root of the sum of squares divides the rate."""
    theta, s = 0.0, 0.0
    for eta, g in gradients:
        s = s + g**2
        theta = theta - eta / (math.sqrt(s) + o.epsilon) * g
        yield theta


def rmsprop(o, gradients):
    """Tieleman, Hinton 2012: MeanSquare(t) = 0.9 MeanSquare(t−1) + 0.1 g²."""
    theta, mean_square = 0.0, 0.0
    for eta, g in gradients:
        mean_square = o.decay * mean_square + (1 - o.decay) * g**2
        theta = theta - eta * g / (math.sqrt(mean_square) + o.epsilon)
        yield theta


def adam(o, gradients, decay=0.0):
    """Kingma, Ba 2015, Algorithm 1; with decay, line 12 of Loshchilov, Hutter's Algorithm 2."""
    theta, m, v = 0.0, 0.0, 0.0
    for t, (eta, g) in enumerate(gradients, start=1):
        m = o.beta1 * m + (1 - o.beta1) * g
        v = o.beta2 * v + (1 - o.beta2) * g**2
        m_hat, v_hat = m / (1 - o.beta1**t), v / (1 - o.beta2**t)
        theta = theta - eta * (m_hat / (math.sqrt(v_hat) + o.epsilon) + decay * theta)
        yield theta


def adamw(o, gradients):
    return adam(o, gradients, decay=o.weight_decay)


def rprop(o, gradients):
    """Igel, Hüsken 2000, iRprop−."""
    theta, size, previous = 0.0, o.learning_rate, 0.0
    for _, g in gradients:
        if g * previous > 0:
            size = min(o.increase * size, o.largest)
        elif g * previous < 0:
            size = max(o.decrease * size, o.smallest)
            g = 0.0
        theta = theta - math.copysign(size, g) * (g != 0)
        previous = g
        yield theta


RESTATED = {
    "sgd": sgd, "adagrad": adagrad, "rmsprop": rmsprop,
    "adam": adam, "adamw": adamw, "rprop": rprop,
}  # fmt: skip

OPTIONS = [
    *(row() for row in OPTIMIZERS.values()),
    SGD(0.1, momentum=0.9),
    SGD(0.1, momentum=0.9, nesterov=True),
    SGD(cr.Staircase(0.1, factor=0.5, every=2), momentum=0.5),
    Adagrad(0.5, epsilon=0.1),
    RMSprop(0.1, decay=0.5, epsilon=0.1),
    RMSprop(0.1, decay=0.0),
    Adam(0.1, beta1=0.5, beta2=0.7, epsilon=0.1),
    Adam(cr.Cosine(0.1, steps=5, minimum=0.01), beta1=0.0),
    AdamW(0.1, weight_decay=0.5),
    AdamW(0.1, beta1=0.3, beta2=0.4, epsilon=0.2, weight_decay=0.0),
    Rprop(0.3, increase=1.5, decrease=0.2, smallest=0.1, largest=0.5),
]


def trajectory(optimizer, gradients):
    """Return θ after each of the gradients, starting from 0."""
    theta = np.zeros(gradients.shape[1])
    state = [optimizer.initial_slot(slot, theta) for slot in optimizer.slots]
    rates, result = optimizer.rates(np.arange(1, len(gradients) + 1)), []
    for t, (eta, g) in enumerate(zip(rates, gradients, strict=True), start=1):
        optimizer.update(theta, g, state, float(eta), t)
        result.append(theta.copy())
    return np.array(result)


@pytest.mark.parametrize("optimizer", OPTIONS, ids=repr)
def test_update_is_the_papers_formula(optimizer):
    assert optimizer.name in RESTATED, f"restate {optimizer.name} in RESTATED"
    gradients = np.random.default_rng(0).normal(0, 1, (STEPS, 5))
    gradients[2:4, 4] = 0  # a parameter that the loss does not see for a while
    rates = optimizer.rates(np.arange(1, STEPS + 1)).tolist()
    expected = [
        list(RESTATED[optimizer.name](optimizer, zip(rates, column, strict=True)))
        for column in gradients.T.tolist()
    ]
    actual = trajectory(optimizer, gradients)
    # The same sums in another order; a step may cancel what went before.
    np.testing.assert_allclose(actual.T, expected, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("optimizer", OPTIONS, ids=repr)
def test_update_leaves_the_gradient_alone(optimizer):
    gradients = np.random.default_rng(1).normal(0, 1, (3, 4))
    kept = gradients.copy()
    trajectory(optimizer, gradients)
    np.testing.assert_array_equal(gradients, kept)


class TestPublishedNumbers:
    """What the papers and their readers say of the first steps."""

    g = np.array([[0.3, -4.0, 1e-3, 250.0]])

    def test_adams_first_step_is_the_learning_rate(self):
        """Kingma, Ba 2015, section 2.1: |Δ| ≤ α, whatever the scale of the gradient."""
        expected = [-0.001 * g / (abs(g) + 1e-8) for g in self.g[0]]
        np.testing.assert_allclose(trajectory(Adam(), self.g)[0], expected, rtol=1e-12)

    def test_rmsprops_first_step_is_larger_by_the_root_of_ten(self):
        expected = -0.001 * math.sqrt(10) * np.sign(self.g)
        # ε is 1e-8 of a root that is at least 3e-4.
        np.testing.assert_allclose(trajectory(RMSprop(), self.g), expected, rtol=5e-5)

    def test_adagrads_steps_fall_like_one_over_the_root_of_t(self):
        steps = np.diff(trajectory(Adagrad(0.1), np.repeat(self.g, 9, axis=0)), axis=0, prepend=0)
        expected = -0.1 * np.sign(self.g) / np.sqrt(np.arange(1, 10))[:, None]
        np.testing.assert_allclose(steps, expected, rtol=1e-6)  # ε / 1e-3

    def test_momentum_reaches_its_terminal_velocity(self):
        """Goodfellow, Bengio, Courville 2016, section 8.3.2: steps grow to η g / (1 − μ)."""
        path = trajectory(SGD(0.01, momentum=0.9), np.repeat(self.g, 400, axis=0))
        np.testing.assert_allclose(path[-2] - path[-1], 10 * 0.01 * self.g[0], rtol=1e-12)

    def test_adamw_without_gradient_only_decays(self):
        theta, state = np.array([2.0]), [np.zeros(1), np.zeros(1)]
        AdamW().update(theta, np.zeros(1), state, 0.5, 1)
        assert theta == pytest.approx([2.0 * (1 - 0.5 * 0.01)], rel=1e-15)

    def test_defaults_are_the_papers(self):
        assert (Adam().learning_rate, Adam().beta1, Adam().beta2) == (0.001, 0.9, 0.999)
        assert Adam().epsilon == 1e-8
        assert RMSprop().decay == 0.9
        rprop = Rprop()  # Riedmiller, Braun 1993, section III
        assert (rprop.increase, rprop.decrease) == (1.2, 0.5)
        assert (rprop.smallest, rprop.largest) == (1e-6, 50.0)


def test_nesterov_is_the_textbook_look_ahead():
    """θ_ours = θ + μ v of Sutskever et al., (3)-(4): g is taken at the looked-ahead point."""
    mu, eta, A = 0.9, 0.05, np.diag([1.0, 3.0, 7.0])
    theta, v = np.array([1.0, -2.0, 0.5]), np.zeros(3)
    ours, optimizer = theta.copy(), SGD(eta, momentum=mu, nesterov=True)
    state = [optimizer.initial_slot("velocity", ours)]
    for t in range(1, 31):
        np.testing.assert_allclose(ours, theta + mu * v, rtol=1e-12, atol=1e-15)
        v = mu * v - eta * A @ (theta + mu * v)
        theta = theta + v
        optimizer.update(ours, A @ ours, state, eta, t)


class TestRprop:
    """The three rules of the sign."""

    def steps(self, *gradients, **options):
        path = trajectory(Rprop(0.1, **options), np.array(gradients, dtype=float)[:, None])
        return np.diff(path[:, 0], prepend=0).tolist()

    def test_the_size_of_the_gradient_does_not_matter(self):
        assert self.steps(5, 1e-9, 3) == self.steps(1, 1, 1)

    def test_same_sign_grows_by_1_2(self):
        assert self.steps(1, 1, 1) == pytest.approx([-0.1, -0.12, -0.144], rel=1e-14)

    def test_a_turn_halves_and_waits_and_then_neither(self):
        assert self.steps(1, -1, -1, -1) == pytest.approx([-0.1, 0, 0.05, 0.06], rel=1e-14)

    def test_a_gradient_of_0_moves_nothing_and_keeps_the_size(self):
        assert self.steps(1, 0, 1) == pytest.approx([-0.1, 0, -0.1], rel=1e-14)

    def test_bounds(self):
        assert self.steps(1, 1, 1, largest=0.11) == pytest.approx([-0.1, -0.11, -0.11], rel=1e-14)
        assert self.steps(1, -1, -1, smallest=0.08) == pytest.approx([-0.1, 0, 0.08], rel=1e-14)


class TestClipNorm:
    """Pascanu et al. 2013, Algorithm 1: too long a gradient keeps its direction."""

    def test_a_longer_gradient_is_scaled_down(self):
        clipped = SGD(clip_norm=1.0).clipped(np.array([3.0, -4.0]))
        np.testing.assert_allclose(clipped, [0.6, -0.8], rtol=1e-15)

    @pytest.mark.parametrize("clip_norm", [None, 5.0, 5.1])
    def test_others_are_left_alone(self, clip_norm):
        g = np.array([3.0, -4.0])
        np.testing.assert_array_equal(SGD(clip_norm=clip_norm).clipped(g), g)
        np.testing.assert_array_equal(SGD(clip_norm=clip_norm).clipped(np.zeros(2)), [0, 0])

    @pytest.mark.parametrize("engine", ["compiled", "reference"])
    def test_a_step_is_clipped_over_weights_and_biases_together(self, engine):
        net = cr.Network([2, 3, 1], activation="tanh", dtype="float64", engine=engine)
        before, X, y = net.parameters.theta.copy(), [[1.0, -2.0]], [5.0]
        g = net.gradient(X, y).parameters.theta
        norm = math.sqrt(sum(x * x for x in g.tolist()))
        net.step(X, y, SGD(0.5, clip_norm=norm / 4))
        expected = before - 0.5 * g / 4
        np.testing.assert_allclose(net.parameters.theta, expected, rtol=1e-13)
