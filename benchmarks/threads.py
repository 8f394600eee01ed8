"""Threads that chainrule chooses, beside one and all of them: ``python -m benchmarks.threads``.

In one process, round by round in turn, so that what disturbs one disturbs all; `make bench` puts
the table into RESULTS.md.
"""

import statistics
import time
from dataclasses import dataclass, field, replace

import chainrule as cr
from benchmarks import machine
from benchmarks.cases import Training, training_tasks

# Beside the rows of the comparison: where a second thread pays most, and least.
FURTHER = (
    Training((28, 256, 256, 2), "relu", "softmax", loss="cross_entropy", batch=256, steps=50),
    Training((784, 128, 10), "relu", "softmax", loss="cross_entropy", batch=1, steps=1000),
)
OPTIMIZERS = {"sgd": cr.SGD(1e-4), "adam": cr.Adam(1e-4)}


@dataclass
class Threads:
    """Seconds of a step, one a round, for each number of threads; None: as chosen."""

    name: str
    times: dict[int | None, list[float]] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)

    def to_best(self, of=min):
        """Return the time as chosen over the better of the fixed numbers."""
        return of(self.times[None]) / min(of(times) for n, times in self.times.items() if n)

    def gain(self, of=min):
        """Return the time on one thread over that on all."""
        return of(self.times[1]) / of(self.times[max(n for n in self.times if n)])


def measure_threads(task, most, rounds, seconds):
    """Return the times of one task; a round of one number takes at least so many seconds."""
    X, y = task.data
    counts = [None, *sorted({1, most})]
    result = Threads(f"{task.name}, {task.optimizer}", {count: [] for count in counts})

    def fit(threads, epochs):
        net = cr.Network(
            task.layers, activation=task.activation, output=task.output, loss=task.loss
        )
        start = time.perf_counter()
        run = net.fit(X, y, optimizer=OPTIMIZERS[task.optimizer], epochs=epochs,
                      batch_size=task.batch, shuffle=False, threads=threads)  # fmt: skip
        return (time.perf_counter() - start) / (epochs * task.steps), run.threads

    epochs = max(1, round(seconds / (fit(1, 1)[0] * task.steps)))
    for count in counts:
        fit(count, epochs)
    for _ in range(rounds):
        for count in counts:
            took, used = fit(count, epochs)
            result.times[count].append(took)
            if count is None:
                result.used.add(used)
    return result


def threads_tasks(dtype):
    """Return the training tasks of one network, and two more."""
    further = [replace(task, dtype=dtype, optimizer=o) for task in FURTHER for o in OPTIMIZERS]
    tasks = training_tasks(dtype, False, False)
    return [task for task in tasks if task.kind == "training"] + further


def threads_table(results):
    """Return the lines of a Markdown table."""
    most = max(n for n in results[0].times if n)
    lines = [
        f"| network | chosen | one | {most} | chosen / better | one / {most} | used |",
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
        used = ", ".join(map(str, sorted(result.used)))
        lines.append("| " + " | ".join([result.name, *cells, *ratios, used]) + " |")
    return lines


def threads_section(dtype, rounds=9, seconds=0.1):
    """Measure all tasks; return the section of RESULTS.md."""
    most = machine.available_cores()
    results = [measure_threads(task, most, rounds, seconds) for task in threads_tasks(dtype)]
    return [
        "## Threads: µs a step of chainrule, minimum (median) of the rounds, in one process",
        "",
        *threads_table(results),
        "",
    ]


if __name__ == "__main__":
    print("\n".join(threads_section("float32")))
