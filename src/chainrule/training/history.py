"""What a run keeps of its past: points that it can go back to, and a history of its losses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.theory.checks import require

Array = NDArray[Any]
Series = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """θ and the optimizer's state after some step of a run; never changed.

    Attributes
    ----------
    step : int
        Steps taken before.
    theta : ndarray of shape (n_weights + n_biases,)
    optimizer_state : tuple of ndarray
        One vector a slot of the optimizer, each as long as theta.
    """

    step: int
    theta: Array
    optimizer_state: tuple[Array, ...]

    def __post_init__(self) -> None:
        for array in (self.theta, *self.optimizer_state):
            array.flags.writeable = False

    @classmethod
    def of(cls, step: int, theta: Array, optimizer_state: Sequence[Array]) -> "Checkpoint":
        """Return a checkpoint with copies of these arrays."""
        return cls(step, theta.copy(), tuple(vector.copy() for vector in optimizer_state))

    def __reduce__(self) -> tuple[Any, ...]:
        return Checkpoint, (self.step, self.theta, self.optimizer_state)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Checkpoint":
        return self


def same_bits(one: Array, other: Array) -> bool:
    """Return whether two arrays of a shape and dtype are the same, bit for bit."""
    return bool((one.view(np.uint32) == other.view(np.uint32)).all())


def array_of(
    dtype: np.dtype[Any], shape: tuple[int, ...], arrays: Mapping[str, Array], name: str
) -> Array:
    """Return a copy of the named array; ``ValueError`` unless it has this dtype and shape."""
    require(name in arrays, f"array {name!r} is missing")
    array = arrays[name]
    require(
        array.shape == shape and array.dtype == dtype,
        f"array {name!r} must be {dtype} of shape {shape}, got {array.dtype} {array.shape}",
    )
    return np.array(array, order="C")


class Edits:
    """After which steps a run's parameters were edited, and what they then were.

    Parameters
    ----------
    most : int
        How many points are kept: the last edit's, and of the others one in ``stride``, which
        doubles where they would be more.

    Attributes
    ----------
    steps : list of int
        Of all edits, in ascending order.
    points : dict of Checkpoint
        By step.
    stride : int
    """

    def __init__(self, most: int) -> None:
        self.most, self.stride = most, 1
        self.steps: list[int] = []
        self.points: dict[int, Checkpoint] = {}

    def add(self, point: Checkpoint) -> None:
        """Note that the parameters were edited, to this point; again, if that was interrupted."""
        if not self.steps or self.steps[-1] < point.step:
            self.steps.append(point.step)
        self.points[point.step] = point
        while len(self._worth()) > self.most and self.stride < len(self.steps):
            self.stride *= 2
        self.points = {step: self.points[step] for step in self._worth()}

    def emptied(self) -> "Edits":
        """Return the same edits without their points."""
        edits = Edits(self.most)
        edits.stride, edits.steps = self.stride, list(self.steps)
        return edits

    def arrays(self, like: Array) -> dict[str, Array]:
        """Return all steps, and those of the points with their vectors, stacked like an array."""
        stack = [[p.theta, *p.optimizer_state] for p in self.points.values()]
        vectors = np.array(stack, dtype=like.dtype).reshape(-1, *like.shape[1:])
        return {
            "steps": np.array(self.steps, dtype=np.int64),
            "kept": np.array(list(self.points), dtype=np.int64),
            "vectors": vectors,
        }

    def restore(self, stride: int, steps: Array, points: Sequence[Checkpoint]) -> None:
        """Become what ``arrays`` gave."""
        self.stride, self.steps = stride, steps.tolist()
        self.points = {point.step: point for point in points}
        require(
            list(self.points) == self._worth(),
            f"edits that are kept must be at most {self.most}, one in {stride} of all and the "
            f"last, got those after steps {list(self.points)} of {self.steps}",
        )

    def _worth(self) -> list[int]:
        last = self.steps[-1:] if self.most else []
        others = self.steps[: max(len(self.steps) - 1, 0) : self.stride]
        return [step for step in (*others, *last) if step in self.points]


class Growing:
    """Numbers that become more; how many there are is known by whoever asks for the first n."""

    def __init__(self) -> None:
        self._buffer = np.empty(0)

    def room(self, start: int, count: int) -> Series:
        """Return the places from ``start`` on, to be written."""
        end = start + count
        if end > len(self._buffer):
            buffer = np.empty(max(end, 2 * start))
            buffer[:start] = self._buffer[:start]
            self._buffer = buffer
        return self._buffer[start:end]

    def first(self, count: int) -> Series:
        """Return the first numbers, in a view that is not to be written."""
        view = self._buffer[:count]
        view.flags.writeable = False
        return view


class History:
    """Losses and learning rates by step, losses and scores on held-out samples by epoch.

    It has no length: the run knows its step, the first so many numbers are what happened, and
    what lies behind them is being written.

    Parameters
    ----------
    n_samples, batch_size : int
        Of the fit: an epoch's last batch is as large as is left.
    """

    def __init__(self, n_samples: int, batch_size: int) -> None:
        self._n_samples, self._batch_size = n_samples, batch_size
        self.losses, self.rates = Growing(), Growing()
        self.validation, self.scores = Growing(), Growing()
        self._means = Growing()
        self._known_means = 0

    @cached_property
    def _batch_sizes(self) -> Series:
        starts = np.arange(0, self._n_samples, self._batch_size)
        return np.minimum(self._batch_size, self._n_samples - starts).astype(np.float64)

    def epoch_losses(self, epochs: int) -> Series:
        """Return the mean L of each of the first epochs, weighted by the batches' sizes."""
        first, spe = self._known_means, len(self._batch_sizes)
        if epochs > first:
            new = self.losses.first(epochs * spe)[first * spe :].reshape(-1, spe)
            means = (new * self._batch_sizes).sum(axis=1) / self._n_samples
            self._means.room(first, len(means))[:] = means
            self._known_means = epochs
        return self._means.first(epochs)
