"""Recorded: what a run shows of its record."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.theory.optimizer import Optimizer
from chainrule.training.history import Checkpoint, same_bits
from chainrule.training.options import FitOptions
from chainrule.training.perceptron import MultilayerPerceptron
from chainrule.training.record import Record

Array = NDArray[Any]


class Recorded:
    """What a run was asked and what happened; base of ``Run``.

    Attributes
    ----------
    record : Record
        What all the others are read from.
    """

    record: Record

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
