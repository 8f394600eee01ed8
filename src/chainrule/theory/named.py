"""Optimizers, schedules and losses by name, with options: ``"sgd:momentum=0.9,nesterov=true"``."""

from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any

from chainrule.theory.checks import require, require_name
from chainrule.theory.loss import Loss
from chainrule.theory.losses import LOSSES
from chainrule.theory.optimizer import Optimizer
from chainrule.theory.optimizers import OPTIMIZERS
from chainrule.theory.schedules import SCHEDULES, Schedule


def optimizer_named(text: str) -> Optimizer:
    """Return an optimizer by its name, options after a colon.

    Raises
    ------
    ValueError
        If there is no such optimizer or option, or the value is none.

    Examples
    --------
    >>> optimizer_named("sgd:momentum=0.9").momentum
    0.9
    """
    row, options = _parts("optimizer", text, OPTIMIZERS)
    optimizer: Optimizer = OPTIMIZERS[row](**options)
    return optimizer


def schedule_named(text: str, learning_rate: float) -> Schedule:
    """Return a schedule by its name, options after a colon, that begins at a learning rate.

    Examples
    --------
    >>> schedule_named("staircase:every=500", 0.1)
    Staircase(learning_rate=0.1, factor=0.1, every=500)
    """
    row, options = _parts("schedule", text, SCHEDULES)
    schedule: Schedule = SCHEDULES[row](**{"learning_rate": learning_rate, **options})
    return schedule


@lru_cache(maxsize=256)
def loss_named(text: str) -> Loss:
    """Return a loss by its name, options after a colon, several numbers with spaces between them.

    Examples
    --------
    >>> loss_named("quantile:levels=0.1 0.9").outputs_per_target
    2
    """
    row, options = _parts("loss", text, LOSSES)
    return LOSSES[row].with_options(**options) if options else LOSSES[row]


def loss_for(text: str, outputs: int) -> str:
    """Return the loss that a name stands for where there are so many outputs for the classes.

    Examples
    --------
    >>> loss_for("focal:gamma=1", 1)
    'binary_focal:gamma=1'
    """
    one = loss_named(text).of_one_output
    _, colon, options = text.partition(":")
    return one + colon + options if outputs == 1 and one else text


def _parts(topic: str, text: str, rows: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    require(isinstance(text, str), f"{topic} must be a name, got {text!r}")
    name, colon, rest = text.partition(":")
    require_name(topic, name, rows)
    row = rows[name]
    if isinstance(row, type):
        known: dict[str, Any] = {field.name: field.default for field in fields(row)}
    else:
        known = {option: allowed.default for option, allowed in row.options.items()}
    options = {}
    for part in rest.split(",") if colon else ():
        key, equals, value = part.partition("=")
        require(bool(equals), f"{topic} {name!r}: expected option=value, got {part!r}")
        require_name(f"option of {name}", key.strip(), known)
        options[key.strip()] = _value(key.strip(), known[key.strip()], value.strip())
    return name, options


def _value(name: str, default: object, text: str) -> object:
    """Return the value that a text stands for, in the type of the option's default."""
    if isinstance(default, bool):
        require(text in ("true", "false"), f"{name} must be true or false, got {text!r}")
        return text == "true"
    if isinstance(default, tuple):
        return tuple(_number(name, part) for part in text.split())
    return _number(name, text)


def _number(name: str, text: str) -> float:
    whole = text.lstrip("+-").isdigit()
    try:
        return int(text) if whole else float(text)
    except ValueError as error:
        raise ValueError(f"{name} must be a number, got {text!r}") from error
