"""What a record costs, and how soon a step is reached: ``python -m benchmarks.replay``.

The steps of each fit are taken with and without keyframes in turn; then steps at random are opened,
and compared, bit for bit, with the traces that a callback takes in a second run.
"""

import statistics
import sys
import time
from operator import itemgetter
from pathlib import Path

import numpy as np

import chainrule as cr
from chainrule.engine import compiled
from chainrule.engine.keyframes import Keyframes
from chainrule.engine.parameters import Parameters

MNIST = Path(__file__).parents[2] / "shared" / "data" / "mnist.npz"
ROUNDS, SLICES, OPENED = 5, 100, 20
MOST_COST, MOST_SHARE = 0.03, 1 / 32  # of the fit: of keeping the record, and of reaching a step


def images():
    """Return 50,000 images of digits and their classes; noise of that shape where they aren't."""
    if MNIST.exists():
        data = np.load(MNIST)
        X, y = data["x_train"][:50_000].reshape(-1, 784) / 256, data["y_train"][:50_000]
        return np.ascontiguousarray(X, dtype=np.float32), y
    print(f"{MNIST} is not there: noise instead of images")
    rng = np.random.default_rng(0)
    return rng.random((50_000, 784), dtype=np.float32), rng.integers(0, 10, 50_000)


def works():
    """Return the fits by name: what makes the network, and what its fit is given."""
    X, y = images()
    rng = np.random.default_rng(1)
    few = rng.random((400, 2), dtype=np.float32), rng.random((400, 1), dtype=np.float32)
    wide = rng.random((20_000, 30), dtype=np.float32), rng.integers(0, 2, 20_000)
    sgd, adam = cr.SGD(3.0), cr.Adam()
    return {
        "784-30-10, batch 10, SGD": (
            lambda: cr.Network([784, 30, 10], activation="sigmoid", output="sigmoid"),
            {"X": X, "y": np.eye(10)[y], "optimizer": sgd, "epochs": 30, "batch_size": 10},
        ),
        "784-100-10, batch 128, Adam, dropout": (
            lambda: cr.Network([784, 100, 10], loss="cross_entropy", dropout=0.2),
            {"X": X, "y": y, "optimizer": adam, "epochs": 10, "batch_size": 128},
        ),
        "30-100-2, batch 200, Adam": (
            lambda: cr.Network([30, 100, 2], loss="cross_entropy"),
            {"X": wide[0], "y": wide[1], "optimizer": adam, "epochs": 20, "batch_size": 200},
        ),
        "2-8-1, batch 4, SGD": (
            lambda: cr.Network([2, 8, 1], activation="sigmoid", output="sigmoid"),
            {"X": few[0], "y": few[1], "optimizer": sgd, "epochs": 5000, "batch_size": 4},
        ),
    }


def seconds(work):
    """Return how long a call takes, and what it returns."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def cost(run):
    """Return what its keyframes cost a run, as a share of its time.

    Two trainers take the same steps, one with keyframes, in turns of a hundredth of the run, each
    the first as often: what disturbs the machine for longer than that disturbs both.
    """
    record, spent = run.record, [0.0, 0.0]
    trainers = [trainer(record, keyframes) for keyframes in (None, fresh(record))]
    rates = np.array_split(run.rates, SLICES)
    for turn, part in enumerate(rates):
        for which in (turn % 2, 1 - turn % 2):
            spent[which] += seconds(lambda: trainers[which].advance(part))[0]  # noqa: B023
    return spent[1] / spent[0] - 1


def fresh(record):
    """Return keyframes that are as empty as those of a new run."""
    options, theta = record.options, record.start.theta
    slots = len(record.start.optimizer_state)
    return Keyframes(len(theta), slots, str(theta.dtype), options.batch_size)


def trainer(record, keyframes):
    """Return a trainer, on one thread, at the beginning of a run."""
    start, spec = record.start, record.network.spec
    return compiled.Trainer(
        Parameters(spec, start.theta.copy()),
        record.optimizer,
        [vector.copy() for vector in start.optimizer_state],
        record.options.batches(record.data.samples),
        keyframes=keyframes,
    )


def opened(run, steps):
    """Return the least of three times to reach each step, beyond that of the first; and each."""

    def least(step):
        return min((seconds(lambda: run.at(step)) for _ in range(3)), key=itemgetter(0))

    overhead, _ = least(1)
    found = [least(int(step)) for step in steps]
    return [spent - overhead for spent, _ in found], [trace for _, trace in found], overhead


def same_bits(traces, make, options):
    """Return whether a callback of a second run sees the same steps."""
    wanted, seen = {trace.step: trace for trace in traces}, {}

    def look(run):
        if run.step + 1 in wanted and not run.stopped:
            seen[run.step + 1] = run.trace()

    make().fit(**options, callbacks=[cr.Callback(look, every=1)])
    return all(
        one.loss == seen[step].loss
        and one.gradient.theta.tobytes() == seen[step].gradient.theta.tobytes()
        and one.parameters.theta.tobytes() == seen[step].parameters.theta.tobytes()
        and all(
            a.tobytes() == b.tobytes()
            for name in ("activations", "pre_activations", "deltas", "masks")
            for a, b in zip(getattr(one, name), getattr(seen[step], name), strict=True)
        )
        for step, one in wanted.items()
    )


def main():
    """Print a line a network; the exit status is 1 if one misses a target."""
    misses = 0
    for name, (make, options) in works().items():
        fits = [seconds(lambda: make().fit(**options)) for _ in range(3)]  # noqa: B023
        fit, run = min(fits, key=itemgetter(0))
        shares = sorted(cost(run) for _ in range(ROUNDS))
        steps = np.sort(np.random.default_rng(2).integers(2, run.step, OPENED))
        times, traces, overhead = opened(run, steps)
        same = same_bits(traces, make, options)
        worst, median, kept = max(times), statistics.median(shares), run.record.keyframes.kept()
        misses += median > MOST_COST or worst > MOST_SHARE * fit or not same
        print(
            f"{name}: {run.step:,} steps in {fit:.2f} s; the record costs {median:+.1%} "
            f"({shares[0]:+.1%} to {shares[-1]:+.1%}) and has {len(kept)} keyframes; "
            f"{OPENED} steps reached in {min(times) * 1e3:.1f} to {worst * 1e3:.1f} ms, at most "
            f"1/{fit / worst:.0f} of the fit, beyond the {overhead * 1e3:.1f} ms of any step; "
            f"bits {'as' if same else 'NOT as'} a callback sees them"
        )
    return int(misses > 0)


if __name__ == "__main__":
    sys.exit(main())
