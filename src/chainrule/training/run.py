"""Run: the record of a fit, and how it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy, deepcopy
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.engine.sparse_rows import SparseRows
from chainrule.engine.spec import NetworkSpec
from chainrule.engine.trace import Trace
from chainrule.theory.checks import field, is_whole, plural, require
from chainrule.theory.habits import hinting
from chainrule.theory.named import optimizer_named
from chainrule.theory.optimizer import Optimizer
from chainrule.theory.optimizers import optimizer_from_dict
from chainrule.theory.schedules import Schedule
from chainrule.training.continuation import LONGEST_CALL, Continuation, Scoring
from chainrule.training.fingerprints import FitData, fit_data
from chainrule.training.inputs import Validation, thread_choice, whole_number
from chainrule.training.options import FitOptions, restored_options
from chainrule.training.perceptron import MultilayerPerceptron
from chainrule.training.progress import progress_bar
from chainrule.training.record import Record
from chainrule.training.recorded import Recorded
from chainrule.training.replay import Replay
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


class Run(Recorded):
    """The record of a fit: what was asked, every loss, and what it takes to go on exactly.

    A run is made by ``Network.fit``. Continued by ``resume``, at once or from a
    file in another process, it takes the very steps that one longer fit would have.

    Its attributes can be read at any time, in a callback too, and not set. A copy, or a pickled
    or saved run, holds the moment after the last step, with a network of its own.

    While it goes on, the engine keeps at most 64 keyframes of it (θ and the optimizer's state), or
    as many as ``keyframe_memory`` holds: from the one before, ``at`` takes the steps again that
    lead to any step, to the same bits. Where there is room for 64, they are at most a 32nd of the
    run. For that it holds on to the data of the fit, as the engine read them, as long as it lives.
    """

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

    # -- any step, again ----------------------------------------------------------------

    def at(
        self,
        step: int,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
    ) -> Trace:
        """Return every quantity of a step of this run, bit for bit as it was taken.

        Parameters
        ----------
        step : int
            From 1 to ``run.step``; of a run that diverged, also the step that failed.
        X, y, sample_weight : optional
            The data of the fit, in the same order: once, where the run comes from a file or is a
            copy. They are looked at as ``attach`` does.

        Returns
        -------
        Trace
            With its ``update``, unless it is the step that failed.

        Raises
        ------
        ValueError
            If there is no such step, or the data are not those of the fit; if the parameters were
            edited on the way and what they then were isn't kept; if a loss is not the recorded one.

        Examples
        --------
        >>> import chainrule as cr
        >>> X = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
        >>> net = cr.Network([2, 4, 1], activation="tanh", seed=0)
        >>> run = net.fit(X, [0, 1, 1, 0], epochs=500, batch_size=1)
        >>> step = run.at(1234)
        >>> bool(step.loss == run.losses[1233]), step.rows, step.update.optimizer.name
        (True, array([0]), 'adam')
        """
        if X is not None and y is not None:
            self.attach(X, y, sample_weight=sample_weight)
        else:
            require(X is None and y is None, "at needs both X and y of the fit, or neither")
        return next(self.steps(step, step))

    def steps(self, first: int = 1, last: int | None = None) -> Iterator[Trace]:
        """Return the traces of the steps from the first to the last, one after the other.

        Parameters
        ----------
        first, last : int
            Both included; without a last, to the end of the run.

        Raises
        ------
        ValueError
            As ``at``.
        """
        record = self.record
        highest = record.step + (record.stopped == "diverged")
        require(highest > 0, "no step of this run was taken yet")
        for name, number in {"step": first, "last": highest if last is None else last}.items():
            require(
                is_whole(number) and 1 <= number <= highest,
                f"{name} must be from 1 to {highest:,}, the steps of this run, got {number!r}",
            )
        require(
            record.data is not None,
            "files and copies of a run are without its data: run.at(step, X, y) or "
            "run.attach(X, y) with the data of the fit",
        )
        assert record.data is not None
        return islice(Replay(record, record.data, first), (last or highest) - first + 1)

    def find(
        self, holds: Callable[[Trace], Any], first: int = 1, last: int | None = None
    ) -> Trace | None:
        """Return the first step of which something holds, or None.

        Parameters
        ----------
        holds : callable
            Called with the trace of each step.
        first, last : int
            As for ``steps``.

        Examples
        --------
        The first step before which the loss rose:

        >>> import chainrule as cr
        >>> net = cr.Network([1, 1], seed=0)
        >>> run = net.fit([[1.0]], [2.0], epochs=50, optimizer=cr.SGD(0.5, momentum=0.9))
        >>> run.find(lambda step: step.loss > run.losses[step.step - 2], first=2).step
        3
        """
        return next((step for step in self.steps(first, last) if holds(step)), None)

    def steps_of(self, row: int) -> NDArray[np.int64]:
        """Return the steps whose batch has this row of the training data: one an epoch."""
        return self.options.order.steps_of(row, self.step)

    def attach(
        self, X: ArrayLike | SparseRows, y: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> Run:
        """Give a run that comes from a file, or is a copy, the data of its fit again.

        Raises
        ------
        ValueError
            If they are not the data of the fit, in the same order and to the same bits.
        """
        data = fit_data(self.network.spec, X, y, sample_weight, None)
        self.record.require_same_data(data, "replay")
        self.record.data = data
        return self

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

    def without_keyframes(self) -> Run:
        """Return the same run without what only ``at`` needs, which is most of its size."""
        run, record = Run.__new__(Run), copy(self.record)
        record.keyframes, record.edits = record.keyframes.emptied(), record.edits.emptied()
        run.__dict__["record"] = record
        return run

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
