"""Columns of text and booleans as inputs: one for each category."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from chainrule.engine._core import Encoding
from chainrule.tables.columns import known_texts, missing
from chainrule.tables.fields import Fields
from chainrule.tables.labels import label_counts
from chainrule.tables.table import Table

KEPT_CATEGORIES = 32


@dataclass(frozen=True)
class CategoryColumn:
    """A column of text or booleans: one input for each category kept, 1 for the row's own, else 0.

    The most frequent categories of the training rows are kept, 32 unless more are asked for (ties
    in the order of the alphabet). Every other value, and any value never seen in training, sets all
    inputs of the column to 0: the network learns what that means from the rare values of its
    training rows, where there were more. Missing values are a category of their own where training
    rows had them; elsewhere they count as unseen. A column of which no value is known may have been
    retyped: truth values are told in the words that are known, other types are refused.

    The row of the first layer's weights that belongs to a category is what the network learned of
    it: an embedding, as wide as that layer.

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

    part: ClassVar[str] = ""  # of a date alone
    name: str
    kind: Literal["text", "boolean"]
    categories: tuple[str, ...]
    flagged: bool

    @classmethod
    def fit(
        cls,
        table: Table,
        name: str,
        kind: Literal["text", "boolean"],
        most: int = KEPT_CATEGORIES,
    ) -> "CategoryColumn":
        """Return the encoding of one column, learned from the rows of a table."""
        counts = label_counts(table, name, kind)
        kept = sorted(counts, key=lambda text: (-counts[text], text))[:most]
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

    def codes(self, table: Table) -> NDArray[np.int64]:
        """Return which of its inputs is 1 in each row, -1 for none, shape (n_rows,)."""
        known = pa.array(self.categories, pa.string())
        column = table.column(self.name)
        if pa.types.is_dictionary(column.type):
            parts = [_codes_of(chunk, known) for chunk in column.chunks]
            index = np.concatenate(parts) if parts else np.empty(0, np.int64)
        else:
            values = known_texts(table, self.name, self.kind, self.categories)
            index = _index(values, known)
        if self.flagged:
            index[missing(table, self.name)] = len(self.categories)
        return index

    def add_to(self, encoding: Encoding, place: int) -> None:
        """Tell an encoding what the column becomes, from a place among the inputs on."""
        encoding.add_categories(len(self.inputs), place)

    def encode(self, table: Table) -> NDArray[np.float64]:
        """Return the inputs of each row, shape (n_rows, len(inputs))."""
        return (self.codes(table)[:, np.newaxis] == np.arange(len(self.inputs))).astype(np.float64)


def _codes_of(chunk: pa.DictionaryArray, known: pa.Array) -> NDArray[np.int64]:
    """Return the same of a column whose different texts stand apart, each looked up once."""
    codes = np.append(_index(chunk.dictionary, known), -1)  # a missing one is the last
    return codes[pc.fill_null(chunk.indices, len(codes) - 1).to_numpy(zero_copy_only=False)]


def _index(values: pa.Array, known: pa.Array) -> NDArray[np.int64]:
    found = pc.fill_null(pc.index_in(values, value_set=known, skip_nulls=True), -1)
    return np.array(found.to_numpy(zero_copy_only=False), dtype=np.int64)
