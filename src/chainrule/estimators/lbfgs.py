"""solver="lbfgs": SciPy's L-BFGS-B on the loss and the gradient of all samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from chainrule.engine.batches import Batches
from chainrule.engine.parameters import Parameters
from chainrule.theory.optimizers import SGD
from chainrule.training.inputs import samples, thread_choice
from chainrule.training.network import Network

Watch = Callable[[int, float], bool]  # (iteration, loss) -> whether to stop


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
    spec = replace(network.spec, dtype="float64")
    parameters = Parameters(spec, network.parameters.theta.astype(np.float64))
    batches = Batches.whole(*samples(spec, *data))
    trainer = network.engine.Trainer(parameters, SGD(), [], batches, threads=thread_choice(threads))

    def loss_and_gradient(theta: Any) -> Any:
        parameters.theta[:] = theta
        return trainer.gradient()

    iteration = 0

    def each_iteration(intermediate_result: OptimizeResult) -> None:
        nonlocal iteration
        iteration += 1
        network.parameters.theta[:] = intermediate_result.x
        if watch is not None and watch(iteration, float(intermediate_result.fun)):
            raise StopIteration

    result = minimize(
        loss_and_gradient,
        parameters.theta.copy(),
        method="L-BFGS-B",
        jac=True,
        callback=each_iteration,
        options={"maxfun": max_fun, "maxiter": max_iter, "gtol": tol},
    )
    network.parameters.theta[:] = result.x
    return result
