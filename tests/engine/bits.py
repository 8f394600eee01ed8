"""What two arrays must have in common to be the same."""

import numpy as np


def assert_same_bits(found, expected, what):
    """Equal as bytes: NaN and the sign of 0 included."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.dtype == expected.dtype, what
    differing = int(np.sum(found != expected)) if found.shape == expected.shape else "all"
    assert found.tobytes() == expected.tobytes(), f"{what}: {differing} of {expected.size} differ"
