"""The vocabulary: every quantity of a step, its name in code, its symbol and its shape."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Symbol:
    """One quantity of a training step.

    Parameters
    ----------
    name : str
        The attribute of ``Trace`` that holds it.
    symbol, latex : str
        How it is written, as text and as LaTeX; ``l`` is the layer of weights.
    shape : str
        Its shape, for n samples.
    meaning : str
        The quantity in one line.
    """

    name: str
    symbol: str
    latex: str
    shape: str
    meaning: str


SYMBOLS: dict[str, Symbol] = {
    row.name: row
    for row in (
        Symbol("weights", "W", r"W^{l}", "(fan_in, fan_out)", "weights before the step"),
        Symbol("biases", "b", r"b^{l}", "(fan_out,)", "biases before the step"),
        Symbol("activations", "a", r"a^{l}", "(n, fan_out)", "outputs φ(z); the first is X"),
        Symbol("pre_activations", "z", r"z^{l}", "(n, fan_out)", "weighted sums a W + b"),
        Symbol("targets", "y", r"y", "(n, outputs)", "the truth (ŷ in the article)"),
        Symbol("sample_losses", "ℓ", r"\ell_i", "(n,)", "loss of each sample, summed over outputs"),
        Symbol("penalty", "R", r"R", "scalar", "½ l2 Σ w² + l1 Σ |w|"),
        Symbol("loss", "L", r"L", "scalar", "mean or sum of ℓ, plus the penalty"),
        Symbol("deltas", "δ", r"\delta^{l}", "(n, fan_out)", "∂ℓ/∂z of each sample, without 1/n"),
        Symbol(
            "weight_gradients", "∂L/∂W", r"\partial L / \partial W^{l}", "as W", "gradient of L"
        ),
        Symbol("bias_gradients", "∂L/∂b", r"\partial L / \partial b^{l}", "as b", "gradient of L"),
    )
}
