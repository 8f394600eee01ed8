"""Compiled against reference with everything that a fit may switch on."""

import math

import numpy as np
import pytest

from chainrule import (
    ACTIVATIONS,
    LOSSES,
    OPTIMIZERS,
    SCHEDULES,
    SGD,
    Adam,
    Constant,
    Cosine,
    Exponential,
    InverseScaling,
    NetworkSpec,
    OneCycle,
    Parameters,
    Rprop,
    Staircase,
)
from chainrule.engine import compiled, reference
from chainrule.engine.batches import Batches
from chainrule.theory.named import loss_named

SMOOTH = SGD(0.02, momentum=0.5)
DTYPES = ("float32", "float64")


def spec_of(activations, loss, outputs, **options):
    sizes = (3, *range(4, 3 + len(activations)), outputs)
    return NetworkSpec(sizes, tuple(activations), loss, dtype="float64", **options)


# Few outputs, and more: of what the loss takes.
OUTPUTS = dict.fromkeys(LOSSES, (1, 3)) | dict.fromkeys(("cross_entropy", "focal"), (2, 3))
OUTPUTS["gaussian_nll"] = (2, 6)

HIDDEN_LISTS = (
    ("tanh", "relu", "sigmoid"),
    ("softmax", "tanh"),
    ("gelu", "softmax", "sine"),
    ("softmax", "softmax"),
    ("elu", "identity", "hard_sigmoid", "softplus"),
)


@pytest.mark.parametrize("loss", LOSSES)
def test_hidden_layers_of_different_activations(agreement, loss):
    for hidden in HIDDEN_LISTS:
        for outputs in OUTPUTS[loss]:
            spec = spec_of((*hidden, LOSSES[loss].output), loss, outputs)
            where = f"{hidden}, {loss}, {outputs} outputs"
            agreement.check_trace(spec, 7, 3, where)
            agreement.check_steps(spec, 7, 3, SMOOTH, 20, where)


@pytest.mark.parametrize("output", ACTIVATIONS)
def test_every_output_activation(agreement, output):
    """Under every loss that takes it, its own or not: the pullback of the output layer."""
    for loss, row in LOSSES.items():
        if row.outputs is not None and output not in row.outputs:
            continue
        for outputs in OUTPUTS[loss]:
            spec = spec_of(("tanh", output), loss, outputs)
            where = f"output {output}, {loss}, {outputs} outputs"
            agreement.check_trace(spec, 7, 3, where)
            agreement.check_steps(spec, 7, 3, SMOOTH, 20, where)


OPTIONS = {
    "l2": {"l2": 0.1},
    "l1": {"l1": 0.01},
    "both penalties": {"l2": 0.1, "l1": 0.01},
    "dropout": {"dropout": 0.4},
    "sum": {"reduction": "sum"},
    "all": {"l2": 0.05, "l1": 0.01, "dropout": 0.2, "reduction": "sum"},
}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", OPTIONS)
def test_penalties_dropout_reduction_weights(agreement, name, weighted):
    for loss, outputs in (("squared_error", 1), ("cross_entropy", 3), ("huber", 2)):
        spec = spec_of(("tanh", "sigmoid", LOSSES[loss].output), loss, outputs, **OPTIONS[name])
        for optimizer in (SGD(0.005), Adam(1e-3, epsilon=0.01)):
            where = f"{name}, {loss}, {optimizer.name}, weighted={weighted}"
            options = {"weighted": weighted, "shuffle": True}
            agreement.check_trace(spec, 7, 3, where, **options)
            agreement.check_steps(spec, 7, 3, optimizer, 20, where, **options)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_clipping_by_norm(agreement, optimizer):
    """Of every step (0.01), of none (1e6), and of some."""
    for clip_norm in (0.01, 0.4, 1e6):
        epsilon = {} if optimizer in ("sgd", "rprop") else {"epsilon": 0.01}
        row = OPTIMIZERS[optimizer](1e-3, clip_norm=clip_norm, **epsilon)
        spec = spec_of(("tanh", "tanh", "identity"), "squared_error", 2, l2=0.01)
        where = f"{optimizer}, clip_norm={clip_norm}"
        agreement.check_steps(spec, 7, 3, row, 20, where, weighted=True)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_every_optimizer_has(agreement, optimizer):
    """A limit on the weights into a unit (of all, of some), decay, and the moving average."""
    epsilon = {} if optimizer in ("sgd", "rprop") else {"epsilon": 0.01}
    for options in (
        {"max_norm": 0.3},
        {"max_norm": 1.0, "averaging": 0.9},
        {"weight_decay": 0.1},
        {"averaging": 0.99},
        {"max_norm": 0.8, "weight_decay": 0.1, "averaging": 0.5, "clip_norm": 0.4},
    ):
        row = OPTIMIZERS[optimizer](1e-3, **epsilon, **options)
        for hidden in (4, 33):
            activations = ("tanh", "tanh", "identity")
            spec = NetworkSpec((3, hidden, 5, 2), activations, dtype="float64", l2=0.01)
            agreement.check_steps(spec, 7, 3, row, 20, f"{row}, {hidden} units", weighted=True)


LOSS_OPTIONS = {
    "huber:threshold=0.4": (1, 3),
    "huber:threshold=2.5": (1, 3),
    "quantile:levels=0.1": (1, 3),
    "quantile:levels=0.1 0.5 0.9": (3, 6, 27),
    "binary_focal:gamma=0.5": (1, 3),
    "focal:gamma=0.5": (2, 5, 19),
    "focal:gamma=5": (2, 5),
    "gaussian_nll": (2, 34),
}


@pytest.mark.parametrize("loss", LOSS_OPTIONS)
def test_options_of_losses(agreement, loss):
    """Fewer outputs than a vector has lanes, and more."""
    for outputs in LOSS_OPTIONS[loss]:
        spec = spec_of(("tanh", loss_named(loss).output), loss, outputs)
        agreement.check_trace(spec, 7, 3, f"{loss}, {outputs} outputs")
        agreement.check_steps(spec, 7, 3, SMOOTH, 20, f"{loss}, {outputs} outputs")


SCHEDULE_CASES = (
    Constant(0.02),
    InverseScaling(0.05, power=0.7),
    InverseScaling(0.05, power=0.7, every=3, unit=7.0),
    Exponential(0.03, decay=0.8, steps=5),
    Cosine(0.03, steps=15, minimum=0.001),
    OneCycle(0.03, steps=18),
    Staircase(0.03, factor=0.5, every=4),
)


@pytest.mark.parametrize("schedule", SCHEDULE_CASES, ids=lambda schedule: schedule.name)
def test_schedules(agreement, schedule):
    """Past their own end, too: 25 steps."""
    for optimizer in (SGD(schedule, momentum=0.5), Adam(schedule, epsilon=1.0)):
        spec = spec_of(("tanh", "identity"), "squared_error", 2)
        agreement.check_steps(spec, 7, 3, optimizer, 25, f"{schedule}, {optimizer.name}")


def test_each_schedule_is_tested():
    assert {schedule.name for schedule in SCHEDULE_CASES} == set(SCHEDULES)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_default_hyperparameters(agreement, name):
    """Where no gradient is small beside the largest: one linear layer."""
    spec = NetworkSpec((3, 2), ("identity",), dtype="float64")
    agreement.check_steps(spec, 9, 9, OPTIMIZERS[name](), 20, f"{name} as it comes")


def test_momentum_looks_ahead_or_not(agreement):
    for nesterov in (False, True):
        optimizer = SGD(0.02, momentum=0.9, nesterov=nesterov)
        spec = spec_of(("tanh", "identity"), "squared_error", 2)
        agreement.check_steps(spec, 7, 3, optimizer, 20, f"nesterov={nesterov}")


def test_rprop_turns_and_saturates(agreement):
    """Its other branches: sizes at both limits, gradients that turn and are then 0."""
    spec = spec_of(("tanh", "identity"), "squared_error", 2)
    optimizer = Rprop(1e-3, increase=3.0, decrease=0.1, smallest=5e-4, largest=2e-3)
    agreement.check_steps(spec, 7, 2, optimizer, 20, "rprop at its limits", weighted=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", ["binary_cross_entropy", "cross_entropy"])
def test_fused_losses_at_extreme_logits(agreement, loss, dtype):
    """At ±1e4 the loss is |z|, the δ is a − y, and nothing overflows."""
    spec = NetworkSpec((2, 2), (LOSSES[loss].output,), loss, dtype=dtype)
    parameters = Parameters(spec)
    parameters.weights[0][:] = np.eye(2)
    X = 1e4 * np.array([[1, -1], [-1, 1], [0, 0]], dtype=dtype)
    y = np.array([[0, 1], [0, 1], [1, 0]], dtype=dtype)
    trace = compiled.trace(parameters, X, y, None)
    expected = {
        "binary_cross_entropy": [2e4, 0.0, 2 * math.log(2)],
        "cross_entropy": [2e4, 0.0, math.log(2)],
    }[loss]
    found = {"sample losses": trace.sample_losses, "δ": trace.deltas[0]}
    delta = np.array([[1, -1], [0, 0], [-0.5, 0.5]])
    agreement.compare(found, {"sample losses": expected, "δ": delta}, dtype, loss)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_batch_of_weight_0(reduction):
    """Its L is the penalty and its gradient the penalty's: in both engines, and no NaN."""
    spec = spec_of(("tanh", "identity"), "squared_error", 2, l2=0.1, reduction=reduction)
    rng = np.random.default_rng(1)
    for engine in (compiled, reference):
        parameters = Parameters(spec, rng.normal(size=spec.n_weights + spec.n_biases))
        X, y = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
        trace = engine.trace(parameters, X, y, np.zeros(4))
        assert math.isclose(trace.loss, 0.05 * np.sum(parameters.w**2), rel_tol=1e-12), engine
        np.testing.assert_allclose(trace.gradient.w, 0.1 * parameters.w, rtol=1e-15)
        assert not trace.gradient.b.any(), engine


@pytest.mark.parametrize("dtype", DTYPES)
def test_forward_and_loss_are_those_of_the_trace(agreement, problem, dtype):
    """The functions without a backward pass, which block rows in their own way."""
    for loss in LOSSES:
        spec = spec_of(("gelu", LOSSES[loss].output), loss, OUTPUTS[loss][1], l2=0.1, l1=0.1)
        one = problem(spec, 131, 131, seed=4, weighted=True)
        parameters, _, _, data = one.start(SGD(), dtype)
        arrays = (data.X, data.y, data.sample_weight)
        trace = compiled.trace(parameters, *arrays)
        assert np.array_equal(compiled.forward(parameters, data.X), trace.activations[-1])
        found = {"loss": compiled.loss(parameters, *arrays)}
        agreement.compare(found, {"loss": trace.loss}, dtype, loss)
        exact, _, _, wide = one.start(SGD(), "float64")
        expected = reference.loss(exact, wide.X, wide.y, wide.sample_weight)
        agreement.compare(found, {"loss": expected}, dtype, loss)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_over_the_parameters_leave_out_the_padding(dtype):
    """Norm and penalty of every width: against NumPy's sums over θ."""
    rng = np.random.default_rng(0)
    for width in (1, 2, 3, 7, 8, 9, 15, 17, 31, 33, 65):
        spec = NetworkSpec((3, width, 2), ("tanh", "identity"), l2=0.3, l1=0.2, dtype=dtype)
        parameters = Parameters(spec)
        parameters.theta[:] = rng.normal(size=len(parameters.theta))
        X, y = rng.normal(size=(4, 3)).astype(dtype), rng.normal(size=(4, 2)).astype(dtype)
        w = parameters.w.astype(np.float64)
        trace = compiled.trace(parameters, X, y, None)
        np.testing.assert_allclose(
            trace.penalty, 0.15 * np.sum(w**2) + 0.2 * np.sum(np.abs(w)), rtol=1e-12
        )
        before, g = parameters.theta.astype(np.float64), trace.gradient.theta.astype(np.float64)
        clipped = SGD(1.0, clip_norm=0.01)
        compiled.Trainer(parameters, clipped, [], Batches(X, y, None, 4)).advance(np.ones(1))
        step = before - parameters.theta
        # θ is rounded to its spacing, the step to a hundredth of θ
        tolerance = {"float32": 2e-4, "float64": 1e-12}[dtype]
        np.testing.assert_allclose(
            step, 0.01 * g / np.linalg.norm(g), atol=0.01 * tolerance, rtol=tolerance
        )


def test_padding_that_is_nan_goes_nowhere():
    """An ε of 0 in float32, which a fit refuses, makes 0 / 0 of the padding: no sum reads it."""
    spec = NetworkSpec((3, 5, 2), ("tanh", "identity"), l2=0.3)
    rng = np.random.default_rng(0)
    parameters = Parameters(spec, rng.normal(size=32).astype("float32"))
    X, y = (rng.normal(size=(7, k)).astype("float32") for k in (3, 2))
    optimizer = Adam(epsilon=1e-46, clip_norm=0.1)
    state = [np.zeros_like(parameters.theta) for _ in range(2)]
    trainer = compiled.Trainer(parameters, optimizer, state, Batches(X, y, None, 7))
    assert np.isfinite(trainer.advance(np.full(5, 1e-3))).all()
    assert np.isfinite(parameters.theta).all()
