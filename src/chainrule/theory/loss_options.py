"""LossOption: a number, or several, that a loss can be given."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from chainrule.theory.checks import require, require_number


class LossOption(NamedTuple):
    """A number that a loss can be given, or several.

    Attributes
    ----------
    default : float or tuple of float
    holds : callable
        Whether a number is in range.
    expected : str
        What it must be, for the error.
    """

    default: float | tuple[float, ...]
    holds: Callable[[float], bool]
    expected: str

    def checked(self, name: str, value: Any) -> float | tuple[float, ...]:  # noqa: ANN401
        """Return the value as floats; ``ValueError`` if it is out of range."""
        if not isinstance(self.default, tuple):
            require_number(name, value, self.holds, self.expected)
            return float(value)
        values = tuple(np.atleast_1d(np.asarray(value)).tolist())
        for one in values:
            require_number(name, one, self.holds, self.expected)
        require(
            len(values) > 0 and all(a < b for a, b in pairwise(values)),
            f"{name} must increase from one to the next, got {' '.join(map(str, values))!r}",
        )
        return tuple(map(float, values))
