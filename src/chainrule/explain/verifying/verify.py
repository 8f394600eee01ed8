"""Verify: a receipt, derived again line by line in plain Python floats.

It uses the standard library and its neighbours alone, none of the engine's code and none of the
formulas that made the receipt. Of each line it checks that

* it is made of just the numbers that it has to be made of, each of which came before;
* its own expression gives its number, within the rounding errors of the engine's precision;
* so does the equation as it is stated here;
* its number is one of that precision.
"""

import math
import struct
from collections.abc import Callable
from typing import Any

from chainrule.explain.verifying.arithmetic import Arithmetic, Bounded, names
from chainrule.explain.verifying.required import Required
from chainrule.explain.verifying.stated import Stated

_UNITS = {"float32": 2.0**-24, "float64": 2.0**-53}
_TINY = {"float32": 2.0**-126, "float64": 2.0**-1022}  # below, memory is kept as 0
_SLACK = 4.0


class ReceiptError(ValueError):
    """A receipt that is not true; the message begins with the line that isn't."""


def verify(receipt: Any) -> int:  # noqa: ANN401 (what a JSON file holds)
    """Return how many lines of a receipt were derived again.

    Parameters
    ----------
    receipt : dict
        As ``Explanation.to_json`` gives it.

    Raises
    ------
    ReceiptError
        If it is not a receipt, or a line of it is not true; the line is named.

    Examples
    --------
    >>> import json, chainrule as cr
    >>> net = cr.Network([2, 3, 1], seed=0)
    >>> receipt = json.loads(cr.explain(net.trace([[1, 2]], [3]), layer=0, unit=1).to_json())
    >>> verify(receipt)
    17
    >>> receipt["lines"][0]["value"] *= 2
    >>> try:
    ...     verify(receipt)
    ... except ReceiptError as error:
    ...     print(str(error).partition(":")[0])
    pre_activations[0][0, 1]
    """
    stated = _refusing("the receipt", lambda: Stated(receipt))
    check = _Check(stated)
    for entry in stated.given:
        check.given(entry)
    for entry in stated.lines:
        check.line(entry)
    for name in stated.explains:
        if name not in check.numbers:
            raise ReceiptError(f"{name}: it is to be explained, and has no line")
    return len(stated.lines)


def _refusing(name: str, work: Callable[[], Any]) -> Any:  # noqa: ANN401
    try:
        return work()
    except ReceiptError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ReceiptError(f"{name}: {what}") from error


class _Check:
    """What was checked so far: the numbers by their names."""

    def __init__(self, stated: Stated) -> None:
        self._stated = stated
        self._unit, self._tiny = _UNITS[stated.dtype], _TINY[stated.dtype]
        self.numbers: dict[str, float] = {}
        self._bounds: dict[str, float] = {}  # of what was made: how far the engine's may be from it
        self._required = Required(stated, self._number)

    def _number(self, name: str) -> float:
        if name not in self.numbers:
            raise ReceiptError(f"{name}: it is used, and comes from nowhere before")
        return self.numbers[name]

    def _exact(self, name: str) -> Bounded:
        return Bounded(self._number(name), 0.0)

    def _bounded(self, name: str) -> Bounded:
        """Return a number, and how far the engine's may be from it."""
        return Bounded(self._number(name), self._bounds.get(name, 0.0))

    def given(self, entry: dict[str, Any]) -> None:
        """Take a number that the step began with."""
        name, value = self._named(entry, {"name", "value", "is"})
        _refusing(name, lambda: self._required.begins(name, value))
        self.numbers[name] = value

    def line(self, entry: dict[str, Any]) -> None:
        """Derive a line again."""
        name, value = self._named(entry, {"name", "value", "by", "equals"})
        tree = entry["equals"]
        by = "computed" if _refusing(name, lambda: self._required.is_computed(name)) else "engine"
        if entry["by"] != by:
            raise ReceiptError(f"{name}: it is made by {by!r}, got {entry['by']!r}")
        if by == "engine":
            self._require_precision(name, value)
        used, (parts, is_ordered, again) = (
            _refusing(name, lambda: names(tree)),
            _refusing(name, lambda: self._required.of(name)),
        )
        self._require_parts(name, used, parts, is_ordered)
        engine = _refusing(name, lambda: Arithmetic(self._unit, self._bounded).of(tree))
        found, bound = engine
        if by == "computed":
            found, bound = Arithmetic(_UNITS["float64"], self._exact).of(tree)
        allowed = _SLACK * bound + self._tiny
        self._require_close(name, "its expression gives", value, found, allowed)
        allowed = _SLACK * max(bound, engine.bound) + self._tiny  # it may go another way there
        self._require_close(name, "the equation gives", value, again, allowed)
        self.numbers[name] = value
        self._bounds[name] = engine.bound if by == "computed" else self._unit * abs(value)

    def _named(self, entry: Any, fields: set[str]) -> tuple[str, float]:  # noqa: ANN401
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise ReceiptError(f"the receipt: a line must have a name, got {entry!r:.60}")
        name, value = entry["name"], entry.get("value")
        if entry.keys() != fields:
            raise ReceiptError(f"{name}: its fields must be {sorted(fields)}, got {sorted(entry)}")
        if name in self.numbers:
            raise ReceiptError(f"{name}: it is there twice")
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(float(value or 0)):
            raise ReceiptError(f"{name}: its value must be a finite number, got {value!r}")
        return name, float(value or 0)

    def _require_precision(self, name: str, value: float) -> None:
        """Raise unless it is a number of the engine's precision; losses are sums in float64."""
        if self._stated.dtype == "float64" or name in ("loss", "penalty", "gradient_norm"):
            return
        if name.startswith(("shares", "clip_factor")):
            return
        if struct.unpack("f", struct.pack("f", value))[0] != value:
            raise ReceiptError(f"{name}: {value!r} is no number of {self._stated.dtype}")

    @staticmethod
    def _require_parts(name: str, used: list[str], parts: list[str], is_ordered: bool) -> None:
        same = used == parts if is_ordered else set(used) == set(parts)
        if same:
            return
        missing = [part for part in parts if part not in used]
        strange = [part for part in used if part not in parts]
        if missing:
            raise ReceiptError(f"{name}: it must be made of {missing[0]}, which is missing")
        if strange:
            raise ReceiptError(f"{name}: it is not made of {strange[0]}")
        raise ReceiptError(f"{name}: its terms are in another order, or there more than once")

    @staticmethod
    def _require_close(name: str, who: str, value: float, found: float, allowed: float) -> None:
        if not abs(value - found) <= allowed:
            raise ReceiptError(
                f"{name}: {who} {found!r}, and the receipt says {value!r} (more apart than "
                f"rounding explains, {allowed:.3g})"
            )
