"""A bar that shows how far a run is, by rich."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

_BETWEEN_UPDATES = 0.1  # seconds


@contextlib.contextmanager
def progress_bar(epochs: int, console: "Console | None" = None) -> Iterator[Callable[[Any], None]]:
    """Return a callback that shows a run, or several, as one bar, as long as the context lasts.

    Parameters
    ----------
    epochs : int
        The whole of the bar, of all runs together.
    console : rich.console.Console, optional
        stderr without it, or the cell of a notebook.

    Raises
    ------
    ModuleNotFoundError
        If rich is not installed.
    """
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "progress=True needs rich: pip install rich", name=error.name
        ) from error
    columns = (
        TextColumn("epoch {task.completed:>4}/{task.total}"),
        BarColumn(bar_width=None),
        TimeRemainingColumn(compact=True),
        TextColumn("loss {task.fields[loss]:<8} validation {task.fields[validation]:<8}"),
    )
    console = console or Console(stderr=True)
    with Progress(*columns, console=console, transient=True, expand=True) as bar:
        task = bar.add_task("", total=epochs, loss="", validation="")
        shown = -math.inf
        runs: dict[int, Any] = {}  # several are trained side by side, or one after another

        def watch(run: Any) -> None:  # noqa: ANN401 (a Run, which is above)
            nonlocal shown
            runs[id(run)] = run
            if time.perf_counter() - shown < _BETWEEN_UPDATES:
                return
            shown = time.perf_counter()
            checked = run.validation_losses
            bar.update(
                task,
                completed=sum(one.epoch for one in runs.values()),
                total=max(epochs, sum(one.requested_epochs for one in runs.values())),
                loss=f"{run.epoch_losses[-1]:.4g}",
                validation=f"{checked[-1]:.4g}" if len(checked) else "none",
            )

        yield watch
