"""Optimizers and schedules by name, with options: ``"sgd:momentum=0.9,nesterov=true"``."""

from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any

from chainrule.theory.checks import require, require_name
from chainrule.theory.optimizers import OPTIMIZERS, Optimizer
from chainrule.theory.schedules import SCHEDULES, Schedule


def optimizer_named(text: str) -> Optimizer:
    """Return an optimizer by its name, options after a colon.

    Raises
    ------
    ValueError
        If there is no such optimizer or option, or the value is none.

    Examples
    --------
    >>> optimizer_named("sgd:momentum=0.9")
    SGD(learning_rate=0.01, clip_norm=None, momentum=0.9, nesterov=False)
    """
    row, options = _parts("optimizer", text, OPTIMIZERS)
    optimizer: Optimizer = row(**options)
    return optimizer


def schedule_named(text: str, learning_rate: float) -> Schedule:
    """Return a schedule by its name, options after a colon, that begins at a learning rate.

    Examples
    --------
    >>> schedule_named("staircase:every=500", 0.1)
    Staircase(learning_rate=0.1, factor=0.1, every=500)
    """
    row, options = _parts("schedule", text, SCHEDULES)
    schedule: Schedule = row(**{"learning_rate": learning_rate, **options})
    return schedule


def _parts(topic: str, text: str, rows: Mapping[str, type]) -> tuple[Any, dict[str, Any]]:
    name, colon, rest = text.partition(":")
    require_name(topic, name, rows)
    known = {field.name: field for field in fields(rows[name])}
    options = {}
    for part in rest.split(",") if colon else ():
        key, equals, value = part.partition("=")
        require(bool(equals), f"{topic} {name!r}: expected option=value, got {part!r}")
        require_name(f"option of {name}", key.strip(), known)
        options[key.strip()] = _value(known[key.strip()], value.strip())
    return rows[name], options


def _value(field: Field[Any], text: str) -> object:
    """Return the value that a text stands for, in the type of the option's default."""
    if isinstance(field.default, bool):
        require(text in ("true", "false"), f"{field.name} must be true or false, got {text!r}")
        return text == "true"
    whole = text.lstrip("+-").isdigit()
    try:
        return int(text) if whole else float(text)
    except ValueError as error:
        raise ValueError(f"{field.name} must be a number, got {text!r}") from error
