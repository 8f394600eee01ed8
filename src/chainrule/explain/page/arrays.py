"""Arrays in JSON: each once, as base64 of its bytes."""

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray


class ArrayPool:
    """Arrays, each once: the weights after a step are those before the next.

    Examples
    --------
    >>> pool = ArrayPool()
    >>> pool.place(np.array([1.0, 2.0])), pool.place(np.array([[1.0, 2.0]]))
    (0, 0)
    >>> pool.arrays
    [{'dtype': 'float64', 'data': 'AAAAAAAA8D8AAAAAAAAAQA=='}]
    """

    def __init__(self) -> None:
        self.arrays: list[dict[str, str]] = []
        self._places: dict[tuple[str, bytes], int] = {}

    def place(self, array: NDArray[Any]) -> int:
        """Return the place of an array's numbers, row by row, among all."""
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        key = (array.dtype.name, little.tobytes())
        if key not in self._places:
            self._places[key] = len(self.arrays)
            self.arrays.append({"dtype": key[0], "data": base64.b64encode(key[1]).decode()})
        return self._places[key]
