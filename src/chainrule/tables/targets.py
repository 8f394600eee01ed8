"""The column to predict: class numbers or standardised numbers for the network, and back."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from chainrule.tables.columns import MICROSECONDS_A_DAY, Kind, known_texts, numbers
from chainrule.tables.errors import TableError, listed
from chainrule.tables.fields import Fields
from chainrule.tables.labels import in_order, label_counts, labels
from chainrule.tables.table import Table

Task = Literal["classification", "regression"]
MOST_CLASSES = 1000
_LARGEST = 1e150  # its square is finite
_FARTHEST = 1_000_000
_YEAR_1, _YEAR_9999 = -719_162.0, 2_932_896.0  # days


@dataclass(frozen=True)
class ClassTarget:
    """A target of classes: the network's output k stands for class k.

    Parameters
    ----------
    name : str
        The column.
    kind : "text", "boolean" or "number"
        "number" where every class is a number; codes with leading zeros are text.
    classes : tuple of str
        The classes as text, all digits of them; sorted as numbers where they are numbers, else by
        the alphabet.
    shares : tuple of float
        The share of each class among the training rows: what one would answer without a model.

    Examples
    --------
    >>> ripe = ClassTarget("ripe", "boolean", ("false", "true"), (0.4, 0.6))
    >>> ripe.values(np.array([1, 0])).to_pylist()
    [True, False]
    """

    task: ClassVar[Task] = "classification"
    name: str
    kind: Literal["text", "boolean", "number"]
    classes: tuple[str, ...]
    shares: tuple[float, ...] = ()

    @classmethod
    def fit(cls, table: Table, name: str, kind: Kind) -> "ClassTarget":
        """Return the classes of a target and their shares, from all rows of a table."""
        kept: Literal["text", "boolean", "number"] = "text" if kind == "date" else kind
        counts = label_counts(table, name, kept)
        if len(counts) > MOST_CLASSES:
            raise TableError(
                f"{table.name}, column {name!r}: expected at most {MOST_CLASSES} classes, got "
                f"{len(counts)}; is it the right target?"
            )
        classes = sorted(counts, key=in_order if kept == "number" else None)
        target = cls(name, kept, tuple(classes), ())
        return target.with_shares(table)

    def with_shares(self, table: Table) -> "ClassTarget":
        """Return the target with the shares of its classes among the rows of a table."""
        counts = np.bincount(self.encode(table), minlength=len(self.classes))
        return replace(self, shares=tuple((counts / counts.sum()).tolist()))

    @classmethod
    def from_fields(cls, fields: Fields) -> "ClassTarget":
        """Return the target that `to_dict` described."""
        fields.choice("task", ("classification",))
        target = cls(
            name=fields.text("name"),
            kind=fields.choice("kind", ("text", "boolean", "number")),  # type: ignore[arg-type]
            classes=tuple(fields.texts("classes")),
            shares=tuple(fields.numbers("shares", least=0.0)),
        )
        fields.done()
        if len(target.classes) < 2:
            raise ValueError(f"target.classes: expected at least 2, got {len(target.classes)}")
        if len(target.shares) != len(target.classes) or not abs(sum(target.shares) - 1) < 1e-9:
            raise ValueError("target.shares: expected one a class, together 1")
        target.values(np.arange(len(target.classes)))
        return target

    def to_dict(self) -> dict[str, Any]:
        """Return the target as JSON can hold it."""
        return {
            "task": self.task,
            "name": self.name,
            "kind": self.kind,
            "classes": list(self.classes),
            "shares": list(self.shares),
        }

    @property
    def outputs(self) -> int:
        """The outputs of the network: for two classes 1, the probability of the second."""
        return 1 if len(self.classes) == 2 else len(self.classes)

    def encode(self, table: Table) -> NDArray[np.int64]:
        """Return the class number of each row, shape (n_rows,).

        Raises
        ------
        TableError
            If a value is missing or isn't a class that the model knows; the line is named.
        """
        labels = self._labels(table)
        known = pa.array(self.classes, pa.string())
        index = pc.fill_null(pc.index_in(labels, value_set=known, skip_nulls=True), -1).to_numpy()
        strange = np.flatnonzero(index < 0)
        if strange.size:
            row = int(strange[0])
            value = labels[row].as_py()
            got = "nothing" if value is None else repr(value)
            raise TableError(
                f"{table.where(row)}, column {self.name!r}: expected one of the classes "
                f"{listed(self.classes)}, got {got}"
            )
        return index.astype(np.int64)

    def _labels(self, table: Table) -> pa.Array:
        if self.kind == "number":
            return labels(table, self.name)
        return known_texts(table, self.name, self.kind, self.classes)

    def values(self, index: NDArray[np.int64]) -> pa.Array:
        """Return the classes of given numbers in the target's type: an integer, bool or text.

        Whole numbers of more than 64 bits are text.
        """
        labels = pa.array(self.classes, pa.string()).take(pa.array(index))
        try:
            if self.kind == "boolean":
                return pc.cast(labels, pa.bool_())
            if self.kind == "text":
                return labels
            return pc.cast(labels, self._number_type())
        except pa.ArrowInvalid as error:
            raise ValueError(f"target.classes: expected {self.kind}s, got {error}") from error

    def _number_type(self) -> pa.DataType:
        if not all(label.lstrip("-").isdigit() for label in self.classes):
            return pa.float64()
        least, most = min(map(int, self.classes)), max(map(int, self.classes))
        if least >= -(2**63) and most < 2**63:
            return pa.int64()
        return pa.uint64() if least >= 0 and most < 2**64 else pa.string()


Range = Literal["real", "counts", "positive"]
RANGES: Mapping[str, str] = {"real": "", "counts": ">= 0", "positive": "> 0"}


@dataclass(frozen=True)
class NumberTarget:
    """A target of numbers: the network learns ``(v − mean) / std`` of the training rows.

    Counts and amounts, for losses that take nothing below 0, are divided by their mean instead.

    Parameters
    ----------
    name : str
        The column.
    kind : "number" or "date"
    mean, std : float
        In the unit of the target.
    range : {"real", "counts", "positive"}
        Which numbers the loss takes: all, those from 0 on, those above 0.
    limits : (float, float) or None
        The least and the largest number that is predicted: those of the training rows.

    Examples
    --------
    >>> NumberTarget("mass", "number", mean=10.0, std=2.0).values(np.array([1.5])).to_pylist()
    [13.0]
    """

    task: ClassVar[Task] = "regression"
    name: str
    kind: Literal["number", "date"]
    mean: float
    std: float
    range: Range = "real"
    limits: tuple[float, float] | None = None
    outputs: ClassVar[int] = 1

    @property
    def zero(self) -> float:
        """The number that the network's 0 stands for."""
        return self.mean if self.range == "real" else 0.0

    @property
    def unit(self) -> float:
        """The number that the network's 1 is more than its 0."""
        return self.std if self.range == "real" else self.mean

    @classmethod
    def fit(
        cls,
        table: Table,
        name: str,
        kind: Kind,
        range: Range = "real",  # noqa: A002
        clamp: bool = False,
    ) -> "NumberTarget":
        """Return the scale of a target, and its limits if it is clamped, from the training rows."""
        values = numbers(table, name, "date" if kind == "date" else "number")
        with np.errstate(over="ignore", invalid="ignore"):
            mean, std = float(values.mean()), float(values.std())
        limits = (float(values.min()), float(values.max())) if clamp else None
        where = f"{table.name}, column {name!r}"
        return cls.scaled(where, name, kind, mean, std, range, limits)

    @classmethod
    def scaled(
        cls,
        where: str,
        name: str,
        kind: Kind,
        mean: float,
        std: float,
        range: Range,  # noqa: A002
        limits: tuple[float, float] | None,
    ) -> "NumberTarget":
        """Return the target of this scale; a TableError says where, if it is none."""
        if not 1 / _LARGEST <= std <= _LARGEST:
            raise TableError(
                f"{where}: its numbers can't be standardised "
                f"(mean {mean:.6g}, standard deviation {std:.6g}); rescale the target"
            )
        return cls(name, "date" if kind == "date" else "number", mean, std, range, limits)

    @classmethod
    def from_fields(cls, fields: Fields) -> "NumberTarget":
        """Return the target that `to_dict` described."""
        fields.choice("task", ("regression",))
        target = cls(
            name=fields.text("name"),
            kind=fields.choice("kind", ("number", "date")),  # type: ignore[arg-type]
            mean=fields.number("mean"),
            std=fields.number("std", least=5e-324),
            range=fields.choice("range", RANGES),  # type: ignore[arg-type]
            limits=None if fields.any("limits") is None else tuple(fields.numbers("limits")),  # type: ignore[arg-type]
        )
        fields.done()
        if target.limits is not None and not (
            len(target.limits) == 2 and target.limits[0] < target.limits[1]
        ):
            raise ValueError("target.limits: expected two numbers, the lower one first")
        return target

    def to_dict(self) -> dict[str, Any]:
        """Return the target as JSON can hold it."""
        return {
            "task": self.task,
            "name": self.name,
            "kind": self.kind,
            "mean": self.mean,
            "std": self.std,
            "range": self.range,
            "limits": None if self.limits is None else list(self.limits),
        }

    def numbers(self, table: Table) -> NDArray[np.float64]:
        """Return the target of each row in its own unit, shape (n_rows,).

        Raises
        ------
        TableError
            If a value is missing or isn't a number; the line is named.
        """
        values = numbers(table, self.name, self.kind)
        self._check(table, values, np.abs(values) <= _LARGEST, f"a number of at most {_LARGEST:g}")
        return values

    def encode(self, table: Table) -> NDArray[np.float64]:
        """Return the standardised target of each row, shape (n_rows,).

        Raises
        ------
        TableError
            As `numbers`, and if a value is absurdly far from the others; the line is named.
        """
        values = self.numbers(table)
        if self.range != "real":
            good = values >= 0 if self.range == "counts" else values > 0
            self._check(table, values, good, "a number " + RANGES[self.range] + " for this loss")
        standardised = (values - self.zero) / self.unit
        wanted = f"a number within {_FARTHEST:,} standard deviations of the mean {self.mean:.6g}"
        self._check(table, values, np.abs(standardised) <= _FARTHEST, wanted)
        return standardised

    def _check(
        self, table: Table, values: NDArray[np.float64], good: NDArray[np.bool_], wanted: str
    ) -> None:
        wrong = np.flatnonzero(~good)
        if wrong.size:
            value = values[wrong[0]]
            got = "nothing" if math.isnan(value) else f"{value:.6g}"
            raise TableError(
                f"{table.where(int(wrong[0]))}, column {self.name!r}: expected {wanted}, got {got}"
            )

    def decode(self, standardised: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return the target in the unit of its numbers, in days where it is a date."""
        if standardised.size == 1:  # as below, in a quarter of the time
            number = float(standardised[0]) * self.unit + self.zero
            lowest, highest = self.limits or (number, number)
            return np.array([min(max(number, lowest), highest)])
        numbers = np.asarray(standardised, dtype=np.float64) * self.unit + self.zero
        if self.limits is None:
            return numbers
        lowest, highest = self.limits
        return np.minimum(np.maximum(numbers, lowest), highest)  # np.clip takes 5 us more

    def values(self, standardised: NDArray[np.floating[Any]]) -> pa.Array:
        """Return the target in its own unit: float64, or times in the years 1 to 9999."""
        return self.in_its_type(self.decode(standardised))

    def in_its_type(self, in_unit: NDArray[np.float64]) -> pa.Array:
        """Return numbers in the unit of the target as its type: float64, or times."""
        if self.kind == "number":
            return pa.array(in_unit)
        days = np.clip(in_unit, _YEAR_1, _YEAR_9999)
        microseconds = (days * MICROSECONDS_A_DAY).round().astype(np.int64)
        return pa.array(microseconds).cast(pa.timestamp("us"))


Target = ClassTarget | NumberTarget
_TARGETS: Mapping[str, type[ClassTarget] | type[NumberTarget]] = {
    "classification": ClassTarget,
    "regression": NumberTarget,
}
TASKS: tuple[Task, ...] = ("classification", "regression")


def target_from_dict(described: object) -> Target:
    """Return the target that `to_dict` described, every field checked."""
    fields = Fields(described, "target")
    return _TARGETS[fields.choice("task", TASKS)].from_fields(fields)
