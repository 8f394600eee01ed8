"""Options of `train` from a TOML file; flags win."""

import contextlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainrule.tables import TrainOptions
from chainrule.tables.errors import near_miss

OPTIONS = (*TrainOptions.names(), "target", "output")


@dataclass(frozen=True)
class Settings:
    """What `train` was asked for, by file and flags together."""

    target: str | None
    output: Path | None
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
    target, output = chosen.pop("target", None), chosen.pop("output", None)
    try:
        options = TrainOptions(**{name: _value(name, given) for name, given in chosen.items()})
    except ValueError as error:
        raise ValueError(f"{config}: {error}" if config else str(error)) from error
    return Settings(target, None if output is None else Path(output), options)


def _value(name: str, given: Any) -> Any:  # noqa: ANN401 (TrainOptions checks it)
    """Return an option as `TrainOptions` takes it, from a flag's text or a TOML value."""
    if name == "hidden" and isinstance(given, str):
        given = [] if given == "none" else [_number(part) for part in given.split(",")]
    if name in ("batch_size", "l2") and isinstance(given, str):
        return _number(given)
    return tuple(given) if isinstance(given, list) else given


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
        if plain in ("target", "output") and not isinstance(value, str):
            raise ValueError(f"{config}: {name} must be text, got {value!r:.40}")
        chosen[plain] = value
    return chosen
