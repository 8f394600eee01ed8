"""The reference engine: the article in NumPy float64, plain and short.

This is the specification. Rows are samples, Z = A W + b; every function is one
equation. The compiled engine has the same signatures, and every quantity of
every step agrees between them.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.batches import Batches, mean_weight, shares
from chainrule.engine.keyframes import Keyframes
from chainrule.engine.parameters import Parameters
from chainrule.engine.precision import factor
from chainrule.engine.sparse_rows import SparseRows, forward_by_parts, loss_by_parts
from chainrule.engine.spec import NetworkSpec
from chainrule.engine.trace import Trace
from chainrule.theory.optimizer import Optimizer, norm, normal
from chainrule.theory.random import dropout_mask

Array = NDArray[Any]

NAME = "reference"


def computes_on(spec: NetworkSpec) -> str:  # noqa: ARG001
    """Return what computes."""
    return "numpy"


def product(spec: NetworkSpec, A: Array, B: Array) -> Array:
    """Return A B, the factors rounded to the spec's precision."""
    return factor(A, spec.precision) @ factor(B, spec.precision)


def propagate(
    parameters: Parameters, X: Array, masks: tuple[Array, ...] = ()
) -> tuple[list[Array], list[Array]]:
    """Return z and a of every layer, a[0] being X: the article's equation (1)."""
    spec, z, a = parameters.spec, [], [X]
    for layer, activation in enumerate(spec.activation_rows):
        z.append(product(spec, a[-1], parameters.weights[layer]) + parameters.biases[layer])
        a.append(activation.value(z[-1]))
        if layer < len(masks):
            a[-1] = a[-1] * masks[layer]
    return z, a


def sample_losses(spec: NetworkSpec, z: Array, a: Array, y: Array) -> Array:
    """Return ℓᵢ from the outputs, or from their pre-activations where that is stable."""
    if spec.fused:
        return spec.fused.value(z, y)
    return np.sum(spec.loss_row.value(a, y), axis=1)


def penalty(parameters: Parameters) -> float:
    """Return ½ l2 Σ w² + l1 Σ |w|, over the weights."""
    spec, w = parameters.spec, parameters.w
    return float(0.5 * spec.l2 * np.sum(w * w) + spec.l1 * np.sum(np.abs(w)))


def weighted(share: Array, values: Array) -> Array:
    """Return each sample's values times its share; a share of 0 counts nothing, not even of ∞."""
    share = share.reshape(-1, *(1,) * (values.ndim - 1))
    return share * np.where(share != 0, values, 0)


def deltas(
    parameters: Parameters,
    z: list[Array],
    a: list[Array],
    y: Array,
    masks: tuple[Array, ...] = (),
) -> list[Array]:
    """Return δ = ∂ℓᵢ/∂z of every layer, from the last to the first: equations (9) and (13)."""
    spec = parameters.spec
    *hidden, output = spec.activation_rows
    if spec.fused:
        result = [spec.fused.delta(z[-1], y)]
    else:
        result = [output.pullback(z[-1], spec.loss_row.derivative(a[-1], y))]
    for layer in reversed(range(len(hidden))):
        upstream = product(spec, result[0], parameters.weights[layer + 1].T)
        if masks:
            upstream = upstream * masks[layer]
        result.insert(0, hidden[layer].pullback(z[layer], upstream))
    return result


def gradient_of(
    parameters: Parameters, a: list[Array], delta: list[Array], share: Array
) -> Parameters:
    """Return ∂L/∂W = aᵀ δ and ∂L/∂b = Σ δ, samples weighted by their shares: (14) and (16)."""
    spec = parameters.spec
    gradient = Parameters(spec)
    for layer, W in enumerate(parameters.weights):
        Delta = weighted(share, delta[layer])
        gradient.weights[layer][:] = product(spec, a[layer].T, Delta) + penalty_part(spec, W)
        gradient.biases[layer][:] = np.sum(Delta, axis=0)
    return gradient


def penalty_part(spec: NetworkSpec, W: Array) -> Array:
    """Return what the penalty adds to ∂L/∂W."""
    return spec.l2 * W + spec.l1 * np.sign(W)


def updated(
    optimizer: Optimizer,
    parameters: Parameters,
    g: Array,
    state: Sequence[Array],
    eta: float,
    t: int,
) -> tuple[Array, list[Array]]:
    """Return θ and the optimizer's state after step t along g: equations (3) and (4) for SGD."""
    theta, state = parameters.theta.copy(), [vector.copy() for vector in state]
    optimizer.update(theta, g, state[: len(optimizer.own_slots)], eta, t)
    for W in Parameters(parameters.spec, theta).weights:
        W[:] = optimizer.constrained(W)
    if optimizer.averaging:
        beta = optimizer.averaging
        state[-1][:] = normal(beta * state[-1] + (1 - beta) * theta)
    return theta, state


def trace_step(parameters: Parameters, batches: Batches, step: int, dropout: float) -> Trace:
    """Return every quantity of one step of training."""
    spec, rows = parameters.spec, batches.order.rows(step)
    X, y = batches.X[rows], batches.y[rows]
    weight = None if batches.sample_weight is None else batches.sample_weight[rows]
    masks = tuple(
        dropout_mask(batches.seed, batches.steps_before + step, layer, (len(rows), units), dropout)
        for layer, units in enumerate(spec.layer_sizes[1:-1] if dropout else ())
    )
    z, a = propagate(parameters, X, masks)
    losses = sample_losses(spec, z[-1], a[-1], y)
    share = shares(spec.reduction, weight, len(X), batches.mean_weight)
    delta = deltas(parameters, z, a, y, masks)
    gradient, R = gradient_of(parameters, a, delta, share), penalty(parameters)
    return Trace(
        parameters=parameters.copy(),
        activations=tuple(a),
        pre_activations=tuple(z),
        deltas=tuple(delta),
        masks=masks,
        targets=y,
        sample_weight=weight,
        sample_losses=losses,
        gradient=gradient,
        gradient_norm=norm(gradient.theta),
        loss=float(np.sum(weighted(share, losses))) + R,
        penalty=R,
        step=step,
        rows=rows,
        order=batches.order,
        mean_weight=batches.mean_weight,
        dropout=dropout,
    )


def trace(
    parameters: Parameters,
    X: Array | SparseRows,
    y: Array,
    sample_weight: Array | None,
    threads: object = 1,  # noqa: ARG001
) -> Trace:
    """Return every quantity of one step on these samples, without dropout."""
    return trace_step(parameters, Batches.whole(X, y, sample_weight), 1, 0.0)


def forward(
    parameters: Parameters,
    X: Array | SparseRows,
    threads: object = 1,  # noqa: ARG001
) -> Array:
    """Return the outputs, shape (n, outputs)."""
    if isinstance(X, SparseRows):
        return forward_by_parts(lambda rows: forward(parameters, rows), X)
    return propagate(parameters, X)[1][-1]


def forward_ready(
    parameters: Parameters,  # noqa: ARG001
) -> Callable[[object, object], Array | None]:
    """Return what leaves every X to ``forward``: nobody waits for this engine's first row."""
    return lambda _X, _threads: None


def loss(
    parameters: Parameters,
    X: Array | SparseRows,
    y: Array,
    sample_weight: Array | None,
    threads: object = 1,  # noqa: ARG001
) -> float:
    """Return L over the samples, penalty included."""
    if isinstance(X, SparseRows):
        return loss_by_parts(loss, parameters, X, y, sample_weight)
    z, a = propagate(parameters, X)
    losses = sample_losses(parameters.spec, z[-1], a[-1], y)
    share = shares(parameters.spec.reduction, sample_weight, len(X), mean_weight(sample_weight))
    return float(np.sum(weighted(share, losses))) + penalty(parameters)


class Trainer:
    """Steps of training on the given arrays.

    Parameters
    ----------
    parameters : Parameters
        Written by each step.
    optimizer : Optimizer
    state : list of ndarray
        The optimizer's vectors, written by each step.
    batches : Batches
    step : int
        Steps taken before.
    keyframes : Keyframes, optional
        Written after some of the steps.
    """

    def __init__(
        self,
        parameters: Parameters,
        optimizer: Optimizer,
        state: list[Array],
        batches: Batches,
        step: int = 0,
        threads: object = 1,  # noqa: ARG002
        keyframes: Keyframes | None = None,
    ) -> None:
        self.parameters = parameters
        self.optimizer = optimizer
        self.state = state
        self.batches = batches
        self.keyframes = keyframes
        self._steps = np.array([step])
        self.threads = 1

    def advance(
        self, rates: NDArray[np.float64], losses: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Take one step for each learning rate.

        Parameters
        ----------
        rates : ndarray of float64
        losses : ndarray of float64, optional
            As long as ``rates``: where the losses go, so that an interruption leaves those
            of the steps taken.

        Returns
        -------
        ndarray of float64
            L before each step. It is shorter than ``rates`` when a loss is not
            finite: that loss comes last, and its step is not taken.
        """
        losses = np.empty(len(rates)) if losses is None else losses
        for i, eta in enumerate(rates):
            step = self.trace()
            losses[i] = step.loss
            if not np.isfinite(step.loss):
                return losses[: i + 1]
            self._descend(step.gradient.theta, float(eta))
        return losses

    @property
    def step(self) -> int:
        """Steps taken, those before included."""
        return int(self._steps[0])

    def gradient(self, batches: int = 1) -> tuple[float, Array]:
        """Return the sums of L, penalty included, and of ∂L/∂θ over the next batches.

        None of their steps is taken: all are at the present θ.
        """
        steps = [self._trace(self.step + 1 + k) for k in range(batches)]
        gradients = [step.gradient.theta for step in steps]
        return math.fsum(step.loss for step in steps), np.sum(gradients, axis=0)

    def step_along(self, gradient: Array, rate: float) -> float:
        """Take a step along a gradient that was made elsewhere; return the penalty before it.

        Parameters
        ----------
        gradient : ndarray of float64, laid out as θ
            Of L without its penalty, whose part is added.
        rate : float
        """
        R = penalty(self.parameters)
        spec, whole = self.parameters.spec, Parameters(self.parameters.spec, gradient.copy())
        for g, W in zip(whole.weights, self.parameters.weights, strict=True):
            g += penalty_part(spec, W)
        self._descend(whole.theta, rate)
        return R

    def _descend(self, g: Array, eta: float) -> None:
        t = self.batches.steps_before + self.step + 1
        g = self.optimizer.clipped(g)
        self._commit(*updated(self.optimizer, self.parameters, g, self.state, eta, t))

    def _commit(self, theta: Array, state: list[Array]) -> None:
        """Take the step whole: Python looks for Ctrl-C between its own instructions only."""
        kept = [] if self.keyframes is None else self.keyframes.writes(self.step + 1, theta, state)
        places = [self.parameters.theta, *self.state, self._steps, *(place for place, _ in kept)]
        numbers = [theta, *state, self._steps + 1, *(number for _, number in kept)]
        deque(map(np.ndarray.__setitem__, places, repeat(...), numbers), maxlen=0)

    def trace(self) -> Trace:
        """Return every quantity of the next step, which is not taken."""
        return self._trace(self.step + 1)

    def _trace(self, step: int) -> Trace:
        return trace_step(self.parameters, self.batches, step, self.parameters.spec.dropout)


def advance_many(
    trainers: Sequence[Trainer],
    rates: Sequence[NDArray[np.float64]],
    losses: Sequence[NDArray[np.float64]],
    threads: int = 1,  # noqa: ARG001
) -> list[int]:
    """Advance every trainer by its rates, one after the other; return how many losses each has."""
    work = zip(trainers, rates, losses, strict=True)
    return [len(trainer.advance(eta, out)) for trainer, eta, out in work]
