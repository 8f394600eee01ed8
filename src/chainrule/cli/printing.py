"""What the commands print: JSON, or text and small tables for people.

Everything goes to the console as ``Text``, in which [brackets] and :colons: mean nothing.
"""

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chainrule.cli.streams import printable
from chainrule.tables import Metrics

_NARROWEST = 60  # columns: a terminal wraps what is wider, and words stay whole
METRIC_NAMES = {
    "accuracy": "accuracy",
    "log_loss": "log-loss",
    "auc": "AUC",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
}


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document."""
    print(json.dumps(document, indent=2, allow_nan=False))


def print_line(*parts: str | tuple[str, str]) -> None:
    """Print one line, however long, from texts and (text, style) pairs."""
    shown = [printable(p) if isinstance(p, str) else (printable(p[0]), p[1]) for p in parts]
    Console().print(Text.assemble(*shown), soft_wrap=True)


def print_facts(facts: Mapping[str, object]) -> None:
    """Print names and values, one pair a line, however long."""
    width = max(8, *map(len, facts))
    for name, value in facts.items():
        print_line((f"{name:<{width}}  ", "dim"), str(value))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]], right: int = 0) -> None:
    """Print a table.

    Parameters
    ----------
    headings : sequence of str
    rows : iterable of sequence of str
    right : int
        How many of the last columns are numbers, set to the right.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    first_number = len(headings) - right
    for index, heading in enumerate(headings):
        justify: Any = "right" if index >= first_number else "left"
        table.add_column(Text(printable(heading)), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console(width=max(Console().width, _NARROWEST)).print(table)


def print_metrics(found: Metrics, heading: str, baseline: str) -> None:
    """Print metrics under a heading beside those of a baseline, and why one is undefined.

    Where a figure is no better than the baseline's, a line below says so.
    """
    rows = []
    for name, value in found.values.items():
        other = found.baseline.get(name)
        told = f"undefined: {found.reasons[name]}" if value is None else number(value)
        rows.append((METRIC_NAMES[name], told, "" if other is None else number(other)))
    print_table((heading, "model", baseline), rows, right=2)
    if found.worse:
        print_line(
            (f"{METRIC_NAMES[found.worse]} is no better than that of {baseline}, ", "bold"),
            "which looks at no column",
        )


def number(value: float) -> str:
    """Return a figure as people read it: four decimals, or thousands with commas.

    Examples
    --------
    >>> number(0.97772), number(53521.289), number(12.3456), number(1e-7), number(0.0)
    ('0.9777', '53,521', '12.35', '1e-07', '0.0000')
    """
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.2f}"
    return f"{value:.4f}" if size >= 1e-4 or size == 0 else f"{value:.2g}"


def command_line(*words: str | Path) -> str:
    """Return a command to try, quoted for the shell."""
    return shlex.join(["chainrule", *map(str, words)])
