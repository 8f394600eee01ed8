"""The compiled engine. Use it through chainrule.engine.compiled."""

from collections.abc import Sequence
from typing import Annotated, overload

import numpy
from numpy.typing import NDArray


class Spec:
    """A network, as the engine reads it."""

    def __init__(self, sizes: Sequence[int], activations: Sequence[str], loss: str, loss_constants: Sequence[float], fused: bool, sum: bool, l2: float, l1: float, dropout: float, bfloat16: bool = False) -> None: ...

class Update:
    """An optimizer, as the engine reads it."""

    def __init__(self, name: str, constants: Sequence[float], clip_norm: float, max_norm: float, weight_decay: float, averaging: float) -> None: ...

class Threads:
    """How many threads, 0 for every core; and whether all of them."""

    def __init__(self, most: int, use: str) -> None: ...

    @property
    def most(self) -> int: ...

class Trainer:
    """Steps of training on borrowed arrays."""

    def advance(self, rates: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], losses: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')]) -> int:
        """
        Take one step a rate; write the loss before each; return how many were written.
        """

    @property
    def step(self) -> int:
        """Steps taken."""

    @property
    def rows(self) -> int:
        """Samples of the next step."""

    @property
    def threads(self) -> int:
        """As many as asked for, or the fastest so far."""

class KeyframesFloat32:
    """Where a trainer keeps keyframes of its run."""

    def __init__(self, steps: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu')], stride: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu')], vectors: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu')]) -> None: ...

class RowsFloat32:
    """X of a trainer: dense, or what isn't 0 of each row."""

    @overload
    def __init__(self, X: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)]) -> None: ...

    @overload
    def __init__(self, values: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], columns: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], starts: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> None: ...

class TrainerFloat32(Trainer):
    """A trainer of one dtype."""

    def __init__(self, spec: Spec, theta: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')], state: Sequence[Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')]], X: RowsFloat32, y: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], sample_weight: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, batch_size: int, shuffle: bool, seed: int, steps_before: int, update: Update, step: int, threads: Threads, keyframes: KeyframesFloat32 | None = None) -> None: ...

    def gradient(self, gradient: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')], batches: int) -> float:
        """
        Fill the sum of the next batches' gradients; return that of their losses.
        """

    def step_along(self, gradient: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], rate: float) -> float:
        """
        Take a step along a gradient without the penalty's part; return the penalty.
        """

    def trace(self, pre_activations: Sequence[Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')]], activations: Sequence[Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')]], deltas: Sequence[Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')]], masks: Sequence[Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')]], sample_losses: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')], gradient: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')], rows: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu')]) -> tuple[float, float, float]:
        """
        Fill the arrays from the next step; return (loss, penalty, norm of the gradient).
        """

@overload
def forward(spec: Spec, theta: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], X: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], outputs: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')], threads: Threads) -> None: ...

@overload
def forward(spec: Spec, theta: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], X: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], outputs: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')], threads: Threads) -> None:
    """Write the outputs of the network for each row of X."""

@overload
def total_loss(spec: Spec, theta: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], X: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], y: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], sample_weight: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, threads: Threads) -> float: ...

@overload
def total_loss(spec: Spec, theta: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], X: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], y: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], sample_weight: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, threads: Threads) -> float:
    """Return L over the samples, penalty included."""

class KeyframesFloat64:
    """Where a trainer keeps keyframes of its run."""

    def __init__(self, steps: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu')], stride: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu')], vectors: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu')]) -> None: ...

class RowsFloat64:
    """X of a trainer: dense, or what isn't 0 of each row."""

    @overload
    def __init__(self, X: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)]) -> None: ...

    @overload
    def __init__(self, values: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], columns: Annotated[NDArray[numpy.int32], dict(shape=(None,), order='C', device='cpu', writable=False)], starts: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> None: ...

class TrainerFloat64(Trainer):
    """A trainer of one dtype."""

    def __init__(self, spec: Spec, theta: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], state: Sequence[Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')]], X: RowsFloat64, y: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], sample_weight: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, batch_size: int, shuffle: bool, seed: int, steps_before: int, update: Update, step: int, threads: Threads, keyframes: KeyframesFloat64 | None = None) -> None: ...

    def gradient(self, gradient: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], batches: int) -> float:
        """
        Fill the sum of the next batches' gradients; return that of their losses.
        """

    def step_along(self, gradient: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], rate: float) -> float:
        """
        Take a step along a gradient without the penalty's part; return the penalty.
        """

    def trace(self, pre_activations: Sequence[Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')]], activations: Sequence[Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')]], deltas: Sequence[Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')]], masks: Sequence[Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')]], sample_losses: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], gradient: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], rows: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu')]) -> tuple[float, float, float]:
        """
        Fill the arrays from the next step; return (loss, penalty, norm of the gradient).
        """

def outputs(spec: Spec, theta: object, X: object, threads: Threads) -> NDArray[numpy.float32] | NDArray[numpy.float64] | None:
    """
    Return the outputs for each row of X, or None unless both arrays are as the engine reads them.
    """

class Encoding:
    """What columns become, `width` inputs in all."""

    def __init__(self, width: int) -> None: ...

    def add(self, median: float, center: float, scale: float, knots: Sequence[float], height: float, flagged: bool, place: int) -> None:
        """Add a column of numbers, whose inputs begin at a place."""

    def add_categories(self, count: int, place: int) -> None:
        """
        Add a column of categories, whose values are their numbers, negative for none.
        """

    @overload
    def encode(self, values: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], inputs: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')]) -> bool:
        """
        Write the inputs of each row of values, NaN where missing; tell whether none is infinite.
        """

    @overload
    def encode(self, values: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], inputs: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')]) -> bool: ...

class MembersFloat32:
    """Networks of one shape, whose inputs an encoding makes."""

    def __init__(self, spec: Spec, thetas: Sequence[Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)]], encoding: Encoding) -> None: ...

    def mean(self, X: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], outputs: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')]) -> None:
        """Write the mean of their outputs for each row."""

    def mean_of_numbers(self, values: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], outputs: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')]) -> bool:
        """
        Write the mean for rows of the encoding's values, other inputs 0, and tell whether none of them is infinite; else nothing is written.
        """

class MembersFloat64:
    """Networks of one shape, whose inputs an encoding makes."""

    def __init__(self, spec: Spec, thetas: Sequence[Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)]], encoding: Encoding) -> None: ...

    def mean(self, X: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], outputs: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')]) -> None:
        """Write the mean of their outputs for each row."""

    def mean_of_numbers(self, values: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], outputs: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')]) -> bool:
        """
        Write the mean for rows of the encoding's values, other inputs 0, and tell whether none of them is infinite; else nothing is written.
        """

def advance_many(trainers: Sequence[Trainer], rates: Sequence[Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)]], losses: Sequence[Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')]], threads: int) -> list[int]:
    """
    Advance every trainer by its rates, as its advance does, many at a time.
    """

def level() -> str:
    """Name of the instruction-set level in use."""

def bfloat16_unit() -> str | None:
    """Name of the unit in use for products in bfloat16, or None."""

def supported_levels() -> list[str]:
    """Names of the levels that this processor can run."""
