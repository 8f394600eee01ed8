"""The losses: one row each, per-sample value beside its derivative.

With y the target and a the output, every ℓᵢ is summed over the outputs of
sample i. The mean over samples is taken by the engines, nowhere here.
"""

import numpy as np

from chainrule.theory import loss_functions as of
from chainrule.theory.loss import SMOOTHING, Fused, Loss
from chainrule.theory.loss_options import LossOption

_FOCAL = (
    "Lin, Goyal, Girshick, He, Dollár 2017, Focal loss for dense object detection, equation (4)"
)
_FOCUS = LossOption(2.0, lambda v: v > 0, "a number > 0; of 0 it is the cross-entropy")
_LABELS = (
    "smoothing=s takes (1 - s) y + s / k for the targets of k classes (Szegedy, Vanhoucke, Ioffe, "
    "Shlens, Wojna 2016, Rethinking the Inception architecture, section 7)"
)
_SMOOTHED = LossOption(0.0, lambda v: 0 <= v < 1, "in [0, 1)")

_ROWS = (
    Loss(
        name="squared_error",
        formula="½ (a - y)²",
        derivative_formula="a - y",
        value=lambda a, y: 0.5 * (a - y) ** 2,
        derivative=lambda a, y: a - y,
        output="identity",
        targets="real",
        source="the article, equations (2), (6) and (10)",
        departures="y is the truth and a the output; the article writes ŷ for the truth",
    ),
    Loss(
        name="absolute_error",
        formula="|a - y|",
        derivative_formula="sign(a - y)",
        value=lambda a, y: np.abs(a - y),
        derivative=lambda a, y: np.sign(a - y),
        output="identity",
        targets="real",
        source="Boscovich 1757; Laplace 1789",
        departures="the derivative at a = y is taken as 0",
        smooth=False,
    ),
    Loss(
        name="huber",
        formula="½ (a - y)² if |a - y| ≤ t else t (|a - y| - ½ t)",
        derivative_formula="min(t, max(-t, a - y))",
        value=of.huber,
        derivative=of.huber_derivative,
        output="identity",
        targets="real",
        source="Huber 1964, Robust estimation of a location parameter",
        departures="the threshold t is 1 unless given",
        smooth=False,
        options={"threshold": LossOption(1.0, lambda v: v > 0, "a number > 0")},
    ),
    Loss(
        name="log_cosh",
        formula="ln cosh(a - y)",
        derivative_formula="tanh(a - y)",
        value=of.log_cosh,
        derivative=lambda a, y: np.tanh(a - y),
        output="identity",
        targets="real",
        source="Green 1990, Bayesian reconstructions from emission tomography data, section II",
        departures=(
            "computed as |e| + log1p(exp(-2|e|)) - ln 2, which cannot overflow, "
            "and below |e| = 1 as ½ log1p(sinh² e), which does not cancel"
        ),
    ),
    Loss(
        name="poisson",
        formula="a - y ln a + (y ln y - y)",
        derivative_formula="1 - y / a",
        value=of.poisson,
        derivative=of.poisson_derivative,
        output="exponential",
        targets="counts",
        source="Nelder, Wedderburn 1972, Generalized linear models: half the deviance",
        departures=(
            "with the constant in brackets, as in scikit-learn, so that it is 0 at a = y; fused "
            "with both outputs: ln a and y/a are taken from z, where a rounds to 0"
        ),
        outputs=("exponential", "softplus"),
        fused={
            "exponential": Fused(of.poisson_of_exponential, of.a_minus_y("exponential"), "a - y"),
            "softplus": Fused(of.poisson_of_softplus, of.poisson_of_softplus_delta),
        },
    ),
    Loss(
        name="quantile",
        formula="max(q (y - a), (q - 1) (y - a))",
        derivative_formula="-q if a < y else 1 - q if a > y else 0",
        value=of.pinball,
        derivative=of.pinball_derivative,
        output="identity",
        targets="real",
        source="Koenker, Bassett 1978, Regression quantiles, equation (3.1)",
        departures=(
            "the derivative at a = y is taken as 0; several levels q at once have one output each "
            "for every target, the first level first; the level is 0.5 unless given"
        ),
        smooth=False,
        options={"levels": LossOption((0.5,), lambda v: 0 < v < 1, "between 0 and 1")},
    ),
    Loss(
        name="gamma",
        formula="ln(a / y) + y / a - 1",
        derivative_formula="(a - y) / a²",
        value=of.gamma_deviance,
        derivative=lambda a, y: (a - y) / (a * a),
        output="exponential",
        targets="positive",
        source="Nelder, Wedderburn 1972, Generalized linear models: half the deviance",
        departures=(
            "the canonical link of the gamma distribution is 1 / a; the output is the exponential, "
            "which is positive, and fused: ∂ℓ/∂z = 1 - y exp(-z)"
        ),
        outputs=("exponential",),
        fused={
            "exponential": Fused(
                of.gamma_of_exponential, of.gamma_of_exponential_delta, "1 - y / a"
            )
        },
    ),
    Loss(
        name="gaussian_nll",
        formula="½ (s + (m - y)² exp(-s))",
        derivative_formula="(m - y) exp(-s); ½ (1 - (m - y)² exp(-s))",
        value=of.gaussian_nll,
        derivative=of.gaussian_nll_derivative,
        output="identity",
        targets="real",
        source=(
            "Nix, Weigend 1994, Estimating the mean and variance of the target probability "
            "distribution, equation (3)"
        ),
        departures=(
            "the network gives m and s = ln σ² of each target, so that the variance is positive; "
            "the means of all targets come first, then their s; without the constant ½ ln 2π"
        ),
        outputs=("identity",),
        parts=("mean", "log_variance"),
    ),
    Loss(
        name="binary_cross_entropy",
        formula="-y ln a - (1 - y) ln(1 - a)",
        derivative_formula="(a - y) / (a (1 - a))",
        value=of.binary_cross_entropy,
        derivative=of.binary_cross_entropy_derivative,
        output="sigmoid",
        targets="binary",
        source="Bishop 2006, Pattern Recognition and Machine Learning, equation (5.21)",
        departures=(
            f"{_LABELS}; fused with the sigmoid: ∂ℓ/∂z = a - y, "
            "ℓ = (1 - y) max(z, 0) - y min(z, 0) + log1p(exp(-|z|))"
        ),
        outputs=("sigmoid",),
        fused={
            "sigmoid": Fused(of.binary_cross_entropy_of_sigmoid, of.a_minus_y("sigmoid"), "a - y")
        },
        options={SMOOTHING: _SMOOTHED},
    ),
    Loss(
        name="cross_entropy",
        formula="-y ln a",
        derivative_formula="-y / a",
        value=lambda a, y: -of.y_log(y, a),
        derivative=lambda a, y: -of.y_over(y, a),
        output="softmax",
        targets="classes",
        source="Bishop 2006, Pattern Recognition and Machine Learning, equation (5.24)",
        departures=(
            f"{_LABELS}; fused with the softmax: ∂ℓ/∂z = a - y, ℓ = Σ y (ln Σ exp(z) - z), in nats"
        ),
        outputs=("softmax",),
        fused={"softmax": Fused(of.cross_entropy_of_softmax, of.a_minus_y("softmax"), "a - y")},
        of_one_output="binary_cross_entropy",
        options={SMOOTHING: _SMOOTHED},
    ),
    Loss(
        name="binary_focal",
        formula="-y (1 - a)^γ ln a - (1 - y) a^γ ln(1 - a)",
        derivative_formula=(
            "y (γ (1 - a)^(γ-1) ln a - (1 - a)^γ / a)"
            " - (1 - y) (γ a^(γ-1) ln(1 - a) - a^γ / (1 - a))"
        ),
        value=of.binary_focal,
        derivative=of.binary_focal_derivative,
        output="sigmoid",
        targets="binary",
        source=_FOCAL,
        departures="without their weight α, which class and sample weights give; fused, from z",
        outputs=("sigmoid",),
        fused={
            "sigmoid": Fused(of.binary_focal_of_sigmoid, of.binary_focal_of_sigmoid_delta),
        },
        options={"gamma": _FOCUS},
    ),
    Loss(
        name="focal",
        formula="-y (1 - a)^γ ln a",
        derivative_formula="y (γ (1 - a)^(γ-1) ln a - (1 - a)^γ / a)",
        value=of.focal,
        derivative=of.focal_derivative,
        output="softmax",
        targets="classes",
        source=_FOCAL,
        departures="for several classes by the softmax, where they have a sigmoid; fused, from z",
        outputs=("softmax",),
        fused={"softmax": Fused(of.focal_of_softmax, of.focal_of_softmax_delta)},
        of_one_output="binary_focal",
        options={"gamma": _FOCUS},
    ),
)

LOSSES: dict[str, Loss] = {row.name: row for row in _ROWS}
