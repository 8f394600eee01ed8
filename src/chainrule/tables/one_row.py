"""Single rows, encoded without the way through Arrow: in microseconds, to the same bits."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from chainrule.tables.category_column import CategoryColumn
from chainrule.tables.encoding import Column, FeatureEncoder
from chainrule.tables.number_column import NumberColumn
from chainrule.tables.parquet_files import is_of_pandas
from chainrule.tables.table import Table

_MOST_EXACT = 2**53  # of whole numbers, as floats


class OneRow:
    """Encodes a single row as `FeatureEncoder.transform` does, where it is plain to read.

    Plain are numbers, missing ones as nan, known categories, and truth values. For everything else
    (dates, texts that are not known, other types) the answer is None: the general way reads it, or
    says what is wrong with it.

    Parameters
    ----------
    features : FeatureEncoder
    dtype : "float32" or "float64"

    Examples
    --------
    >>> table = Table("t", pa.table({"x": [1.0, 2.0, 4.0], "port": ["S", "C", "S"]}), typed=True)
    >>> features = FeatureEncoder.fit(table, [("x", "number"), ("port", "text")])
    >>> row = OneRow(features, "float64")
    >>> (row.encoded(["port", "x"], ["C", 2]) == features.transform(table, "float64")[1]).all()
    np.True_
    >>> row.encoded(["port", "x"], ["Q", 2]) is None
    True
    """

    def __init__(self, features: FeatureEncoder, dtype: str) -> None:
        self._features, self._dtype = features, dtype
        self._has_dates = any(column.kind == "date" for column in features.columns)
        placed = list(zip(features.columns, features.starts, strict=False))
        self._numbers = [column.name for column, _ in placed if isinstance(column, NumberColumn)]
        self._categories = [
            (column.name, _known(column, at)) for column, at in placed if not _is_number(column)
        ]
        self._last: _Places | None = None  # of the names that were asked for last

    def of_frame(self, X: Any, names: Sequence[str] | None = None) -> NDArray[Any] | None:  # noqa: ANN401
        """Return the inputs of a DataFrame of pandas with one row, shape (1, inputs), or None.

        Parameters
        ----------
        X : anything
        names : sequence of str, optional
            What its columns must be, in their order.
        """
        if not is_of_pandas(X):
            return None
        if getattr(X, "shape", ())[:1] != (1,) or len(X.shape) != 2:
            return None
        found = X.columns.tolist()
        if names is not None and found != names:
            return None
        return self.encoded(found, X.iloc[0].tolist())

    def of_array(self, X: NDArray[np.float64], names: Sequence[str]) -> NDArray[Any] | None:
        """Return the inputs of an array of one row whose columns have these names, or None."""
        at = None if self._categories else self._look_up(names)
        if at is None:
            return None
        return self._of_numbers(np.ascontiguousarray(X if at.in_order else X[:, at.numbers]))

    def encoded(self, names: Sequence[str], values: Sequence[Any]) -> NDArray[Any] | None:
        """Return the inputs of values by name, shape (1, inputs), or None."""
        at = self._look_up(names)
        if at is None:
            return None
        numbers = [values[place] for place in at.numbers]
        if not all(map(_is_plain, numbers)):
            return None
        inputs = self._of_numbers(np.array([numbers], dtype=np.float64))
        if inputs is None:
            return None
        for place, known in at.categories:
            value = values[place]
            index = known.get(value) if isinstance(value, str | bool | np.bool_) else None
            if index is None:
                return None
            inputs[0, index] = 1.0
        return inputs

    def _of_numbers(self, numbers: NDArray[np.float64]) -> NDArray[Any] | None:
        inputs = np.zeros((1, self._features.starts[-1]), self._dtype)
        plain = not numbers.size or self._features.encoding.encode(numbers, inputs)
        return inputs if plain else None

    def _look_up(self, names: Sequence[str]) -> "_Places | None":
        """Return where the columns are among these names; None if not all are, once each."""
        last = self._last  # read once: another thread may ask for other names
        if last is not None and names == last.names:
            return last
        places = {name: place for place, name in enumerate(names)}
        wanted = [*self._numbers, *(name for name, _ in self._categories)]
        twice = len(places) < len(names)
        if self._has_dates or twice or not all(name in places for name in wanted):
            return None
        self._last = _Places(
            list(names),
            [places[name] for name in self._numbers],
            [places[name] for name in self._numbers] == list(range(len(names))),
            [(places[name], known) for name, known in self._categories],
        )
        return self._last


class _Places(NamedTuple):
    """Where columns are among the names of a row, and which input each category is."""

    names: list[str]
    numbers: list[int]
    in_order: bool  # whether those are all
    categories: list[tuple[int, dict[Any, int]]]


def _is_number(column: Column) -> bool:
    return isinstance(column, NumberColumn)


def _is_plain(value: object) -> bool:
    """Return whether a value is a number that a float holds, nan, or infinite."""
    if isinstance(value, float | np.floating):
        return True
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and abs(int(value)) <= _MOST_EXACT  # type: ignore[call-overload]


def _known(column: Column, start: int) -> dict[Any, int]:
    """Return at which input each known value of a category's column is 1."""
    assert isinstance(column, CategoryColumn)
    if column.kind == "text":
        return {text: start + k for k, text in enumerate(column.categories)}
    both = Table("", pa.table({column.name: [False, True]}), typed=True)
    rows = column.encode(both)
    return {bool(k): start + int(rows[k].argmax()) for k in range(2) if rows[k].any()}
