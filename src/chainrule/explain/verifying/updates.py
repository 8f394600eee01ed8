"""What an update has to be, of a weight or a bias, one assignment after the other."""

from collections.abc import Callable

from chainrule.explain.verifying import restated
from chainrule.explain.verifying.stated import Stated

Parts = tuple[list[str], bool, float]

# What each part of a rule is made of, beside θ, g, η and memory: the options by name, and whether
# it needs the rate (η) or the number of the step (t).
_RULES: dict[str, dict[str, list[str]]] = {
    "sgd": {"θ": ["θ", "η", "g"]},
    "momentum": {"velocity": ["momentum", "velocity", "η", "g"], "θ": ["θ", "+velocity"]},
    "nesterov": {
        "velocity": ["momentum", "velocity", "η", "g"],
        "θ": ["θ", "momentum", "+velocity", "η", "g"],
    },
    "adagrad": {"squares": ["squares", "g"], "θ": ["θ", "η", "g", "+squares", "epsilon"]},
    "rmsprop": {
        "mean_square": ["decay", "mean_square", "g"],
        "θ": ["θ", "η", "g", "+mean_square", "epsilon"],
    },
    "adam": {
        "first_moment": ["beta1", "first_moment", "g"],
        "second_moment": ["beta2", "second_moment", "g"],
        "θ": ["θ", "η", "+first_moment", "beta1", "t", "+second_moment", "beta2", "epsilon"],
    },
    "rprop": {
        "step_size": ["largest", "smallest", "g", "previous_gradient", "increase", "step_size",
                      "decrease"],
        "previous_gradient": ["g", "previous_gradient"],
        "θ": ["θ", "+previous_gradient", "+step_size"],
    },
}  # fmt: skip
_OPTIONS = {
    "momentum", "epsilon", "decay", "beta1", "beta2", "increase", "decrease", "smallest", "largest",
}  # fmt: skip


def updated(
    s: Stated, number: Callable[[str], float], kind: str, part: str, layer: int, at: list[int]
) -> Parts:
    """Return what a quantity of the update is made of, and its number.

    Raises
    ------
    ValueError
        If the update has no such quantity.
    """
    place = f"[{layer}]{at}"
    what = "weights" if len(at) == 2 else "biases"
    decayed = s.options["weight_decay"] > 0
    theta = f"{'decayed_' if decayed else ''}{what}{place}"
    is_constrained = s.options["max_norm"] is not None and what == "weights"
    if kind.startswith("decayed"):
        parts = [f"{what}{place}", "learning_rate", "option.weight_decay"]
        w, rate, decay = (number(name) for name in parts)
        _require(decayed, "nothing decays")
        return [parts[0], parts[0], *parts[1:]], False, w - rate * decay * w
    if kind == "state_after" and part == "average":
        _require(s.options["averaging"] > 0, "nothing is averaged")
        parts = ["option.averaging", f"state.average{place}", f"new_{what}{place}"]
        beta, mean, w = (number(name) for name in parts)
        return parts, False, beta * mean + (1 - beta) * w
    if kind == "new_weights" and is_constrained:
        parts = [f"free_weights{place}", "option.max_norm", f"unit_norms[{layer}][{at[1]}]"]
        w, largest, norm = (number(name) for name in parts)
        return parts, False, w * largest / norm if norm > largest else w
    _require(kind != "free_weights" or is_constrained, "no norm is enforced")
    return _ruled(s, number, part if kind == "state_after" else "θ", theta, place, len(at) == 2)


def _ruled(
    s: Stated,
    number: Callable[[str], float],
    becomes: str,
    theta: str,
    place: str,
    is_weight: bool,
) -> Parts:
    """Return one assignment of the optimizer's rule."""
    rule = {"adamw": "adam"}.get(s.optimizer, s.optimizer)
    if rule == "sgd" and s.options["momentum"]:
        rule = "nesterov" if s.options["nesterov"] else "momentum"
    _require(becomes in _RULES[rule], f"{s.optimizer} has no {becomes!r}")
    kind = "weight" if is_weight else "bias"
    g = f"{kind}_gradients{place}"
    if s.is_clipped:
        g = f"clipped_{'weights' if is_weight else 'biases'}{place}"
    named = {"θ": theta, "g": g, "η": "learning_rate", "t": "step_number"}
    parts = []
    for one in _RULES[rule][becomes]:
        if one in _OPTIONS:
            parts.append(f"option.{one}")
        elif one.startswith("+"):
            parts.append(f"state_after.{one[1:]}{place}")
        else:
            parts.append(named.get(one, f"state.{one}{place}"))
    function, _ = restated.OPTIMIZERS[s.optimizer]
    memory = {slot: number(f"state.{slot}{place}") for slot in s.slots if slot != "average"}
    options = {name: float(value) for name, value in s.options.items() if value is not None}
    moved, after = function(number(theta), number(g), memory, s.rate, s.t, options)
    return parts, False, moved if becomes == "θ" else after[becomes]


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)
