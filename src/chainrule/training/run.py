"""Run: the record of a fit, and how it goes on."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.engine.trace import Trace
from chainrule.theory.checks import require
from chainrule.theory.optimizers import Optimizer, optimizer_from_dict
from chainrule.training.continuation import LONGEST_CALL, Continuation
from chainrule.training.inputs import (
    Validation,
    samples,
    thread_choice,
    validation_samples,
    whole_number,
)
from chainrule.training.memory import LossRecord, Memory
from chainrule.training.options import FitOptions, restored_options
from chainrule.training.restoring import array_like, array_of, field
from chainrule.training.stopping import Callback, EarlyStopping

if TYPE_CHECKING:
    from chainrule.training.network import Network

Array = NDArray[Any]


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
    threads : int
        Threads that the last call's steps were taken by: as asked for, or as many as proved
        fastest; 0 before the first.
    stopped : str
        Why the last call ended: "epochs", "early_stopping", "callback" or "diverged".
    validation_losses : list of float
        Loss on the validation set after each epoch, without penalty.
    """

    def __init__(self, network: "Network", optimizer: Optimizer, options: FitOptions) -> None:
        require(
            isinstance(optimizer, Optimizer),
            f"optimizer must be one of chainrule's, as cr.Adam(), got {optimizer!r}",
        )
        theta = network.parameters.theta
        optimizer.require_dtype(network.spec.dtype)
        self.network = network
        self.optimizer = optimizer
        self.options = options
        self.state = [optimizer.initial_slot(slot, theta) for slot in optimizer.slots]
        self.step = 0
        self.epochs = 0
        self.threads = 0
        self.stopped = ""
        self.validation_losses: list[float] = []
        self.memory = Memory(LossRecord(options.n_samples, options.batch_size))

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
        return self.memory.losses.all

    @property
    def epoch_losses(self) -> NDArray[np.float64]:
        """Mean of L over each epoch's steps, weighted by their batches; shape (epoch,)."""
        return self.memory.losses.epoch_means(self.epoch)

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
        if self.memory.trainer is None:
            raise ValueError("run.trace() is for callbacks: this run is not going on")
        result: Trace = self.memory.trainer.trace()
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
        spec = self.network.spec
        data = samples(spec, X, y, sample_weight)
        held_out = validation_samples(spec, validation)
        use = thread_choice(threads)
        going = Continuation(self, data, held_out, epochs, callbacks, use)
        try:
            going.begin(use)
            while not going.is_over:
                rates, losses = going.request(LONGEST_CALL)
                going.record(len(going.trainer.advance(rates, losses)))
                going.pause()
            going.finish()
        finally:
            going.close()
        if going.failure is not None:
            raise going.failure
        return self

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
        optional = {"best": self.memory.best, "last": self.memory.last}
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
        run = cls(network, optimizer, restored_options(field(description, "options")))
        run.step = whole_number("step", field(description, "step"), 0)
        run.epochs = whole_number("epochs", field(description, "epochs"), 0)
        run.stopped = str(field(description, "stopped"))
        theta = network.parameters.theta
        run.state = [array_like(theta, arrays, f"state.{slot}") for slot in optimizer.slots]
        run.memory.best = array_like(theta, arrays, "best") if "best" in arrays else None
        run.memory.last = array_like(theta, arrays, "last") if "last" in arrays else None
        float64 = np.dtype(np.float64)
        run.memory.losses.append(array_of(float64, (run.step,), arrays, "losses"))
        count = np.size(arrays.get("validation_losses", ()))
        require(
            count in (0, run.epoch - 1, run.epoch),  # one less: interrupted in a validation
            f"array 'validation_losses' must have one entry an epoch ({run.epoch}), got {count}",
        )
        validation = array_of(float64, (count,), arrays, "validation_losses")
        run.validation_losses = validation.tolist()
        return run
