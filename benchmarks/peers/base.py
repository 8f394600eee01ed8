"""What every library must be able to do, so that all can be timed in the same way."""


class UnsupportedError(Exception):
    """The library has no such thing; the message says what."""


class Peer:
    """One library, as its users would call it, with the arrays in its own type.

    A task is started (which compiles where the library does), run, and dropped.

    Parameters
    ----------
    threads : int
        How many the library may use.
    """

    # Why the final loss of a task cannot be compared with the reference's, or "".
    incomparable = ""

    def __init__(self, threads):
        self.threads = threads

    def versions(self):
        """Return {distribution: version} of what is timed."""
        raise NotImplementedError

    def start_training(self, task):  # noqa: ARG002
        """Hold the task's data and starting weights; compile for its shapes."""
        raise UnsupportedError("does not train")

    def reset(self):
        """Go back to the starting weights, with a new optimizer."""

    def train(self, epochs):
        """Take every step of so many epochs; return when the last one is done."""
        raise NotImplementedError

    def parameters(self):
        """Return (weights, biases) as NumPy arrays, W of shape (fan_in, fan_out).

        Of many networks, with the networks as first axis.
        """
        raise NotImplementedError

    def start_many(self, task):  # noqa: ARG002
        """Hold the data, and the starting weights of many networks; compile for their shapes.

        Until the next start, ``reset``, ``train`` and ``parameters`` are about all of them.
        """
        raise UnsupportedError("trains one network at a time")

    def start_prediction(self, task):  # noqa: ARG002
        """Hold the task's rows and weights; compile for its shapes."""
        raise UnsupportedError("does not predict")

    def predict(self):
        """Return the outputs of all rows, finished, in the library's own type."""
        raise NotImplementedError

    def product(self, size, dtype):  # noqa: ARG002
        """Return a function that multiplies two square matrices, or None."""
        return
