"""The boundary: what users pass is checked here once; below, arrays are as the engines need."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.engine.compiled import FASTEST, Threads
from chainrule.engine.sparse_rows import SparseRows
from chainrule.engine.spec import DTYPES, NetworkSpec
from chainrule.theory.checks import require, require_whole

Array = NDArray[Any]
Look = Callable[[str, Array], None]  # at an array of a name: an error, if its numbers won't do
Validation = tuple[ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, ArrayLike]


class Samples(NamedTuple):
    """Samples as an engine takes them.

    Attributes
    ----------
    X : ndarray or SparseRows of shape (n, inputs)
    y : ndarray of shape (n, outputs)
    sample_weight : ndarray of shape (n,) or None
    """

    X: Array | SparseRows
    y: Array
    sample_weight: Array | None


_BLOCK = 1 << 16  # numbers that are looked at together: they stay in a cache


def require_finite(name: str, array: Array) -> None:
    """Raise ``ValueError`` that names the first number that isn't finite."""
    for start, block in blocks(array.reshape(-1), 0, array.size):  # C-contiguous: no copy
        require_finite_block(name, array, start, block)


def blocks(flat: Array, first: int, last: int) -> Iterator[tuple[int, Array]]:
    """Yield the numbers from ``first`` to before ``last``, some at a time, with their place."""
    for start in range(first, min(last, len(flat)), _BLOCK):
        yield start, flat[start : start + _BLOCK]


def require_finite_block(name: str, array: Array, start: int, block: Array) -> None:
    """Raise ``ValueError`` that names the first number of a block that isn't finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        if math.isfinite(block.sum()):  # then each of them is; faster than to ask each
            return
    finite = np.isfinite(block)
    if not finite.all():
        place = start + int(np.argmin(finite))
        where = [int(i) for i in np.unravel_index(place, array.shape)]
        raise ValueError(
            f"{name} must be finite in {array.dtype}, got {array.reshape(-1)[place]} at {where}; "
            "fill in or leave out such samples"
        )


def features(spec: NetworkSpec, X: ArrayLike | SparseRows) -> Array | SparseRows:
    """Return X as a C-contiguous (n, inputs) array of the network's dtype, copied only if needed.

    A sparse matrix of SciPy's stays sparse.

    Raises
    ------
    ValueError
        If X is not a table of numbers with one column an input.
    """
    if _is_ready(X, spec):
        return X
    if isinstance(X, SparseRows) or hasattr(X, "tocsr"):
        return _sparse_features(spec, X)
    array = _numbers("X", X, spec.dtype)
    if array.ndim != 2 or array.shape[1] != spec.n_inputs:
        advice = "; for one sample, use X.reshape(1, -1)" if array.ndim == 1 else ""
        raise ValueError(
            f"X must have shape (n_samples, {spec.n_inputs}), got {array.shape}{advice}"
        )
    return array


def _sparse_features(spec: NetworkSpec, X: Any) -> SparseRows:  # noqa: ANN401
    rows = X if isinstance(X, SparseRows) else SparseRows.of(X, spec.dtype)
    if rows.dtype != spec.dtype:
        with np.errstate(over="ignore"):  # what doesn't fit is infinite, and refused below
            rows = replace(rows, values=rows.values.astype(spec.dtype))
    require(
        rows.n_columns == spec.n_inputs,
        f"X must have shape (n_samples, {spec.n_inputs}), got {rows.shape}",
    )
    return rows


_NATIVE = {name: np.dtype(name) for name in DTYPES}


def _is_ready(X: ArrayLike | SparseRows, spec: NetworkSpec) -> TypeGuard[Array]:
    """Return whether X is as ``features`` returns it: told in a tenth of the time for one row."""
    return (
        type(X) is np.ndarray
        and X.dtype is _NATIVE[spec.dtype]
        and X.ndim == 2
        and X.shape[1] == spec.layer_sizes[0]
        and X.flags.c_contiguous
        and X.flags.aligned
    )


def samples(
    spec: NetworkSpec,
    X: ArrayLike | SparseRows,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    look: Look = require_finite,
) -> Samples:
    """Return X, y and the sample weights, ready for an engine.

    Returns
    -------
    Samples
        Class numbers become one-hot rows.

    Raises
    ------
    ValueError
        If there are no samples, numbers are missing or infinite, shapes disagree,
        or a target is none that the loss can take.
    """
    inputs = sample_features(spec, X, look)
    n = len(inputs)
    targets = sample_targets(spec, y, n)
    return Samples(inputs, targets, sample_weights(spec, sample_weight, n))


def sample_features(
    spec: NetworkSpec, X: ArrayLike | SparseRows, look: Look = require_finite
) -> Array | SparseRows:
    """Return X as ``features`` does; ``ValueError`` unless it has finite samples."""
    inputs = features(spec, X)
    require(len(inputs) > 0, "X must have at least one sample, got none")
    if isinstance(inputs, SparseRows):
        look("X's values", inputs.values)
    else:
        look("X", inputs)
    return inputs


def sample_targets(spec: NetworkSpec, y: ArrayLike, n: int) -> Array:
    """Return y as an (n, outputs) array; ``ValueError`` unless the loss can take it."""
    targets = spec.loss_row.prepared(_targets(spec, y))
    require(
        len(targets) == n,
        f"X and y must have as many samples, got {n} and {len(targets)}",
    )
    return targets


def sample_weights(spec: NetworkSpec, sample_weight: ArrayLike | None, n: int) -> Array | None:
    """Return the weights as an (n,) array; ``ValueError`` unless L can be weighted by them."""
    if sample_weight is None:
        return None
    weights = _numbers("sample_weight", sample_weight, spec.dtype)
    require(
        weights.shape == (n,),
        f"sample_weight must have shape ({n},), got {weights.shape}",
    )
    require_finite("sample_weight", weights)
    require(np.all(weights >= 0), f"sample_weight must be >= 0, got {weights.min()}")
    require(np.any(weights > 0), "sample_weight must not be 0 for every sample")
    return weights


def thread_choice(threads: int | None) -> Threads:
    """Return how many threads work: as many as asked for, or as many as prove fastest."""
    if threads is None:
        return FASTEST
    return Threads(whole_number("threads", threads, 1, 1024), "all")


def sample_count(name: str, values: ArrayLike) -> int:
    """Return how many samples X or y has, before anything else is known of it."""
    array = given_array(name, values)
    if array.ndim == 0:
        raise ValueError(f"{name} must be an array of numbers, got {values!r:.60}")
    require(len(array) > 0, f"{name} must have at least one sample, got none")
    return len(array)


def validation_samples(
    spec: NetworkSpec, validation: Validation | None, look: Look = require_finite
) -> Samples | None:
    """Return the validation set, ready for an engine; errors begin with its name."""
    if validation is None:
        return None
    require(
        isinstance(validation, tuple | list) and len(validation) in (2, 3),
        "validation must be (X, y) or (X, y, sample_weight), "
        f"got a {type(validation).__name__}"
        + (f" of {len(validation)}" if isinstance(validation, tuple | list) else "")
        + (
            "; hold rows out before, as with sklearn.model_selection.train_test_split"
            if isinstance(validation, int | float)
            else ""
        ),
    )
    X, y, *rest = validation
    try:
        return samples(spec, X, y, rest[0] if rest else None, look)
    except ValueError as error:
        raise ValueError(f"validation: {error}") from None


def whole_numbers(name: str, values: Any) -> tuple[int, ...]:  # noqa: ANN401
    """Return the values with NumPy's whole numbers as Python's; whoever uses them checks them."""
    require(isinstance(values, Iterable), f"{name} must be a list of whole numbers, got {values!r}")
    return tuple(int(v) if isinstance(v, np.integer) else v for v in values)


def whole_number(name: str, value: Any, lowest: int, highest: int | None = None) -> int:  # noqa: ANN401
    """Return value as an int, or raise ``ValueError`` naming the option and its range."""
    require_whole(name, value, lowest, highest)
    return int(value)


def given_array(name: str, values: Any) -> Array:  # noqa: ANN401
    """Return the values as an array; ``ValueError`` where NumPy would lose what they mean."""
    if type(values) is np.ndarray:
        return values
    masked = isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any()
    try:
        require(
            not isinstance(values, Iterator),
            f"a {type(values).__name__} can be read once only; make it a list",
        )
        require(
            not hasattr(values, "tocsr"),
            f"a sparse {type(values).__name__} is not taken; use its toarray()",
        )
        require(not masked, "some are masked; fill in or leave out such samples")
        return np.asarray(values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be an array of numbers: {error}") from None


def _numbers(name: str, values: ArrayLike, dtype: str) -> Array:
    given = given_array(name, values)
    try:
        require(given.dtype.kind in "biufO", f"expected real ones, got {given.dtype}")
        with np.errstate(over="ignore"):  # what doesn't fit is infinite, and refused below
            return np.require(given, dtype=dtype, requirements=["C", "A"])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be an array of numbers: {error}") from None


def _targets(spec: NetworkSpec, y: ArrayLike) -> Array:
    kind = spec.loss_row.targets
    given = given_array("y", y)
    text = next((v for v in given.flat[:1] if isinstance(v, str)), None)
    require(text is None, f"y must be numbers, got text, as {str(text)!r}; {_NUMBERED}")
    if kind == "classes" and given.ndim == 1:
        return _one_hot(given, spec)
    targets = _numbers("y", given, spec.dtype)
    if targets.ndim == 1 and spec.n_targets == 1:
        targets = targets.reshape(-1, 1)
    require(
        targets.ndim == 2 and targets.shape[1] == spec.n_targets,
        f"y must have shape (n_samples, {spec.n_targets})"
        + (" or be class numbers" if kind == "classes" else "")
        + f", got {targets.shape}"
        + ("; class numbers need loss='cross_entropy'" if _are_classes(targets) else ""),
    )
    require_finite("y", targets)
    lowest, highest = targets.min(initial=np.inf), targets.max(initial=-np.inf)
    if kind == "positive":
        require(lowest > 0, f"y must be > 0 for loss {spec.loss!r}, got {lowest}")
    elif kind != "real":
        require(lowest >= 0, f"y must be >= 0 for loss {spec.loss!r}, got {lowest}")
    if kind in ("binary", "classes"):
        require(highest <= 1, f"y must be <= 1 for loss {spec.loss!r}, got {highest}")
    if kind == "classes":
        sums = targets.sum(axis=1)
        worst = sums[np.argmax(np.abs(sums - 1))] if len(sums) else 1.0
        require(
            abs(worst - 1) < 1e-3,
            f"each row of y must sum to 1 for loss {spec.loss!r}, got {worst}",
        )
        if worst != 1:  # probabilities that were printed or rounded: δ = a − y needs the exact sum
            targets = targets / sums[:, None]
    return targets


_NUMBERED = "number the classes: classes, y = np.unique(y, return_inverse=True)"


def _are_classes(targets: Array) -> bool:
    """Whether y could be meant as class numbers."""
    return targets.ndim == 1 and bool(np.array_equal(targets, np.floor(targets)))


def _one_hot(y: Array, spec: NetworkSpec) -> Array:
    whole = y.dtype.kind in "biu" or (y.dtype.kind == "f" and np.array_equal(y, np.floor(y)))
    require(whole, f"class numbers must be whole, got dtype {y.dtype}; {_NUMBERED}")
    outside = (y < 0) | (y >= spec.n_outputs)
    if outside.any():
        raise ValueError(
            f"class numbers must be from 0 to {spec.n_outputs - 1} for {spec.n_outputs} outputs, "
            f"got {y[outside][0]}; {_NUMBERED}"
        )
    rows = np.zeros((len(y), spec.n_outputs), dtype=spec.dtype)
    rows[np.arange(len(y)), y.astype(np.int64)] = 1
    return rows
