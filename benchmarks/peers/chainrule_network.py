"""chainrule itself: ``Network.fit`` and ``Network.forward``, as in its README."""

import numpy as np

import chainrule as cr
from benchmarks.peers.base import Peer

OPTIMIZERS = {"sgd": cr.SGD, "adam": cr.Adam}


class ChainruleNetwork(Peer):
    """The compiled engine, choosing its threads as it does by default."""

    def __init__(self, threads):
        super().__init__(threads)
        self.asked = None

    def versions(self):
        """Return chainrule's version and the instruction-set level in use."""
        from chainrule.engine.compiled import cpu_level

        return {"chainrule": f"{cr.__version__} ({cpu_level()})"}

    def _network(self, task, loss):
        return cr.Network(
            task.layers, activation=task.activation, output=task.output, loss=loss,
            dtype=task.dtype,
        )  # fmt: skip

    def _hold(self, task, nets, members):
        self.task, self.nets = task, nets
        self.start = [[*weights, *biases] for weights, biases in (m.initial() for m in members)]
        self.reset()

    def reset(self):
        """Copy the starting weights into the networks."""
        for net, start in zip(self.nets, self.start, strict=True):
            for view, values in zip([*net.weights, *net.biases], start, strict=True):
                view[:] = values

    def start_training(self, task):
        """Make the network; nothing is compiled."""
        self.X, self.y = task.data
        self._hold(task, [self._network(task, task.loss)], [task])

    def start_many(self, task):
        """Make the networks."""
        self.X, self.y = task.data
        members = [task.member(i) for i in range(task.networks)]
        self._hold(task, [self._network(task, task.loss) for _ in members], members)

    def train(self, epochs):
        """Fit: all epochs in one native call."""
        task = self.task
        options = {
            "optimizer": OPTIMIZERS[task.optimizer](task.rate), "epochs": epochs,
            "batch_size": task.batch, "shuffle": task.shuffle, "threads": self.asked,
        }  # fmt: skip
        if task.kind == "many":
            cr.fit_many(self.nets, self.X, self.y, seed=range(task.networks), **options)
        else:
            self.nets[0].fit(self.X, self.y, **options)

    def parameters(self):
        """Return copies of the networks' arrays."""
        layers = range(len(self.task.layers) - 1)
        weights = [np.stack([net.weights[layer] for net in self.nets]) for layer in layers]
        biases = [np.stack([net.biases[layer] for net in self.nets]) for layer in layers]
        if self.task.kind == "many":
            return weights, biases
        return [W[0] for W in weights], [b[0] for b in biases]

    def start_prediction(self, task):
        """Make the network."""
        self.X = task.data
        loss = "cross_entropy" if task.output == "softmax" else "squared_error"
        self._hold(task, [self._network(task, loss)], [task])

    def predict(self):
        """Return the outputs, checks of the input included."""
        return self.nets[0].forward(self.X, threads=self.asked)


class OnOneThread(ChainruleNetwork):
    """The same on one thread."""

    def __init__(self, threads):
        super().__init__(threads)
        self.asked = 1


class OnAllThreads(ChainruleNetwork):
    """The same on as many threads as every library may use."""

    def __init__(self, threads):
        super().__init__(threads)
        self.asked = threads
