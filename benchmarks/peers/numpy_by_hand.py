"""NumPy: the equations as a careful user writes them out. In float64 it is the reference."""

import numpy as np

from benchmarks.peers.base import Peer


def sigmoid(z):
    """Return 1 / (1 + exp(-z))."""
    return 1 / (1 + np.exp(-z))


def softmax(z):
    """Return exp(z) over its sum along each row."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def relu(z):
    """Return max(z, 0)."""
    return np.maximum(z, 0)


FUNCTIONS = {"relu": relu, "sigmoid": sigmoid, "softmax": softmax, "identity": lambda z: z}


def activations(task, weights, biases, X):
    """Return the activations of every layer, X included."""
    result = [X]
    for layer, (W, b) in enumerate(zip(weights, biases, strict=True)):
        name = task.output if layer == len(weights) - 1 else task.activation
        result.append(FUNCTIONS[name](result[-1] @ W + b))
    return result


def mean_loss(task, weights, biases, X, y):
    """Return the mean over rows of ½ Σ (a - y)², or of -Σ y log a."""
    a = activations(task, weights, biases, X)[-1]
    if task.loss == "cross_entropy":
        return float(-(y * np.log(np.maximum(a, 1e-300))).sum() / len(y))
    return float(0.5 * ((a - y) ** 2).sum() / len(y))


class NumpyByHand(Peer):
    """Backpropagation in a dozen lines."""

    def versions(self):
        """Return NumPy's version."""
        return {"numpy": np.__version__}

    def start_training(self, task):
        """Hold the data and the starting weights."""
        self.start_from(task, *task.data, *task.initial())

    def start_from(self, task, X, y, weights, biases):
        """Hold these arrays, in the type of X; for the reference."""
        self.task, self.X, self.y = task, X, y
        self.start = [[p.astype(X.dtype) for p in part] for part in (weights, biases)]
        self.reset()

    def reset(self):
        """Copy the starting weights; set the optimizer's means to 0."""
        self.weights, self.biases = ([p.copy() for p in part] for part in self.start)
        self.theta = [*self.weights, *self.biases]
        self.m = [np.zeros_like(p) for p in self.theta]
        self.v = [np.zeros_like(p) for p in self.theta]
        self.t = 0
        self.rng = np.random.default_rng(0)

    def train(self, epochs):
        """Visit the batches in turn."""
        n, batch = len(self.X), self.task.batch
        for _ in range(epochs):
            order = self.rng.permutation(n) if self.task.shuffle else None
            for start in range(0, n, batch):
                rows = (
                    slice(start, start + batch) if order is None else order[start : start + batch]
                )
                self._step(self.X[rows], self.y[rows])

    def _step(self, X, y):
        task, W = self.task, self.weights
        a = activations(task, W, self.biases, X)
        delta = (a[-1] - y) / len(y)
        if task.output == "sigmoid":
            delta = delta * a[-1] * (1 - a[-1])
        W_gradients, b_gradients = [], []
        for layer in reversed(range(len(W))):
            W_gradients.insert(0, a[layer].T @ delta)
            b_gradients.insert(0, delta.sum(axis=0))
            if layer:
                slope = a[layer] * (1 - a[layer]) if task.activation == "sigmoid" else a[layer] > 0
                delta = (delta @ W[layer].T) * slope
        self._update([*W_gradients, *b_gradients])

    def _update(self, gradients):
        rate = self.task.rate
        if self.task.optimizer == "sgd":
            for p, g in zip(self.theta, gradients, strict=True):
                p -= rate * g
            return
        self.t += 1
        first, second = 1 - 0.9**self.t, 1 - 0.999**self.t
        for p, g, m, v in zip(self.theta, gradients, self.m, self.v, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            p -= rate * (m / first) / (np.sqrt(v / second) + 1e-8)

    def parameters(self):
        """Return the arrays themselves."""
        return self.weights, self.biases

    def start_prediction(self, task):
        """Hold the rows and the weights."""
        self.task, self.X = task, task.data
        self.weights, self.biases = task.initial()

    def predict(self):
        """Return the last layer's activations."""
        a = self.X
        last = len(self.weights) - 1
        for layer, (W, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            a = FUNCTIONS[self.task.output if layer == last else self.task.activation](a @ W + b)
        return a

    def product(self, size, dtype):
        """Return A @ B into an array that exists."""
        A = np.random.default_rng(0).standard_normal((size, size), dtype=dtype)
        out = np.empty_like(A)
        return lambda: np.matmul(A, A, out=out)
