"""Network: its numbers, its functions restated in NumPy, its independence, its errors."""

import subprocess
import sys
from textwrap import dedent

import numpy as np
import pytest

import chainrule as cr

RNG = np.random.default_rng(0)
X = RNG.normal(size=(7, 3))
Y = RNG.normal(size=(7, 2))
CLASSES = np.array([0, 1, 1, 0, 1, 0, 0])
ENGINES = ("compiled", "reference")


def net(**options):
    options = {"activation": "tanh", "dtype": "float64", "seed": 4} | options
    return cr.Network([3, 5, 2], **options)


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


# -- what it computes -----------------------------------------------------------------------


def test_forward(engine):
    one = net(engine=engine)
    hidden = np.tanh(X @ one.weights[0] + one.biases[0])
    expected = hidden @ one.weights[1] + one.biases[1]
    np.testing.assert_allclose(one.forward(X), expected, rtol=1e-13)
    assert one.forward(X).dtype == "float64"
    assert one.forward(np.empty((0, 3))).shape == (0, 2)


def test_loss(engine):
    """Weighted mean of ½ Σ (a − y)² plus ½ l2 Σ w² + l1 Σ |w|, or the sum."""
    weight = np.arange(1.0, 8.0)
    for reduction, total in (("mean", weight.sum()), ("sum", 1.0)):
        one = net(engine=engine, l2=0.3, l1=0.2, reduction=reduction)
        sample_losses = 0.5 * np.sum((one.forward(X) - Y) ** 2, axis=1)
        penalty = 0.15 * np.sum(one.w**2) + 0.2 * np.sum(np.abs(one.w))
        expected = weight @ sample_losses / total + penalty
        assert one.loss(X, Y, sample_weight=weight) == pytest.approx(expected, rel=1e-13)
    assert isinstance(one.loss(X, Y), float)


def test_trace_and_gradient(engine):
    """δ without 1/n; 1/n in L and its gradient; dropout off; nothing changed."""
    one = net(engine=engine, dropout=0.5)
    before = one.parameters.theta.copy()
    trace, gradient = one.trace(X, Y), one.gradient(X, Y)
    hidden = np.tanh(X @ one.weights[0] + one.biases[0])
    delta = hidden @ one.weights[1] + one.biases[1] - Y
    np.testing.assert_allclose(trace.deltas[1], delta, rtol=1e-12)
    np.testing.assert_allclose(gradient.weights[1], hidden.T @ delta / 7, rtol=1e-12)
    np.testing.assert_allclose(gradient.biases[1], delta.mean(axis=0), rtol=1e-12)
    assert np.array_equal(trace.activations[0], X)
    assert np.array_equal(trace.targets, Y)
    assert (trace.step, trace.rows.tolist(), trace.masks) == (1, list(range(7)), ())
    assert gradient.loss == trace.loss == pytest.approx(one.loss(X, Y), rel=1e-14)
    assert np.array_equal(gradient.w, trace.gradient.w)
    assert np.array_equal(one.parameters.theta, before)


def test_step(engine):
    """Equation (3): θ ← θ − η g; returns the loss before it."""
    one = net(engine=engine)
    loss, gradient, before = one.loss(X, Y), one.gradient(X, Y), one.parameters.theta.copy()
    assert one.step(X, Y, cr.SGD(0.5)) == pytest.approx(loss, rel=1e-14)
    expected = before - 0.5 * gradient.parameters.theta
    np.testing.assert_allclose(one.parameters.theta, expected, rtol=1e-13)


def test_engines_agree():
    """The same seed gives the same network, and the same fit."""
    runs = [net(engine=engine, dropout=0.1).fit(X, Y, epochs=5, batch_size=2) for engine in ENGINES]
    assert np.array_equal(net(engine="reference").w, net().w)
    np.testing.assert_allclose(runs[0].losses, runs[1].losses, rtol=1e-12)
    assert runs[1].network.copy().engine is runs[1].network.engine


# -- targets and weights --------------------------------------------------------------------


def test_class_numbers_are_one_hot_rows():
    one = net(loss="cross_entropy")
    rows = np.eye(2)[CLASSES]
    for classes in (CLASSES, CLASSES.tolist(), CLASSES.astype("uint8"), CLASSES.astype(float)):
        assert one.loss(X, classes) == one.loss(X, rows)
        found, expected = one.gradient(X, classes), one.gradient(X, rows)
        assert np.array_equal(found.parameters.theta, expected.parameters.theta)
    fits = [one.copy().fit(X, y, epochs=3, batch_size=3).network.w for y in (CLASSES, rows)]
    assert np.array_equal(*fits)


def test_one_column_may_be_a_vector():
    one = cr.Network([3, 1])
    y = Y[:, 0]
    assert one.loss(X, y) == one.loss(X, y.reshape(-1, 1)) == one.loss(X.tolist(), y.tolist())
    binary = cr.Network([3, 1], loss="binary_cross_entropy")
    assert binary.loss(X, CLASSES) == binary.loss(X, CLASSES.reshape(-1, 1) == 1)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_weight_2_is_a_sample_twice(reduction):
    """To 1e-12: the sums are over other numbers of terms."""
    one = net(reduction=reduction, l2=0.1)
    weight = np.array([1, 2, 1, 1, 3, 1, 1])
    repeated = np.repeat(np.arange(7), weight)
    found = one.gradient(X, Y, sample_weight=weight)
    expected = one.gradient(X[repeated], Y[repeated])
    assert found.loss == pytest.approx(expected.loss, rel=1e-12)
    theta = expected.parameters.theta
    np.testing.assert_allclose(
        found.parameters.theta, theta, rtol=0, atol=1e-12 * np.abs(theta).max()
    )


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_weight_0_is_a_sample_absent(reduction):
    one = net(reduction=reduction)
    kept = np.array([1, 0, 1, 1, 0, 1, 1], dtype=bool)
    spoiled = np.where(kept[:, None], X, 1e3)
    found = one.gradient(spoiled, Y, sample_weight=kept.astype(float))
    expected = one.gradient(X[kept], Y[kept])
    assert found.loss == pytest.approx(expected.loss, rel=1e-12)
    theta = expected.parameters.theta
    np.testing.assert_allclose(
        found.parameters.theta, theta, rtol=0, atol=1e-12 * np.abs(theta).max()
    )


def test_weights_are_relative_in_a_mean():
    one = net()
    weight = RNG.uniform(1, 2, size=7)
    assert one.loss(X, Y, sample_weight=8 * weight) == one.loss(X, Y, sample_weight=weight)
    assert one.loss(X, Y, sample_weight=np.full(7, 3.0)) == pytest.approx(one.loss(X, Y), rel=1e-14)


# -- parameters -----------------------------------------------------------------------------


def test_w_and_b_can_be_set():
    one = net()
    theta, first = one.parameters.theta, one.weights[0]
    one.w, one.b = np.arange(25), range(7)
    assert one.parameters.theta is theta
    assert first[0].tolist() == [0, 1, 2, 3, 4]
    assert one.biases[1].tolist() == [5, 6]
    one.w -= 1.0
    assert first[0, 0] == -1
    with pytest.raises(ValueError, match=r"w must have shape \(25,\), got \(24,\)"):
        one.w = np.zeros(24)
    with pytest.raises(ValueError, match=r"b must have shape \(7,\), got \(7, 1\)"):
        one.b = np.zeros((7, 1))


def test_writing_a_view_changes_the_function():
    one = net()
    one.weights[1][:], one.biases[1][:] = 0, 3
    assert (one.forward(X) == 3).all()


def test_copies_are_independent(engine):
    one = net(engine=engine)
    other = one.copy()
    assert np.array_equal(other.forward(X), one.forward(X))
    other.fit(X, Y, epochs=1)
    assert not np.array_equal(other.w, one.w)
    assert np.array_equal(one.w, net().w)


def test_from_parameters_shares_them():
    one = net()
    other = cr.Network.from_parameters(one.parameters)
    other.w = np.zeros(25)
    assert not one.w.any()


def test_parameters_in_a_file_serve_as_well(tmp_path):
    """A vector that is mapped into memory, or lies anywhere in a buffer."""
    net = cr.Network([3, 4, 2], seed=1)
    mapped = np.memmap(tmp_path / "theta", "float32", "w+", shape=net.parameters.theta.shape)
    unaligned = np.empty(mapped.nbytes + 1, "uint8")[1:].view("float32")
    X = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    for theta in (mapped, unaligned):
        theta[:] = net.parameters.theta
        other = cr.Network.from_parameters(cr.Parameters(net.spec, theta))
        assert other.forward(X).tobytes() == net.forward(X).tobytes()


def test_nothing_is_said_when_python_ends():
    """A thread may hold a network to the end, as one does that serves predictions."""
    code = """
        import threading, chainrule as cr
        ready = threading.Event()
        def serve():
            net = cr.Network([2, 3, 1])
            net.forward([[0.0, 1.0]])
            ready.set()
            threading.Event().wait()
        threading.Thread(target=serve, daemon=True).start()
        ready.wait()
    """
    result = subprocess.run(
        [sys.executable, "-c", dedent(code)], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout + result.stderr == ""


def test_described_and_restored():
    one = net(activation=["relu"], l2=0.1, dropout=0.2, loss="cross_entropy")
    arrays = {name: array.copy() for name, array in one.arrays().items()}
    other = cr.Network.restore(one.describe(), arrays)
    assert other.spec == one.spec
    assert np.array_equal(other.parameters.theta, one.parameters.theta)
    arrays["weights.0"][:] = 0
    assert other.weights[0].any()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda arrays: arrays.pop("biases.1"), "array 'biases.1' is missing"),
        (
            lambda a: a.update({"weights.0": np.zeros((5, 3))}),
            r"'weights.0' must be float64 of sha",
        ),
        (lambda a: a.update({"weights.0": np.zeros((3, 5), "f4")}), "got float32"),
        (lambda a: a.update({"biases.0": np.full(5, np.nan)}), "'biases.0' has numbers that are n"),
    ],
)
def test_restored_from_wrong_arrays(spoil, message):
    arrays = net().arrays()
    spoil(arrays)
    with pytest.raises(ValueError, match=message):
        cr.Network.restore(net().describe(), arrays)


def test_repr():
    assert repr(net()) == (
        "<Network: 3 → 5 tanh → 2 identity; squared_error; 32 parameters, float64>"
    )


def test_starting_weights():
    """By the seed, the same in both dtypes up to rounding; "auto" by the activation."""
    assert np.array_equal(net(seed=7).w, net(seed=7).w)
    assert not np.array_equal(net(seed=7).w, net(seed=8).w)
    assert np.array_equal(net(dtype="float32").w, net().w.astype("float32"))
    for activation, init in (("relu", "he_normal"), ("selu", "lecun_normal")):
        first = cr.Network([3, 5, 2], activation=activation, init=init).weights[0]
        assert np.array_equal(cr.Network([3, 5, 2], activation=activation).weights[0], first)
    assert not net(init="zeros").w.any()
    assert not net().b.any()
    assert net(init="standard_normal").b.all()


def test_output_auto():
    outputs = {name: cr.Network([2, 2], loss=name).spec.activations[-1] for name in cr.LOSSES}
    assert outputs == {name: row.output for name, row in cr.LOSSES.items()}


def test_a_step_leaves_no_unit_out():
    """Dropout belongs to fit: one step at a time, every unit learns, and L is what loss says."""
    net = cr.Network([2, 8, 1], activation="tanh", dropout=0.5, seed=1)
    X, y = [[0.5, -1.0], [1.0, 2.0]], [1.0, 0.0]
    expected = net.loss(X, y)
    assert net.step(X, y, cr.SGD(0.1)) == expected
    assert np.all(net.biases[0] != 0)


def test_the_record_of_losses_is_read_only():
    run = cr.Network([2, 3, 1]).fit([[0.0, 1.0]], [1.0], epochs=3)
    with pytest.raises(ValueError, match="read-only"):
        run.losses[0] = 0.0


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_a_restored_network_has_its_engine(engine):
    net = cr.Network([2, 3, 1], engine=engine)
    assert cr.Network.restore(net.describe(), net.arrays()).engine is net.engine
