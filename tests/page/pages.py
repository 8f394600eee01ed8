"""Pages of real runs, each made once: a small network, a classifier, pictures, eight layers."""

from functools import cache

import numpy as np
from sklearn.datasets import load_digits, load_iris

import chainrule as cr


@cache
def small_run():
    X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [[0.0], [1.0], [1.0], [0.0]]
    net = cr.Network([2, 2, 1], activation="sigmoid", output="sigmoid", loss="squared_error",
                     seed=1, dtype="float64")  # fmt: skip
    return net.fit(X, y, optimizer=cr.SGD(2.0), epochs=300, batch_size=2)


def small_network():
    """As it is before step 100."""
    net = cr.Network([2, 2, 1], activation="sigmoid", output="sigmoid", loss="squared_error",
                     dtype="float64")  # fmt: skip
    trace = small_run().at(100)
    net.w[:], net.b[:] = trace.parameters.w, trace.parameters.b
    return net


@cache
def small():
    run = small_run()
    return cr.explain(run.at(100), row=int(run.at(100).rows[0])).to_html(run, title="XOR")


@cache
def classifier():
    data = load_iris()
    X = data.data - data.data.mean(axis=0)
    net = cr.Network([4, 8, 3], activation="tanh", loss="cross_entropy", seed=1)
    run = net.fit(X, data.target, optimizer=cr.Adam(0.01), epochs=20, batch_size=5)
    explanation = cr.explain(run.at(271), row=int(run.at(271).rows[0]))
    names = [name.removesuffix(" (cm)") for name in data.feature_names]
    return explanation.to_html(run, title="iris", inputs=names, outputs=list(data.target_names))


@cache
def pictures():
    """784-30-10, on the digits of scikit-learn drawn larger: 28 × 28 pixels."""
    data = load_digits()
    images = np.kron(data.images, np.ones((1, 4, 4)))[:, 2:30, 2:30] / 16
    net = cr.Network([784, 30, 10], activation="sigmoid", output="sigmoid", loss="squared_error",
                     init="standard_normal", seed=0)  # fmt: skip
    run = net.fit(images.reshape(-1, 784), np.eye(10)[data.target], optimizer=cr.SGD(3.0),
                  epochs=20, batch_size=10)  # fmt: skip
    digits = [str(digit) for digit in range(10)]
    explanation = cr.explain(run.at(3210), row=int(run.at(3210).rows[0]))
    return explanation.to_html(run, title="digits", outputs=digits)


@cache
def deep():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    net = cr.Network([3, *[5] * 7, 1], activation="tanh", seed=3)
    run = net.fit(X, np.sin(X.sum(axis=1)), optimizer=cr.SGD(0.05, momentum=0.9), epochs=20,
                  batch_size=6)  # fmt: skip
    return cr.explain(run.at(50), row=int(run.at(50).rows[0])).to_html(run, title="a deep network")


PAGES = {"small": small, "classifier": classifier, "pictures": pictures, "deep": deep}
