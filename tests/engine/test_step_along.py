"""A step along a gradient that was made elsewhere is the step that a trainer takes by itself."""

from dataclasses import replace

import numpy as np
import pytest

from chainrule.engine import compiled, reference
from chainrule.engine.batches import Batches
from chainrule.engine.parameters import Parameters
from chainrule.engine.spec import NetworkSpec
from chainrule.theory.optimizers import OPTIMIZERS, SGD, Adam

ENGINES = {"compiled": compiled, "reference": reference}
EVERYTHING = {"clip_norm": 0.05, "max_norm": 0.4, "weight_decay": 0.01, "averaging": 0.9}
SIZES = (5, 19, 3)


def trainer_of(engine, optimizer, dtype="float64", rows=40, **spec):
    spec = NetworkSpec(SIZES, ("tanh", "identity"), dtype=dtype, **spec)
    numbers = np.random.default_rng(7)
    parameters = Parameters(spec, numbers.normal(0, 0.3, Parameters(spec).theta.size).astype(dtype))
    X = numbers.normal(size=(rows, SIZES[0])).astype(dtype)
    y = numbers.normal(size=(rows, SIZES[-1])).astype(dtype)
    state = [optimizer.initial_slot(slot, parameters.theta) for slot in optimizer.slots]
    return engine.Trainer(parameters, optimizer, state, Batches.whole(X, y, None))


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
@pytest.mark.parametrize("options", [{}, EVERYTHING], ids=["plain", "everything"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_it_is_the_step_that_is_taken(engine, dtype, options, name):
    if engine == "reference" and dtype == "float32":
        pytest.skip("the reference engine computes in float64")
    optimizer = replace(OPTIMIZERS[name](), **options)
    penalised = {"l2": 0.02, "l1": 0.003}
    taken, along = (trainer_of(ENGINES[engine], optimizer, dtype, **penalised) for _ in range(2))
    plain = trainer_of(ENGINES[engine], optimizer, dtype)  # the same samples, without the penalty
    for step in range(1, 4):
        rates = np.array([0.01 * step])
        plain.parameters.theta[:] = along.parameters.theta
        loss, gradient = plain.gradient()
        penalty = along.step_along(gradient, float(rates[0]))
        assert taken.advance(rates)[0] == pytest.approx(loss + penalty, rel=1e-6)
        assert along.step == taken.step == step
        np.testing.assert_array_equal(along.parameters.theta, taken.parameters.theta)
        for ours, theirs in zip(along.state, taken.state, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_the_gradient_that_is_given_is_not_written():
    trainer = trainer_of(compiled, SGD())
    gradient = np.ones_like(trainer.parameters.theta)
    trainer.step_along(gradient, 0.1)
    assert (gradient == 1).all()


def test_a_gradient_of_another_length_is_refused():
    trainer = trainer_of(compiled, Adam())
    with pytest.raises(ValueError, match="length of gradient"):
        trainer.step_along(np.ones(3), 0.1)
    with pytest.raises(TypeError):
        trainer.step_along(np.ones(trainer.parameters.theta.size, "float32"), 0.1)
    assert trainer.step == 0
