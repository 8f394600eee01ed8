"""The boundary: what is refused, in one line that says what was expected and what was given."""

import numpy as np
import pytest

import chainrule as cr

X = np.random.default_rng(0).normal(size=(6, 3))
Y = np.ones((6, 2))


def spoiled(array, where, value):
    result = np.array(array, dtype=float)
    result[where] = value
    return result


DATA = [
    (
        X[0],
        Y,
        {},
        r"X must have shape \(n_samples, 3\), got \(3,\); for one sample, use X\.reshape",
    ),
    (X[:, :2], Y, {}, r"X must have shape \(n_samples, 3\), got \(6, 2\)"),
    (X[None], Y, {}, r"X must have shape \(n_samples, 3\), got \(1, 6, 3\)"),
    (X[:0], Y[:0], {}, r"(X|y) must have at least one sample, got none"),
    ([["a", "b", "c"]], Y[:1], {}, r"X must be an array of numbers: expected real ones, got <U1"),
    ([[1, 2, 3], [1, 2]], Y[:2], {}, r"X must be an array of numbers"),
    (X + 1j, Y, {}, r"X must be an array of numbers: expected real ones, got complex128"),
    (None, Y, {}, r"X must"),
    (
        spoiled(X, (4, 1), np.nan),
        Y,
        {},
        r"X must be finite in float(32|64), got nan at \[4, 1\]; fill",
    ),
    (spoiled(X, (5, 2), np.inf), Y, {}, r"X must be finite in float(32|64), got inf at \[5, 2\]"),
    (X, Y[:5], {}, r"X and y must have as many samples, got 6 and 5"),
    (X, Y[:, :1], {}, r"y must have shape \(n_samples, 2\), got \(6, 1\)"),
    (X, Y[:, 0], {}, r"y must have shape \(n_samples, 2\), got \(6,\)"),
    (X, spoiled(Y, (2, 0), -np.inf), {}, r"y must be finite in float(32|64), got -inf at \[2, 0\]"),
    (X, Y, {"sample_weight": np.ones(5)}, r"sample_weight must have shape \(6,\), got \(5,\)"),
    (X, Y, {"sample_weight": np.ones((6, 1))}, r"sample_weight.*got \(6, 1\)"),
    (X, Y, {"sample_weight": [1, 1, 1, 1, 1, -2]}, r"sample_weight must be >= 0, got -2"),
    (X, Y, {"sample_weight": [1, 1, np.nan, 1, 1, 1]}, r"sample_weight must be finite.*\[2\]"),
    (X, Y, {"sample_weight": np.zeros(6)}, r"sample_weight must not be 0 for every sample"),
]


@pytest.mark.parametrize(("X", "y", "options", "message"), DATA)
def test_wrong_data(X, y, options, message):
    """In every method that takes data; and the network is as it was."""
    net = cr.Network([3, 4, 2])
    before = net.parameters.theta.copy()
    methods = (
        net.loss,
        net.gradient,
        net.trace,
        net.fit,
        lambda X, y, **options: net.step(X, y, cr.SGD(), **options),
        lambda X, y, **options: cr.check_gradient(net, X, y, **options),
    )
    for method in methods:
        with pytest.raises(ValueError, match=message) as error:
            method(X, y, **options)
        assert "\n" not in str(error.value)
    assert np.array_equal(net.parameters.theta, before)


@pytest.mark.parametrize(("X", "message"), [(row[0], row[3]) for row in DATA[:3]])
def test_wrong_inputs_of_forward(X, message):
    with pytest.raises(ValueError, match=message):
        cr.Network([3, 4, 2]).forward(X)


TARGETS = [
    (
        "cross_entropy",
        [0, 1, 3, 0, 0, 0],
        r"class numbers must be from 0 to 2 for 3 outputs, got 3",
    ),
    ("cross_entropy", [0, 1, -1, 0, 0, 0], r"class numbers must be from 0 to 2.*got -1"),
    ("cross_entropy", [0.5, 1, 1, 0, 0, 0], r"class numbers must be whole"),
    (
        "cross_entropy",
        ["a"] * 6,
        r"y must be numbers, got text, as 'a'; number the classes: classes, y = np\.unique",
    ),
    ("cross_entropy", np.full((6, 3), 0.5), r"each row of y must sum to 1.*got 1\.5"),
    (
        "cross_entropy",
        np.full((6, 2), 0.5),
        r"shape \(n_samples, 3\) or be class numbers, got \(6, 2",
    ),
    ("cross_entropy", spoiled(np.eye(3)[[0] * 6], (0, 0), 2), r"y must be <= 1.*got 2"),
    (
        "binary_cross_entropy",
        np.full((6, 3), 1.5),
        r"y must be <= 1 for loss 'binary_cross.*got 1\.5",
    ),
    ("binary_cross_entropy", np.full((6, 3), -1.0), r"y must be >= 0 for loss 'binary.*got -1"),
    ("poisson", np.full((6, 3), -0.5), r"y must be >= 0 for loss 'poisson', got -0\.5"),
]


@pytest.mark.parametrize(("loss", "y", "message"), TARGETS)
def test_wrong_targets(loss, y, message):
    net = cr.Network([3, 3], loss=loss)
    for method in (net.loss, net.fit):
        with pytest.raises(ValueError, match=message):
            method(X, y)


NETWORKS = [
    ([3], {}, r"layer_sizes must name at least the input and the output, got \[3\]"),
    (3, {}, r"layer_sizes must be a list.*got 3"),
    ([3, 0], {}, r"layer_sizes.*got 0"),
    ([3, 2.0], {}, r"layer_sizes.*got 2\.0"),
    ([3, 4, 2], {"activation": "rel"}, r"unknown activation 'rel': did you mean 'relu'"),
    ([3, 4, 2], {"activation": ["relu", "tanh"]}, r"one a hidden layer \(1\), got 2"),
    ([3, 4, 2], {"output": "linear"}, r"unknown activation 'linear'"),
    ([3, 4, 2], {"loss": "mse"}, r"unknown loss 'mse'"),
    ([3, 4, 2], {"init": "xavier"}, r"unknown initializer 'xavier'"),
    (
        [3, 4, 2],
        {"seed": -1},
        r"seed must be a whole number from 0 to 18446744073709551615, got -1",
    ),
    ([3, 4, 2], {"seed": 2**64}, r"seed must be"),
    ([3, 4, 2], {"seed": 1.5}, r"seed must be a whole number.*got 1\.5"),
    ([3, 4, 2], {"seed": None}, r"seed must be"),
    ([3, 4, 2], {"dtype": "float16"}, r"unknown dtype 'float16'"),
    ([3, 4, 2], {"reduction": "max"}, r"unknown reduction 'max'"),
    ([3, 4, 2], {"l2": -1}, r"l2 must be a number >= 0, got -1"),
    ([3, 4, 2], {"l1": "1"}, r"l1 must be a number >= 0, got '1'"),
    ([3, 4, 2], {"dropout": 1}, r"dropout must be in \[0, 1\), got 1"),
    ([3, 4, 2], {"engine": "gpu"}, r"unknown engine 'gpu'"),
    (
        [3, 4, 2],
        {"engine": "reference", "dtype": "float32"},
        r"reference engine computes in float64",
    ),
]


@pytest.mark.parametrize(("sizes", "options", "message"), NETWORKS)
def test_wrong_networks(sizes, options, message):
    with pytest.raises(ValueError, match=message) as error:
        cr.Network(sizes, **options)
    assert "\n" not in str(error.value)


def test_numbers_too_large_for_float32():
    for where in ("X", "y", "sample_weight"):
        data = {"X": X, "y": Y, "sample_weight": np.ones(6)}
        data[where] = data[where] * 1e39
        with pytest.raises(ValueError, match=rf"{where} must be finite in float32, got -?inf at"):
            cr.Network([3, 2]).fit(**data)
        assert np.isfinite(cr.Network([3, 2], dtype="float64").loss(**data))


def test_no_targets_are_as_few_for_every_loss():
    for loss in cr.LOSSES:
        net = cr.Network([3, 2], loss=loss)
        with pytest.raises(ValueError, match="X and y must have as many samples, got 6 and 0"):
            net.loss(X, np.empty((0, net.spec.n_targets)))


def test_numbers_of_numpy_are_numbers():
    """np.int64 comes from X.shape and y.max() + 1, np.float32 from any array."""
    one, three = np.int64(1), np.uint8(3)
    net = cr.Network([three, np.int32(4), 2], seed=one, l2=np.float32(0.5), dropout=np.float64(0))
    assert net.spec == cr.Network([3, 4, 2], l2=0.5).spec
    run = net.fit(X, Y, epochs=one, batch_size=three, seed=one, threads=one)
    assert run.step == 2
    assert cr.Callback(lambda _: None, every=np.int64(2)).stride(10) == 2


FITS = [
    ({"epochs": -1}, r"epochs must be a whole number >= 0, got -1"),
    ({"epochs": 1.5}, r"epochs must be a whole number >= 0, got 1\.5"),
    ({"epochs": True}, r"epochs must be a whole number >= 0, got True"),
    ({"batch_size": 0}, r"batch_size must be between 1 and n_samples \(6\), got 0; use 'auto'"),
    ({"batch_size": 2.0}, r"batch_size must be.*got 2\.0"),
    ({"batch_size": "all"}, r"batch_size must be.*got 'all'"),
    ({"batch_size": True}, r"batch_size must be.*got True"),
    ({"seed": -1}, r"seed must be a whole number from 0"),
    ({"seed": 2**64}, r"seed must be a whole number from 0 to 18446744073709551615, got 1844"),
    ({"threads": 0}, r"threads must be a whole number from 1 to 1024, got 0"),
    ({"threads": 2.0}, r"threads must be a whole number from 1 to 1024, got 2\.0"),
    ({"optimizer": "adamm"}, r"unknown optimizer 'adamm': did you mean 'adam"),
    ({"optimizer": cr.Adam}, r"optimizer must be"),
    ({"shuffle": "yes"}, r"shuffle must be True or False, got 'yes'"),
    ({"early_stopping": 5}, r"early_stopping must be.*got 5"),
    ({"callbacks": [5]}, r"callback must be callable, got 5"),
    ({"validation": X}, r"validation must be \(X, y\) or \(X, y, sample_weight\)"),
    ({"validation": (X,)}, r"validation must be \(X, y\) or \(X, y, sample_weight\)"),
    ({"validation": (X, Y[:2])}, r"X and y must have as many samples, got 6 and 2"),
]


@pytest.mark.parametrize(("options", "message"), FITS)
def test_wrong_options_of_fit(options, message):
    net = cr.Network([3, 4, 2])
    before = net.parameters.theta.copy()
    with pytest.raises(ValueError, match=message) as error:
        net.fit(X, Y, **options)
    assert "\n" not in str(error.value)
    assert np.array_equal(net.parameters.theta, before)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cr.EarlyStopping(patience=0), r"patience must be a whole number >= 1, got 0"),
        (lambda: cr.EarlyStopping(patience=1.5), r"patience must be a whole number >= 1, got 1\.5"),
        (lambda: cr.EarlyStopping(min_delta=-1), r"min_delta must be a number >= 0, got -1"),
        (lambda: cr.EarlyStopping(min_delta=np.nan), r"min_delta must be a number >= 0, got nan"),
        (lambda: cr.Callback(print, every=0), r"every must be 'epoch' or a whole number.*got 0"),
        (lambda: cr.Callback(print, every="step"), r"every must be 'epoch'.*got 'step'"),
        (lambda: cr.Callback(print, every=True), r"every must be 'epoch'.*got True"),
        (lambda: cr.Callback("print"), r"a callback must be callable, got 'print'"),
    ],
)
def test_wrong_stopping_and_callbacks(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_inputs_are_not_modified():
    """Read-only, strided and integer arrays serve; none is written to."""
    rng = np.random.default_rng(1)
    wide, y = rng.integers(-3, 3, size=(12, 6)), rng.integers(0, 2, size=12)
    inputs, weight = wide[::2, ::2], np.ones(6, dtype=int)
    for array in (wide, y, weight):
        array.setflags(write=False)
    before = wide.copy()
    net = cr.Network([3, 4, 2], loss="cross_entropy")
    run = net.fit(inputs, y[:6], sample_weight=weight, validation=(inputs, y[6:]), epochs=2)
    other = cr.Network([3, 4, 2], loss="cross_entropy")
    copied = np.ascontiguousarray(inputs, dtype="float32")
    assert np.array_equal(other.fit(copied, y[:6], epochs=2).losses, run.losses)
    assert np.array_equal(wide, before)


def test_arrays_of_the_right_kind_are_not_copied():
    """Of 64 MB of inputs, fit takes no second copy: the peak of NumPy's memory stays below it."""
    import tracemalloc

    net = cr.Network([16, 1])
    big, y = np.zeros((1_000_000, 16), "float32"), np.zeros((1_000_000, 1), "float32")
    tracemalloc.start()
    net.fit(big, y, epochs=1, batch_size=1_000_000, shuffle=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < big.nbytes, f"peak {peak / 1e6:.0f} MB"


PROBABILITIES = [(0.0015, False), (0.0005, True), (-0.0005, True), (-0.0015, False), (0.05, False)]


@pytest.mark.parametrize(("off", "is_fine"), PROBABILITIES)
def test_rows_of_probabilities_sum_to_one(off, is_fine):
    """But for a thousandth, which printing may lose; then they are scaled."""
    y = np.array([[0.25, 0.25, 0.5], [0.25, 0.25, 0.5 + off]])
    net = cr.Network([3, 3], loss="cross_entropy", dtype="float64")
    if is_fine:
        scaled = net.loss(X[:2], y / y.sum(axis=1, keepdims=True))
        assert net.loss(X[:2], y) == pytest.approx(scaled, rel=1e-12)
    else:
        with pytest.raises(ValueError, match="each row of y must sum to 1"):
            net.loss(X[:2], y)


AT_THE_LIMIT = [
    {"layer_sizes": [1, 1]},
    {"layer_sizes": [3, 2], "seed": 0},
    {"layer_sizes": [3, 2], "seed": 2**64 - 1},
    {"layer_sizes": [3, 2], "l2": 0, "l1": 0, "dropout": 0},
    {"layer_sizes": [3, 4, 2], "dropout": np.nextafter(1, 0)},
]


@pytest.mark.parametrize("options", AT_THE_LIMIT)
def test_networks_at_the_limit(options):
    net = cr.Network(**options)
    assert np.isfinite(net.forward(np.ones((2, options["layer_sizes"][0])))).all()


FITS_AT_THE_LIMIT = [
    ({"epochs": 0}, 0),
    ({"batch_size": 1}, 6),
    ({"batch_size": 6}, 1),
    ({"seed": 2**64 - 1}, 1),
    ({"threads": 1}, 1),
    ({"early_stopping": cr.EarlyStopping(patience=1, min_delta=0.0)}, 1),
    ({"callbacks": [cr.Callback(lambda _: None, every=1)]}, 1),
]


@pytest.mark.parametrize(("options", "steps"), FITS_AT_THE_LIMIT)
def test_options_of_fit_at_the_limit(options, steps):
    run = cr.Network([3, 4, 2]).fit(X, Y, **({"epochs": 1} | options))
    assert run.step == steps


def test_batch_size_auto():
    """min(32, n), whole."""
    for n, size in ((1, 1), (31, 31), (32, 32), (33, 32), (100, 32)):
        run = cr.Network([3, 2]).fit(np.ones((n, 3)), np.ones((n, 2)), epochs=0)
        assert run.options.batch_size == size


def test_a_number_that_is_not_finite_is_found_anywhere():
    """The check goes block by block: on both sides of an edge, and at the very end."""
    large = np.zeros((3, 1 << 17))
    for place in ((0, 0), (1, (1 << 17) - 1), (2, 0), (2, (1 << 17) - 1)):
        with pytest.raises(ValueError, match=rf"got nan at \[{place[0]}, {place[1]}\]"):
            cr.Network([1 << 17, 1]).loss(spoiled(large, place, np.nan), np.ones(3))


@pytest.mark.parametrize("output", ["exponential", "softplus"])
def test_poisson_takes_outputs_that_are_positive(output):
    net = cr.Network([3, 2], loss="poisson", output=output, dtype="float64")
    assert cr.check_gradient(net, X, Y).relative_error < 1e-6
    with pytest.raises(ValueError, match="needs output activation exponential or softplus"):
        cr.Network([3, 2], loss="poisson", output="relu")
