"""What a file holds of a network or a run, checked where it is read."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.theory.checks import require

Array = NDArray[Any]


def field(description: dict[str, Any], name: str) -> Any:  # noqa: ANN401
    """Return the named field of a description; ``ValueError`` if it is missing."""
    require(name in description, f"field {name!r} is missing")
    return description[name]


def array_like(pattern: Array, arrays: dict[str, Array], name: str) -> Array:
    """Return a copy of the named array; ``ValueError`` unless it has the pattern's shape."""
    return array_of(pattern.dtype, pattern.shape, arrays, name)


def array_of(
    dtype: np.dtype[Any], shape: tuple[int, ...], arrays: dict[str, Array], name: str
) -> Array:
    """Return a copy of the named array; ``ValueError`` unless it has this dtype and shape."""
    require(name in arrays, f"array {name!r} is missing")
    array = arrays[name]
    require(
        array.shape == shape and array.dtype == dtype,
        f"array {name!r} must be {dtype} of shape {shape}, got {array.dtype} {array.shape}",
    )
    return np.array(array, order="C")
