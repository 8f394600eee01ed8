"""SparseRows: X as the numbers that aren't 0, row by row."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.parameters import Parameters

Array = NDArray[Any]

_ROOM = 1 << 22  # numbers that are made dense at a time


@dataclass(frozen=True, eq=False)
class SparseRows:
    """n rows of a matrix that is mostly 0 (compressed sparse rows).

    The engines see it as the dense array that it stands for, a batch at a time, and compute with
    all columns: it saves memory, and no time.

    Parameters
    ----------
    values : ndarray of shape (k,)
    columns : ndarray of int32, shape (k,)
        Of each value, from 0 to ``n_columns`` - 1; none twice in a row.
    starts : ndarray of int64, shape (n + 1,)
        Where each row's values begin.
    n_columns : int
    """

    values: Array
    columns: NDArray[np.int32]
    starts: NDArray[np.int64]
    n_columns: int

    @classmethod
    def of(cls, matrix: Any, dtype: Any) -> "SparseRows":  # noqa: ANN401 (scipy has no types)
        """Return the rows of a SciPy sparse matrix or array of any format.

        Raises
        ------
        ValueError
            If its indices are out of range.
        """
        rows = matrix.tocsr()
        rows.check_format(full_check=True)
        if not rows.has_canonical_format:
            rows = rows.copy()
            rows.sum_duplicates()
        with np.errstate(over="ignore"):  # what doesn't fit is infinite, and refused by who asks
            values = np.ascontiguousarray(rows.data, dtype=dtype)
        columns = np.ascontiguousarray(rows.indices, dtype=np.int32)
        return cls(values, columns, np.ascontiguousarray(rows.indptr, np.int64), rows.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n_columns)."""
        return len(self), self.n_columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        return self.values.dtype

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, rows: Any) -> Array:  # noqa: ANN401
        """Return these rows as a dense array, (len(rows), n_columns)."""
        chosen = np.arange(len(self))[rows]
        dense = np.zeros((len(chosen), self.n_columns), self.dtype)
        for out, row in zip(dense, chosen, strict=True):
            place = slice(self.starts[row], self.starts[row + 1])
            out[self.columns[place]] = self.values[place]
        return dense

    def take(self, rows: Array) -> "SparseRows":
        """Return these rows, sparse."""
        counts = np.diff(self.starts)[rows]
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        places = np.arange(starts[-1]) + np.repeat(self.starts[rows] - starts[:-1], counts)
        return SparseRows(self.values[places], self.columns[places], starts, self.n_columns)

    def parts(self) -> list[slice]:
        """Return ranges of rows, each small enough to be made dense."""
        size = max(1, _ROOM // max(1, self.n_columns))
        return [slice(i, min(i + size, len(self))) for i in range(0, len(self), size)]


def forward_by_parts(forward: Callable[[Array], Array], X: SparseRows) -> Array:
    """Return the outputs of all rows, some made dense at a time."""
    return np.concatenate([forward(X[part]) for part in X.parts()])


def loss_by_parts(
    loss: Callable[[Parameters, Array, Array, Array | None], float],
    parameters: Parameters,
    X: SparseRows,
    y: Array,
    sample_weight: Array | None,
) -> float:
    """Return L over all samples, some made dense at a time, from the losses of the parts."""
    spec, w = parameters.spec, parameters.w.astype(np.float64)
    sums = Parameters(replace(spec, l2=0.0, l1=0.0, reduction="sum"), parameters.theta)
    total = 0.0
    for part in X.parts():
        weight = None if sample_weight is None else sample_weight[part]
        total += loss(sums, X[part], y[part], weight)
    count = len(X) if sample_weight is None else float(np.sum(sample_weight, dtype=np.float64))
    penalty = float(0.5 * spec.l2 * np.sum(w * w) + spec.l1 * np.sum(np.abs(w)))
    return total / (1 if spec.reduction == "sum" or count == 0 else count) + penalty
