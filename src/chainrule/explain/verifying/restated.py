"""The mathematics of a step, stated a second time in plain Python floats, for ``verify.py``.

Nothing here comes from the rest of the package: a receipt is checked against an independent
statement. x is a number, y a target, a the output; each function returns a float.
"""

from collections.abc import Callable, Mapping, Sequence
from math import cos, cosh, erfc, exp, log, log1p, pi, sin, sqrt, tanh

Function = Callable[[float], float]

SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def sigmoid(z: float) -> float:
    """1 / (1 + e⁻ᶻ)."""
    return 1 / (1 + exp(-z)) if z > -700 else 0.0


def normal(z: float) -> float:
    """Return the normal distribution function."""
    return erfc(-z / sqrt(2)) / 2


def density(z: float) -> float:
    """Return the density of the normal distribution."""
    return exp(-z * z / 2) / sqrt(2 * pi)


def softplus(z: float) -> float:
    """ln(1 + eᶻ)."""
    return max(z, 0.0) + log1p(exp(-abs(z)))


def _mish_slope(z: float) -> float:
    t = tanh(softplus(z))
    return t + z * (1 - t * t) * sigmoid(z)


# name: (a of z, da/dz of z)
ACTIVATIONS: Mapping[str, tuple[Function, Function]] = {
    "identity": (lambda z: z, lambda _: 1.0),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "tanh": (tanh, lambda z: 1 / cosh(z) ** 2 if abs(z) < 300 else 0.0),
    "relu": (lambda z: z if z > 0 else 0.0, lambda z: 1.0 if z > 0 else 0.0),
    "leaky_relu": (lambda z: z if z > 0 else z / 100, lambda z: 1.0 if z > 0 else 0.01),
    "elu": (lambda z: z if z > 0 else exp(z) - 1, lambda z: 1.0 if z > 0 else exp(z)),
    "selu": (
        lambda z: SELU_SCALE * (z if z > 0 else SELU_ALPHA * (exp(z) - 1)),
        lambda z: SELU_SCALE * (1.0 if z > 0 else SELU_ALPHA * exp(z)),
    ),
    "gelu": (lambda z: z * normal(z), lambda z: normal(z) + z * density(z)),
    "silu": (
        lambda z: z * sigmoid(z),
        lambda z: sigmoid(z) + z * sigmoid(z) * sigmoid(-z),
    ),
    "mish": (lambda z: z * tanh(softplus(z)), _mish_slope),
    "softplus": (softplus, sigmoid),
    "softsign": (lambda z: z / (1 + abs(z)), lambda z: 1 / (1 + abs(z)) ** 2),
    "hard_sigmoid": (
        lambda z: min(1.0, max(0.0, z / 6 + 0.5)),
        lambda z: 1 / 6 if -3 < z < 3 else 0.0,
    ),
    "sine": (sin, cos),
    "gaussian": (lambda z: exp(-z * z), lambda z: -2 * z * exp(-z * z)),
    "exponential": (exp, exp),
}


# da/dz of those whose slope is said by a; of softmax, that of a unit by its own z
SLOPES_OF_A: Mapping[str, Function] = {
    "sigmoid": lambda a: a * (1 - a),
    "softmax": lambda a: a * (1 - a),
    "tanh": lambda a: (1 - a) * (1 + a),
}


def softmax(z: Sequence[float], j: int) -> float:
    """eᶻʲ / Σ eᶻᵏ."""
    top = max(z)
    return exp(z[j] - top) / sum(exp(x - top) for x in z)


def _ln(x: float) -> float:
    return log(x) if x > 0 else float("-inf")


def _times(weight: float, x: float) -> float:
    return weight * x if weight else 0.0


def _huber(e: float, t: float) -> float:
    return e * e / 2 if abs(e) <= t else t * abs(e) - t * t / 2


def _sign(x: float) -> float:
    return float((x > 0) - (x < 0))


def _focal(a: float, y: float, c: float) -> float:
    return _times(-y, (1 - a) ** c * _ln(a))


def _focal_slope(a: float, y: float, c: float) -> float:
    return _times(y, c * (1 - a) ** (c - 1) * _ln(a) - (1 - a) ** c / a)


# name: (ℓ of one output, dℓ/da); of a, y and the option of that loss, if it has one
LOSSES: Mapping[str, tuple[Callable[..., float], Callable[..., float]]] = {
    "squared_error": (lambda a, y, _: (a - y) ** 2 / 2, lambda a, y, _: a - y),
    "absolute_error": (lambda a, y, _: abs(a - y), lambda a, y, _: _sign(a - y)),
    "huber": (lambda a, y, t: _huber(a - y, t), lambda a, y, t: min(t, max(-t, a - y))),
    "log_cosh": (lambda a, y, _: log(cosh(a - y)), lambda a, y, _: tanh(a - y)),
    "poisson": (
        lambda a, y, _: a - y - _times(y, _ln(a) - _ln(y)),
        lambda a, y, _: 1 - _times(y, 1 / a),
    ),
    "quantile": (
        lambda a, y, q: q * (y - a) if y > a else (1 - q) * (a - y),
        lambda a, y, q: -q if y > a else 1 - q if y < a else 0.0,
    ),
    "gamma": (lambda a, y, _: log(a / y) + y / a - 1, lambda a, y, _: 1 / a - y / (a * a)),
    "binary_cross_entropy": (
        lambda a, y, _: -_times(y, _ln(a)) - _times(1 - y, _ln(1 - a)),
        lambda a, y, _: _times(1 - y, 1 / (1 - a)) - _times(y, 1 / a),
    ),
    "cross_entropy": (lambda a, y, _: -_times(y, _ln(a)), lambda a, y, _: -_times(y, 1 / a)),
    "binary_focal": (
        lambda a, y, c: _focal(a, y, c) + _focal(1 - a, 1 - y, c),
        lambda a, y, c: _focal_slope(a, y, c) - _focal_slope(1 - a, 1 - y, c),
    ),
    "focal": (_focal, _focal_slope),
}

# The option of a loss that its formula has.
LOSS_OPTIONS = {"huber": "threshold", "binary_focal": "gamma", "focal": "gamma"}

# dℓ/dz where it is shorter than dℓ/da da/dz: of a and y.
SHORT_DELTAS: Mapping[tuple[str, str], Callable[[float, float], float]] = {
    ("poisson", "exponential"): lambda a, y: a - y,
    ("gamma", "exponential"): lambda a, y: 1 - y / a,
    ("binary_cross_entropy", "sigmoid"): lambda a, y: a - y,
    ("cross_entropy", "softmax"): lambda a, y: a - y,
}


def gaussian_nll(mean: float, s: float, y: float) -> float:
    """½ (s + (m - y)² e⁻ˢ)."""
    return (s + (mean - y) ** 2 * exp(-s)) / 2


def gaussian_nll_slope(mean: float, s: float, y: float, part: int) -> float:
    """Its derivative by the mean (part 0), or by s."""
    e = (mean - y) * exp(-s)
    return e if part == 0 else (1 - (mean - y) * e) / 2


Options = Mapping[str, float]
Memory = dict[str, float]


def sgd(w: float, g: float, m: Memory, rate: float, _: int, o: Options) -> tuple[float, Memory]:
    """Gradient descent, with momentum and look-ahead where they are asked for."""
    if not o["momentum"]:
        return w - rate * g, {}
    velocity = o["momentum"] * m["velocity"] - rate * g
    step = o["momentum"] * velocity - rate * g if o["nesterov"] else velocity
    return w + step, {"velocity": velocity}


def adagrad(w: float, g: float, m: Memory, rate: float, _: int, o: Options) -> tuple[float, Memory]:
    """Divided by the root of all squares."""
    squares = m["squares"] + g * g
    return w - rate * g / (sqrt(squares) + o["epsilon"]), {"squares": squares}


def rmsprop(w: float, g: float, m: Memory, rate: float, _: int, o: Options) -> tuple[float, Memory]:
    """Divided by the root of a running mean of squares."""
    mean = o["decay"] * m["mean_square"] + (1 - o["decay"]) * g * g
    return w - rate * g / (sqrt(mean) + o["epsilon"]), {"mean_square": mean}


def adam(w: float, g: float, m: Memory, rate: float, t: int, o: Options) -> tuple[float, Memory]:
    """Algorithm 1 of Kingma and Ba."""
    first = o["beta1"] * m["first_moment"] + (1 - o["beta1"]) * g
    second = o["beta2"] * m["second_moment"] + (1 - o["beta2"]) * g * g
    root = sqrt(second / (1 - o["beta2"] ** t)) + o["epsilon"]
    moved = w - rate * first / (1 - o["beta1"] ** t) / root
    return moved, {"first_moment": first, "second_moment": second}


def rprop(w: float, g: float, m: Memory, _: float, __: int, o: Options) -> tuple[float, Memory]:
    """iRprop- of Igel and Hüsken."""
    agree, size = g * m["previous_gradient"], m["step_size"]
    factor = o["increase"] if agree > 0 else o["decrease"] if agree < 0 else 1.0
    size = min(o["largest"], max(o["smallest"], factor * size))
    kept = 0.0 if agree < 0 else g
    return w - _sign(kept) * size, {"step_size": size, "previous_gradient": kept}


OPTIMIZERS: Mapping[str, tuple[Callable[..., tuple[float, Memory]], tuple[str, ...]]] = {
    "sgd": (sgd, ()),
    "adagrad": (adagrad, ("squares",)),
    "rmsprop": (rmsprop, ("mean_square",)),
    "adam": (adam, ("first_moment", "second_moment")),
    "adamw": (adam, ("first_moment", "second_moment")),
    "rprop": (rprop, ("step_size", "previous_gradient")),
}
