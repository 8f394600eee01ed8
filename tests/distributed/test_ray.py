"""Workers of Ray: the same bits for any number of them, whichever of them are killed."""

import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from rows_in_memory import SOURCE, fitted, network, order_of

from chainrule.distributed.fit import Fit
from chainrule.distributed.ray_team import RayTeam, RayWorker
from chainrule.engine import compiled
from chainrule.theory.optimizers import Adam

ray = pytest.importorskip("ray", reason="Ray is not installed")
KILLS = int(os.environ.get("CHAINRULE_KILLS", "5"))


def by_ray(workers, watch=None, source=SOURCE, epochs=2):
    fit = Fit(network(), Adam(), order_of(source), epochs)
    team = RayTeam(source, fit.order, fit.network.spec, workers)
    try:
        fit.run(team, watch=watch and (lambda fit: watch(fit, team)))
    finally:
        team.close()
    return fit


@pytest.fixture(scope="module")
def alone():
    return fitted(1)


@pytest.fixture(scope="module")
def cluster():
    """A Ray of four cores for all of these tests, as a user may have started one."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(
        address="local", num_cpus=4, include_dashboard=False, log_to_driver=False,
        logging_level="ERROR", object_store_memory=100 << 20,
        runtime_env={"env_vars": {"PYTHONPATH": str(Path(__file__).parent)}},
    )  # fmt: skip
    yield
    ray.shutdown()


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_number_of_workers_changes_no_bit(alone, workers):
    fit = by_ray(workers)
    np.testing.assert_array_equal(fit.losses, alone.losses)
    np.testing.assert_array_equal(fit.network.parameters.theta, alone.network.parameters.theta)
    assert 0 <= fit.waited < 1


@pytest.mark.usefixtures("cluster")
def test_workers_may_be_killed():
    chance, killed = random.Random(8), []
    epochs = 2 * KILLS

    def kill(fit, team):
        if len(killed) < KILLS and chance.random() < 0.2:
            pids = team.pids
            for pid in pids[: chance.choice([1, 1, len(pids)])]:  # one of them, or all at once
                os.kill(pid, signal.SIGKILL)
                killed.append(fit.step)

    fit = by_ray(2, kill, epochs=epochs)
    whole = fitted(2, epochs=epochs)
    assert len(killed) >= KILLS
    np.testing.assert_array_equal(fit.losses, whole.losses)
    np.testing.assert_array_equal(fit.network.parameters.theta, whole.network.parameters.theta)


@pytest.mark.usefixtures("cluster")
def test_a_worker_may_be_killed_at_the_door(alone):
    """It has come in, and is gone before it was asked anything."""
    fit = Fit(network(), Adam(), order_of(SOURCE), 2)
    team = RayTeam(SOURCE, fit.order, fit.network.spec, 2)
    starting = list(team._starting.values())
    until(lambda: team._door._came.qsize() == len(starting) == 2)
    for actor in starting:
        ray.kill(actor.handle)
    until(lambda: all(team._is_gone(actor) for actor in starting))
    try:
        fit.run(team)
    finally:
        team.close()
    np.testing.assert_array_equal(fit.losses, alone.losses)


def until(is_so):
    """Wait for something that other processes do."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Broken:
    """A source whose rows can't be read."""

    group_rows = SOURCE.group_rows

    def reader(self):
        return self

    def read(self, *_piece):
        raise ValueError("part-3.parquet is not whole")


@pytest.mark.usefixtures("cluster")
def test_what_a_worker_cannot_read_is_said_by_the_fit():
    with pytest.raises(ValueError, match=r"^part-3\.parquet is not whole$"):
        by_ray(2, source=Broken())


class Strange(Broken):
    """A source that no worker can be given."""

    def __reduce__(self):
        return open, ("/nowhere/at/all",)


@pytest.mark.usefixtures("cluster")
def test_workers_that_can_never_start_are_not_waited_for():
    with pytest.raises(ConnectionError, match=r"can't start or stay: .*nowhere/at/all"):
        by_ray(2, source=Strange())


@pytest.mark.usefixtures("cluster")
@pytest.mark.skipif(compiled.cpu_level() == "baseline", reason="this processor has one level")
def test_workers_of_another_kind_of_processor_are_refused():
    fit = Fit(network(), Adam(), order_of(), epochs=50)  # it comes in long before they are over
    team = RayTeam(SOURCE, fit.order, fit.network.spec, 1)
    other = ray.remote(num_cpus=1, runtime_env={"env_vars": {"CHAINRULE_CPU": "baseline"}})(
        RayWorker
    )
    actor = other.remote(SOURCE, fit.order, fit.network.spec)
    actor.work.remote(0, team._door.address, team._door.key)
    with pytest.raises(ConnectionError, match="CHAINRULE_CPU=baseline for both"):
        fit.run(team, watch=lambda _: time.sleep(0.1))
    team.close()


def test_an_address_where_no_ray_answers():
    fit = Fit(network(), Adam(), order_of(), 1)
    said = r"no Ray answers at 127\.0\.0\.1:1 \(Connection refused\)"
    with pytest.raises(ConnectionError, match=said):
        RayTeam(SOURCE, fit.order, fit.network.spec, 2, address="127.0.0.1:1")


def test_a_client_outside_of_the_cluster_is_refused():
    fit = Fit(network(), Adam(), order_of(), 1)
    with pytest.raises(ConnectionError, match="give HOST:PORT, on a machine of the cluster"):
        RayTeam(SOURCE, fit.order, fit.network.spec, 2, address="ray://127.0.0.1:10001")
