"""Each equation, evaluated, is the engine's number: for every activation, loss and optimizer."""

import itertools

import numpy as np
import pytest

import chainrule as cr
from chainrule.explain.equations import Equations
from chainrule.explain.expressions import evaluated, references
from chainrule.explain.quantities import KINDS, Quantity

RNG = np.random.default_rng(3)
N = 12


def targets(loss, outputs, rng=RNG):
    row = cr.LOSSES[loss.partition(":")[0]]
    if row.targets == "classes":
        return rng.integers(0, outputs, N)
    columns = outputs // cr.Network([2, outputs], loss=loss).spec.loss_row.outputs_per_target
    y = rng.normal(size=(N, columns))
    if row.targets in ("counts", "positive"):
        return np.abs(y) + 0.1
    return rng.integers(0, 2, y.shape) if row.targets == "binary" else y


def step(sizes=(3, 4, 3), loss="squared_error", step=5, weighted=False, **options):
    """A step of a fit in float64, whose numbers a formula in float64 repeats to a few roundings."""
    fit = {name: options.pop(name) for name in ("optimizer", "batch_size") if name in options}
    net = cr.Network(
        sizes, loss=loss, **{"dtype": "float64", "seed": 2, "init": "he_normal"} | options
    )
    X, y = RNG.normal(size=(N, sizes[0])), targets(loss, sizes[-1])
    weight = RNG.uniform(0.5, 2, N) if weighted else None
    run = net.fit(X, y, epochs=3, sample_weight=weight, **{"batch_size": 4} | fit)
    return run.at(step)


def quantities(trace):
    """Every quantity of a step that has an equation, and some that haven't."""
    spec, n = trace.parameters.spec, len(trace.rows)
    yield from map(Quantity, ("loss", "gradient_norm", "learning_rate", "step_number"))
    for layer, (fan_in, fan_out) in enumerate(spec.shapes):
        for i, j in itertools.product(range(n), range(fan_out)):
            for kind in ("pre_activations", "deltas", "slopes"):
                yield Quantity(kind, layer, (i, j))
            yield Quantity("activations", layer + 1, (i, j))
        for k, j in itertools.product(range(fan_in), range(fan_out)):
            yield from (
                Quantity(kind, layer, (k, j)) for kind in ("weight_gradients", "new_weights")
            )
            yield Quantity("sample_weight_gradients", layer, (0, k, j))
            yield from (Quantity("state_after", layer, (k, j), s) for s in trace.update.state)
        for j in range(fan_out):
            yield from (Quantity(kind, layer, (j,)) for kind in ("bias_gradients", "new_biases"))
            yield from (Quantity("state_after", layer, (j,), s) for s in trace.update.state)
    yield from (Quantity(kind, -1, (i,)) for kind in ("sample_losses", "shares") for i in range(n))


def assert_equations_hold(trace, rtol=1e-12):
    """Relative to the size of what is added: sums cancel."""
    equations, used, todo = Equations(trace), set(), list(quantities(trace))
    seen = set(todo)
    while todo:
        quantity = todo.pop()
        line = equations.line(quantity)
        if line.formula is None:
            continue
        found = evaluated(line.formula, equations.number)
        parts = [abs(equations.number(q)) for q in references(line.formula)]
        scale = max([abs(line.value), 1e-3, *(p for p in parts if np.isfinite(p))])
        assert abs(found - line.value) <= rtol * scale, f"{quantity}: {found} is not {line.value}"
        used |= {q.kind for q in references(line.formula)} | {quantity.kind}
        todo += [q for q in references(line.formula) if q not in seen]
        seen |= {*references(line.formula)}
    return used


SMOOTH = [name for name in cr.ACTIVATIONS if name not in ("softmax", "exponential")]


@pytest.mark.parametrize("activation", [*cr.ACTIVATIONS])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_activations(activation, dropout):
    assert_equations_hold(step(activation=activation, dropout=dropout, optimizer=cr.SGD(1e-4)))


LOSSES = [
    (loss, output)
    for loss, row in cr.LOSSES.items()
    for output in row.outputs or ("identity", "sigmoid", "softmax")
]


@pytest.mark.parametrize(("loss", "output"), LOSSES)
@pytest.mark.parametrize("weighted", [False, True])
def test_losses(loss, output, weighted):
    sizes = (3, 4, 4)
    trace = step(sizes, loss=loss, output=output, activation="tanh", weighted=weighted)
    assert_equations_hold(trace, rtol=1e-10)


@pytest.mark.parametrize("loss", [
    "huber:threshold=0.3", "quantile:levels=0.1 0.5", "focal:gamma=1.5", "binary_focal:gamma=3",
    "cross_entropy:smoothing=0.2",
])  # fmt: skip
def test_losses_with_options(loss):
    assert_equations_hold(step((3, 4, 4), loss=loss, activation="tanh"), rtol=1e-10)


OPTIMIZERS = [
    cr.SGD(0.1), cr.SGD(0.1, momentum=0.9), cr.SGD(0.1, momentum=0.9, nesterov=True), cr.RMSprop(),
    cr.Adagrad(), cr.Adam(), cr.AdamW(), cr.Rprop(), cr.SGD(0.1, clip_norm=0.2),
    cr.Adam(clip_norm=0.2, weight_decay=0.3, averaging=0.8), cr.SGD(0.5, max_norm=0.8),
    cr.Adam(0.1, max_norm=0.8, averaging=0.9), cr.SGD(cr.Cosine(0.1)), cr.SGD(0.1, clip_norm=1e6),
]  # fmt: skip


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_optimizers(optimizer):
    assert_equations_hold(step(optimizer=optimizer, activation="tanh"), rtol=1e-11)


@pytest.mark.parametrize("options", [
    {"l2": 0.1}, {"l1": 0.1}, {"l2": 0.1, "l1": 0.2, "reduction": "sum"}, {"batch_size": 1},
    {"batch_size": 12, "step": 2}, {"sizes": (1, 1)}, {"sizes": (2, 3, 1, 2, 1)},
    {"batch_size": 5, "step": 3}, {"reduction": "sum", "weighted": True},
])  # fmt: skip
@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_shapes_and_penalties(options, engine):
    assert_equations_hold(step(**options, engine=engine, activation="sigmoid"))


def test_every_kind_of_quantity_has_its_equations():
    """What the equations of these steps use is all there is."""
    used = set()
    everything = {"clip_norm": 0.1, "weight_decay": 0.1, "averaging": 0.9, "max_norm": 0.5}
    for dropout, l2, weighted in ((0.4, 0.1, True), (0.0, 0.0, False)):
        used |= assert_equations_hold(
            step((3, 4, 3), dropout=dropout, l2=l2, weighted=weighted, activation="tanh",
                 optimizer=cr.Adam(**everything), output="sigmoid"),
            rtol=1e-10,
        )  # fmt: skip
    assert set(KINDS) - used == {"clip_factor"}  # which stands in no equation
