"""A fit whose batches a team adds up: the parameters, the optimizer, and how far it is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from chainrule.distributed.lanes import Source, samples_of
from chainrule.distributed.order import RowOrder
from chainrule.distributed.sums import Sums
from chainrule.distributed.teams import Team
from chainrule.engine import compiled
from chainrule.engine.batches import Batches
from chainrule.engine.parameters import Parameters
from chainrule.theory.checks import require, require_whole
from chainrule.theory.optimizer import Optimizer
from chainrule.training.continuation import divergence
from chainrule.training.history import array_of
from chainrule.training.perceptron import MultilayerPerceptron
from chainrule.training.run import require_optimizer
from chainrule.training.stopping import EarlyStopping, Progress

Array = NDArray[Any]
Series = NDArray[np.float64]
_TOGETHER = 4096  # rows that are judged at a time
_THETA, _STATE, _BEST = "theta", "state.{}", "best"
_LOSSES, _VALIDATION = "losses", "validation_losses"


class Keeper(Protocol):
    """Keeps a fit on the disk, from time to time."""

    def keep(self, fit: Fit, now: bool = False) -> None:
        """Write the fit, at once or if the last time was long enough ago."""


@dataclass(frozen=True)
class Held:
    """Rows that are held out, by which the epochs are judged; encoded some at a time.

    Parameters
    ----------
    source : Source
        What makes samples of them.
    rows : ndarray
    """

    source: Source
    rows: Array

    def loss(self, parameters: Parameters) -> float:
        """Return the mean of the ℓᵢ over them."""
        spec = replace(parameters.spec, l2=0.0, l1=0.0, reduction="mean")
        used, total = Parameters(spec, parameters.theta), 0.0
        for first in range(0, len(self.rows), _TOGETHER):
            rows = self.rows[first : first + _TOGETHER]
            X, y = samples_of(self.source, rows, spec)
            total += compiled.loss(used, X, y, None, compiled.FASTEST) * len(rows)
        return total / len(self.rows)


class Fit:
    """A fit by batches that come in parts.

    Parameters
    ----------
    network : MultilayerPerceptron
        Of the compiled engine. It has the parameters of the fit whenever ``run`` ends.
    optimizer : Optimizer
    order : RowOrder
    epochs : int
    early_stopping : EarlyStopping, optional
        By the loss of the held-out samples; without these, by the mean loss of the epoch.
    held : Held, optional

    Attributes
    ----------
    step : int
        Steps taken.
    validation_losses : list of float
        After each epoch, where samples are held out.
    stopped : {"", "epochs", "early_stopping"}
        Why it is over; "" while it isn't.
    waited : float
        The share of the workers' time in which they had nothing to do, in the last ``run``, from
        its second step on.
    """

    def __init__(
        self,
        network: MultilayerPerceptron,
        optimizer: Optimizer,
        order: RowOrder,
        epochs: int,
        early_stopping: EarlyStopping | None = None,
        held: Held | None = None,
    ) -> None:
        require(network.engine is compiled, "parts are added up by the compiled engine alone")
        require_optimizer(optimizer, network.spec)
        require_whole("epochs", epochs, 1)
        self.network, self.order, self.epochs = network, order, int(epochs)
        self.optimizer = optimizer.over(self.steps)
        self.early_stopping, self.held = early_stopping, held
        self.parameters = network.parameters.copy()
        theta = self.parameters.theta
        self.state = [optimizer.initial_slot(slot, theta) for slot in optimizer.slots]
        self.step, self.stopped, self.waited = 0, "", 0.0
        self.validation_losses: list[float] = []
        self._losses = np.empty(self.steps)
        self._progress, self._best = Progress(), np.empty(0, theta.dtype)

    @property
    def steps(self) -> int:
        """The steps of all epochs."""
        return self.epochs * self.order.steps_per_epoch

    @property
    def losses(self) -> Series:
        """L of each step's batch before it, penalty included."""
        return self._losses[: self.step]

    @property
    def rows_seen(self) -> int:
        """Rows visited, each as often as it was."""
        epoch, step = divmod(self.step, self.order.steps_per_epoch)
        return epoch * self.order.n_rows + min(step * self.order.batch_size, self.order.n_rows)

    @property
    def epoch_losses(self) -> list[float]:
        """The mean of each whole epoch's losses."""
        whole = self.step // self.order.steps_per_epoch
        steps = self._losses[: whole * self.order.steps_per_epoch]
        return [float(mean) for mean in steps.reshape(whole, -1).mean(axis=1)] if whole else []

    @property
    def best_epoch(self) -> int:
        """The epoch whose parameters the network has: the last, or the best one."""
        return (
            self._progress.best_epoch
            if self._best.size
            else self.step // self.order.steps_per_epoch
        )

    def run(
        self, team: Team, keeper: Keeper | None = None, watch: Callable[[Fit], Any] | None = None
    ) -> None:
        """Take the steps that are left.

        Parameters
        ----------
        team : Team
        keeper : Keeper, optional
            Asked after every step, and however it ends.
        watch : callable, optional
            Called after every step.

        Raises
        ------
        FloatingPointError
            If the loss is no longer finite; that step is not taken.
        """
        trainer = self._trainer()
        began = busy = 0.0
        try:
            while not self.stopped:
                self._take(trainer, team)
                if not began:  # before, workers started, and read their first rows
                    began, busy = time.perf_counter(), team.busy
                if keeper:
                    keeper.keep(self)
                if watch:
                    watch(self)
        finally:
            self.network.parameters.theta[:] = self._best if self._best.size else self.averaged
            passed = time.perf_counter() - began
            self.waited = max(1 - (team.busy - busy) / team.workers / passed, 0.0)
            if keeper:
                keeper.keep(self, now=True)

    @property
    def averaged(self) -> Array:
        """The parameters that are used: θ, or its moving average."""
        return self.optimizer.averaged(self.parameters.theta, self.state, self.step)

    def _trainer(self) -> compiled.Trainer:
        """Return what applies the optimizer's rule; its one sample is not looked at."""
        spec = replace(self.parameters.spec, dropout=0.0)
        X, y = (np.zeros((1, n), spec.dtype) for n in (spec.n_inputs, spec.n_outputs))
        parameters = Parameters(spec, self.parameters.theta)
        nothing = Batches.whole(X, y, None)
        return compiled.Trainer(parameters, self.optimizer, self.state, nothing, self.step)

    def _take(self, trainer: compiled.Trainer, team: Team) -> None:
        """Take the next step, and judge the epoch that it ends."""
        epoch, at = divmod(self.step, self.order.steps_per_epoch)
        sums = team.sums(self.parameters.theta, epoch, range(at, at + 1))
        loss, gradient = mean_of(sums, self.parameters.spec.reduction)
        rate = float(self.optimizer.rates(np.array([self.step + 1]))[0])
        if not (math.isfinite(loss) and np.isfinite(gradient).all()):
            raise divergence(f"the loss became {loss}", self.step + 1, epoch + 1, rate)
        self._losses[self.step] = loss + trainer.step_along(gradient, rate)
        self.step += 1
        if at + 1 == self.order.steps_per_epoch:
            self._judge()

    def _judge(self) -> None:
        if self.held is not None:
            used = Parameters(self.parameters.spec, self.averaged)
            self.validation_losses.append(self.held.loss(used))
        if self.early_stopping is not None:
            watched = (self.validation_losses or self.epoch_losses)[-1]
            self._progress = self.early_stopping.after(self._progress, watched)
            if self.early_stopping.restore_best and self._progress.waited == 0:
                self._best = self.averaged.copy()
            if self.early_stopping.is_over(self._progress):
                self.stopped = "early_stopping"
        if self.step == self.steps:
            self.stopped = self.stopped or "epochs"

    # -- on the disk ----------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """Return how far it is, as JSON can hold it."""
        return {"step": self.step, "stopped": self.stopped}

    def arrays(self) -> dict[str, Array]:
        """Return its numbers by name."""
        state = {_STATE.format(k): vector for k, vector in enumerate(self.state)}
        return {
            _THETA: self.parameters.theta,
            _BEST: self._best,
            _LOSSES: self.losses,
            _VALIDATION: np.array(self.validation_losses),
            **state,
        }

    def restore(self, described: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        """Go to where ``describe`` and ``arrays`` say.

        Raises
        ------
        ValueError
            If an array is missing or of another shape.
        """
        step, theta = int(described["step"]), self.parameters.theta
        require(0 <= step <= self.steps, f"step must be from 0 to {self.steps}, got {step}")
        losses = array_of(np.dtype(np.float64), (step,), arrays, _LOSSES)
        epochs = step // self.order.steps_per_epoch if self.held is not None else 0
        validation = array_of(np.dtype(np.float64), (epochs,), arrays, _VALIDATION)
        vectors = [
            array_of(theta.dtype, theta.shape, arrays, name)
            for name in (_THETA, *(_STATE.format(k) for k in range(len(self.state))))
        ]
        self.step, self.stopped = step, str(described["stopped"])
        self._losses[:step], self.validation_losses = losses, validation.tolist()
        theta[:], self.state = vectors[0], vectors[1:]
        if self.early_stopping is not None:
            watched = self.validation_losses or self.epoch_losses
            self._progress = self.early_stopping.after_all(watched)
            if self.early_stopping.restore_best and self._progress.best_epoch:
                self._best = array_of(theta.dtype, theta.shape, arrays, _BEST)
        self.network.parameters.theta[:] = self._best if self._best.size else self.averaged


def mean_of(sums: Sums, reduction: str) -> tuple[float, Array]:
    """Return L and ∂L/∂θ without the penalty's part: the sums, or these by the rows."""
    if reduction == "sum":
        return sums.loss, sums.gradient
    return sums.loss / sums.rows, sums.gradient * sums.gradient.dtype.type(1 / sums.rows)
