"""fit_files: the steps and the minimum of the same rows in memory, for any workers."""

import numpy as np
import pyarrow as pa
import pytest
from part_files import written

import chainrule as cr
from chainrule.distributed.checkpoint import CheckpointError
from chainrule.estimators.lbfgs import AllSamples
from chainrule.training.lbfgs import minimised

NUMBERS = np.random.default_rng(1)
X = NUMBERS.normal(size=(3000, 4))
Y = np.tanh(X @ NUMBERS.normal(size=(4, 2)))
TABLE = pa.table({f"x{k}": X[:, k] for k in range(4)} | {"a": Y[:, 0], "b": Y[:, 1]})
CLASSES = (Y[:, 0] > 0).astype("int8") + (Y[:, 1] > 0.2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    table = TABLE.append_column("class", pa.array(CLASSES))
    return written(tmp_path_factory.mktemp("numbers"), table, group=300)


def network(outputs=2, **options):
    return cr.Network([4, 12, outputs], **{"activation": "tanh", "seed": 3, **options})


INPUTS = [f"x{k}" for k in range(4)]


def test_any_number_of_workers(folder):
    def fitted(workers, **options):
        net = network()
        losses = cr.fit_files(net, folder, ["a", "b"], features=INPUTS, workers=workers, **options)
        return net.parameters.theta, losses

    for options in ({"epochs": 3, "batch_size": 256}, {"solver": "lbfgs", "epochs": 8}):
        theta, losses = fitted(1, **options)
        for workers in (2, 3):
            other, again = fitted(workers, **options)
            np.testing.assert_array_equal(theta, other)
            assert losses == again
        assert losses[-1] < losses[0]


def test_one_batch_of_all_rows_is_the_step_in_memory(folder):
    net, other = network(dtype="float64"), network(dtype="float64")
    optimizer = cr.SGD(0.1, momentum=0.9)
    losses = cr.fit_files(
        net, folder, ["a", "b"], features=INPUTS, optimizer=optimizer, epochs=5, batch_size=3000
    )
    run = other.fit(X, Y, optimizer=optimizer, epochs=5, batch_size=3000)
    np.testing.assert_allclose(losses, run.losses, rtol=1e-12)
    np.testing.assert_allclose(net.parameters.theta, other.parameters.theta, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"l2": 0.01, "l1": 0.001}, {"reduction": "sum"}], ids=str)
def test_lbfgs_finds_the_minimum_of_the_rows_in_memory(folder, options):
    net, other = network(**options), network(**options)
    losses = cr.fit_files(net, folder, ["a", "b"], features=INPUTS, solver="lbfgs", epochs=6)
    found = minimised(
        other, AllSamples(other, (X, Y, None), None), max_iter=6, max_fun=300, tol=1e-8
    )
    assert losses[-1] == pytest.approx(found.fun, rel=1e-6)
    np.testing.assert_allclose(net.parameters.theta, other.parameters.theta, rtol=1e-3, atol=1e-4)


def test_class_numbers(folder):
    net = network(3, loss="cross_entropy")
    cr.fit_files(
        net, folder, "class", features=INPUTS, optimizer=cr.Adam(0.01), epochs=40, batch_size=64
    )
    assert (net.forward(X).argmax(axis=1) == CLASSES).mean() > 0.95


def test_a_folder_that_is_gone_on_with(folder, tmp_path):
    class Cut(Exception):  # noqa: N818
        pass

    def until(fit):
        if fit.step == 20:
            raise Cut

    options = {"features": INPUTS, "epochs": 4, "batch_size": 128, "folder": tmp_path}
    net, whole = network(), network()
    with pytest.raises(Cut):
        cr.fit_files(net, folder, ["a", "b"], watch=until, **options)
    losses = cr.fit_files(network(), folder, ["a", "b"], **options)
    assert losses == cr.fit_files(whole, folder, ["a", "b"], **(options | {"folder": None}))
    with pytest.raises(CheckpointError, match=r"of another fit: fit\.order should be"):
        cr.fit_files(net, folder, ["a", "b"], **(options | {"epochs": 5}))


def test_what_cannot_be_learned_is_named(folder, tmp_path):
    with pytest.raises(ValueError, match=r"the network has 4 inputs, and .* 5 columns for them"):
        cr.fit_files(network(), folder, ["a", "b"])
    with pytest.raises(ValueError, match="lanes must be a power of two, got 3"):
        cr.fit_files(network(), folder, ["a", "b"], features=INPUTS, lanes=3)
    for options in ({"workers": -1}, {"memory": 0}):  # -1 was taken for one worker
        with pytest.raises(ValueError, match=rf"{next(iter(options))} must be a whole number >= 1"):
            cr.fit_files(network(), folder, ["a", "b"], features=INPUTS, **options)
    with pytest.raises(ValueError, match="no column 'c'"):
        cr.fit_files(network(), folder, ["a", "c"], features=INPUTS)
    net = network(2, loss="cross_entropy")
    with pytest.raises(ValueError, match="class numbers must be from 0 to 1"):
        cr.fit_files(net, folder, "class", features=INPUTS)
    gap = TABLE.set_column(1, "x1", pa.array([None if k == 1234 else 1.0 for k in range(3000)]))
    written(tmp_path, gap)
    with pytest.raises(
        ValueError, match=r"part-1\.parquet, row 235, column 'x1': expected a number"
    ):
        cr.fit_files(network(), tmp_path, ["a", "b"])
