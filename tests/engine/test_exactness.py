"""The same bits: whatever the threads, the trace, the callbacks, the cuts, the neighbours."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bits import assert_same_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import chainrule as cr
from chainrule.engine import compiled
from chainrule.engine.batches import Batches
from chainrule.theory.optimizers import SGD

DTYPES = ("float32", "float64")

# Multiples of no tile (4 to 16 rows), vector (2 to 16), panel (8 to 32) or block (48, 96).
THREADED = {
    "deep": ((37, 129, 83, 3), 403),
    "wide": ((11, 1021, 5), 397),
    "many inputs": ((1543, 31, 1), 211),
    "one hidden unit": ((2003, 1, 7), 577),
    # so wide that the gradient reads its inputs from blocks, on every level
    "wide on wide": ((205, 263, 5), 331),
    # few rows: threads share the first layer's columns
    "many inputs, few rows": ((1543, 131, 4), 17),
    "many inputs, one panel of units": ((1543, 31, 5), 11),
    "many inputs, one row": ((1543, 517, 5), 1),
}


def data(spec, n, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, spec.n_inputs))
    if spec.loss == "cross_entropy":
        return X, rng.integers(spec.n_outputs, size=n)
    return X, rng.normal(size=(n, spec.n_outputs))


def assert_same_run(found, expected, what):
    """Every loss, parameter and vector of state, and what the run says of itself."""
    assert found.describe() == expected.describe(), what
    mine, theirs = found.arrays(), expected.arrays()
    assert mine.keys() == theirs.keys(), what
    for name, array in theirs.items():
        assert_same_bits(mine[name], array, f"{name}, {what}")


def running_threads():
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208


# -- threads --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", THREADED)
def test_number_of_threads(shape, dtype):
    """Losses, parameters and state after 6 steps, the last of each epoch on a smaller batch."""
    layers, batch_size = THREADED[shape]

    def run(threads):
        net = cr.Network(
            layers, activation="tanh", loss="cross_entropy" if layers[-1] > 1 else "squared_error",
            dtype=dtype, l2=1e-3, l1=1e-4, dropout=0.1,
        )  # fmt: skip
        X, y = data(net.spec, 2 * batch_size + 1)
        weight = np.random.default_rng(1).uniform(0.5, 2, size=len(X))
        optimizer = cr.Adam(1e-3, clip_norm=0.5)
        return net.fit(X, y, epochs=2, batch_size=batch_size, optimizer=optimizer,
                       sample_weight=weight, threads=threads)  # fmt: skip

    expected = run(1)
    for threads in (2, 3, 8):
        assert_same_run(run(threads), expected, f"{threads} threads")


@pytest.mark.parametrize("rows", ["in place", "gathered", "sparse"])
def test_number_of_threads_where_they_share_columns(rows):
    """The rows of a batch are then there before its first product, wherever they come from."""
    layers, batch_size = THREADED["many inputs, few rows"]

    def run(threads):
        net = cr.Network(layers, loss="cross_entropy", dtype="float32")
        X, y = data(net.spec, 5 * batch_size + 3)
        X[np.abs(X) < 1] = 0
        return net.fit(sparse.csr_array(X) if rows == "sparse" else X, y, epochs=2,
                       batch_size=batch_size, shuffle=rows != "in place",
                       optimizer=cr.SGD(0.1), threads=threads)  # fmt: skip

    expected = run(1)
    for threads in (2, 5):
        assert_same_run(run(threads), expected, f"{threads} threads")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads in /proc")
def test_threads_are_used_at_these_shapes():
    """Or the test above could not fail."""
    before = running_threads()
    for layers, batch_size in THREADED.values():
        net, counts = cr.Network(layers), []
        net.fit(
            *data(net.spec, batch_size), epochs=1, batch_size=batch_size, threads=8,
            callbacks=[lambda _, counts=counts: counts.append(running_threads())],
        )  # fmt: skip
        assert counts[0] - before >= 1, layers
    assert running_threads() == before


@pytest.mark.parametrize("dtype", DTYPES)
def test_threads_of_forward_loss_and_trace(dtype):
    for layers, n in THREADED.values():
        net = cr.Network(layers, activation="gelu", dtype=dtype)
        X, y = (array.astype(dtype) for array in data(net.spec, 3 * n))
        outputs = compiled.forward(net.parameters, X)
        loss = compiled.loss(net.parameters, X, y, None)
        trace = compiled.trace(net.parameters, X, y, None)
        for threads in (2, 3, 8):
            what = f"{layers}, {threads} threads"
            assert_same_bits(compiled.forward(net.parameters, X, threads), outputs, what)
            assert compiled.loss(net.parameters, X, y, None, threads) == loss, what
            other = compiled.trace(net.parameters, X, y, None, threads)
            assert_same_bits(other.gradient.theta, trace.gradient.theta, what)
            for mine, theirs in zip(other.deltas, trace.deltas, strict=True):
                assert_same_bits(mine, theirs, what)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("optimizer", [cr.SGD, cr.Adam])
@pytest.mark.parametrize("batch_size", [1, 100, 331])
def test_updates_that_wait_for_the_whole_gradient(batch_size, optimizer, dtype):
    """A gradient that might be clipped waits; where it is not, nothing else is different."""

    def run(clip_norm):
        net = cr.Network((205, 263, 5), activation="tanh", dtype=dtype)
        rule = optimizer(1e-3, clip_norm=clip_norm)
        return net.fit(*data(net.spec, 350), epochs=1, batch_size=batch_size, optimizer=rule)

    at_once, waiting = run(None).arrays(), run(1e30).arrays()
    for name, array in waiting.items():
        assert_same_bits(at_once[name], array, name)


# -- trace, callbacks, cuts -----------------------------------------------------------------

# Its schedule ends on the way, which is said.
pytestmark = pytest.mark.filterwarnings("ignore:the learning rate's schedule ends with step 70")
OPTIMIZER = cr.Adam(cr.OneCycle(0.02, steps=70), clip_norm=2.0)


def everything(**options):
    """A fit with all that has a memory: Adam, dropout, schedule, early stopping, validation."""
    net = cr.Network([6, 17, 9, 3], activation="relu", loss="cross_entropy", dropout=0.2, l2=1e-3,
                     seed=3)  # fmt: skip
    X, y = data(net.spec, 53)
    settings = {
        "batch_size": 8,
        "optimizer": OPTIMIZER,
        "validation": data(net.spec, 20, seed=1),
        "early_stopping": cr.EarlyStopping(patience=50),
        "seed": 11,
    }
    return net, X, y, settings | options


def whole_run(epochs=10, callbacks=(), **options):
    net, X, y, settings = everything(**options)
    return net.fit(X, y, epochs=epochs, callbacks=callbacks, **settings)


def look(run):
    run.trace()


@pytest.mark.parametrize(
    "callbacks",
    [
        [lambda _: None],
        [cr.Callback(lambda _: None, every=1)],
        [cr.Callback(lambda _: None, every=3), lambda _: None],
        [look],
        [cr.Callback(look, every=1)],
        [cr.Callback(look, every=5), cr.Callback(lambda run: run.losses, every=4)],
        [cr.Callback(lambda run: run.network.forward(np.ones((2, 6))), every=2)],
    ],
    ids=["epoch", "step", "3 steps", "trace epoch", "trace step", "trace 5 steps", "forward"],
)
@pytest.mark.parametrize("validated", [True, False])
def test_callbacks_and_traces(callbacks, validated):
    """Without validation and callbacks, the whole fit is one native call."""
    options = {} if validated else {"validation": None, "early_stopping": None}
    expected = whole_run(**options)
    assert_same_run(whole_run(callbacks=callbacks, **options), expected, "with callbacks")


def test_a_trace_without_steps_between():
    """Twice the same, and the parameters untouched."""
    seen = []

    def look_twice(run):
        before = run.network.parameters.theta.copy()
        seen.append([run.trace() for _ in range(2)])
        assert_same_bits(run.network.parameters.theta, before, "parameters after a trace")

    whole_run(epochs=2, callbacks=[cr.Callback(look_twice, every=1)])
    for one, other in seen:
        assert one.loss == other.loss
        assert_same_bits(one.gradient.theta, other.gradient.theta, "gradient")
        assert_same_bits(one.masks[0], other.masks[0], "masks")


@pytest.mark.parametrize("cuts", [(4, 6), (1, 9), (9, 1), (1, 2, 3, 4), (0, 10), (1,) * 10])
def test_resumed(cuts):
    net, X, y, settings = everything()
    run = net.fit(X, y, epochs=cuts[0], **settings)
    for epochs in cuts[1:]:
        run.resume(X, y, epochs=epochs, validation=settings["validation"])
    assert_same_run(run, whole_run(), f"cut into {cuts}")


def test_resumed_after_an_early_stop():
    """The best weights were restored; it goes on from the last ones."""
    net, X, y, settings = everything(early_stopping=cr.EarlyStopping(patience=2))
    run = net.fit(X, y, epochs=50, **settings)
    assert run.stopped == "early_stopping"
    assert run.epoch == run.best_epoch + 2 < 50
    best = whole_run(epochs=run.best_epoch, early_stopping=None)
    assert_same_bits(net.parameters.theta, best.network.parameters.theta, "best weights")
    run.resume(X, y, epochs=1, validation=settings["validation"])
    longer = whole_run(epochs=run.epoch, early_stopping=None)
    assert_same_bits(run.losses, longer.losses, "losses after resuming")
    assert_same_bits(run.validation_losses, longer.validation_losses, "validation losses")


@pytest.mark.parametrize("every", [5, 8])
def test_resumed_in_the_middle_of_an_epoch(every):
    """After run.stop() at a step that ends no epoch."""
    net, X, y, settings = everything()
    stop = cr.Callback(lambda run: run.stop(), every=every)
    run = net.fit(X, y, epochs=10, callbacks=[stop], **settings)
    assert (run.step, run.stopped) == (every, "callback")
    run.resume(X, y, epochs=10 - run.epoch, validation=settings["validation"])
    assert_same_run(run, whole_run(), f"stopped at step {every}")


RESUME = """
import json, sys
import numpy as np
import chainrule as cr
run = cr.load(sys.argv[1])
with np.load(sys.argv[2]) as arrays:
    X, y, Xv, yv = (arrays[name] for name in ("X", "y", "Xv", "yv"))
run.resume(X, y, epochs=6, validation=(Xv, yv), threads=2)
cr.save(run, sys.argv[3])
"""


@pytest.mark.parametrize("dtype", DTYPES)
def test_resumed_in_another_process(tmp_path, dtype):
    """4 epochs, saved; a new process loads, trains 6 more, saves: as 10 at once."""
    net = cr.Network([6, 17, 3], loss="cross_entropy", dropout=0.2, dtype=dtype, seed=3)
    (X, y), (Xv, yv) = data(net.spec, 53), data(net.spec, 20, seed=1)
    options = {
        "batch_size": 8,
        "optimizer": OPTIMIZER,
        "validation": (Xv, yv),
        "early_stopping": cr.EarlyStopping(patience=50),
    }
    expected = net.copy().fit(X, y, epochs=10, **options)
    paths = [tmp_path / name for name in ("4.safetensors", "data.npz", "10.safetensors")]
    cr.save(net.fit(X, y, epochs=4, **options), paths[0])
    np.savez(paths[1], X=X, y=y, Xv=Xv, yv=yv)
    subprocess.run([sys.executable, "-c", RESUME, *map(str, paths)], check=True, timeout=600)
    assert_same_run(cr.load(paths[2]), expected, "resumed in another process")


def test_described_in_json():
    """What a file keeps is enough: the description through JSON, the arrays copied."""
    net, X, y, settings = everything()
    run = net.fit(X, y, epochs=4, **settings)
    description = json.loads(json.dumps(run.describe()))
    arrays = {name: array.copy() for name, array in run.arrays().items()}
    other = cr.Run.restore(cr.Network.restore(description["network"], arrays), description, arrays)
    for one in (run, other):
        one.resume(X, y, epochs=6, validation=settings["validation"])
    assert_same_run(other, run, "restored from its description")


# -- predictions ----------------------------------------------------------------------------


def each_row_alone(net, X):
    return np.concatenate([net.forward(X[i : i + 1], threads=1) for i in range(len(X))])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", cr.ACTIVATIONS)
def test_row_alone_and_among_others(activation, dtype):
    """Hidden and output; up to 100 rows, so every height of a tile and three blocks of 48."""
    net = cr.Network([5, 17, 3], activation=activation, output=activation, dtype=dtype)
    X = np.random.default_rng(2).normal(size=(100, 5))
    alone = each_row_alone(net, X)
    for n in (*range(1, 27), 47, 48, 49, 95, 97, 100):
        what = f"{activation}, {n} rows"
        assert_same_bits(net.forward(X[:n]), alone[:n], what)
        assert_same_bits(net.forward(X[100 - n :]), alone[100 - n :], what)


@settings(max_examples=60)
@given(
    layers=st.lists(st.sampled_from([1, 2, 3, 7, 8, 9, 16, 17, 33, 65]), min_size=2, max_size=4),
    n=st.integers(1, 130),
    dtype=st.sampled_from(DTYPES),
    activation=st.sampled_from(sorted(cr.ACTIVATIONS)),
    seed=st.integers(0, 2**64 - 1),
)
def test_rows_in_any_company(layers, n, dtype, activation, seed):
    """Rows in another order, and in other blocks, have the same outputs."""
    net = cr.Network(layers, activation=activation, dtype=dtype, seed=seed)
    rng = np.random.default_rng(seed % 1000)
    X, order = rng.normal(size=(n, layers[0])), rng.permutation(n)
    outputs = net.forward(X, threads=1)
    assert_same_bits(net.forward(X[order], threads=3), outputs[order], "shuffled")
    i = int(rng.integers(n))
    assert_same_bits(net.forward(X[i : i + 1]), outputs[i : i + 1], "alone")


@pytest.mark.parametrize("dtype", DTYPES)
def test_many_inputs(dtype):
    """Sums longer than a block of the first-level cache, cut into pieces."""
    net = cr.Network([3001, 19, 2], activation="tanh", dtype=dtype)
    X = np.random.default_rng(3).normal(size=(60, 3001))
    assert_same_bits(net.forward(X, threads=2), each_row_alone(net, X), "3001 inputs")


# -- the same steps, step by step -----------------------------------------------------------


@settings(max_examples=40)
@given(
    layers=st.lists(st.sampled_from([1, 2, 5, 17, 33]), min_size=2, max_size=5),
    n=st.integers(1, 60),
    batch=st.integers(1, 60),
    dtype=st.sampled_from(DTYPES),
    cut=st.integers(0, 12),
)
def test_steps_in_one_call_or_two(layers, n, batch, dtype, cut):
    """Trainer by trainer, over odd shapes: 12 steps at once, or cut, with a trace between."""
    dropout = 0.1 if len(layers) > 2 else 0.0
    spec = cr.NetworkSpec(
        tuple(layers), ("tanh",) * (len(layers) - 1), dropout=dropout, dtype=dtype
    )
    rng = np.random.default_rng(n)
    theta = rng.normal(size=spec.n_weights + spec.n_biases).astype(dtype)
    X, y = (rng.normal(size=(n, k)).astype(dtype) for k in (layers[0], layers[-1]))
    batches = Batches(X, y, None, min(batch, n), shuffle=True, seed=5)
    rates = np.full(12, 0.01)
    once, twice = (cr.Parameters(spec, theta.copy()) for _ in range(2))
    losses = compiled.Trainer(once, SGD(), [], batches).advance(rates)
    first = compiled.Trainer(twice, SGD(), [], batches)
    head = first.advance(rates[:cut])
    trace = first.trace()
    tail = compiled.Trainer(twice, SGD(), [], batches, step=cut).advance(rates[cut:])
    assert_same_bits(np.concatenate([head, tail]), losses, "losses")
    assert_same_bits(twice.theta, once.theta, "parameters")
    if cut < 12:
        assert trace.loss == losses[cut]
