"""Rounds of one task, library after library, each result checked against float64 NumPy."""

import math
import random
import statistics
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from benchmarks.peers import OWN
from benchmarks.peers.numpy_by_hand import NumpyByHand, activations, mean_loss
from benchmarks.workers import PeerError

# Relative, of the loss after one epoch, against the same epoch in float64. SGD: float32 rounding
# over 8 to 1,000 steps. Adam divides by sqrt(v): a gradient that is rounding noise makes a whole
# step; and scikit-learn adds its epsilon before the bias correction.
# "shuffled": each library has an order of batches of its own.
TOLERANCES = {"sgd": 1e-4, "adam": 2e-3, "shuffled": 0.1}
# Of outputs, relative to the largest: some hundred roundings.
OUTPUT_TOLERANCE = 1e-4
CHECKED_ROWS = 1000
FEWEST_ROUNDS = 3
PAUSE = 0.02  # seconds between rounds, in which the last library's threads go to sleep


@dataclass
class Result:
    """What was measured for one task; times are seconds of a step or a call, one a round."""

    name: str
    kind: str
    optimizer: str
    layers: tuple[int, ...]
    rows: int
    multiply_adds: int
    tolerance: float
    loss_moved: float | None = None  # relative change of the reference's loss in the checked epoch
    times: dict[str, list[float]] = field(default_factory=dict)
    preparation: dict[str, float] = field(default_factory=dict)
    deviations: dict[str, float] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    not_compared: dict[str, str] = field(default_factory=dict)

    def fastest(self, library):
        """Return the minimum over the rounds."""
        return min(self.times[library])

    def median(self, library):
        """Return the median over the rounds."""
        return statistics.median(self.times[library])

    def best_peer(self):
        """Return the fastest library that isn't chainrule, or None."""
        peers = [name for name in self.times if name not in OWN]
        return min(peers, key=self.fastest) if peers else None

    def ratio(self, of=min):
        """Return how many times faster chainrule is than the best peer, or None."""
        peers = [of(times) for name, times in self.times.items() if name not in OWN]
        return (
            min(peers) / of(self.times["chainrule"])
            if "chainrule" in self.times and peers
            else None
        )

    def share(self, peak):
        """Return chainrule's multiply-adds per second, as a share of the peak, or None."""
        if "chainrule" not in self.times or not peak:
            return None
        return self.multiply_adds / self.fastest("chainrule") / peak

    @property
    def failures(self):
        """Return the libraries whose result was wrong."""
        return [name for name, d in self.deviations.items() if not d <= self.tolerance]

    @property
    def check_is_weak(self):
        """Return whether the loss hardly moved, so that agreement says little."""
        return self.loss_moved is not None and self.loss_moved < 10 * self.tolerance

    def to_dict(self, peak):
        """Return everything, ready for JSON."""
        summary = {
            name: {"minimum": self.fastest(name), "median": self.median(name)}
            for name in self.times
        }
        return asdict(self) | {
            "summary": summary,
            "best_peer": self.best_peer(),
            "ratio_of_minima": self.ratio(),
            "ratio_of_medians": self.ratio(statistics.median),
            "share_of_best_library_product": self.share(peak),
        }


class TrainingCheck:
    """The loss after one epoch, computed here in float64 for every library's weights."""

    def __init__(self, task, result):
        exact = replace(task, dtype="float64")
        weights, biases = task.initial()
        # float32 numbers in float64: the reference starts from the very same bits
        self.X, self.y = (array.astype("float64") for array in task.data)
        self.task = exact
        reference = NumpyByHand(1)
        reference.start_from(exact, self.X, self.y, weights, biases)
        reference.train(1)
        self.loss = self._loss(*reference.parameters())
        result.loss_moved = abs(self._loss(weights, biases) / self.loss - 1)

    def _loss(self, weights, biases):
        n = 4096
        weights, biases = ([p.astype("float64") for p in ps] for ps in (weights, biases))
        return mean_loss(self.task, weights, biases, self.X[:n], self.y[:n])

    def deviation(self, worker, result):
        """Return the relative deviation of the loss, or None with the reason noted."""
        weights, biases, reason = worker.ask("trained", 1)
        if reason:
            result.not_compared[worker.name] = reason
            return None
        return self.deviation_of(weights, biases)

    def deviation_of(self, weights, biases):
        """Return the relative deviation of the loss that these parameters have."""
        return abs(self._loss(weights, biases) / self.loss - 1)


class ManyCheck:
    """The loss of the first, a middle and the last network, each as if it were alone."""

    def __init__(self, task, result):
        self.members = {
            i: TrainingCheck(task.member(i), result)
            for i in (0, task.networks // 2, task.networks - 1)
        }

    def deviation(self, worker, result):  # noqa: ARG002
        """Return the largest relative deviation."""
        *parameters, _ = worker.ask("trained", 1)
        return max(
            check.deviation_of(*([array[i] for array in part] for part in parameters))
            for i, check in self.members.items()
        )


class PredictionCheck:
    """The outputs of the first rows in float64."""

    def __init__(self, task, result):  # noqa: ARG002
        X = task.data[:CHECKED_ROWS].astype("float64")
        parameters = [[p.astype("float64") for p in part] for part in task.initial()]
        self.outputs = activations(task, *parameters, X)[-1]

    def deviation(self, worker, result):  # noqa: ARG002
        """Return the largest difference, relative to the largest output."""
        outputs = worker.ask("predicted", CHECKED_ROWS)
        return float(np.abs(outputs - self.outputs).max() / np.abs(self.outputs).max())


CHECKS = {"training": TrainingCheck, "many": ManyCheck, "prediction": PredictionCheck}


def tolerance(task):
    """Return the relative deviation that is still agreement."""
    if task.kind == "prediction":
        return OUTPUT_TOLERANCE
    return TOLERANCES["shuffled" if task.shuffle else task.optimizer]


def measure(workers, task, rounds, seconds, deadline=math.inf):
    """Return the result of one task: all libraries made ready, then the rounds, alternating.

    Parameters
    ----------
    workers : list of Worker
    task : Training or Prediction
    rounds : int
    seconds : float
        A round takes at least so long: more epochs, or more calls, for the faster library.
    deadline : float
        Of ``time.monotonic``: past it no round begins, but for the first three.
    """
    result = Result(
        task.name, task.kind, getattr(task, "optimizer", ""), task.layers,
        getattr(task, "batch", 0) or task.n_rows, task.multiply_adds, tolerance(task),
    )  # fmt: skip
    check = CHECKS[task.kind](task, result)
    ready = [worker for worker in workers if _prepare(worker, task, check, seconds, result)]
    for done in range(rounds):
        if done >= FEWEST_ROUNDS and time.monotonic() > deadline:
            break
        # in another order each time, so that none always follows one that leaves it cold memory
        for worker in random.Random(done).sample(ready, len(ready)):
            time.sleep(PAUSE)
            try:
                took = worker.ask("round")
            except PeerError as reason:
                ready.remove(worker)
                result.times.pop(worker.name, None)
                result.skipped[worker.name] = str(reason)
            else:
                result.times.setdefault(worker.name, []).append(took)
    for worker in ready:
        with suppress(PeerError):  # it starts anew when next asked
            worker.ask("finish")
    return result


def _prepare(worker, task, check, seconds, result):
    """Return whether the library is warm and ready for its rounds; note its check."""
    try:
        result.preparation[worker.name] = worker.ask("start", task)
        deviation = check.deviation(worker, result)
        if deviation is not None:
            result.deviations[worker.name] = deviation
        worker.ask("calibrate", seconds)
    except PeerError as reason:
        result.preparation.pop(worker.name, None)
        result.skipped[worker.name] = str(reason).removeprefix("UnsupportedError: ")
        return False
    return True


def best_product(workers, rounds, size, dtype):
    """Return (multiply-adds per second, library) of the fastest large matrix product."""
    rates = [(0.0, "none")]
    for _ in range(rounds):
        for worker in workers:
            try:
                rate = worker.ask("product_rate", size, dtype)
            except PeerError:
                continue
            rates.append((rate or 0.0, worker.name))
            time.sleep(PAUSE)
    return max(rates)
