"""Quantities: which number of a step is meant."""

from typing import NamedTuple


class Quantity(NamedTuple):
    """One number of a step.

    Attributes
    ----------
    kind : str
        What it is: a name of ``KINDS``.
    layer : int
        Of weights, from 0; of activations, from 0 for the inputs. -1 where there is none.
    at : tuple of int
        (sample, unit) of a value, (from, to) of a weight, (unit,) of a bias, (sample,) of a loss,
        (sample, from, to) of a sample's gradient; from 0, the sample by its place in the batch. A
        letter in the pattern of a series.
    name : str
        Of an option, or of a vector of the optimizer.

    Examples
    --------
    >>> print(Quantity("weights", 0, (1, 2)))
    weights[0][1, 2]
    """

    kind: str
    layer: int = -1
    at: tuple[int | str, ...] = ()
    name: str = ""

    def __str__(self) -> str:
        """Return the quantity as Python would address it."""
        layer = f"[{self.layer}]" if self.layer >= 0 else ""
        index = f"[{', '.join(map(str, self.at))}]" if self.at else ""
        return self.kind + (f".{self.name}" if self.name else "") + layer + index


# Every kind, and what it is. The numbers of the first are the trace's; those of ``DERIVED`` the
# trace doesn't hold: they are computed, in float64, from numbers that it holds.
KINDS = {
    "weights": "weight before the step",
    "biases": "bias before the step",
    "activations": "output of a unit, after dropout; of layer 0, an input",
    "pre_activations": "weighted sum of a unit",
    "masks": "factor of dropout",
    "targets": "target",
    "sample_losses": "loss of a sample",
    "loss": "loss of the batch, with the penalty",
    "penalty": "penalty on the weights",
    "shares": "share of a sample in the loss",
    "sample_weights": "weight of a sample",
    "mean_weight": "mean weight of all samples",
    "batch_size": "samples of the batch",
    "deltas": "derivative of a sample's loss by a weighted sum",
    "weight_gradients": "derivative of the loss by a weight",
    "bias_gradients": "derivative of the loss by a bias",
    "gradient_norm": "norm of the gradient",
    "clip_factor": "factor of clipping",
    "learning_rate": "learning rate of the step",
    "step_number": "number of the step, for the optimizer",
    "option": "number that was chosen",
    "state": "the optimizer's memory before the step",
    "state_after": "the optimizer's memory after the step",
    "new_weights": "weight after the step",
    "new_biases": "bias after the step",
}
DERIVED = {
    "undropped": "output of a unit, before dropout",
    "output_gradients": "derivative of a sample's loss by an output of the network",
    "upstream": "derivative of a sample's loss by the output of a hidden unit",
    "slopes": "derivative of a unit's output by its weighted sum",
    "sample_weight_gradients": "derivative of a sample's loss by a weight",
    "clipped_weights": "derivative of the loss by a weight, clipped",
    "clipped_biases": "derivative of the loss by a bias, clipped",
    "decayed_weights": "weight after its decay",
    "decayed_biases": "bias after its decay",
    "free_weights": "weight before the largest norm is enforced",
    "unit_norms": "norm of the weights into a unit",
}
KINDS |= DERIVED

# What something becomes, one after the other: m ← β₁ m + (1 - β₁) g.
BECOMING = (
    "state_after", "decayed_weights", "decayed_biases", "free_weights", "new_weights", "new_biases",
)  # fmt: skip
