"""L-BFGS has the engine's cores to itself."""

import numpy as np
from threadpoolctl import threadpool_info

import chainrule as cr
from chainrule.training.lbfgs import minimised


def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_blas_has_one_thread_meanwhile():
    """Its threads would wait, busily, where the engine's are to work."""
    before, seen = blas_threads(), []

    def bowl(theta):
        seen.append(blas_threads())
        return float(theta @ theta), 2 * theta

    network = cr.Network([2, 3, 1], seed=0)
    minimised(network, bowl, max_iter=5, max_fun=50, tol=1e-8)
    assert seen
    assert set().union(*seen) == {1}
    assert blas_threads() == before
    assert np.abs(network.parameters.theta).max() < 1e-6
