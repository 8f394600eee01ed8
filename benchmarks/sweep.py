"""Cliffs: odd widths, depths, batches, both dtypes, one thread and all; chainrule alone."""

import math
import time
from dataclasses import dataclass, field

import numpy as np

import chainrule as cr
from benchmarks.cases import ODD_WIDTHS

WIDTHS = (4, 8, 15, 16, 17, 24, 32, 33, 48, 64, 65, 96, 100, 128, 129, 192, 256, 257, 384, 512)
DEPTHS = (1, 2, 3, 4, 5, 7, 10, 14, 20)
BATCHES = (1, 2, 3, 4, 6, 8, 12, 16, 17, 32, 48, 49, 64, 100, 128, 256, 512, 1024, 2048, 4096)

WORSE = 2.0  # a multiply-add costs so many times the one of the next smaller case
THREADS_LOSE = 1.05  # all threads take so many times one thread's time
ABSOLUTE = 1.1  # the next larger case takes less than 1/1.1 of the time


@dataclass
class Point:
    """One network and batch; seconds of a step for each number of threads."""

    width: int
    depth: int
    batch: int
    dtype: str
    seconds: dict[int, float] = field(default_factory=dict)

    @property
    def multiply_adds(self):
        """Return those of one step: forward, ∂L/∂W, and δ of all layers but the first."""
        return self.batch * self.width**2 * (3 * self.depth - 1)

    def cost(self, threads):
        """Return picoseconds a multiply-add."""
        return self.seconds[threads] / self.multiply_adds * 1e12


@dataclass
class Line:
    """Points along which one number grows."""

    title: str
    grows: str
    points: list[Point]


def lines(quick):
    """Return the lines of the sweep."""
    stride = 3 if quick else 1
    made = []
    for dtype in ("float32", "float64"):
        for width in ODD_WIDTHS[::stride]:
            points = [Point(width, 3, batch, dtype) for batch in BATCHES[::stride]]
            made.append(Line(f"{dtype}, width {width}, 3 layers", "batch", points))
            for batch in (1, 32, 512)[::stride]:
                points = [Point(width, depth, batch, dtype) for depth in DEPTHS[::stride]]
                made.append(Line(f"{dtype}, width {width}, batch {batch}", "depth", points))
        for batch in (1, 32, 256)[::stride]:
            points = [Point(width, 3, batch, dtype) for width in WIDTHS[::stride]]
            made.append(Line(f"{dtype}, 3 layers, batch {batch}", "width", points))
    return made


def take(point, threads, rounds, seconds):
    """Time the point with each number of threads, alternating; keep the minimum."""
    net = cr.Network([point.width] * (point.depth + 1), dtype=point.dtype)
    start = net.parameters.theta.copy()
    steps = 4
    X = np.random.default_rng(0).standard_normal((point.batch * steps, point.width))
    X, optimizer = X.astype(point.dtype), cr.SGD(1e-4)

    def once(count, epochs):
        net.parameters.theta[:] = start
        began = time.perf_counter()
        net.fit(X, X, optimizer=optimizer, epochs=epochs, batch_size=point.batch,
                shuffle=False, threads=count)  # fmt: skip
        return time.perf_counter() - began

    once(1, 1)
    epochs = max(1, math.ceil(seconds / once(1, 1)))
    epochs = max(1, math.ceil(epochs * seconds / max(once(1, epochs), 1e-9)))
    taken = {count: [] for count in threads}
    for _ in range(rounds):
        for count in threads:
            taken[count].append(once(count, epochs) / (epochs * steps))
    point.seconds = {count: min(times) for count, times in taken.items()}


def flags(previous, point, following, threads):
    """Return what is wrong with a point beside its smaller and its larger neighbour."""
    found = []
    for count in threads:
        name = f"{count} thread{'s' if count > 1 else ''}"
        if previous is not None and point.cost(count) > WORSE * previous.cost(count):
            rise = point.cost(count) / previous.cost(count)
            found.append(f"{name}: a multiply-add costs {rise:.1f}× the smaller neighbour's")
        if following is not None and point.seconds[count] > ABSOLUTE * following.seconds[count]:
            rise = point.seconds[count] / following.seconds[count]
            found.append(f"{name}: {rise:.2f}× the time of the larger neighbour")
    one, most = threads[0], threads[-1]
    if point.seconds[most] > THREADS_LOSE * point.seconds[one]:
        rise = point.seconds[most] / point.seconds[one]
        found.append(f"{most} threads take {rise:.2f}× the time of one")
    return found


def sweep(console, most, rounds, seconds, quick):
    """Print every line, with its cliffs; return all points as rows for JSON."""
    threads = sorted({1, most})
    rows, cliffs = [], 0
    columns = "".join(f"{f'{n} thr.':>9}" for n in threads)
    for line in lines(quick):
        console.print(f"[bold]{line.title}[/]: picoseconds a multiply-add", highlight=False)
        console.print(f"{line.grows:>8}{columns}", highlight=False)
        for point in line.points:
            take(point, threads, rounds, seconds)
        around = [None, *line.points, None]
        for previous, point, following in zip(around, around[1:], around[2:], strict=False):
            found = flags(previous, point, following, threads)
            cliffs += bool(found)
            costs = "".join(f"{point.cost(n):9.1f}" for n in threads)
            text = f"{getattr(point, line.grows):8}{costs}  [red]{'; '.join(found)}[/]"
            console.print(text, highlight=False)
            rows.append(vars(point) | {"line": line.title, "grows": line.grows, "flags": found})
    console.print(f"{len(rows)} cases, {cliffs} flagged")
    return rows
