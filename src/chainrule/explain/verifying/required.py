"""Required: what each quantity of a step has to be made of, and the number that it then is.

An independent statement, for ``verify.py``: names in, plain floats out.
"""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from chainrule.explain.verifying import restated
from chainrule.explain.verifying.stated import Stated

Parts = tuple[list[str], bool, float]  # names; whether their order is part of it; the number

_NAME = re.compile(
    r"(?P<kind>[a-z_]+)(\.(?P<part>[^\[\]]+))?(\[(?P<layer>\d+)\])?(\[(?P<at>[\d, ]+)\])?"
)
_COMPUTED = {
    "undropped", "output_gradients", "upstream", "slopes", "sample_weight_gradients",
    "clipped_weights", "clipped_biases", "decayed_weights", "decayed_biases", "free_weights",
    "unit_norms",
}  # fmt: skip
_GIVEN = {
    "weights", "biases", "masks", "targets", "sample_weights", "mean_weight", "batch_size",
    "option", "state", "learning_rate", "step_number",
}  # fmt: skip


class Required:
    """What lines of a receipt have to be.

    Parameters
    ----------
    stated : Stated
    number : callable
        Returns a number that came before, by its name.
    """

    def __init__(self, stated: Stated, number: Callable[[str], float]) -> None:
        self._s, self._number = stated, number

    # -- names ----------------------------------------------------------------------------------

    def _read(self, name: str) -> tuple[str, str, int, list[int]]:
        """Return kind, part, layer and place of a name; ``ValueError`` unless there is such."""
        match = _NAME.fullmatch(name)
        if match is None:
            raise ValueError("no quantity of a step has such a name")
        at = [int(n) for n in match["at"].split(", ")] if match["at"] else []
        layer = -1
        if match["layer"] is not None:
            layer = int(match["layer"])
        if match["at"] is None and layer >= 0:  # one place and no layer: sample_losses[3]
            layer, at = -1, [layer]
        kind = match["kind"]
        self._require_in_range(kind, layer, at)
        return kind, match["part"] or "", layer, at

    def _require_in_range(self, kind: str, layer: int, at: list[int]) -> None:
        s = self._s
        if layer >= 0:
            highest = s.layers if kind in ("activations", "undropped") else s.layers - 1
            if layer > highest:
                raise ValueError(f"there is no layer {layer}")
        units = {"activations": layer, "undropped": layer}.get(kind, layer + 1)
        if kind in ("targets", "output_gradients"):
            units = s.layers
        limits: list[int] = []
        if kind in _PER_UNIT:
            limits = [s.n, s.sizes[units]]
        elif kind in ("sample_losses", "shares", "sample_weights"):
            limits = [s.n]
        elif kind == "sample_weight_gradients":
            limits = [s.n, s.sizes[layer], s.sizes[layer + 1]]
        elif kind in _OF_PARAMETER or kind.startswith("state"):
            limits = [s.sizes[layer], s.sizes[layer + 1]] if len(at) == 2 else [s.sizes[layer + 1]]
        elif kind == "unit_norms":
            limits = [s.sizes[layer + 1]]
        elif kind not in _ALONE:
            raise ValueError("no quantity of a step has such a name")
        if len(at) != len(limits) or any(n >= limit for n, limit in zip(at, limits, strict=False)):
            raise ValueError("there is no such place in the network or the batch")

    def is_computed(self, name: str) -> bool:
        """Return whether the engine doesn't hold a quantity, so that it was computed in float64."""
        return self._read(name)[0] in _COMPUTED

    def begins(self, name: str, value: float) -> None:
        """Raise ``ValueError`` unless a step begins with such a number."""
        s = self._s
        kind, part, layer, _ = self._read(name)
        if kind == "activations" and layer == 0:
            return
        if kind not in _GIVEN:
            raise ValueError("it is made in the step, and can't be given")
        expected: dict[str, float] = {
            "batch_size": s.n, "learning_rate": s.rate, "step_number": s.t,
        }  # fmt: skip
        if kind == "option":
            expected[kind] = self._option(part)
        if kind == "masks" and value not in (0.0, self._rounded(1 / (1 - s.dropout))):
            raise ValueError(f"a mask is 0 or 1 / (1 - {s.dropout}), got {value!r}")
        if kind == "state" and part not in s.slots:
            raise ValueError(f"{s.optimizer or 'no optimizer'} has no memory {part!r}")
        if kind in expected and value != expected[kind]:
            raise ValueError(f"the receipt states {expected[kind]!r} for it, got {value!r}")

    def _rounded(self, value: float) -> float:
        import struct

        is_single = self._s.dtype == "float32"
        return float(struct.unpack("f", struct.pack("f", value))[0]) if is_single else value

    def _option(self, name: str) -> float:
        s = self._s
        option, _, place = name.partition(":")
        known: dict[str, Any] = s.options | s.loss_options | {"l2": s.l2, "l1": s.l1}
        known |= {"λ": restated.SELU_SCALE, "α": restated.SELU_ALPHA}
        if place:
            return s.levels[int(place)]
        if known.get(option) is None:
            raise ValueError(f"there is no option {name!r}")
        return float(known[option])

    # -- equations ------------------------------------------------------------------------------

    def of(self, name: str) -> Parts:
        """Return what a line has to be made of, and its number."""
        kind, part, layer, at = self._read(name)
        if kind in ("state_after", "new_weights", "new_biases", *_ON_THE_WAY):
            return self._updated(kind, part, layer, at)
        makes = getattr(self, f"_{kind}", None)
        if makes is None:
            raise ValueError("a step doesn't make such a quantity")
        made: Parts = makes(layer, *at)
        return made

    def _dot(self, pairs: Sequence[tuple[str, str]]) -> tuple[list[str], float]:
        parts = [name for pair in pairs for name in pair]
        return parts, sum(self._number(x) * self._number(y) for x, y in pairs)

    def _pre_activations(self, layer: int, i: int, j: int) -> Parts:
        pairs = [(f"weights[{layer}][{k}, {j}]", f"activations[{layer}][{i}, {k}]")
                 for k in range(self._s.sizes[layer])]  # fmt: skip
        parts, z = self._dot(pairs)
        bias = f"biases[{layer}][{j}]"
        return [*parts, bias], True, z + self._number(bias)

    def _is_dropped(self, layer: int) -> bool:
        return self._s.dropout > 0 and layer < self._s.layers - 1

    def _activations(self, layer: int, i: int, j: int) -> Parts:
        if layer == 0:
            raise ValueError("an input is given, and not made")
        if not self._is_dropped(layer - 1):
            return self._undropped(layer, i, j)
        parts = [f"masks[{layer - 1}][{i}, {j}]", f"undropped[{layer}][{i}, {j}]"]
        return parts, True, self._number(parts[0]) * self._number(parts[1])

    def _undropped(self, layer: int, i: int, j: int) -> Parts:
        name = self._s.activations[layer - 1]
        all_z = [f"pre_activations[{layer - 1}][{i}, {k}]" for k in range(self._s.sizes[layer])]
        if name == "softmax":
            return all_z, False, restated.softmax([self._number(z) for z in all_z], j)
        value = restated.ACTIVATIONS[name][0](self._number(all_z[j]))
        return [all_z[j], *_CONSTANTS.get(name, [])], False, value

    def _a(self, layer: int, i: int, j: int) -> str:
        """Return the name of φ(z)."""
        return f"{'undropped' if self._is_dropped(layer) else 'activations'}[{layer + 1}][{i}, {j}]"

    def _slopes(self, layer: int, i: int, j: int) -> Parts:
        name, a = self._s.activations[layer], self._a(layer, i, j)
        if name in restated.SLOPES_OF_A:
            return [a], False, restated.SLOPES_OF_A[name](self._number(a))
        if name == "identity":
            return [], False, 1.0
        z = f"pre_activations[{layer}][{i}, {j}]"
        value = restated.ACTIVATIONS[name][1](self._number(z))
        return [z, *_CONSTANTS.get(name, [])], False, value

    # -- loss -----------------------------------------------------------------------------------

    def _output(self, i: int, j: int) -> tuple[list[str], tuple[float, float, float]]:
        """Return the names of a, y and the option of an output's loss, and their numbers."""
        s = self._s
        parts = [f"activations[{s.layers}][{i}, {j}]", f"targets[{i}, {j}]"]
        option = 0.0
        if s.loss == "quantile":
            level = j // (s.sizes[-1] // len(s.levels))
            parts.append(f"option.levels:{level}")
            option = s.levels[level]
        elif s.loss in restated.LOSS_OPTIONS:
            name = restated.LOSS_OPTIONS[s.loss]
            parts.append(f"option.{name}")
            option = float(s.loss_options[name])
        return parts, (self._number(parts[0]), self._number(parts[1]), option)

    def _pair(self, i: int, j: int) -> tuple[list[str], tuple[float, float, float]]:
        """Return mean, ln σ² and target of gaussian_nll."""
        s, target = self._s, j % self._s.targets
        outputs = f"activations[{s.layers}]"
        parts = [f"{outputs}[{i}, {target}]", f"{outputs}[{i}, {target + s.targets}]"]
        parts.append(f"targets[{i}, {target}]")
        m, v, y = (self._number(part) for part in parts)
        return parts, (m, v, y)

    def _sample_losses(self, _: int, i: int) -> Parts:
        parts, total = list[str](), 0.0
        for j in range(self._s.targets):
            if self._s.loss == "gaussian_nll":
                names, (m, v, y) = self._pair(i, j)
                total += restated.gaussian_nll(m, v, y)
            else:
                names, numbers = self._output(i, j)
                total += restated.LOSSES[self._s.loss][0](*numbers)
            parts += names
        return parts, False, total

    def _share(self, i: int) -> tuple[list[str], float]:
        """Return the names and the number of a sample's share; no name where every share is 1."""
        s = self._s
        if s.reduction == "sum" and not s.is_weighted:
            return [], 1.0
        if s.reduction == "mean" and not s.is_weighted and s.n == 1:
            return [], 1.0
        return [f"shares[{i}]"], self._number(f"shares[{i}]")

    def _shares(self, _: int, i: int) -> Parts:
        s = self._s
        weight = [f"sample_weights[{i}]"] if s.is_weighted else []
        value = self._number(weight[0]) if weight else 1.0
        if s.reduction == "sum":
            return weight, False, value
        below = ["batch_size", "mean_weight"] if s.is_weighted else ["batch_size"]
        return [*weight, *below], False, value / math.prod(map(self._number, below))

    def _loss(self, _: int) -> Parts:
        parts, total = list[str](), 0.0
        for i in range(self._s.n):
            share, factor = self._share(i)
            parts += [*share, f"sample_losses[{i}]"]
            total += factor * self._number(f"sample_losses[{i}]")
        if self._s.l2 or self._s.l1:
            parts.append("penalty")
            total += self._number("penalty")
        return parts, True, total

    def _penalty(self, _: int) -> Parts:
        s = self._s
        names = [f"weights[{layer}][{k}, {j}]" for layer in range(s.layers)
                 for k in range(s.sizes[layer]) for j in range(s.sizes[layer + 1])]  # fmt: skip
        weights = [self._number(name) for name in names]
        options = [f"option.{name}" for name in ("l2", "l1") if getattr(s, name)]
        value = s.l2 / 2 * sum(w * w for w in weights) + s.l1 * sum(map(abs, weights))
        return [*options, *names], False, value

    # -- backward -------------------------------------------------------------------------------

    def _output_gradients(self, _: int, i: int, j: int) -> Parts:
        if self._s.loss == "gaussian_nll":
            parts, (m, v, y) = self._pair(i, j)
            part = j // self._s.targets
            return parts, False, restated.gaussian_nll_slope(m, v, y, part)
        parts, numbers = self._output(i, j)
        if self._s.loss == "cross_entropy" and numbers[1] == 0:
            return parts, False, 0.0
        return parts, False, restated.LOSSES[self._s.loss][1](*numbers)

    def _upstream(self, layer: int, i: int, k: int) -> Parts:
        pairs = [(f"weights[{layer + 1}][{k}, {j}]", f"deltas[{layer + 1}][{i}, {j}]")
                 for j in range(self._s.sizes[layer + 2])]  # fmt: skip
        parts, value = self._dot(pairs)
        if not self._is_dropped(layer):
            return parts, True, value
        mask = f"masks[{layer}][{i}, {k}]"
        return [mask, *parts], True, self._number(mask) * value

    def _deltas(self, layer: int, i: int, j: int) -> Parts:
        s, is_output = self._s, layer == self._s.layers - 1
        short = restated.SHORT_DELTAS.get((s.loss, s.activations[layer])) if is_output else None
        if short is not None:
            (output, target, *_), numbers = self._output(i, j)
            return [output, target], False, short(*numbers[:2])
        kind = "output_gradients" if is_output else "upstream"
        if s.activations[layer] != "softmax":
            parts = [f"{kind}[{layer}][{i}, {j}]", f"slopes[{layer}][{i}, {j}]"]
            return parts, True, self._number(parts[0]) * self._number(parts[1])
        units = range(s.sizes[layer + 1])
        a, u = (
            [self._a(layer, i, k) for k in units],
            [f"{kind}[{layer}][{i}, {k}]" for k in units],
        )
        inner = sum(self._number(x) * self._number(y) for x, y in zip(a, u, strict=True))
        return [*a, *u], False, self._number(a[j]) * (self._number(u[j]) - inner)

    def _sample_weight_gradients(self, layer: int, i: int, k: int, j: int) -> Parts:
        chain, _, delta = self._deltas(layer, i, j)
        if not chain[-1].startswith("slopes"):
            chain, delta = (
                [f"deltas[{layer}][{i}, {j}]"],
                self._number(f"deltas[{layer}][{i}, {j}]"),
            )
        a = f"activations[{layer}][{i}, {k}]"
        return [*chain, a], True, delta * self._number(a)

    def _weight_gradients(self, layer: int, k: int, j: int) -> Parts:
        parts, total = list[str](), 0.0
        for i in range(self._s.n):
            share, factor = self._share(i)
            pair = [f"deltas[{layer}][{i}, {j}]", f"activations[{layer}][{i}, {k}]"]
            parts += [*share, *pair]
            total += factor * self._number(pair[0]) * self._number(pair[1])
        w = f"weights[{layer}][{k}, {j}]"
        if self._s.l2:
            parts += ["option.l2", w]
            total += self._s.l2 * self._number(w)
        if self._s.l1:
            parts += ["option.l1", w]
            total += math.copysign(self._s.l1, self._number(w)) if self._number(w) else 0.0
        return parts, True, total

    def _bias_gradients(self, layer: int, j: int) -> Parts:
        parts, total = list[str](), 0.0
        for i in range(self._s.n):
            share, factor = self._share(i)
            parts += [*share, f"deltas[{layer}][{i}, {j}]"]
            total += factor * self._number(f"deltas[{layer}][{i}, {j}]")
        return parts, True, total

    def _gradient_norm(self, _: int) -> Parts:
        s = self._s
        parts = [f"weight_gradients[{layer}][{k}, {j}]" for layer in range(s.layers)
                 for k in range(s.sizes[layer]) for j in range(s.sizes[layer + 1])]  # fmt: skip
        parts += [
            f"bias_gradients[{layer}][{j}]"
            for layer in range(s.layers)
            for j in range(s.sizes[layer + 1])
        ]
        return parts, False, math.sqrt(sum(self._number(part) ** 2 for part in parts))

    # -- update ---------------------------------------------------------------------------------

    def _clip_factor(self, _: int) -> Parts:
        parts = ["option.clip_norm", "gradient_norm"]
        return parts, False, self._number(parts[0]) / self._number(parts[1])

    def _clipped(self, layer: int, *at: int) -> Parts:
        g = self._gradient(layer, list(at))
        parts = [g, "option.clip_norm", "gradient_norm"]
        value, largest, norm = (self._number(part) for part in parts)
        return parts, False, value * largest / norm if norm > largest else value

    _clipped_weights = _clipped
    _clipped_biases = _clipped

    def _unit_norms(self, layer: int, j: int) -> Parts:
        parts = [f"free_weights[{layer}][{k}, {j}]" for k in range(self._s.sizes[layer])]
        return parts, True, math.sqrt(sum(self._number(part) ** 2 for part in parts))

    @staticmethod
    def _gradient(layer: int, at: list[int]) -> str:
        kind = "weight_gradients" if len(at) == 2 else "bias_gradients"
        return f"{kind}[{layer}]{at}"

    def _updated(self, kind: str, part: str, layer: int, at: list[int]) -> Parts:
        """Return a step of what becomes of a weight or a bias, and of its memory."""
        if not self._s.optimizer:
            raise ValueError("the step was not taken, so nothing is updated")
        from chainrule.explain.verifying.updates import updated

        return updated(self._s, self._number, kind, part, layer, at)


_PER_UNIT = (
    "pre_activations", "activations", "undropped", "masks", "targets", "deltas", "slopes",
    "upstream", "output_gradients",
)  # fmt: skip
_OF_PARAMETER = (
    "weights", "biases", "weight_gradients", "bias_gradients", "clipped_weights", "clipped_biases",
    "decayed_weights", "decayed_biases", "free_weights", "new_weights", "new_biases",
)  # fmt: skip
_ALONE = (
    "loss", "penalty", "mean_weight", "batch_size", "gradient_norm", "clip_factor", "learning_rate",
    "step_number", "option",
)  # fmt: skip
_ON_THE_WAY = ("decayed_weights", "decayed_biases", "free_weights")
_CONSTANTS = {"selu": ["option.λ", "option.α"]}
