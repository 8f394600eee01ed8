"""When a run stops early, and who is called on the way."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from chainrule.theory.checks import is_whole, require, require_number, require_whole

if TYPE_CHECKING:
    from chainrule.training.run import Run


@dataclass(frozen=True)
class EarlyStopping:
    """Stop when the validation loss has not improved for ``patience`` epochs.

    Without a validation set, the training loss of the epochs is watched. When the
    run ends, the network has the parameters of its best epoch.

    Parameters
    ----------
    patience : int
        Epochs without improvement after which the run stops.
    min_delta : float
        An epoch improves when its loss is below the best by more than this.

    References
    ----------
    Prechelt 1998, Early stopping - but when?, section 2.
    """

    patience: int = 10
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        require_whole("patience", self.patience, 1)
        require_number("min_delta", self.min_delta, lambda v: v >= 0, "a number >= 0")

    def best_epoch(self, losses: Sequence[float]) -> int:
        """Return the last epoch (from 1) that improved on those before it."""
        return Watch(self, losses).best_epoch


class Watch:
    """The losses that early stopping has seen, one an epoch: their best, and whether it is over.

    Attributes
    ----------
    epoch, best_epoch : int
        Epochs seen, and the last that improved; from 1.
    """

    def __init__(self, stopping: EarlyStopping, losses: Sequence[float]) -> None:
        self.stopping = stopping
        self.epoch = 0
        self.best_epoch = 0
        self._best_loss = math.inf
        for loss in losses:
            self.improves(loss)

    @property
    def is_over(self) -> bool:
        """Whether patience has run out."""
        return self.epoch - self.best_epoch >= self.stopping.patience

    def improves(self, loss: float) -> bool:
        """Take the loss of the next epoch; return whether it improved on those before."""
        self.epoch += 1
        first = self.epoch == 1 or math.isnan(self._best_loss)
        improved = first or loss < self._best_loss - self.stopping.min_delta
        if improved:
            self.best_epoch, self._best_loss = self.epoch, loss
        return improved


@dataclass(frozen=True)
class Callback:
    """A function called with the run, after each epoch or after every n steps.

    Parameters
    ----------
    function : callable
        Takes the ``Run``; may read anything, change the network, or call ``run.stop()``.
    every : "epoch" or int

    Examples
    --------
    >>> import chainrule as cr
    >>> net = cr.Network([2, 3, 1])
    >>> seen = []
    >>> watch = cr.Callback(lambda run: seen.append(run.step), every=2)
    >>> run = net.fit([[0, 1], [1, 0]], [0, 1], epochs=3, batch_size=1, callbacks=[watch])
    >>> seen
    [2, 4, 6]
    """

    function: Callable[["Run"], Any]
    every: Literal["epoch"] | int = "epoch"

    def __post_init__(self) -> None:
        require(callable(self.function), f"a callback must be callable, got {self.function!r}")
        require(
            self.every == "epoch" or (is_whole(self.every) and self.every >= 1),
            f"every must be 'epoch' or a whole number of steps >= 1, got {self.every!r}",
        )

    def is_due(self, step: int, steps_per_epoch: int) -> bool:
        """Return whether the function is called after this step."""
        return step % (steps_per_epoch if self.every == "epoch" else self.every) == 0
