"""The document of a page: all that it knows of a run, as JSON.

Its form is written down in docs/page.schema.json.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.parameters import Parameters
from chainrule.engine.trace import Trace
from chainrule.explain.notations import NOTATIONS, Notation, plain_templates
from chainrule.explain.page.arrays import ArrayPool
from chainrule.explain.page.naming import Naming
from chainrule.explain.page.templates import Templates, TreePool
from chainrule.explain.quantities import BECOMING, DERIVED, KINDS
from chainrule.explain.values import option
from chainrule.theory.optimizer import OF_ALL
from chainrule.training.run import Run

FORMAT = 1
_MOST_BYTES = 1_500_000  # of the numbers of all steps: a page of 3 MB has them as text
_MOST_VALUES = 300_000  # of the samples of a step
_MOST_POINTS = 400  # of a curve
_MOST_DOTS = 500  # of the plane
_AROUND = 2  # steps before and behind the one that is opened


def steps_around(run: Run, trace: Trace) -> range:
    """Return the steps that a page holds: the one that is opened, and as many about it as fit."""
    update = trace.update
    vectors = 2 + (0 if update is None else len(update.state))
    theta = trace.parameters.theta.nbytes
    values = sum(a.nbytes for a in (*trace.activations, *trace.pre_activations, *trace.deltas))
    for around in range(_AROUND, 0, -1):
        if (2 * around + 1) * (vectors * theta + values) + vectors * theta <= _MOST_BYTES:
            return range(max(1, trace.step - around), min(run.step, trace.step + around) + 1)
    return range(trace.step, trace.step + 1)


@dataclass(frozen=True)
class Shown:
    """What a page begins with.

    Attributes
    ----------
    step, row : int
        A row of the training data, one of the batch of that step.
    layer, unit : int or None
    source : int or None
        The unit that a weight comes from.
    notation : Notation
    digits : int
    """

    step: int
    row: int
    layer: int | None = None
    unit: int | None = None
    source: int | None = None
    notation: Notation = NOTATIONS["rows"]
    digits: int = 6

    @property
    def notations(self) -> list[Notation]:
        """Those of the page: the books', and the one that is asked for."""
        others = [one for one in NOTATIONS.values() if one.name != self.notation.name]
        return (
            [self.notation, *others]
            if len(others) == len(NOTATIONS)
            else [
                self.notation if one.name == self.notation.name else one
                for one in NOTATIONS.values()
            ]
        )


def document(
    steps: Sequence[Trace], shown: Shown, naming: Naming, run: Run | None
) -> dict[str, Any]:
    """Return the document of a page.

    Parameters
    ----------
    steps : sequence of Trace
        One after the other.
    shown : Shown
    naming : Naming
    run : Recorded or None
        Whose losses are drawn.
    """
    arrays, trees, templates = ArrayPool(), TreePool(), list[Any]()
    described = []
    for trace in steps:
        entries = Templates(trace, shown.notations, trees).entries()
        if entries not in templates:
            templates.append(entries)
        kept = _kept_samples(trace, shown.row if trace.step == shown.step else None)
        numbers = _numbers(trace, kept, arrays)
        rows = [naming.row(int(trace.rows[place])) for place in kept]
        described.append({"rows": rows, "equations": templates.index(entries), **numbers})
    opened = next(trace for trace in steps if trace.step == shown.step)
    return {
        "format": FORMAT,
        "title": naming.title,
        "network": _network(opened, naming),
        "shown": _begin(shown, naming),
        "steps": described,
        "trees": trees.trees,
        "equations": templates,
        "kinds": _meanings(opened),
        "derived": list(DERIVED),
        "becoming": list(BECOMING),
        "notations": [_notation(one) for one in shown.notations],
        "letters": _option_letters(opened),
        "run": None if run is None else _run(run, opened),
        "plane": None if run is None else _plane(run, arrays),
        "another": naming.another,
        "served": naming.is_served,
        "arrays": arrays.arrays,
    }


def _begin(shown: Shown, naming: Naming) -> dict[str, Any]:
    phase = "forward" if shown.source is None else "update"
    return {
        "step": shown.step,
        "row": naming.row(shown.row),
        "word": naming.word,
        "phase": phase,
        "layer": shown.layer,
        "unit": shown.unit,
        "from": shown.source,
        "notation": shown.notation.name,
        "digits": shown.digits,
    }


def _meanings(trace: Trace) -> dict[str, str]:
    """Return what each kind of quantity is, in this network."""
    plain = {} if trace.masks else {"activations": "output of a unit"}
    spec = trace.parameters.spec
    alone = {} if spec.l2 or spec.l1 else {"loss": "loss of the batch"}
    return {**KINDS, **plain, **alone}


def _kept_samples(trace: Trace, row: int | None) -> list[int]:
    """Return places in the batch: all, or of a large one the row's and the first."""
    values = sum(a.shape[1] for a in (*trace.activations, *trace.pre_activations, *trace.deltas))
    most = max(1, _MOST_VALUES // values)
    n = len(trace.rows)
    if n <= most:
        return list(range(n))
    place = 0 if row is None else int(np.flatnonzero(trace.rows == row)[0])
    return sorted({place, *range(most - (place >= most))})


def _network(trace: Trace, naming: Naming) -> dict[str, Any]:
    spec = trace.parameters.spec
    pixels = naming.pixels(spec.n_inputs)
    image = None if pixels is None else dict(zip(("height", "width", "at"), pixels, strict=True))
    return {
        "layer_sizes": list(spec.layer_sizes),
        "activations": list(spec.activations),
        "loss": spec.loss_row.row if spec.loss_row.is_known else "",
        "dtype": spec.dtype,
        "optimizer": trace.update.optimizer.name if trace.update else "",
        "inputs": list(naming.inputs),
        "outputs": list(naming.outputs),
        "image": image,
        "n_targets": spec.n_targets,
    }


def _numbers(trace: Trace, kept: list[int], pool: ArrayPool) -> dict[str, Any]:
    """Return the numbers of a step; arrays by their places in the pool."""

    def of_samples(arrays: Iterable[NDArray[Any]]) -> list[int]:
        return [pool.place(array[kept]) for array in arrays]

    def theta(parameters: Parameters) -> int:
        return pool.place(parameters.theta)

    weight = trace.sample_weight
    return {
        "step": trace.step,
        "batch_size": len(trace.rows),
        "loss": _plain(trace.loss),
        "penalty": _plain(trace.penalty),
        "mean_weight": trace.mean_weight,
        "gradient_norm": _plain(trace.gradient_norm),
        "parameters": theta(trace.parameters),
        "gradient": theta(trace.gradient),
        "activations": of_samples(trace.activations),
        "pre_activations": of_samples(trace.pre_activations),
        "deltas": of_samples(trace.deltas),
        "masks": of_samples(trace.masks),
        "targets": pool.place(trace.targets[kept]),
        "sample_losses": pool.place(trace.sample_losses[kept]),
        "shares": pool.place(trace.shares[kept]),
        "sample_weights": None if weight is None else pool.place(weight[kept]),
        "options": _options(trace),
        "update": _update(trace, pool),
    }


def _update(trace: Trace, pool: ArrayPool) -> dict[str, Any] | None:
    update = trace.update
    if update is None:
        return None
    return {
        "learning_rate": update.learning_rate,
        "step_number": update.t,
        "clip_factor": _plain(update.clip_factor),
        "parameters": pool.place(update.parameters.theta),
        "state": {slot: pool.place(of.theta) for slot, of in update.state.items()},
        "state_after": {slot: pool.place(of.theta) for slot, of in update.state_after.items()},
    }


def _option_names(trace: Trace) -> list[str]:
    spec, update = trace.parameters.spec, trace.update
    names = [name for row in spec.activation_rows for name in row.constants]
    for name, value in spec.loss_row.settings.items():
        if isinstance(value, tuple):
            names += [f"{name}:{n}" for n in range(len(value))]
        else:
            names.append(name)
    names += ["l2", "l1"]
    if update is not None:
        letters = {**OF_ALL, **update.optimizer.letters}
        names += [name for name in letters.values() if hasattr(update.optimizer, name)]
    return list(dict.fromkeys(names))


def _options(trace: Trace) -> dict[str, float | None]:
    update = trace.update
    unset = () if update is None else ("clip_norm", "max_norm")
    return {
        name: option(trace, name)
        for name in _option_names(trace)
        if name not in unset or getattr(update.optimizer, name) is not None  # type: ignore[union-attr]
    }


def _option_letters(trace: Trace) -> dict[str, str]:
    """Return the letters of the optimizer's options and memory, by their names."""
    update = trace.update
    letters = {} if update is None else update.optimizer.letters
    return {name: letter for letter, name in {**OF_ALL, **letters}.items()}


def _notation(notation: Notation) -> dict[str, Any]:
    return {
        "name": notation.name,
        "source": notation.source,
        "symbols": plain_templates() | dict(notation.symbols),
        "scales": dict(notation.scales),
        "first_layer": notation.first_layer,
        "first_unit": notation.first_unit,
        "is_throughout": notation.is_throughout,
        "is_columns": notation.is_columns,
        "after": notation.after,
    }


def _run(run: Run, trace: Trace) -> dict[str, Any]:
    losses = run.losses
    kept = _thinned(losses)
    order = trace.order
    return {
        "steps": run.step,
        "steps_per_epoch": run.steps_per_epoch,
        "n_samples": order.n_samples,
        "curve": [[step + 1, _plain(losses[step])] for step in kept],
    }


def _plane(run: Run, pool: ArrayPool) -> dict[str, int] | None:
    """Return the rows that a network of two inputs learned from, the first of them."""
    data = run.record.data
    if data is None or run.network.spec.n_inputs != 2 or not isinstance(data.samples.X, np.ndarray):
        return None
    most = slice(_MOST_DOTS)
    targets = np.ascontiguousarray(data.samples.y[most])
    return {"inputs": pool.place(data.samples.X[most]), "targets": pool.place(targets)}


def _thinned(losses: NDArray[np.float64]) -> list[int]:
    """Return the places of the smallest and the largest of each part of a curve, and both ends."""
    n = len(losses)
    if n <= _MOST_POINTS:
        return list(range(n))
    parts = np.array_split(np.arange(n), _MOST_POINTS // 2)
    filled = np.nan_to_num(losses, nan=np.inf)
    ends = {0, n - 1}
    for part in parts:
        ends |= {int(part[filled[part].argmin()]), int(part[filled[part].argmax()])}
    return sorted(ends)


def _plain(number: float) -> float | None:
    """Return a number, None where JSON has none."""
    return float(number) if np.isfinite(number) else None
