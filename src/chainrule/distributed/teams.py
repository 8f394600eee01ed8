"""Teams of workers, which add up a batch between them."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray

from chainrule.distributed.lanes import Source, Worker, busy_at_once, joined
from chainrule.distributed.order import RowOrder
from chainrule.distributed.sums import Sums
from chainrule.engine.spec import NetworkSpec

Array = NDArray[Any]


class Team(Protocol):
    """Workers who add up a batch; no bit of the sum depends on who they are.

    Attributes
    ----------
    workers : int
        How many can work at a time.
    """

    workers: int

    @property
    def busy(self) -> float:
        """Seconds for which they worked so far, all together."""

    def sums(self, theta: Array, epoch: int, steps: range) -> Sums:
        """Return the sums over the batches of these steps of an epoch, both from 0."""

    def close(self) -> None:
        """Let the workers go."""


class Threads:
    """Threads of this process.

    Parameters
    ----------
    source : Source
    order : RowOrder
    spec : NetworkSpec
    workers : int, optional
        Every core's without it.
    """

    def __init__(
        self, source: Source, order: RowOrder, spec: NetworkSpec, workers: int | None = None
    ) -> None:
        self.workers = busy_at_once(order, workers)
        self._worker, self._lanes = Worker(source, order, spec, self.workers), range(order.lanes)

    @property
    def busy(self) -> float:
        """Seconds for which the threads worked so far, all together."""
        return self._worker.busy

    def sums(self, theta: Array, epoch: int, steps: range) -> Sums:
        """Return the sums over the batches of these steps of an epoch, both from 0."""
        return joined(self._worker.sums(theta, epoch, steps, self._lanes))

    def close(self) -> None:
        """End the threads."""
        self._worker.close()


def team_of(
    source: Source,
    order: RowOrder,
    spec: NetworkSpec,
    workers: int | None = None,
    ray: str | None = None,
) -> Team:
    """Return threads of this process, or workers of Ray where an address of it is given.

    Parameters
    ----------
    source : Source
    order : RowOrder
    spec : NetworkSpec
    workers : int, optional
        As many as there are cores without it.
    ray : str, optional
        The address of a cluster, or "local" for one of its own on this machine.
    """
    if ray is None:
        return Threads(source, order, spec, workers)
    from chainrule.distributed.ray_team import RayTeam

    return RayTeam(source, order, spec, workers, _cluster(ray))


def require_team(ray: str) -> None:
    """Refuse an address at which no Ray answers, with the errors of ``RayTeam``."""
    from chainrule.distributed.ray_team import require_ray

    require_ray(_cluster(ray))


def _cluster(ray: str) -> str | None:
    return None if ray == "local" else ray
