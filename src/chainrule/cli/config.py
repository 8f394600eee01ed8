"""Options of `train` from a TOML file; flags win."""

import contextlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from chainrule.tables import Conventions, TrainOptions
from chainrule.tables.errors import near_miss

_CONVENTIONS = tuple(field.name for field in fields(Conventions))
# `output` is the activation for TrainOptions, and the file for the command line
_TRAINING = tuple(name for name in TrainOptions.names() if name not in ("output", "kinds"))
OPTIONS = (*_TRAINING, *_CONVENTIONS, "kind", "output_activation", "target", "output", "held_out")


@dataclass(frozen=True)
class Settings:
    """What `train` was asked for, by file and flags together."""

    target: str | None
    output: Path | None
    held_out: Path | None
    conventions: Conventions
    options: TrainOptions


def settings(config: Path | None, flags: Mapping[str, Any]) -> Settings:
    """Return the settings of a TOML file, if there is one, with the flags that were given.

    Parameters
    ----------
    config : Path, optional
        Its options stand under ``[train]`` or at the top; ``batch-size`` is ``batch_size``.
    flags : mapping
        By the names of `TrainOptions`, ``target`` and ``output``; None or [] for one not given.

    Raises
    ------
    ValueError
        If an option is unknown, of another type or out of range; it is named.
    """
    chosen = _from_file(config) if config else {}
    chosen |= {name: value for name, value in flags.items() if value not in (None, [])}
    target = chosen.pop("target", None)
    files = [chosen.pop(name, None) for name in ("output", "held_out")]
    try:
        values = {name: _value(name, given) for name, given in chosen.items()}
        written = {name: values.pop(name) for name in _CONVENTIONS if name in values}
        values["output"] = values.pop("output_activation", "auto")
        values["kinds"] = _kinds(values.pop("kind", ()))
        if values.get("engine") == "reference":
            values.setdefault("dtype", "float64")
        conventions, options = Conventions(**written), TrainOptions(**values)
    except ValueError as error:
        raise ValueError(f"{config}: {error}" if config else str(error)) from error
    output, held_out = (None if name is None else Path(name) for name in files)
    return Settings(target, output, held_out, conventions, options)


def _value(name: str, given: Any) -> Any:  # noqa: ANN401 (TrainOptions checks it)
    """Return an option as `TrainOptions` takes it, from a flag's text or a TOML value."""
    if name == "hidden" and isinstance(given, str):
        sizes = given.replace("x", ",") if re.fullmatch(r"\d+(x\d+)+", given) else given
        return () if given == "none" else tuple(map(_number, sizes.split(",")))
    if name == "activation" and isinstance(given, str) and "," in given:
        return tuple(given.split(","))
    if name in ("na", "kind") and isinstance(given, str):
        return (given,)
    if name in ("batch_size", "l2") and isinstance(given, str):
        return _number(given)
    return tuple(given) if isinstance(given, list) else given


def _kinds(given: Any) -> dict[str, Any]:  # noqa: ANN401 (TrainOptions checks it)
    """Return kinds by column, from COLUMN=KIND or a table of TOML."""
    if isinstance(given, dict):
        return given
    kinds = {}
    for text in given:
        column, equals, kind = str(text).rpartition("=")
        if not equals:
            raise ValueError(f"kind must be COLUMN=KIND, as zip=text, got {text!r}")
        kinds[column] = kind
    return kinds


def _number(text: str) -> int | float | str:
    """Return the number that a text is, or the text."""
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text


def _from_file(config: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(config.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{config}: {error}") from error
    section = document.pop("train", {})
    if not isinstance(section, dict):
        raise ValueError(f"{config}: train must be a table of options, got {section!r:.40}")
    chosen = {}
    for name, value in {**document, **section}.items():
        plain = name.replace("-", "_")
        if plain not in OPTIONS:
            hint = near_miss(plain, OPTIONS) or f"; the options are {', '.join(OPTIONS)}"
            raise ValueError(f"{config}: unknown option {name!r}{hint}")
        if plain in ("target", "output", "held_out") and not isinstance(value, str):
            raise ValueError(f"{config}: {name} must be text, got {value!r:.40}")
        chosen[plain] = value
    return chosen
