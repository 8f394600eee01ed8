"""What the engine's tests share: problems with known distances from every kink, and one measure."""

import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from chainrule.engine import compiled, reference
from chainrule.engine.batches import Batches
from chainrule.engine.parameters import Parameters
from chainrule.engine.spec import NetworkSpec
from chainrule.theory.named import loss_named
from chainrule.theory.optimizers import SGD

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}

# Where the derivative jumps. elu, softsign and huber are not analytic there, but smooth enough.
KINKS = {"relu": (0.0,), "leaky_relu": (0.0,), "selu": (0.0,), "hard_sigmoid": (-3.0, 3.0)}


def relative(found, expected):
    """max |difference| / max |expected| of two arrays; 0 where both are 0 throughout.

    The rounding of a sum is relative to its largest terms, so an entry that cancels carries
    the rounding of its neighbours: measured by itself it would tell about the data, not the engine.
    """
    found, expected = np.asarray(found, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    assert found.shape == expected.shape, f"shape {found.shape}, expected {expected.shape}"
    if expected.size == 0 or np.array_equal(found, expected):
        return 0.0
    size = np.max(np.abs(expected))
    return float(np.max(np.abs(found - expected)) / (size or np.finfo(np.float64).tiny))


KINKED = ("absolute_error", "quantile")
FAR = {"log_cosh": (1, 2), "gaussian_nll": (1.5, 2.5)}


@dataclass(frozen=True)
class Problem:
    """A float64 network, its start and its data, all of them numbers that float32 holds too."""

    spec: NetworkSpec
    theta: np.ndarray
    batches: Batches

    def start(self, optimizer, dtype):
        """Return fresh parameters, state and batches of a dtype."""
        parameters = Parameters(replace(self.spec, dtype=dtype), self.theta.astype(dtype))
        state = [optimizer.initial_slot(slot, parameters.theta) for slot in optimizer.slots]
        weight, data = self.batches.sample_weight, self.batches
        cast = replace(
            data,
            X=data.X.astype(dtype),
            y=data.y.astype(dtype),
            sample_weight=None if weight is None else weight.astype(dtype),
        )
        return parameters, optimizer, state, cast


def targets(rng, loss, n, outputs):
    """Targets that the loss takes, away from the outputs where that matters.

    At a = y absolute_error and quantile have their kink, and log_cosh and poisson are differences
    of larger numbers: a loss of 1e-4 has 3 digits in float32, though its gradient has all. Far
    from it, log_cosh has gradients of ±(1 - 1e-5), whose sum may cancel. gaussian_nll is 0
    somewhere between a small error, where it is negative, and a large one.
    """
    kind = loss_named(loss).targets
    if kind == "classes":
        return np.eye(outputs)[rng.integers(outputs, size=n)]
    if kind == "binary":
        return rng.integers(2, size=(n, outputs)).astype(np.float64)
    if kind in ("counts", "positive"):
        return rng.integers(3, 7, size=(n, outputs)).astype(np.float64)
    if loss in ("log_cosh", "gaussian_nll") or loss_named(loss).row in KINKED:
        nearest, farthest = FAR.get(loss, (6, 9))
        size = rng.uniform(nearest, farthest, size=(n, outputs))
        return rng.choice([-1.0, 1.0], size=(n, outputs)) * size
    return rng.normal(size=(n, outputs))


def float32_values(array):
    return np.ascontiguousarray(array.astype(np.float32).astype(np.float64))


def make_problem(spec, n, batch_size, seed, *, weighted=False, shuffle=False):
    """A network of moderate weights and standard normal inputs.

    No activation saturates; weights are smaller where exp(z) of an exp(z) would magnify
    the rounding of z by the size of z.
    """
    rng = np.random.default_rng(seed)
    parameters = Parameters(spec)
    spread = 0.3 if "exponential" in spec.activations[:-1] else 1.0
    for W, b in zip(parameters.weights, parameters.biases, strict=True):
        W[:] = spread * rng.normal(size=W.shape) / np.sqrt(len(W))
        b[:] = 0.2 * rng.normal(size=b.shape)
    X = rng.normal(size=(n, spec.n_inputs))
    y = targets(rng, spec.loss, n, spec.n_outputs)
    weight = float32_values(rng.uniform(0.5, 2.0, size=n)) if weighted else None
    data = Batches(float32_values(X), float32_values(y), weight, batch_size, shuffle, seed=seed + 7)
    return Problem(spec, float32_values(parameters.theta), data)


def smallest_nonzero(values):
    values = np.abs(values[values != 0])
    return float(values.min()) if values.size else np.inf


def distance_to_kinks(trace, signs_matter):
    """How far a step is from where rounding could change which side of a kink it is on.

    An exact 0 is the same in both engines, so it does not count. ``signs_matter``: whether
    the optimizer (Rprop, or the first step of one that divides by |g|) reads the sign of g.
    """
    spec, least = trace.parameters.spec, np.inf
    for name, z in zip(spec.activations, trace.pre_activations, strict=True):
        for kink in KINKS.get(name, ()):
            least = min(least, smallest_nonzero(z - kink))
    if spec.loss_row.row in KINKED:
        least = min(least, smallest_nonzero(trace.activations[-1] - trace.targets))
    if spec.l1:
        least = min(least, smallest_nonzero(trace.parameters.w))
    g = trace.gradient.theta
    if signs_matter and g.any():
        least = min(least, smallest_nonzero(g) / np.max(np.abs(g)))
    return least


class WatchedTrainer(reference.Trainer):
    """The reference's trainer, keeping the least distance to a kink."""

    least = np.inf

    def trace(self):
        step = super().trace()
        signs_matter = self.optimizer.name == "rprop" or (self.step == 0 and self.state)
        self.least = min(self.least, distance_to_kinks(step, signs_matter))
        return step


def trace_quantities(trace):
    """Every quantity of a trace, by name and layer."""
    several = (
        "activations",
        "pre_activations",
        "deltas",
        "masks",
        "weights",
        "biases",
        "weight_gradients",
        "bias_gradients",
    )
    single = ("targets", "sample_losses", "loss", "penalty", "step", "rows")
    arrays = {
        f"{name}[{layer}]": x for name in several for layer, x in enumerate(getattr(trace, name))
    }
    return arrays | {name: getattr(trace, name) for name in single}


def run_quantities(trainer, rates):
    """Losses, parameters and optimizer state: after the first step, and every 7 steps.

    One array for the whole run, as a velocity that passes 0 carries the rounding of larger ones.
    """
    rows = []
    for stretch in np.split(rates, np.arange(1, len(rates), 7)):
        losses = trainer.advance(np.ascontiguousarray(stretch))
        names = ("losses", "parameters", *trainer.optimizer.slots)
        vectors = (losses, trainer.parameters.theta, *trainer.state)
        rows.append({name: x.copy() for name, x in zip(names, vectors, strict=True)})
    first = {f"{name} after the first step": x for name, x in rows[0].items()}
    return first | {name: np.concatenate([row[name] for row in rows]) for name in names}


def sensitivity(problem, optimizer, quantities):
    """How far a rounding to float32 of all parameters, inputs and shares moves a quantity.

    Where a sum cancels, or a run is unstable, this is far above the rounding itself, and no two
    arithmetics agree. Computed in float64; the engine that is faster does.
    """
    rng = np.random.default_rng(0)

    def moved(array):
        return array * (1 + 2.0**-24 * rng.choice([-1.0, 1.0], size=array.shape))

    batches, weight = problem.batches, problem.batches.sample_weight
    weight = np.ones(len(batches.X)) if weight is None else weight
    batches = replace(batches, X=moved(batches.X), sample_weight=moved(weight))
    other = Problem(problem.spec, moved(problem.theta), batches)
    start, end = (
        quantities(compiled.Trainer(*one.start(optimizer, "float64"))) for one in (problem, other)
    )
    return max(relative(end[name], start[name]) for name in start)


class Agreement:
    """Compares the engines on well-posed problems, and remembers the worst difference."""

    # Closer to a kink than this, float32 may fall on its other side.
    margin = 1e-6
    most_sensitive = TOLERANCE["float32"] / 10

    def __init__(self):
        self.worst = dict.fromkeys(TOLERANCE, (0.0, ""))

    def check_trace(self, spec, n, batch_size, where, **options):
        """Compare every quantity of the trace of the first step."""
        self._check(spec, n, batch_size, SGD(), _first_trace, where, options)

    def check_steps(self, spec, n, batch_size, optimizer, steps, where, **options):
        """Compare losses, parameters and optimizer state after the first and after all steps."""
        rates = optimizer.rates(np.arange(1, steps + 1))

        def quantities(trainer):
            return run_quantities(trainer, rates)

        self._check(spec, n, batch_size, optimizer, quantities, where, options)

    def _check(self, spec, n, batch_size, optimizer, quantities, where, options):
        for seed in range(60):
            problem = make_problem(spec, n, batch_size, seed, **options)
            if sensitivity(problem, optimizer, quantities) > self.most_sensitive:
                continue
            trainer = WatchedTrainer(*problem.start(optimizer, "float64"))
            expected = quantities(trainer)
            if trainer.least > self.margin:
                break
        else:
            raise AssertionError(f"{where}: every seed is ill-conditioned or close to a kink")
        for dtype in TOLERANCE:
            found = quantities(compiled.Trainer(*problem.start(optimizer, dtype)))
            self.compare(found, expected, dtype, where)

    def compare(self, found, expected, dtype, where):
        """Fail unless each relative difference is within the tolerance of the dtype."""
        assert found.keys() == expected.keys()
        for name, other in expected.items():
            difference = relative(found[name], other)
            if difference > self.worst[dtype][0]:
                self.worst[dtype] = (difference, f"{name}, {where}")
            assert difference <= TOLERANCE[dtype], (
                f"{name}, {where}, {dtype}: relative difference {difference:.3g}, tolerance "
                f"{TOLERANCE[dtype]}\nfound {found[name]}\nexpected {other}"
            )


def _first_trace(trainer):
    return trace_quantities(trainer.trace())


@pytest.fixture(scope="module")
def agreement():
    """Compare the engines; print the worst differences of the file at its end (``pytest -s``)."""
    result = Agreement()
    yield result
    for dtype, (difference, where) in result.worst.items():
        print(f"\nworst relative difference in {dtype}: {difference:.3g}: {where}")


@pytest.fixture(scope="session")
def problem():
    """Make a problem: ``problem(spec, n, batch_size, seed, weighted=, shuffle=)``."""
    return make_problem


@pytest.fixture
def cpp_program(tmp_path):
    """Compile a program of ``tests/cpp`` with sources of ``cpp``; return its path."""
    names = (os.environ.get("CXX"), "c++", "g++", "clang++")
    compiler = next((name for name in names if name and shutil.which(name)), None)
    if compiler is None:
        pytest.skip("no C++ compiler")
    root = Path(__file__).parents[2]

    def compile_program(source, *others, flags=("-O2",)):
        program = tmp_path / Path(source).stem
        sources = [root / "tests" / "cpp" / source, *(root / "cpp" / name for name in others)]
        flags = [*flags, *os.environ.get("CXXFLAGS", "").split()]
        command = [compiler, "-std=c++20", *flags, "-pthread", *map(str, sources), "-o", program]
        built = subprocess.run(command, capture_output=True, text=True, check=False)
        assert built.returncode == 0, built.stderr[-3000:]
        return program

    return compile_program
