"""Products in bfloat16: each sum restated in float64 from the rounded factors; the same bits."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from bits import assert_same_bits
from test_every_float import flags

import chainrule as cr
from chainrule.engine import compiled, reference
from chainrule.engine.parameters import Parameters
from chainrule.engine.precision import bfloat16

needs_unit = pytest.mark.skipif(
    compiled.bfloat16_unit() is None,
    reason=f"{compiled.cpu_level()} here multiplies nothing in bfloat16: no AVX512_BF16 or AMX",
)

SHAPES = [((5, 7, 3), 9), ((100, 257, 33, 10), 101), ((40, 300, 64, 1), 331), ((17, 16, 48, 2), 64)]


def problem(sizes, n):
    rng = np.random.default_rng(n)
    net = cr.Network(sizes, activation="tanh", precision="bfloat16", seed=1)
    for b in net.biases:
        b[:] = rng.normal(size=b.shape)
    X, y = rng.normal(size=(n, sizes[0])), rng.normal(size=(n, sizes[-1]))
    return net, X.astype(np.float32), y.astype(np.float32)


def assert_products(found, A, B, start=0.0):
    """Found is start + A B, of rounded factors, to the roundings of sums of so many float32."""
    A, B = (bfloat16(np.asarray(factor, np.float64)) for factor in (A, B))
    terms = np.abs(A) @ np.abs(B) + np.abs(start)
    # 2 sqrt(K) half units of the last place, where worst cases would be K
    tolerance = 2 * np.sqrt(A.shape[1] + 1) * np.finfo(np.float32).eps * terms
    assert (np.abs(found - (A @ B + start)) <= tolerance + np.finfo(np.float32).tiny).all()


@needs_unit
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("sizes", "n"), SHAPES)
def test_the_three_products(sizes, n, threads):
    """Z = A W + b, the gradient Aᵀ Δ / n and, where φ' is 1, δ Wᵀ: from the trace's own numbers."""
    net, X, y = problem(sizes, n)
    trace = compiled.trace(net.parameters, X, y, None, threads)
    for layer, W in enumerate(net.weights):
        A, delta = trace.activations[layer], trace.deltas[layer]
        assert_products(trace.pre_activations[layer], A, W, net.biases[layer].astype(np.float64))
        share = np.float32(1 / n)
        assert_products(trace.gradient.weights[layer], A.T, delta * share)
    linear = cr.Network(sizes, activation="identity", precision="bfloat16", seed=1)
    trace = compiled.trace(linear.parameters, X, y, None, threads)
    for layer in range(1, len(sizes) - 1):
        assert_products(trace.deltas[layer - 1], trace.deltas[layer], linear.weights[layer].T)


@needs_unit
@pytest.mark.parametrize(("sizes", "n"), SHAPES)
def test_agrees_with_the_reference(sizes, n):
    """A factor that float32 and float64 round to different neighbours is 2⁻⁸ off; few are."""
    net, X, y = problem(sizes, n)
    exact = Parameters(replace(net.spec, dtype="float64"), net.parameters.theta.astype(np.float64))
    expected = reference.trace(exact, X.astype(np.float64), y.astype(np.float64), None)
    found = compiled.trace(net.parameters, X, y, None)
    full = cr.Network.from_parameters(
        Parameters(replace(net.spec, precision=None), net.parameters.theta)
    )
    unrounded = full.trace(X, y)

    def distance(one, other):
        return np.linalg.norm(one.gradient.theta - other.gradient.theta)

    size = np.linalg.norm(expected.gradient.theta)
    assert distance(found, expected) < 1e-3 * size
    assert 1e-3 * size < distance(unrounded, expected) < 3e-2 * size  # it does round


@needs_unit
@pytest.mark.parametrize("optimizer", ["sgd", "sgd:momentum=0.9", "adam"])
def test_the_same_bits(optimizer):
    """For any number of threads, any cut of the run, and replayed."""

    def fit(threads, *epochs):
        net = cr.Network((30, 200, 70, 3), precision="bfloat16", l2=1e-3, dropout=0.2, seed=2)
        rng = np.random.default_rng(1)
        X, y = rng.normal(size=(205, 30)), rng.normal(size=(205, 3))
        run = net.fit(X, y, epochs=epochs[0], batch_size=67, optimizer=optimizer, threads=threads)
        for more in epochs[1:]:
            run.resume(X, y, epochs=more, threads=threads)
        return net, run, X, y

    net, run, X, _ = fit(1, 3)
    for threads, *epochs in [(2, 3), (3, 3), (1, 1, 2), (2, 2, 1)]:
        other = fit(threads, *epochs)[0]
        assert_same_bits(other.parameters.theta, net.parameters.theta, f"{threads}, {epochs}")
    assert run.at(7).loss == run.losses[6]
    assert_same_bits(net.forward(X[3:4]), net.forward(X)[3:4], "a row alone")
    assert_same_bits(net.forward(X, threads=2), net.forward(X, threads=1), "threads of forward")


@needs_unit
def test_the_last_batch_forgets_the_one_before():
    """A short batch after a full one has the gradient that it has alone."""
    net, X, y = problem((20, 40, 3), 70)
    run = net.fit(X, y, batch_size=64, epochs=1, shuffle=False, optimizer="sgd")
    last = run.at(2)
    alone = compiled.trace(last.parameters, X[64:], y[64:], None)
    assert_same_bits(last.gradient.theta, alone.gradient.theta, "gradient")


@needs_unit
def test_it_learns_as_well():
    """The final loss is within 1 % of float32's."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 20))
    y = np.sin(X[:, :1] + X[:, 1:2]) + 0.3 * rng.normal(size=(2000, 1))
    losses = []
    for precision in (None, "bfloat16"):
        net = cr.Network((20, 128, 128, 1), activation="tanh", precision=precision, seed=3)
        net.fit(X, y, epochs=20, batch_size=100)
        losses.append(net.loss(X, y))
    assert abs(losses[1] / losses[0] - 1) < 0.01


@needs_unit
def test_saved_and_loaded(tmp_path):
    net, X, _ = problem((5, 7, 3), 9)
    cr.save(net, tmp_path / "net.safetensors")
    again = cr.load(tmp_path / "net.safetensors")
    assert again.spec == net.spec
    assert_same_bits(again.forward(X), net.forward(X), "outputs")


@needs_unit
def test_equations_are_not_shown():
    net, X, y = problem((5, 7, 3), 9)
    with pytest.raises(ValueError, match="round them to bfloat16: explain a step of the same"):
        cr.explain(net.trace(X, y))


@needs_unit
def test_the_gradient_is_checked_without_rounding():
    net, X, y = problem((5, 7, 3), 9)
    assert cr.check_gradient(net, X, y).relative_error < 1e-6


def test_no_unit():
    """A level without one refuses when the network is made, and says what to do."""
    code = "import chainrule as cr; cr.Network((2, 1), precision='bfloat16')"
    environment = os.environ | {"CHAINRULE_CPU": "baseline"}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert result.stderr.splitlines()[-1] == (
        "ValueError: precision='bfloat16' needs AVX512_BF16 or AMX, and this process computes on "
        "baseline; without precision, products are in float32"
    )


@needs_unit
def test_unknown_unit():
    code = "from chainrule.engine import compiled; compiled.bfloat16_unit()"
    environment = os.environ | {"CHAINRULE_BFLOAT16": "tpu"}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert "CHAINRULE_BFLOAT16 must be one of " in result.stderr.splitlines()[-1]
    assert "got 'tpu'" in result.stderr.splitlines()[-1]


def test_other_networks():
    with pytest.raises(ValueError, match="needs dtype='float32' in the compiled engine"):
        cr.Network((2, 1), precision="bfloat16", dtype="float64")
    with pytest.raises(ValueError, match="unknown precision 'half': choose one of bfloat16"):
        cr.Network((2, 1), precision="half")
    assert "precision" not in cr.Network((2, 1)).spec.to_dict()


def test_rounding():
    """The nearest number of 8 bits, of two the even one; signs, infinities and nan stay."""
    values = np.array([1, 1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-9, 3e38, 2.0**-127, np.inf, np.nan])
    expected = np.array([1, 1, 1 + 2**-6, -1, 1.132421875 * 2.0**127, 0, np.inf, np.nan])
    expected[4] = float(np.rint(3e38 / 2.0**120) * 2.0**120)
    np.testing.assert_array_equal(bfloat16(values), expected)
    assert bfloat16(values.astype(np.float32)).dtype == np.float32


@pytest.mark.skipif(
    "avx512" not in compiled.supported_levels(), reason="the kernel's vectors need AVX-512"
)
def test_amx_on_tiles_made_of_arrays(cpp_program):
    """The kernel for AMX, on processors without it too: tests/cpp says what is checked."""
    kernel = [*flags("avx512"), "-DCHAINRULE_LEVEL=bfloat16_amx"]
    program = cpp_program("amx.cpp", "memory.cpp", flags=kernel)
    result = subprocess.run([program], capture_output=True, text=True, check=False, timeout=600)
    assert result.returncode == 0, result.stdout[-3000:]
