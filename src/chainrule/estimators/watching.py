"""Who looks on while an estimator learns: prints, bars, callbacks of both kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from chainrule.training.progress import progress_bar
from chainrule.training.run import Run, callback_list
from chainrule.training.stopping import Callback


def printed(model: Any, before: int) -> Callable[[Run], None]:
    """Return a callback that prints each epoch's loss, as scikit-learn does."""

    def report(run: Run) -> None:
        print(f"Iteration {run.epoch - before}, loss = {run.epoch_losses[-1]:.8f}")
        if model.early_stopping:
            scores = run.validation_scores if run.options.is_scored else -run.validation_losses
            print(f"Validation score: {scores[-1]:.6f}")

    return report


class Tasks:
    """scikit-learn's callbacks: each epoch is a subtask of fit.

    Parameters
    ----------
    model : estimator
        With ``_init_callback_context``.
    X, y : array-like
        As they were given.
    epochs : int
    usable : callable
        Returns the attributes that make a copy of the estimator ready to predict.
    """

    def __init__(
        self,
        model: Any,
        X: Any,
        y: Any,
        epochs: int,
        usable: Callable[[], dict[str, Any]],
    ) -> None:
        self._model, self._given = model, {"X": X, "y": y}
        self._usable = usable
        self.root = model._init_callback_context(max_subtasks=epochs)
        self.is_watched = bool(getattr(model, "_skl_callbacks", None))
        if self.is_watched:
            self.root.call_on_fit_task_begin(estimator=model, **self._given)
            self._begin()

    def _begin(self) -> None:
        self._epoch = self.root.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(estimator=self._model, **self._given)

    def end_of_epoch(self, is_last: bool) -> bool:
        """Tell of it; return whether a callback wants to stop."""
        stop = self._epoch.call_on_fit_task_end(
            estimator=self._model, **self._given, reconstruction_attributes=self._usable
        )
        if not (is_last or stop):
            self._begin()
        return bool(stop)

    def each_epoch(self, run: Run) -> None:
        """Look at a run; to be the last of its callbacks."""
        is_last = bool(run.stopped) or run.epoch >= run.requested_epochs
        if self.end_of_epoch(is_last):
            run.stop()

    def end(self) -> None:
        """Tell that fit is done."""
        if self.is_watched:
            self.root.call_on_fit_task_end(
                estimator=self._model, **self._given, reconstruction_attributes=self._usable
            )


@contextmanager
def watchers(model: Any, run: Run, epochs: int, tasks: Tasks) -> Iterator[list[Callback]]:
    """Return the callbacks of a fit."""
    before = run.epoch
    watching = callback_list(model.callbacks or ())
    if tasks.is_watched:
        watching.append(Callback(tasks.each_epoch))
    if model.verbose == "bar":
        with progress_bar(before + epochs) as bar:
            yield [Callback(bar), *watching]
    elif model.verbose:
        yield [Callback(printed(model, before)), *watching]
    else:
        yield watching
