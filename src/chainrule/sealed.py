"""By what one sees that a file is whole: a checksum; and in what two descriptions differ."""

import json
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray


def checksum(text: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the SHA-256 of a text and of every array with its name, type and shape.

    Examples
    --------
    >>> checksum("a", {}) == checksum("a", {}) != checksum("b", {})
    True
    """
    import hashlib  # with OpenSSL, which takes its time

    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def difference(found: object, expected: object, where: str) -> str:
    """Return the first field where two JSON values differ, '' where they are the same.

    Examples
    --------
    >>> difference({"seed": 1}, {"seed": 2}, "options")
    'options.seed should be 2, got 1'
    """
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in sorted(found.keys() | expected.keys()):
            if key not in expected:
                return f"unknown field {where}.{key}"
            if key not in found:
                return f"field {where}.{key} is missing"
            if inner := difference(found[key], expected[key], f"{where}.{key}"):
                return inner
        return ""
    same = json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)
    return "" if same else f"{where} should be {expected!r:.60}, got {found!r:.60}"
