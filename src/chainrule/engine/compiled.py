"""The compiled engine: the reference's functions, in C++, float32 and float64.

This module is the boundary: it makes the arrays that the C++ core writes to and
describes networks and optimizers to it. The core trusts what it gets.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine import _core
from chainrule.engine.batches import Batches
from chainrule.engine.keyframes import Keyframes
from chainrule.engine.parameters import Parameters
from chainrule.engine.sparse_rows import SparseRows, forward_by_parts, loss_by_parts
from chainrule.engine.spec import NetworkSpec
from chainrule.engine.trace import Trace
from chainrule.theory.optimizer import Optimizer
from chainrule.theory.optimizers import SGD

Array = NDArray[Any]

NAME = "compiled"

# How many threads may work, 0 for every core; and "all" of them, or as many as prove "fastest".
Threads = _core.Threads
FASTEST = Threads(0, "fastest")

_TRAINERS = {"float32": _core.TrainerFloat32, "float64": _core.TrainerFloat64}


def cpu_level() -> str:
    """Return the instruction-set level in use: "baseline", "avx2" or "avx512"."""
    return _core.level()


def bfloat16_unit() -> str | None:
    """Return what multiplies in bfloat16: "avx512_bf16", "amx" or, where nothing does, None.

    ``CHAINRULE_BFLOAT16`` may name one.
    """
    return _core.bfloat16_unit()


def computes_on(spec: NetworkSpec) -> str:
    """Return what the bits of this network's numbers depend on: the level, and a unit it uses."""
    return f"{cpu_level()}+{bfloat16_unit()}" if spec.precision == "bfloat16" else cpu_level()


def supported_levels() -> list[str]:
    """Return the levels that this processor can run; ``CHAINRULE_CPU`` may name one."""
    return _core.supported_levels()


@lru_cache(maxsize=64)
def _describe(spec: NetworkSpec, dropout: float) -> _core.Spec:
    return _core.Spec(
        list(spec.layer_sizes),
        list(spec.activations),
        spec.loss_row.row,
        spec.loss_row.constants(),
        spec.fused is not None,
        spec.reduction == "sum",
        spec.l2,
        spec.l1,
        dropout,
        spec.precision == "bfloat16",
    )


_ROWS = {"float32": _core.RowsFloat32, "float64": _core.RowsFloat64}


def _rows(X: Array | SparseRows, dtype: str) -> Any:  # noqa: ANN401 (a class for each dtype)
    kind = _ROWS[dtype]
    return kind(X.values, X.columns, X.starts) if isinstance(X, SparseRows) else kind(X)


_KEYFRAMES = {"float32": _core.KeyframesFloat32, "float64": _core.KeyframesFloat64}


def _room(keyframes: Keyframes | None, dtype: str) -> Any:  # noqa: ANN401 (a class for each dtype)
    if keyframes is None or not len(keyframes.steps):
        return None
    return _KEYFRAMES[dtype](keyframes.steps, keyframes.strides, keyframes.vectors)


def _update(optimizer: Optimizer) -> _core.Update:
    return _core.Update(
        optimizer.name,
        optimizer.constants(),
        math.inf if optimizer.clip_norm is None else optimizer.clip_norm,
        math.inf if optimizer.max_norm is None else optimizer.max_norm,
        optimizer.weight_decay,
        optimizer.averaging,
    )


def _exactly(threads: int | Threads) -> Threads:
    return Threads(threads, "all") if isinstance(threads, int) else threads


def forward(parameters: Parameters, X: Array | SparseRows, threads: int | Threads = 1) -> Array:
    """Return the outputs, shape (n, outputs); row i has the same bits alone and among others."""
    if isinstance(X, SparseRows):
        return forward_by_parts(lambda rows: forward(parameters, rows, threads), X)
    spec = parameters.spec
    outputs = np.empty((len(X), spec.n_outputs), spec.dtype)
    _core.forward(_describe(spec, 0.0), parameters.theta, X, outputs, _exactly(threads))
    return outputs


def forward_ready(parameters: Parameters) -> Callable[[object, Threads], Array | None]:
    """Return what does the same, and soonest, for X as the engine reads it; else it returns None.

    That is a C-contiguous ndarray of the network's dtype, with a column for each input.
    """
    return partial(_core.outputs, _describe(parameters.spec, 0.0), parameters.theta)


_ROWS_A_CALL = 4096
_MEMBERS = {"float32": _core.MembersFloat32, "float64": _core.MembersFloat64}


class Members:
    """Networks of one shape, whose inputs an encoding makes, and the mean of all.

    From knot to knot of a column that is cut into pieces its part of the first layer is a straight
    line between sums that were made once, so that a row costs about as much as if no column were
    cut. A row has the same bits alone and among others; those of `forward` are others, since it
    adds up pieces.

    Parameters
    ----------
    parameters : sequence of Parameters
        Copied; of the first layer's weights sums are made.
    encoding : Encoding
        Copied, too. Inputs that are none of its columns' may be anything.
    """

    def __init__(self, parameters: Sequence[Parameters], encoding: _core.Encoding) -> None:
        spec = parameters[0].spec
        thetas = [one.theta for one in parameters]
        self._outputs, self._dtype = spec.n_outputs, spec.dtype
        self._members = _MEMBERS[spec.dtype](_describe(spec, 0.0), thetas, encoding)

    def mean(self, X: Array) -> Array:
        """Return the mean of their outputs for each row, shape (n, outputs), added up in order.

        Parameters
        ----------
        X : ndarray of shape (n, inputs), of their dtype
        """
        outputs = np.empty((len(X), self._outputs), self._dtype)
        if len(X) <= _ROWS_A_CALL:
            self._members.mean(X, outputs)
            return outputs
        for first in range(0, len(X), _ROWS_A_CALL):  # between them Ctrl-C is heard
            part = slice(first, first + _ROWS_A_CALL)
            self._members.mean(X[part], outputs[part])
        return outputs

    def mean_of_numbers(self, numbers: Array) -> Array | None:
        """Return the mean for a few rows whose inputs are all the encoding's; None if one is inf.

        Parameters
        ----------
        numbers : ndarray of float64, shape (n, columns)
            What the encoding's columns hold, nan where missing.
        """
        outputs = np.empty((len(numbers), self._outputs), self._dtype)
        return outputs if self._members.mean_of_numbers(numbers, outputs) else None


def loss(
    parameters: Parameters,
    X: Array | SparseRows,
    y: Array,
    sample_weight: Array | None,
    threads: int | Threads = 1,
) -> float:
    """Return L over the samples, penalty included."""
    if isinstance(X, SparseRows):

        def of_part(parameters: Parameters, X: Array, y: Array, weight: Array | None) -> float:
            return loss(parameters, X, y, weight, threads)

        return loss_by_parts(of_part, parameters, X, y, sample_weight)
    spec = _describe(parameters.spec, 0.0)
    return _core.total_loss(spec, parameters.theta, X, y, sample_weight, _exactly(threads))


def trace(
    parameters: Parameters,
    X: Array | SparseRows,
    y: Array,
    sample_weight: Array | None,
    threads: int | Threads = 1,
) -> Trace:
    """Return every quantity of one step on these samples, without dropout."""
    batches = Batches.whole(X, y, sample_weight)
    return Trainer(parameters, SGD(), [], batches, threads=threads, dropout=0.0).trace()


def advance_many(
    trainers: Sequence["Trainer"],
    rates: Sequence[NDArray[np.float64]],
    losses: Sequence[NDArray[np.float64]],
    threads: int = 1,
) -> list[int]:
    """Advance every trainer by its rates, as ``Trainer.advance`` would, in one native call.

    Parameters
    ----------
    trainers : sequence of Trainer
        None twice, and none that writes what another one does.
    rates, losses : sequence of ndarray of float64
        One a trainer, as for ``Trainer.advance``.
    threads : int
        How many trainers may go on at the same time; no bit depends on it.

    Returns
    -------
    list of int
        How many losses were written for each; one more than the steps taken where the
        last is not finite. The other trainers go on.

    Raises
    ------
    KeyboardInterrupt
        On Ctrl-C, within 0.2 s; every trainer has taken whole steps.
    """
    cores = [trainer._core for trainer in trainers]
    return _core.advance_many(cores, list(rates), list(losses), threads)


class Trainer:
    """Steps of training on the given arrays.

    Parameters
    ----------
    parameters : Parameters
        Written by each call of ``advance``.
    optimizer : Optimizer
    state : list of ndarray
        The optimizer's vectors, written likewise.
    batches : Batches
    step : int
        Steps taken before.
    threads : int or Threads
        So many, or as many as prove fastest; the bits of the result don't depend on it.
    dropout : float, optional
        Instead of the spec's.
    keyframes : Keyframes, optional
        Written after some of the steps.
    """

    def __init__(
        self,
        parameters: Parameters,
        optimizer: Optimizer,
        state: list[Array],
        batches: Batches,
        step: int = 0,
        threads: int | Threads = 1,
        dropout: float | None = None,
        keyframes: Keyframes | None = None,
    ) -> None:
        self.parameters = parameters
        self.optimizer = optimizer
        self.state = state
        self.batches = batches
        self._dropout = parameters.spec.dropout if dropout is None else dropout
        self._core = _TRAINERS[parameters.spec.dtype](
            _describe(parameters.spec, self._dropout),
            parameters.theta,
            state,
            _rows(batches.X, parameters.spec.dtype),
            batches.y,
            batches.sample_weight,
            batches.batch_size,
            batches.shuffle,
            batches.seed,
            batches.steps_before,
            _update(optimizer),
            step,
            _exactly(threads),
            _room(keyframes, parameters.spec.dtype),
        )

    @property
    def step(self) -> int:
        """Steps taken, those before included."""
        return self._core.step

    @property
    def threads(self) -> int:
        """Threads that take a step: as many as asked for, or the fastest number so far."""
        return self._core.threads

    def advance(
        self, rates: NDArray[np.float64], losses: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Take one step for each learning rate, in one native call.

        Parameters
        ----------
        rates : ndarray of float64
        losses : ndarray of float64, optional
            As long as ``rates``: where the losses go, so that an interruption leaves those
            of the steps taken.

        Returns
        -------
        ndarray of float64
            L before each step. It is shorter than ``rates`` when a loss is not
            finite: that loss comes last, and its step is not taken.

        Raises
        ------
        KeyboardInterrupt
            On Ctrl-C, within 0.2 s; the parameters are those after the last whole step.
        """
        losses = np.empty(len(rates)) if losses is None else losses
        written = self._core.advance(rates, losses)
        return losses[:written]

    def gradient(self, batches: int = 1) -> tuple[float, Array]:
        """Return the sums of L, penalty included, and of ∂L/∂θ over the next batches.

        None of their steps is taken: all are at the present θ. They are added up in a binary tree,
        2k and 2k + 1 first, then such pairs likewise.
        """
        gradient = np.empty_like(self.parameters.theta)
        return self._core.gradient(gradient, batches), gradient

    def step_along(self, gradient: Array, rate: float) -> float:
        """Take a step along a gradient that was made elsewhere; return the penalty before it.

        Parameters
        ----------
        gradient : ndarray of the network's dtype, laid out as θ
            Of L without its penalty, whose part is added.
        rate : float
        """
        return self._core.step_along(gradient, rate)

    def trace(self) -> Trace:
        """Return every quantity of the next step, which is not taken."""
        spec, data = self.parameters.spec, self.batches
        rows = np.empty(self._core.rows, dtype=np.int64)
        shapes = [(len(rows), units) for units in spec.layer_sizes[1:]]
        z, a, delta = ([np.empty(shape, dtype=spec.dtype) for shape in shapes] for _ in range(3))
        masks = [np.empty(shape, dtype=spec.dtype) for shape in shapes[:-1] if self._dropout]
        sample_losses = np.empty(len(rows), dtype=spec.dtype)
        gradient = Parameters(spec)
        total, penalty, norm = self._core.trace(
            z, a, delta, masks, sample_losses, gradient.theta, rows
        )
        return Trace(
            parameters=self.parameters.copy(),
            activations=(data.X[rows], *a),
            pre_activations=tuple(z),
            deltas=tuple(delta),
            masks=tuple(masks),
            targets=data.y[rows],
            sample_weight=None if data.sample_weight is None else data.sample_weight[rows],
            sample_losses=sample_losses,
            gradient=gradient,
            gradient_norm=norm,
            loss=total,
            penalty=penalty,
            step=self.step + 1,
            rows=rows,
            order=data.order,
            mean_weight=data.mean_weight,
            dropout=self._dropout,
        )
