"""L-BFGS on all rows, whose loss and gradient a team adds up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from chainrule.distributed.fit import mean_of
from chainrule.distributed.lanes import Source
from chainrule.distributed.order import RowOrder
from chainrule.distributed.teams import Team, team_of
from chainrule.engine.parameters import Parameters
from chainrule.engine.reference import penalty, penalty_part
from chainrule.engine.spec import NetworkSpec
from chainrule.training.lbfgs import minimised
from chainrule.training.perceptron import MultilayerPerceptron

Array = NDArray[Any]


class FullBatch:
    """L and ∂L/∂θ of all rows, in float64.

    Parameters
    ----------
    team : Team
        Of the spec.
    order : RowOrder
        Not shuffled.
    spec : NetworkSpec
    """

    def __init__(self, team: Team, order: RowOrder, spec: NetworkSpec) -> None:
        self._team, self._steps, self._spec = team, range(order.steps_per_epoch), spec

    def __call__(self, theta: Array) -> tuple[float, Array]:
        """Return L and ∂L/∂θ at θ."""
        sums = self._team.sums(theta, 0, self._steps)
        loss, gradient = mean_of(sums, self._spec.reduction)
        at, whole = Parameters(self._spec, theta), Parameters(self._spec, gradient)
        for g, W in zip(whole.weights, at.weights, strict=True):
            g += penalty_part(self._spec, W)
        return loss + penalty(at), whole.theta


def minimise_parts(
    network: MultilayerPerceptron,
    source: Source,
    order: RowOrder,
    iterations: int,
    workers: int | None = None,
    ray: str | None = None,
) -> list[float]:
    """Move a network's parameters to a minimum of L over all rows, and return L on the way.

    Parameters
    ----------
    network : MultilayerPerceptron
        Written when it is done.
    source : Source
    order : RowOrder
        Its seed, shuffles and batches don't matter.
    iterations : int
        At most so many.
    workers, ray
        As ``team_of`` takes them.
    """
    spec = replace(network.spec, dtype="float64", dropout=0.0)
    plain = replace(order, shuffle=False, batch_size=order.lanes * order.buffer_rows)
    team = team_of(source, plain, spec, workers, ray)
    losses: list[float] = []

    def watch(_: int, loss: float) -> bool:
        losses.append(loss)
        return False

    try:
        minimised(
            network,
            FullBatch(team, plain, spec),
            max_iter=iterations,
            max_fun=50 * iterations,
            tol=1e-8,
            watch=watch,
        )
    finally:
        team.close()
    return losses
