"""What the tests of explanations share."""

import json
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2].parent / "shared" / "worked_examples.json"


@pytest.fixture(scope="session")
def examples():
    """The published calculations by their id."""
    if not EXAMPLES.exists():
        pytest.skip(f"the published worked examples are not there: {EXAMPLES}")
    return {entry["id"]: entry for entry in json.loads(EXAMPLES.read_text())}
