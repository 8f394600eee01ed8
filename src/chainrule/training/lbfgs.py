"""SciPy's L-BFGS-B on L and ∂L/∂θ, wherever these come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize
from threadpoolctl import threadpool_limits

from chainrule.training.perceptron import MultilayerPerceptron

Watch = Callable[[int, float], bool]  # (iteration, loss) -> whether to stop
Objective = Callable[[NDArray[np.float64]], tuple[float, NDArray[Any]]]  # θ -> L, ∂L/∂θ


def minimised(
    network: MultilayerPerceptron,
    objective: Objective,
    *,
    max_iter: int,
    max_fun: int,
    tol: float,
    watch: Watch | None = None,
) -> OptimizeResult:
    """Move the network's parameters to a minimum of L.

    Parameters
    ----------
    network : MultilayerPerceptron
        Written when it is done, and on the way where ``watch`` looks.
    objective : callable
        Returns L and ∂L/∂θ at a θ of float64.
    max_iter, max_fun : int
        Iterations and evaluations of L and ∂L/∂θ at most.
    tol : float
        Ends where no entry of the gradient is larger.
    watch : callable, optional

    Returns
    -------
    scipy.optimize.OptimizeResult

    Notes
    -----
    In float64, whatever the network's dtype: a line search compares losses that are close. BLAS has
    one thread meanwhile, so that no bit depends on how many it would take.
    """
    iteration = 0

    def each_iteration(intermediate_result: OptimizeResult) -> None:
        nonlocal iteration
        iteration += 1
        network.parameters.theta[:] = intermediate_result.x
        if watch is not None and watch(iteration, float(intermediate_result.fun)):
            raise StopIteration

    with threadpool_limits(1, user_api="blas"):  # theirs would wait, busily, on the engine's cores
        result = minimize(
            objective,
            network.parameters.theta.astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            callback=each_iteration,
            options={"maxfun": max_fun, "maxiter": max_iter, "gtol": tol},
        )
    network.parameters.theta[:] = result.x
    return result
