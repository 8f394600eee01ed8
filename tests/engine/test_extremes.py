"""Both engines where formulas are fragile: losses at their limits, and long after the start."""

import math
from dataclasses import replace

import numpy as np
import pytest

from chainrule import NetworkSpec, Parameters
from chainrule.engine import compiled, reference
from chainrule.engine.batches import Batches
from chainrule.theory.optimizers import SGD, Adam, AdamW

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
    """exp(−800) is 0 in either dtype: no count is no loss; counts cost −y ln a, ln a ≈ z."""
    trace = traced(engine, dtype, "poisson", output, [-800.0, -800.0, 0.5], [0, 0, 0], outputs)
    mean = math.exp(0.5) if output == "exponential" else math.log1p(math.exp(0.5))
    slope = math.exp(0.5) if output == "exponential" else 1 / (1 + math.exp(-0.5))
    check(trace, [0, 0, mean], [0, 0, slope], outputs)
    trace = traced(engine, dtype, "poisson", output, [-800.0, -90.0], [2, 2], outputs)
    tiny = math.exp(-90)
    check(trace, [1600 + 2 * LN2 - 2, 180 + 2 * LN2 - 2 + tiny], [-2, tiny - 2], outputs)


@pytest.mark.parametrize("outputs", OUTPUTS)
@pytest.mark.parametrize(("engine", "dtype"), ENGINES)
@pytest.mark.parametrize(("loss", "output", "z", "y", "losses", "deltas"), [
    ("binary_cross_entropy", "sigmoid", [np.inf, -np.inf, np.inf, -np.inf], [1, 0, 0, 1],
     [0, 0, np.inf, np.inf], [0, 0, 1, -1]),
    ("poisson", "exponential", [-np.inf, -np.inf], [0, 2], [0, np.inf], [0, -2]),
    ("poisson", "softplus", [-np.inf, -np.inf], [0, 2], [0, np.inf], [0, -2]),
])  # fmt: skip
def test_certain_outputs(loss, output, z, y, losses, deltas, engine, dtype, outputs):
    """z = ±∞: certain and right is no loss; certain and wrong is infinite, and δ is still known."""
    spec = NetworkSpec((1, outputs), (output,), loss, dtype=dtype)
    for z_i, y_i, expected, delta in zip(z, y, losses, deltas, strict=True):
        parameters = Parameters(spec)
        parameters.b[:] = z_i
        trace = engine.trace(
            parameters, np.zeros((9, 1), dtype), np.full((9, outputs), y_i, dtype), None
        )
        np.testing.assert_array_equal(trace.sample_losses, expected)
        np.testing.assert_array_equal(trace.deltas[-1], delta)


LARGEST = {dtype: float(np.finfo(dtype).max) for dtype in ("float32", "float64")}
# Values and derivatives where z is infinite, which are the limits there.
LIMITS = {
    "sigmoid": (0, 1, 0, 0), "tanh": (-1, 1, 0, 0), "relu": (0, np.inf, 0, 1),
    "leaky_relu": (-np.inf, np.inf, 0.01, 1), "elu": (-1, np.inf, 0, 1),
    "selu": (-1.758099340847376, np.inf, 0, 1.0507009873554805), "gelu": (0, np.inf, 0, 1),
    "silu": (0, np.inf, 0, 1), "mish": (0, np.inf, 0, 1), "softplus": (0, np.inf, 0, 1),
    "softsign": (-1, 1, 0, 0), "hard_sigmoid": (0, 1, 0, 0), "gaussian": (0, 0, 0, 0),
    "exponential": (0, np.inf, 0, np.inf), "identity": (-np.inf, np.inf, 1, 1),
}  # fmt: skip


@pytest.mark.parametrize(("engine", "dtype"), ENGINES)
@pytest.mark.parametrize("activation", LIMITS)
def test_activations_where_z_is_infinite_or_the_largest_number(activation, engine, dtype):
    """The article's table at the ends of the number line; sine and softmax have no limit there."""
    low, high, slope_low, slope_high = LIMITS[activation]
    z = [-np.inf, np.inf, -LARGEST[dtype], LARGEST[dtype]]
    spec = NetworkSpec((1, 1), (activation,), "absolute_error", dtype=dtype)
    for at, value, slope in zip(z, [low, high] * 2, [slope_low, slope_high] * 2, strict=True):
        parameters = Parameters(spec)
        parameters.b[:] = at
        y = np.full((9, 1), -9, dtype)  # below every a but −∞: ∂ℓ/∂a is 1, and δ the derivative
        with np.errstate(over="ignore", invalid="ignore"):
            trace = engine.trace(parameters, np.zeros((9, 1), dtype), y, None)
        a, slopes = trace.activations[-1], trace.deltas[-1]
        if np.isinf(value) and not np.isinf(at) and activation != "exponential":
            with np.errstate(over="ignore"):
                value = np.array(at * slope).astype(dtype)  # selu's is beyond the largest
        np.testing.assert_allclose(a, value, rtol=1e-6, atol=1e-30)
        np.testing.assert_allclose(np.abs(slopes), slope, rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize(("engine", "dtype"), ENGINES)
def test_hard_sigmoid_does_not_cancel(engine, dtype):
    """(z + 3) / 6 just above −3, where z/6 + 1/2 was 2.8e6 ulp away."""
    spec = NetworkSpec((1, 1), ("hard_sigmoid",), dtype=dtype)
    for above in (1e-3, 1e-5, 2e-6):
        parameters = Parameters(spec)
        parameters.b[:] = -3 + above
        exact = (float(parameters.b[0]) + 3) / 6
        found = engine.forward(parameters, np.zeros((9, 1), dtype))
        np.testing.assert_allclose(found, exact, rtol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize(("engine", "dtype"), ENGINES)
@pytest.mark.parametrize("size", [1e-36, 1.0, 1e36, "largest"])
def test_clipping_a_gradient_of_any_size(size, engine, dtype):
    """One step of descent from 0 along g = -(1, 1) size, clipped to half its norm.

    The size's square is out of range: in float32 from 1e20 on, in float64 from 1.3e154.
    """
    size = {"float32": 5e37, "float64": 1e307}[dtype] if size == "largest" else size
    spec = NetworkSpec((1, 2), ("identity",), "absolute_error", "sum", dtype=dtype)
    parameters = Parameters(spec)
    X, y = np.zeros((1, 1), dtype), np.ones((1, 2), dtype)
    weight = np.array([size], dtype)
    # ∂L/∂b = −s for both outputs: ‖g‖ = √2 s
    rule = SGD(1.0, clip_norm=0.5 * math.sqrt(2) * float(weight[0]))
    engine.Trainer(parameters, rule, [], Batches(X, y, weight, 1)).advance(np.ones(1))
    np.testing.assert_allclose(parameters.b, 0.5 * float(weight[0]), rtol=1e-6)


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
