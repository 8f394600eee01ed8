"""How an option out of range is refused: one sentence, one error."""

import difflib
import math
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.theory.habits import NAMES


def require(condition: bool | Any, message: str) -> None:  # noqa: ANN401 (NumPy's bool)
    """Raise ``ValueError(message)`` unless the condition holds."""
    if not condition:
        raise ValueError(message)


def require_number(name: str, value: object, holds: Callable[[float], bool], expected: str) -> None:
    """Raise ``ValueError`` unless value is a finite number for which ``holds`` is true."""
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    good = is_number and math.isfinite(value) and holds(value)  # type: ignore[arg-type]
    require(good, f"{name} must be {expected}, got {value!r}")


def is_whole(value: object) -> bool:
    """Return whether the value is a whole number, Python's or NumPy's; True and False are not."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def require_whole(name: str, value: object, lowest: int, highest: int | None = None) -> None:
    """Raise ``ValueError`` unless value is a whole number in the range."""
    bounds = f">= {lowest}" if highest is None else f"from {lowest} to {highest}"
    good = is_whole(value) and lowest <= value and (highest is None or value <= highest)  # type: ignore[operator]
    require(good, f"{name} must be a whole number {bounds}, got {value!r}")


def warn(message: str | Warning, category: type[Warning], within: tuple[str, ...] = ()) -> None:
    """Warn at the line outside of this package that called it, however many frames away.

    Lines of files whose path begins with one of ``within`` count as inside.
    """
    inside = (str(Path(__file__).parents[1]), *within)
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(inside):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def plural(count: int, noun: str) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> plural(1, "row"), plural(20640, "row")
    ('1 row', '20,640 rows')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with NumPy's numbers as Python's, ready for JSON."""
    return {k: v.item() if isinstance(v, np.generic) else v for k, v in values.items()}


def require_name(kind: str, name: object, known: Iterable[str]) -> None:
    """Raise ``ValueError`` unless ``name`` is one of the known names; suggest the nearest."""
    names = list(known)
    if name in names:
        return
    same = NAMES.get(str(name).lower().replace("-", "_"))
    near = [same] if same in names else difflib.get_close_matches(str(name).lower(), names, n=1)
    advice = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(sorted(names))}"
    raise ValueError(f"unknown {kind} {name!r}: {advice}")


def fields_from(kind: str, description: dict[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """Return the description without its name, refusing fields that are not known."""
    fields = {key: value for key, value in description.items() if key != "name"}
    for key in fields:
        require_name(f"field of {kind}", key, known)
    return fields


def field(description: dict[str, Any], name: str) -> Any:  # noqa: ANN401
    """Return the named field of a description; ``ValueError`` if it is missing."""
    require(name in description, f"field {name!r} is missing")
    return description[name]
