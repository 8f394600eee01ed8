"""Continuation: how a run goes on, whoever has its steps taken."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import numpy as np

from chainrule.engine.compiled import Threads
from chainrule.engine.parameters import Parameters
from chainrule.engine.spec import NetworkSpec
from chainrule.theory.checks import require, warn
from chainrule.theory.optimizer import Optimizer
from chainrule.theory.own_loss import require_derivative
from chainrule.theory.schedules import Schedule
from chainrule.training.fingerprints import FitData
from chainrule.training.history import Array, Checkpoint, Series, same_bits
from chainrule.training.inputs import whole_number
from chainrule.training.record import Judged, Record
from chainrule.training.stopping import Callback, EarlyStopping

Scoring = Callable[[Any], float]  # of a run: how good it is, higher is better

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
    scoring : callable, optional
        Of the run; its result is the score of an epoch, higher is better.

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
        self,
        record: Record,
        data: FitData,
        epochs: int,
        callbacks: Sequence[Callback],
        run: object,
        scoring: Scoring | None = None,
    ) -> None:
        self.record, self._data, self._run = record, data, run
        self._scoring = scoring
        self.trainer: Any = None
        self.failure: FloatingPointError | None = None
        self._callbacks = callbacks
        self._claim: Claim | None = None
        self._unedited: Array | None = None  # the parameters, while others may write into them
        require(
            record.options.is_validated == (data.held_out is not None),
            "resume needs validation if the fit had it, and takes none if it hadn't",
        )
        record.require_same_data(data, "resume")
        _require_scoring(record, scoring)
        if not isinstance(record.network.spec.loss, str) and record.step == 0:
            _require_own_derivative(record, data)
        spe = record.steps_per_epoch
        self._epochs = record.epoch + whole_number("epochs", epochs, 0)
        self._final = self._epochs * spe
        before, final = record.options.steps_before, self._final
        self._optimizer = record.optimizer.over(before + final) if final else record.optimizer
        _say_if_beyond_its_end(self._optimizer, before + record.step, before + final)
        self._strides = {callback.stride(spe) for callback in callbacks}
        options = record.options
        if options.is_validated or options.is_scored or options.keeps_best:
            self._strides.add(spe)
        self.pauses = bool(self._strides) or options.is_judged

    def begin(self, threads: Threads) -> None:
        """Set the run going, each step on so many threads."""
        record, theta = self.record, self.record.network.parameters.theta
        self._claim = Claim(record.network.parameters)
        record.settle()  # if an interruption kept the last call from it
        rest, judged = record.rest, record.judged
        if same_bits(record.at_rest, theta):
            theta[:] = rest.theta
        elif not same_bits(rest.theta, theta):  # edited since, which counts
            record.rest = rest = Checkpoint(rest.step, theta.copy(), rest.optimizer_state)
            if rest.step:
                record.edits.add(rest)
        if record.step == 0:
            record.start = rest
        if record.stopped == "early_stopping":
            record.judged = judged._replace(progress=judged.progress.anew())
        record.stopped = ""
        record.requested_epochs, record.optimizer = self._epochs, self._optimizer
        record.data, record.fingerprints = self._data, self._data.fingerprints
        level = self.engine.computes_on(record.network.spec)
        record.levels = (*(known for known in record.levels if known != level), level)
        self._threads = threads
        options = record.options
        self.trainer = self.engine.Trainer(
            record.network.parameters,
            record.optimizer,
            [vector.copy() for vector in rest.optimizer_state],
            options.batches(self._data.samples),
            rest.step,
            threads,
            keyframes=record.keyframes,
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
        until = min(self._final, step + longest, self._end_of_patience(), *pauses)
        before = record.options.steps_before
        rates = record.optimizer.rates(np.arange(before + step + 1, before + until + 1))
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
        theta, step = self.record.network.parameters.theta, self.record.step
        spe = self.record.steps_per_epoch
        due = [callback for callback in self._callbacks if step % callback.stride(spe) == 0]
        self._unedited = theta.copy() if due or self._scoring else None
        try:
            self._judge()
            for callback in due:
                callback.function(self._run)
        finally:
            self._note_edit()

    def _note_edit(self) -> None:
        """Keep what others wrote into the parameters, if anybody did."""
        record, before = self.record, self._unedited
        if before is not None and not same_bits(before, record.network.parameters.theta):
            record.edits.add(record.last)
        self._unedited = None

    def _end_of_patience(self) -> int:
        """Return the first step at which early stopping could end the run."""
        stopping, progress = self.record.options.early_stopping, self.record.judged.progress
        if stopping is None:
            return self._final
        return (progress.epoch + stopping.patience - progress.waited) * self.record.steps_per_epoch

    def _judge(self) -> None:
        """Take the loss or score of the epochs just done, where it is watched and not yet known."""
        record, stopping = self.record, self.record.options.early_stopping
        while record.options.is_judged and record.judged.progress.epoch < record.epoch:
            progress, best = record.judged
            self._look(progress.epoch)
            watched = record.watched(progress.epoch + 1)
            progress = (stopping or EarlyStopping()).after(progress, *watched)
            if record.options.keeps_best and progress.best_epoch == progress.epoch:
                best = record.last
            record.judged = Judged(progress, best)
            if stopping and stopping.is_over(progress):
                record.stopped = "early_stopping"

    def _look(self, epochs: int) -> None:
        """Take the loss on held-out samples and the score of the epoch after so many."""
        record, held_out = self.record, self._data.held_out
        if held_out is None and self._scoring is None:
            return
        theta = record.network.parameters.theta
        used = record.averaged(record.last) if record.optimizer.averaging else theta
        if held_out is not None:
            loss = self.engine.loss(
                _unpenalised(record.network.spec, used), *held_out, self._threads
            )
            record.history.validation.room(epochs, 1)[:] = loss
        if self._scoring is not None:
            with _lent(theta, used):
                record.history.scores.room(epochs, 1)[:] = self._scoring(self._run)

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
            self._note_edit()  # if an interruption kept the last pause from it
            record.settle()
            record.stopped = record.stopped or "interrupted"
            record.network.parameters.theta[:] = record.at_rest
        finally:
            self.trainer = None  # whoever keeps an error keeps this, too
            self._claim.release()


def _require_scoring(record: Record, scoring: Scoring | None) -> None:
    require(scoring is None or callable(scoring), f"scoring must be callable, got {scoring!r}")
    require(
        record.options.is_scored == (scoring is not None),
        "resume needs scoring if the fit had it, and takes none if it hadn't",
    )


def _require_own_derivative(record: Record, data: FitData) -> None:
    """Compare a loss of the user's own with its derivative, on the samples of a batch."""
    network, size = record.network, record.options.batch_size
    outputs = network.engine.forward(network.parameters, data.samples.X[:size])
    require_derivative(network.spec.loss_row, outputs, data.samples.y[:size])


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


def _unpenalised(spec: NetworkSpec, theta: Array) -> Parameters:
    """Return the same parameters, whose loss is the mean of the ℓᵢ and nothing else."""
    return Parameters(replace(spec, l2=0.0, l1=0.0, reduction="mean"), theta)


@contextmanager
def _lent(theta: Array, used: Array) -> Iterator[None]:
    """Let θ be the parameters in use, where those are others."""
    if used is theta:
        yield
        return
    kept = theta.copy()
    try:
        theta[:] = used
        yield
    finally:
        theta[:] = kept
