"""A table in memory: named columns, and the place of each row in the file it came from."""

import dataclasses
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePath

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from chainrule.tables.conventions import USUAL, Conventions
from chainrule.tables.errors import TableError, listed, near_miss


def row_place(row: int) -> str:
    """Return the place of a row where the source has no lines of text: 'row 1' is the first."""
    return f"row {row + 1}"


@dataclass(frozen=True)
class Table:
    """Rows of named columns, as they were read.

    Parameters
    ----------
    name : str
        What messages call the table: its file, or the name of a bundled data set.
    data : pyarrow.Table
        The columns. Text where `typed` is False.
    typed : bool
        True where the source states the type of each column (Parquet, a DataFrame); False for CSV,
        whose columns are text until their kind is inferred or asked for.
    place : callable, optional
        The place of a row in the source, for messages: ``place(0)`` is ``"line 2"`` in a CSV file.
    rows : ndarray of int64, shape (n_rows,), optional
        The row of the source that each row was, where rows were taken.
    nameless : int
        How many columns of the source had no name; they are not in `data`.
    index : tuple of str
        The columns that are the index of the DataFrame that was written.
    conventions : Conventions
        How its texts are read.
    conversions : dict
        Columns by name and kind that were converted when their kind was inferred; of this table
        alone.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from chainrule.tables import Table
    >>> table = Table("fruit", pa.table({"mass": [120, 150], "kind": ["pear", "fig"]}), typed=True)
    >>> table.n_rows, table.names
    (2, ['mass', 'kind'])
    """

    name: str
    data: pa.Table
    typed: bool
    place: Callable[[int], str] = row_place
    rows: NDArray[np.int64] | None = field(default=None, repr=False)
    nameless: int = 0
    index: tuple[str, ...] = ()
    conventions: Conventions = USUAL
    conversions: dict[tuple[str, str], pa.ChunkedArray] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Refuse names that don't tell the columns apart."""
        twice = [name for name, count in Counter(self.names).items() if count > 1]
        if twice:
            hint = " (is the header line missing?)" if all(map(_is_number, self.names)) else ""
            raise TableError(
                f"{self.name}: each column needs a name of its own, got "
                f"{listed(map(repr, twice))} more than once{hint}; rename one of them"
            )

    @cached_property
    def names(self) -> list[str]:
        """The names of the columns, in the order of the source."""
        return [str(name) for name in self.data.column_names]

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return int(self.data.num_rows)

    @property
    def short_name(self) -> str:
        """The name without its folder; what isn't UTF-8 in it is escaped."""
        return PurePath(self.name).name.encode("utf-8", "backslashreplace").decode()

    def column(self, name: str) -> pa.ChunkedArray:
        """Return the values of one column, as they were read.

        Raises
        ------
        TableError
            If there is no such column; a near miss is suggested.
        """
        if name not in self:
            hint = near_miss(name, self.names) or f"; its columns are {listed(self.names)}"
            raise TableError(f"{self.name}: no column {name!r}{hint}")
        return self.data.column(self._at[name])

    def __contains__(self, name: str) -> bool:
        """Whether there is a column of that name."""
        return name in self._at

    @cached_property
    def _at(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.names)}

    def with_columns(self, columns: dict[str, pa.ChunkedArray]) -> "Table":
        """Return the table with other values in some columns."""
        values = [columns.get(name, self.data.column(at)) for name, at in self._at.items()]
        return dataclasses.replace(self, data=pa.table(values, names=self.names))

    def only(self, name: str) -> "Table":
        """Return the table with one of its columns."""
        return dataclasses.replace(self, data=self.data.select([self._at[name]]))

    def take(self, rows: NDArray[np.int64]) -> "Table":
        """Return some rows, in the given order; they keep their place in the source."""
        origin = rows if self.rows is None else self.rows[rows]
        return dataclasses.replace(self, data=self.data.take(pa.array(rows)), rows=origin)

    def where(self, row: int) -> str:
        """Return the table and the place of a row to begin a message: ``fruit.csv, line 3``."""
        origin = row if self.rows is None else int(self.rows[row])
        return f"{self.name}, {self.place(origin)}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
