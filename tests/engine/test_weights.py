"""Sample weights in batches: what is minimised is the published loss, whatever the batch size."""

from dataclasses import replace

import numpy as np
import pytest

import chainrule as cr
from chainrule import NetworkSpec, Parameters
from chainrule.engine import compiled, reference
from chainrule.engine.batches import Batches

ENGINES = [(compiled, "float32"), (compiled, "float64"), (reference, "float64")]
BY_ENGINE = pytest.mark.parametrize(("engine", "dtype"), ENGINES)
RELATIVE = {"float32": 2e-6, "float64": 1e-14}


def weighted_problem(dtype, batch_size, *, reduction="mean", n=50):
    """A network with samples of uneven weights, some of them 0, shuffled into batches."""
    spec = NetworkSpec((3, 5, 2), ("tanh", "identity"), reduction=reduction, l2=0.01, dtype=dtype)
    rng = np.random.default_rng(4)
    theta = rng.normal(size=spec.n_weights + spec.n_biases).astype(dtype)
    X, y = rng.normal(size=(n, 3)).astype(dtype), rng.normal(size=(n, 2)).astype(dtype)
    weight = (rng.integers(0, 4, size=n) / 2).astype(dtype)
    return Parameters(spec, theta), Batches(X, y, weight, batch_size, shuffle=True, seed=1)


def epoch_of_traces(engine, parameters, batches):
    """The trace of each step of an epoch, all at the same parameters."""
    spe = batches.order.steps_per_epoch
    trainers = [
        engine.Trainer(parameters.copy(), cr.SGD(), [], batches, step=step) for step in range(spe)
    ]
    return [trainer.trace() for trainer in trainers]


@BY_ENGINE
@pytest.mark.parametrize("batch_size", [1, 4, 16, 50])
def test_losses_and_gradients_of_an_epoch_are_those_of_all_samples(engine, dtype, batch_size):
    """At fixed θ, the mean over batches, weighted by their sizes, is L and ∂L/∂θ."""
    parameters, batches = weighted_problem(dtype, batch_size)
    traces = epoch_of_traces(engine, parameters, batches)
    sizes = [len(trace.rows) for trace in traces]
    data = batches.X, batches.y, batches.sample_weight
    loss = np.average([trace.loss for trace in traces], weights=sizes)
    np.testing.assert_allclose(loss, engine.loss(parameters, *data), rtol=RELATIVE[dtype])
    mean = np.average([trace.gradient.theta for trace in traces], axis=0, weights=sizes)
    whole = engine.trace(parameters, *data).gradient.theta
    np.testing.assert_allclose(mean, whole, rtol=0, atol=RELATIVE[dtype] * np.abs(whole).max())


@BY_ENGINE
def test_the_sum_over_batches_is_the_sum(engine, dtype):
    parameters, batches = weighted_problem(dtype, 4, reduction="sum")
    losses = [t.loss - t.penalty for t in epoch_of_traces(engine, parameters, batches)]
    whole = engine.trace(parameters, batches.X, batches.y, batches.sample_weight)
    np.testing.assert_allclose(sum(losses), whole.loss - whole.penalty, rtol=RELATIVE[dtype])


@BY_ENGINE
def test_weights_of_all_samples_alike_change_nothing(engine, dtype):
    """Of weights, only their proportions count: 3 for each is none."""
    parameters, batches = weighted_problem(dtype, 7)
    plain, three = (
        epoch_of_traces(engine, parameters, replace(batches, sample_weight=weight))
        for weight in (None, np.full(50, 3, dtype))
    )
    for one, other in zip(plain, three, strict=True):
        np.testing.assert_allclose(other.loss, one.loss, rtol=RELATIVE[dtype])


@BY_ENGINE
def test_a_sample_of_weight_0_counts_nothing_not_even_an_infinite_loss(engine, dtype):
    """Its loss overflows, its δ is infinite; L and ∂L/∂θ are those without it."""
    spec = NetworkSpec((2, 3, 1), ("tanh", "exponential"), "squared_error", dtype=dtype)
    parameters = Parameters(spec)
    parameters.weights[0][:] = [[-1, -1, -1], [0.5, 0.5, 0.5]]
    parameters.weights[1][:] = 300
    X = np.array([[0.01, 0.0], [-9.0, 9.0], [-0.004, 0.0]], dtype)
    y, weight = np.zeros((3, 1), dtype), np.array([1, 0, 2], dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        found = engine.trace(parameters, X, y, weight)
        loss = engine.loss(parameters, X, y, weight)
    kept = [0, 2]
    expected = engine.trace(parameters, X[kept], y[kept], weight[kept])
    assert np.isinf(found.sample_losses[1])
    assert np.isfinite(loss)
    np.testing.assert_allclose([found.loss, loss], expected.loss, rtol=RELATIVE[dtype])
    np.testing.assert_allclose(found.gradient.theta, expected.gradient.theta, rtol=1e-5)


@pytest.mark.parametrize("engine", ["compiled", "reference"])
@pytest.mark.parametrize("batch_size", [1, 4, 20])
def test_a_constant_model_learns_the_weighted_mean(engine, batch_size):
    """y is 1 for ten samples of weight 1 and 0 for ten of weight 9: the minimum is at 0.1."""
    net = cr.Network([1, 1], dtype="float64", engine=engine)
    net.w[:] = 0
    y, weight = np.repeat([1.0, 0.0], 10), np.repeat([1.0, 9.0], 10)
    rate = cr.InverseScaling(0.5, power=1.0)
    net.fit(
        np.zeros((20, 1)), y, optimizer=cr.SGD(rate), epochs=400, batch_size=batch_size,
        sample_weight=weight,
    )  # fmt: skip
    assert net.b[0] == pytest.approx(0.1, abs=0.01)


def test_epoch_losses_of_a_mask_are_the_loss_of_the_kept_rows():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 2)), rng.normal(size=40)
    kept = rng.random(40) < 0.5
    net = cr.Network([2, 3, 1], dtype="float64")
    run = net.fit(X, y, optimizer=cr.SGD(0.0), epochs=1, batch_size=8, sample_weight=kept)
    assert run.epoch_losses[0] == pytest.approx(net.loss(X[kept], y[kept]), rel=1e-13)
