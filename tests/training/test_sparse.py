"""Sparse X: the bits of the dense array that it stands for, in the memory of what isn't 0."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

import chainrule as cr
from chainrule.engine import _core
from chainrule.engine.sparse_rows import SparseRows

RNG = np.random.default_rng(0)
DENSE = np.where(RNG.uniform(size=(70, 9)) < 0.3, RNG.normal(size=(70, 9)), 0)
DENSE[5] = 0  # a row without anything
Y = RNG.normal(size=(70, 2))
FORMATS = [sparse.csr_matrix, sparse.csc_array, sparse.coo_array, sparse.lil_matrix]


def network(engine="compiled", **options):
    return cr.Network([9, 6, 2], dtype="float64", engine=engine, seed=1, **options)


class TestRows:
    ROWS = SparseRows.of(sparse.csr_array(DENSE), "float64")

    @pytest.mark.parametrize("place", [
        slice(None), slice(3, 11), np.array([5, 0, 69, 5]), np.arange(0), DENSE[:, 0] > 0,
    ], ids=["all", "slice", "array", "none", "mask"])  # fmt: skip
    def test_made_dense(self, place):
        np.testing.assert_array_equal(self.ROWS[place], DENSE[place])

    def test_taken(self):
        rows = np.array([69, 5, 5, 0])
        np.testing.assert_array_equal(self.ROWS.take(rows)[:], DENSE[rows])
        assert len(self.ROWS.take(np.arange(0))) == 0

    def test_parts_are_all_rows(self):
        wide = SparseRows.of(sparse.csr_array((100, 1_000_000)), "float32")
        assert [(p.start, p.stop) for p in wide.parts()][:2] == [(0, 4), (4, 8)]
        assert wide.parts()[-1].stop == 100

    def test_what_stands_twice_is_added_up(self):
        twice = sparse.csr_array(([1.0, 2.0, 4.0], [1, 0, 1], [0, 3]), shape=(1, 2))
        np.testing.assert_array_equal(SparseRows.of(twice, "float64")[:], [[2.0, 5.0]])
        assert twice.nnz == 3  # not modified

    def test_indices_out_of_range(self):
        wrong = sparse.csr_array(([1.0], [0], [0, 1]), shape=(1, 2))
        wrong.indices[0] = 7
        with pytest.raises(ValueError, match=r"ind(ices|ex)"):  # as SciPy says it
            SparseRows.of(wrong, "float64")


@pytest.mark.parametrize("engine", ["compiled", "reference"])
@pytest.mark.parametrize("make", FORMATS)
class TestTheSameBits:
    @pytest.mark.parametrize("shuffle", [False, True])
    def test_fit(self, engine, make, shuffle):
        options = {"epochs": 3, "batch_size": 16, "shuffle": shuffle}
        weight = RNG.uniform(0, 2, size=70)
        held_out = DENSE[:20], Y[:20]
        one, two = network(engine, dropout=0.2), network(engine, dropout=0.2)
        run = one.fit(DENSE, Y, sample_weight=weight, validation=held_out, **options)
        thin = two.fit(make(DENSE), Y, sample_weight=weight,
                       validation=(make(DENSE[:20]), Y[:20]), **options)  # fmt: skip
        np.testing.assert_array_equal(one.w, two.w)
        np.testing.assert_array_equal(run.losses, thin.losses)
        np.testing.assert_allclose(run.validation_losses, thin.validation_losses, rtol=1e-13)

    def test_forward_loss_and_trace(self, engine, make):
        net = network(engine, l2=0.1, l1=0.1)
        thin, weight = make(DENSE), RNG.uniform(0, 2, size=70)
        np.testing.assert_array_equal(net.forward(thin), net.forward(DENSE))
        for options in ({}, {"sample_weight": weight}):
            found = net.loss(thin, Y, **options)
            assert found == pytest.approx(net.loss(DENSE, Y, **options), rel=1e-13)
        trace = net.trace(thin, Y)
        np.testing.assert_array_equal(trace.activations[0], DENSE)
        np.testing.assert_array_equal(trace.gradient.theta, net.trace(DENSE, Y).gradient.theta)

    def test_going_on(self, engine, make, tmp_path):
        whole, cut = network(engine), network(engine)
        whole.fit(make(DENSE), Y, epochs=5)
        run = cut.fit(make(DENSE), Y, epochs=2)
        cr.save(run, tmp_path / "run")
        again = cr.load(tmp_path / "run").resume(make(DENSE), Y, epochs=3)
        np.testing.assert_array_equal(again.network.w, whole.w)
        other = DENSE.copy()
        other[other != 0] += 1e-9
        with pytest.raises(ValueError, match="in the same order: X is another"):
            run.resume(make(other), Y, epochs=1)


def test_loss_of_parts(monkeypatch):
    from chainrule.engine import sparse_rows

    monkeypatch.setattr(sparse_rows, "_ROOM", 9 * 8)  # eight rows
    for options in ({}, {"reduction": "sum"}, {"l2": 0.3}):
        net = network(**options)
        expected = net.loss(DENSE, Y)
        assert net.loss(sparse.csr_array(DENSE), Y) == pytest.approx(expected, rel=1e-13)
    np.testing.assert_array_equal(net.forward(sparse.csr_array(DENSE)), net.forward(DENSE))


@pytest.mark.parametrize(("X", "message"), [
    (sparse.csr_array((70, 8)), r"X must have shape \(n_samples, 9\), got \(70, 8\)"),
    (sparse.csr_array((69, 9)), "X and y must have as many samples, got 69 and 70"),
    (sparse.csr_array(np.full((70, 9), np.nan)), "X's values must be finite in float64, got nan"),
])  # fmt: skip
def test_wrong_ones(X, message):
    with pytest.raises(ValueError, match=message):
        network().fit(X, Y)


@pytest.mark.parametrize(("change", "message"), [
    ({"columns": np.zeros(2, "i")}, "the length of columns must be 3, got 2"),
    ({"starts": np.array([0, 1, 3])}, "the length of starts must be 2, got 3"),
    ({"y": np.ones((1, 2), "f")}, "the columns of y must be 1, got 2"),
    ({"sample_weight": np.ones(2, "f")}, "the length of sample_weight must be 1, got 2"),
])  # fmt: skip
def test_arrays_that_do_not_fit_together(change, message):
    given = {
        "values": np.ones(3, "f"), "columns": np.zeros(3, "i"), "starts": np.array([0, 3]),
        "y": np.ones((1, 1), "f"), "sample_weight": None,
    } | change  # fmt: skip
    rows = _core.RowsFloat32(given["values"], given["columns"], given["starts"])
    spec = _core.Spec([2, 1], ["identity"], "squared_error", [], False, False, 0, 0, 0)
    update = _core.Update("sgd", [0.0, 0.0], np.inf, np.inf, 0.0, 0.0)
    with pytest.raises(ValueError, match=message):
        _core.TrainerFloat32(
            spec, np.zeros(3, "f"), [], rows, given["y"], given["sample_weight"], 1, False, 0, 0,
            update, 0, _core.Threads(1, "all"),
        )  # fmt: skip


@pytest.mark.parametrize("wrong", ["values", "columns", "starts"])
def test_arrays_of_other_types(wrong):
    given = {"values": np.ones(3, "f"), "columns": np.zeros(3, "i"), "starts": np.array([0, 3])}
    given[wrong] = given[wrong].astype("f8")
    with pytest.raises(TypeError):
        _core.RowsFloat32(*given.values())


MEMORY = """
import numpy as np
from scipy import sparse
import chainrule as cr
rng = np.random.default_rng(0)
places = rng.integers(30_000, size=300_000), rng.integers(20_000, size=300_000)
X = sparse.csr_array((rng.normal(size=300_000), places), shape=(30_000, 20_000))
y = np.arange(30_000) % 2
model = cr.MLPClassifier((4,), max_iter=1, batch_size=100, learning_rate="cosine").fit(X, y)
assert model.predict(X).shape == (30_000,)
import resource, sys
from pathlib import Path
if sys.platform == "darwin":
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
else:  # where ru_maxrss counts the size of the process that started this one, too
    lines = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    print(int(lines["VmHWM"].split()[0]) * 1024)
"""


def test_much_less_memory_than_a_dense_array():
    """30,000 × 20,000 numbers would be 4.8 GB."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True, timeout=600
    )
    assert int(done.stdout) < 1e9
