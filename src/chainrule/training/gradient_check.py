"""check_gradient: the analytic gradient against finite differences of the published loss."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from chainrule.engine.parameters import Parameters
from chainrule.training.inputs import samples, whole_number
from chainrule.training.network import Network


@dataclass(frozen=True)
class GradientCheck:
    """The worst disagreement found.

    Attributes
    ----------
    relative_error : float
        |analytic − numeric| / max(|analytic|, |numeric|, largest |analytic| / 1000); 0 where
        the two are closer than central differences resolve.
    where : str
        The parameter, as ``weights[l][j, k]`` or ``biases[l][k]``.
    analytic, numeric : float
        ∂L/∂θ at that place, by backpropagation and by central differences.
    checked : int
        How many parameters were compared.
    """

    relative_error: float
    where: str
    analytic: float
    numeric: float
    checked: int


def check_gradient(
    network: Network,
    X: ArrayLike,
    y: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    most: int = 1000,
) -> GradientCheck:
    """Compare ``gradient`` with (L(θ + h) − L(θ − h)) / 2h of ``loss``, parameter by parameter.

    Parameters
    ----------
    network : Network
        Not changed. A float32 network is checked by the same code in float64.
    X, y, sample_weight
        As for ``Network.loss``.
    most : int
        Larger networks are checked at this many parameters, evenly spread.

    Returns
    -------
    GradientCheck
        For smooth activations and losses, a relative error below 1e-6 is agreement. At a
        kink (relu at 0) the two may differ though both are right.

    Notes
    -----
    h = ∛ε max(1, |θ|), which balances truncation and rounding for central differences. They
    resolve ε max(1, L) / h: at a minimum, where the gradient is 0, they give that much.

    Examples
    --------
    >>> import chainrule as cr
    >>> net = cr.Network([2, 3, 2], activation="tanh", l2=0.1, seed=3)
    >>> cr.check_gradient(net, [[0.5, -1.0]], [[1.0, 0.0]]).relative_error < 1e-6
    True
    """
    spec = replace(network.spec, dtype="float64", precision=None)
    parameters = Parameters(spec, network.parameters.theta.astype(np.float64))
    data = samples(spec, X, y, sample_weight)
    engine, theta = network.engine, parameters.theta
    trace = engine.trace(parameters, *data)
    analytic = trace.gradient.theta
    places = np.arange(len(theta))
    if len(places) > whole_number("most", most, 1):
        places = np.linspace(0, len(theta) - 1, most).astype(np.int64)
    epsilon = np.finfo(np.float64).eps
    steps = np.cbrt(epsilon) * np.maximum(1.0, np.abs(theta[places]))
    numeric = np.empty(len(places))
    for i, (place, h) in enumerate(zip(places, steps, strict=True)):
        kept = theta[place]
        theta[place] = kept + h
        above = engine.loss(parameters, *data)
        theta[place] = kept - h
        below = engine.loss(parameters, *data)
        theta[place] = kept
        numeric[i] = (above - below) / (2 * h)
    size = np.maximum(np.abs(analytic[places]), np.abs(numeric))
    floor = max(np.abs(analytic).max() / 1000, np.finfo(np.float64).tiny)
    difference = np.abs(analytic[places] - numeric)
    difference[difference <= epsilon * max(1.0, abs(trace.loss)) / steps] = 0.0
    errors = difference / np.maximum(size, floor)
    worst = int(np.argmax(errors))
    return GradientCheck(
        relative_error=float(errors[worst]),
        where=_name(parameters, int(places[worst])),
        analytic=float(analytic[places[worst]]),
        numeric=float(numeric[worst]),
        checked=len(places),
    )


def _name(parameters: Parameters, place: int) -> str:
    for kind, arrays in (("weights", parameters.weights), ("biases", parameters.biases)):
        for layer, array in enumerate(arrays):
            if place < array.size:
                index = ", ".join(str(int(i)) for i in np.unravel_index(place, array.shape))
                return f"{kind}[{layer}][{index}]"
            place -= array.size
    raise IndexError(place)
