"""What is measured: training tasks, prediction tasks, and the data they are measured on."""

from dataclasses import dataclass, fields, replace
from itertools import pairwise

import numpy as np

OPTIMIZERS = ("sgd", "adam")


@dataclass(frozen=True)
class Task:
    """A network and the arrays it starts from; the same for every library, bit by bit.

    Nothing here goes through a matrix product, whose last bits depend on the library.
    """

    layers: tuple[int, ...]
    activation: str
    output: str  # "identity", "sigmoid" or "softmax"
    dtype: str = "float32"
    start: int = 1  # key of the starting weights

    @property
    def shape(self):
        """Return the layers as people write them: 784-30-10."""
        return "-".join(map(str, self.layers))

    @property
    def n_weights(self):
        """Return the number of weights, without biases: multiply-adds of one row forward."""
        return sum(a * b for a, b in pairwise(self.layers))

    def initial(self):
        """Return (weights, biases): N(0, 2/fan_in) for relu, N(0, 1/fan_in) otherwise, and 0."""
        rng = np.random.default_rng(self.start)
        gain = 2.0 if self.activation == "relu" else 1.0
        weights = [
            (rng.standard_normal((a, b)) * np.sqrt(gain / a)).astype(self.dtype)
            for a, b in pairwise(self.layers)
        ]
        return weights, [np.zeros(size, self.dtype) for size in self.layers[1:]]

    def rows(self, n):
        """Return n rows of standard normal features."""
        rng = np.random.default_rng(2)
        return rng.standard_normal((n, self.layers[0]), dtype=np.float32).astype(self.dtype)


@dataclass(frozen=True)
class Training(Task):
    """Steps of one network at one batch size with one optimizer."""

    loss: str = "squared_error"
    batch: int = 32
    optimizer: str = "sgd"
    rate: float = 0.01
    adam_rate: float = 0.001  # the rate, where the optimizer is Adam
    steps: int = 100  # in one pass over the data
    shuffle: bool = False

    kind = "training"
    unit = "step"

    @property
    def units(self):
        """Return how many of what is timed are in one pass over the data."""
        return self.steps

    @property
    def name(self):
        """Return what the report calls this task."""
        return f"{self.shape}, batch {self.batch}, {self.activation}, {self.loss}"

    @property
    def multiply_adds(self):
        """Return those of one step: forward, ∂L/∂W of all layers, δ of all but the first."""
        return self.batch * (3 * self.n_weights - self.layers[0] * self.layers[1])

    @property
    def data(self):
        """Return (X, y): y depends on the first features, so that there is something to learn.

        y is sin of one feature an output, or the one-hot row of the largest of the first ones.
        """
        X = self.rows(self.batch * self.steps)
        first = X[:, : self.layers[-1]]
        if self.output == "identity":
            return X, np.sin(first)
        return X, np.eye(self.layers[-1], dtype=self.dtype)[first.argmax(axis=1)]


@dataclass(frozen=True)
class Many(Training):
    """Steps of many networks, trained at once from starts of their own.

    They see the same batches, or, where they are shuffled, each its own.
    """

    networks: int = 256

    kind = "many"
    unit = "step of one network"

    @property
    def units(self):
        """Return the steps of all networks."""
        return self.steps * self.networks

    @property
    def name(self):
        """Return what the report calls this task."""
        return f"{self.networks} × {super().name}" + (", own batches" if self.shuffle else "")

    def member(self, i):
        """Return the task of one network alone."""
        shared = {f.name: getattr(self, f.name) for f in fields(Training)}
        return Training(**shared | {"start": 1000 + i})


@dataclass(frozen=True)
class Prediction(Task):
    """Outputs of one network for a number of rows at once."""

    n_rows: int = 1

    kind = "prediction"
    unit = "call"
    units = 1

    @property
    def name(self):
        """Return what the report calls this task."""
        return f"{self.shape}, {self.n_rows:,} row{'s' if self.n_rows > 1 else ''}"

    @property
    def multiply_adds(self):
        """Return those of one call."""
        return self.n_rows * self.n_weights

    @property
    def data(self):
        """Return X."""
        return self.rows(self.n_rows)


def _training(layers, batch, activation, output, loss, rate, steps, **more):
    return Training(
        layers, activation, output, loss=loss, batch=batch, rate=rate, steps=steps, **more
    )  # fmt: skip


# The learning rates make the loss fall within one epoch and stay far from divergence. At 0.001 the
# first steps of Adam overshoot in the widest network, and the loss of an epoch would depend on the
# order of its batches. An epoch of that network is long, so that what begins it, memory above all,
# is a small part: of 16 steps it was up to a tenth where a machine is virtual.
TRAINING = (
    _training((2, 8, 1), 4, "sigmoid", "identity", "squared_error", 0.1, 1000),
    _training((784, 30, 10), 10, "sigmoid", "sigmoid", "squared_error", 0.5, 1000),
    _training((784, 128, 10), 1, "sigmoid", "sigmoid", "squared_error", 0.5, 1000),
    _training((8, 64, 64, 1), 32, "relu", "identity", "squared_error", 0.02, 500),
    _training((30, 100, 2), 200, "relu", "softmax", "cross_entropy", 0.1, 100),
    _training((784, 256, 128, 10), 128, "relu", "softmax", "cross_entropy", 0.05, 100),
    _training(
        (1024, 2048, 2048, 10), 512, "relu", "softmax", "cross_entropy", 0.02, 32, adam_rate=1e-4
    ),
)

MANY = tuple(
    Many(layers, "relu", "identity", rate=0.02, shuffle=shuffle, networks=networks)
    for layers, networks, shuffle in (
        ((8, 16, 1), 256, False),
        ((8, 16, 1), 256, True),
        ((8, 64, 64, 1), 64, False),
    )
)

PREDICTION = tuple(
    Prediction(layers, "relu", output, n_rows=n_rows)
    for layers, output in (((8, 64, 64, 1), "identity"), ((784, 100, 10), "softmax"))
    for n_rows in (1, 100_000)
)

# They fill no tile and no vector.
ODD_WIDTHS = (17, 33, 100, 257)

# The two curves of the picture.
WIDTHS = (8, 16, 32, 64, 128, 256, 512, 1024)
BATCHES = (1, 4, 16, 64, 256, 1024, 4096)


def training_tasks(dtype, shuffle, quick):
    """Return the table's networks, and many at once, with each optimizer.

    A quick epoch is shorter: JAX, which is called once an epoch, looks a little slower.
    """
    return [
        replace(
            task,
            optimizer=name,
            rate={"sgd": task.rate, "adam": task.adam_rate}[name],
            dtype=dtype,
            shuffle=shuffle or task.shuffle,
            steps=min(task.steps, 100) if quick else task.steps,
        )
        for task in TRAINING + MANY
        for name in OPTIMIZERS
    ]


def prediction_tasks(dtype):
    """Return one row and many, for two networks."""
    return [replace(task, dtype=dtype) for task in PREDICTION]


def curve_task(width, batch, dtype):
    """Return one point of the picture: 32-w-w-1 with about a million multiply-adds or more."""
    steps = int(np.clip(2**20 // (batch * width), 4, 256))
    return Training(
        (32, width, width, 1), "relu", "identity", dtype, batch=batch, rate=0.001, steps=steps
    )  # fmt: skip


class Odd(Training):
    """A network whose layers all have one width."""

    @property
    def name(self):
        """Return what the report calls this task."""
        width, depth = self.layers[0], len(self.layers) - 1
        return f"{depth} × {width}, batch {self.batch}, {self.dtype}"


def _odd(width, depth, batch, dtype):
    steps = int(np.clip(2**22 // (batch * width * depth), 4, 256))
    layers = (width,) * (depth + 1)
    return Odd(layers, "relu", "identity", dtype, batch=batch, rate=0.0001, steps=steps)


def odd_tasks(quick):
    """Return networks whose widths fill no tile, at many depths and batches, in both dtypes."""
    some = slice(None, None, 2 if quick else 1)
    return [
        _odd(width, depth, batch, dtype)
        for dtype in ("float32", "float64")
        for width in ODD_WIDTHS[some]
        for depth, batch in [
            *((3, batch) for batch in (1, 2, 8, 64, 512, 4096)[some]),
            *((depth, 32) for depth in (1, 2, 5, 10, 20)[some]),
        ]
    ]
