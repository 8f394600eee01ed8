"""Run: the record of a fit, and the loop that takes its steps."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.engine.batches import Batches
from chainrule.engine.parameters import Parameters
from chainrule.engine.trace import Trace
from chainrule.theory.checks import fields_from, is_whole, require
from chainrule.theory.optimizers import Optimizer, optimizer_from_dict
from chainrule.training.inputs import (
    Validation,
    samples,
    thread_count,
    validation_samples,
    whole_number,
)
from chainrule.training.restoring import array_like, array_of, field
from chainrule.training.stopping import Callback, EarlyStopping, Watch

if TYPE_CHECKING:
    from chainrule.training.network import Network

Array = NDArray[Any]

# Steps of one native call at most: what a call may need in memory, however many epochs it has.
_LONGEST_CALL = 1 << 20


@dataclass(frozen=True)
class FitOptions:
    """What a fit keeps for its whole life, however it is cut into calls."""

    n_samples: int
    batch_size: int
    shuffle: bool
    seed: int
    is_validated: bool
    early_stopping: EarlyStopping | None

    def __post_init__(self) -> None:
        whole_number("n_samples", self.n_samples, 1)
        size, n = self.batch_size, self.n_samples
        require(
            is_whole(size) and 1 <= size <= n,
            f"batch_size must be between 1 and n_samples ({n}), got {size!r}; use 'auto'",
        )
        object.__setattr__(self, "batch_size", int(size))
        object.__setattr__(self, "seed", whole_number("seed", self.seed, 0, 2**64 - 1))
        for name in ("shuffle", "is_validated"):
            value = getattr(self, name)
            require(isinstance(value, bool), f"{name} must be True or False, got {value!r}")
        require(
            self.early_stopping is None or isinstance(self.early_stopping, EarlyStopping),
            f"early_stopping must be a cr.EarlyStopping or None, got {self.early_stopping!r}",
        )


class Run:
    """The record of a fit: what was asked, every loss, and what it takes to go on exactly.

    A run is made by ``Network.fit``. Continued by ``resume``, at once or from a
    file in another process, it takes the very steps that one longer fit would have.

    Attributes
    ----------
    network : Network
    optimizer : Optimizer
    options : FitOptions
    step, epoch : int
        Steps taken, whole epochs done.
    epochs : int
        Epochs asked for: those done before the last call, and those that it was to add.
    stopped : str
        Why the last call ended: "epochs", "early_stopping" or "callback".
    validation_losses : list of float
        Loss on the validation set after each epoch, without penalty.
    """

    def __init__(self, network: "Network", optimizer: Optimizer, options: FitOptions) -> None:
        require(
            isinstance(optimizer, Optimizer),
            f"optimizer must be one of chainrule's, as cr.Adam(), got {optimizer!r}",
        )
        theta = network.parameters.theta
        self.network = network
        self.optimizer = optimizer
        self.options = options
        self.state = [optimizer.initial_slot(slot, theta) for slot in optimizer.slots]
        self.step = 0
        self.epochs = 0
        self.stopped = ""
        self.validation_losses: list[float] = []
        self._losses: list[NDArray[np.float64]] = []
        self._best: Array | None = None  # parameters of the best epoch
        self._last: Array | None = (
            None  # parameters after the last step, once the best are restored
        )
        self._trainer: Any = None

    # -- what happened ------------------------------------------------------------------

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in one pass over the data."""
        return -(-self.options.n_samples // self.options.batch_size)

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return self.step // self.steps_per_epoch

    @property
    def losses(self) -> NDArray[np.float64]:
        """L of each step, before its update; shape (step,)."""
        self._losses = [np.concatenate(self._losses)] if self._losses else [np.empty(0)]
        record = self._losses[0].view()
        record.flags.writeable = False
        return record

    @property
    def epoch_losses(self) -> NDArray[np.float64]:
        """Mean of L over each epoch's steps, weighted by their batches; shape (epoch,)."""
        return self._epoch_means(self.losses[: self.epoch * self.steps_per_epoch])

    def _epoch_means(self, losses: NDArray[np.float64]) -> NDArray[np.float64]:
        sizes = np.full(self.steps_per_epoch, float(self.options.batch_size))
        sizes[-1] = self.options.n_samples - sizes[:-1].sum()
        return np.average(losses.reshape(-1, self.steps_per_epoch), axis=1, weights=sizes)

    def _last_losses(self, count: int) -> NDArray[np.float64]:
        """Return the losses of the last steps, without those before."""
        chunks: list[NDArray[np.float64]] = []
        for chunk in reversed(self._losses):
            chunks.insert(0, chunk[-count:])
            count -= len(chunk)
            if count <= 0:
                break
        return np.concatenate(chunks)

    @property
    def watched_losses(self) -> Sequence[float]:
        """The losses that early stopping looks at, one an epoch."""
        if self.options.is_validated:
            return self.validation_losses
        return self.epoch_losses.tolist()

    @property
    def best_epoch(self) -> int:
        """The last epoch (from 1) that improved on those before it; 0 before the first."""
        stopping = self.options.early_stopping or EarlyStopping()
        return stopping.best_epoch(self.watched_losses) if self.epoch else 0

    def trace(self) -> Trace:
        """Return every quantity of the next step; for callbacks, while the run goes on."""
        if self._trainer is None:
            raise ValueError("run.trace() is for callbacks: this run is not going on")
        result: Trace = self._trainer.trace()
        return result

    def stop(self) -> None:
        """End the run after the step just taken; for callbacks."""
        self.stopped = "callback"

    def __repr__(self) -> str:
        losses = self.losses
        last = f", last loss {losses[-1]:.3g}" if len(losses) else ""
        return f"<Run: {self.epoch} epochs, {self.step} steps{last}, stopped by {self.stopped!r}>"

    # -- going on -----------------------------------------------------------------------

    def resume(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        epochs: int,
        sample_weight: ArrayLike | None = None,
        validation: Validation | None = None,
        callbacks: Sequence[Callable[["Run"], Any] | Callback] = (),
        threads: int | None = None,
    ) -> "Run":
        """Train for more epochs, exactly as if they had been asked for at once.

        Parameters
        ----------
        X, y, sample_weight
            The data of the fit, in the same order.
        epochs : int
            How many more than the ``epoch`` whole ones that are done.
        validation, callbacks, threads
            As for ``Network.fit``.

        Returns
        -------
        Run
            This run, extended.

        Raises
        ------
        ValueError
            If the data cannot be those of the fit, or an option is out of range.
        FloatingPointError
            If the loss is no longer finite; the network keeps its last parameters.
        """
        spec, options = self.network.spec, self.options
        X, y, weight = samples(spec, X, y, sample_weight)
        require(
            len(X) == options.n_samples,
            f"resume needs the data of the fit, {options.n_samples} samples, got {len(X)}",
        )
        held_out = validation_samples(spec, validation)
        require(
            options.is_validated == (held_out is not None),
            "resume needs validation if the fit had it, and takes none if it hadn't",
        )
        calls = [c if isinstance(c, Callback) else Callback(c) for c in callbacks]
        threads = thread_count(threads)
        self.epochs = self.epoch + whole_number("epochs", epochs, 0)
        self.stopped = ""
        if self._last is not None:
            self.network.parameters.theta[:] = self._last
            self._last = None
        batches = Batches(X, y, weight, options.batch_size, options.shuffle, options.seed)
        self._trainer = self.network.engine.Trainer(
            self.network.parameters,
            self.optimizer,
            self.state,
            batches,
            self.step,
            threads,
        )
        try:
            self._loop(held_out, calls, threads)
        finally:
            self._trainer = None
        return self

    def _loop(
        self,
        held_out: tuple[Array, Array, Array | None] | None,
        callbacks: list[Callback],
        threads: int,
    ) -> None:
        final = self.epochs * self.steps_per_epoch
        stopping = self.options.early_stopping
        watch = None if stopping is None else Watch(stopping, self.watched_losses)
        pauses = held_out is not None or watch is not None
        if held_out is not None and len(self.validation_losses) < self.epoch:
            self._end_epoch(held_out, watch, threads)  # Ctrl-C came during the validation
        while self.step < final and not self.stopped:
            self._advance(self._next_pause(final, callbacks, pauses))
            if self.step % self.steps_per_epoch == 0:
                self._end_epoch(held_out, watch, threads)
            for callback in callbacks:
                if callback.is_due(self.step, self.steps_per_epoch):
                    callback.function(self)
        theta = self.network.parameters.theta
        if self.step and not np.isfinite(theta).all():  # no loss comes after the last step
            raise self._diverged("the parameters became infinite", self.step)
        self.stopped = self.stopped or "epochs"
        if stopping is not None and self._best is not None:
            self._last = theta.copy()
            theta[:] = self._best

    def _next_pause(self, final: int, callbacks: list[Callback], pauses: bool) -> int:
        """Return the step up to which nothing needs Python."""
        strides = {self.steps_per_epoch} if pauses else set()
        strides |= {self.steps_per_epoch if c.every == "epoch" else c.every for c in callbacks}
        longest = self.step + _LONGEST_CALL
        return min([final, longest, *((self.step // stride + 1) * stride for stride in strides)])

    def _advance(self, until: int) -> None:
        rates = self.optimizer.rates(np.arange(self.step + 1, until + 1))
        losses, first, written = np.empty(len(rates)), self.step, 0
        try:
            written = len(self._trainer.advance(rates, losses))
        finally:  # on Ctrl-C, too, the record ends where the network is
            self.step = self._trainer.step
            taken = self.step - first
            self._losses.append(losses[:taken].copy())
        if written > taken:
            raise self._diverged(f"the loss became {losses[taken]}", self.step + 1)

    def _diverged(self, what: str, step: int) -> FloatingPointError:
        epoch = (step - 1) // self.steps_per_epoch + 1
        (rate,) = self.optimizer.rates(np.array([step]))
        return FloatingPointError(
            f"{what} at step {step} (epoch {epoch}): lower the learning rate ({rate:.6g}), "
            "set clip_norm, or scale the inputs and targets"
        )

    def _end_epoch(
        self, held_out: tuple[Array, Array, Array | None] | None, watch: Watch | None, threads: int
    ) -> None:
        network = self.network
        if held_out is not None:
            plain = replace(network.spec, l2=0.0, l1=0.0, reduction="mean")
            parameters = Parameters(plain, network.parameters.theta)
            self.validation_losses.append(network.engine.loss(parameters, *held_out, threads))
        if watch is None:
            return
        last = (
            self._epoch_means(self._last_losses(self.steps_per_epoch))
            if held_out is None
            else self.validation_losses
        )
        if watch.improves(float(last[-1])):
            self._best = network.parameters.theta.copy()
        if watch.is_over:
            self.stopped = "early_stopping"

    # -- files --------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """Return everything but the arrays, ready for JSON."""
        return {
            "network": self.network.describe(),
            "optimizer": self.optimizer.to_dict(),
            "options": asdict(self.options),
            "step": self.step,
            "epochs": self.epochs,
            "stopped": self.stopped,
        }

    def arrays(self) -> dict[str, Array]:
        """Return the arrays: the network's, the optimizer's state, the losses."""
        optional = {"best": self._best, "last": self._last}
        return {
            **self.network.arrays(),
            **{
                f"state.{slot}": v for slot, v in zip(self.optimizer.slots, self.state, strict=True)
            },
            "losses": self.losses,
            "validation_losses": np.array(self.validation_losses, dtype=np.float64),
            **{name: theta for name, theta in optional.items() if theta is not None},
        }

    @classmethod
    def restore(
        cls, network: "Network", description: dict[str, Any], arrays: dict[str, Array]
    ) -> "Run":
        """Return the run that ``describe`` and ``arrays`` describe, around its network.

        Raises
        ------
        ValueError
            If a field is missing, unknown or out of range, or an array has the wrong
            shape or dtype.
        """
        optimizer = optimizer_from_dict(field(description, "optimizer"))
        run = cls(network, optimizer, _restored_options(field(description, "options")))
        run.step = whole_number("step", field(description, "step"), 0)
        run.epochs = whole_number("epochs", field(description, "epochs"), 0)
        run.stopped = str(field(description, "stopped"))
        theta = network.parameters.theta
        run.state = [array_like(theta, arrays, f"state.{slot}") for slot in optimizer.slots]
        run._best = array_like(theta, arrays, "best") if "best" in arrays else None
        run._last = array_like(theta, arrays, "last") if "last" in arrays else None
        float64 = np.dtype(np.float64)
        run._losses = [array_of(float64, (run.step,), arrays, "losses")]
        count = np.size(arrays.get("validation_losses", ()))
        require(
            count in (0, run.epoch - 1, run.epoch),  # one less: interrupted in a validation
            f"array 'validation_losses' must have one entry an epoch ({run.epoch}), got {count}",
        )
        validation = array_of(float64, (count,), arrays, "validation_losses")
        run.validation_losses = validation.tolist()
        return run


def _restored_options(description: dict[str, Any]) -> FitOptions:
    names = [f.name for f in fields(FitOptions)]
    values = fields_from("options", description, names)
    values = {name: field(values, name) for name in names}
    if stopping := values["early_stopping"]:
        known = [f.name for f in fields(EarlyStopping)]
        values["early_stopping"] = EarlyStopping(**fields_from("early_stopping", stopping, known))
    return FitOptions(**values)
