"""Parameters and NetworkSpec: one buffer and its views; every option checked, and written down."""

import copy
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule import ACTIVATIONS, LOSSES, Gradient, NetworkSpec, Parameters
from chainrule.engine import compiled

SPEC = NetworkSpec((2, 3, 1), ("tanh", "identity"))


@given(
    st.lists(st.integers(1, 18), min_size=2, max_size=5), st.sampled_from(["float32", "float64"])
)
def test_order_of_w_and_b(sizes, dtype):
    """θ = [w, b]: layer after layer, each W row by row; weights first, then biases."""
    spec = NetworkSpec(tuple(sizes), ("tanh",) * (len(sizes) - 1), dtype=dtype)
    parameters = Parameters(spec)
    assert parameters.theta.dtype == dtype
    assert parameters.theta.shape == (spec.n_weights + spec.n_biases,)
    parameters.theta[:] = np.arange(spec.n_weights + spec.n_biases)
    count = 0
    for shape, W in zip(spec.shapes, parameters.weights, strict=True):
        assert W.shape == shape
        for entry in np.ndindex(shape):
            assert W[entry] == parameters.w[count] == count
            count += 1
    assert count == len(parameters.w) == spec.n_weights
    for (_, fan_out), b in zip(spec.shapes, parameters.biases, strict=True):
        assert b.tolist() == list(range(count, count + fan_out))
        count += fan_out
    assert count == len(parameters.theta)


def test_views_share_the_buffer():
    parameters = Parameters(SPEC)
    for view in (*parameters.weights, *parameters.biases, parameters.w, parameters.b):
        assert np.shares_memory(view, parameters.theta)
        assert view.flags.writeable
        assert view.flags.c_contiguous
    parameters.weights[0][1, 2] = 5
    parameters.biases[1][0] = 7
    assert parameters.w.tolist() == [0, 0, 0, 0, 0, 5, 0, 0, 0]
    assert parameters.b.tolist() == [0, 0, 0, 7]
    parameters.theta[:] = 1
    assert all((W == 1).all() for W in parameters.weights)


def test_a_buffer_of_the_caller():
    theta = np.zeros(13, dtype="float32")
    assert Parameters(SPEC, theta).theta is theta
    with pytest.raises(ValueError, match=r"theta must be .*shape \(13,\).*got .*shape \(12,\)"):
        Parameters(SPEC, theta[:12])
    for wrong in (theta.astype("float64"), np.zeros(26, dtype="float32")[::2]):
        with pytest.raises(ValueError, match="theta must be C-contiguous float32"):
            Parameters(SPEC, wrong)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copied_and_pickled_the_views_stay_views(copied):
    parameters = copied(Parameters(SPEC))
    parameters.weights[0][:] = 7
    assert (parameters.theta[:6] == 7).all()
    network = copied(cr.Network([2, 3, 1], seed=1))
    assert np.array_equal(network.w, cr.Network([2, 3, 1], seed=1).w)
    network.biases[0][:] = 7
    assert (network.b[:3] == 7).all()


def test_copies_are_independent():
    parameters = Parameters(SPEC)
    other = parameters.copy()
    other.theta[:] = 1
    assert not parameters.theta.any()
    assert other.spec is parameters.spec


def test_a_gradient_has_the_layout_of_the_parameters():
    gradient = Gradient(0.5, Parameters(SPEC, np.arange(13, dtype="float32")))
    assert gradient.w.tolist() == list(range(9))
    assert gradient.b.tolist() == [9, 10, 11, 12]
    assert gradient.weights[1].tolist() == [[6], [7], [8]]
    assert gradient.biases[0].tolist() == [9, 10, 11]


# -- the spec -------------------------------------------------------------------------------

WRONG = [
    ({"layer_sizes": (3,)}, r"layer_sizes.*at least the input and the output.*\[3\]"),
    ({"layer_sizes": (2, 0, 1)}, r"layer_sizes.*>= 1, got 0 in \[2, 0, 1\]"),
    ({"layer_sizes": (2, -3, 1)}, r"layer_sizes.*got -3"),
    ({"layer_sizes": (2, 2.5, 1)}, r"layer_sizes.*whole numbers.*got 2\.5"),
    ({"layer_sizes": (2, "3", 1)}, r"layer_sizes.*got '3'"),
    ({"layer_sizes": (2, True, 1)}, r"layer_sizes.*got True"),
    ({"activations": ("tanh",)}, r"activations.*one name a layer of weights \(2\), got 1"),
    ({"activations": ("tanhh", "identity")}, r"unknown activation 'tanhh': did you mean 'tanh'"),
    ({"loss": "squared_eror"}, r"unknown loss 'squared_eror': did you mean 'squared_error'"),
    ({"loss": "cross_entropy"}, r"loss 'cross_entropy' needs output activation softmax, got 'iden"),
    ({"loss": "binary_cross_entropy"}, r"needs output activation sigmoid, got 'identity'"),
    ({"loss": "poisson"}, r"needs output activation exponential or softplus, got 'identity'"),
    ({"reduction": "average"}, r"unknown reduction 'average'.*(mean, sum)"),
    ({"l2": -0.1}, r"l2 must be a number >= 0, got -0\.1"),
    ({"l2": float("nan")}, r"l2 must be a number >= 0, got nan"),
    ({"l1": float("inf")}, r"l1 must be a number >= 0, got inf"),
    ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1\.0"),
    ({"dropout": -0.5}, r"dropout must be in \[0, 1\), got -0\.5"),
    ({"dropout": float("nan")}, r"dropout must be in \[0, 1\), got nan"),
    ({"dtype": "float16"}, r"unknown dtype 'float16'"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_options_out_of_range(wrong, message):
    """The message names the option, what it may be and what it was; it is one line."""
    options = {"layer_sizes": (2, 3, 1), "activations": ("tanh", "identity")}
    with pytest.raises(ValueError, match=message) as error:
        NetworkSpec(**(options | wrong))
    assert "\n" not in str(error.value)


def test_from_and_to_a_dictionary():
    spec = NetworkSpec(
        (4, 5, 6, 3),
        ("relu", "softmax", "softmax"),
        "cross_entropy",
        "sum",
        0.1,
        0.2,
        0.3,
        "float64",
    )
    description = json.loads(json.dumps(spec.to_dict()))
    assert NetworkSpec.from_dict(description) == spec
    assert set(description) == {
        "layer_sizes", "activations", "loss", "reduction", "l2", "l1", "dropout", "dtype",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"layer_size": [1, 1]},
            "unknown field of network 'layer_size': did you mean 'layer_sizes'",
        ),
        ({"layer_sizes": 3}, "layer_sizes must be a list, got 3"),
        ({"activations": "tanh"}, "activations must be a list, got 'tanh'"),
        ({"layer_sizes": None}, "layer_sizes must be a list, got None"),
        ({"dropout": 2}, "dropout must be in"),
    ],
)
def test_a_wrong_dictionary(change, message):
    with pytest.raises(ValueError, match=message):
        NetworkSpec.from_dict(SPEC.to_dict() | change)


def test_derived_quantities():
    spec = NetworkSpec((4, 5, 2), ("relu", "softmax"), "cross_entropy")
    assert (spec.n_inputs, spec.n_outputs, spec.n_layers) == (4, 2, 2)
    assert (spec.n_weights, spec.n_biases) == (4 * 5 + 5 * 2, 5 + 2)
    assert spec.activation_rows == (ACTIVATIONS["relu"], ACTIVATIONS["softmax"])
    assert spec.loss_row is LOSSES["cross_entropy"]
    assert spec.fused
    assert NetworkSpec((4, 2), ("softmax",)).fused is None


def test_specs_are_values():
    """Equal specs are equal keys, and cannot be changed."""
    other = NetworkSpec((2, 3, 1), ("tanh", "identity"))
    assert (other, hash(other)) == (SPEC, hash(SPEC))
    with pytest.raises(AttributeError):
        SPEC.l2 = 1.0


# -- the trace ------------------------------------------------------------------------------


def test_a_trace_shows_every_quantity():
    X, y = np.array([[0.5, -1.0]], "float32"), np.array([[1.0]], "float32")
    parameters = Parameters(SPEC, np.linspace(-1, 1, 13, dtype="float32"))
    trace = compiled.trace(parameters, X, y, None)
    shown = str(trace)
    sections = [line for line in shown.splitlines() if not line.startswith(" ")]
    assert sections == ["forward", "loss", "backward"]
    for symbol in ("W[0]", "b[1]", "z[0]", "a[1]", "y", "ℓ", "R", "L", "δ[1]", "∂L/∂W[0]"):
        assert f"  {symbol} " in shown, symbol
    assert "  y         [[1.]]" in shown
    assert f"  L         {trace.loss:.6f}" in shown.splitlines()  # no more digits than are read
    assert trace.weights[0] is not parameters.weights[0]
    assert not np.shares_memory(trace.parameters.theta, parameters.theta)
