"""The reference engine's numbers of a step, in float64, beside the engine's own."""

from dataclasses import replace

import numpy as np

from chainrule.engine import reference
from chainrule.engine.parameters import Parameters
from chainrule.engine.spec import NetworkSpec
from chainrule.engine.trace import Trace, Update
from chainrule.explain.equations import Equations
from chainrule.explain.quantities import DERIVED, Quantity
from chainrule.theory.optimizer import norm


class Beside:
    """The numbers of a step as the reference engine computes them from the same beginning.

    Parameters
    ----------
    trace : Trace
    """

    def __init__(self, trace: Trace) -> None:
        self._dtype = np.dtype(trace.parameters.spec.dtype)
        self._equations = Equations(reference_trace(trace))

    def compared(self, quantity: Quantity, value: float) -> tuple[float, float | None]:
        """Return the reference's number, and how far a value is from it in units of the last place.

        None where the engine doesn't hold that quantity in its dtype.
        """
        beside = self._equations.number(quantity)
        if quantity.kind in DERIVED or not np.isfinite(beside):
            return beside, None
        unit = float(np.spacing(self._dtype.type(abs(beside))))
        return beside, (value - beside) / unit


def reference_trace(trace: Trace) -> Trace:
    """Return the same step as the reference engine takes it, in float64, masks included."""
    spec = replace(trace.parameters.spec, dtype="float64")
    parameters = Parameters(spec, trace.parameters.theta.astype(np.float64))
    masks = tuple(mask.astype(np.float64) for mask in trace.masks)
    X, y = (array.astype(np.float64) for array in (trace.activations[0], trace.targets))
    z, a = reference.propagate(parameters, X, masks)
    delta = reference.deltas(parameters, z, a, y, masks)
    losses, share = reference.sample_losses(spec, z[-1], a[-1], y), trace.shares
    gradient = reference.gradient_of(parameters, a, delta, share)
    penalty = reference.penalty(parameters)
    return replace(
        trace,
        parameters=parameters,
        activations=tuple(a),
        pre_activations=tuple(z),
        deltas=tuple(delta),
        masks=masks,
        targets=y,
        sample_losses=losses,
        gradient=gradient,
        gradient_norm=norm(gradient.theta),
        loss=float(np.sum(reference.weighted(share, losses))) + penalty,
        penalty=penalty,
        update=None if trace.update is None else _updated(trace.update, parameters, gradient),
    )


def _updated(update: Update, parameters: Parameters, gradient: Parameters) -> Update:
    """Return what the optimizer makes of the gradient, in float64."""
    optimizer, spec = update.optimizer, parameters.spec
    state = {slot: _wide(spec, vector) for slot, vector in update.state.items()}
    theta, vectors = reference.updated(
        optimizer,
        parameters,
        optimizer.clipped(gradient.theta),
        [vector.theta for vector in state.values()],
        update.learning_rate,
        update.t,
    )
    size, largest = norm(gradient.theta), optimizer.clip_norm
    return replace(
        update,
        clip_factor=1.0 if largest is None or size <= largest else largest / size,
        state=state,
        state_after={
            slot: Parameters(spec, vector) for slot, vector in zip(state, vectors, strict=True)
        },
        parameters=Parameters(spec, theta),
    )


def _wide(spec: NetworkSpec, vector: Parameters) -> Parameters:
    return Parameters(spec, vector.theta.astype(np.float64))
