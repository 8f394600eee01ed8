"""Run: the record of a fit, and how it goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.engine.spec import NetworkSpec
from chainrule.engine.trace import Trace
from chainrule.theory.checks import field, plural, require
from chainrule.theory.habits import hinting
from chainrule.theory.named import optimizer_named
from chainrule.theory.optimizer import Optimizer
from chainrule.theory.optimizers import optimizer_from_dict
from chainrule.theory.schedules import Schedule
from chainrule.training.continuation import LONGEST_CALL, Continuation, Scoring
from chainrule.training.fingerprints import FitData, fit_data
from chainrule.training.history import Checkpoint, same_bits
from chainrule.training.inputs import Validation, thread_choice, whole_number
from chainrule.training.options import FitOptions, restored_options
from chainrule.training.perceptron import MultilayerPerceptron
from chainrule.training.progress import progress_bar
from chainrule.training.record import Record
from chainrule.training.stopping import Callback

Array = NDArray[Any]
Called: TypeAlias = Callable[["Run"], Any] | Callback
Callbacks: TypeAlias = Called | Sequence[Called]


def require_optimizer(optimizer: object, spec: NetworkSpec) -> None:
    """Raise ``ValueError`` unless it is an optimizer that can be used for such a network."""
    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"optimizer must be one of chainrule's, as cr.Adam(), got {optimizer!r}")
    optimizer.require_dtype(spec.dtype)


def chosen_optimizer(given: Optimizer | str) -> Optimizer:
    """Return an optimizer by its name, or as it is."""
    return optimizer_named(given) if isinstance(given, str) else given


def callback_list(callbacks: Callbacks) -> list[Callback]:
    """Return the callbacks, plain functions as those of each epoch; one may stand alone."""
    if callable(callbacks) or isinstance(callbacks, Callback):
        callbacks = [callbacks]
    return [c if isinstance(c, Callback) else Callback(c) for c in callbacks]


class Run:
    """The record of a fit: what was asked, every loss, and what it takes to go on exactly.

    A run is made by ``Network.fit``. Continued by ``resume``, at once or from a
    file in another process, it takes the very steps that one longer fit would have.

    Its attributes can be read at any time, in a callback too, and not set. A copy, or a pickled
    or saved run, holds the moment after the last step, with a network of its own.

    Attributes
    ----------
    record : Record
        What all the others are read from.
    """

    record: Record

    def __init__(
        self,
        network: MultilayerPerceptron,
        optimizer: Optimizer,
        options: FitOptions,
        state: Sequence[Array] | None = None,
    ) -> None:
        require_optimizer(optimizer, network.spec)
        self.__dict__["record"] = Record(network, optimizer, options, state)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(
            f"run.{name} can't be set: a run is a record; run.set_learning_rate changes the "
            "learning rate, and a new fit anything else"
        )

    # -- what was asked -----------------------------------------------------------------

    @property
    def network(self) -> MultilayerPerceptron:
        """The ``Network`` that is trained."""
        return self.record.network

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer; a schedule without ``steps`` has those of the first call."""
        return self.record.optimizer

    @property
    def options(self) -> FitOptions:
        """What the fit keeps for its whole life."""
        return self.record.options

    @property
    def requested_epochs(self) -> int:
        """Epochs asked for: those done before the last call, and those that it was to add."""
        return self.record.requested_epochs

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in one pass over the data."""
        return self.record.steps_per_epoch

    # -- what happened ------------------------------------------------------------------

    @property
    def step(self) -> int:
        """Steps taken."""
        return self.record.step

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return self.record.epoch

    @property
    def losses(self) -> NDArray[np.float64]:
        """L of each step, before its update; shape (step,)."""
        return self.record.history.losses.first(self.step)

    @property
    def rates(self) -> NDArray[np.float64]:
        """Learning rate η of each step; shape (step,)."""
        return self.record.history.rates.first(self.step)

    @property
    def epoch_losses(self) -> NDArray[np.float64]:
        """Mean of L over each epoch's steps, weighted by their batches; shape (epoch,)."""
        return self.record.history.epoch_losses(self.epoch)

    @property
    def validation_losses(self) -> NDArray[np.float64]:
        """Loss on the validation set after each epoch, without penalty; none without a set."""
        return self.record.validation_losses

    @property
    def validation_scores(self) -> NDArray[np.float64]:
        """What ``scoring`` returned after each epoch; none without it."""
        return self.record.validation_scores

    @property
    def best_epoch(self) -> int:
        """The last epoch (from 1) that improved on those before it; 0 before the first."""
        progress = self.record.judged.progress
        if progress.epoch:
            return progress.best_epoch
        finite = np.where(np.isfinite(self.epoch_losses), self.epoch_losses, np.inf)
        return int(np.argmin(finite)) + 1 if np.isfinite(finite).any() else 0

    @property
    def start(self) -> Checkpoint:
        """θ and the optimizer's state before the first step."""
        return self.record.start

    @property
    def last(self) -> Checkpoint:
        """θ and the optimizer's state after the last step, from which ``resume`` goes on."""
        return self.record.last

    def to_go_on_from(self) -> Array:
        """Return a copy of the parameters that the next step would start from."""
        theta = self.network.parameters.theta
        left = same_bits(self.record.at_rest, theta)
        return (self.record.rest.theta if left else theta).copy()

    @property
    def best(self) -> Checkpoint | None:
        """θ and the optimizer's state after the best epoch, with early stopping."""
        return self.record.judged.best

    @property
    def optimizer_state(self) -> tuple[Array, ...]:
        """The optimizer's vectors, one a slot, as they are now."""
        return self.record.optimizer_state

    @property
    def threads(self) -> int:
        """Threads of the last call: as asked for, or as many as proved fastest; 0 before it."""
        return self.record.threads

    @property
    def stopped(self) -> str:
        """Why the last call ended.

        "epochs", "early_stopping", "callback", "diverged", or "interrupted" by Ctrl-C or an
        exception of a callback; "" while it goes on.
        """
        return self.record.stopped

    def __repr__(self) -> str:
        last = f", last loss {self.losses[-1]:.3g}" if self.step else ""
        return (
            f"<Run: {plural(self.epoch, 'epoch')}, {plural(self.step, 'step')}{last}, "
            f"stopped by {self.stopped!r}>"
        )

    # -- for callbacks ------------------------------------------------------------------

    def trace(self) -> Trace:
        """Return every quantity of the next step; for callbacks, while the run goes on."""
        require(
            self.record.trainer is not None,
            "run.trace() is for callbacks, and this run is not going on; run.network.trace(X, y) "
            "shows a step of the network as it is now",
        )
        result: Trace = self.record.trainer.trace()
        return result

    def stop(self) -> None:
        """End the run after the step just taken; for callbacks."""
        self.record.stopped = "callback"

    def set_learning_rate(self, learning_rate: float | Schedule) -> None:
        """Take the next steps at another rate; in a callback, or between two calls.

        Parameters
        ----------
        learning_rate : float or Schedule
            A schedule counts the steps of the run from its first, not from now.

        Raises
        ------
        ValueError
            If it is out of range, or the optimizer has no rate to change (Rprop).

        Examples
        --------
        >>> import chainrule as cr
        >>> net, slow = cr.Network([1, 1]), lambda run: run.set_learning_rate(0.1 / run.epoch)
        >>> run = net.fit([[1.0]], [2.0], epochs=3, optimizer=cr.SGD(0.1), callbacks=[slow])
        >>> run.rates
        array([0.1 , 0.1 , 0.05])
        """
        record = self.record
        optimizer = record.optimizer.at_rate(learning_rate)
        going_on = record.trainer is not None
        last = record.requested_epochs * record.steps_per_epoch
        record.optimizer = optimizer.over(last) if going_on else optimizer

    # -- going on -----------------------------------------------------------------------

    @hinting
    def resume(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        epochs: int,
        sample_weight: ArrayLike | None = None,
        validation: Validation | None = None,
        scoring: Scoring | None = None,
        callbacks: Callbacks = (),
        threads: int | None = None,
        progress: bool = False,
    ) -> Run:
        """Train for more epochs, exactly as if they had been asked for at once.

        It goes on from ``last``. What was written into the network's parameters since the last
        call counts, unless they are those that early stopping or averaging left there.

        Parameters
        ----------
        X, y, sample_weight
            The data of the fit, in the same order.
        epochs : int
            How many more than the ``epoch`` whole ones that are done.
        validation, scoring, callbacks, threads, progress
            As for ``Network.fit``.

        Returns
        -------
        Run
            This run, extended.

        Raises
        ------
        ValueError
            If the data are not those of the fit, an option is out of range, or the network is
            being trained by another call.
        FloatingPointError, KeyboardInterrupt
            As ``Network.fit``, with this run as ``run``.
        """
        if progress:
            with progress_bar(self.epoch + whole_number("epochs", epochs, 0)) as watch:
                return self.resume(
                    X, y, epochs=epochs, sample_weight=sample_weight, validation=validation,
                    scoring=scoring, callbacks=[*callback_list(callbacks), Callback(watch)],
                    threads=threads,
                )  # fmt: skip
        data = fit_data(self.network.spec, X, y, sample_weight, validation)
        return self.go_on(
            data, epochs=epochs, scoring=scoring, callbacks=callbacks, threads=threads
        )

    def go_on(
        self,
        data: FitData,
        *,
        epochs: int,
        scoring: Scoring | None = None,
        callbacks: Callbacks = (),
        threads: int | None = None,
    ) -> Run:
        """``resume``, with data that were looked at before."""
        use = thread_choice(threads)
        going = Continuation(self.record, data, epochs, callback_list(callbacks), self, scoring)
        try:
            going.begin(use)
            while not going.is_over:
                rates, losses = going.request(LONGEST_CALL)
                going.take(len(going.trainer.advance(rates, losses)))
                going.pause()
            going.finish()
            if going.failure is not None:
                raise going.failure
        except BaseException as error:
            error.__dict__["run"] = self  # whatever its class makes of an assignment
            raise
        finally:
            going.close()
        return self

    # -- copies and files ---------------------------------------------------------------

    def copy(self) -> Run:
        """Return an independent copy, at rest after the last step."""
        return deepcopy(self)

    __copy__ = copy

    def describe(self) -> dict[str, Any]:
        """Return everything but the arrays, ready for JSON."""
        return {"network": self.network.describe(), **self.record.describe()}

    def arrays(self) -> dict[str, Array]:
        """Return the arrays: the network's, those of the checkpoints, losses and rates."""
        return self.network.arrays() | self.record.arrays()

    @classmethod
    def restore(
        cls, network: MultilayerPerceptron, description: dict[str, Any], arrays: dict[str, Array]
    ) -> Run:
        """Return the run that ``describe`` and ``arrays`` describe, around its network.

        Raises
        ------
        ValueError
            If a field is missing, unknown or out of range, or an array has the wrong
            shape or dtype.
        """
        optimizer = optimizer_from_dict(field(description, "optimizer"))
        run = cls(network, optimizer, restored_options(field(description, "options")))
        run.record.restore(description, arrays)
        return run
