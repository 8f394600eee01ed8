"""Trace: everything of one step, with the numbers in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.batches import Order, shares
from chainrule.engine.parameters import Parameters
from chainrule.theory.optimizer import Optimizer
from chainrule.theory.symbols import SYMBOLS

Array = NDArray[Any]


@dataclass(frozen=True)
class Update:
    """What the optimizer made of a step's gradient.

    Attributes
    ----------
    optimizer : Optimizer
    learning_rate : float
        η of this step.
    t : int
        The optimizer's step, from 1; it counts those on other samples, too.
    clip_factor : float
        What the gradient was scaled by; 1 where it was not clipped.
    state, state_after : dict of Parameters
        The optimizer's vectors by the names of its slots, before and after the step.
    parameters : Parameters
        After the step.
    """

    optimizer: Optimizer
    learning_rate: float
    t: int
    clip_factor: float
    state: dict[str, Parameters]
    state_after: dict[str, Parameters]
    parameters: Parameters


@dataclass(frozen=True)
class Trace:
    """The quantities of one step, as the engine computed them; nothing is changed by it.

    Attributes
    ----------
    parameters : Parameters
        A copy of the parameters before the step.
    activations : tuple of ndarray
        a of each layer, (n, units); ``activations[0]`` is X, so layer ``l`` of
        weights reads ``activations[l]`` and writes ``activations[l + 1]``.
    pre_activations, deltas : tuple of ndarray
        z and δ = ∂ℓᵢ/∂z of each layer of weights, (n, fan_out); δ without 1/n.
    masks : tuple of ndarray
        Dropout's factors, one array a hidden layer; empty without dropout.
    targets : ndarray of shape (n, outputs)
    sample_weight : ndarray of shape (n,) or None
    sample_losses : ndarray of shape (n,)
        ℓᵢ, summed over outputs.
    gradient : Parameters
        ∂L/∂θ in the layout of the parameters, penalty included, before clipping.
    gradient_norm : float
        The norm of the gradient over all weights and biases.
    loss, penalty : float
        L (penalty included), and the penalty alone.
    step : int
        Which step of a run this is, from 1.
    rows : ndarray of int, shape (n,)
        Rows of the training data in the batch, in its order.
    order : Order
        In which steps of the run which rows are.
    mean_weight : float
        Mean of the sample weights of all training data; 1 without any.
    dropout : float
        Share of each hidden layer's outputs that this step set to 0.
    update : Update or None
        What the step changed, where it was taken.
    """

    parameters: Parameters
    activations: tuple[Array, ...]
    pre_activations: tuple[Array, ...]
    deltas: tuple[Array, ...]
    masks: tuple[Array, ...]
    targets: Array
    sample_weight: Array | None
    sample_losses: Array
    gradient: Parameters
    gradient_norm: float
    loss: float
    penalty: float
    step: int
    rows: NDArray[np.int64]
    order: Order
    mean_weight: float = 1.0
    dropout: float = 0.0
    update: Update | None = None

    @property
    def weights(self) -> tuple[Array, ...]:
        """W of each layer, (fan_in, fan_out)."""
        return self.parameters.weights

    @property
    def biases(self) -> tuple[Array, ...]:
        """b of each layer, (fan_out,)."""
        return self.parameters.biases

    @cached_property
    def shares(self) -> Array:
        """The factor of each ℓᵢ in L: 1/n, sᵢ / (n s̄), or for the sum 1, sᵢ; shape (n,)."""
        reduction = self.parameters.spec.reduction
        return shares(reduction, self.sample_weight, len(self.rows), self.mean_weight)

    @property
    def weight_gradients(self) -> tuple[Array, ...]:
        """∂L/∂W of each layer, (fan_in, fan_out)."""
        return self.gradient.weights

    @property
    def bias_gradients(self) -> tuple[Array, ...]:
        """∂L/∂b of each layer, (fan_out,)."""
        return self.gradient.biases

    def __str__(self) -> str:
        """Return every quantity under its symbol, forward first, then backward."""
        layers = range(len(self.weights))
        forward = [
            line
            for layer in layers
            for line in (
                _line("weights", layer, self.weights[layer]),
                _line("biases", layer, self.biases[layer]),
                _line("pre_activations", layer, self.pre_activations[layer]),
                _line("activations", layer + 1, self.activations[layer + 1]),
            )
        ]
        backward = [
            line
            for layer in reversed(layers)
            for line in (
                _line("deltas", layer, self.deltas[layer]),
                _line("weight_gradients", layer, self.weight_gradients[layer]),
                _line("bias_gradients", layer, self.bias_gradients[layer]),
            )
        ]
        losses = [
            _line("targets", None, self.targets),
            _line("sample_losses", None, self.sample_losses),
            _line("penalty", None, np.asarray(self.penalty)),
            _line("loss", None, np.asarray(self.loss)),
        ]
        inputs = [_line("activations", 0, self.activations[0])]
        sections = {"forward": inputs + forward, "loss": losses, "backward": backward}
        return "\n".join(line for name, lines in sections.items() for line in (name, *lines))


_LABEL = 10


def _line(name: str, layer: int | None, values: Array) -> str:
    symbol = SYMBOLS[name].symbol
    label = f"  {symbol}" if layer is None else f"  {symbol}[{layer}]"
    return label.ljust(_LABEL + 2) + _numbers(values)


def _numbers(values: Array) -> str:
    text = np.array2string(values, precision=6, suppress_small=True, threshold=60, edgeitems=3)
    return text.replace("\n", "\n" + " " * (_LABEL + 2))


@dataclass(frozen=True)
class Gradient:
    """∂L/∂θ at one point, beside the loss it is the derivative of.

    Attributes
    ----------
    loss : float
    parameters : Parameters
        The gradient, in the layout of the parameters.
    """

    loss: float
    parameters: Parameters

    @property
    def weights(self) -> Sequence[Array]:
        """∂L/∂W of each layer."""
        return self.parameters.weights

    @property
    def biases(self) -> Sequence[Array]:
        """∂L/∂b of each layer."""
        return self.parameters.biases

    @property
    def w(self) -> Array:
        """∂L/∂**w**, shape (n_weights,)."""
        return self.parameters.w

    @property
    def b(self) -> Array:
        """∂L/∂**b**, shape (n_biases,)."""
        return self.parameters.b
