"""``chainrule train`` on a table in parts: what is asked of memory and workers, bars, and facts."""

from __future__ import annotations

import contextlib
import re
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.tables.conventions import USUAL
from chainrule.tables.options import TrainOptions
from chainrule.tables.parts import Parts, is_in_parts
from chainrule.theory.checks import require

if TYPE_CHECKING:
    from rich.progress import Progress

    from chainrule.cli.config import Settings
    from chainrule.distributed.fit import Fit
    from chainrule.tables.model import TableModel
    from chainrule.tables.part_preparing import Where

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def asks_for_parts(table: str, *asked: object) -> bool:
    """Return whether a table is in parts, or to be read as such, as where a memory is named."""
    return is_in_parts(table) or any(value is not None for value in asked)


def where_of(
    memory: str | None,
    workers: int | None,
    ray: str | None,
    resume: Path | None,
    lanes: int | None,
) -> Where:
    """Return by whom and where a fit is to be done, of the flags that say so."""
    from chainrule.tables.part_preparing import LANES, MEMORY, Where

    room = MEMORY if memory is None else byte_count(memory)
    return Where(room, workers, ray, resume, LANES if lanes is None else lanes)


def byte_count(text: str) -> int:
    """Return how many bytes "2GB", "1.5 GiB" or "800M" are.

    Examples
    --------
    >>> byte_count("1.5GB"), byte_count("1KiB")
    (1500000000, 1024)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?\s*", text, re.IGNORECASE)
    if not match or (match[3] and not match[2]):
        raise ValueError(f"memory must be a size as 2GB or 800MB, got {text!r}")
    unit = match[2].upper()
    return int(float(match[1]) * (_BINARY if match[3] else _UNITS)[unit])


def train_on_parts(
    parts: Parts, target: str, options: TrainOptions, where: Where
) -> tuple[TableModel, dict[str, Any]]:
    """Return a model of a table in parts, and how the training went; bars on stderr meanwhile."""
    from chainrule.tables.part_fitting import train_parts

    went: dict[str, Any] = {}
    with _bars(parts.n_rows) as (watch, looked):

        def seen(fit: Fit) -> None:
            went["fit"] = fit
            watch(fit)

        model = train_parts(parts, target, options, where, seen, looked)
    fit = went.get("fit")
    return model, {"waited": None if fit is None else fit.waited, "peak_memory": peak_memory()}


def peak_memory() -> int:
    """Return the most bytes that this process has had in memory."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def require_for_parts(chosen: Settings) -> None:
    """Refuse what is of tables in memory, or of tables of text, alone."""
    require(
        chosen.held_out is None,
        "--held-out needs a table in memory; of a table in parts, keep some files back instead",
    )
    require(
        chosen.conventions == USUAL,
        "--na, --decimal, --thousands, --strip and --date-order are for tables of text; write the "
        "Parquet files with missing values, numbers and dates as such",
    )


@contextlib.contextmanager
def rows_bar(source: object, doing: str) -> Iterator[Callable[[int], Any]]:
    """Yield what is told of rows that are done, of a table in parts; others take no time."""
    if not isinstance(source, Parts):
        yield lambda _: None
        return
    with _progress() as bar:
        task = bar.add_task(doing, total=source.n_rows, told="")
        yield lambda rows: bar.advance(task, rows)


@contextlib.contextmanager
def _bars(n_rows: int) -> Iterator[tuple[Callable[[Fit], Any], Callable[[int, int], Any]]]:
    """Yield what shows a fit, and the pass before it."""
    with _progress() as bar:
        looking = bar.add_task("columns", total=n_rows, told="")
        training: list[Any] = []

        def looked(seen: int, _: int) -> None:
            bar.update(looking, completed=seen)

        def watch(fit: Fit) -> None:
            if not training:
                bar.remove_task(looking)
                training.append(bar.add_task("training", total=1, told=""))
            checked = fit.validation_losses
            told = f"loss {fit.losses[-1]:.4g}"
            told += f" validation {checked[-1]:.4g}" if checked else ""
            total = fit.epochs * fit.order.n_rows
            bar.update(training[0], completed=fit.rows_seen, total=total, told=told)

        yield watch, looked


def _progress() -> Progress:
    """Return bars in rows and time left, on stderr where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    stderr = Console(stderr=True)
    columns = (
        TextColumn("{task.description} {task.completed:,.0f} of {task.total:,.0f} rows"),
        BarColumn(bar_width=None),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[told]}"),
    )
    hidden = not stderr.is_terminal
    return Progress(*columns, console=stderr, transient=True, expand=True, disable=hidden)
