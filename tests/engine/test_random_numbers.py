"""The compiled engine draws the numbers of theory/random.py: its shuffles and its masks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import SGD, NetworkSpec, Parameters
from chainrule.engine import compiled, reference
from chainrule.engine.batches import Batches
from chainrule.theory.random import dropout_mask, permutation

SEEDS = st.integers(0, 2**64 - 1)


def visited(n, batch_size, seed, epochs, step=0):
    """The rows that each step visits, read off its loss: ½ (0 − y)² with y = √(2 · 2^row)."""
    spec = NetworkSpec((1, 1), ("identity",), reduction="sum", dtype="float64")
    y = np.sqrt(2.0 * 2.0 ** np.arange(n)).reshape(-1, 1)
    batches = Batches(np.ones((n, 1)), y, None, batch_size, shuffle=True, seed=seed)
    trainer = compiled.Trainer(Parameters(spec), SGD(), [], batches, step=step)
    losses = trainer.advance(np.zeros(epochs * batches.order.steps_per_epoch))
    return [frozenset(rows_of(round(loss))) for loss in losses]


def rows_of(number):
    return (row for row in range(number.bit_length()) if number >> row & 1)


@settings(max_examples=40)
@given(n=st.integers(1, 40), batch_size=st.integers(1, 40), seed=SEEDS, first=st.integers(0, 2**40))
def test_order_of_the_samples(n, batch_size, seed, first):
    """Three epochs from any, each in its own order, cut into batches: Fisher–Yates by Philox."""
    batch_size = min(batch_size, n)
    steps = -(-n // batch_size)
    found = visited(n, batch_size, seed, 3, step=first * steps)
    expected = [
        frozenset(permutation(seed, epoch, n)[i : i + batch_size].tolist())
        for epoch in range(first, first + 3)
        for i in range(0, n, batch_size)
    ]
    assert found == expected


def test_each_epoch_visits_each_sample_once():
    orders = [visited(30, 1, seed, 2) for seed in (0, 1)]
    for order in orders:
        assert set().union(*order[:30]) == set().union(*order[30:]) == set(range(30))
    assert orders[0] != orders[1]
    assert orders[0][:30] != orders[0][30:]


def test_a_long_order_within_a_batch():
    """Where the rows of a batch lie: the inputs of the trace are gathered in that order."""
    n, rng = 1000, np.random.default_rng(0)
    spec = NetworkSpec((2, 1), ("identity",), dtype="float64")
    parameters = Parameters(spec, np.array([1.0, 2.0, 3.0]))
    X, y = (rng.integers(-999, 999, size=(n, k)).astype(float) for k in (2, 1))  # sums are exact
    batches = Batches(X, y, None, n, shuffle=True, seed=5)
    trace = compiled.Trainer(parameters, SGD(), [], batches, step=2).trace()
    order = permutation(5, 2, n)
    z = X[order] @ [[1.0], [2.0]] + 3
    assert np.array_equal(trace.pre_activations[0], z)
    assert np.array_equal(trace.sample_losses, 0.5 * np.sum((z - y[order]) ** 2, axis=1))


@settings(max_examples=40)
@given(
    units=st.lists(st.integers(1, 19), min_size=1, max_size=3),
    n=st.integers(1, 50),
    seed=SEEDS,
    step=st.integers(0, 2**40),
    rate=st.floats(0.01, 0.99),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_dropout_masks(units, n, seed, step, rate, dtype):
    """0 or 1 / (1 − rate), by (seed, step, layer, unit); on a and on δ, but not the output's."""
    names = ("identity",) * (len(units) + 1)
    spec = NetworkSpec((2, *units, 1), names, dropout=rate, dtype=dtype)
    rng = np.random.default_rng(0)
    parameters = Parameters(spec, rng.normal(size=spec.n_weights + spec.n_biases).astype(dtype))
    X, y = rng.normal(size=(n, 2)).astype(dtype), rng.normal(size=(n, 1)).astype(dtype)
    batches = Batches(X, y, None, n, seed=seed)
    trace = compiled.Trainer(parameters, SGD(), [], batches, step=step).trace()
    assert len(trace.masks) == len(units)
    for layer, mask in enumerate(trace.masks):
        expected = dropout_mask(seed, step + 1, layer, mask.shape, rate).astype(dtype)
        assert np.array_equal(mask, expected), layer
        dropped = trace.pre_activations[layer] * mask
        assert np.array_equal(trace.activations[layer + 1], dropped), layer
        assert not trace.deltas[layer][mask == 0].any(), layer
    assert np.array_equal(trace.activations[-1], trace.pre_activations[-1])


def test_the_share_of_dropout():
    """Of 64,000 units 0.3 are dropped, to 5 standard deviations of a binomial: 0.009."""
    mask = dropout_mask(3, 1, 0, (640, 100), 0.3)
    assert abs(np.mean(mask == 0) - 0.3) < 5 * np.sqrt(0.3 * 0.7 / mask.size)
    assert set(np.unique(mask)) == {0.0, 1 / 0.7}


@pytest.mark.parametrize("engine", [compiled, reference])
def test_loss_and_forward_have_no_dropout(engine):
    spec = NetworkSpec((2, 9, 1), ("identity", "identity"), dropout=0.5, dtype="float64")
    parameters = Parameters(spec, np.ones(spec.n_weights + spec.n_biases))
    X, y = np.ones((3, 2)), np.zeros((3, 1))
    assert (engine.forward(parameters, X) == 28).all()
    assert engine.loss(parameters, X, y, None) == 28**2 / 2
    assert engine.trace(parameters, X, y, None).masks == ()
