"""Reckoning: the exact number of each that is printed, and how the source came to another."""

import math
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.trace import Trace
from chainrule.explain.equations import Equations
from chainrule.explain.expressions import Constant, Expression, Reference
from chainrule.explain.gallery.examples import Example, Printed
from chainrule.explain.quantities import Quantity
from chainrule.theory.optimizers import SGD
from chainrule.training.network import Network

Array = NDArray[Any]

_EXACTLY = 15  # decimals: no rounding that could be seen
_MOST_EPOCHS = 100_000


class Reckoning:
    """The numbers of an example.

    Parameters
    ----------
    example : Example

    Examples
    --------
    >>> from chainrule.explain.gallery.examples import example_named
    >>> reckoning = Reckoning(example_named("mazur"))
    >>> wrong = [one for one in reckoning.example.numbers if one.name == "E after one step"][0]
    >>> wrong.text, round(reckoning.exact(wrong), 9), round(reckoning.as_printed(wrong), 9)
    ('0.291027924', 0.291027774, 0.291027924)
    """

    def __init__(self, example: Example) -> None:
        self.example = example
        self._states: dict[tuple[int, bool], Array] = {}

    @cached_property
    def trace(self) -> Trace:
        """The step; without an update where the example takes none."""
        example, net = self.example, self.example.made()
        if not example.learning_rate:
            return net.trace(example.X, example.y)
        run = net.fit(
            example.X, example.y, optimizer=SGD(example.learning_rate), epochs=1,
            batch_size=len(example.X), shuffle=False,
        )  # fmt: skip
        return run.at(1)

    def exact(self, printed: Printed) -> float:
        """Return the exact number, as the source's notation has it."""
        if "epochs_until" in printed.special:
            return float(self._epochs_until(**printed.special["epochs_until"]))
        if "mean_error_at" in printed.special:
            net = self._after(printed.special["mean_error_at"])
            return float(np.abs(net.forward(self.example.X) - self.example.y).mean())
        return self._product(printed, Equations(self._trace_after(printed.after)))

    def as_printed(self, printed: Printed) -> float | None:
        """Return the number that the source's way of reckoning gives; None where it is exact."""
        if printed.factors:
            return math.prod(printed.factors)
        if printed.rounded:
            replaced: dict[Quantity, Expression] = {
                quantity: Constant(value, str(value)) for quantity, value in printed.rounded.items()
            }
            return self._product(printed, Equations(self.trace, _EXACTLY, replaced))
        match printed.instead:
            case "sequential":
                return self._sequential(printed)
            case "ungated":
                return self._product(printed, Equations(self.trace, _EXACTLY, self._ungated()))
            case "one_less":
                return self._product(printed, Equations(self._trace_after(printed.after - 1)))
        return None

    def _product(self, printed: Printed, equations: Equations) -> float:
        scale = self.example.notation.scale
        return math.prod(equations.number(one) * scale(one) for one in printed.of)

    def _trace_after(self, steps: int) -> Trace:
        if not steps:
            return self.trace
        return self._after(steps).trace(self.example.X, self.example.y)

    # -- many steps ----------------------------------------------------------------------------

    def _after(self, steps: int, is_sequential: bool = False) -> Network:
        """Return the network after so many steps on all samples."""
        net = self.example.made()
        known = [n for n, way in self._states if way == is_sequential and n <= steps]
        first = max(known, default=0)
        if first:
            net.w[:], net.b[:] = np.split(self._states[first, is_sequential], [net.w.size])
        for _ in range(steps - first):
            self._step(net, is_sequential)
        self._states[steps, is_sequential] = np.concatenate([net.w, net.b])
        return net

    def _step(
        self, net: Network, is_sequential: bool, deltas: dict[int, Array] | None = None
    ) -> None:
        """Take a step on all samples, in NumPy: biases may stay as they are, and the order matters.

        A sequential step updates a layer before it takes the errors below, δ = φ′(z) W⁺ δ.
        """
        rows, z, a = net.spec.activation_rows, list[Array](), [np.asarray(self.example.X)]
        for W, b, row in zip(net.weights, net.biases, rows, strict=True):
            z.append(a[-1] @ W + b)
            a.append(row.value(z[-1]))
        upstream = net.spec.loss_row.derivative(a[-1], np.asarray(self.example.y))
        for layer in reversed(range(len(rows))):
            delta, W = rows[layer].pullback(z[layer], upstream), net.weights[layer]
            upstream = delta @ W.T
            W[:] -= self.example.learning_rate * a[layer].T @ delta
            if not self.example.has_frozen_biases:
                net.biases[layer][:] -= self.example.learning_rate * delta.sum(axis=0)
            if is_sequential:
                upstream = delta @ W.T
            if deltas is not None:
                deltas[layer] = delta

    def _epochs_until(
        self, sum_of_squares: float, X: list[list[float]], y: list[list[float]]
    ) -> int:
        """Return the first epoch, a sample a step, in which Σ e² is less."""
        run = self.example.made().fit(
            X, y, optimizer=SGD(self.example.learning_rate), epochs=_MOST_EPOCHS,
            batch_size=1, shuffle=False,
        )  # fmt: skip
        sums = 2 * run.losses.reshape(-1, len(X)).sum(axis=1)
        return 1 + int(np.argmax(sums < sum_of_squares))

    # -- what sources did instead ----------------------------------------------------------------

    def _sequential(self, printed: Printed) -> float:
        (quantity,) = printed.of
        scale = self.example.notation.scale(quantity)
        if printed.after:
            net = self._after(printed.after, is_sequential=True)
            return Equations(net.trace(self.example.X, self.example.y)).number(quantity) * scale
        net, deltas = self.example.made(), dict[int, Array]()
        self._step(net, True, deltas)
        array = deltas if quantity.kind == "deltas" else dict(enumerate(net.weights))
        at: tuple[int, ...] = tuple(n for n in quantity.at if isinstance(n, int))
        return float(array[quantity.layer][at]) * scale

    def _ungated(self) -> dict[Quantity, Expression]:
        """Return δ of the second layer without the slopes of its units."""
        layer, (samples, units) = 1, self.trace.deltas[1].shape
        return {
            Quantity("deltas", layer, (i, j)): Reference(Quantity("upstream", layer, (i, j)))
            for i in range(samples)
            for j in range(units)
        }
