"""The compiled core takes arrays as they are, or refuses them; it never copies one."""

from dataclasses import replace

import numpy as np
import pytest

from chainrule import NetworkSpec, Parameters
from chainrule.engine import _core, compiled, reference
from chainrule.theory.optimizers import SGD, Adam

SPEC = NetworkSpec((3, 4, 2), ("tanh", "identity"))
N, N_PARAMETERS = 5, SPEC.n_weights + SPEC.n_biases
ONE = _core.Threads(1, "all")


def arrays(dtype="float32"):
    rng = np.random.default_rng(0)
    return {
        "theta": rng.normal(size=N_PARAMETERS).astype(dtype),
        "state": [np.zeros(N_PARAMETERS, dtype), np.zeros(N_PARAMETERS, dtype)],
        "X": rng.normal(size=(N, 3)).astype(dtype),
        "y": rng.normal(size=(N, 2)).astype(dtype),
        "sample_weight": np.ones(N, dtype),
    }


def trainer(keyframes=None, **changed):
    adam = Adam(0.01)
    update = _core.Update(adam.name, adam.constants(), np.inf, np.inf, 0.0, 0.0)
    spec = compiled._describe(SPEC, 0.0)
    return made(spec, arrays() | changed, N, False, 0, 0, update, 0, ONE, keyframes)


def made(spec, given, *options):
    rows = {"X": _core.RowsFloat32(given["X"])}
    return _core.TrainerFloat32(spec, *(given | rows).values(), *options)


def read_only(array):
    array.setflags(write=False)
    return array


def strided(array):
    """The same numbers, with a gap after each: neither contiguous nor to be read as if it were."""
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


WRONG = {
    "float64": lambda array: array.astype("float64"),
    "float16": lambda array: array.astype("float16"),
    "int32": lambda array: array.astype("int32"),
    "big-endian": lambda array: array.astype(">f4"),
    "strided": strided,
    "Fortran order": lambda array: np.asfortranarray(array) if array.ndim == 2 else array[::-1],
    "another rank": lambda array: array[None],
    "a list": lambda array: array.tolist(),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", ["theta", "X", "y", "sample_weight"])
def test_wrong_arrays_of_a_trainer(name, wrong):
    with pytest.raises(TypeError):
        trainer(**{name: WRONG[wrong](arrays()[name])})


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_optimizer_state(wrong):
    good = arrays()["state"][0]
    with pytest.raises(TypeError):
        trainer(state=[good, WRONG[wrong](good)])


def test_what_is_written_must_be_writable():
    for name in ("theta", "state"):
        array = arrays()[name]
        frozen = read_only(array) if name == "theta" else [read_only(one) for one in array]
        with pytest.raises(TypeError):
            trainer(**{name: frozen})
    with pytest.raises(TypeError):
        trainer().advance(np.ones(1), read_only(np.empty(1)))


def test_what_is_read_may_be_read_only():
    given = {name: read_only(arrays()[name]) for name in ("X", "y", "sample_weight")}
    assert trainer(**given).advance(read_only(np.full(2, 0.1)), np.empty(2)) == 2


@pytest.mark.parametrize("change", [np.float32, np.int64, strided], ids=lambda f: f.__name__)
def test_wrong_rates_and_losses(change):
    with pytest.raises(TypeError):
        trainer().advance(change(np.ones(3)), np.empty(3))
    with pytest.raises(TypeError):
        trainer().advance(np.ones(3), change(np.ones(3)))


@pytest.mark.parametrize("wrong", WRONG)
def test_outputs_leave_what_is_not_ready_to_others(wrong):
    spec, given = compiled._describe(SPEC, 0.0), arrays()
    theta, X = given["theta"], given["X"]
    outputs = _core.outputs(spec, theta, read_only(X), ONE)
    assert outputs.tobytes() == compiled.forward(Parameters(SPEC, theta), X).tobytes()
    assert _core.outputs(spec, theta, WRONG[wrong](X), ONE) is None
    assert _core.outputs(spec, WRONG[wrong](theta), X, ONE) is None


def test_outputs_of_other_arrays():
    spec, given = compiled._describe(SPEC, 0.0), arrays()
    theta, X = given["theta"], given["X"]
    raw = np.empty(X.nbytes + 1, np.uint8)[1:].view(np.uint8)
    unaligned = np.frombuffer(raw.data, "float32", X.size).reshape(X.shape)
    masked = np.ma.masked_array(X, mask=False)
    for other in (unaligned, masked, X[:, :2].copy(), X[0], None, "X", np.float32(1)):
        assert _core.outputs(spec, theta, other, ONE) is None
    assert _core.outputs(spec, theta, X[:0], ONE).shape == (0, 2)
    with pytest.raises(ValueError, match="the length of theta must be 26, got 25"):
        _core.outputs(spec, theta[:-1].copy(), X, ONE)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outputs_are_those_of_forward(dtype):
    parameters = Parameters(replace(SPEC, dtype=dtype), arrays(dtype)["theta"])
    ready = compiled.forward_ready(parameters)
    for n in (0, 1, 4, 5, 1000):
        X = np.random.default_rng(n).normal(size=(n, 3)).astype(dtype)
        assert ready(X, compiled.FASTEST).dtype == dtype
        assert ready(X, ONE).tobytes() == compiled.forward(parameters, X).tobytes()
    assert ready(X.astype("float16"), ONE) is None
    parameters.w[:] = 0  # it looks at the parameters, and has no copy
    np.testing.assert_array_equal(ready(X, ONE), np.tile(parameters.biases[-1], (len(X), 1)))


def test_wrong_arrays_of_functions():
    parameters, given = Parameters(SPEC), arrays()
    X, y = given["X"], given["y"]
    for wrong in WRONG.values():
        with pytest.raises(TypeError):
            compiled.forward(parameters, wrong(X))
        with pytest.raises(TypeError):
            compiled.loss(parameters, X, wrong(y), None)
        with pytest.raises(TypeError):
            compiled.loss(parameters, X, y, wrong(given["sample_weight"]))
    with pytest.raises(TypeError):
        _core.forward(compiled._describe(SPEC, 0.0), parameters.theta, X, np.empty((N, 2)), 1)


def test_wrong_arrays_of_a_trace():
    shapes = [(N, 4), (N, 2)]
    good = [np.empty(shape, "float32") for shape in shapes]
    for i in range(3):
        lists = [good, good, good]
        lists[i] = [array.astype("float64") for array in good]
        with pytest.raises(TypeError):
            trainer().trace(*lists, [], np.empty(N, "f4"), np.empty(N_PARAMETERS, "f4"))


def test_nothing_is_copied():
    """θ and the state that were given are the ones that move; the data stay as they were."""
    given = arrays()
    before = {name: np.copy(array) for name, array in given.items()}
    losses = np.full(3, np.nan)
    assert trainer(**given).advance(np.full(3, 0.1), losses) == 3
    assert np.isfinite(losses).all()
    for name in ("theta", "state"):
        assert not np.array_equal(given[name], before[name]), name
    for name in ("X", "y", "sample_weight"):
        assert np.array_equal(given[name], before[name]), name


def test_borrowed_arrays_outlive_their_names():
    """A trainer holds its arrays: freeing them first would read freed memory."""
    parameters, given = Parameters(SPEC), arrays()
    expected = compiled.loss(parameters, given["X"], given["y"], None)
    one = trainer(theta=parameters.theta.copy(), X=given["X"].copy(), y=given["y"].copy())
    del given
    junk = [np.full((N, 3), 1e30, "float32") for _ in range(100)]
    losses = np.empty(1)
    one.advance(np.zeros(1), losses)
    assert losses[0] == pytest.approx(expected, rel=1e-6)
    del junk


def test_a_trainer_outlives_its_description():
    """Descriptions are kept for the last 64 networks only; the next takes the memory of one."""
    given = arrays()
    one = trainer()
    expected = np.empty(1)
    one.advance(np.zeros(1), expected)
    update = _core.Update("adam", Adam().constants(), np.inf, np.inf, 0.0, 0.0)
    spec = _core.Spec([3, 4, 2], ["tanh", "identity"], "squared_error", [], False, False, 0, 0, 0)
    one = made(spec, given, N, False, 0, 0, update, 0, ONE)
    del spec
    sums = [_core.Spec([3, 4, 2], ["tanh", "identity"], "huber", [1.0], False, True, 0, 0, 0)]
    sums += [_core.Spec([1, 1], ["tanh"], "huber", [1.0], False, True, 0, 0, 0) for _ in range(100)]
    found = np.empty(1)
    one.advance(np.zeros(1), found)
    assert found[0] == expected[0]
    del sums


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: _core.Update("lion", [], 1.0, 1.0, 0.0, 0.0), "no optimizer 'lion'"),
        (lambda: _core.Spec([1, 1], ["cube"], "huber", [1.0], False, False, 0, 0, 0), "'cube'"),
        (lambda: _core.Spec([1, 1], ["tanh"], "hinge", [], False, False, 0, 0, 0), "'hinge'"),
    ],
)
def test_names_the_core_does_not_have(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_every_row_has_its_name_in_the_core():
    from chainrule import ACTIVATIONS, LOSSES, OPTIMIZERS

    for name in ACTIVATIONS:
        _core.Spec([1, 1], [name], "huber", [1.0], False, False, 0.0, 0.0, 0.0)
    for name, row in LOSSES.items():
        _core.Spec([1, 1], ["tanh"], name, row.constants(), False, False, 0.0, 0.0, 0.0)
    for row in OPTIMIZERS.values():
        _core.Update(row.name, row().constants(), 1.0, 1.0, 0.0, 0.0)


def test_wrong_arrays_of_many():
    """Neither copied nor read as if they were right; nor is there a trainer that is None."""
    good = [np.full(3, 0.1)]
    for wrong in (np.float32, np.int64, strided):
        with pytest.raises(TypeError):
            _core.advance_many([trainer()], [wrong(np.ones(3))], good, 1)
        with pytest.raises(TypeError):
            _core.advance_many([trainer()], good, [wrong(np.ones(3))], 1)
    with pytest.raises(TypeError):
        _core.advance_many([trainer()], good, [read_only(np.empty(3))], 1)
    with pytest.raises(TypeError):
        _core.advance_many([None], good, [np.empty(3)], 1)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_many_trainers_of_different_lengths(threads):
    """What each writes is what its own advance does, 0 steps and no trainer included."""
    assert _core.advance_many([], [], [], threads) == []
    counts = [5, 0, 2000, 1, 17]
    rates = [np.full(count, 0.01) for count in counts]
    losses, expected = ([np.full(count, np.nan) for count in counts] for _ in range(2))
    for eta, out in zip(rates, expected, strict=True):
        trainer().advance(eta, out)
    many = [trainer() for _ in counts]
    assert _core.advance_many(many, rates, losses, threads) == counts
    assert [one.step for one in many] == counts
    for out, other in zip(losses, expected, strict=True):
        assert np.array_equal(out, other)


def test_an_optimizer_without_state():
    spec = compiled._describe(SPEC, 0.0)
    given = arrays() | {"state": [], "sample_weight": None}
    update = _core.Update("sgd", SGD().constants(), np.inf, np.inf, 0.0, 0.0)
    one = made(spec, given, 2, True, 2**64 - 1, 0, update, 0, ONE)
    assert one.advance(np.full(7, 0.1), np.empty(7)) == 7
    assert one.step == 7


# -- shapes that do not fit together: the core would read or write beyond an array ---------------


def ones(*shape):
    return np.ones(shape, "float32")


SHAPES = {
    "short theta": ({"theta": ones(N_PARAMETERS - 1)}, "the length of theta must be 26, got 25"),
    "long theta": ({"theta": ones(N_PARAMETERS + 1)}, "the length of theta must be 26, got 27"),
    "inputs": ({"X": ones(N, 2)}, "the columns of X must be 3, got 2"),
    "outputs": ({"y": ones(N, 3)}, "the columns of y must be 2, got 3"),
    "targets": ({"y": ones(N - 1, 2)}, "the rows of y must be 5, got 4"),
    "weights": ({"sample_weight": ones(N + 1)}, "the length of sample_weight must be 5, got 6"),
    "one vector": ({"state": [ones(N_PARAMETERS)]}, "the vectors of state must be 2, got 1"),
    "a short vector": (
        {"state": [ones(N_PARAMETERS), ones(N_PARAMETERS - 1)]},
        "the length of a vector of state must be 26, got 25",
    ),
    "fewer rows than a batch": (
        {"X": ones(4, 3), "y": ones(4, 2), "sample_weight": None},
        "batch_size must be from 1 to 4, the rows of X, got 5",
    ),
    "no rows": (
        {"X": ones(0, 3), "y": ones(0, 2), "sample_weight": None},
        "batch_size must be from 1 to 0, the rows of X, got 5",
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_wrong_shapes_of_a_trainer(name):
    changed, message = SHAPES[name]
    with pytest.raises(ValueError, match=message):
        trainer(**changed)


def test_wrong_shapes_of_forward_and_loss():
    spec, theta = compiled._describe(SPEC, 0.0), ones(N_PARAMETERS)
    X, y = ones(N, 3), ones(N, 2)
    for arguments, message in [
        ((theta[1:], X, y), "the length of theta must be 26, got 25"),
        ((theta, X[:, :2].copy(), y), "the columns of X must be 3, got 2"),
        ((theta, X, y[1:]), "the rows of (outputs|y) must be 5, got 4"),
        ((theta, X, X), "the columns of (outputs|y) must be 2, got 3"),
    ]:
        with pytest.raises(ValueError, match=message):
            _core.forward(spec, *arguments, ONE)
        with pytest.raises(ValueError, match=message):
            _core.total_loss(spec, *arguments, None, ONE)
    with pytest.raises(ValueError, match="the length of sample_weight must be 5, got 4"):
        _core.total_loss(spec, theta, X, y, ones(N - 1), ONE)


def test_losses_need_room():
    one = trainer()
    with pytest.raises(ValueError, match=r"losses must be as long as rates \(3\), got 2"):
        one.advance(np.zeros(3), np.empty(2))
    with pytest.raises(ValueError, match=r"losses must be as long as rates \(3\), got 2"):
        _core.advance_many([one], [np.zeros(3)], [np.empty(2)], 1)
    with pytest.raises(ValueError, match="the number of rates must be 2, got 1"):
        _core.advance_many([one, trainer()], [np.zeros(3)], [np.empty(3), np.empty(3)], 1)
    with pytest.raises(ValueError, match="the number of losses must be 1, got 2"):
        _core.advance_many([one], [np.zeros(3)], [np.empty(3), np.empty(3)], 1)
    assert one.step == 0


def test_wrong_shapes_of_a_trace():
    good = {
        "pre_activations": [ones(N, 4), ones(N, 2)],
        "activations": [ones(N, 4), ones(N, 2)],
        "deltas": [ones(N, 4), ones(N, 2)],
        "masks": [ones(N, 4)],
        "sample_losses": ones(N),
        "gradient": ones(N_PARAMETERS),
        "rows": np.empty(N, np.int64),
    }
    one = trainer()
    one.trace(**good)
    for name, wrong in [
        ("pre_activations", [ones(N, 4)]),
        ("activations", [ones(N, 4), ones(N, 1)]),
        ("deltas", [ones(N - 1, 4), ones(N, 2)]),
        ("masks", [ones(N, 3)]),
        ("sample_losses", ones(N - 1)),
        ("gradient", ones(N_PARAMETERS - 1)),
        ("rows", np.empty(N - 1, np.int64)),
    ]:
        with pytest.raises(ValueError, match=name):
            one.trace(**(good | {name: wrong}))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_rows(dtype):
    """Nothing to predict; L is the penalty alone, as in the reference; no step has no samples."""
    spec = replace(SPEC, dtype=dtype, l2=0.5)
    parameters = Parameters(spec)
    parameters.w[:] = 2
    X, y = np.empty((0, 3), dtype), np.empty((0, 2), dtype)
    for threads in (1, 2, compiled.FASTEST):
        assert compiled.forward(parameters, X, threads).shape == (0, 2)
        assert compiled.loss(parameters, X, y, None, threads) == 0.5 * 0.5 * 4 * spec.n_weights
    assert reference.loss(parameters, X, y, None) == 0.5 * 0.5 * 4 * spec.n_weights
    for engine in (compiled, reference):
        with pytest.raises(ValueError, match="batch_size must be from 1 to n_samples"):
            engine.trace(parameters, X, y, None)


@pytest.mark.parametrize(("steps", "stride", "shape", "message"), [
    (3, [1], (2, 3, N_PARAMETERS), "the rooms of keyframes must be 3, got 2"),
    (3, [1], (3, 2, N_PARAMETERS), "the vectors of a keyframe must be 3, got 2"),
    (3, [1], (3, 3, N_PARAMETERS + 1), "the length of a keyframe's vectors must be 26, got 27"),
    (3, [1, 2], (3, 3, N_PARAMETERS), "the length of stride must be 1, got 2"),
    (3, [0], (3, 3, N_PARAMETERS), "the stride of keyframes must be at least 1"),
])  # fmt: skip
def test_wrong_shapes_of_keyframes(steps, stride, shape, message):
    room = _core.KeyframesFloat32(np.full(steps, -1), np.array(stride), ones(*shape))
    with pytest.raises(ValueError, match=message):
        trainer(keyframes=room)
