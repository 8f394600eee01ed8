"""Columns of numbers and dates as inputs: scaled, and cut into pieces."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from chainrule.tables.columns import converted, missing, numbers
from chainrule.tables.errors import TableError
from chainrule.tables.fields import Fields
from chainrule.tables.table import Table

_FARTHEST = 1000.0
_SOFT_LIMIT = 3.0
_ROWS = 4096  # that are encoded at a time: what is reckoned with stays small
_QUARTILES_OF_NORMAL = 1.3489795003921634  # between them, in standard deviations

# What is read of a date beside its day, by Arrow's functions.
PARTS: Mapping[str, str] = {
    "day of week": "day_of_week",
    "month": "month",
    "day of year": "day_of_year",
    "hour": "hour",
}


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers or dates: scaled, cut into pieces, missing ones imputed and flagged.

    With v the value, or the median where it is missing, the first input is
    ``x = (v − center) / scale``, or 0 where scale is 0. Without knots it is clipped to ±1000 (n
    training rows reach at most √(n − 1) standard deviations). With knots
    k₀ < k₁ < … it is bent smoothly to less than ±3, ``x / √(1 + (x/3)²)``, and each piece between
    two knots is an input more: 0 below it, 1 above, between them ``(v − kᵢ) / (kᵢ₊₁ − kᵢ)``. So the
    first layer can learn any function of v that is straight from knot to knot. Dates are days since
    1970, or a part of the date. Where training rows had missing values, the last input is 1 for a
    missing one, else 0.

    Parameters
    ----------
    name : str
        The column.
    kind : "number" or "date"
    part : str
        Of a date: "" for its days, or one of "day of week", "month", "day of year", "hour".
    median, center, scale : float
        Of the training rows. center and scale are mean and standard deviation (of the population,
        after imputing), or with knots the median and the distance of the quartiles, as standard
        deviations of a normal distribution.
    knots : tuple of float
        Quantiles of the training rows, increasing; () for none.
    flagged : bool
        Whether the last input flags missing values.

    Notes
    -----
    Pieces: Gorishniy, Rubachev, Babenko 2022, On embeddings for numerical features, section 3.2,
    with knots at quantiles; here values below the first knot and above the last don't go on in a
    straight line. Scale and bend: Holzmüller, Grinsztajn, Steinwart 2024, Better by default, where
    the scale is the distance of the quartiles alone, or half the range where that is 0; here it is
    a normal distribution's deviation of the same distance, or the column's own.

    Examples
    --------
    >>> column = NumberColumn("mass", "number", "", 3.0, 3.0, 2.0, (1.0, 3.0, 9.0), flagged=True)
    >>> column.inputs
    ['mass', 'mass from 1 to 3', 'mass from 3 to 9', 'mass is missing']
    """

    name: str
    kind: Literal["number", "date"]
    part: str
    median: float
    center: float
    scale: float
    knots: tuple[float, ...]
    flagged: bool

    @classmethod
    def fit(
        cls,
        table: Table,
        name: str,
        kind: Literal["number", "date"],
        part: str = "",
        pieces: int = 0,
    ) -> "NumberColumn":
        """Return the encoding of one column, learned from the rows of a table."""
        values = _values(table, name, kind, part)
        absent = np.isnan(values)
        present = np.sort(values[~absent])  # np.median took a third of a fit of 5,000 columns
        with np.errstate(over="ignore", invalid="ignore"):
            median = _quantile(present, 0.5)
            filled = np.where(absent, median, values)
            center, scale = float(filled.mean()), float(filled.std())
        if not all(map(math.isfinite, (median, center, scale))):
            raise TableError(
                f"{table.name}, column {name!r}: its numbers are too large to standardise "
                f"(up to {np.nanmax(np.abs(values)):.3g}); "
                f"rescale it, or leave it out with --ignore {name!r}"
            )
        if (filled == filled[0]).all():
            scale = 0.0
        knots: tuple[float, ...] = ()
        if pieces and scale > 0:
            knots = _knots(present, pieces)
            distance = _quantile(present, 0.75) - _quantile(present, 0.25)
            center, scale = median, distance / _QUARTILES_OF_NORMAL or scale
        return cls(name, kind, part, median, center, scale, knots, bool(absent.any()))

    @classmethod
    def from_fields(cls, fields: Fields) -> "NumberColumn":
        """Return the encoding that `to_dict` described."""
        column = cls(
            name=fields.text("name"),
            kind=fields.choice("kind", ("number", "date")),  # type: ignore[arg-type]
            part=fields.choice("part", ("", *PARTS)),
            median=fields.number("median"),
            center=fields.number("center"),
            scale=fields.number("scale", least=0.0),
            knots=tuple(fields.numbers("knots")),
            flagged=fields.truth("flagged"),
        )
        fields.done()
        if not (np.diff(column.knots) > 0).all():
            raise ValueError(f"columns: the knots of {column.name!r} must increase")
        if column.part and column.kind != "date":
            raise ValueError(f"columns: {column.name!r} is a number, which has no {column.part}")
        return column

    @property
    def inputs(self) -> list[str]:
        """The name of each input that the column becomes."""
        name = f"{self.name}, {self.part}" if self.part else self.name
        names = [name]
        if len(self.knots) > 2:
            ends = [f"{knot:.6g}" for knot in self.knots]
            names += [f"{name} from {a} to {b}" for a, b in pairwise(ends)]
        return [*names, f"{name} is missing"] if self.flagged else names

    def encode(self, table: Table) -> NDArray[np.float64]:
        """Return the inputs of each row, shape (n_rows, len(inputs))."""
        encoded = np.zeros((table.n_rows, len(self.inputs)))
        NumberBlock([self], [0]).encode(self.values(table)[:, np.newaxis], encoded)
        return encoded

    def values(self, table: Table) -> NDArray[np.float64]:
        """Return the column's numbers, or its part of the dates, NaN where missing."""
        return _values(table, self.name, self.kind, self.part)


class NumberBlock:
    """What columns of numbers become, as `NumberColumn` says it, all of them at once.

    So one row takes microseconds, however many columns there are.

    Parameters
    ----------
    columns : sequence of NumberColumn
    places : sequence of int
        At which input of a network each begins.

    Examples
    --------
    >>> mass = NumberColumn("mass", "number", "", 3.0, 3.0, 2.0, (1.0, 3.0, 9.0), flagged=True)
    >>> inputs = np.zeros((2, 4))
    >>> NumberBlock([mass], [0]).encode(np.array([[3.0], [np.nan]]), inputs)
    >>> inputs.tolist()
    [[0.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 1.0]]
    """

    def __init__(self, columns: Sequence[NumberColumn], places: Sequence[int]) -> None:
        self._median = np.array([column.median for column in columns])
        self._center = np.array([column.center for column in columns])
        scale = np.array([column.scale for column in columns])
        self._constant, self._scale = scale == 0, np.where(scale == 0, 1.0, scale)
        self._bent = np.array([bool(column.knots) for column in columns])
        self._first = np.array(places, dtype=np.int64)
        cut = [k for k, column in enumerate(columns) if len(column.knots) > 2]
        counts = [len(columns[k].knots) - 1 for k in cut]
        self._source = np.repeat(np.array(cut, dtype=np.int64), counts)
        self._low = np.array([knot for k in cut for knot in columns[k].knots[:-1]])
        self._width = np.array([step for k in cut for step in np.diff(columns[k].knots)])
        self._pieces = np.array(
            [places[k] + 1 + i for k, count in zip(cut, counts, strict=True) for i in range(count)],
            dtype=np.int64,
        )
        flagged = [k for k, column in enumerate(columns) if column.flagged]
        self._flagged = np.array(flagged, dtype=np.int64)
        ends = [places[k] + len(columns[k].inputs) - 1 for k in flagged]
        self._flags = np.array(ends, dtype=np.int64)

    def encode(self, values: NDArray[np.float64], inputs: NDArray[np.floating[Any]]) -> None:
        """Write the inputs of each row of values, NaN where one is missing, into their places.

        Parameters
        ----------
        values : ndarray of float64, shape (n_rows, columns)
        inputs : ndarray of float, shape (n_rows, all inputs)
        """
        for start in range(0, len(values), _ROWS):
            rows = slice(start, start + _ROWS)
            self._encode(values[rows], inputs[rows])

    def _encode(self, values: NDArray[np.float64], inputs: NDArray[np.floating[Any]]) -> None:
        absent = np.isnan(values)
        filled = np.where(absent, self._median, values)
        with np.errstate(over="ignore"):
            x = (filled - self._center) / self._scale
            pieces = (filled[:, self._source] - self._low) / self._width
        x[:, self._constant] = 0.0
        np.clip(x, -_FARTHEST, _FARTHEST, out=x)
        bent = x / np.sqrt(1 + np.square(x / _SOFT_LIMIT))
        inputs[:, self._first] = np.where(self._bent, bent, x)
        inputs[:, self._pieces] = np.clip(pieces, 0.0, 1.0, out=pieces)
        inputs[:, self._flags] = absent[:, self._flagged]


def parts_of(table: Table, name: str) -> list[str]:
    """Return the parts of a column of dates that differ from row to row."""
    return [part for part in PARTS if _varies(_values(table, name, "date", part))]


def _varies(values: NDArray[np.float64]) -> bool:
    present = values[~np.isnan(values)]
    return bool(present.size and (present != present[0]).any())


def _values(
    table: Table, name: str, kind: Literal["number", "date"], part: str
) -> NDArray[np.float64]:
    if not part:
        return numbers(table, name, kind)
    found = getattr(pc, PARTS[part])(converted(table, name, "date"))
    values = np.asarray(pc.cast(found, pa.float64()).to_numpy(), dtype=np.float64)
    return np.where(missing(table, name), np.nan, values)


def _quantile(present: NDArray[np.float64], share: float) -> float:
    """Return a quantile of sorted numbers, linear between two; 0 without any."""
    if not present.size:
        return 0.0
    place = share * (present.size - 1)
    below = int(place)
    above = min(below + 1, present.size - 1)
    return float(present[below] + (place - below) * (present[above] - present[below]))


def _knots(present: NDArray[np.float64], pieces: int) -> tuple[float, ...]:
    """Return the different numbers where they are few, else quantiles, those that differ."""
    different = present[np.concatenate([[True], np.diff(present) > 0])]
    if different.size > pieces:
        shares = np.linspace(0, 1, pieces + 1)
        different = np.unique([_quantile(present, share) for share in shares])
    return tuple(different.tolist())
