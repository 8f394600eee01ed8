"""A fit in a folder, which is stopped after some steps and goes on; as a script, by SIGKILL."""

import os
import signal
import sys

from rows_in_memory import SOURCE, network, order_of

from chainrule.distributed.checkpoint import Checkpoints
from chainrule.distributed.fit import Fit
from chainrule.distributed.teams import Threads
from chainrule.theory.optimizers import AdamW
from chainrule.theory.schedules import Cosine

ABOUT = {"data": "made", "options": {"epochs": 3}}


class StoppedError(Exception):
    """What ends a fit in a test."""


def new_fit(**options):
    return Fit(network(), AdamW(Cosine(3e-3), averaging=0.9), order_of(), epochs=3, **options)


def stop_here():
    raise StoppedError


def run(fit, folder, workers, until=None, stop=stop_here):
    keeper = Checkpoints(folder, ABOUT, seconds=0.0)
    keeper.go_on(fit)
    team = Threads(SOURCE, fit.order, fit.network.spec, workers)

    def watch(fit):
        if fit.step == until:
            stop()

    try:
        fit.run(team, keeper, watch)
    finally:
        team.close()


def kill():
    """End this process as nothing can keep it from."""
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    run(new_fit(), sys.argv[1], 2, until=int(sys.argv[2]), stop=kill)
