"""What arrays come in: memory maps serve; what can't be read as it is meant is refused by name."""

import io

import numpy as np
import pytest
from scipy import sparse

import chainrule as cr

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 3)).astype("float32")
Y = RNG.normal(size=(6, 2)).astype("float32")
CLASSES = np.array([0, 1, 0, 1, 1, 0])


def methods(net):
    """Whatever takes X and y."""
    return {
        "fit": net.fit,
        "loss": net.loss,
        "trace": net.trace,
        "step": lambda X, y, **options: net.step(X, y, cr.SGD(), **options),
        "fit_many": lambda X, y, **options: cr.fit_many([net], X, y, **options),
        "check_gradient": lambda X, y, **options: cr.check_gradient(net, X, y, **options),
        "validation": lambda *data, **options: net.fit(X, Y, validation=(*data, *options.values())),
    }


NAMES = ["fit", "loss", "trace", "step", "fit_many", "check_gradient", "validation"]
masked = np.ma.masked_array(X, mask=np.eye(6, 3, dtype=bool))
masked_y = np.ma.masked_array(Y, mask=np.eye(6, 2, dtype=bool))
masked_weight = np.ma.masked_array(np.ones(6), mask=[1, 0, 0, 0, 0, 0])

STRANGE = {
    "generator X": ((lambda: (row for row in X)), lambda: Y, {}, "X .*generator can be read once"),
    "generator y": (lambda: X, (lambda: (row for row in Y)), {}, "y .*generator can be read once"),
    "map": (lambda: X, lambda: map(list, Y), {}, "y .*a map can be read once only; make it a list"),
    "sparse y": (lambda: X, lambda: sparse.csc_array(Y), {}, r"y .*csc_array.*its toarray\(\)"),
    "masked X": (lambda: masked, lambda: Y, {}, "X .*some are masked; fill in or leave out"),
    "masked y": (lambda: X, lambda: masked_y, {}, "y .*some are masked"),
    "masked weights": (
        lambda: X, lambda: Y, {"sample_weight": masked_weight}, "sample_weight .*some are masked",
    ),
    "a number": (lambda: X, lambda: 5, {}, "y must"),
    "nothing": (lambda: X, lambda: None, {}, "y must"),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", STRANGE)
def test_what_would_be_read_otherwise_is_refused(case, name):
    make_X, make_y, options, message = STRANGE[case]
    net = cr.Network([3, 4, 2])
    with pytest.raises(ValueError, match=message) as error:
        methods(net)[name](make_X(), make_y(), **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("case", ["generator X", "masked X"])
def test_the_same_of_forward(case):
    make_X, _, _, message = STRANGE[case]
    with pytest.raises(ValueError, match=message):
        cr.Network([3, 4, 2]).forward(make_X())


def test_class_numbers_that_are_masked_or_iterated():
    net = cr.Network([3, 4, 2], loss="cross_entropy")
    with pytest.raises(ValueError, match=r"y .*some are masked"):
        net.fit(X, np.ma.masked_equal(CLASSES, 1))
    with pytest.raises(ValueError, match=r"y .*list_iterator can be read once"):
        net.fit(X, iter(CLASSES.tolist()))


def test_a_mask_of_nothing_is_no_mask():
    plain, other = cr.Network([3, 4, 2]), cr.Network([3, 4, 2])
    expected = plain.fit(X, Y, epochs=1)
    found = other.fit(np.ma.masked_array(X, mask=False), np.ma.masked_array(Y), epochs=1)
    np.testing.assert_array_equal(found.losses, expected.losses)


def mapped(array, folder, name):
    """The array as joblib hands it to its workers: a memory map that can only be read."""
    np.save(folder / name, array)
    return np.load(folder / f"{name}.npy", mmap_mode="r")


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_memory_maps_that_can_only_be_read(tmp_path, engine):
    """As data, and as the parameters of a network, which are copied to be trained."""
    dtype = "float64" if engine == "reference" else "float32"
    weight = np.linspace(1, 2, 6)
    arrays = [a.astype(dtype) for a in (X, Y, weight)]
    maps = [mapped(a, tmp_path, name) for a, name in zip(arrays, "Xys", strict=True)]
    plain = cr.Network([3, 4, 2], engine=engine)
    theta = mapped(plain.parameters.theta, tmp_path, "theta")
    other = cr.Network.from_parameters(cr.Parameters(plain.spec, theta), engine)
    options = {"epochs": 2, "batch_size": 4}
    expected = plain.fit(*arrays[:2], sample_weight=arrays[2], **options)
    found = other.fit(*maps[:2], sample_weight=maps[2], validation=tuple(maps), **options)
    np.testing.assert_array_equal(found.losses, expected.losses)
    np.testing.assert_array_equal(other.forward(maps[0]), plain.forward(arrays[0]))
    losses = [
        one.loss(*data[:2], sample_weight=data[2]) for one, data in ((plain, arrays), (other, maps))
    ]
    assert losses[0] == losses[1]


def test_a_network_that_joblib_maps_into_memory(tmp_path):
    joblib = pytest.importorskip("joblib")
    net = cr.Network([3, 4, 2])
    joblib.dump(net, tmp_path / "net")
    other = joblib.load(tmp_path / "net", mmap_mode="r")
    expected = net.fit(X, Y, epochs=2)
    np.testing.assert_array_equal(other.fit(X, Y, epochs=2).losses, expected.losses)


def test_lists_and_buffers_serve():
    net = cr.Network([3, 4, 2])
    expected = net.loss(X, Y)
    assert net.loss(X.tolist(), Y.tolist()) == expected
    assert net.loss(np.load(io.BytesIO(saved(X))), tuple(map(tuple, Y))) == expected


def saved(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


# -- networks whose options have no meaning -------------------------------------------------


def test_dropout_without_a_hidden_layer():
    with pytest.raises(ValueError, match=r"there is none in \[3, 2\]: dropout must be 0, got 0.5"):
        cr.Network([3, 2], dropout=0.5)
    cr.Network([3, 1, 2], dropout=0.5)


def test_cross_entropy_with_one_output():
    with pytest.raises(ValueError, match=r"one output a class, got 1, .* 'binary_cross_entropy'$"):
        cr.Network([3, 1], loss="cross_entropy")
    cr.Network([3, 1], output="softmax")  # useless, and defined
