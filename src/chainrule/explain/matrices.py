"""A layer of a step in matrices: Z = A W + b, or in columns z = W a + b."""

from collections.abc import Callable
from dataclasses import replace

from chainrule.explain.equations import Equations
from chainrule.explain.expressions import (
    Derivative,
    Expression,
    Letter,
    Matrix,
    Product,
    Sum,
    Value,
)
from chainrule.explain.notations import Notation
from chainrule.explain.quantities import Quantity

_MOST = 4  # rows and columns that are shown of a large matrix
_DOTS = Letter("⋯")

Sides = tuple[Expression, ...]
Entry = Callable[[int, int], Quantity]


class Matrices:
    """The equations of a layer in matrices, with their numbers.

    Parameters
    ----------
    equations : Equations
    notation : Notation
        In columns, weights stand transposed, and a sample is a column.
    most : int or None
        Rows and columns that are shown; None for all.
    """

    def __init__(self, equations: Equations, notation: Notation, most: int | None = _MOST) -> None:
        self._equations, self._notation, self._most = equations, notation, most

    def forward(self, layer: int, i: int) -> Sides:
        """Return z = W a + b of a sample, in the notation's orientation."""
        fan_in, fan_out = self._equations.spec.shapes[layer]
        W = self._matrix(fan_in, fan_out, lambda k, j: Quantity("weights", layer, (k, j)))
        a = self._vector(fan_in, lambda k: Quantity("activations", layer, (i, k)))
        b = self._vector(fan_out, lambda j: Quantity("biases", layer, (j,)))
        z = self._vector(fan_out, lambda j: Quantity("pre_activations", layer, (i, j)))
        below = self._letter("activations", layer)
        names = (
            self._letter("pre_activations", layer + 1),
            self._weights(layer),
            below if layer else self._letter("inputs", 0),
            self._letter("biases", layer + 1),
        )
        return self._sides(names, W, a, z, b)

    def backward(self, layer: int, i: int) -> Sides:
        """Return ∂ℓ/∂a = Wᵀ δ: what reaches the units below a layer, from its δ."""
        fan_in, fan_out = self._equations.spec.shapes[layer]
        W = self._matrix(fan_out, fan_in, lambda j, k: Quantity("weights", layer, (k, j)))
        delta = self._vector(fan_out, lambda j: Quantity("deltas", layer, (i, j)))
        below = self._vector(fan_in, lambda k: Quantity("upstream", layer - 1, (i, k)))
        upstream = Derivative(self._letter("sample_losses", 0), self._letter("activations", layer))
        weights = self._weights(layer)
        names = (upstream, replace(weights, above=f"{weights.above}T"), self._delta(layer))
        return self._sides(names, W, delta, below, None)

    def _letter(self, kind: str, units: int) -> Letter:
        """Return the letter of a vector, with the number of its layer where it has one."""
        template = self._notation.template(kind)
        name = template.split("_")[0]
        label = str(units - 1 + self._notation.first_layer) if template.endswith("^{l}") else ""
        return Letter(name, "", label)

    def _weights(self, layer: int) -> Letter:
        letter = self._letter("weights", layer + 1)
        return replace(letter, name=letter.name.upper())

    def _delta(self, layer: int) -> Expression:
        if not self._notation.template("deltas").startswith("∂"):
            return self._letter("deltas", layer + 1)
        loss, z = self._letter("sample_losses", 0), self._letter("pre_activations", layer + 1)
        return Derivative(loss, z)

    def _sides(
        self, names: tuple[Expression, ...], W: Matrix, x: Matrix, result: Matrix, b: Matrix | None
    ) -> Sides:
        result_name, weights, vector, *bias = names
        pair = (weights, vector) if self._notation.is_columns else (vector, weights)
        numbers = (W, x) if self._notation.is_columns else (x, W)
        if b is None:
            return result_name, Product(pair), Product(numbers), result
        return (
            result_name,
            Sum((Product(pair), *bias)),
            Sum((Product(numbers), b)),
            result,
        )

    def _vector(self, count: int, of: Callable[[int], Quantity]) -> Matrix:
        return self._matrix(1, count, lambda _, j: of(j))

    def _matrix(self, rows: int, columns: int, of: Entry) -> Matrix:
        """Return a matrix of rows × columns, or its transpose where the notation has columns."""
        entry = of
        if self._notation.is_columns:
            rows, columns = columns, rows

            def entry(r: int, c: int) -> Quantity:
                return of(c, r)

        across, down = self._shown(columns), self._shown(rows)
        return Matrix(
            tuple(
                tuple(_DOTS if r is None or c is None else self._value(entry(r, c)) for c in across)
                for r in down
            )
        )

    def _value(self, quantity: Quantity) -> Value:
        number = self._equations.number(quantity) * self._notation.scale(quantity)
        return Value(number, quantity)

    def _shown(self, count: int) -> list[int | None]:
        """Return the places that are shown: the first, dots (None), and the last."""
        if self._most is None or count <= self._most + 1:
            return list(range(count))
        return [*range(self._most - 1), None, count - 1]
