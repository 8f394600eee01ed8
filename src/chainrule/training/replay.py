"""Replay: the steps of a run, taken again from a point that it kept."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.compiled import FASTEST
from chainrule.engine.parameters import Parameters
from chainrule.engine.trace import Trace, Update
from chainrule.training.fingerprints import FitData
from chainrule.training.record import Record

# Steps of one native call at most: so many are taken again in vain where the bits turn out to be
# others than the record's.
_LONGEST_CALL = 1 << 14


class Replay:
    """The steps of a run, one after the other, bit for bit those that were taken.

    Parameters
    ----------
    record : Record
    data : FitData
        Of the fit.
    first : int
        The first step that is shown, from 1.

    Raises
    ------
    ValueError
        If the parameters were edited on the way and what they then were is not kept, or a loss is
        not the recorded one.
    """

    def __init__(self, record: Record, data: FitData, first: int) -> None:
        self._record, self._edits = record, record.edits
        self._is_edited = False  # after the step just taken, which the next one starts from
        self._parameters, self._trainer = self._start(data, first - 1)
        self._go_to(first - 1)

    def __iter__(self) -> Iterator[Trace]:
        while True:
            yield self._next()

    def _start(self, data: FitData, step: int) -> tuple[Parameters, Any]:
        """Return parameters and a trainer at the last point, up to a step, that is known."""
        record = self._record
        point = record.point_before(step)
        parameters = Parameters(record.network.spec, point.theta.copy())
        trainer = record.network.engine.Trainer(
            parameters,
            record.optimizer,
            [vector.copy() for vector in point.optimizer_state],
            record.options.batches(data.samples),
            point.step,
            FASTEST,
        )
        return parameters, trainer

    def _go_to(self, step: int) -> None:
        """Take the steps up to this one, and what was edited after them."""
        while self._trainer.step < step:
            at = self._trainer.step
            following = self._edits.steps[bisect_right(self._edits.steps, at) :][:1]
            until = min([step, at + _LONGEST_CALL, *following])
            losses = self._trainer.advance(self._record.history.rates.first(until)[at:])
            self._compare(losses, at)
            if until in following:
                self._edit(until)

    def _edit(self, step: int) -> None:
        """Write what the parameters were edited to after this step."""
        point = self._edits.points.get(step)
        if point is None:
            known = ", ".join(str(one) for one in sorted(self._edits.points)[:8])
            raise ValueError(
                f"after step {step} the parameters were edited, and what they then were is no "
                "longer kept: the steps behind it, up to the next keyframe, can't be replayed"
                + (f"; edits that are kept: after step {known}" if known else "")
            )
        self._parameters.theta[:] = point.theta

    def _next(self) -> Trace:
        """Return the trace of the next step, which is taken."""
        trainer, record = self._trainer, self._record
        if self._is_edited:
            self._edit(trainer.step)
        trace: Trace = trainer.trace()
        taken = trainer.step < record.step
        if taken:
            self._compare(np.array([trace.loss]), trainer.step)
            trace = taken_step(trace, trainer, float(record.history.rates.first(trace.step)[-1]))
            self._is_edited = trace.step in self._edits.steps
        return trace

    def _compare(self, losses: NDArray[np.float64], first: int) -> None:
        """Raise ``ValueError`` unless these are the recorded losses from a step on, bit for bit."""
        recorded = self._record.history.losses.first(first + len(losses))[first:]
        different = np.flatnonzero(losses.view(np.uint64) != recorded.view(np.uint64))
        if not len(different):
            return
        place = int(different[0])
        network, made = self._record.network, ", ".join(self._record.levels)
        level = network.engine.computes_on(network.spec)
        why = "its parameters or data were changed unseen, or the machine's libraries differ"
        if made != level:
            why = f"the run was computed on {made} and this process computes on {level}"
            why += f"; start Python with CHAINRULE_CPU={made}" if made.isalnum() else ""
        raise ValueError(
            f"step {first + place + 1} gave the loss {losses[place]!r} and the record has "
            f"{recorded[place]!r}: {why}"
        )


def taken_step(trace: Trace, trainer: Any, rate: float) -> Trace:  # noqa: ANN401 (an engine's)
    """Take the step that was traced, and return the trace with what it changed."""
    optimizer, spec = trainer.optimizer, trainer.parameters.spec

    def state() -> dict[str, Parameters]:
        named = zip(optimizer.slots, trainer.state, strict=True)
        return {slot: Parameters(spec, vector.copy()) for slot, vector in named}

    before = state()
    trainer.advance(np.array([rate]))
    largest = np.inf if optimizer.clip_norm is None else optimizer.clip_norm
    update = Update(
        optimizer=optimizer,
        learning_rate=rate,
        t=trainer.batches.steps_before + trace.step,
        clip_factor=largest / trace.gradient_norm if trace.gradient_norm > largest else 1.0,
        state=before,
        state_after=state(),
        parameters=trainer.parameters.copy(),
    )
    return replace(trace, update=update)
