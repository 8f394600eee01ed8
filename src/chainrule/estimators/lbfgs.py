"""solver="lbfgs": SciPy's L-BFGS-B on the loss and the gradient of all samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize

from chainrule.engine.batches import Batches
from chainrule.engine.parameters import Parameters
from chainrule.theory.optimizers import SGD
from chainrule.theory.own_loss import require_derivative
from chainrule.training.inputs import samples, thread_choice
from chainrule.training.network import Network

Watch = Callable[[int, float], bool]  # (iteration, loss) -> whether to stop


class Objective:
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


def minimise(
    network: Network,
    data: tuple[Any, Any, Any],
    *,
    max_iter: int,
    max_fun: int,
    tol: float,
    threads: int | None,
    watch: Watch | None = None,
) -> OptimizeResult:
    """Move the network's parameters to a minimum of L.

    Parameters
    ----------
    network : Network
        Written when it is done, and on the way where ``watch`` looks.
    data : (X, y, sample_weight)
    max_iter, max_fun : int
        Iterations and evaluations of L and ∂L/∂θ at most.
    tol : float
        Ends where no entry of the gradient is larger.
    threads : int, optional
    watch : callable, optional

    Returns
    -------
    scipy.optimize.OptimizeResult

    Notes
    -----
    In float64, whatever the network's dtype: a line search compares losses that are close.
    """
    iteration = 0

    def each_iteration(intermediate_result: OptimizeResult) -> None:
        nonlocal iteration
        iteration += 1
        network.parameters.theta[:] = intermediate_result.x
        if watch is not None and watch(iteration, float(intermediate_result.fun)):
            raise StopIteration

    result = minimize(
        Objective(network, data, threads),
        network.parameters.theta.astype(np.float64),
        method="L-BFGS-B",
        jac=True,
        callback=each_iteration,
        options={"maxfun": max_fun, "maxiter": max_iter, "gtol": tol},
    )
    network.parameters.theta[:] = result.x
    return result
