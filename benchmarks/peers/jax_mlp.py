"""JAX: one jitted ``lax.scan`` over all steps of an epoch, its arguments donated."""

from functools import partial

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from benchmarks.peers.base import Peer

ACTIVATIONS = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "softmax": jax.nn.softmax}


def outputs(task, theta, X, last):
    """Return the last layer's activations; ``last`` names its function."""
    for layer, (W, b) in enumerate(theta):
        name = last if layer == len(theta) - 1 else task.activation
        X = ACTIVATIONS.get(name, lambda z: z)(X @ W + b)
    return X


def batch_loss(task, theta, X, y):
    """Return the mean loss of a batch."""
    if task.loss == "cross_entropy":
        return -(y * jax.nn.log_softmax(outputs(task, theta, X, "identity"))).sum() / len(y)
    return 0.5 * ((outputs(task, theta, X, task.output) - y) ** 2).sum() / len(y)


def step(task, state, batch):
    """Return the state after one update, as ``lax.scan`` wants it."""
    theta, m, v, t = state
    g = jax.grad(partial(batch_loss, task))(theta, *batch)
    if task.optimizer == "sgd":
        theta = jax.tree.map(lambda p, g: p - task.rate * g, theta, g)
        return (theta, m, v, t), None
    t = t + 1
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
    first, second = 1 - 0.9**t, 1 - 0.999**t
    theta = jax.tree.map(
        lambda p, m, v: p - task.rate * (m / first) / (jnp.sqrt(v / second) + 1e-8), theta, m, v
    )
    return (theta, m, v, t), None


def epoch_of_many(task, state, X, y, key):
    """Return the states of many networks after every batch, or batches of their own."""
    if not task.shuffle:
        batches = (X.reshape(-1, task.batch, X.shape[1]), y.reshape(-1, task.batch, y.shape[1]))
        return lax.scan(jax.vmap(partial(step, task), in_axes=(0, None)), state, batches)[0]

    def own_step(state, rows):
        return step(task, state, (X[rows], y[rows]))

    keys = jax.random.split(key, task.networks)
    orders = jax.vmap(lambda key: jax.random.permutation(key, len(X)))(keys)
    rows = orders.reshape(task.networks, -1, task.batch).swapaxes(0, 1)
    return lax.scan(jax.vmap(own_step), state, rows)[0]


def epoch(task, state, X, y, key):
    """Return the state after every batch has been visited once."""
    if task.kind == "many":
        return epoch_of_many(task, state, X, y, key)
    if task.shuffle:
        order = jax.random.permutation(key, len(X))
        X, y = X[order], y[order]
    batches = [array.reshape(-1, task.batch, array.shape[1]) for array in (X, y)]
    state, _ = lax.scan(partial(step, task), state, tuple(batches))
    return state


class JaxMLP(Peer):
    """Pure functions, compiled by XLA for the shapes of the task."""

    def versions(self):
        """Return JAX's version."""
        return {"jax": jax.__version__}

    def _theta(self, task):
        if task.kind == "many":
            members = [self._theta(task.member(i)) for i in range(task.networks)]
            return jax.tree.map(lambda *each: jnp.stack(each), *members)
        return [tuple(map(jnp.array, pair)) for pair in zip(*task.initial(), strict=True)]

    def start_training(self, task):
        """Compile the epoch."""
        jax.config.update("jax_enable_x64", task.dtype == "float64")
        self.task, self.start = task, self._theta(task)
        self.X, self.y = map(jnp.asarray, task.data)
        self.reset()
        run = jax.jit(partial(epoch, task), donate_argnums=0)
        self.epoch = run.lower(self.state, self.X, self.y, self.key).compile()

    def start_many(self, task):
        """Compile the epoch, its step mapped over the networks."""
        self.start_training(task)

    def reset(self):
        """Copy the starting weights; set the optimizer's means to 0."""
        theta = jax.tree.map(jnp.copy, self.start)
        moments = [] if self.task.optimizer == "sgd" else theta
        m, v = (jax.tree.map(jnp.zeros_like, moments) for _ in range(2))
        count = (self.task.networks,) if self.task.kind == "many" else ()
        self.state = jax.block_until_ready((theta, m, v, jnp.zeros(count, self.task.dtype)))
        self.key = jax.random.key(0)

    def train(self, epochs):
        """Call the compiled epoch so many times, then wait."""
        for _ in range(epochs):
            if self.task.shuffle:
                self.key, key = jax.random.split(self.key)
            else:
                key = self.key
            self.state = self.epoch(self.state, self.X, self.y, key)
        jax.block_until_ready(self.state)

    def parameters(self):
        """Return copies in NumPy."""
        theta = self.state[0]
        return [np.array(W) for W, _ in theta], [np.array(b) for _, b in theta]

    def start_prediction(self, task):
        """Compile the outputs for this number of rows."""
        jax.config.update("jax_enable_x64", task.dtype == "float64")
        self.X, self.theta = jnp.asarray(task.data), self._theta(task)
        self.forward = jax.jit(lambda theta, X: outputs(task, theta, X, task.output))
        self.predict()

    def predict(self):
        """Return the outputs, once they are there."""
        return self.forward(self.theta, self.X).block_until_ready()

    def product(self, size, dtype):
        """Return A B, awaited."""
        jax.config.update("jax_enable_x64", dtype == "float64")
        A = jax.random.normal(jax.random.key(0), (size, size), dtype=dtype)
        multiply = jax.jit(jnp.matmul)
        return lambda: multiply(A, A).block_until_ready()
