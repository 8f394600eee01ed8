"""Mazur's step-by-step example: one step, its errata, and ten thousand steps.

The biases are shared by a layer and stay as they are, so the weights alone move:
``net.w -= rate * g.w``.
"""

import numpy as np
import pytest

import chainrule as cr

EXACT = {"relative": 1e-12}
PRINTED = {"absolute": 1.01e-9}  # nine decimals, the last one not always rounded
SIGMOID = cr.ACTIVATIONS["sigmoid"]
RATE = 0.5


@pytest.fixture
def entry(examples):
    return examples["mazur_2_2_2"]


@pytest.fixture
def data(entry):
    return [entry["given"]["i"]], [entry["given"]["target"]]


@pytest.fixture
def net(entry, engine):
    g = entry["given"]
    net = cr.Network(
        [2, 2, 2], activation="sigmoid", output="sigmoid", init="zeros", dtype="float64",
        reduction="sum", engine=engine,
    )  # fmt: skip
    net.weights[0][:] = [[g["w1"], g["w3"]], [g["w2"], g["w4"]]]
    net.weights[1][:] = [[g["w5"], g["w7"]], [g["w6"], g["w8"]]]
    net.b = [g["b1"], g["b1"], g["b2"], g["b2"]]
    return net


def simultaneous(net, data):
    """Gradient descent: every weight by the gradient at one point."""
    net.w -= RATE * net.gradient(*data).w


def sequential(net, data):
    """The hidden layer's deltas through output weights that have already moved."""
    trace = net.trace(*data)
    net.weights[1][:] -= RATE * trace.weight_gradients[1]
    upstream = trace.deltas[1] @ net.weights[1].T
    delta = SIGMOID.pullback(trace.pre_activations[0], upstream)
    net.weights[0][:] -= RATE * trace.activations[0].T @ delta


def numbers(net, data):
    """Everything the example states of one step, which is taken."""
    trace = net.trace(*data)
    dE_dout_o = cr.LOSSES["squared_error"].derivative(trace.activations[2], trace.targets)
    result = {
        "net_h": trace.pre_activations[0][0],
        "out_h": trace.activations[1][0],
        "net_o": trace.pre_activations[1][0],
        "out_o": trace.activations[2][0],
        "E_o": cr.LOSSES["squared_error"].value(trace.activations[2], trace.targets)[0],
        "E_total": trace.loss,
        "delta_o": trace.deltas[1][0],
        "grad_w5_w8": trace.weight_gradients[1].T.ravel(),
        "dE_dout_h": (trace.deltas[1] @ trace.weights[1].T)[0],
        "delta_h": trace.deltas[0][0],
        "grad_w1_w4": trace.weight_gradients[0].T.ravel(),
        "dE_db1_shared": trace.bias_gradients[0].sum(),
        "dE_db2_shared": trace.bias_gradients[1].sum(),
    }
    simultaneous(net, data)
    names = [f"w{i}" for i in range(1, 9)]
    moved = [*net.weights[0].T.ravel(), *net.weights[1].T.ravel()]
    after = dict(zip(names, moved, strict=True)) | {"b1": net.b[0], "b2": net.b[2]}
    result |= {"params_after": after, "E_after_1": net.loss(*data)}
    return trace, dE_dout_o, result


def test_first_step_exactly(net, data, entry, assert_same):
    _, _, result = numbers(net, data)
    expected = dict(entry["exact_float64"])
    del expected["after_9999_steps"], expected["after_10000_steps"]
    assert_same(result, expected, **EXACT)
    assert net.b[0] == net.b[1]
    assert net.b[2] == net.b[3]


def test_first_step_as_printed(net, data, entry, assert_same):
    trace, dE_dout_o, r = numbers(net, data)
    by_output = trace.deltas[1][0] * trace.weights[1][0]  # ∂E_o1/∂out_h1, ∂E_o2/∂out_h1
    slopes = [SIGMOID.derivative(z)[0, 0] for z in trace.pre_activations]
    result = {
        "net_h1": r["net_h"][0], "out_h1": r["out_h"][0], "out_h2": r["out_h"][1],
        "net_o1": r["net_o"][0], "out_o1": r["out_o"][0], "out_o2": r["out_o"][1],
        "E_o1": r["E_o"][0], "E_o2": r["E_o"][1], "E_total": r["E_total"],
        "dE_dout_o1": dE_dout_o[0, 0], "dout_o1_dnet_o1": slopes[1], "dnet_o1_dw5": r["out_h"][0],
        "dE_dw5": r["grad_w5_w8"][0], "dE_dnet_o1": r["delta_o"][0],
        "dEo1_dout_h1": by_output[0], "dEo2_dout_h1": by_output[1],
        "dE_dout_h1": r["dE_dout_h"][0], "dout_h1_dnet_h1": slopes[0],
        "dnet_h1_dw1": trace.activations[0][0, 0], "dE_dw1": r["grad_w1_w4"][0],
    }  # fmt: skip
    after = {f"w{i}_new": r["params_after"][f"w{i}"] for i in range(1, 9)}
    coarse = {name: after.pop(name) for name in ("w2_new", "w3_new", "w4_new")}
    errata = ["E_after_1_step", "E_after_10000", "out_after_10000"]
    assert_same(result | after, entry["published"], errata=[*errata, *coarse], **PRINTED)
    printed = {name: entry["published"][name] for name in coarse}
    assert_same(coarse, printed, absolute=5e-9)  # eight decimals


def test_printed_loss_after_one_step_is_the_sequential_updates(net, data, entry, assert_same):
    """An erratum: the weights printed beside it are those of the simultaneous update."""
    printed = float(entry["published"]["E_after_1_step"].split()[0])
    other = net.copy()
    simultaneous(net, data)
    sequential(other, data)
    assert_same(other.loss(*data), entry["variants"]["sequential_update_E_after_1"], **EXACT)
    assert_same(other.loss(*data), printed, **PRINTED)
    assert_same(net.loss(*data), entry["exact_float64"]["E_after_1"], **EXACT)
    assert abs(net.loss(*data) - printed) > 1e-7


def test_biases_of_each_neuron_trained(net, data, entry, assert_same):
    net.step(*data, cr.SGD(RATE))
    expected = entry["variants"]["per_neuron_bias_trained_E_after_1"]
    assert_same(net.loss(*data), expected, **EXACT)
    names = ["b1_h1", "b1_h2", "b2_o1", "b2_o2"]
    printed = entry["variants"]["per_neuron_bias_trained_b_after"]
    # Twelve decimals are stated, so half of the last one is what they can agree to.
    assert_same(dict(zip(names, net.b, strict=True)), printed, absolute=5.1e-13)


def test_biases_shared_by_a_layer_trained(net, data, entry, assert_same):
    """A shared bias is one parameter: its gradient is the sum over the neurons it serves."""
    g = net.gradient(*data)
    net.w -= RATE * g.w
    for b, db in zip(net.biases, g.biases, strict=True):
        b -= RATE * db.sum()
    expected = entry["variants"]["shared_bias_trained_E_after_1"]
    assert_same(net.loss(*data), expected, **EXACT)


def state(net, data):
    o1, o2 = net.forward(data[0])[0]
    return {"E": net.loss(*data), "o1": o1, "o2": o2}


@pytest.mark.parametrize(("update", "block", "name"), [
    (simultaneous, "exact_float64", "after_{}_steps"),
    (sequential, "variants", "sequential_after_{}"),
])  # fmt: skip
def test_ten_thousand_steps(net, data, entry, assert_same, update, block, name):
    """Rounding does not grow on the way down: both engines stay within 3e-15 of the entry."""
    for _ in range(9_999):
        update(net, data)
    assert_same(state(net, data), entry[block][name.format(9_999)], **EXACT)
    update(net, data)
    assert_same(state(net, data), entry[block][name.format(10_000)], **EXACT)


def test_printed_numbers_after_ten_thousand_steps_are_of_two_procedures(entry, assert_same):
    """Errata: the loss is the simultaneous one of step 9,999, the outputs are sequential."""
    published, exact = entry["published"], entry["exact_float64"]
    assert_same(exact["after_9999_steps"]["E"], published["E_after_10000"], absolute=5.1e-11)
    assert abs(exact["after_10000_steps"]["E"] - float(published["E_after_10000"])) > 5e-9
    last = entry["variants"]["sequential_after_10000"]
    assert_same([last["o1"], last["o2"]], published["out_after_10000"], absolute=5.1e-10)
    printed = np.array(published["out_after_10000"], dtype=float)
    simultaneous_outputs = [exact["after_10000_steps"][name] for name in ("o1", "o2")]
    assert np.abs(printed - simultaneous_outputs).min() > 1e-7
