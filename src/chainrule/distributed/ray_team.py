"""Workers in other processes and on other machines, by Ray."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from multiprocessing.connection import Client, Connection, wait
from typing import Any

from numpy.typing import NDArray

from chainrule.distributed.connections import Door, at_once
from chainrule.distributed.lanes import Source, Worker, busy_at_once, joined
from chainrule.distributed.order import RowOrder
from chainrule.distributed.sums import Sums
from chainrule.engine import compiled
from chainrule.engine.spec import NetworkSpec

Array = NDArray[Any]
_PATIENCE = 60.0  # seconds without any worker, after which there will be none
_DEATHS = 50  # of workers, one after the other, without a step between them
_OBJECT_STORE = 100 << 20  # bytes, of a Ray of our own: what a worker begins with passes through it
_ANSWER = 5.0  # seconds that an address has to answer
_LOOK = 1.0  # seconds after which one looks whether a worker that says nothing is still there


class RayWorker(Worker):
    """A worker in a process of its own, which hears what to add up by a connection."""

    def work(self, number: int, address: tuple[str, int], key: bytes) -> None:
        """Answer what is asked, until nobody asks any more.

        Ray's own calls take some milliseconds each; a connection takes a fifth of that.
        """
        with at_once(Client(address, authkey=key)) as line:
            line.send((number, os.getpid(), compiled.cpu_level()))
            try:
                while True:
                    self._answer(line)
            except (EOFError, OSError):
                return

    def _answer(self, line: Connection) -> None:
        theta, epoch, steps, lanes, is_own = line.recv()
        before = self.busy
        try:
            if is_own:
                self.hold(lanes)
            parts = self.sums(theta, epoch, steps, lanes)
        except Exception as error:  # the fit's, which raises it
            line.send(error)
            return
        line.send((parts, self.busy - before))


@dataclass(eq=False)
class _Actor:
    """A worker of the team: Ray's handle of it, and what says that it has ended."""

    handle: Any
    end: Any
    pid: int = 0
    lanes: range = range(0)


class RayTeam:
    """Actors of Ray, each with some of the lanes; where one is lost, others take over.

    Ray finds a place for each and says when one is lost; parameters and sums go by connections
    between the actors and this process, which they must be able to reach.

    Parameters
    ----------
    source : Source
    order : RowOrder
    spec : NetworkSpec
    workers : int, optional
        How many there are to be, as many as there are cores without it. There may be fewer for a
        while, never more.
    address : str, optional
        Of a cluster, of which this machine is one; without it, a Ray is started on this machine,
        and ends with the team.

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
        workers: int | None,
        address: str | None = None,
    ) -> None:
        self._ray, self._is_ours = _connected(address, workers or 1)
        self.workers, self.busy = busy_at_once(order, workers), 0.0
        self._lanes = range(order.lanes)
        self._told = [self._ray.put(one) for one in (source, order, spec)]
        self._actor = self._ray.remote(num_cpus=1, max_restarts=0)(RayWorker)
        self._door = Door(self._ray.util.get_node_ip_address())
        self._numbers = count()
        self._starting: dict[int, _Actor] = {}
        self._there: dict[Connection, _Actor] = {}
        self._deaths = 0
        self._start_missing()

    def sums(self, theta: Array, epoch: int, steps: range) -> Sums:
        """Return the sums over the batches of these steps of an epoch, both from 0."""
        self._welcome()
        to_do: dict[Connection, list[range]] = {}
        parts: list[tuple[int, int, Sums]] = []

        def ask(line: Connection) -> None:
            lanes = to_do[line][0]
            with contextlib.suppress(OSError):  # lost, which shows when it doesn't answer
                line.send((theta, epoch, steps, lanes, lanes == self._there[line].lanes))

        def give(line: Connection, lanes: range) -> None:
            to_do.setdefault(line, []).append(lanes)
            if len(to_do[line]) == 1:  # one thing at a time: both sides wait for the other
                ask(line)

        for line, actor in self._there.items():
            if actor.lanes:
                give(line, actor.lanes)
        while to_do:
            for line in self._heard(list(to_do)):
                found = self._answer(line)
                if found is None:
                    left = [_shared(lanes, list(self._there)) for lanes in to_do.pop(line)]
                    for other, share in chain.from_iterable(left):
                        give(other, share)
                    continue
                parts += found
                del to_do[line][0]
                if to_do[line]:
                    ask(line)
                else:
                    del to_do[line]
        self._deaths = 0
        return joined(parts)

    @property
    def pids(self) -> list[int]:
        """The processes of the workers that are there."""
        return [actor.pid for actor in self._there.values()]

    def close(self) -> None:
        """Let the workers go, and Ray where it was started for them."""
        self._door.close()
        for line in self._there:
            line.close()
        for actor in (*self._there.values(), *self._starting.values()):
            self._ray.kill(actor.handle)
        self._there, self._starting = {}, {}
        if self._is_ours:
            self._ray.shutdown()

    def _heard(self, lines: list[Connection]) -> list[Connection]:
        """Return those that say something, or are lost."""
        while True:
            said = wait(lines, timeout=_LOOK)
            if said:
                return said  # type: ignore[return-value]
            for line in lines:  # a machine that is gone says nothing
                if self._is_gone(self._there[line]):
                    line.close()
                    return [line]

    def _answer(self, line: Connection) -> list[tuple[int, int, Sums]] | None:
        """Return what a worker says, None where it is lost; raise what it could not do."""
        try:
            answer = line.recv()
        except (EOFError, OSError) as error:
            self._lose(line, error)
            return None
        if isinstance(answer, Exception):
            raise answer
        parts, seconds = answer
        self.busy += seconds
        return list(parts)

    def _lose(self, line: Connection, error: Exception) -> None:
        """Do without a worker; wait for another where it was the last."""
        self._there.pop(line)
        line.close()
        self._count_loss(error)
        if not self._there:
            self._welcome()

    def _count_loss(self, error: Exception) -> None:
        """Of too many at a stretch, say why the last one was."""
        self._deaths += 1
        if self._deaths > _DEATHS or "creation task" in str(error):  # they would never start
            why = (str(error).strip() or type(error).__name__).splitlines()[-1]
            raise ConnectionError(f"workers of Ray can't start or stay: {why}") from error

    def _welcome(self) -> None:
        """Have the lanes held by the workers that there are now, of which some may be new."""
        deadline, before = time.monotonic() + _PATIENCE, list(self._there)
        while True:
            self._start_missing()
            for line, number, pid, level in self._door.entered(0.0 if self._there else _LOOK):
                _require_level(level)
                actor = self._starting.pop(number, None)
                if actor is None:  # lost after it came in
                    line.close()
                    continue
                actor.pid, self._there[line] = pid, actor
            if self._there:
                break
            if time.monotonic() > deadline:
                raise ConnectionError(f"no worker of Ray has started within {_PATIENCE:.0f} s")
        held = sum(len(actor.lanes) for actor in self._there.values())
        if list(self._there) != before or held < len(self._lanes):
            for actor in self._there.values():
                actor.lanes = range(0)
            for line, lanes in _shared(self._lanes, list(self._there)):
                self._there[line].lanes = lanes

    def _start_missing(self) -> None:
        """Start as many workers as are to be there and aren't."""
        for number in [k for k, actor in self._starting.items() if self._is_gone(actor)]:
            try:
                self._ray.get(self._starting.pop(number).end)
            except self._ray.exceptions.RayError as error:
                self._count_loss(error)
        for _ in range(self.workers - len(self._there) - len(self._starting)):
            handle, number = self._actor.remote(*self._told), next(self._numbers)
            end = handle.work.remote(number, self._door.address, self._door.key)
            self._starting[number] = _Actor(handle, end)

    def _is_gone(self, actor: _Actor) -> bool:
        ended, _ = self._ray.wait([actor.end], timeout=0)
        return bool(ended)


def _require_level(level: str) -> None:
    """Refuse a worker on another kind of processor, whose last bits may be others."""
    ours = compiled.cpu_level()
    if level != ours:
        lower = min(level, ours, key=("baseline", "avx2", "avx512").index)
        raise ConnectionError(
            f"a worker of Ray computes with {level} and this process with {ours}, whose last bits "
            f"differ; set CHAINRULE_CPU={lower} for both"
        )


def _shared(lanes: range, workers: Sequence[Any]) -> Iterator[tuple[Any, range]]:
    """Yield each worker with its part of the lanes, which lie side by side; none without lanes."""
    count = len(workers)
    for k, worker in enumerate(workers):
        part = lanes[k * len(lanes) // count : (k + 1) * len(lanes) // count]
        if part:
            yield worker, part


def require_ray(address: str | None) -> Any:  # noqa: ANN401 (the module)
    """Return Ray, where it is installed, and where somebody answers at the address.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed.
    ConnectionError
        If nobody answers.
    """
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
    return ray


def _connected(address: str | None, workers: int) -> tuple[Any, bool]:
    """Return Ray, ready to be used, and whether it was started here."""
    ray = require_ray(address)
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
    if address.startswith("ray://"):  # of a client outside, whom workers can't reach
        raise ConnectionError(
            f"no Ray is used at {address}: give HOST:PORT, on a machine of the cluster"
        )
    host, _, port = address.rpartition(":")
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
