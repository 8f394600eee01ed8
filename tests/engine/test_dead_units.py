"""Gradients that stay 0, as a dead unit's: optimizer state fades to 0 and not to denormals."""

import numpy as np
import pytest

from chainrule import NetworkSpec, Parameters
from chainrule.engine import compiled, reference
from chainrule.engine.batches import Batches
from chainrule.theory.optimizers import SGD, Adagrad, Adam, AdamW, RMSprop, Rprop

OPTIMIZERS = {
    "momentum": SGD(0.01, momentum=0.5),
    "nesterov": SGD(0.01, momentum=0.5, nesterov=True),
    "rmsprop": RMSprop(0.01, decay=0.5),
    "adagrad": Adagrad(0.01),
    "adam": Adam(0.01, beta1=0.5, beta2=0.6),
    "adamw": AdamW(0.01, beta1=0.5, beta2=0.6),
    "rprop": Rprop(0.01),
}
ENGINES = [(compiled, "float32"), (compiled, "float64"), (reference, "float64")]


def trainer(engine, dtype, optimizer, start):
    """Three units of 17 are dead: z is below 0 for every row. State begins at ``start``."""
    spec = NetworkSpec((5, 17, 2), ("relu", "identity"), dtype=dtype)
    rng = np.random.default_rng(0)
    parameters = Parameters(spec)
    parameters.theta[:] = rng.uniform(0.1, 1, size=len(parameters.theta))
    parameters.biases[0][:3] = -1000
    X, y = rng.uniform(size=(20, 5)).astype(dtype), rng.uniform(size=(20, 2)).astype(dtype)
    state = [np.full_like(parameters.theta, start) for _ in optimizer.slots]
    return engine.Trainer(parameters, optimizer, state, Batches(X, y, None, 20))


@pytest.mark.parametrize(("engine", "dtype"), ENGINES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_no_state_is_denormal(name, engine, dtype):
    """At any step: from numbers that a factor of 0.5 brings among the denormals."""
    optimizer, tiny = OPTIMIZERS[name], np.finfo(dtype).tiny
    one = trainer(engine, dtype, optimizer, start=40 * tiny)
    for _ in range(12):
        one.advance(np.full(3, 0.01))
        for slot, state in zip(optimizer.slots, one.state, strict=True):
            assert not np.any((state != 0) & (np.abs(state) < tiny)), f"{slot} at step {one.step}"
    assert np.isfinite(one.parameters.theta).all()


@pytest.mark.parametrize("name", ["momentum", "adam", "rmsprop"])
@pytest.mark.parametrize(("engine", "dtype"), ENGINES)
def test_dead_state_becomes_zero(name, engine, dtype):
    """Halved at each step, it is 0 after 1,100; the state of living units is not."""
    one = trainer(engine, dtype, OPTIMIZERS[name], start=1.0)
    one.advance(np.full(1600, 1e-4))
    W, _ = one.parameters.weights
    for slot, state in zip(one.optimizer.slots, one.state, strict=True):
        assert np.all(Parameters(one.parameters.spec, state).weights[0][:, :3] == 0), slot
        assert np.any(Parameters(one.parameters.spec, state).weights[0][:, 3:] != 0), slot
    assert np.isfinite(W).all()
