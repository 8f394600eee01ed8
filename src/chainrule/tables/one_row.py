"""Single rows, encoded without the way through Arrow: in microseconds, to the same bits."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from chainrule.tables.category_column import CategoryColumn
from chainrule.tables.columns import MICROSECONDS_A_DAY
from chainrule.tables.encoding import FeatureEncoder
from chainrule.tables.number_column import NumberColumn
from chainrule.tables.parquet_files import is_of_pandas
from chainrule.tables.table import Table

_MOST_EXACT = 2**53  # of whole numbers, as floats
_EPOCH, _MICROSECOND = datetime(1970, 1, 1), timedelta(microseconds=1)
# What NumberColumn reads of a date: its days since 1970, or a part.
_PARTS: Mapping[str, Callable[[datetime], float]] = {
    "": lambda date: float((date - _EPOCH) // _MICROSECOND) / MICROSECONDS_A_DAY,
    "day of week": datetime.weekday,
    "month": lambda date: date.month,
    "day of year": lambda date: date.timetuple().tm_yday,
    "hour": lambda date: date.hour,
}


class OneRow:
    """Encodes a single row as `FeatureEncoder.transform` does, where it is plain to read.

    Plain are numbers, dates without a time zone, texts, truth values, and missing ones. For
    everything else (a number as text, other types) the answer is None: the general way reads it,
    or says what is wrong with it.

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
    >>> row.encoded(["port", "x"], ["C", "2"]) is None
    True
    """

    def __init__(self, features: FeatureEncoder, dtype: str) -> None:
        self._features, self._dtype = features, dtype
        placed = list(zip(features.columns, features.starts, strict=False))
        numbers = [column for column, _ in placed if isinstance(column, NumberColumn)]
        self._numbers = [column.name for column in numbers]
        self._readers = [
            _PARTS[column.part] if column.kind == "date" else None for column in numbers
        ]
        self._categories = [
            (column.name, _Known.of(column, at))
            for column, at in placed
            if isinstance(column, CategoryColumn)
        ]
        self._only_numbers = not self._categories and not any(self._readers)
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

    def numbers(self, X: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.float64] | None:
        """Return what columns hold in an array with these names, shape (1, columns).

        None where not all columns are numbers.
        """
        at = self._look_up(names) if self._only_numbers else None
        if at is None:
            return None
        return np.ascontiguousarray(X if at.in_order else X[:, at.numbers])

    def encoded(self, names: Sequence[str], values: Sequence[Any]) -> NDArray[Any] | None:
        """Return the inputs of values by name, shape (1, inputs), or None."""
        at = self._look_up(names)
        if at is None:
            return None
        numbers = [
            _number(values[place], reader)
            for place, reader in zip(at.numbers, self._readers, strict=True)
        ]
        if None in numbers:
            return None
        inputs = self.of_numbers(np.array([numbers], dtype=np.float64))
        if inputs is None:
            return None
        for place, known in at.categories:
            index = known.input_of(values[place])
            if index is None:
                return None
            if index >= 0:
                inputs[0, index] = 1.0
        return inputs

    def of_numbers(self, numbers: NDArray[np.float64]) -> NDArray[Any] | None:
        """Return the inputs of numbers, those of categories 0; None where one is infinite."""
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
        if twice or not all(name in places for name in wanted):
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
    categories: list[tuple[int, "_Known"]]


class _Known(NamedTuple):
    """Which input each value of a column of categories is; -1: none of them."""

    inputs: dict[Any, int]
    missing: int
    other_text: int | None

    @classmethod
    def of(cls, column: CategoryColumn, start: int) -> "_Known":
        missing = start + len(column.categories) if column.flagged else -1
        if column.kind == "text":
            # of two words, others may be what is meant: yes and no for true and false
            other = None if len(column.categories) == 2 else -1
            inputs = {text: start + k for k, text in enumerate(column.categories)}
            return cls(inputs, missing, other)
        both = Table("", pa.table({column.name: [False, True]}), typed=True)
        rows = column.encode(both)
        found = {bool(k): start + int(rows[k].argmax()) for k in range(2) if rows[k].any()}
        return cls(found, missing, None)

    def input_of(self, value: object) -> int | None:
        """Return the input that is 1 for a value; None where the general way is to read it."""
        if isinstance(value, str | bool | np.bool_):
            index = self.inputs.get(value)
            is_other = index is None and isinstance(value, str) and value == value.strip() != ""
            return self.other_text if is_other else index
        return self.missing if _is_missing(value) else None


def _is_missing(value: object) -> bool:
    """Return whether a value is None, nan, or one of pandas' own."""
    if isinstance(value, float):
        return math.isnan(value)
    return type(value).__name__ in ("NoneType", "NAType", "NaTType")


def _number(value: Any, reader: Callable[[datetime], float] | None) -> float | None:  # noqa: ANN401
    """Return a value as a float, nan where it is missing; None where it isn't plain."""
    if isinstance(value, float | np.floating):
        return float(value) if reader is None else None
    if _is_missing(value):
        return math.nan
    if reader is not None:
        plain = isinstance(value, datetime) and value.tzinfo is None
        exact = plain and not getattr(value, "nanosecond", 0)
        return float(reader(value)) if exact else None
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return float(value) if whole and abs(int(value)) <= _MOST_EXACT else None
