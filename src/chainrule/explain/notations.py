"""Notations: how the quantities of a step are written, book by book.

A notation is a table: a template for each kind of quantity. In a template, j is the unit, k the
unit that a weight comes from, l the layer, n the number of a weight, u the unit with the letter of
its layer (i, h, o); a word of three letters or more is a word. ``_{}`` is written below, ``^{}``
above, ``∂a/∂b`` is a derivative.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from chainrule.engine.trace import Trace
from chainrule.explain.expressions import Call, Derivative, Expression, Letter
from chainrule.explain.quantities import Quantity
from chainrule.theory.checks import require_name
from chainrule.theory.optimizer import OF_ALL

_PLAIN = {
    "weights": "w_{kj}^{l}",
    "biases": "b_{j}^{l}",
    "inputs": "x_{j}",
    "activations": "a_{j}^{l}",
    "pre_activations": "z_{j}^{l}",
    "masks": "r_{j}^{l}",
    "targets": "y_{j}",
    "sample_losses": "ℓ",
    "loss": "L",
    "penalty": "R",
    "shares": "c",
    "sample_weights": "s",
    "mean_weight": "s̄",
    "batch_size": "n",
    "deltas": "δ_{j}^{l}",
    "weight_gradients": "∂L/∂w_{kj}^{l}",
    "bias_gradients": "∂L/∂b_{j}^{l}",
    "learning_rate": "η",
    "step_number": "t",
    "clip_factor": "f",
    "undropped": "φ_{j}^{l}",
    "output_gradients": "∂ℓ/∂a_{j}^{l}",
    "upstream": "∂ℓ/∂a_{j}^{l}",
    "slopes": "φ′_{j}^{l}",
    "clipped_weights": "g_{kj}^{l}",
    "clipped_biases": "g_{j}^{l}",
    "unit_norms": "n_{j}^{l}",
}

_BECOMES = ("new", "decayed", "free")  # what a weight or a bias becomes, one after the other
_PER_SAMPLE = (
    "activations", "pre_activations", "masks", "targets", "sample_losses", "shares",
    "sample_weights", "deltas", "undropped", "output_gradients", "upstream", "slopes",
    "sample_weight_gradients",
)  # fmt: skip
_OF_INPUT = ("activations", "undropped")  # whose layer 0 is the inputs
_TEMPLATE = re.compile(r"(?P<name>[^_^]+)(_\{(?P<below>[^}]*)\})?(\^\{(?P<above>[^}]*)\})?")

Symbols = Callable[[Quantity], Expression]


def plain_templates() -> dict[str, str]:
    """Return the template of each kind, where a notation has no other."""
    return dict(_PLAIN)


@dataclass(frozen=True)
class Notation:
    """How quantities are written.

    Parameters
    ----------
    name, source : str
    symbols : mapping of str to str
        Templates by kind; what isn't given is as in ``rows``.
    scales : mapping of str to float
        What its quantities are times ours: -1 of a threshold, which is taken away where a bias is
        added.
    first_layer, first_unit : int
        The number of the first layer of weights, and of the first unit of a layer.
    is_throughout : bool
        Whether units are counted from the first input to the last output.
    is_columns : bool
        Whether a sample is a column, z = W a + b; else a row, z = a W + b.
    after : str
        What is written above a weight after its update; without it, w becomes (←) its new value.

    Examples
    --------
    A teacher's own, in a few lines:

    >>> mine = Notation("mine", "my lectures", {"activations": "h_{j}^{l}", "learning_rate": "α"})
    >>> mine.template("activations"), mine.template("loss")
    ('h_{j}^{l}', 'L')
    """

    name: str
    source: str
    symbols: Mapping[str, str] = field(default_factory=dict)
    scales: Mapping[str, float] = field(default_factory=dict)
    first_layer: int = 1
    first_unit: int = 1
    is_throughout: bool = False
    is_columns: bool = True
    after: str = ""

    def template(self, kind: str) -> str:
        """Return how a kind of quantity is written."""
        return self.symbols.get(kind, _PLAIN[kind])

    def scale(self, quantity: Quantity) -> float:
        """Return what the notation's number is times ours."""
        kind = quantity.kind.removeprefix("new_").removeprefix("decayed_")
        return self.scales.get(kind, 1.0)

    def of(self, trace: Trace, place: int | None) -> Symbols:
        """Return what gives the symbol of a quantity of a trace.

        Parameters
        ----------
        trace : Trace
        place : int or None
            The sample of the batch that is talked about, whose number isn't written.
        """
        return _Symbols(self, trace, place).symbol


class _Symbols:
    """The symbols of a trace's quantities in a notation."""

    def __init__(self, notation: Notation, trace: Trace, place: int | None) -> None:
        self._notation, self._spec, self._place = notation, trace.parameters.spec, place
        self._n = len(trace.rows)
        update = trace.update
        letters = {} if update is None else update.optimizer.letters
        self._letters = {name: letter for letter, name in {**OF_ALL, **letters}.items()}

    def symbol(self, quantity: Quantity) -> Expression:
        """Return the symbol of a quantity."""
        kind, layer, at, name = quantity
        if kind == "gradient_norm":
            return Call("norm", (Letter("g"),))
        if kind == "option":
            return self._option(name)
        if kind.startswith("state"):
            like = self._notation.template("weights" if len(at) == 2 else "biases")
            template = self._letters.get(name, name) + like[like.index("_") :]
            symbol = self._read(template, quantity)
            is_after = kind == "state_after"
            return self._raised(symbol, self._notation.after) if is_after else symbol
        becomes, _, of = kind.partition("_")
        if becomes in _BECOMES:
            now = self.symbol(Quantity(of, layer, at))
            return self._raised(now, self._notation.after)
        if kind == "sample_weight_gradients":
            loss = self._read(self._notation.template("sample_losses"), quantity)
            return Derivative(loss, self.symbol(Quantity("weights", layer, at[1:])))
        if kind in _OF_INPUT and layer == 0:
            kind = "inputs"
        symbol = self._read(self._notation.template(kind), quantity)
        if quantity.kind in _PER_SAMPLE and self._n > 1 and at[0] != self._place:
            label = at[0] + 1 if isinstance(at[0], int) else at[0]
            symbol = self._raised(symbol, f"({label})")
        return symbol

    def _option(self, name: str) -> Expression:
        option, _, level = name.partition(":")
        if level:
            return Letter("q", str(int(level) + 1))
        special = {"threshold": "t", "gamma": "γ", "l2": "l2", "l1": "l1"}
        letter = self._letters.get(option, special.get(option, option))
        taken = letter == self._notation.template("learning_rate")
        return Letter("d" if taken else letter)

    def _raised(self, symbol: Expression, above: str) -> Expression:
        """Return a symbol with something more above it; of a derivative, above what it is of."""
        if isinstance(symbol, Letter):
            return replace(symbol, above=symbol.above + above)
        if isinstance(symbol, Derivative):
            return replace(symbol, by=self._raised(symbol.by, above))
        return symbol

    def _read(self, template: str, quantity: Quantity) -> Expression:
        if template.startswith("∂"):
            of, by = (part.lstrip("∂") for part in template.split("/"))
            return Derivative(self._read(of, quantity), self._read(by, quantity))
        match = _TEMPLATE.fullmatch(template)
        if match is None:
            raise ValueError(f"{template!r} is not a template of a notation, as w_{{jk}}^{{l}}")
        below = self._filled(match["below"] or "", quantity)
        return Letter(match["name"], below, self._filled(match["above"] or "", quantity))

    def _filled(self, text: str, quantity: Quantity) -> str:
        if len(text) > 2 and text.isalpha():
            return text
        labels = [self._label(character, quantity) for character in text]
        return (",".join if any(len(label) > 1 for label in labels) else "".join)(labels)

    def _label(self, character: str, quantity: Quantity) -> str:
        kind, layer, at, _ = quantity
        units = layer if kind in ("activations", "undropped") else layer + 1
        if kind in ("targets", "output_gradients"):
            units = self._spec.n_layers
        match character:
            case "l":
                return str(units - 1 + self._notation.first_layer)
            case "j" | "u":
                return self._unit(units, at[-1], character == "u")
            case "k":
                return self._unit(units - 1, at[-2], False)
            case "n":
                return self._number(layer, at)
        return character

    def _unit(self, units: int, unit: int | str, lettered: bool) -> str:
        """Return the number of a unit, in its layer or throughout, or with the layer's letter."""
        if isinstance(unit, str):
            return unit
        before = sum(self._spec.layer_sizes[:units]) if self._notation.is_throughout else 0
        number = str(before + unit + self._notation.first_unit)
        if not lettered:
            return number
        hidden = "h" if self._spec.n_layers == 2 else f"h{units}:"
        return ("i" if units == 0 else "o" if units == self._spec.n_layers else hidden) + number

    def _number(self, layer: int, at: tuple[int | str, ...]) -> str:
        """Return the number of a weight: those into the first unit first, layer after layer."""
        k, j = at
        if isinstance(k, str) or isinstance(j, str):
            return f"{k}{j}"
        before = sum(rows * columns for rows, columns in self._spec.shapes[:layer])
        return str(before + j * self._spec.shapes[layer][0] + k + 1)


_DESCENT = {"deltas": -1.0, "output_gradients": -1.0, "upstream": -1.0}
_DOUBLED = dict.fromkeys(
    ("deltas", "output_gradients", "upstream", "sample_losses", "loss", "penalty",
     "sample_weight_gradients",
     "weight_gradients", "bias_gradients", "clipped_weights", "clipped_biases"),
    2.0,
)  # fmt: skip

NOTATIONS: Mapping[str, Notation] = MappingProxyType({
    notation.name: notation
    for notation in (
        Notation(
            "article",
            "Deep Learning Explained: columns, λ for the rate, ŷ for the truth, counted from 0",
            {
                "weights": "w_{jk}^{l}", "deltas": "∂L/∂z_{j}^{l}", "targets": "ŷ_{j}",
                "learning_rate": "λ", "weight_gradients": "∂L/∂w_{jk}^{l}",
                "slopes": "σ′_{j}^{l}", "output_gradients": "∂L/∂a_{j}^{l}",
                "upstream": "∂L/∂a_{j}^{l}", "sample_losses": "L",
            },
            first_layer=0,
            first_unit=0,
        ),
        Notation(
            "rows",
            "chainrule's own code: samples are rows",
            first_layer=0,
            first_unit=0,
            is_columns=False,
        ),
        Notation(
            "mazur",
            "Matt Mazur 2015, A step by step backpropagation example",
            {
                "weights": "w_{n}", "biases": "b_{u}", "inputs": "i_{j}",
                "activations": "out_{u}", "undropped": "out_{u}", "pre_activations": "net_{u}",
                "targets": "target_{u}", "sample_losses": "E_{total}", "loss": "E",
                "deltas": "∂E/∂net_{u}", "weight_gradients": "∂E/∂w_{n}",
                "bias_gradients": "∂E/∂b_{u}", "output_gradients": "∂E/∂out_{u}",
                "upstream": "∂E/∂out_{u}", "slopes": "∂out_{u}/∂net_{u}",
            },
            after="+",
        ),
        Notation(
            "han",
            "Han, Kamber, Pei, Data Mining: Concepts and Techniques, chapter 9",
            {
                "weights": "w_{kj}", "biases": "θ_{j}", "activations": "O_{j}",
                "undropped": "O_{j}", "pre_activations": "I_{j}", "targets": "T_{j}",
                "deltas": "Err_{j}", "sample_losses": "E", "loss": "E", "learning_rate": "l",
                "weight_gradients": "∂E/∂w_{kj}", "bias_gradients": "∂E/∂θ_{j}",
                "output_gradients": "e_{j}", "upstream": "e_{j}", "slopes": "O′_{j}",
            },
            scales=_DESCENT,
            is_throughout=True,
        ),
        Notation(
            "negnevitsky",
            "Negnevitsky, Artificial Intelligence, chapter 6: thresholds θ in the place of biases",
            {
                "weights": "w_{kj}", "biases": "θ_{j}", "activations": "y_{j}",
                "undropped": "y_{j}", "pre_activations": "X_{j}", "targets": "d_{j}",
                "deltas": "δ_{j}", "sample_losses": "E", "loss": "E", "learning_rate": "α",
                "weight_gradients": "∂E/∂w_{kj}", "bias_gradients": "∂E/∂θ_{j}",
                "output_gradients": "e_{j}", "upstream": "e_{j}", "slopes": "y′_{j}",
            },
            scales=_DESCENT | {"biases": -1.0, "bias_gradients": -1.0},
            is_throughout=True,
        ),
        Notation(
            "hagan",
            "Hagan, Demuth, Beale, De Jesús, Neural Network Design, chapter 11: F is e², not ½ e²",
            {
                "weights": "w_{jk}^{l}", "inputs": "p_{j}", "pre_activations": "n_{j}^{l}",
                "targets": "t_{j}", "deltas": "s_{j}^{l}", "sample_losses": "F", "loss": "F",
                "learning_rate": "α", "weight_gradients": "∂F/∂w_{jk}^{l}",
                "bias_gradients": "∂F/∂b_{j}^{l}", "output_gradients": "∂F/∂a_{j}^{l}",
                "upstream": "∂F/∂a_{j}^{l}", "slopes": "f′_{j}^{l}",
            },
            scales=_DOUBLED | {"learning_rate": 0.5},
        ),
        Notation(
            "nielsen",
            "Nielsen 2015, Neural Networks and Deep Learning, chapter 2: layer 1 is the input",
            {
                "weights": "w_{jk}^{l}", "sample_losses": "C", "loss": "C",
                "weight_gradients": "∂C/∂w_{jk}^{l}", "bias_gradients": "∂C/∂b_{j}^{l}",
                "output_gradients": "∂C/∂a_{j}^{l}", "upstream": "∂C/∂a_{j}^{l}",
                "slopes": "σ′_{j}^{l}",
            },
            first_layer=2,
        ),
    )
})  # fmt: skip


def notation_of(given: "Notation | str") -> Notation:
    """Return a notation by its name, or as it is.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if isinstance(given, Notation):
        return given
    require_name("notation", given, NOTATIONS)
    return NOTATIONS[given]
