"""When a run stops early, and who is called on the way."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from chainrule.theory.checks import is_whole, require, require_number, require_whole


class Progress(NamedTuple):
    """What the losses of the epochs so far say, the best of them and when it was.

    Attributes
    ----------
    epoch, best_epoch : int
        Epochs seen, and the last that improved on those before it, from 1; 0 before the first.
    best_loss : float
        Of the best epoch; infinite before the first.
    patience_from : int
        The epoch after which patience began anew, as a run went on that had been stopped early.
    waited : int
        Epochs without improvement since then.
    best_second : float
        What tells epochs apart that are as good as the best; lower is better.
    """

    epoch: int = 0
    best_epoch: int = 0
    best_loss: float = math.inf
    patience_from: int = 0
    waited: int = 0
    best_second: float = math.inf

    def anew(self) -> "Progress":
        """Return the progress with patience from this epoch on."""
        return self._replace(patience_from=self.epoch, waited=0)


@dataclass(frozen=True)
class EarlyStopping:
    """Stop when the validation loss has not improved for ``patience`` epochs.

    Without a validation set, the training loss of the epochs is watched. However the call
    ends, by itself, an error or Ctrl-C, the network then has the parameters of its best epoch;
    the run remembers the last, and goes on from there. Gone on with after it was stopped early,
    it waits for ``patience`` epochs anew.

    Parameters
    ----------
    patience : int
        Epochs without improvement after which the run stops.
    min_delta : float
        An epoch improves when its loss is below the best by more than this. A loss that is
        not finite never improves.
    from_lowest : bool
        As scikit-learn has it: the best is the lowest so far, also where it was lower by less than
        min_delta, so that progress which is slower than min_delta an epoch uses up patience; and
        just min_delta is an improvement.
    restore_best : bool
        Whether the network has the parameters of its best epoch when the call ends.
    of_training : bool
        Whether the loss of training is watched, also where there is a validation set or a score.

    References
    ----------
    Prechelt 1998, Early stopping - but when?, section 2.

    Examples
    --------
    >>> import chainrule as cr
    >>> rule = cr.EarlyStopping(patience=2)
    >>> rule.best_epoch([0.5, 0.4, 0.45, float("nan")])
    2
    """

    patience: int = 10
    min_delta: float = 0.0
    from_lowest: bool = False
    restore_best: bool = True
    of_training: bool = False

    def __post_init__(self) -> None:
        require_whole("patience", self.patience, 1)
        require_number("min_delta", self.min_delta, lambda v: v >= 0, "a number >= 0")
        object.__setattr__(self, "patience", int(self.patience))
        object.__setattr__(self, "min_delta", float(self.min_delta))
        for name in ("from_lowest", "restore_best", "of_training"):
            value = getattr(self, name)
            require(isinstance(value, bool), f"{name} must be True or False, got {value!r}")

    def after(self, progress: Progress, loss: float, second: float = 0.0) -> Progress:
        """Return the progress after one more epoch, of this loss.

        Of epochs with the same loss, the one with the least ``second`` is the best.
        """
        epoch, bar = progress.epoch + 1, progress.best_loss - self.min_delta
        finite = math.isfinite(loss)
        improves = finite and (loss < bar or (self.from_lowest and loss == bar))
        progress = progress._replace(epoch=epoch, waited=0 if improves else progress.waited + 1)
        is_best = finite and loss < progress.best_loss if self.from_lowest else improves
        if is_best or (finite and loss == progress.best_loss and second < progress.best_second):
            return progress._replace(best_epoch=epoch, best_loss=loss, best_second=second)
        return progress

    def after_all(
        self, losses: Iterable[float | tuple[float, float]], patience_from: int = 0
    ) -> Progress:
        """Return the progress after epochs of these losses, each alone or with its second."""
        progress = Progress(patience_from=patience_from)
        for loss in losses:
            both = loss if isinstance(loss, tuple) else (loss,)
            progress = self.after(progress, *both)
            if progress.epoch == patience_from:
                progress = progress.anew()
        return progress

    def is_over(self, progress: Progress) -> bool:
        """Return whether patience has run out."""
        return progress.waited >= self.patience

    def best_epoch(self, losses: Iterable[float]) -> int:
        """Return the last epoch (from 1) that improved on those before it; 0 without any."""
        return self.after_all(losses).best_epoch


@dataclass(frozen=True)
class Callback:
    """A function called with the run, after each epoch or after every n steps.

    Parameters
    ----------
    function : callable
        Takes the ``Run``; may read anything, change the network's parameters, call
        ``run.set_learning_rate`` or ``run.stop``, copy or save the run.
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

    function: Callable[[Any], Any]
    every: Literal["epoch"] | int = "epoch"

    def __post_init__(self) -> None:
        require(callable(self.function), f"a callback must be callable, got {self.function!r}")
        require(
            self.every == "epoch" or (is_whole(self.every) and self.every >= 1),
            f"every must be 'epoch' or a whole number of steps >= 1, got {self.every!r}",
        )

    def stride(self, steps_per_epoch: int) -> int:
        """Return after how many steps the function is called again."""
        return steps_per_epoch if self.every == "epoch" else self.every
