"""chainrule itself: ``Network.fit`` and ``Network.forward``, as in its README."""

import chainrule as cr
from benchmarks.peers.base import Peer

OPTIMIZERS = {"sgd": cr.SGD, "adam": cr.Adam}


class ChainruleNetwork(Peer):
    """The compiled engine."""

    def versions(self):
        """Return chainrule's version and the instruction-set level in use."""
        from chainrule.engine.compiled import cpu_level

        return {"chainrule": f"{cr.__version__} ({cpu_level()})"}

    def _network(self, task, loss):
        net = cr.Network(
            task.layers, activation=task.activation, output=task.output, loss=loss,
            dtype=task.dtype,
        )  # fmt: skip
        self.task, self.net = task, net
        self.reset()

    def reset(self):
        """Copy the starting weights into the network."""
        weights, biases = self.task.initial()
        for view, values in zip(
            [*self.net.weights, *self.net.biases], [*weights, *biases], strict=True
        ):
            view[:] = values

    def start_training(self, task):
        """Make the network; nothing is compiled."""
        self.X, self.y = task.data
        self._network(task, task.loss)

    def train(self, epochs):
        """Fit: all epochs in one native call."""
        task = self.task
        self.net.fit(
            self.X, self.y, optimizer=OPTIMIZERS[task.optimizer](task.rate), epochs=epochs,
            batch_size=task.batch, shuffle=task.shuffle, threads=self.threads,
        )  # fmt: skip

    def parameters(self):
        """Return copies of the network's arrays."""
        return [W.copy() for W in self.net.weights], [b.copy() for b in self.net.biases]

    def start_prediction(self, task):
        """Make the network."""
        self.X = task.data
        self._network(task, "cross_entropy" if task.output == "softmax" else "squared_error")

    def predict(self):
        """Return the outputs, checks of the input included."""
        return self.net.forward(self.X, threads=self.threads)
