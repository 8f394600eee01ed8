"""Trainer.gradient(batches): what the next batches add up to, in a binary tree."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from chainrule import SGD
from chainrule.distributed.sums import Sums, Tree
from chainrule.engine import compiled
from chainrule.engine.batches import Batches
from chainrule.engine.parameters import Parameters
from chainrule.engine.spec import NetworkSpec
from chainrule.training.perceptron import ENGINES

NUMBERS = np.random.default_rng(4)
X, Y = NUMBERS.normal(size=(53, 3)), NUMBERS.normal(size=(53, 2))


def trainer_of(engine, dtype="float64", batch_size=7, step=0, threads=1, **options):
    spec = NetworkSpec((3, 20, 2), ("tanh", "identity"), "squared_error", dtype=dtype, **options)
    parameters = Parameters(spec)
    parameters.theta[:] = np.random.default_rng(0).normal(size=len(parameters.theta))
    batches = Batches(X.astype(dtype), Y.astype(dtype), None, batch_size, seed=3, steps_before=5)
    return engine.Trainer(parameters, SGD(), [], batches, step, threads)


@pytest.mark.parametrize("batches", [1, 2, 3, 7, 8, 11])  # 8 are an epoch, whose last has 4 rows
@pytest.mark.parametrize("options", [{}, {"dropout": 0.3}, {"l2": 0.1}, {"reduction": "sum"}])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_is_the_tree_of_each_batchs(dtype, options, batches):
    tree = Tree()
    for step in range(batches):
        loss, gradient = trainer_of(compiled, dtype, step=step, **options).gradient()
        tree.add(Sums(0, loss, gradient))
    whole = tree.total()
    trainer = trainer_of(compiled, dtype, **options)
    for _ in range(2):  # the first leaves nothing behind
        loss, gradient = trainer.gradient(batches)
        assert loss == whole.loss
        assert_array_equal(gradient, whole.gradient)
    assert trainer.step == 0
    more = trainer_of(compiled, dtype, threads=3, **options)
    assert_array_equal(more.gradient(batches)[1], gradient)


@pytest.mark.parametrize("options", [{}, {"dropout": 0.3}, {"l2": 0.1, "l1": 0.01}])
def test_engines_agree(options):
    ours, theirs = (trainer_of(engine, **options).gradient(11) for engine in ENGINES.values())
    assert ours[0] == pytest.approx(theirs[0], rel=1e-13)  # sums of some hundred terms
    assert_allclose(ours[1], theirs[1], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_a_step_after_it_is_as_ever(engine):
    one, other = trainer_of(engine), trainer_of(engine)
    one.gradient(5)
    rates = np.array([0.01, 0.02])
    assert_array_equal(one.advance(rates), other.advance(rates))
    assert_array_equal(one.parameters.theta, other.parameters.theta)
