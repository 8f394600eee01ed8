"""Threads that chainrule chooses, beside one and all of them: ``python -m benchmarks.threads``.

In one process, round by round in turn, so that what disturbs one disturbs all; `make bench` puts
the table into RESULTS.md.
"""

import statistics
import time
from dataclasses import dataclass, field, replace

import chainrule as cr
from benchmarks import machine
from benchmarks.cases import PREDICTION, Training, training_tasks

# Beside the rows of the comparison: where a second thread pays most, and least.
FURTHER = (
    Training((28, 256, 256, 2), "relu", "softmax", loss="cross_entropy", batch=256, steps=50),
    Training((784, 128, 10), "relu", "softmax", loss="cross_entropy", batch=1, steps=1000),
)
OPTIMIZERS = {"sgd": cr.SGD(1e-4), "adam": cr.Adam(1e-4)}


@dataclass
class Threads:
    """Seconds of a step or call, one a round, for each number of threads; None: as chosen."""

    name: str
    times: dict[int | None, list[float]] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)

    def to_best(self, of=min):
        """Return the time as chosen over the better of the fixed numbers."""
        return of(self.times[None]) / min(of(times) for n, times in self.times.items() if n)

    def gain(self, of=min):
        """Return the time on one thread over that on all."""
        return of(self.times[1]) / of(self.times[max(n for n in self.times if n)])


def _network(task):
    loss = getattr(task, "loss", "squared_error" if task.output == "identity" else "cross_entropy")
    return cr.Network(
        task.layers, activation=task.activation, output=task.output, loss=loss, dtype=task.dtype
    )


def _training(task):
    """Return what fits a new network for so many epochs: seconds of a step, threads used."""
    X, y = task.data

    def fit(threads, epochs):
        net = _network(task)
        start = time.perf_counter()
        run = net.fit(X, y, optimizer=OPTIMIZERS[task.optimizer], epochs=epochs,
                      batch_size=task.batch, shuffle=False, threads=threads)  # fmt: skip
        return (time.perf_counter() - start) / (epochs * task.steps), run.threads

    return fit


def _prediction(task):
    """Return what predicts so many times: seconds of a call; how many threads is not told."""
    X, net = task.data, _network(task)

    def predict(threads, times):
        start = time.perf_counter()
        for _ in range(times):
            net.forward(X, threads=threads)
        return (time.perf_counter() - start) / times, None

    return predict


def measure_threads(task, most, rounds, seconds):
    """Return the times of one task; a round of one number takes at least so many seconds."""
    work = _training(task) if task.kind == "training" else _prediction(task)
    counts = [None, *sorted({1, most})]
    name = f"{task.name}, {task.optimizer}" if task.kind == "training" else task.name
    result = Threads(name, {count: [] for count in counts})
    times = max(1, round(seconds / (work(1, 1)[0] * task.units)))
    for count in counts:
        work(count, times)
    for _ in range(rounds):
        for count in counts:
            took, used = work(count, times)
            result.times[count].append(took)
            if count is None and used:
                result.used.add(used)
    return result


def threads_tasks(dtype):
    """Return the training tasks of one network, two more, and the predictions."""
    further = [replace(task, dtype=dtype, optimizer=o) for task in FURTHER for o in OPTIMIZERS]
    tasks = training_tasks(dtype, False, False)
    predictions = [replace(task, dtype=dtype) for task in PREDICTION]
    return [task for task in tasks if task.kind == "training"] + further + predictions


def threads_table(results):
    """Return the lines of a Markdown table."""
    most = max(n for n in results[0].times if n)
    lines = [
        f"| work | chosen | one | {most} | chosen / better | one / {most} | used |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for result in results:
        cells = [
            f"{min(times) * 1e6:,.3g} ({statistics.median(times) * 1e6:,.3g})"
            for times in result.times.values()
        ]
        ratios = [
            f"{ratio():.2f} ({ratio(statistics.median):.2f})"
            for ratio in (result.to_best, result.gain)
        ]
        used = ", ".join(map(str, sorted(result.used))) or "–"
        lines.append("| " + " | ".join([result.name, *cells, *ratios, used]) + " |")
    return lines


def threads_section(dtype, rounds=9, seconds=0.1):
    """Measure all tasks; return the section of RESULTS.md."""
    most = machine.available_cores()
    results = [measure_threads(task, most, rounds, seconds) for task in threads_tasks(dtype)]
    return [
        "## Threads: µs a step or call of chainrule, minimum (median), in one process",
        "",
        *threads_table(results),
        "",
    ]


if __name__ == "__main__":
    print("\n".join(threads_section("float32")))
