"""Expressions of a receipt, evaluated in plain Python floats, each with a bound of its error.

Running error analysis (Higham 2002, Accuracy and stability of numerical algorithms, section 3.3):
beside each value goes a bound of how far the engine's, computed in its own precision and order, may
be from it.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Bounded(NamedTuple):
    """A value, and how far from it another computation of it may be."""

    value: float
    bound: float


Look = Callable[[str], Bounded]

# Constants that stand in a formula of a step.
CONSTANTS = frozenset({0.0, 0.01, 0.5, 1.0, 2.0, 3.0, 6.0, math.pi})
_FEW = 8  # roundings of a function of the C library or the engine's own


def _guarded(function: Callable[..., float]) -> Callable[..., float]:
    def called(*numbers: float) -> float:
        try:
            return float(function(*numbers))
        except OverflowError:
            return math.inf
        except (ValueError, ZeroDivisionError):
            return math.nan

    return called


_FUNCTIONS: dict[str, Callable[..., float]] = {
    "exp": math.exp,
    "ln": math.log,
    "sqrt": math.sqrt,
    "tanh": math.tanh,
    "cosh": math.cosh,
    "sin": math.sin,
    "cos": math.cos,
    "abs": abs,
    "sign": lambda x: float((x > 0) - (x < 0)),
    "σ": lambda x: 1 / (1 + math.exp(-x)),
    "Φ": lambda x: math.erfc(-x / math.sqrt(2)) / 2,
    "max": max,
    "min": min,
    "^": lambda x, y: x**y,
}
_HOLDS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "≤": lambda a, b: a <= b,
    "≥": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
}
OPERATIONS = frozenset({*_FUNCTIONS, "+", "*", "/", "-", "if", "sum"})


class Arithmetic:
    """Evaluates expressions in a precision.

    Parameters
    ----------
    unit : float
        The largest relative error of a rounding: 2⁻²⁴ of float32, 2⁻⁵³ of float64.
    look : callable
        Returns the number of a name.
    """

    def __init__(self, unit: float, look: Look) -> None:
        self._unit, self._look = unit, look

    def of(self, tree: Any) -> Bounded:  # noqa: ANN401 (what JSON can hold)
        """Return the value of an expression; ``ValueError`` if it is none."""
        if isinstance(tree, str):
            return self._look(tree)
        if isinstance(tree, int | float) and not isinstance(tree, bool):
            if float(tree) not in CONSTANTS:
                raise ValueError(f"no formula has the constant {tree!r}")
            return Bounded(float(tree), 0.0)
        if not isinstance(tree, list) or not tree or tree[0] not in OPERATIONS:
            raise ValueError(f"{tree!r:.60} is no expression")
        operation, *parts = tree
        if operation == "sum":
            return self._sum([self.of(part) for part in terms(tree)])
        if operation == "if":
            return self._choice(*parts) if len(parts) == 3 else self._refuse(tree)
        return self._applied(tree, operation, [self.of(part) for part in parts])

    def _applied(self, tree: Any, operation: str, values: list[Bounded]) -> Bounded:  # noqa: ANN401
        match operation, len(values):
            case "+", _:
                return self._sum(values)
            case "*", _:
                return self._product(values)
            case "-", 1:
                return Bounded(-values[0].value, values[0].bound)
            case "/", 2:
                return self._quotient(*values)
            case (("max" | "min" | "^"), 2):
                return self._function(operation, values)
            case _, 1:
                return self._function(operation, values)
        return self._refuse(tree)

    @staticmethod
    def _refuse(tree: Any) -> Bounded:  # noqa: ANN401
        raise ValueError(f"{tree!r:.60} has a wrong number of parts")

    def _sum(self, values: Sequence[Bounded]) -> Bounded:
        size = sum(abs(value) for value, _ in values)
        # of n roundings, a sum's error grows like sqrt(n), in any order
        rounding = self._unit * (_FEW + 2 * math.sqrt(len(values))) * size
        return Bounded(sum(v for v, _ in values), sum(b for _, b in values) + rounding)

    def _product(self, values: Sequence[Bounded]) -> Bounded:
        if any(value == 0 and bound == 0 for value, bound in values):
            return Bounded(0.0, 0.0)  # whatever the others: 0 ln 0 is 0
        value, bound = 1.0, 0.0
        for factor, error in values:
            bound = abs(value) * error + abs(factor) * bound + bound * error
            value *= factor
            bound += self._unit * abs(value)
        return Bounded(value, bound)

    def _quotient(self, top: Bounded, bottom: Bounded) -> Bounded:
        if bottom.value == 0:
            return Bounded(math.nan, math.inf)
        value = top.value / bottom.value
        least = max(abs(bottom.value) - bottom.bound, abs(bottom.value) * 1e-3)
        error = (top.bound + abs(value) * bottom.bound) / least
        return Bounded(value, error + self._unit * abs(value))

    def _function(self, name: str, values: Sequence[Bounded]) -> Bounded:
        function = _guarded(_FUNCTIONS[name])
        numbers = [value for value, _ in values]
        value, bound = function(*numbers), 0.0
        for place, (number, error) in enumerate(values):
            for moved in (number - error, number + error):
                other = function(*numbers[:place], moved, *numbers[place + 1 :])
                bound = max(bound, abs(other - value)) if not math.isnan(other) else bound
        exact = name in ("abs", "sign", "max", "min")
        return Bounded(value, bound + (0 if exact else _FEW * self._unit * abs(value)))

    def _choice(self, condition: Any, value: Any, otherwise: Any) -> Bounded:  # noqa: ANN401
        """Return the value that holds; where that is not certain, with a bound that has both."""
        if not isinstance(condition, list) or condition[:1] != ["holds"] or len(condition) < 4:
            raise ValueError(f"{condition!r:.60} is no condition")
        relations, operands = condition[1], [self.of(part) for part in condition[2:]]
        pairs = list(zip(operands[:-1], relations, operands[1:], strict=True))
        holds = all(_HOLDS[relation](a.value, b.value) for a, relation, b in pairs)
        chosen = self.of(value if holds else otherwise)
        if all(abs(a.value - b.value) > a.bound + b.bound for a, _, b in pairs):
            return chosen
        other = self.of(otherwise if holds else value)
        return Bounded(chosen.value, chosen.bound + abs(other.value - chosen.value) + other.bound)


def terms(series: list[Any]) -> list[Any]:
    """Return the terms of ["sum", index, count, pattern].

    Raises
    ------
    ValueError
        If it is not one.
    """
    if len(series) != 4 or not isinstance(series[1], str) or not isinstance(series[2], int):
        raise ValueError(f"{series!r:.60} is no sum")
    _, index, count, pattern = series
    return [_filled(pattern, index, n) for n in range(count)]


def _filled(tree: Any, index: str, n: int) -> Any:  # noqa: ANN401
    if isinstance(tree, list):
        return [tree[0], *(_filled(part, index, n) for part in tree[1:])]
    if not isinstance(tree, str) or "[" not in tree:
        return tree
    kind, *places = tree.replace("]", "").split("[")
    filled = (", ".join(str(n) if x == index else x for x in p.split(", ")) for p in places)
    return kind + "".join(f"[{place}]" for place in filled)


def names(tree: Any) -> list[str]:  # noqa: ANN401
    """Return the names in an expression, from left to right."""
    if isinstance(tree, str):
        return [tree]
    if not isinstance(tree, list) or not tree:
        return []
    if tree[0] == "sum":
        return [name for term in terms(tree) for name in names(term)]
    parts = tree[2:] if tree[0] == "holds" else tree[1:]
    return [name for part in parts for name in names(part)]
