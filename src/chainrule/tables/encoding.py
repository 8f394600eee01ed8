"""Columns to the numbers that a network reads: each encoding is learned from training rows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from chainrule.tables.columns import Kind, known_texts, missing, numbers
from chainrule.tables.errors import TableError, listed, near_miss
from chainrule.tables.fields import Fields
from chainrule.tables.labels import label_counts
from chainrule.tables.table import Table

KEPT_CATEGORIES = 32
FARTHEST = 1000.0


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers or dates: standardised, missing ones imputed and flagged.

    ``x = (v − mean) / std`` with v the value, or the median where it is missing; 0 where std is 0.
    Further than 1000 standard deviations counts as 1000 (n training rows reach at most √(n − 1)).
    Dates are days since 1970. Where training rows had missing values, a second input is 1 for a
    missing one, else 0.

    Parameters
    ----------
    name : str
        The column.
    kind : "number" or "date"
    median, mean, std : float
        Of the training rows; mean and std after imputing. std is the population's (divided by n).
    flagged : bool
        Whether a second input flags missing values.

    Examples
    --------
    >>> column = NumberColumn("mass", "number", median=3.0, mean=3.0, std=2.0, flagged=True)
    >>> column.inputs
    ['mass', 'mass is missing']
    """

    name: str
    kind: Literal["number", "date"]
    median: float
    mean: float
    std: float
    flagged: bool

    @classmethod
    def fit(cls, table: Table, name: str, kind: Literal["number", "date"]) -> "NumberColumn":
        """Return the encoding of one column, learned from the rows of a table."""
        values = numbers(table, name, kind)
        absent = np.isnan(values)
        present = np.sort(values[~absent])  # np.median took a third of a fit of 5,000 columns
        with np.errstate(over="ignore", invalid="ignore"):
            middle = (
                present[[(present.size - 1) // 2, present.size // 2]] if present.size else [0.0]
            )
            median = float(np.mean(middle))
            filled = np.where(absent, median, values)
            mean, std = float(filled.mean()), float(filled.std())
        if not all(map(math.isfinite, (median, mean, std))):
            raise TableError(
                f"{table.name}, column {name!r}: its numbers are too large to standardise "
                f"(up to {np.nanmax(np.abs(values)):.3g}); "
                f"rescale it, or leave it out with --ignore {name!r}"
            )
        constant = bool((filled == filled[0]).all())
        return cls(name, kind, median, mean, 0.0 if constant else std, bool(absent.any()))

    @classmethod
    def from_fields(cls, fields: Fields) -> "NumberColumn":
        """Return the encoding that `to_dict` described."""
        column = cls(
            name=fields.text("name"),
            kind=fields.choice("kind", ("number", "date")),  # type: ignore[arg-type]
            median=fields.number("median"),
            mean=fields.number("mean"),
            std=fields.number("std", least=0.0),
            flagged=fields.truth("flagged"),
        )
        fields.done()
        return column

    @property
    def inputs(self) -> list[str]:
        """The name of each input that the column becomes."""
        return [self.name, f"{self.name} is missing"] if self.flagged else [self.name]

    def encode(self, table: Table) -> NDArray[np.float64]:
        """Return the inputs of each row, shape (n_rows, len(inputs))."""
        values = numbers(table, self.name, self.kind)
        absent = np.isnan(values)
        scaled = np.zeros_like(values)
        if self.std > 0:
            with np.errstate(over="ignore"):
                scaled = (np.where(absent, self.median, values) - self.mean) / self.std
        np.clip(scaled, -FARTHEST, FARTHEST, out=scaled)
        return np.column_stack([scaled, absent] if self.flagged else [scaled])


@dataclass(frozen=True)
class CategoryColumn:
    """A column of text or booleans: one input for each category kept, 1 for the row's own, else 0.

    The 32 most frequent categories of the training rows are kept (ties in the order of the
    alphabet). Every other value, and any value never seen in training, sets all inputs of the
    column to 0: the network learns what that means from the rare values of its training rows, where
    there were more than 32. Missing values are a category of their own where training rows had
    them; elsewhere they count as unseen. A column of which no value is known may have been retyped:
    truth values are told in the words that are known, other types are refused.

    Parameters
    ----------
    name : str
        The column.
    kind : "text" or "boolean"
    categories : tuple of str
        The categories kept, the most frequent first.
    flagged : bool
        Whether the last input is the category of missing values.

    Examples
    --------
    >>> CategoryColumn("port", "text", ("S", "C"), flagged=True).inputs
    ['port = S', 'port = C', 'port is missing']
    """

    name: str
    kind: Literal["text", "boolean"]
    categories: tuple[str, ...]
    flagged: bool

    @classmethod
    def fit(cls, table: Table, name: str, kind: Literal["text", "boolean"]) -> "CategoryColumn":
        """Return the encoding of one column, learned from the rows of a table."""
        counts = label_counts(table, name, kind)
        kept = sorted(counts, key=lambda text: (-counts[text], text))[:KEPT_CATEGORIES]
        return cls(name, kind, tuple(kept), bool(missing(table, name).any()))

    @classmethod
    def from_fields(cls, fields: Fields) -> "CategoryColumn":
        """Return the encoding that `to_dict` described."""
        column = cls(
            name=fields.text("name"),
            kind=fields.choice("kind", ("text", "boolean")),  # type: ignore[arg-type]
            categories=tuple(fields.texts("categories")),
            flagged=fields.truth("flagged"),
        )
        fields.done()
        return column

    @property
    def inputs(self) -> list[str]:
        """The name of each input that the column becomes."""
        named = [f"{self.name} = {text}" for text in self.categories]
        return [*named, f"{self.name} is missing"] if self.flagged else named

    def encode(self, table: Table) -> NDArray[np.float64]:
        """Return the inputs of each row, shape (n_rows, len(inputs))."""
        values = known_texts(table, self.name, self.kind, self.categories)
        known = pa.array(self.categories, pa.string())
        index = pc.fill_null(pc.index_in(values, value_set=known, skip_nulls=True), -1).to_numpy()
        encoded = np.zeros((table.n_rows, len(self.inputs)))
        rows = np.flatnonzero(index >= 0)
        encoded[rows, index[rows]] = 1.0
        if self.flagged:
            encoded[:, -1] = missing(table, self.name)
        return encoded


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
    def fit(cls, table: Table, kinds: Sequence[tuple[str, Kind]]) -> "FeatureEncoder":
        """Return the encoding of columns, by name and kind, learned from the rows of a table."""
        return cls(tuple(_COLUMNS[kind].fit(table, name, kind) for name, kind in kinds))  # type: ignore[arg-type]

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
        names = [column.name for column in columns]
        if len(set(names)) < len(names):
            raise ValueError("columns: expected different names, got one twice")
        return cls(tuple(columns))

    def to_list(self) -> list[dict[str, Any]]:
        """Return the encoder as JSON can hold it; floats keep all their digits."""
        return [dict(vars(column)) for column in self.columns]

    @property
    def names(self) -> list[str]:
        """The columns that a table must have."""
        return [column.name for column in self.columns]

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
        lacking = [name for name in self.names if name not in table]
        if lacking:
            raise TableError(_lacks(table, lacking))
        encoded = np.empty((table.n_rows, len(self.inputs)), dtype=dtype)
        start = 0
        for column in self.columns:
            stop = start + len(column.inputs)
            encoded[:, start:stop] = column.encode(table)
            start = stop
        return encoded


def _lacks(table: Table, lacking: list[str]) -> str:
    noun = "column" if len(lacking) == 1 else "columns"
    hint = near_miss(lacking[0], table.names) if len(lacking) == 1 else ""
    return (
        f"{table.name} lacks the {noun} {listed(map(repr, lacking))} that the model reads"
        f"{hint or f'; its columns are {listed(table.names)}'}"
    )
