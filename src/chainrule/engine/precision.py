"""What the factors of a product are rounded to."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

BITS = 8  # that a number in bfloat16 has, the leading one included
_SMALLEST = np.float64(2.0**-126)  # below it a factor counts as 0


def bfloat16(values: Array) -> Array:
    """Return the number of bfloat16 nearest to each, of two the even one, in the same dtype.

    bfloat16 is float32 without its last 16 bits: the same range, 8 significant bits.

    Examples
    --------
    >>> bfloat16(np.array([1.0, 1.01, 3.14159])).tolist()
    [1.0, 1.0078125, 3.140625]
    """
    mantissa, exponent = np.frexp(values)  # 1/2 <= |mantissa| < 1
    nearest = np.ldexp(np.rint(np.ldexp(mantissa, BITS)), exponent - BITS)
    return np.where(np.abs(nearest) < _SMALLEST, 0, nearest).astype(values.dtype)


def factor(values: Array, precision: str | None) -> Array:
    """Return what a product of this precision multiplies."""
    return bfloat16(values) if precision == "bfloat16" else values
