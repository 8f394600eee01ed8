"""What the tests of the article and of the worked examples share."""

import json
import math
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2].parent / "shared" / "worked_examples.json"


@pytest.fixture(params=["compiled", "reference"])
def engine(request):
    """Both engines, one after the other."""
    return request.param


@pytest.fixture(scope="session")
def examples():
    """The published calculations by their id."""
    if not EXAMPLES.exists():
        pytest.skip(f"the published worked examples are not there: {EXAMPLES}")
    return {entry["id"]: entry for entry in json.loads(EXAMPLES.read_text())}


@pytest.fixture(scope="session")
def assert_same():
    """Compare every number of an entry's block, so that none of them is left out.

    ``expected`` is a tree of dicts, lists and numbers (or digits as printed);
    ``actual`` must have the same keys, but for those in ``errata``, and the same
    lengths. Numbers may differ by ``relative`` of the expected one, or ``absolute``.
    """

    def compare(actual, expected, *, relative=0.0, absolute=0.0, errata=(), path=""):
        tolerance = {"relative": relative, "absolute": absolute}
        if isinstance(expected, dict):
            assert set(actual) == set(expected) - set(errata), f"{path}: not the same names"
            for key in actual:
                compare(actual[key], expected[key], path=f"{path}.{key}", **tolerance)
        elif isinstance(expected, list):
            assert len(actual) == len(expected), f"{path}: {len(actual)} of {len(expected)}"
            for i, pair in enumerate(zip(actual, expected, strict=True)):
                compare(*pair, path=f"{path}[{i}]", **tolerance)
        else:
            error = math.fabs(float(actual) - float(expected))
            allowed = max(absolute, relative * math.fabs(float(expected)))
            assert error <= allowed, (
                f"{path}: got {float(actual)!r}, expected {expected!r}, "
                f"error {error:.3g} above {allowed:.3g}"
            )

    return compare
