"""Trask's network in eleven lines: sixty thousand steps, held to a relative 1e-12.

There are no biases. Plain SGD moves them with everything else, so a callback puts them
back to 0 after every step: one fit, and exactly the steps of a network without them.
"""

import numpy as np
import pytest

import chainrule as cr

EXACT = {"relative": 1e-12}
LAST = 59_999  # the iteration of the published outputs, which are taken before its update


@pytest.fixture
def entry(examples):
    return examples["iamtrask_xor_3_4_1"]


def network(entry, engine):
    net = cr.Network(
        [3, 4, 1], activation="sigmoid", output="sigmoid", init="zeros", dtype="float64",
        reduction="sum", engine=engine,
    )  # fmt: skip
    net.weights[0][:] = entry["given"]["syn0"]
    net.weights[1][:] = entry["given"]["syn1"]
    return net


def data(entry):
    return np.array(entry["given"]["X"], dtype=float), np.array(entry["given"]["y"], dtype=float)


def test_starting_weights_are_numpys(entry):
    """The entry's recipe: NumPy's old generator, which is frozen for ever."""
    random = np.random.RandomState(1)
    for name, shape in (("syn0", (3, 4)), ("syn1", (4, 1))):
        np.testing.assert_array_equal(2 * random.random_sample(shape) - 1, entry["given"][name])


def test_first_step(entry, engine, assert_same):
    net, (X, y) = network(entry, engine), data(entry)
    error = np.abs(y - net.forward(X)[:, 0]).mean()
    assert_same(error, entry["exact_float64"]["error"]["0"], **EXACT)
    net.w -= net.gradient(X, y).w
    result = {"syn0": net.weights[0].tolist(), "syn1": net.weights[1].tolist()}
    assert_same(result, entry["exact_float64"]["after_1_step"], **EXACT)


def train(net, X, y):
    """Train for 60,000 steps; return the outputs before each of the published iterations."""
    outputs = {0: net.forward(X)[:, 0]}

    def without_biases(run):
        run.network.b[:] = 0
        if run.step % 10_000 == 0 or run.step == LAST:
            outputs[run.step] = run.network.forward(X)[:, 0]

    net.fit(
        X, y, optimizer=cr.SGD(1.0), epochs=LAST + 1, batch_size=len(X), shuffle=False, threads=1,
        callbacks=[cr.Callback(without_biases, every=1)],
    )  # fmt: skip
    return outputs


def in_numpy(entry):
    """The eleven lines themselves, and their final weights."""
    X, y = data(entry)
    syn0, syn1 = np.array(entry["given"]["syn0"]), np.array(entry["given"]["syn1"])
    for _ in range(LAST + 1):
        l1 = 1 / (1 + np.exp(-(X @ syn0)))
        l2 = 1 / (1 + np.exp(-(l1 @ syn1)))
        l2_delta = (y[:, None] - l2) * l2 * (1 - l2)
        l1_delta = l2_delta @ syn1.T * l1 * (1 - l1)
        syn1 += l1.T @ l2_delta
        syn0 += X.T @ l1_delta
    return syn0, syn1


def test_sixty_thousand_steps(entry, assert_same):
    """Rounding does not grow: the compiled engine ends within 2e-15 of the entry.

    The steps run down into a valley and contract, so what one step rounds, later steps
    forget. The eleven lines in NumPy end within 4e-15 here; so does the reference engine,
    which would take most of a minute and is left out.
    """
    net, (X, y) = network(entry, "compiled"), data(entry)
    outputs = train(net, X, y)
    exact, published = entry["exact_float64"], entry["published"]
    errors = {str(step): np.abs(y - outputs[step]).mean() for step in range(0, 60_000, 10_000)}
    assert_same(errors, exact["error"], **EXACT)
    assert_same(errors, published["error"], absolute=1e-11)
    assert_same(outputs[LAST].tolist(), exact["output_at_59999"], **EXACT)
    # Eight decimals are printed.
    assert_same(outputs[LAST].tolist(), published["output_after_60000"], absolute=5.1e-9)
    for layer, name in enumerate(("syn0_final", "syn1_final")):
        assert_same(net.weights[layer].tolist(), exact[name], **EXACT)
    for W, syn in zip(net.weights, in_numpy(entry), strict=True):
        np.testing.assert_allclose(W, syn, rtol=1e-12)
