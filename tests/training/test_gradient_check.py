"""The published gradient is the derivative of the published loss, and a wrong one is found out."""

from types import SimpleNamespace

import numpy as np
import pytest

import chainrule as cr
from chainrule.engine import compiled

# Central differences with h = ∛ε are right to about h² = 4e-11 of the third derivative and
# ε L / h = 4e-11 L; relative to a gradient of a thousandth of the largest that stays below 1e-6.
SMOOTH = 1e-6

# Kinks are kept 16 h away: h = 6e-6 moves a pre-activation by h |a|.
CLEAR = 1e-4
KINKS = {
    "relu": (0.0,),
    "leaky_relu": (0.0,),
    "elu": (0.0,),
    "selu": (0.0,),
    "softsign": (0.0,),
    "hard_sigmoid": (-3.0, 3.0),
}


def clearance(trace):
    """The least distance of a pre-activation, a residual or a weight from a kink of L."""
    spec = trace.parameters.spec
    distances = [np.abs(z - kink).min() for name, z in zip(
        spec.activations, trace.pre_activations, strict=True
    ) for kink in KINKS.get(name, ())]  # fmt: skip
    residual = np.abs(trace.activations[-1] - trace.targets)
    if spec.loss in ("absolute_error", "quantile"):
        distances.append(residual.min())
    if spec.loss == "huber":
        distances.append(np.abs(residual - 1).min())
    if spec.l1:
        distances.append(np.abs(trace.parameters.w).min())
    return min(distances, default=np.inf)


def targets(rng, loss, n, outputs):
    if loss in ("cross_entropy", "focal"):
        return rng.dirichlet(np.ones(outputs), size=n)
    if loss in ("binary_cross_entropy", "binary_focal"):
        return rng.uniform(size=(n, outputs))
    if loss == "gamma":
        return rng.gamma(2.0, size=(n, outputs))
    if loss == "gaussian_nll":
        outputs //= 2
    if loss == "poisson":
        return rng.poisson(2.0, size=(n, outputs))
    return 2.0 * rng.normal(size=(n, outputs))


def clear_case(activation, loss, outputs, **options):
    """A network and data away from kinks; weights and biases both standard normal, scaled."""
    for seed in range(100):
        rng = np.random.default_rng(seed)
        net = cr.Network(
            [3, 4, 3, outputs], activation=activation, loss=loss, dtype="float64",
            init="standard_normal", seed=seed, **options,
        )  # fmt: skip
        net.w, net.b = 0.6 * net.w, 0.3 * net.b
        X, y = rng.normal(size=(7, 3)), targets(rng, loss, 7, outputs)
        weight = rng.uniform(0.5, 2.0, size=7)
        if clearance(net.trace(X, y)) > CLEAR:
            return net, X, y, weight
    raise AssertionError(f"no seed is clear of the kinks of {activation}, {loss}")


@pytest.mark.parametrize("loss", cr.LOSSES)
@pytest.mark.parametrize("activation", cr.ACTIVATIONS)
def test_every_combination(activation, loss):
    """Few outputs and 3, mean and sum, with both penalties and sample weights."""
    few = 2 if loss in ("cross_entropy", "focal", "gaussian_nll") else 1
    for outputs in (few, 4 if loss == "gaussian_nll" else 3):
        for reduction in ("mean", "sum"):
            options = {"reduction": reduction, "l2": 0.1, "l1": 0.05}
            net, X, y, weight = clear_case(activation, loss, outputs, **options)
            check = cr.check_gradient(net, X, y, sample_weight=weight)
            assert check.relative_error < SMOOTH, f"{outputs} outputs, {reduction}: {check}"
            assert check.checked == net.w.size + net.b.size


@pytest.mark.parametrize("output", cr.ACTIVATIONS)
def test_every_output_under_squared_error(output):
    for outputs in (1, 3):
        net, X, y, _ = clear_case("tanh", "squared_error", outputs, output=output)
        check = cr.check_gradient(net, X, y)
        assert check.relative_error < SMOOTH, f"{outputs} outputs: {check}"


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_without_weights_and_penalties(engine):
    net, X, y, _ = clear_case("sigmoid", "squared_error", 2, engine=engine)
    assert cr.check_gradient(net, X, y).relative_error < SMOOTH


def test_a_float32_network_is_checked_in_float64():
    net = cr.Network([3, 4, 2], activation="tanh", seed=1)
    before = net.w.copy()
    check = cr.check_gradient(net, np.eye(3), np.ones((3, 2)))
    assert check.relative_error < SMOOTH, check
    assert np.array_equal(net.w, before)
    assert net.spec.dtype == "float32"


def broken(change):
    """An engine whose gradient ``change`` spoils; its loss is right."""

    def trace(parameters, X, y, sample_weight, threads=1):
        result = compiled.trace(parameters, X, y, sample_weight, threads)
        change(result, len(X))
        return result

    return SimpleNamespace(NAME="broken", trace=trace, loss=compiled.loss)


def forget_mean(trace, n):
    trace.gradient.theta[:] *= n


def times_outputs(trace, n):  # noqa: ARG001
    """What scikit-learn's regressor does under L-BFGS since 2017, issue #8349."""
    trace.gradient.theta[:] *= trace.parameters.spec.n_outputs


def forget_l2(trace, n):  # noqa: ARG001
    trace.gradient.w[:] -= trace.parameters.spec.l2 * trace.parameters.w


def penalize_biases(trace, n):  # noqa: ARG001
    trace.gradient.b[:] += trace.parameters.spec.l2 * trace.parameters.b


def with_engine(net, engine):
    """The same network, whose engine, which can't be replaced, is another one."""
    other = net.copy()
    other.__dict__["engine"] = engine
    return other


@pytest.mark.parametrize(
    ("change", "least"),
    # n = 7: 1 - 1/7; 3 outputs: 1 - 1/3; the penalties are smaller parts of the gradient
    [(forget_mean, 0.857), (times_outputs, 0.666), (forget_l2, 0.01), (penalize_biases, 0.01)],
)
def test_a_wrong_gradient_fails(change, least):
    net, X, y, weight = clear_case("tanh", "squared_error", 3, l2=0.1)
    net = with_engine(net, broken(change))
    check = cr.check_gradient(net, X, y, sample_weight=weight)
    assert check.relative_error > least, check


def test_it_names_the_place():
    """Each parameter spoiled on its own is the one that is named, with both numbers."""
    net, X, y, _ = clear_case("tanh", "squared_error", 2)
    names = [f"weights[{layer}][{i}, {j}]" for layer, W in enumerate(net.weights)
             for i, j in np.ndindex(W.shape)]  # fmt: skip
    names += [f"biases[{layer}][{j}]" for layer, b in enumerate(net.biases) for j in range(len(b))]
    right = net.gradient(X, y).parameters.theta
    for place, name in enumerate(names):

        def spoil(trace, n, place=place):  # noqa: ARG001
            trace.gradient.theta[place] += 1.0

        check = cr.check_gradient(with_engine(net, broken(spoil)), X, y)
        assert check.where == name
        assert check.analytic == pytest.approx(right[place] + 1.0, rel=1e-12)
        assert check.numeric == pytest.approx(right[place], rel=1e-5, abs=1e-8)


def test_large_networks_are_sampled():
    net = cr.Network([5, 20, 2], seed=0, activation="tanh")
    check = cr.check_gradient(net, np.ones((2, 5)), np.ones((2, 2)), most=17)
    assert check.checked == 17
    assert check.relative_error < SMOOTH
    with pytest.raises(ValueError, match=r"most must be a whole number >= 1, got 0"):
        cr.check_gradient(net, np.ones((2, 5)), np.ones((2, 2)), most=0)


def test_at_a_minimum():
    """The gradient is 0, the central difference 6e-17: no disagreement."""
    net = cr.Network([2, 3, 1], activation="relu", dtype="float64")
    net.w, net.b = -np.ones(9), -np.ones(4)
    check = cr.check_gradient(net, np.ones((3, 2)), -np.ones(3))
    assert (check.relative_error, check.analytic) == (0.0, 0.0)
    assert abs(check.numeric) < 1e-10
