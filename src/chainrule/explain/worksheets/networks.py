"""Small networks with friendly numbers, drawn from a seed, and one step of each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.trace import Trace
from chainrule.theory.losses import LOSSES
from chainrule.theory.optimizers import SGD
from chainrule.training.network import Network

_WEIGHTS = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
_BIASES = (-1.0, -0.5, 0.0, 0.5, 1.0)
_INPUTS = (-1.0, 0.5, 1.0, 2.0, 3.0)
_TARGETS = {"positive": (1.0, 2.0, 4.0), "counts": (1.0, 2.0, 3.0), "binary": (0.0, 1.0)}
_NUMBERS = (-1.0, 0.0, 1.0, 2.0)  # targets of other losses
_RATES = (0.1, 0.5)
_TRIES = 400
_LARGEST = 4.0  # |z| of a unit that is not saturated
_DULL = 1e-9


@dataclass(frozen=True)
class Wanted:
    """The network that a worksheet is about.

    Attributes
    ----------
    layer_sizes : sequence of int
    activation, loss : str
    output : str
        "auto" for what the loss goes with.
    """

    layer_sizes: Sequence[int]
    activation: str = "sigmoid"
    output: str = "auto"
    loss: str = "squared_error"


def drawn_step(wanted: Wanted, seed: int, number: int) -> Trace:
    """Return a step of gradient descent on one sample, whose numbers are easy to reckon with.

    Units are neither saturated nor all dead, and no derivative by an output is 0.

    Parameters
    ----------
    wanted : Wanted
    seed : int
    number : int
        Of the exercise on its sheet: each has numbers of its own.

    Raises
    ------
    ValueError
        If no such numbers were found: the network is too large for paper.
    """
    for attempt in range(_TRIES):
        key = np.array([seed, number * _TRIES + attempt], np.uint64)
        trace = _step(wanted, np.random.Generator(np.random.Philox(key=key)))
        if _is_friendly(trace):
            return trace
    raise ValueError(
        f"no friendly numbers were found for a network of {list(wanted.layer_sizes)} units with "
        f"{wanted.activation}: take fewer units, or another activation"
    )


def _step(wanted: Wanted, rng: np.random.Generator) -> Trace:
    sizes = list(wanted.layer_sizes)
    net = Network(sizes, activation=wanted.activation, output=wanted.output, loss=wanted.loss,
                  dtype="float64", seed=0)  # fmt: skip
    net.w[:] = rng.choice(_WEIGHTS, net.w.size)
    net.b[:] = rng.choice(_BIASES, net.b.size)
    x = rng.choice(_INPUTS, (1, sizes[0]))
    rate = float(rng.choice(_RATES))
    run = net.fit(x, _target(wanted.loss, sizes[-1], rng), optimizer=SGD(rate), epochs=1)
    return run.at(1)


def _target(loss: str, outputs: int, rng: np.random.Generator) -> NDArray[np.float64]:
    row = LOSSES[loss]
    if row.targets == "classes":
        return np.eye(outputs)[[int(rng.integers(outputs))]]
    count = outputs // row.outputs_per_target
    return rng.choice(_TARGETS.get(row.targets, _NUMBERS), (1, count))


def _is_friendly(trace: Trace) -> bool:
    spec = trace.parameters.spec
    if any(np.abs(z).max() > _LARGEST for z in trace.pre_activations):
        return False
    if not np.isfinite(trace.loss) or abs(trace.deltas[-1]).min() < _DULL:
        return False
    hidden = trace.deltas[: spec.n_layers - 1]
    return all(np.abs(delta).max() > _DULL for delta in hidden)
