"""Tables made in a test."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chainrule.tables import Conventions, Table, read
from chainrule.tables.conventions import USUAL


@pytest.fixture
def csv_table(tmp_path: Path) -> Callable[..., Table]:
    """Write t.csv with these cells, and read it; bars separate it, so that commas are text."""

    def table(conventions: Conventions = USUAL, **columns: Any) -> Table:
        path = tmp_path / "t.csv"
        rows = zip(*columns.values(), strict=True)
        lines = ["|".join(columns), *("|".join(map(str, row)) for row in rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return read(path, conventions)

    return table
