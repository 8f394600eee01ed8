"""The fields of a described part of a model, each checked when it is read."""

import math
import sys
from collections.abc import Sequence
from typing import Any

_LARGEST = sys.float_info.max


class Fields:
    """A JSON object whose fields are read by name and type; a ValueError names what is wrong.

    Parameters
    ----------
    described : object
        What JSON held where an object was expected.
    where : str
        What messages call it.

    Examples
    --------
    >>> fields = Fields({"std": -1.0}, "columns[0]")
    >>> fields.number("std", least=0.0)
    Traceback (most recent call last):
    ...
    ValueError: columns[0].std: expected a finite number of at least 0.0, got -1.0
    """

    def __init__(self, described: object, where: str) -> None:
        if not isinstance(described, dict):
            raise ValueError(f"{where}: expected an object, got {described!r:.60}")
        self._fields: dict[str, Any] = described
        self._where = where
        self._read: set[str] = set()

    def any(self, name: str) -> Any:  # noqa: ANN401 (JSON)
        """Return a field of any type, which must be there."""
        if name not in self._fields:
            raise ValueError(f"{self._where}.{name}: expected this field, got none")
        self._read.add(name)
        return self._fields[name]

    def text(self, name: str) -> str:
        """Return a text."""
        value = self.any(name)
        if not isinstance(value, str):
            raise self._wrong(name, "text", value)
        return value

    def choice(self, name: str, known: Sequence[str]) -> str:
        """One of some texts."""
        value = self.any(name)
        if value not in known:
            raise self._wrong(name, f"one of {', '.join(known)}", value)
        return str(value)

    def texts(self, name: str) -> list[str]:
        """Return a list of different texts."""
        value = self.any(name)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(name, "a list of texts", value)
        if len(set(value)) < len(value):
            raise self._wrong(name, "different texts", value)
        return value

    def number(self, name: str, least: float = -math.inf) -> float:
        """Return a finite number, not below the least."""
        value = self.any(name)
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not max(least, -_LARGEST) <= value <= _LARGEST:
            wanted = "a finite number" + (f" of at least {least}" if least > -math.inf else "")
            raise self._wrong(name, wanted, value)
        return float(value)

    def numbers(self, name: str, least: float = -math.inf) -> list[float]:
        """Return a list of finite numbers, none below the least."""
        value = self.any(name)
        if not isinstance(value, list):
            raise self._wrong(name, "a list of numbers", value)
        items = Fields(
            dict(zip(map(str, range(len(value))), value, strict=True)), f"{self._where}.{name}"
        )
        return [items.number(str(index), least) for index in range(len(value))]

    def whole(self, name: str, least: int = 0) -> int:
        """Return a whole number, not below the least."""
        value = self.any(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self._wrong(name, f"a whole number of at least {least}", value)
        return value

    def wholes(self, name: str, least: int = 0) -> list[int]:
        """Return a list of whole numbers, none below the least."""
        value = self.any(name)
        good = isinstance(value, list) and all(
            type(item) is int and item >= least for item in value
        )
        if not good:
            raise self._wrong(name, f"whole numbers of at least {least}", value)
        return list(value)

    def mapping(self, name: str, *types: type) -> dict[str, Any]:
        """Return an object whose values are all of some types."""
        value = self.any(name)
        if not isinstance(value, dict):
            raise self._wrong(name, "an object", value)
        for key, item in value.items():
            if not isinstance(item, types):
                wanted = " or ".join(kind.__name__ for kind in types)
                raise self._wrong(f"{name}.{key}", wanted, item)
        return value

    def objects(self, name: str) -> list[dict[str, Any]]:
        """Return a list of objects."""
        value = self.any(name)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self._wrong(name, "a list of objects", value)
        return value

    def truth(self, name: str) -> bool:
        """Return a truth value."""
        value = self.any(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false", value)
        return value

    def done(self) -> None:
        """Refuse fields that nobody read: a name that isn't known."""
        unknown = sorted(set(self._fields) - self._read)
        if unknown:
            raise ValueError(f"{self._where}.{unknown[0]}: unknown field")

    def _wrong(self, name: str, wanted: str, value: object) -> ValueError:
        return ValueError(f"{self._where}.{name}: expected {wanted}, got {value!r:.60}")
