"""The formulas of theory/ are what its functions compute: read as expressions, they agree."""

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule.explain.expressions import Constant, Letter, Series, bound, evaluated, mapped
from chainrule.explain.formulas import assignment, formula
from chainrule.theory.optimizer import DECAY

ELEMENTWISE = [row for row in cr.ACTIVATIONS.values() if row.elementwise]
POINTS = [-40.0, -3.5, -1.2, -1e-3, 0.0, 0.3, 2.9, 4.0, 35.0]

# A few roundings of the sums of a formula, where its terms cancel a few times their size.
CLOSE = {"rel_tol": 1e-13, "abs_tol": 1e-15}


def number(value):
    return Constant(float(value), "")


def value_of(text, **letters):
    """The number of a formula; letters that end in _ have an index, as y_ for yⱼ."""
    named = {name: number(value) for name, value in letters.items()}
    return evaluated(bound(formula(text), named), None)


def close(one, other):
    return math.isclose(one, other, **CLOSE) or (math.isnan(one) and math.isnan(other))


@pytest.mark.parametrize("row", ELEMENTWISE, ids=lambda row: row.name)
@pytest.mark.parametrize("z", POINTS)
def test_activations(row, z):
    a = value_of(row.formula, z=z, **row.constants)
    assert close(a, row.value(np.array([z]))[0])
    slope = value_of(row.derivative_formula, z=z, a=a, **row.constants)
    assert close(slope, row.derivative(np.array([z]))[0])


def opened(tree, values):
    """A formula of unit j whose letters with k run over all units."""

    def change(node):
        if isinstance(node, Series):
            terms = [
                bound(node.pattern, {f"{name}ₖ": number(v[k]) for name, v in values.items()})
                for k in range(len(next(iter(values.values()))))
            ]
            return Series(node.index, node.pattern, tuple(terms))
        return None

    return mapped(tree, change)


def test_softmax():
    row, z = cr.ACTIVATIONS["softmax"], np.array([[0.3, -1.0, 2.0]])
    a, u = row.value(z)[0], np.array([0.5, -0.2, 0.1])
    for j in range(3):
        tree = bound(opened(formula(row.formula), {"z": z[0]}), {"zⱼ": number(z[0, j])})
        assert close(evaluated(tree, None), a[j])
        tree = opened(formula(row.pullback_formula), {"a": a, "u": u})
        tree = bound(tree, {"aⱼ": number(a[j]), "uⱼ": number(u[j])})
        assert close(evaluated(tree, None), row.pullback(z, u[None])[0, j])
        for k in range(3):
            letters = {"aⱼ": a[j], "aₖ": a[k], "j": j, "k": k}
            assert close(value_of(row.derivative_formula, **letters), row.jacobian(z)[0, j, k])


LOSSES = {
    "squared_error": {}, "absolute_error": {}, "huber": {"t": 1.0}, "log_cosh": {}, "poisson": {},
    "quantile": {"q": 0.5}, "gamma": {}, "binary_cross_entropy": {}, "cross_entropy": {},
    "binary_focal": {"γ": 2.0}, "focal": {"γ": 2.0},
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("a", [0.07, 0.5, 0.93])
@pytest.mark.parametrize("y", [0.2, 0.5, 1.0])
def test_losses(name, a, y):
    row, letters = cr.LOSSES[name], {"a": a, "y": y, **LOSSES[name]}
    at, truth = np.array([[a]]), np.array([[y]])
    assert close(value_of(row.formula, **letters), row.value(at, truth)[0, 0])
    assert close(value_of(row.derivative_formula, **letters), row.derivative(at, truth)[0, 0])


def test_every_loss_is_compared():
    assert {*LOSSES, "gaussian_nll"} == set(cr.LOSSES)


def test_a_mean_and_a_variance():
    row, m, s, y = cr.LOSSES["gaussian_nll"], 0.4, -0.3, 1.1
    at, truth = np.array([[m, s]]), np.array([[y, y]])
    assert close(value_of(row.formula, m=m, s=s, y=y), row.value(at, truth).sum())
    for text, expected in zip(
        row.derivative_formula.split("; "), row.derivative(at, truth)[0], strict=True
    ):
        assert close(value_of(text, m=m, s=s, y=y), expected)


@pytest.mark.parametrize(("loss", "output"), [
    (loss, output) for loss in cr.LOSSES.values() for output, both in loss.fused.items()
    if both.delta_formula
], ids=lambda value: getattr(value, "name", value))  # fmt: skip
def test_the_short_forms_of_delta(loss, output):
    """Of classes, the targets add up to 1, and z is that of one class."""
    z, y = np.array([[0.3, -0.8]]), np.array([[0.6, 0.4]])
    a = cr.ACTIVATIONS[output].value(z)
    expected = loss.fused[output].delta(z, y)
    for j in range(2):
        found = value_of(loss.fused[output].delta_formula, a=a[0, j], y=y[0, j])
        assert close(found, expected[0, j])


OPTIMIZERS = {
    "sgd": cr.SGD(0.1), "momentum": cr.SGD(0.1, momentum=0.8),
    "look-ahead": cr.SGD(0.1, momentum=0.8, nesterov=True), "rmsprop": cr.RMSprop(),
    "adagrad": cr.Adagrad(), "adam": cr.Adam(), "adamw": cr.AdamW(), "rprop": cr.Rprop(),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("previous", [-0.3, 0.0, 0.7])
def test_optimizers(name, previous):
    """The assignments, one after the other, are what ``update`` does."""
    optimizer, eta, t, g = OPTIMIZERS[name], 0.05, 3, 0.4
    slots = {slot: 0.2 + 0.1 * i for i, slot in enumerate(optimizer.slots)}
    if "previous_gradient" in slots:
        slots["previous_gradient"] = previous
    known = {"θ": 1.5, "g": g, "η": eta, "t": t, "λ": optimizer.weight_decay}
    for letter, meaning in getattr(optimizer, "letters", {}).items():
        known[letter] = slots.get(meaning, getattr(optimizer, meaning, None))
    decay = [DECAY] if optimizer.weight_decay else []
    for text in (*decay, *optimizer.rule_formulas):
        letter, tree = assignment(text)
        given = {name: number(value) for name, value in known.items() if value is not None}
        known[letter] = evaluated(bound(tree, given), None)
    theta, state = np.array([1.5]), [np.array([value]) for value in slots.values()]
    optimizer.update(theta, np.array([g]), state, eta, t)
    assert close(known["θ"], theta[0])
    for slot, vector in zip(optimizer.slots, state, strict=True):
        letter = next(k for k, meaning in optimizer.letters.items() if meaning == slot)
        assert close(known[letter], vector[0])


def test_what_every_optimizer_does_beside_its_rule():
    from chainrule.theory.optimizer import AVERAGE, CLIP, CONSTRAINT, OF_ALL

    optimizer = cr.SGD(0.1, clip_norm=0.5, max_norm=0.7, averaging=0.9)
    fields = {k: getattr(optimizer, v) for k, v in OF_ALL.items() if v != "average"}
    g = np.array([3.0, 4.0])
    tree = assignment(CLIP).formula
    clipped = evaluated(
        bound(tree, {"g": number(3), "c": number(fields["c"]), "n": number(5)}), None
    )
    assert close(clipped, optimizer.clipped(g)[0])
    tree = assignment(CONSTRAINT).formula
    smaller = evaluated(
        bound(tree, {"w": number(3), "r": number(fields["r"]), "n": number(5)}), None
    )
    assert close(smaller, optimizer.constrained(g[:, None])[0, 0])
    tree = assignment(AVERAGE).formula
    average = bound(tree, {"Θ": number(0.2), "θ": number(1), "β": number(fields["β"])})
    assert close(evaluated(average, None), 0.9 * 0.2 + 0.1)


@pytest.mark.parametrize(("text", "complaint"), [
    ("a +", "got 'the end'"), ("(a", r"expected '\)', got 'the end'"), ("a ? b", "what is '"),
    ("a if b else c", "expected a comparison"), ("a, 2 = b", "expected a letter"),
    ("a if a > b", "expected 'else'"), ("|a", r"expected '\|'"),
])  # fmt: skip
def test_what_is_no_formula_is_said(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        formula(text)


def test_a_letter_without_a_number():
    with pytest.raises(TypeError, match="has no number"):
        evaluated(Letter("q"), None)


def test_nothing_times_anything_is_nothing():
    """As in the losses: y ln a is 0 where y is, whatever a."""
    assert value_of("y ln a", y=0.0, a=0.0) == 0.0
    assert value_of("1 / a", a=0.0) == math.inf
    assert value_of("exp(a)", a=1000.0) == math.inf
