"""Record: all that a run remembers, each thing once."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np

from chainrule.engine.keyframes import Keyframes
from chainrule.theory.checks import field, require
from chainrule.theory.optimizer import Optimizer
from chainrule.training.fingerprints import FitData
from chainrule.training.history import Array, Checkpoint, Edits, History, Series, array_of
from chainrule.training.inputs import whole_number
from chainrule.training.options import FitOptions
from chainrule.training.perceptron import MultilayerPerceptron
from chainrule.training.stopping import EarlyStopping, Progress


class Judged(NamedTuple):
    """What was made of the epochs' losses; it is replaced as a whole, so its parts agree."""

    progress: Progress = Progress()
    best: Checkpoint | None = None


class Record:
    """The state of a run: what ``Run`` shows and ``Continuation`` writes.

    While the run goes on, the trainer knows the step, and parameters and optimizer state are the
    arrays that it writes, in one native call: so they, and with the step the losses and rates, are
    always those of one moment, whatever interrupts. In between, ``rest`` is that moment.

    Attributes
    ----------
    network : MultilayerPerceptron
    optimizer : Optimizer
        Replaced where its learning rate is.
    options : FitOptions
    history : History
    judged : Judged
    start : Checkpoint
        Before the first step.
    rest : Checkpoint
        After the last step of the last call, with the parameters that it goes on from.
    keyframes : Keyframes
        After some of the steps; written by the trainer.
    edits : Edits
        Where somebody else wrote into the parameters.
    data : FitData or None
        What the last call learned from; not in copies and files.
    fingerprints : dict of str
        Of the data; empty before the first call.
    levels : tuple of str
        Levels of the instruction set that computed the run.
    requested_epochs : int
    stopped : str
    trainer : the engine's Trainer or None
        While the run goes on.
    """

    def __init__(
        self,
        network: MultilayerPerceptron,
        optimizer: Optimizer,
        options: FitOptions,
        state: Sequence[Array] | None = None,
    ) -> None:
        theta = network.parameters.theta
        if state is None:
            initial = tuple(optimizer.initial_slot(slot, theta) for slot in optimizer.slots)
        else:
            initial = tuple(vector.copy() for vector in state)
        self.network, self.optimizer, self.options = network, optimizer, options
        self.history = History(options.n_samples, options.batch_size)
        self.judged = Judged()
        self.start = self.rest = Checkpoint(0, theta.copy(), initial)
        self.keyframes = Keyframes(
            theta.size,
            len(initial),
            network.spec.dtype,
            options.batch_size,
            options.keyframe_memory,
        )
        self.edits = Edits(len(self.keyframes.steps))
        self.data: FitData | None = None
        self.fingerprints: dict[str, str] = {}
        self.levels: tuple[str, ...] = ()
        self.requested_epochs = 0
        self.stopped = ""
        self.trainer: Any = None
        self._threads = 0

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in one pass over the data."""
        return self.options.steps_per_epoch

    @property
    def step(self) -> int:
        """Steps taken."""
        return self.rest.step if self.trainer is None else int(self.trainer.step)

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return self.step // self.steps_per_epoch

    @property
    def validation_losses(self) -> Series:
        """Loss on the held-out samples after each epoch; none without such samples."""
        known = self.judged.progress.epoch if self.options.is_validated else 0
        return self.history.validation.first(known)

    @property
    def validation_scores(self) -> Series:
        """Score after each epoch; none without scoring."""
        known = self.judged.progress.epoch if self.options.is_scored else 0
        return self.history.scores.first(known)

    def averaged(self, point: Checkpoint) -> Array:
        """Return the parameters that are used of a point: θ, or its moving average."""
        t = self.options.steps_before + point.step
        return self.optimizer.averaged(point.theta, point.optimizer_state, t)

    @property
    def at_rest(self) -> Array:
        """The parameters that a call leaves in the network: of the best epoch, or the last step."""
        best = self.judged.best if self.options.keeps_best else None
        return self.averaged(self.rest if best is None else best)

    @property
    def last(self) -> Checkpoint:
        """After the last step taken."""
        if self.trainer is None:
            return self.rest
        return Checkpoint.of(self.step, self.network.parameters.theta, self.trainer.state)

    @property
    def optimizer_state(self) -> tuple[Array, ...]:
        """The optimizer's vectors, in views that are not to be written."""
        vectors = self.rest.optimizer_state if self.trainer is None else self.trainer.state
        views = tuple(vector.view() for vector in vectors)
        for view in views:
            view.flags.writeable = False
        return views

    @property
    def threads(self) -> int:
        """Threads of the last call that took steps."""
        took = self.trainer is not None and self.step > self.rest.step
        return int(self.trainer.threads) if took else self._threads

    def settle(self) -> None:
        """Come to rest after the trainer's last step, if there is a trainer."""
        if self.trainer is not None:
            self._threads = self.threads
            # no copies of its vectors: nobody writes into them any more
            theta, state = self.network.parameters.theta.copy(), tuple(self.trainer.state)
            self.rest = Checkpoint(self.step, theta, state)
            self.trainer = None

    def __getstate__(self) -> dict[str, Any]:
        # copied or pickled while it goes on, a record is at rest after the last step
        return self.__dict__ | {"rest": self.last, "trainer": None, "data": None}

    # -- replay -------------------------------------------------------------------------

    def require_same_data(self, data: FitData, use: str) -> None:
        """Raise ``ValueError`` unless the samples are those of the fit, in the same order."""
        options, n = self.options, len(data.samples.X)
        require(
            n == options.n_samples,
            f"{use} needs the data of the fit, {options.n_samples} samples, got {n}",
        )
        for name, found in data.fingerprints.items():
            known = self.fingerprints.get(name, found)
            if found != known:
                given = "is given now" if not known else "is missing" if not found else "is another"
                raise ValueError(
                    f"{use} needs the data of the fit, in the same order: {name} {given}; "
                    "to learn from other data, fit the network again"
                )

    def point_before(self, step: int) -> Checkpoint:
        """Return the last point that is kept of those after at most so many steps."""
        frames, edits, best = self.keyframes, self.edits, self.judged.best
        points = [self.start, *edits.points.values(), self.last]
        if best is not None and best.step not in edits.steps:  # taken before they were edited
            points.append(best)
        nearest = max((p for p in points if p.step <= step), key=lambda p: p.step)
        kept = (f for f in frames.kept() if f <= step and f not in edits.steps)
        if (frame := max(kept, default=0)) <= nearest.step:
            return nearest
        theta, *state = frames.of(frame)
        return Checkpoint.of(frame, theta, state)

    # -- files --------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """Return everything but the network and the arrays, ready for JSON."""
        return {
            "optimizer": self.optimizer.to_dict(),
            "options": asdict(self.options),
            "fingerprints": self.fingerprints,
            "step": self.step,
            "judged_epochs": self.judged.progress.epoch,
            "patience_from": self.judged.progress.patience_from,
            "requested_epochs": self.requested_epochs,
            "stopped": self.stopped,
            "levels": list(self.levels),
            "keyframe_stride": self.keyframes.stride,
            "edit_stride": self.edits.stride,
        }

    def arrays(self) -> dict[str, Array]:
        """Return the arrays but the network's; the state at the start follows from θ."""
        points = {"start": self.start, "last": self.last, "best": self.judged.best}
        named: dict[str, Array] = {}
        for name, point in points.items():
            if point is not None:
                named[f"{name}.theta"] = point.theta
                slots = zip(self.optimizer.slots, point.optimizer_state, strict=True)
                if name != "start" or self.options.steps_before:
                    named |= {f"{name}.{slot}": v for slot, v in slots}
        frames, edits = self.keyframes.arrays(), self.edits.arrays(self.keyframes.vectors)
        kept = {f"keyframes.{name}": array for name, array in frames.items()}
        kept |= {f"edits.{name}": array for name, array in edits.items()}
        return (
            named
            | kept
            | {
                "losses": self.history.losses.first(self.step),
                "rates": self.history.rates.first(self.step),
                "validation_losses": self.validation_losses,
                "validation_scores": self.validation_scores,
            }
        )

    def restore(self, description: dict[str, Any], arrays: dict[str, Array]) -> None:
        """Become what ``describe`` and ``arrays`` describe; ``ValueError`` says what is wrong."""
        step = whole_number("step", field(description, "step"), 0)
        judged = whole_number("judged_epochs", field(description, "judged_epochs"), 0)
        self._restore_history(step, judged, arrays)
        self.rest = self._checkpoint("last", step, arrays)
        self.start = self._checkpoint("start", 0, arrays)
        self.requested_epochs = whole_number(
            "requested_epochs", field(description, "requested_epochs"), 0
        )
        self.stopped = str(field(description, "stopped"))
        self.fingerprints = _text_by_name("fingerprints", field(description, "fingerprints"))
        self.levels = tuple(map(str, field(description, "levels")))
        self._restore_points(step, description, arrays)
        by_state = self.options.is_validated or self.options.is_scored or self.options.keeps_best
        least = self.epoch - 1 if by_state else 0  # one less: interrupted before it was judged
        require(
            least <= judged <= self.epoch if self.options.is_judged else judged == 0,
            f"judged_epochs must be that of step {step}, got {judged}",
        )
        since = whole_number("patience_from", field(description, "patience_from"), 0, judged)
        rule = self.options.early_stopping or EarlyStopping()
        progress = rule.after_all(map(self.watched, range(1, judged + 1)), since)
        best = None
        if self.options.keeps_best and progress.best_epoch:
            best = self._checkpoint("best", progress.best_epoch * self.steps_per_epoch, arrays)
        self.judged = Judged(progress, best)

    def watched(self, epoch: int) -> tuple[float, float]:
        """Return what an epoch (from 1) is judged by, lower is better, and what by if that ties."""
        history, rule = self.history, self.options.early_stopping
        if rule is not None and rule.of_training:
            return float(history.epoch_losses(epoch)[-1]), 0.0
        held_out = history.validation.first(epoch)[-1] if self.options.is_validated else 0.0
        if self.options.is_scored:
            return -float(history.scores.first(epoch)[-1]), float(held_out)
        if self.options.is_validated:
            return float(held_out), 0.0
        return float(history.epoch_losses(epoch)[-1]), 0.0

    def _restore_history(self, step: int, judged: int, arrays: dict[str, Array]) -> None:
        lengths = {"losses": step, "rates": step}
        lengths["validation_losses"] = judged if self.options.is_validated else 0
        lengths["validation_scores"] = judged if self.options.is_scored else 0
        numbers = {
            name: array_of(np.dtype(np.float64), (length,), arrays, name)
            for name, length in lengths.items()
        }
        known = self.history
        series = known.losses, known.rates, known.validation, known.scores
        for place, found in zip(series, numbers.values(), strict=True):
            place.room(0, len(found))[:] = found

    def _restore_points(
        self, step: int, description: dict[str, Any], arrays: dict[str, Array]
    ) -> None:
        """Restore keyframes and edits: their steps, and θ and the optimizer's vectors of each."""
        frames, edits = self.keyframes, self.edits
        shape, dtype, whole = frames.vectors.shape[1:], frames.vectors.dtype, np.dtype(np.int64)

        def steps(name: str) -> Array:
            require(name in arrays, f"array {name!r} is missing")
            found = array_of(whole, (arrays[name].size,), arrays, name)
            ascending = np.diff(found, prepend=0) > 0
            require(
                bool(ascending.all() and (found <= step).all()),
                f"{name} must be steps from 1 to {step} in ascending order, got {found.tolist()}",
            )
            return found

        def stride(name: str) -> int:
            return whole_number(name, field(description, name), 1)

        kept, of_edits = steps("keyframes.steps"), steps("edits.kept")
        vectors = array_of(dtype, (len(kept), *shape), arrays, "keyframes.vectors")
        frames.restore(stride("keyframe_stride"), kept, vectors)
        vectors = array_of(dtype, (len(of_edits), *shape), arrays, "edits.vectors")
        points = [
            Checkpoint.of(int(at), theta, state)
            for at, (theta, *state) in zip(of_edits, vectors, strict=True)
        ]
        edits.restore(stride("edit_stride"), steps("edits.steps"), points)

    def _checkpoint(self, name: str, step: int, arrays: dict[str, Array]) -> Checkpoint:
        theta = self.network.parameters.theta

        def named(part: str) -> Array:
            return array_of(theta.dtype, theta.shape, arrays, f"{name}.{part}")

        at, slots = named("theta"), self.optimizer.slots
        if name == "start" and not self.options.steps_before:
            state = tuple(self.optimizer.initial_slot(slot, at) for slot in slots)
        else:
            state = tuple(named(slot) for slot in slots)
        return Checkpoint(step, at, state)


def _text_by_name(what: str, found: Any) -> dict[str, str]:  # noqa: ANN401
    require(
        isinstance(found, dict) and all(isinstance(value, str) for value in found.values()),
        f"{what} must be texts by name, got {found!r:.60}",
    )
    return dict(found)
