"""Nielsen's first network on MNIST: 784-30-10 sigmoids, squared error, plain SGD.

Neural Networks and Deep Learning, chapter 1: rate 3, batches of 10, 30 epochs, weights and
biases from N(0, 1). The book reports 95.42 % at the best epoch. One start in several gets
stuck below 90 %: a digit's output unit is saturated and learns too slowly to recover.

    python examples/nielsen_mnist.py mnist.npz            # five seeds
    python examples/nielsen_mnist.py mnist.npz --numpy    # and the same by hand, timed beside
"""

import argparse
import time
from itertools import pairwise

import numpy as np

import chainrule as cr

SIZES, RATE, BATCH, EPOCHS = [784, 30, 10], 3.0, 10, 30


def load(path):
    """Return 50,000 training and 10,000 test images as rows in [0, 1), with their digits."""
    with np.load(path) as data:
        images = [data[name].reshape(-1, 784) / 256 for name in ("x_train", "x_test")]
        return images[0][:50000], data["y_train"][:50000], images[1], data["y_test"]


def with_chainrule(X, digits, X_test, digits_test, seed):
    """Return the test accuracy after each epoch."""
    net = cr.Network(SIZES, activation="sigmoid", output="sigmoid", loss="squared_error",
                     init="standard_normal", seed=seed)  # fmt: skip
    X, X_test = X.astype("float32"), X_test.astype("float32")
    accuracies = []

    def test(run):
        accuracies.append(np.mean(run.network.forward(X_test).argmax(axis=1) == digits_test))

    net.fit(X, np.eye(10)[digits], optimizer=cr.SGD(RATE), batch_size=BATCH, epochs=EPOCHS,
            seed=seed, callbacks=[test])  # fmt: skip
    return accuracies


def with_numpy(X, digits, X_test, digits_test, seed):
    """Return the same from the article's equations, written out in NumPy."""
    rng = np.random.default_rng(seed)
    W = [rng.normal(size=shape) for shape in pairwise(SIZES)]
    b = [rng.normal(size=size) for size in SIZES[1:]]
    targets, accuracies = np.eye(10)[digits], []

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    for _ in range(EPOCHS):
        order = rng.permutation(len(X))
        for start in range(0, len(X), BATCH):
            rows = order[start : start + BATCH]
            a0, y = X[rows], targets[rows]
            a1 = sigmoid(a0 @ W[0] + b[0])
            a2 = sigmoid(a1 @ W[1] + b[1])
            delta2 = (a2 - y) * a2 * (1 - a2)
            delta1 = (delta2 @ W[1].T) * a1 * (1 - a1)
            for layer, (a, delta) in enumerate([(a0, delta1), (a1, delta2)]):
                W[layer] -= RATE / BATCH * a.T @ delta
                b[layer] -= RATE / BATCH * delta.sum(axis=0)
        outputs = sigmoid(sigmoid(X_test @ W[0] + b[0]) @ W[1] + b[1])
        accuracies.append(np.mean(outputs.argmax(axis=1) == digits_test))
    return accuracies


def main():
    """Print the best epoch and the seconds of each seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="mnist.npz with x_train, y_train, x_test, y_test")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--numpy", action="store_true", help="time NumPy by hand beside it")
    options = parser.parse_args()
    data = load(options.data)
    for seed in range(options.seeds):
        for train in [with_chainrule, with_numpy] if options.numpy else [with_chainrule]:
            start = time.perf_counter()
            accuracies = train(*data, seed)
            seconds = time.perf_counter() - start
            print(f"seed {seed}  {train.__name__:14}  best {max(accuracies):.2%} at epoch "
                  f"{np.argmax(accuracies) + 1:2}  {seconds:5.1f} s", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
