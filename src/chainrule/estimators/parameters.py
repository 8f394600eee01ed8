"""The constructor's parameters: one row each, with its range, documentation and source."""

import numbers
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from chainrule.theory.activations import ACTIVATIONS
from chainrule.theory.initializers import INITIALIZERS
from chainrule.theory.loss import Loss
from chainrule.theory.optimizer import Optimizer
from chainrule.theory.schedules import Schedule
from chainrule.training.stopping import Callback


class Parameter(NamedTuple):
    """One parameter.

    Attributes
    ----------
    allowed : list
        What it may be, in the words of scikit-learn's validation.
    kind : str
        The same for the docstring, with the default.
    text : str
        What it does, where it comes from, and what to try first.
    """

    allowed: list[Any]
    kind: str
    text: str


def _real(low: float, high: float | None, closed: str) -> list[Any]:
    return [Interval(numbers.Real, low, high, closed=closed)]


_WHOLE = [Interval(numbers.Integral, 1, None, closed="left")]
_FROM_0 = _real(0, None, "left")
_ABOVE_0 = _real(0, None, "neither")
_SHARE = _real(0, 1, "left")

# scikit-learn's, in its order.
OF_SCIKIT_LEARN = {
    "hidden_layer_sizes": Parameter(
        ["array-like", *_WHOLE],
        "array-like of int, or int, default=(100,)",
        "Units of each hidden layer; () is a linear model. Try (100,), then (256, 128).",
    ),
    "activation": Parameter(
        [StrOptions({*ACTIVATIONS, "logistic"}), "array-like"],
        'str, or list of one a hidden layer, default="relu"',
        'φ of the hidden layers: any of cr.ACTIVATIONS ("logistic" is "sigmoid"). Try "relu", then '
        '"silu" or "mish".',
    ),
    "solver": Parameter(
        [str, Optimizer],
        'str or Optimizer, default="adam"',
        '"lbfgs" (SciPy\'s L-BFGS-B on the loss and gradient of all samples), or any of '
        'cr.OPTIMIZERS by name, as "adam" or "adamw", or one made by hand, as '
        'cr.RMSprop(0.001, decay=0.95), which has its own rate and schedule. Try "lbfgs" below '
        'some thousand samples, else "adam".',
    ),
    "alpha": Parameter(
        _FROM_0,
        "float, default=0.0001",
        "Strength of the L2 penalty ½ α Σ w² / n, where n is the samples of a batch, as in "
        'scikit-learn; of all samples for "lbfgs". Try 0.0001 to 1, in tens.',
    ),
    "batch_size": Parameter(
        [StrOptions({"auto"}), *_WHOLE],
        'int or "auto", default="auto"',
        'Samples a step; "auto" is min(200, n_samples). Try 32 to 256: fewer samples, more steps.',
    ),
    "learning_rate": Parameter(
        [str, Schedule],
        'str or Schedule, default="constant"',
        '"constant"; "invscaling" and "adaptive" for "sgd", as in scikit-learn; a schedule by '
        'name, as "cosine" or "one_cycle", which begins with learning_rate_init and lasts for '
        'max_iter epochs; or one made by hand, as cr.Staircase(0.1, every=500). Try "cosine" '
        "where the number of epochs is known.",
    ),
    "learning_rate_init": Parameter(
        _ABOVE_0,
        "float, default=0.001",
        'η at the first step. Try 0.001 for "adam", 0.1 for "sgd", and three times more or less.',
    ),
    "power_t": Parameter(
        _FROM_0,
        "float, default=0.5",
        'Exponent of "invscaling": η / (samples seen + 1)^power_t, changed once an epoch.',
    ),
    "max_iter": Parameter(
        _WHOLE,
        "int, default=200",
        'Epochs at most; iterations for "lbfgs". Training ends before, when tol is not met.',
    ),
    "shuffle": Parameter(
        ["boolean"],
        "bool, default=True",
        "Whether each epoch visits the samples in an order of its own. Leave it.",
    ),
    "random_state": Parameter(
        ["random_state"],
        "int, RandomState or None, default=None",
        "Of starting weights, shuffles, dropout and the held-out part. The same number gives the "
        "same bits, on any number of threads.",
    ),
    "tol": Parameter(
        _FROM_0,
        "float, default=1e-4",
        "Training has converged when for n_iter_no_change epochs the loss (the score, with early "
        'stopping) improved by less; of the largest entry of the gradient for "lbfgs".',
    ),
    "verbose": Parameter(
        ["verbose", StrOptions({"bar"})],
        'bool, int or "bar", default=False',
        'Whether each epoch\'s loss is printed; "bar" shows one line that moves (needs rich).',
    ),
    "warm_start": Parameter(
        ["boolean"],
        "bool, default=False",
        "Whether another fit goes on with the network. On the same data, N epochs and then M are "
        "N + M to the last bit, with the optimizer's state, which scikit-learn forgets.",
    ),
    "momentum": Parameter(
        _SHARE,
        "float, default=0.9",
        'Of "sgd", at least 0 and less than 1 (scikit-learn allows 1, which never comes to rest).',
    ),
    "nesterovs_momentum": Parameter(
        ["boolean"],
        "bool, default=True",
        'Whether the momentum of "sgd" is Nesterov\'s.',
    ),
    "early_stopping": Parameter(
        ["boolean"],
        "bool, default=False",
        "Whether the score on held-out samples says when to stop; the network then has the "
        "weights of the best epoch. They are those of eval_X, or validation_fraction of X. Try it "
        "above a thousand samples.",
    ),
    "validation_fraction": Parameter(
        _SHARE,
        "float, default=0.1",
        "Share of the samples, by weight, that is held out: of each class as much, and samples "
        "that are the same on the same side.",
    ),
    "beta_1": Parameter(_SHARE, "float, default=0.9", 'β₁ of "adam" (Kingma, Ba 2015).'),
    "beta_2": Parameter(_SHARE, "float, default=0.999", 'β₂ of "adam".'),
    "epsilon": Parameter(
        _ABOVE_0,
        "float, default=1e-8",
        'ε of "adam", beside the root of the corrected second moment (Algorithm 1, where '
        "scikit-learn has the variant of section 2).",
    ),
    "n_iter_no_change": Parameter(
        [*_WHOLE, Options(numbers.Real, {np.inf})],
        "int or inf, default=10",
        "Epochs without an improvement by tol after which training ends.",
    ),
    "max_fun": Parameter(
        _WHOLE, "int, default=15000", 'Evaluations of loss and gradient at most, of "lbfgs".'
    ),
}

# What scikit-learn's users have asked for.
BEYOND = {
    "output_activation": Parameter(
        [StrOptions({"auto", "logistic", *ACTIVATIONS})],
        'str, default="auto"',
        'φ of the output; "auto" is what the loss is made for. Leave it, but for a loss like '
        '"squared_error" with outputs in a range, as "sigmoid".',
    ),
    "init": Parameter(
        [StrOptions({"auto", *INITIALIZERS})],
        'str, default="glorot_uniform"',
        "Distribution of the starting weights (cr.INITIALIZERS); biases start at 0, where "
        "scikit-learn draws them too. Try \"auto\": He's for rectifiers, LeCun's for selu.",
    ),
    "l1": Parameter(
        _FROM_0,
        "float, default=0.0",
        "The loss contains l1 Σ |w| (Tibshirani 1996), not divided by the samples. Try 1e-5.",
    ),
    "dropout": Parameter(
        _SHARE,
        "float, default=0.0",
        "Share of each hidden layer's outputs that a step sets to 0 (Srivastava et al. 2014). Try "
        "0.1 to 0.3 where training fits much better than held-out samples.",
    ),
    "weight_decay": Parameter(
        _FROM_0,
        "float, default=0.0",
        "λ: before each update θ loses η λ θ, beside the gradient (Loshchilov, Hutter 2019); 0 is "
        'what the solver has itself: none, but 0.01 of "adamw". Try '
        '0.01 with solver="adam", and alpha=0.',
    ),
    "clip_norm": Parameter(
        [None, *_ABOVE_0],
        "float or None, default=None",
        "A gradient of a larger norm is scaled down to this (Pascanu, Mikolov, Bengio 2013). Try "
        "1.0 where the loss jumps.",
    ),
    "max_norm": Parameter(
        [None, *_ABOVE_0],
        "float or None, default=None",
        "After an update, weights into a unit of a larger norm are scaled down to this (Srivastava "
        "et al. 2014, section 5.1). Try 3.0 beside dropout.",
    ),
    "averaging": Parameter(
        _SHARE,
        "float, default=0.0",
        "β of a moving average of the weights, which the network then has (Kingma, Ba 2015, "
        "section 7.2); 0 is none. Try 0.99 to 0.999, with a constant learning rate.",
    ),
    "scoring": Parameter(
        [None, str, callable],
        "str, callable or None, default=None",
        "What early stopping looks at: any scorer of scikit-learn; None is the accuracy or R²; "
        '"loss" the loss, without the penalty. Try "neg_log_loss" where classes are uneven.',
    ),
    "callbacks": Parameter(
        [None, callable, Callback, "array-like"],
        "callable, cr.Callback, list of them, or None, default=None",
        "Called with the run (run_) after each epoch; cr.Callback(f, every=10) after ten steps. "
        "scikit-learn's own callbacks are set by set_callbacks.",
    ),
    "n_jobs": Parameter(
        [None, numbers.Integral],
        "int or None, default=None",
        "Threads; None is as many as prove fastest, -1 one for each core. No bit depends on it.",
    ),
    "record": Parameter(
        ["boolean"],
        "bool, default=False",
        "Whether pickles and files keep the run's keyframes, by which run_.at(step) soon reaches "
        "any step; in this process they are always there. Without them it takes the steps before "
        "it again.",
    ),
}

CLASS_WEIGHT = Parameter(
    [dict, list, StrOptions({"balanced"}), None],
    'dict, list of dict, "balanced" or None, default=None',
    'Weights of the classes, which multiply those of the samples; "balanced" gives each class '
    "as much. Try it where a rare class matters.",
)

OF_CLASSIFIER = {
    "loss": Parameter(
        [str, tuple, Loss],
        'str or (value, derivative), default="log_loss"',
        '"log_loss" is "cross_entropy", or "binary_cross_entropy" of two classes or several '
        'labels; "focal" likewise (Lin et al. 2017), as "focal:gamma=2"; "log_loss:smoothing=0.1" '
        'smooths the labels (Szegedy et al. 2016); "squared_error" is the article\'s. Or any other '
        "of cr.LOSSES, or a pair of functions of (a, y): the loss of each sample and its "
        "derivative, which are compared on the first batch; they run on the reference engine. Try "
        '"log_loss".',
    ),
}
OF_REGRESSOR = {
    "loss": Parameter(
        [str, tuple, Loss],
        'str or (value, derivative), default="squared_error"',
        '"squared_error" (halved), "absolute_error", "huber" ("huber:threshold=1.35"), "log_cosh", '
        '"poisson" for counts and "gamma" for amounts (half their deviances, exponential output), '
        '"quantile" ("quantile:levels=0.1 0.5 0.9" predicts three), "gaussian_nll" (a mean and a '
        "variance), or any other of cr.LOSSES; or a pair of functions of (a, y): the loss of each "
        "sample and its derivative, which are compared on the first batch; they run on the "
        'reference engine. Try "squared_error", and "huber" where some targets are far off.',
    ),
}


def constraints(*tables: dict[str, Parameter]) -> dict[str, list[Any]]:
    """Return what scikit-learn's validation needs."""
    return {name: row.allowed for table in tables for name, row in table.items()}
