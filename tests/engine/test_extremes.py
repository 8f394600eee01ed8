"""Both engines where formulas are fragile: losses at their limits, and long after the start."""

import math
from dataclasses import replace

import numpy as np
import pytest

from chainrule import NetworkSpec, Parameters
from chainrule.engine import compiled, reference
from chainrule.engine.batches import Batches
from chainrule.theory.optimizers import Adam, AdamW

ENGINES = [(compiled, "float32"), (compiled, "float64"), (reference, "float64")]
# One output, few, and more than a vector has lanes of either dtype: the losses of rows are
# computed side by side, or one row across the lanes.
OUTPUTS = (1, 3, 19)


def traced(engine, dtype, loss, output, z, y, outputs):
    """The trace of len(z) rows whose pre-activations are z, once for each output."""
    spec = NetworkSpec((outputs, outputs), (output,), loss, dtype=dtype)
    parameters = Parameters(spec)
    parameters.weights[0][:] = np.eye(outputs)
    X, y = (np.repeat(np.array(v, dtype)[:, None], outputs, axis=1) for v in (z, y))
    return engine.trace(parameters, X, y, None)


def check(trace, losses, deltas, outputs):
    """Each sample loss is the sum over equal outputs; each δ that of one output."""
    relative = 1e-6 if trace.sample_losses.dtype == np.float32 else 1e-14
    for i, (loss, delta) in enumerate(zip(losses, deltas, strict=True)):
        found, expected = float(trace.sample_losses[i]), outputs * loss
        assert math.isclose(found, expected, rel_tol=outputs * relative, abs_tol=1e-300), (
            f"row {i}: loss {found}, expected {expected}"
        )
        for found in trace.deltas[-1][i]:
            assert math.isclose(found, delta, rel_tol=relative, abs_tol=1e-300), (
                f"row {i}: delta {found}, expected {delta}"
            )


ERRORS = [0.0, 1.0, -1.0, 1e4, -1e4, 0.5, -2.5, 8.0, -12.0, 18.0, 25.0, -35.0]
LN2 = math.log(2)
REAL = {
    "squared_error": (lambda e: e * e / 2, lambda e: e),
    "absolute_error": (abs, lambda e: (e > 0) - (e < 0)),
    "huber": (
        lambda e: e * e / 2 if abs(e) <= 1 else abs(e) - 0.5,
        lambda e: max(-1.0, min(1.0, e)),
    ),
    "log_cosh": (
        lambda e: math.log(math.cosh(e)) if abs(e) < 20 else abs(e) - LN2,
        math.tanh,
    ),
}


@pytest.mark.parametrize("outputs", OUTPUTS)
@pytest.mark.parametrize(("engine", "dtype"), ENGINES)
@pytest.mark.parametrize("loss", REAL)
def test_losses_of_small_and_large_errors(loss, engine, dtype, outputs):
    """At a = y, where pieces meet or one takes over from another, and at |a − y| = 1e4."""
    value, derivative = REAL[loss]
    y = [0.25] * len(ERRORS)
    z = [0.25 + e for e in ERRORS]
    trace = traced(engine, dtype, loss, "identity", z, y, outputs)
    exact = [float(np.array(a, dtype)) - 0.25 for a in z]  # a is rounded to the dtype
    check(trace, map(value, exact), map(derivative, exact), outputs)


@pytest.mark.parametrize("outputs", OUTPUTS)
@pytest.mark.parametrize(("engine", "dtype"), ENGINES)
@pytest.mark.parametrize("output", ["exponential", "softplus"])
def test_poisson_where_the_mean_underflows(output, engine, dtype, outputs):
    """exp(−800) is 0 in either dtype: no count is no loss; counts cost −y ln a, if it is known."""
    trace = traced(engine, dtype, "poisson", output, [-800.0, -800.0, 0.5], [0, 0, 0], outputs)
    mean = math.exp(0.5) if output == "exponential" else math.log1p(math.exp(0.5))
    slope = math.exp(0.5) if output == "exponential" else 1 / (1 + math.exp(-0.5))
    check(trace, [0, 0, mean], [0, 0, slope], outputs)
    if output == "exponential":
        trace = traced(engine, dtype, "poisson", output, [-800.0], [2], outputs)
        check(trace, [2 * 800 + 2 * LN2 - 2], [-2], outputs)


@pytest.mark.parametrize("classes", [2, 3, 19])
@pytest.mark.parametrize(("engine", "dtype"), ENGINES)
def test_cross_entropy_of_a_class_that_is_impossible(engine, dtype, classes):
    """z = −∞: it leaves the loss of the others as it is, and has no gradient."""
    spec = NetworkSpec((1, classes), ("softmax",), "cross_entropy", dtype=dtype)
    parameters = Parameters(spec)
    parameters.biases[0][0] = -np.inf
    y = np.zeros((2, classes), dtype)
    y[:, 1] = 1
    trace = engine.trace(parameters, np.ones((2, 1), dtype), y, None)
    np.testing.assert_allclose(trace.sample_losses, math.log(classes - 1), rtol=1e-6, atol=1e-12)
    delta = np.full(classes, 1 / (classes - 1))
    delta[:2] = 0, 1 / (classes - 1) - 1
    np.testing.assert_allclose(trace.deltas[-1], [delta, delta], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(("engine", "dtype"), ENGINES)
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "selu", "softplus", "gelu"])
def test_nan_goes_through(activation, engine, dtype):
    """A nan is never hidden: not by max(0, z), nor by a comparison that it fails."""
    spec = NetworkSpec((1, 1, 1), (activation, "identity"), dtype=dtype)
    parameters = Parameters(spec)
    parameters.theta[:] = 1
    for n in (1, 9, 70):  # row by row, within a block, in several
        X = np.ones((n, 1), dtype)
        X[n // 2] = np.nan
        outputs = engine.forward(parameters, X)
        assert np.isnan(outputs[n // 2, 0])
        assert np.isnan(outputs).sum() == 1


@pytest.mark.parametrize(
    "optimizer", [Adam(0.01), AdamW(0.01, weight_decay=0.1), Adam(0.01, beta1=0)]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bias_corrections_long_after_the_start(optimizer, dtype):
    """700 steps at a gradient of 1, whatever θ is: m = 1 − β₁ᵗ and v = 1 − β₂ᵗ, written out.

    ∂L/∂b of an identity network with absolute error is sign(a − y): y is far below.
    """
    spec = NetworkSpec((1, 1), ("identity",), "absolute_error", dtype=dtype)
    X, y = np.zeros((1, 1), dtype), np.full((1, 1), -1e6, dtype)
    for engine in (compiled, reference) if dtype == "float64" else (compiled,):
        parameters = Parameters(replace(spec, dtype=dtype), np.array([0, 10], dtype))
        state = [np.zeros(2, dtype) for _ in range(2)]
        trainer = engine.Trainer(parameters, optimizer, state, Batches(X, y, None, 1))
        theta = 10.0
        decay = getattr(optimizer, "weight_decay", 0.0)
        for t in range(1, 701):
            trainer.advance(np.array([0.01]))
            m = (1 - optimizer.beta1**t) / (1 - optimizer.beta1**t)
            v = (1 - optimizer.beta2**t) / (1 - optimizer.beta2**t)
            theta -= 0.01 * decay * theta + 0.01 * m / (math.sqrt(v) + optimizer.epsilon)
            # each of t steps is rounded to the spacing of θ ≤ 10
            bound = t * 10 * np.finfo(dtype).eps + 1e-4 * 0.01 * t * (dtype == "float32")
            assert abs(parameters.b[0] - theta) <= bound, f"step {t}: {parameters.b[0]}, {theta}"


@pytest.mark.parametrize(("engine", "dtype"), ENGINES)
def test_the_penalty_pulls_no_weight_that_is_0(engine, dtype):
    """∂R/∂w = l2 w + l1 sign(w), and sign(0) = 0; of inputs that are 0 nothing else is left."""
    spec = NetworkSpec((3, 5), ("identity",), l2=0.5, l1=0.25, dtype=dtype)
    parameters = Parameters(spec)
    parameters.w[:] = np.resize([0.0, 2.0, -0.0, -2.0], 15)
    gradient = engine.trace(parameters, np.zeros((4, 3), dtype), np.ones((4, 5), dtype), None)
    expected = np.resize([0.0, 1.25, 0.0, -1.25], 15)
    np.testing.assert_array_equal(gradient.gradient.w, expected)
