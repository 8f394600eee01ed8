"""Keyframes: θ and the optimizer's state after some steps, from which any step can be replayed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.theory.checks import require

Array = NDArray[Any]

MOST = 64
MEMORY = 64 << 20  # bytes, for the keyframes of a run


def first_stride(vectors: int, batch_size: int) -> int:
    """Return the steps between keyframes in the beginning; see the notes of ``Keyframes``."""
    return -(-600 * vectors // (batch_size + 2 * vectors))


class Keyframes:
    """A bounded number of keyframes, as far apart as the run is long.

    After every ``stride`` steps an engine copies θ and the optimizer's vectors into a free room.
    Where all rooms are taken, every second keyframe is given up and the stride doubles: in a run of
    n steps they are at most n / (rooms / 2) steps apart.

    Parameters
    ----------
    n_parameters, n_slots : int
        Numbers of θ, and vectors of the optimizer.
    dtype : str
    batch_size : int
        By which the first stride is chosen.
    memory : int
        Bytes at most; there are 64 rooms, or as many as it holds.

    Attributes
    ----------
    steps : ndarray of int64, shape (rooms,)
        After which step each room was filled; -1 where it is free.
    vectors : ndarray of shape (rooms, 1 + n_slots, n_parameters)
        θ, then the optimizer's vectors.

    Notes
    -----
    The first stride is such that keyframes take less than 3 % of the steps' time. On one core of an
    AMD EPYC (Zen 4) a step of B samples with v vectors takes 0.05 B + 0.1 v ns a parameter, and a
    keyframe 0.9 v ns, the first touch of its memory included: the ratio of the two, divided by 3 %,
    is 600 v / (B + 2 v) steps. A run of fewer than 32 times as many has fewer than 32 keyframes.

    Examples
    --------
    >>> frames = Keyframes(n_parameters=2, n_slots=0, dtype="float64", batch_size=512)
    >>> for step in range(1, 101):
    ...     frames.keep(step, np.full(2, step), [])
    >>> frames.stride, frames.kept()[:3], len(frames.kept())
    (2, [2, 4, 6], 50)
    """

    def __init__(
        self, n_parameters: int, n_slots: int, dtype: str, batch_size: int, memory: int = MEMORY
    ) -> None:
        size = (1 + n_slots) * n_parameters * np.dtype(dtype).itemsize
        rooms = min(MOST, memory // size)
        self.steps = np.full(rooms, -1, dtype=np.int64)
        self.vectors = np.empty((rooms, 1 + n_slots, n_parameters), dtype=dtype)
        self.strides = np.array([first_stride(1 + n_slots, batch_size)])

    @property
    def stride(self) -> int:
        """Steps from one keyframe to the next."""
        return int(self.strides[0])

    def keep(self, step: int, theta: Array, state: Sequence[Array]) -> None:
        """Keep a keyframe after this step, if one is due."""
        for place, numbers in self.writes(step, theta, state):
            place[...] = numbers

    def writes(self, step: int, theta: Array, state: Sequence[Array]) -> list[tuple[Array, Array]]:
        """Return what is to be written, and where, to keep a keyframe after this step.

        Nothing where none is due. Whoever may be interrupted writes it together with the step.
        """
        if not len(self.steps) or step % self.stride:
            return []
        steps, strides = self.steps.copy(), self.strides.copy()
        if not (steps < 0).any():
            strides *= 2
            steps[steps % strides != 0] = -1
        written = [(self.steps, steps), (self.strides, strides)]
        if step % strides[0]:
            return written
        room = int(np.argmax(steps < 0))
        steps[room] = step
        return [(self.vectors[room], np.array([theta, *state])), *written]

    def kept(self) -> list[int]:
        """Return the steps after which a keyframe was kept, in ascending order."""
        return sorted(self.steps[self.steps >= 0].tolist())

    def of(self, step: int) -> Array:
        """Return the vectors kept after this step, (1 + n_slots, n_parameters)."""
        (rooms,) = np.nonzero(self.steps == step)
        return self.vectors[rooms[0]]

    def emptied(self) -> "Keyframes":
        """Return as many rooms, all of them free."""
        frames = Keyframes.__new__(Keyframes)
        frames.__setstate__(self._state(self.steps[:0], self.vectors[:0]))
        return frames

    # -- files --------------------------------------------------------------------------

    def arrays(self) -> dict[str, Array]:
        """Return the steps in ascending order and their vectors."""
        steps = self.kept()
        vectors = np.array([self.of(step) for step in steps], dtype=self.vectors.dtype)
        shape = (len(steps), *self.vectors.shape[1:])
        return {"steps": np.array(steps, dtype=np.int64), "vectors": vectors.reshape(shape)}

    def restore(self, stride: int, steps: Array, vectors: Array) -> None:
        """Become what ``arrays`` gave."""
        require(
            len(steps) <= len(self.steps) and bool((steps % stride == 0).all()),
            f"keyframes must be at most {len(self.steps)}, after multiples of {stride} steps, got "
            f"{steps.tolist()}",
        )
        self.strides[0] = stride
        self.steps[: len(steps)] = steps
        self.vectors[: len(steps)] = vectors

    def __getstate__(self) -> dict[str, Any]:
        # what isn't filled is not copied: a pickle is as large as what was kept
        return self._state(**self.arrays())

    def _state(self, steps: Array, vectors: Array) -> dict[str, Any]:
        rooms = {"rooms": len(self.steps), "strides": self.strides}
        return rooms | {"steps": steps, "vectors": vectors}

    def __setstate__(self, state: dict[str, Any]) -> None:
        steps, vectors = state["steps"], state["vectors"]
        self.steps = np.full(state["rooms"], -1, dtype=np.int64)
        self.vectors = np.empty((state["rooms"], *vectors.shape[1:]), dtype=vectors.dtype)
        self.strides = state["strides"].copy()
        self.steps[: len(steps)], self.vectors[: len(steps)] = steps, vectors
