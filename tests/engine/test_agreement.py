"""Compiled against reference: every activation × loss × optimizer × outputs, odd shapes."""

from dataclasses import dataclass

import pytest

from chainrule import (
    ACTIVATIONS,
    LOSSES,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    NetworkSpec,
    RMSprop,
    Rprop,
)


@dataclass(frozen=True)
class Shape:
    """Samples, batch size, and units of the input and of each hidden layer."""

    name: str
    n: int
    batch_size: int
    units: tuple[int, ...]


SHAPES = (
    Shape("one sample", 1, 1, (3, 4)),
    Shape("one unit a layer", 5, 5, (1, 1)),
    Shape("17 units, a last batch of 1", 17, 8, (17, 17)),
    Shape("batches of 1", 6, 1, (5, 9)),
    Shape("depth 4, a last batch of 1", 7, 3, (3, 5, 2, 4)),
    Shape("depth 3, more than a block of rows", 50, 49, (2, 6, 3)),
    Shape("33 units, wider than a panel", 9, 9, (2, 33)),
)
OUTPUTS = dict.fromkeys(LOSSES, (1, 3)) | {
    "cross_entropy": (2, 3),
    "focal": (2, 3),
    "gaussian_nll": (2, 6),
}

# What is compared is arithmetic, not how a run amplifies a rounding; so 50 steps move the
# parameters clearly, but stay far from where training is unstable:
# - ε = 0.01 where an update divides by |g|. It bounds the rate η / (sqrt(s) + ε) of a parameter
#   whose g is small: with 1e-8, one with a g of 1e-6 of the largest steps beyond the stability
#   limit 2 / curvature, and a difference doubles at each step (measured: 1e-8 in float64);
# - small step sizes for Rprop, whose g at a minimum is a difference that cancels, without a
#   sign to agree on. The batches differ enough to turn its signs.
OPTIMIZERS = {
    "sgd": SGD(0.02),
    "momentum": SGD(2e-3, momentum=0.9),
    "nesterov": SGD(2e-3, momentum=0.9, nesterov=True),
    "rmsprop": RMSprop(1e-3, epsilon=0.01),
    "adagrad": Adagrad(0.01, epsilon=0.01),
    "adam": Adam(1e-3, epsilon=0.01),
    "adamw": AdamW(1e-3, epsilon=0.01, weight_decay=0.1),
    "rprop": Rprop(1e-4, increase=1.05),
}


def spec_of(shape, activation, loss, outputs, **options):
    names = (activation,) * (len(shape.units) - 1) + (LOSSES[loss].output,)
    return NetworkSpec((*shape.units, outputs), names, loss, dtype="float64", **options)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_quantity_of_a_step(agreement, activation, loss):
    for shape in SHAPES:
        for outputs in OUTPUTS[loss]:
            spec = spec_of(shape, activation, loss, outputs)
            where = f"{activation}, {loss}, {outputs} outputs, {shape.name}"
            agreement.check_trace(spec, shape.n, shape.batch_size, where)


@pytest.mark.exhaustive
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_fifty_steps(agreement, activation, loss):
    """Each optimizer × outputs; the shapes take turns, so that every one meets every optimizer."""
    turn = list(ACTIVATIONS).index(activation) + list(LOSSES).index(loss)
    for outputs in OUTPUTS[loss]:
        for name, optimizer in OPTIMIZERS.items():
            shape = SHAPES[turn % len(SHAPES)]
            turn += 1
            agreement.check_steps(
                spec_of(shape, activation, loss, outputs),
                shape.n,
                shape.batch_size,
                optimizer,
                5 if loss == "gaussian_nll" else 50,  # exp(-s) makes it steep: it would diverge
                f"{activation}, {loss}, {name}, {outputs} outputs, {shape.name}",
            )
