"""Many networks trained at once on the same X: ensembles, searches, samples of the rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.engine.compiled import Threads
from chainrule.engine.keyframes import MEMORY
from chainrule.theory.checks import require, warn
from chainrule.theory.habits import hinting
from chainrule.theory.optimizer import Optimizer
from chainrule.theory.optimizers import Adam
from chainrule.training.continuation import LONGEST_CALL, Continuation
from chainrule.training.inputs import Validation, sample_count, thread_choice
from chainrule.training.network import Network
from chainrule.training.options import FitOptions, batch_rows
from chainrule.training.perceptron import MultilayerPerceptron
from chainrule.training.run import Callbacks, Run, callback_list, chosen_optimizer
from chainrule.training.sharing import SharedData
from chainrule.training.stopping import EarlyStopping

T = TypeVar("T")
OneOrEach: TypeAlias = T | Sequence[T]


class NetworksDiverged(RuntimeWarning):
    """Some of several networks diverged; `reasons` has the error of each, by its index."""

    def __init__(self, message: str, reasons: dict[int, FloatingPointError]) -> None:
        super().__init__(message)
        self.reasons = reasons


@hinting
def fit_many(
    networks: Iterable[Network],
    X: ArrayLike,
    y: ArrayLike | Sequence[ArrayLike],
    *,
    optimizer: OneOrEach[Optimizer | str] | None = None,
    epochs: OneOrEach[int] = 10,
    batch_size: OneOrEach[int | Literal["auto"]] = "auto",
    shuffle: OneOrEach[bool] = True,
    seed: OneOrEach[int] = 0,
    sample_weight: ArrayLike | Sequence[ArrayLike | None] | None = None,
    rows: Sequence[ArrayLike | None] | None = None,
    validation: OneOrEach[Validation | None] = None,
    early_stopping: OneOrEach[EarlyStopping | None] = None,
    callbacks: Callbacks = (),
    threads: int | None = None,
) -> list[Run]:
    """Train many networks on the same X, each to the very bits of its own ``Network.fit``.

    The networks go on side by side, one on a thread at a time, in few native calls. They may
    differ in all but the number of inputs. X is converted and checked once for each dtype,
    and y for each dtype, loss and number of outputs; all networks read the same arrays.

    Parameters
    ----------
    networks : iterable of Network
        k of them, trained in place; none twice.
    X : array-like of shape (n, inputs)
    y : array-like of shape (n, outputs) or (n,), or list of k such
        For all networks, or one for each.
    optimizer, epochs, batch_size, shuffle, seed, early_stopping
        As for ``Network.fit``: one for all networks, or a list with one for each.
    sample_weight : array-like of shape (n,) or (k, n), or list of k arrays or None, optional
        (k, n): a row for each network, as counts of rows drawn with replacement.
    rows : list of k arrays of int or None, optional
        The rows of X, y and sample_weight that each network learns from, as those of a fold; None
        for all. The bits are those of ``Network.fit`` on ``X[rows]``, ``y[rows]``.
    validation : tuple, or list of k tuples or None, optional
        (X, y) or (X, y, sample_weight) for all networks, or one for each.
    callbacks : sequence of callable or Callback
        As for ``Network.fit``; called with the run of each network.
    threads : int, optional
        At most so many; one for each core without it. No bit of any result depends on it.

    Returns
    -------
    list of Run
        One for each network, in their order, as ``Network.fit`` would return. A network whose
        loss is no longer finite stops alone with its last parameters: its run's ``stopped`` is
        "diverged", and a ``RuntimeWarning`` names it.

    Raises
    ------
    ValueError
        If data or options don't fit, or networks share parameters; nothing is trained then.
    KeyboardInterrupt
        On Ctrl-C, within 0.2 s; each network is as after its last whole step.

    Notes
    -----
    Whatever is raised on the way has the runs as its ``runs``: ``resume_many`` goes on.

    Epochs without validation, early stopping or callbacks of any network are one native call,
    up to a million steps of all networks together; otherwise there is a call an epoch. While
    there are fewer networks than threads, each gets its share of them.

    A list y is taken as one for each network if it has k elements of length n.

    Examples
    --------
    An ensemble of four on bootstrap samples, and what it is not sure of:

    >>> import chainrule as cr
    >>> rng = np.random.default_rng(0)
    >>> X = np.linspace(-1, 1, 40).reshape(-1, 1)
    >>> counts = rng.multinomial(40, np.full(40, 1 / 40), size=4)
    >>> nets = [cr.Network([1, 8, 1], activation="tanh", seed=i) for i in range(4)]
    >>> runs = cr.fit_many(nets, X, X**2, sample_weight=counts, optimizer=cr.Adam(0.02), epochs=50)
    >>> outputs = np.stack([net.forward([[0.0], [3.0]]) for net in nets])
    >>> at_0, at_3 = outputs.std(axis=0).ravel()
    >>> bool(at_0 < at_3)
    True
    """
    networks = _all(networks, Network, "networks", "cr.Network")
    k, n = len(networks), sample_count("X", X)
    chosen = _each_rows(rows, k, n)
    options = zip(
        networks,
        chosen,
        _each("optimizer", optimizer, k),
        _each("batch_size", batch_size, k),
        _each("shuffle", shuffle, k),
        _each("seed", seed, k),
        _each_validation(validation, k),
        _each("early_stopping", early_stopping, k),
        strict=True,
    )
    runs = []
    for i, (network, taken, rule, size, mixed, key, held_out, stopping) in enumerate(options):
        with _about(i):
            count = n if taken is None else len(taken)
            fixed = FitOptions(
                count, batch_rows(size, count), mixed, key, held_out is not None, stopping,
                keyframe_memory=MEMORY // k,
            )  # fmt: skip
            runs.append(Run(network, chosen_optimizer(Adam() if rule is None else rule), fixed))
    return _go_on(runs, X, y, epochs, sample_weight, chosen, validation, callbacks, threads)


@hinting
def resume_many(
    runs: Iterable[Run],
    X: ArrayLike,
    y: ArrayLike | Sequence[ArrayLike],
    *,
    epochs: OneOrEach[int],
    sample_weight: ArrayLike | Sequence[ArrayLike | None] | None = None,
    rows: Sequence[ArrayLike | None] | None = None,
    validation: OneOrEach[Validation | None] = None,
    callbacks: Callbacks = (),
    threads: int | None = None,
) -> list[Run]:
    """Train the networks of many runs for more epochs, each to the bits of ``Run.resume``.

    Parameters
    ----------
    runs : iterable of Run
        k of them, of ``fit_many`` or ``Network.fit``; those that are not worth more are left out.
    X, y, sample_weight, rows
        The data of the fits, in the same order; as for ``fit_many``.
    epochs : int or list of int
        How many more than the whole ones that are done: for all runs, or for each.
    validation, callbacks, threads
        As for ``fit_many``.

    Returns
    -------
    list of Run
        The runs, extended.

    Raises
    ------
    ValueError
        If the data cannot be those of the fits, or an option is out of range.
    KeyboardInterrupt
        On Ctrl-C, within 0.2 s; each run is as after its last whole step, and may be resumed.

    Examples
    --------
    The better half of eight learning rates goes on:

    >>> import chainrule as cr
    >>> X = np.linspace(-1, 1, 40).reshape(-1, 1)
    >>> nets = [cr.Network([1, 8, 1], activation="tanh") for _ in range(8)]
    >>> rates = [cr.Adam(0.1 / 2**i) for i in range(8)]
    >>> runs = cr.fit_many(nets, X, X**2, optimizer=rates, epochs=5)
    >>> runs = sorted(runs, key=lambda run: run.epoch_losses[-1])[:4]
    >>> [run.epoch for run in cr.resume_many(runs, X, X**2, epochs=20)]
    [25, 25, 25, 25]
    """
    runs = _all(runs, Run, "runs", "cr.Run")
    chosen = _each_rows(rows, len(runs), sample_count("X", X))
    return _go_on(runs, X, y, epochs, sample_weight, chosen, validation, callbacks, threads)


def _go_on(
    runs: list[Run],
    X: ArrayLike,
    y: ArrayLike | Sequence[ArrayLike],
    epochs: OneOrEach[int],
    sample_weight: ArrayLike | Sequence[ArrayLike | None] | None,
    rows: list[NDArray[np.int64] | None],
    validation: OneOrEach[Validation | None],
    callbacks: Callbacks,
    threads: int | None,
) -> list[Run]:
    k, n, use = len(runs), sample_count("X", X), thread_choice(threads)
    _require_apart([run.network for run in runs])
    data, calls = SharedData(X), callback_list(callbacks)
    given = zip(
        runs,
        _each_target(y, k, n),
        _each_weight(sample_weight, k),
        rows,
        _each_validation(validation, k),
        _each("epochs", epochs, k),
        strict=True,
    )
    going = []
    for i, (run, targets, weights, taken, held_out, more) in enumerate(given):
        with _about(i):
            known = data.known(run.network.spec, targets, weights, held_out, taken)
            going.append(Continuation(run.record, known, more, calls, run))
    try:
        _take_steps(going, use.most)
    except BaseException as error:
        error.__dict__["runs"] = runs  # whatever its class makes of an assignment
        raise
    finally:
        for one in going:
            one.close()
    _warn_of_divergence(going)
    return runs


def _take_steps(going: list[Continuation], threads: int) -> None:
    for one in going:
        one.begin(Threads(max(threads // len(going), 1), "fastest"))
    while True:
        for one in going:
            if one.is_over:
                one.finish()
        going = [one for one in going if not one.is_over]
        if not going:
            return
        by_epoch = any(one.pauses for one in going)
        longest = max(LONGEST_CALL // len(going), 1)
        _advance([(one, *one.request(longest, by_epoch)) for one in going], threads)
        for one in going:
            one.pause()


def _advance(asked: list[tuple[Continuation, Any, Any]], threads: int) -> None:
    """Take the steps asked for, in one native call for each engine."""
    engines = {one.engine.NAME: one.engine for one, *_ in asked}
    for name, engine in engines.items():
        mine = [work for work in asked if name == work[0].engine.NAME]
        rates, losses = [work[1] for work in mine], [work[2] for work in mine]
        trainers = [one.trainer for one, *_ in mine]
        written = engine.advance_many(trainers, rates, losses, threads)
        for (one, *_), count in zip(mine, written, strict=True):
            one.take(count)


def _warn_of_divergence(going: list[Continuation]) -> None:
    failed = [(i, one.failure) for i, one in enumerate(going) if one.failure is not None]
    if failed:
        i, reason = failed[0]
        others = ", ".join(str(j) for j, _ in failed[1:11]) + (", …" if len(failed) > 11 else "")
        message = (
            f"{len(failed)} of {len(going)} networks diverged and stopped (their run.stopped is "
            f"'diverged'); the others went on. Network {i}: {reason}"
        )
        warn(NetworksDiverged(message + (f". Also: {others}" if others else ""), dict(failed)),
             NetworksDiverged)  # fmt: skip


# -- one for all, or one for each -----------------------------------------------------------


@contextmanager
def _about(i: int) -> Iterator[None]:
    """Let errors inside say which network they are about."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"network {i}: {error}") from None


def _all(values: Iterable[T], kind: type[T], name: str, label: str) -> list[T]:
    found = list(values) if isinstance(values, Iterable) else []
    wrong = [value for value in found if not isinstance(value, kind)]
    given = f"{wrong[0]!r} among them" if wrong else f"{values!r}"
    require(found and not wrong, f"{name} must be a list of at least one {label}, got {given}")
    return found


def _each(name: str, value: Any, k: int) -> list[Any]:  # noqa: ANN401
    """Return k values: the one for all, or those of the list."""
    if not isinstance(value, list | tuple | range | np.ndarray):
        return [value] * k
    require(
        len(value) == k,
        f"{name} must be one for all networks or a list of {k}, one for each; "
        f"got a list of {len(value)}",
    )
    return list(value)


def _each_target(y: Any, k: int, n: int) -> list[Any]:  # noqa: ANN401
    is_each = isinstance(y, list | tuple) and len(y) == k
    if is_each and all(hasattr(one, "__len__") and len(one) == n for one in y):
        return list(y)
    return [y] * k


def _each_weight(sample_weight: Any, k: int) -> list[Any]:  # noqa: ANN401
    if isinstance(sample_weight, list | tuple):
        is_each = any(one is None or np.ndim(one) > 0 for one in sample_weight)
    else:
        is_each = np.ndim(sample_weight) > 1
    return _each("sample_weight", list(sample_weight), k) if is_each else [sample_weight] * k


def _each_rows(rows: Any, k: int, n: int) -> list[NDArray[np.int64] | None]:  # noqa: ANN401
    """Return the rows of each network, as int64; None where it takes all."""
    if rows is None:
        return [None] * k
    found: list[NDArray[np.int64] | None] = []
    for i, one in enumerate(_each("rows", list(rows), k)):
        taken = None if one is None else np.asarray(one)
        good = taken is None or (taken.ndim == 1 and taken.size and taken.dtype.kind in "iu")
        require(good, f"network {i}: rows must be whole numbers, at least one, got {one!r:.60}")
        within = taken is None or bool(taken.min() >= 0 and taken.max() < n)
        require(within, f"network {i}: rows must be from 0 to {n - 1}, got {one!r:.60}")
        found.append(None if taken is None else np.ascontiguousarray(taken, np.int64))
    return found


def _each_validation(validation: Any, k: int) -> list[Any]:  # noqa: ANN401
    is_each = isinstance(validation, list) and all(
        one is None or isinstance(one, tuple) for one in validation
    )
    return _each("validation", validation, k) if is_each else [validation] * k


def _require_apart(networks: list[MultilayerPerceptron]) -> None:
    """Raise ``ValueError`` if two networks would write to the same memory."""
    places: list[tuple[int, int, int]] = []
    for i, network in enumerate(networks):
        theta: NDArray[Any] = network.parameters.theta
        places.append((theta.ctypes.data, theta.nbytes, i))
    for (start, size, i), (following, _, j) in pairwise(sorted(places)):
        i, j = sorted((i, j))
        require(
            start + size <= following,
            f"networks {i} and {j} share their parameters; train a network.copy() instead",
        )
