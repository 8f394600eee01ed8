"""Continuation: how a run goes on, whoever has its steps taken."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import numpy as np

from chainrule.engine.batches import Batches
from chainrule.engine.compiled import Threads
from chainrule.engine.parameters import Parameters
from chainrule.theory.checks import require, warn
from chainrule.theory.optimizers import Optimizer
from chainrule.theory.schedules import Schedule
from chainrule.training.fingerprints import FitData
from chainrule.training.history import Checkpoint, Series
from chainrule.training.inputs import whole_number
from chainrule.training.record import Judged, Record
from chainrule.training.stopping import Callback, EarlyStopping

# Steps of one native call at most: what a call may need in memory, however many epochs it has.
LONGEST_CALL = 1 << 20


class Claim:
    """While it is held, these parameters are trained by nobody else; to be used in ``with``.

    Forgotten, by an interruption at the worst moment, it ends with itself.

    Raises
    ------
    ValueError
        If somebody else trains them.
    """

    _held: ClassVar[WeakValueDictionary[int, "Claim"]] = WeakValueDictionary()
    _lock = threading.Lock()

    def __init__(self, parameters: Parameters) -> None:
        self._place = parameters.theta.__array_interface__["data"][0]
        with self._lock:
            require(
                self._place not in self._held,
                "this network is being trained already: go on when that call has returned",
            )
            self._held[self._place] = self

    def release(self) -> None:
        """Let others train them."""
        with self._lock:
            if self._held.get(self._place) is self:
                del self._held[self._place]

    def __enter__(self) -> "Claim":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def divergence(what: str, step: int, epoch: int, rate: float) -> FloatingPointError:
    """Return the error of a step after which no number can be trusted."""
    return FloatingPointError(
        f"{what} at step {step} (epoch {epoch}): lower the learning rate ({rate:.6g}), "
        "set clip_norm, or scale the inputs and targets"
    )


class Continuation:
    """A run that goes on: which steps it wants next, and what became of them.

    Made, it has checked its arguments and changed nothing. Whoever has the steps taken calls
    ``begin``; then ``request``, ``take`` and ``pause`` until ``is_over``; then ``finish``; and
    ``close`` in any case.

    Parameters
    ----------
    record : Record
    data : FitData
    epochs : int
        How many more.
    callbacks : sequence of Callback
    run : object
        What callbacks are called with.

    Attributes
    ----------
    trainer : the engine's Trainer
        From ``begin`` on.
    pauses : bool
        Whether Python is needed on the way.
    failure : FloatingPointError or None
        Why the run diverged, if it did.
    """

    def __init__(
        self, record: Record, data: FitData, epochs: int, callbacks: Sequence[Callback], run: object
    ) -> None:
        self.record, self._data, self._run = record, data, run
        self.trainer: Any = None
        self.failure: FloatingPointError | None = None
        self._callbacks = callbacks
        self._claim: Claim | None = None
        _require_same_data(record, data)
        spe = record.steps_per_epoch
        self._epochs = record.epoch + whole_number("epochs", epochs, 0)
        self._final = self._epochs * spe
        self._optimizer = record.optimizer.over(self._final) if self._final else record.optimizer
        _say_if_beyond_its_end(self._optimizer, record.step, self._final)
        self._strides = {callback.stride(spe) for callback in callbacks}
        if data.held_out is not None or record.options.early_stopping is not None:
            self._strides.add(spe)
        self.pauses = bool(self._strides)
        if data.held_out is not None:
            self._unpenalised = _unpenalised(record.network.parameters)

    def begin(self, threads: Threads) -> None:
        """Set the run going, each step on so many threads."""
        record, theta = self.record, self.record.network.parameters.theta
        self._claim = Claim(record.network.parameters)
        record.settle()  # if an interruption kept the last call from it
        rest, judged = record.rest, record.judged
        if judged.best is not None and judged.best.holds(theta):
            theta[:] = rest.theta
        elif not rest.holds(theta):  # edited since, which counts
            record.rest = rest = Checkpoint(rest.step, theta.copy(), rest.optimizer_state)
        if record.step == 0:
            record.start = rest
        if record.stopped == "early_stopping":
            progress = judged.progress._replace(patience_from=judged.progress.epoch)
            record.judged = judged._replace(progress=progress)
        record.stopped = ""
        record.requested_epochs, record.optimizer = self._epochs, self._optimizer
        record.fingerprints = self._data.fingerprints
        self._threads = threads
        options = record.options
        self.trainer = self.engine.Trainer(
            record.network.parameters,
            record.optimizer,
            [vector.copy() for vector in rest.optimizer_state],
            Batches(*self._data.samples, options.batch_size, options.shuffle, options.seed),
            rest.step,
            threads,
        )
        record.trainer = self.trainer
        self._judge()  # what an interruption left undone
        if options.early_stopping and options.early_stopping.is_over(record.judged.progress):
            record.stopped = "early_stopping"

    @property
    def engine(self) -> ModuleType:
        """The engine that takes the steps."""
        return self.record.network.engine

    @property
    def is_over(self) -> bool:
        """Whether no step is wanted any more."""
        return self.record.step >= self._final or bool(self.record.stopped)

    def request(self, longest: int, by_epoch: bool = False) -> tuple[Series, Series]:
        """Return the rates of the next steps, and where their losses go.

        They are those up to the next pause, or the end of the epoch; at most so many.
        """
        record, step = self.record, self.record.step
        strides = self._strides | ({record.steps_per_epoch} if by_epoch else set())
        pauses = ((step // stride + 1) * stride for stride in strides)
        until = min(self._final, step + longest, *pauses)
        rates = record.optimizer.rates(np.arange(step + 1, until + 1))
        record.history.rates.room(step, len(rates))[:] = rates
        self._before, self._losses = step, record.history.losses.room(step, len(rates))
        return rates, self._losses

    def take(self, written: int) -> None:
        """Look at what the trainer wrote: a loss without a step is one that is not finite."""
        taken = self.record.step - self._before
        if written > taken:
            self._fail(f"the loss became {self._losses[taken]}", self.record.step + 1)

    def pause(self) -> None:
        """Do what Python is needed for after the step just taken: validation, callbacks."""
        if self.failure is not None:
            return
        self._judge()
        for callback in self._callbacks:
            if self.record.step % callback.stride(self.record.steps_per_epoch) == 0:
                callback.function(self._run)

    def _judge(self) -> None:
        """Take the loss of the epoch just done, if it is watched and not yet known."""
        record, stopping = self.record, self.record.options.early_stopping
        progress, best = record.judged
        if progress.epoch >= record.epoch or not (self._data.held_out or stopping):
            return
        if self._data.held_out is not None:
            loss = self.engine.loss(self._unpenalised, *self._data.held_out, self._threads)
            record.history.validation.room(progress.epoch, 1)[:] = loss
        else:
            loss = float(record.history.epoch_losses(record.epoch)[-1])
        progress = (stopping or EarlyStopping()).after(progress, loss)
        if stopping and progress.best_epoch == progress.epoch:
            best = record.last
        record.judged = Judged(progress, best)
        if stopping and stopping.is_over(progress):
            record.stopped = "early_stopping"

    def finish(self) -> None:
        """Say why the run is over."""
        record = self.record
        whole = self.failure is not None or np.isfinite(record.network.parameters.theta).all()
        if record.step and not whole:
            self._fail("the parameters became infinite", record.step)  # no loss tells of it
        record.stopped = record.stopped or "epochs"

    def _fail(self, what: str, step: int) -> None:
        epoch = (step - 1) // self.record.steps_per_epoch + 1
        self.record.stopped = "diverged"
        self.failure = divergence(what, step, epoch, self.record.history.rates.first(step)[-1])

    def close(self) -> None:
        """Come to rest, however the call ends; with early stopping, at the best parameters."""
        if self._claim is None:
            return
        record = self.record
        try:
            record.settle()
            record.stopped = record.stopped or "interrupted"
            if record.options.early_stopping and record.judged.best is not None:
                record.network.parameters.theta[:] = record.judged.best.theta
        finally:
            self.trainer = None  # whoever keeps an error keeps this, too
            self._claim.release()


def _require_same_data(record: Record, data: FitData) -> None:
    options, n = record.options, len(data.samples.X)
    require(
        n == options.n_samples,
        f"resume needs the data of the fit, {options.n_samples} samples, got {n}",
    )
    require(
        options.is_validated == (data.held_out is not None),
        "resume needs validation if the fit had it, and takes none if it hadn't",
    )
    for name, found in data.fingerprints.items():
        known = record.fingerprints.get(name, found)
        if found != known:
            given = "is given now" if not known else "is missing" if not found else "is another"
            raise ValueError(
                f"resume needs the data of the fit, in the same order: {name} {given}; "
                "to learn from other data, fit the network again"
            )


def _say_if_beyond_its_end(optimizer: Optimizer, step: int, final: int) -> None:
    rate = optimizer.learning_rate
    end = rate.end if isinstance(rate, Schedule) else None
    if end is not None and final > end and final > step:
        (lowest,) = optimizer.rates(np.array([final]))
        warn(
            f"the learning rate's schedule ends with step {end}, and this call goes on to step "
            f"{final}, at a rate of {lowest:.6g} from there: give it as many steps, or none, which "
            "is the whole fit",
            UserWarning,
        )


def _unpenalised(parameters: Parameters) -> Parameters:
    """Return the same parameters, whose loss is the mean of the ℓᵢ and nothing else."""
    return Parameters(replace(parameters.spec, l2=0.0, l1=0.0, reduction="mean"), parameters.theta)
