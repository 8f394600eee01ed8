"""Continuation: how a run goes on, whoever has its steps taken."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.batches import Batches
from chainrule.engine.compiled import Threads
from chainrule.engine.parameters import Parameters
from chainrule.theory.checks import require
from chainrule.training.inputs import Samples, whole_number
from chainrule.training.stopping import Callback, Watch

if TYPE_CHECKING:
    from chainrule.training.run import Run

Rates = NDArray[np.float64]

# Steps of one native call at most: what a call may need in memory, however many epochs it has.
LONGEST_CALL = 1 << 20


class Continuation:
    """A run that goes on: which steps it wants next, and what became of them.

    Made, it has checked its arguments and changed nothing. Whoever has the steps taken calls
    ``begin``; then ``request``, ``record`` and ``pause`` until ``is_over``; then ``finish``; and
    ``close`` in any case.

    Attributes
    ----------
    run : Run
    trainer : the engine's Trainer
        From ``begin`` on.
    pauses : bool
        Whether Python is needed on the way.
    failure : FloatingPointError or None
        Why the run diverged, if it did.
    """

    def __init__(
        self,
        run: "Run",
        data: Samples,
        held_out: Samples | None,
        epochs: int,
        callbacks: Sequence[Callable[["Run"], Any] | Callback],
        threads: Threads,
    ) -> None:
        n, options = len(data[0]), run.options
        require(
            n == options.n_samples,
            f"resume needs the data of the fit, {options.n_samples} samples, got {n}",
        )
        require(
            options.is_validated == (held_out is not None),
            "resume needs validation if the fit had it, and takes none if it hadn't",
        )
        self.run = run
        self.trainer: Any = None
        self.failure: FloatingPointError | None = None
        self._data, self._held_out, self._threads = data, held_out, threads
        self._epochs = whole_number("epochs", epochs, 0)
        self._callbacks = [c if isinstance(c, Callback) else Callback(c) for c in callbacks]
        spe, stopping = run.steps_per_epoch, options.early_stopping
        self._strides = {spe if c.every == "epoch" else c.every for c in self._callbacks}
        if held_out is not None or stopping is not None:
            self._strides.add(spe)
        self.pauses = bool(self._strides)
        self._unpenalised = None if held_out is None else _unpenalised(run.network.parameters)
        self._watch = None if stopping is None else Watch(stopping, run.watched_losses)

    def begin(self, threads: Threads) -> None:
        """Set the run going, each step on so many threads."""
        run, options = self.run, self.run.options
        run.epochs = run.epoch + self._epochs
        run.stopped = ""
        if run.memory.last is not None:
            run.network.parameters.theta[:] = run.memory.last
            run.memory.last = None
        batches = Batches(*self._data, options.batch_size, options.shuffle, options.seed)
        run.memory.trainer = self.trainer = run.network.engine.Trainer(
            run.network.parameters, run.optimizer, run.state, batches, run.step, threads
        )
        self._final = run.epochs * run.steps_per_epoch
        if self._final:
            run.optimizer = run.optimizer.over(self._final)
        if self._held_out is not None and len(run.validation_losses) < run.epoch:
            self._validate(self._held_out)  # Ctrl-C came during the validation

    @property
    def is_over(self) -> bool:
        """Whether no step is wanted any more."""
        return self.run.step >= self._final or bool(self.run.stopped)

    def request(self, longest: int, by_epoch: bool = False) -> tuple[Rates, Rates]:
        """Return the rates of the next steps, and where their losses go.

        They are those up to the next pause, or the end of the epoch; at most so many.
        """
        step = self.run.step
        strides = self._strides | ({self.run.steps_per_epoch} if by_epoch else set())
        pauses = ((step // stride + 1) * stride for stride in strides)
        until = min(self._final, step + longest, *pauses)
        rates = self.run.optimizer.rates(np.arange(step + 1, until + 1))
        self._losses = np.empty(len(rates))
        return rates, self._losses

    def record(self, written: int) -> None:
        """Take the steps that the trainer took into the record; ``written``: its losses."""
        first = self.run.step
        self._settle()
        taken = self.run.step - first
        if written > taken:
            self._fail(f"the loss became {self._losses[taken]}", self.run.step + 1)

    def _settle(self) -> None:
        run = self.run
        taken = self.trainer.step - run.step if self.trainer else 0
        if not taken:
            return
        run.memory.losses.append(self._losses[:taken].copy())
        run.step = self.trainer.step
        run.threads = self.trainer.threads
        if self._watch is not None and self._held_out is None and not self._mid_epoch:
            self._judge(self._watch, run.memory.losses.last_epoch_mean())

    @property
    def _mid_epoch(self) -> bool:
        return self.run.step % self.run.steps_per_epoch != 0

    def pause(self) -> None:
        """Do what Python is needed for after the step just taken: validation, callbacks."""
        run = self.run
        if self.failure is not None:
            return
        if self._held_out is not None and not self._mid_epoch:
            self._validate(self._held_out)
        for callback in self._callbacks:
            if callback.is_due(run.step, run.steps_per_epoch):
                callback.function(run)

    def _validate(self, held_out: Samples) -> None:
        loss = self.run.network.engine.loss(self._unpenalised, *held_out, self._threads)
        self.run.validation_losses.append(loss)
        if self._watch is not None:
            self._judge(self._watch, loss)

    def _judge(self, watch: Watch, loss: float) -> None:
        if watch.improves(loss):
            self.run.memory.best = self.run.network.parameters.theta.copy()
        if watch.is_over:
            self.run.stopped = "early_stopping"

    def finish(self) -> None:
        """Say why the run is over; with early stopping, restore the best parameters."""
        run, theta = self.run, self.run.network.parameters.theta
        if self.failure is None and run.step and not np.isfinite(theta).all():
            self._fail("the parameters became infinite", run.step)  # no loss comes after the last
        if self.failure is not None:
            return
        run.stopped = run.stopped or "epochs"
        if self._watch is not None and run.memory.best is not None:
            run.memory.last = theta.copy()
            theta[:] = run.memory.best

    def _fail(self, what: str, step: int) -> None:
        epoch = (step - 1) // self.run.steps_per_epoch + 1
        (rate,) = self.run.optimizer.rates(np.array([step]))
        self.run.stopped = "diverged"
        self.failure = FloatingPointError(
            f"{what} at step {step} (epoch {epoch}): lower the learning rate ({rate:.6g}), "
            "set clip_norm, or scale the inputs and targets"
        )

    def close(self) -> None:
        """Let go of the trainer; after Ctrl-C, too, the record ends where the network is."""
        self._settle()
        self.run.memory.trainer = None


def _unpenalised(parameters: Parameters) -> Parameters:
    """Return the same parameters, whose loss is the mean of the ℓᵢ and nothing else."""
    return Parameters(replace(parameters.spec, l2=0.0, l1=0.0, reduction="mean"), parameters.theta)
