"""PyTorch on the CPU: modules, autograd and its fused optimizers, eager and compiled."""

import torch
from torch import nn
from torch.nn import functional

from benchmarks.peers.base import Peer

MODULES = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "softmax": lambda: nn.Softmax(dim=1)}


class TorchEager(Peer):
    """A Sequential, a loss, backward and a fused optimizer, batch after batch."""

    def __init__(self, threads):
        super().__init__(threads)
        torch.set_num_threads(threads)

    def versions(self):
        """Return PyTorch's version."""
        return {"torch": torch.__version__}

    def _module(self, task, outputs):
        dtype = getattr(torch, task.dtype)
        parts = []
        for layer, (a, b) in enumerate(zip(task.layers, task.layers[1:], strict=False)):
            name = outputs if layer == len(task.layers) - 2 else task.activation
            parts += [nn.Linear(a, b, dtype=dtype), *([MODULES[name]()] if name in MODULES else [])]
        self.task, self.model = task, nn.Sequential(*parts)
        self.linear = [part for part in parts if isinstance(part, nn.Linear)]
        self._load()

    def _load(self):
        weights, biases = self.task.initial()
        with torch.no_grad():
            for part, W, b in zip(self.linear, weights, biases, strict=True):
                part.weight.copy_(torch.from_numpy(W.T))
                part.bias.copy_(torch.from_numpy(b))

    def _compiled(self, function):
        return function

    def start_training(self, task):
        """Make the module; the compiled one compiles with the first two steps."""
        X, y = map(torch.from_numpy, task.data)
        classes = task.loss == "cross_entropy"
        self.X, self.y = X, y.argmax(dim=1) if classes else y
        self._module(task, "identity" if classes else task.output)
        model = self.model

        def loss(X, y):
            if classes:
                return functional.cross_entropy(model(X), y)
            return 0.5 * functional.mse_loss(model(X), y, reduction="sum") / len(y)

        self.loss = self._compiled(loss)
        self.reset()
        for _ in range(2):
            self._step(self.X[: task.batch], self.y[: task.batch])
        self.reset()

    def reset(self):
        """Copy the starting weights; make a new optimizer."""
        self._load()
        make = torch.optim.SGD if self.task.optimizer == "sgd" else torch.optim.Adam
        self.optimizer = make(self.model.parameters(), lr=self.task.rate, fused=True)
        torch.manual_seed(0)

    def _step(self, X, y):
        self.optimizer.zero_grad(set_to_none=True)
        self.loss(X, y).backward()
        self.optimizer.step()

    def train(self, epochs):
        """Visit the batches in turn."""
        size = self.task.batch
        for _ in range(epochs):
            if self.task.shuffle:
                for rows in torch.randperm(len(self.X)).split(size):
                    self._step(self.X[rows], self.y[rows])
            else:
                for X, y in zip(self.X.split(size), self.y.split(size), strict=True):
                    self._step(X, y)

    def parameters(self):
        """Return the weights the other way round, and the biases."""
        with torch.no_grad():
            weights = [part.weight.T.contiguous().numpy().copy() for part in self.linear]
            return weights, [part.bias.numpy().copy() for part in self.linear]

    def start_prediction(self, task):
        """Make the module and call it twice."""
        self.X = torch.from_numpy(task.data)
        self._module(task, task.output)
        self.forward = self._compiled(self.model)
        self.predict()
        self.predict()

    def predict(self):
        """Return the outputs, without recording for gradients."""
        with torch.inference_mode():
            return self.forward(self.X)

    def product(self, size, dtype):
        """Return A B into a tensor that exists."""
        A = torch.randn(size, size, dtype=getattr(torch, dtype))
        out = torch.empty_like(A)
        return lambda: torch.mm(A, A, out=out)


class TorchCompiled(TorchEager):
    """Model, loss and their gradients compiled by ``torch.compile``, for exactly this shape."""

    def _compiled(self, function):
        torch._dynamo.reset()
        return torch.compile(function, dynamic=False)

    def product(self, size, dtype):  # noqa: ARG002
        """Return None: it would be eager PyTorch's."""
        return
