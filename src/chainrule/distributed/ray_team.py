"""Workers in other processes and on other machines, by Ray."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator, Sequence
from typing import Any

from numpy.typing import NDArray

from chainrule.distributed.lanes import Source, Worker, joined
from chainrule.distributed.order import RowOrder
from chainrule.distributed.sums import Sums
from chainrule.engine.spec import NetworkSpec

Array = NDArray[Any]
_PATIENCE = 60.0  # seconds without any worker, after which there will be none
_DEATHS = 50  # of workers, one after the other, without a step between them
_OBJECT_STORE = 100 << 20  # bytes, of a Ray of our own: parameters and sums pass through it
_ANSWER = 5.0  # seconds that an address has to answer


class RayWorker(Worker):
    """A worker in a process of its own."""

    def ready(self) -> int:
        """Return the process, once there is one."""
        return os.getpid()

    def timed_sums(
        self, theta: Array, epoch: int, steps: range, lanes: range
    ) -> tuple[list[tuple[int, int, Sums]], float]:
        """Return the sums, and for how long its threads worked for them."""
        before = self.busy
        return self.sums(theta, epoch, steps, lanes), self.busy - before


class RayTeam:
    """Actors of Ray, each with some of the lanes; where one is lost, others take over.

    Parameters
    ----------
    source : Source
    order : RowOrder
    spec : NetworkSpec
    workers : int
        How many there are to be. There may be fewer for a while, never more.
    address : str, optional
        Of a cluster; without it, one is started on this machine, and ends with the team.

    Raises
    ------
    ModuleNotFoundError
        If Ray is not installed.
    ConnectionError
        If no Ray answers at the address.
    """

    def __init__(
        self,
        source: Source,
        order: RowOrder,
        spec: NetworkSpec,
        workers: int,
        address: str | None = None,
    ) -> None:
        self._ray, self._is_ours = _connected(address, workers)
        self.workers, self.busy = min(workers, order.lanes), 0.0
        self._lanes = range(order.lanes)
        self._told = [self._ray.put(one) for one in (source, order, spec)]
        self._actor = self._ray.remote(num_cpus=1, max_restarts=0)(RayWorker)
        self._starting: dict[Any, Any] = {}  # what says that it is ready: the worker
        self._holds: list[tuple[Any, range]] = []  # each worker, and its lanes
        self._deaths = 0
        self._start_missing(0)

    def sums(self, theta: Array, epoch: int, steps: range) -> Sums:
        """Return the sums over the batches of these steps of an epoch, both from 0."""
        self._welcome()
        given = self._ray.put(theta)
        asked: dict[Any, tuple[Any, range]] = {}
        parts: list[tuple[int, int, Sums]] = []

        def ask(worker: Any, lanes: range) -> None:  # noqa: ANN401 (an actor's handle)
            asked[worker.timed_sums.remote(given, epoch, steps, lanes)] = worker, lanes

        for worker, lanes in self._holds:
            ask(worker, lanes)
        while asked:
            (answer, *_), _ = self._ray.wait(list(asked), num_returns=1)
            worker, lanes = asked.pop(answer)
            found = self._answer(answer)
            if found is not None:
                parts += found[0]
                self.busy += found[1]
                continue
            self._lose(worker)
            for other, share in _shared(lanes, [one for one, _ in self._holds]):
                ask(other, share)
        self._deaths = 0
        return joined(parts)

    def pids(self) -> list[int]:
        """Return the processes of the workers that are there."""
        return [self._ray.get(worker.ready.remote()) for worker, _ in self._holds]

    def close(self) -> None:
        """Let the workers go, and Ray where it was started for them."""
        for worker in (*(one for one, _ in self._holds), *self._starting.values()):
            self._ray.kill(worker)
        self._holds, self._starting = [], {}
        if self._is_ours:
            self._ray.shutdown()

    def _answer(self, answer: Any) -> tuple[list[tuple[int, int, Sums]], float] | None:  # noqa: ANN401
        """Return what a worker says; None where it is lost."""
        errors = self._ray.exceptions
        try:
            parts, seconds = self._ray.get(answer)
        except (errors.RayActorError, errors.WorkerCrashedError, errors.ObjectLostError) as error:
            self._lost(error)
            return None
        except errors.RayTaskError as error:
            raise error.cause from None
        for _, _, sums in parts:
            sums.gradient = sums.gradient.copy()  # which in Ray's memory can't be written
        return parts, seconds

    def _lose(self, worker: Any) -> None:  # noqa: ANN401
        """Do without a worker; wait for another where it was the last."""
        self._holds = [(one, lanes) for one, lanes in self._holds if one is not worker]
        if not self._holds:
            self._welcome()

    def _welcome(self) -> None:
        """Have the lanes held by the workers that there are now, of which some may be new."""
        there, deadline = [worker for worker, _ in self._holds], time.monotonic() + _PATIENCE
        before = list(there)
        while True:
            self._start_missing(len(there))
            there += self._started(0.0 if there else deadline - time.monotonic())
            if there:
                break
            if time.monotonic() > deadline:
                raise ConnectionError(f"no worker of Ray has started within {_PATIENCE:.0f} s")
        if there != before or sum(len(lanes) for _, lanes in self._holds) < len(self._lanes):
            self._holds = list(_shared(self._lanes, there))
            for worker, lanes in self._holds:
                worker.hold.remote(lanes)

    def _start_missing(self, there: int) -> None:
        """Start as many workers as are to be there and aren't."""
        for _ in range(self.workers - there - len(self._starting)):
            worker = self._actor.remote(*self._told)
            self._starting[worker.ready.remote()] = worker

    def _started(self, wait: float) -> list[Any]:
        """Return the workers that have become ready since, waiting for one as long as is said."""
        if not self._starting:
            return []
        waiting = list(self._starting)
        answers, _ = self._ray.wait(waiting, num_returns=1, timeout=max(wait, 0.0))
        started = []
        for answer in answers:
            worker = self._starting.pop(answer)
            try:
                self._ray.get(answer)
            except self._ray.exceptions.RayActorError as error:
                self._lost(error)  # before it was there; another is started
                continue
            started.append(worker)
        return started

    def _lost(self, error: Exception) -> None:
        """Count a worker that was lost; of too many at a stretch, say why the last one was."""
        self._deaths += 1
        if self._deaths > _DEATHS or "creation task" in str(error):  # they would never start
            why = str(error).strip().splitlines()[-1]
            raise ConnectionError(f"workers of Ray can't start or stay: {why}") from error


def _shared(lanes: range, workers: Sequence[Any]) -> Iterator[tuple[Any, range]]:
    """Yield each worker with its part of the lanes, which lie side by side; none without lanes."""
    count = len(workers)
    for k, worker in enumerate(workers):
        part = lanes[k * len(lanes) // count : (k + 1) * len(lanes) // count]
        if part:
            yield worker, part


def _connected(address: str | None, workers: int) -> tuple[Any, bool]:
    """Return Ray, ready to be used, and whether it was started here."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "workers of Ray need it: pip install 'chainrule[ray]'; threads do the same", name="ray"
        ) from error
    if address is not None:
        _require_answer(address)
    if ray.is_initialized():
        return ray, False
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        cores = max(workers, os.cpu_count() or 1)
        options |= {"num_cpus": cores, "object_store_memory": _OBJECT_STORE}
        ray.init(address="local", include_dashboard=False, **options)
        return ray, True
    try:
        ray.init(address=address, **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ConnectionError(f"no Ray answers at {address}: {_first_line(error)}") from error
    return ray, True


def _require_answer(address: str) -> None:
    """Ask whether anybody answers at an address, which Ray itself does for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address in ("auto", "local") or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER).close()
    except OSError as error:
        raise ConnectionError(
            f"no Ray answers at {address} ({error.strerror or error}); start one there with "
            "`ray start --head`, or leave the address out"
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
