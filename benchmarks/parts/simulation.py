"""What more workers would give: ``python -m benchmarks.parts.simulation``.

The times of this machine (a row's compute on one core and how it varies, a message over a
connection, adding up, the optimizer's step) go into a model of one step: this process sends θ to
one worker after the other, each computes its rows, and sums are received and added as they come.
"""

import time
from dataclasses import dataclass, replace
from multiprocessing import Process
from multiprocessing.connection import Client, Listener

import numpy as np

from chainrule import Adam, Network
from chainrule.distributed.lanes import ShareSums, chunk_rows
from chainrule.engine import compiled
from chainrule.engine.batches import Batches

SIZES = (64, 256, 256, 1)
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
BATCHES = (8192, 131_072, 2_097_152)
NETWORK = 1.25e9  # bytes a second: 10 Gb/s
DRAWS = 40
CHUNK = chunk_rows(Network(list(SIZES)).spec)


@dataclass(frozen=True)
class Times:
    """Seconds, as measured.

    `row` on one core; `varies` are the measured times of a chunk, over their median; `message` of
    one that is empty, and `byte` of each byte; `add` of one gradient to another; `update` a step.
    """

    row: float
    varies: np.ndarray
    message: float
    byte: float
    add: float
    update: float
    size: int


class _Random:
    """A source of rows that are drawn once."""

    def fill(self, rows, X, y):
        """Write the inputs and the targets."""
        X[:], y[:] = rows[:, :-1], rows[:, -1:]


def _echo(address, key):
    with Client(address, authkey=key) as line:
        while (got := line.recv()) is not None:
            line.send(got)


def _message_times(size):
    """Return the seconds of an empty message, one way, and of a byte more."""
    key, took = b"key", []
    with Listener(("127.0.0.1", 0), authkey=key) as door:
        process = Process(target=_echo, args=(door.address, key))
        process.start()
        with door.accept() as line:
            for content in (np.zeros(1, np.float32), np.zeros(size, np.float32)):
                times = []
                for _ in range(200):
                    began = time.perf_counter()
                    line.send(content)
                    line.recv()
                    times.append((time.perf_counter() - began) / 2)
                took.append(float(np.median(times)))
            line.send(None)
        process.join()
    return took[0], (took[1] - took[0]) / (4 * size)


def measured():
    """Return the times of this machine."""
    network = Network(list(SIZES), seed=0)
    rows = np.random.default_rng(0).standard_normal((CHUNK, SIZES[0] + 1))
    chunk, took = ShareSums(_Random(), network.parameters, 0), []
    for number in range(300):
        began = time.perf_counter()
        sums = chunk.of(rows, number)
        took.append(time.perf_counter() - began)
    theta, optimizer = network.parameters.theta, Adam()
    state = [optimizer.initial_slot(slot, theta) for slot in optimizer.slots]
    X, y = np.zeros((1, SIZES[0]), np.float32), np.zeros((1, 1), np.float32)
    trainer = compiled.Trainer(network.parameters, optimizer, state, Batches.whole(X, y, None))
    add = _least(lambda: np.add(sums.gradient, theta, out=sums.gradient))
    update = _least(lambda: trainer.step_along(theta, 1e-9))
    median = float(np.median(took))
    message, byte = _message_times(theta.size)
    return Times(median / CHUNK, np.array(took) / median, message, byte, add, update, theta.nbytes)


def _least(work):
    times = []
    for _ in range(100):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def step(times, batch, workers, draws):
    """Return the seconds of a step, the mean of some draws."""
    transfer = times.message + times.byte * times.size
    chunks = max(1, round(batch / workers / CHUNK))
    told = transfer * np.arange(1, workers + 1)
    total = 0.0
    for _ in range(DRAWS):
        varies = draws.choice(times.varies, (workers, min(chunks, 64))).mean(axis=1)
        ready = np.sort(told + batch / workers * times.row * varies)
        free = 0.0
        for moment in ready:  # each answer is read and added when this process is free for it
            free = max(free, moment) + transfer + times.add
        total += free + times.update
    return total / DRAWS


def table(times, title):
    """Return a table of how many times one worker is passed."""
    draws = np.random.default_rng(0)
    lines = [f"| workers, {title} | " + " | ".join(f"batch {batch:,}" for batch in BATCHES) + " |"]
    lines.append("|---|" + "---|" * len(BATCHES))
    alone = {batch: step(times, batch, 1, draws) for batch in BATCHES}
    best = dict.fromkeys(BATCHES, (0.0, 1))
    for workers in WORKERS:
        cells = []
        for batch in BATCHES:
            gain = alone[batch] / step(times, batch, workers, draws)
            best[batch] = max(best[batch], (gain, workers))
            cells.append(f"{gain:.1f}")
        if workers in (1, 2, 16, 256, 4096):
            lines.append(f"| {workers:,} | " + " | ".join(cells) + " |")
    cells = [f"{gain:.1f} at {workers:,}" for gain, workers in best.values()]
    lines.append("| most | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    """Measure, and print the tables."""
    times = measured()
    print(
        f"a row {times.row * 1e6:.2f} us, a message {times.message * 1e6:.0f} us and "
        f"{times.byte * times.size * 1e6:.0f} us for {times.size / 1e3:.0f} kB, adding "
        f"{times.add * 1e6:.0f} us, the optimizer's step {times.update * 1e6:.0f} us; chunks take "
        f"{times.varies.min():.2f} to {np.quantile(times.varies, 0.99):.2f} (99 %) of their median"
    )
    print(table(times, "connections as measured"))
    print(table(replace(times, byte=1 / NETWORK), "10 Gb/s"))


if __name__ == "__main__":
    main()
