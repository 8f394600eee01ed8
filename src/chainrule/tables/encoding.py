"""The columns that a model reads, as the inputs of its networks; learned from training rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine._core import Encoding
from chainrule.tables.category_column import KEPT_CATEGORIES, CategoryColumn
from chainrule.tables.columns import Kind
from chainrule.tables.errors import TableError, listed, near_miss
from chainrule.tables.fields import Fields
from chainrule.tables.number_column import NumberColumn, parts_of
from chainrule.tables.table import Table

MOST_INPUTS = 2048  # that the pieces of numbers may make together
_TURNED = 1024  # rows at a time that become rows from columns: they stay in a cache

Column = NumberColumn | CategoryColumn
_COLUMNS: Mapping[str, type[NumberColumn] | type[CategoryColumn]] = {
    "number": NumberColumn,
    "date": NumberColumn,
    "text": CategoryColumn,
    "boolean": CategoryColumn,
}


@dataclass(frozen=True)
class FeatureEncoder:
    """The columns that a model reads, in their order, and how each becomes inputs of the network.

    Parameters
    ----------
    columns : tuple of NumberColumn and CategoryColumn

    Examples
    --------
    >>> from chainrule.tables import read
    >>> iris = read("iris")
    >>> encoder = FeatureEncoder.fit(iris, [(name, "number") for name in iris.names[:4]])
    >>> encoder.transform(iris, "float32").shape
    (150, 4)
    """

    columns: tuple[Column, ...]

    @classmethod
    def fit(
        cls,
        table: Table,
        kinds: Sequence[tuple[str, Kind]],
        pieces: int = 0,
        categories: int = KEPT_CATEGORIES,
        height: float = 1.0,
    ) -> "FeatureEncoder":
        """Return the encoding of columns, by name and kind, learned from the rows of a table.

        Parameters
        ----------
        table : Table
        kinds : sequence of (str, Kind)
        pieces : int
            Into how many a column of numbers is cut; fewer where all columns together would make
            more than 2,048. 0: each is one input, and dates are days alone.
        categories : int
            How many of a column are kept.
        height : float
            Of a piece.
        """
        read = [(name, kind, "") for name, kind in kinds]
        if pieces:
            dates = {name: parts_of(table, name) for name, kind in kinds if kind == "date"}
            read = [(n, kind, part) for n, kind in kinds for part in ("", *dates.get(n, ()))]
        of_numbers = sum(_COLUMNS[kind] is NumberColumn for _, kind, _ in read)
        pieces = min(pieces, MOST_INPUTS // max(of_numbers, 1))
        columns: list[Column] = []
        for name, kind, part in read:
            if kind == "number" or kind == "date":
                columns.append(NumberColumn.fit(table, name, kind, part, pieces, height))
            else:
                columns.append(CategoryColumn.fit(table, name, kind, categories))
        return cls(tuple(columns))

    @classmethod
    def from_list(cls, described: object) -> "FeatureEncoder":
        """Return the encoder that `to_list` described.

        Raises
        ------
        ValueError
            If a field is missing, unknown, of another type or out of range; it is named.
        """
        if not isinstance(described, list) or not described:
            raise ValueError(
                f"columns: expected a list of at least one column, got {described!r:.60}"
            )
        columns: list[Column] = []
        for index, item in enumerate(described):
            fields = Fields(item, f"columns[{index}]")
            kind = fields.choice("kind", tuple(_COLUMNS))
            columns.append(_COLUMNS[kind].from_fields(fields))
        names = [(column.name, column.part) for column in columns]
        if len(set(names)) < len(names):
            raise ValueError("columns: expected different names, got one twice")
        return cls(tuple(columns))

    def to_list(self) -> list[dict[str, Any]]:
        """Return the encoder as JSON can hold it; floats keep all their digits."""
        described = [dict(vars(column)) for column in self.columns]
        return [
            {k: list(v) if isinstance(v, tuple) else v for k, v in d.items()} for d in described
        ]

    @property
    def names(self) -> list[str]:
        """The columns that a table must have."""
        return list(dict.fromkeys(column.name for column in self.columns))

    @property
    def inputs(self) -> list[str]:
        """The name of each input of the network."""
        return [name for column in self.columns for name in column.inputs]

    def transform(self, table: Table, dtype: str) -> NDArray[np.floating[Any]]:
        """Return the inputs of each row, whatever the order of the columns; others are not read.

        Parameters
        ----------
        table : Table
        dtype : "float32" or "float64"

        Returns
        -------
        ndarray of `dtype`, shape (n_rows, len(inputs)), C-contiguous

        Raises
        ------
        TableError
            If the table lacks a column, or a value isn't of the column's kind.
        """
        encoded = np.empty((table.n_rows, self.starts[-1]), dtype=dtype)
        self.encode(self.values(table), encoded)
        return encoded

    def values(self, table: Table, out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return what `encode` needs of each row, a number a column: shape (n_rows, columns).

        Of numbers and dates what they are, NaN where missing; of a category which of its column's
        inputs is 1, -1 for none.

        Parameters
        ----------
        table : Table
        out : ndarray of float64, optional
            Where they are written.

        Raises
        ------
        TableError
            As `transform`.
        """
        require_columns(table, self.names)
        each = [
            column.values(table) if isinstance(column, NumberColumn) else column.codes(table)
            for column in self.columns
        ]
        values = np.empty((table.n_rows, len(each))) if out is None else out
        for first in range(0, table.n_rows, _TURNED):
            rows = slice(first, first + _TURNED)
            for k, column in enumerate(each):
                values[rows, k] = column[rows]
        return values

    def encode(self, values: NDArray[np.float64], encoded: NDArray[np.floating[Any]]) -> None:
        """Write the inputs of rows, of which `values` tells."""
        self._whole.encode(np.ascontiguousarray(values), encoded)

    @cached_property
    def starts(self) -> list[int]:
        """At which input each column begins, and how many inputs there are."""
        return [0, *accumulate(len(column.inputs) for column in self.columns)]

    @property
    def is_cut(self) -> bool:
        """Whether any column is cut into pieces."""
        return any(isinstance(column, NumberColumn) and column.is_cut for column in self.columns)

    def __getstate__(self) -> dict[str, Any]:
        return {"columns": self.columns}  # what is made of them is made again

    @cached_property
    def encoding(self) -> Encoding:
        """What the columns of numbers become, in their order; inputs of categories are left."""
        placed = zip(self.columns, self.starts, strict=False)
        mine = [(column, at) for column, at in placed if isinstance(column, NumberColumn)]
        return encoding_of([column for column, _ in mine], [at for _, at in mine], self.starts[-1])

    @cached_property
    def _whole(self) -> Encoding:
        """What all columns become, in their order."""
        return encoding_of(self.columns, self.starts[:-1], self.starts[-1])


def encoding_of(columns: Sequence[Column], places: Sequence[int], width: int) -> Encoding:
    """Return what encodes columns, all of them at once, into their places of a row.

    Parameters
    ----------
    columns : sequence of NumberColumn and CategoryColumn
    places : sequence of int
        At which of the inputs each begins.
    width : int
        Of all inputs.

    Examples
    --------
    >>> mass = NumberColumn("mass", "number", "", 3.0, 3.0, 2.0, (1.0, 3.0, 9.0), 1.0, True)
    >>> inputs = np.zeros((2, 4))
    >>> encoding_of([mass], [0], 4).encode(np.array([[3.0], [np.nan]]), inputs)  # none is infinite
    True
    >>> inputs.tolist()
    [[0.0, 0.5, -0.5, 0.0], [0.0, 0.5, -0.5, 1.0]]
    """
    encoding = Encoding(width)
    for column, place in zip(columns, places, strict=True):
        column.add_to(encoding, place)
    return encoding


def require_columns(table: Table, names: Sequence[str]) -> None:
    """Refuse a table that lacks columns that a model reads; a near miss is suggested."""
    lacking = [name for name in names if name not in table]
    if not lacking:
        return
    noun = "column" if len(lacking) == 1 else "columns"
    hint = near_miss(lacking[0], table.names) if len(lacking) == 1 else ""
    raise TableError(
        f"{table.name} lacks the {noun} {listed(map(repr, lacking))} that the model reads"
        f"{hint or f'; its columns are {listed(table.names)}'}"
    )
