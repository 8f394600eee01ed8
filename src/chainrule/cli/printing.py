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

_NARROWEST = 60  # columns: a terminal wraps what is wider, and words stay whole


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
