"""AI by Hand's sheet of backpropagation: right as mathematics, with one gate missing.

The sheet has neurons in rows and samples in columns, and gradients summed over the batch.
Its cells P20:S21 copy ∂L/∂A2 without the gate of the ReLU, though Z2 has negative entries.
"""

import numpy as np
import pytest

import chainrule as cr

EXACT = {"relative": 1e-12}


@pytest.fixture
def entry(examples):
    return examples["ai_by_hand_backprop_4_3_4_3"]


@pytest.fixture
def given(entry):
    return {name: np.array(values) for name, values in entry["given"].items()}


@pytest.fixture
def trace(given, engine):
    net = cr.Network(
        [4, 3, 4, 3], activation="relu", loss="cross_entropy", init="zeros", dtype="float64",
        reduction="sum", engine=engine,
    )  # fmt: skip
    for layer in range(3):
        net.weights[layer][:] = given[f"W{layer + 1}"].T
        net.biases[layer][:] = given[f"b{layer + 1}"]
    return net.trace(given["X_columns_are_samples"].T, given["Y"].T)


def columns(arrays):
    return {name: array.T.tolist() for name, array in arrays.items()}


def test_network_gives_the_correct_numbers(trace, entry, assert_same):
    result = {f"d{name}{layer + 1}": array for layer in range(3) for name, array in (
        ("W", trace.weight_gradients[layer]),
        ("b", trace.bias_gradients[layer]),
    )}  # fmt: skip
    for layer in (1, 2):
        result[f"dZ{layer}"] = trace.deltas[layer - 1]
        result[f"dA{layer}"] = trace.deltas[layer] @ trace.weights[layer].T
    assert_same(columns(result), entry["exact_float64_correct"], **EXACT)
    assert_same(trace.sample_losses.tolist(), entry["loss_per_sample"], **EXACT)
    assert trace.loss == pytest.approx(sum(entry["loss_per_sample"]), rel=1e-12)


def test_forward_pass_as_published(trace, entry, assert_same):
    result = {f"Z{i}": z for i, z in enumerate(trace.pre_activations, start=1)}
    result |= {"A1": trace.activations[1], "A2": trace.activations[2]}
    result |= {"softmax": trace.activations[3], "dZ3": trace.deltas[2]}
    assert_same(columns(result), entry["published"], errata=["note"], **EXACT)


def without_the_gate(trace):
    """The sheet's calculation: every layer gated by its ReLU but the second."""
    X, A1, A2, _ = trace.activations
    _, W2, W3 = trace.weights
    dZ3 = trace.deltas[2]
    dA2 = dZ3 @ W3.T
    dZ2 = dA2  # cells P20:S21; the gate [Z2 > 0] is left out
    dA1 = dZ2 @ W2.T
    dZ1 = dA1 * (trace.pre_activations[0] > 0)
    result = {"dA1": dA1, "dA2": dA2, "dZ1": dZ1, "dZ2": dZ2}
    for layer, (below, delta) in enumerate(((X, dZ1), (A1, dZ2), (A2, dZ3)), start=1):
        result |= {f"dW{layer}": below.T @ delta, f"db{layer}": delta.sum(axis=0)}
    return result


def test_sheets_numbers_come_from_leaving_out_a_gate(trace, entry, assert_same):
    """The erratum: neuron 1 of layer 2 is off, and learns in the sheet all the same."""
    sheet = without_the_gate(trace)
    assert_same(columns(sheet), entry["exact_float64_as_in_sheet"], **EXACT)
    assert np.all(trace.pre_activations[1][:, 0] < 0)
    assert np.all(trace.weight_gradients[1][:, 0] == 0)
    assert np.all(np.abs(sheet["dW2"][:, 0]) > 3e-3)
    with pytest.raises(AssertionError, match=r"dW2\[0\]"):
        assert_same(
            {"dW2": trace.weight_gradients[1].T.tolist()},
            {"dW2": entry["exact_float64_as_in_sheet"]["dW2"]},
            **EXACT,
        )
