"""NetworkSpec: everything about a network but its numbers."""

from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, Literal

from chainrule.theory.activations import ACTIVATIONS, Activation
from chainrule.theory.checks import fields_from, plain, require, require_name, require_number
from chainrule.theory.loss import Fused, Loss
from chainrule.theory.named import loss_named

Reduction = Literal["mean", "sum"]

DTYPES = ("float32", "float64")
PRECISIONS = ("bfloat16",)


@dataclass(frozen=True)
class NetworkSpec:
    """The shape and the mathematics of a network.

    Parameters
    ----------
    layer_sizes : tuple of int
        Units of the input, of each hidden layer and of the output.
    activations : tuple of str
        One name a layer of weights; the last is the output's.
    loss : str
        A name, with options after a colon, as "huber:threshold=1.35"; or a ``Loss`` of one's
        own, for the reference engine.
    reduction : {"mean", "sum"}
        Whether L is the (weighted) mean of the sample losses, or the article's sum.
    l2, l1 : float
        L contains ½ l2 Σ w² + l1 Σ |w|, over the weights, not the biases.
    dropout : float
        Share of each hidden layer's outputs that a training step sets to 0.
    dtype : {"float32", "float64"}
        Of parameters, data and results.
    precision : {"bfloat16"}, optional
        To what both factors of every product of matrices are rounded: aˡ⁻¹ and Wˡ forward, δˡ
        and Wˡ backward, aˡ⁻¹ and δˡ (times the sample's share in L) in the gradient. Sums, biases,
        activations, losses and updates stay in ``dtype``. Without it nothing is rounded.

    Raises
    ------
    ValueError
        If a name is unknown, a number out of range, or the loss is not defined
        for the output activation.

    Examples
    --------
    >>> spec = NetworkSpec((2, 3, 1), ("tanh", "identity"))
    >>> spec.shapes, spec.n_weights, spec.n_biases
    (((2, 3), (3, 1)), 9, 4)
    """

    layer_sizes: tuple[int, ...]
    activations: tuple[str, ...]
    loss: str | Loss = "squared_error"
    reduction: Reduction = "mean"
    l2: float = 0.0
    l1: float = 0.0
    dropout: float = 0.0
    dtype: str = "float32"
    precision: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "layer_sizes", tuple(self.layer_sizes))
        object.__setattr__(self, "activations", tuple(self.activations))
        _check_layer_sizes(self.layer_sizes)
        require(
            len(self.activations) == self.n_layers,
            f"activations must have one name a layer of weights ({self.n_layers}), "
            f"got {len(self.activations)}",
        )
        for name in self.activations:
            require_name("activation", name, ACTIVATIONS)
        if isinstance(self.loss, str):
            object.__setattr__(self, "loss", loss_named(self.loss).name)
        require_name("reduction", self.reduction, ("mean", "sum"))
        require_name("dtype", self.dtype, DTYPES)
        if self.precision is not None:
            require_name("precision", self.precision, PRECISIONS)
        allowed = self.loss_row.outputs
        require(
            allowed is None or self.activations[-1] in allowed,
            f"loss {self.loss_row.name!r} needs output activation {' or '.join(allowed or ())}, "
            f"got {self.activations[-1]!r}",
        )
        for name in ("l2", "l1"):
            require_number(name, getattr(self, name), lambda v: v >= 0, "a number >= 0")
        require_number("dropout", self.dropout, lambda v: 0 <= v < 1, "in [0, 1)")
        require(
            self.dropout == 0 or self.n_layers > 1,
            f"dropout sets outputs of hidden layers to 0, and there is none in "
            f"{list(self.layer_sizes)}: dropout must be 0, got {self.dropout}",
        )
        _check_outputs(self.loss_row, self.n_outputs)

    @cached_property
    def n_layers(self) -> int:
        """Number of layers of weights."""
        return len(self.layer_sizes) - 1

    @cached_property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(fan_in, fan_out) of each layer of weights."""
        return tuple(zip(self.layer_sizes[:-1], self.layer_sizes[1:], strict=True))

    @cached_property
    def n_weights(self) -> int:
        """Length of **w**."""
        return sum(fan_in * fan_out for fan_in, fan_out in self.shapes)

    @cached_property
    def _hash(self) -> int:
        return hash(tuple(getattr(self, field.name) for field in fields(self)))

    def __hash__(self) -> int:
        return self._hash  # of a key that is looked up at every prediction

    def __reduce__(self) -> tuple[Any, ...]:
        # the fields alone: the hash of a string belongs to its process
        return NetworkSpec, tuple(getattr(self, field.name) for field in fields(self))

    @cached_property
    def n_biases(self) -> int:
        """Length of **b**."""
        return sum(self.layer_sizes[1:])

    @property
    def n_inputs(self) -> int:
        """Units of the input."""
        return self.layer_sizes[0]

    @property
    def n_outputs(self) -> int:
        """Units of the output."""
        return self.layer_sizes[-1]

    @cached_property
    def activation_rows(self) -> tuple[Activation, ...]:
        """The rows of theory/ behind ``activations``."""
        return tuple(ACTIVATIONS[name] for name in self.activations)

    @cached_property
    def loss_row(self) -> Loss:
        """The row of theory/ behind ``loss``."""
        return loss_named(self.loss) if isinstance(self.loss, str) else self.loss

    @cached_property
    def n_targets(self) -> int:
        """Columns of y: as many as outputs, or fewer where the loss predicts more of each."""
        return self.n_outputs // self.loss_row.outputs_per_target

    @cached_property
    def fused(self) -> Fused | None:
        """The loss together with the output activation, taken from z; None where it isn't."""
        return self.loss_row.fused.get(self.activations[-1])

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON; ``ValueError`` if the loss is no row of theory/."""
        if not isinstance(self.loss, str):
            raise ValueError("a loss of one's own, which is code, can't be written into a file")
        described = plain(asdict(self))
        if self.precision is None:
            del described["precision"]  # so that releases which know none can read it
        return described

    @classmethod
    def from_dict(cls, description: dict[str, Any]) -> "NetworkSpec":
        """Return the spec that ``to_dict`` described; ``ValueError`` says what is wrong."""
        values = fields_from("network", description, [f.name for f in fields(cls)])
        for name in ("layer_sizes", "activations"):
            require(
                isinstance(values.get(name), list | tuple),
                f"{name} must be a list, got {values.get(name)!r}",
            )
            values[name] = tuple(values[name])
        return cls(**values)


def _check_layer_sizes(layer_sizes: tuple[int, ...]) -> None:
    require(
        len(layer_sizes) >= 2,
        f"layer_sizes must name at least the input and the output, got {list(layer_sizes)}",
    )
    for size in layer_sizes:
        require(
            isinstance(size, int) and not isinstance(size, bool) and size >= 1,
            f"layer_sizes must be whole numbers >= 1, got {size!r} in {list(layer_sizes)}",
        )


def _check_outputs(loss: Loss, outputs: int) -> None:
    require(
        loss.targets != "classes" or outputs > 1,
        f"loss {loss.row!r} needs one output a class, got 1, whose softmax is always 1; "
        f"for two classes with one output, use {loss.of_one_output!r}",
    )
    require(
        outputs % loss.outputs_per_target == 0,
        f"loss {loss.name!r} needs {loss.outputs_per_target} outputs for each target, got "
        f"{outputs} outputs",
    )


def activation_names(
    n_hidden: int, activation: str | list[str], output: str, loss: str | Loss
) -> tuple[str, ...]:
    """Return one name a layer of weights, from one for all hidden layers or one for each.

    ``output="auto"`` is the activation that the loss is made for.
    """
    names = [activation] * n_hidden if isinstance(activation, str) else activation
    require(
        len(names) == n_hidden,
        f"activation must be one name, or one a hidden layer ({n_hidden}), got {len(names)}",
    )
    require_name("activation", activation if isinstance(activation, str) else "relu", ACTIVATIONS)
    row = loss_named(loss) if isinstance(loss, str) else loss
    return (*names, row.output if output == "auto" else output)
