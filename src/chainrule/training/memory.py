"""What a run remembers to go on exactly, beyond what it shows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Losses = NDArray[np.float64]


class LossRecord:
    """L of each step, in the order of the steps; appending is cheap.

    Parameters
    ----------
    n_samples, batch_size : int
        Of the fit: an epoch's last batch is as large as is left.
    """

    def __init__(self, n_samples: int, batch_size: int) -> None:
        self.sizes = np.full(-(-n_samples // batch_size), float(batch_size))
        self.sizes[-1] = n_samples - self.sizes[:-1].sum()
        self._chunks: list[Losses] = []

    def append(self, losses: Losses) -> None:
        """Add the losses of the steps just taken; they are not copied."""
        self._chunks.append(losses)

    @property
    def all(self) -> Losses:
        """Every loss, in a view that is not to be written."""
        self._chunks = [np.concatenate(self._chunks)] if self._chunks else [np.empty(0)]
        record = self._chunks[0].view()
        record.flags.writeable = False
        return record

    def epoch_means(self, epochs: int) -> Losses:
        """Return the mean of each of the first epochs, weighted by the batches."""
        losses = self.all[: epochs * len(self.sizes)].reshape(-1, len(self.sizes))
        return np.average(losses, axis=1, weights=self.sizes)

    def last_epoch_mean(self) -> float:
        """Return the mean of the last steps, an epoch of them, without a look at those before."""
        chunks: list[Losses] = []
        missing = len(self.sizes)
        for chunk in reversed(self._chunks):
            chunks.insert(0, chunk[-missing:])
            missing -= len(chunk)
            if missing <= 0:
                break
        return float(np.average(np.concatenate(chunks), weights=self.sizes))


@dataclass
class Memory:
    """What ``Continuation`` leaves in a run, and finds there when the run is resumed.

    Attributes
    ----------
    losses : LossRecord
    best : ndarray or None
        Parameters of the best epoch, for early stopping.
    last : ndarray or None
        Parameters after the last step, once the best are restored.
    trainer : the engine's Trainer or None
        While the run goes on.
    """

    losses: LossRecord
    best: NDArray[Any] | None = None
    last: NDArray[Any] | None = None
    trainer: Any = None
