"""The numbers of a trace, by their quantities."""

from typing import Any

from chainrule.engine.parameters import Parameters
from chainrule.engine.trace import Trace, Update
from chainrule.explain.quantities import Quantity

# Where the trace has the arrays of a layer.
_BY_LAYER = (
    "weights", "biases", "activations", "pre_activations", "masks", "deltas", "weight_gradients",
    "bias_gradients",
)  # fmt: skip
_BY_SAMPLE = ("targets", "sample_losses", "shares")
_ALONE = ("loss", "penalty", "mean_weight", "gradient_norm")


def number(trace: Trace, quantity: Quantity) -> float:
    """Return a number that the trace holds, exactly.

    Raises
    ------
    KeyError
        If it holds no such number.
    """
    kind, layer, name = quantity.kind, quantity.layer, quantity.name
    at: Any = quantity.at
    if kind in _BY_LAYER:
        return float(getattr(trace, kind)[layer][at])
    if kind in _BY_SAMPLE:
        return float(getattr(trace, kind)[at])
    if kind in _ALONE:
        return float(getattr(trace, kind))
    if kind == "sample_weights" and trace.sample_weight is not None:
        return float(trace.sample_weight[at])
    if kind == "batch_size":
        return float(len(trace.rows))
    if kind == "option":
        return option(trace, name)
    if trace.update is not None:
        return _of_update(trace.update, quantity)
    raise KeyError(str(quantity))


def option(trace: Trace, name: str) -> float:
    """Return a number that was chosen: of activations, of the loss, a penalty, of the optimizer."""
    spec, update = trace.parameters.spec, trace.update
    constants = {k: v for row in spec.activation_rows for k, v in row.constants.items()}
    if name in constants:
        return float(constants[name])
    option, _, place = name.partition(":")
    if option in spec.loss_row.settings:
        value: Any = spec.loss_row.settings[option]
        return float(value[int(place)] if isinstance(value, tuple) else value)
    if name in ("l2", "l1"):
        return float(getattr(spec, name))
    if update is not None and hasattr(update.optimizer, name):
        return float(getattr(update.optimizer, name))
    raise KeyError(name)


def _of_update(update: Update, quantity: Quantity) -> float:
    kind, layer, name = quantity.kind, quantity.layer, quantity.name
    at: Any = quantity.at

    def of(parameters: Parameters) -> float:
        arrays = parameters.weights if len(at) == 2 else parameters.biases
        return float(arrays[layer][at])

    match kind:
        case "learning_rate":
            return update.learning_rate
        case "step_number":
            return float(update.t)
        case "clip_factor":
            return update.clip_factor
        case "state":
            return of(update.state[name])
        case "state_after":
            return of(update.state_after[name])
        case "new_weights" | "new_biases":
            return of(update.parameters)
    raise KeyError(str(quantity))
