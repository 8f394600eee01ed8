"""solver="lbfgs": the loss and the gradient of all samples, as L-BFGS asks for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.batches import Batches
from chainrule.engine.parameters import Parameters
from chainrule.theory.optimizers import SGD
from chainrule.theory.own_loss import require_derivative
from chainrule.training.inputs import samples, thread_choice
from chainrule.training.network import Network


class AllSamples:
    """L and ∂L/∂θ of all samples, in float64, as SciPy asks for them.

    Parameters
    ----------
    network : Network
    data : (X, y, sample_weight)
    threads : int, optional
    """

    def __init__(self, network: Network, data: tuple[Any, Any, Any], threads: int | None) -> None:
        spec = replace(network.spec, dtype="float64")
        theta = network.parameters.theta.astype(np.float64)
        self._parameters = Parameters(spec, theta)
        batches = Batches.whole(*samples(spec, *data))
        if not isinstance(spec.loss, str):
            outputs = network.engine.forward(self._parameters, batches.X)
            require_derivative(spec.loss_row, outputs, batches.y)
        use = thread_choice(threads)
        self._trainer = network.engine.Trainer(self._parameters, SGD(), [], batches, threads=use)

    def __call__(self, theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return L and ∂L/∂θ at θ."""
        self._parameters.theta[:] = theta
        loss, gradient = self._trainer.gradient()
        return loss, gradient
