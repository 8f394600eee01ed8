"""What other libraries call things, so that an error can point to what they are here."""

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

# The argument of another library, and what does it here.
ARGUMENTS = {
    "lr": "learning_rate of the optimizer, as optimizer=cr.Adam(learning_rate=0.01)",
    "learning_rate": "the optimizer's, as optimizer=cr.Adam(learning_rate=0.01)",
    "learning_rate_init": "learning_rate of the optimizer",
    "validation_data": "validation=(X, y)",
    "validation_split": "validation=(X, y), held out before",
    "validation_fraction": "validation=(X, y), held out before",
    "eval_set": "validation=(X, y)",
    "verbose": "progress=True",
    "max_iter": "epochs",
    "n_epochs": "epochs",
    "num_epochs": "epochs",
    "random_state": "seed",
    "solver": "optimizer",
    "alpha": "l2",
    "weight_decay": "l2 of the network, or the optimizer cr.AdamW()",
    "hidden_layer_sizes": "layer_sizes, from the inputs to the outputs",
    "n_iter_no_change": "early_stopping=cr.EarlyStopping(patience=10)",
    "patience": "early_stopping=cr.EarlyStopping(patience=10)",
    "clipnorm": "clip_norm of the optimizer",
    "beta_1": "beta1",
    "beta_2": "beta2",
    "eps": "epsilon",
    "device": "nothing: it runs on the processor",
}

# The name of another library, and the one of the same thing here, up to a factor.
NAMES = {
    "mse": "squared_error", "mean_squared_error": "squared_error", "l2_loss": "squared_error",
    "mae": "absolute_error", "mean_absolute_error": "absolute_error", "l1_loss": "absolute_error",
    "smooth_l1": "huber", "bce": "binary_cross_entropy", "log_loss": "cross_entropy",
    "binary_crossentropy": "binary_cross_entropy", "crossentropy": "cross_entropy",
    "categorical_crossentropy": "cross_entropy", "nll": "cross_entropy",
    "sparse_categorical_crossentropy": "cross_entropy",
    "linear": "identity", "logistic": "sigmoid", "swish": "silu", "lrelu": "leaky_relu",
    "xavier": "glorot_uniform", "glorot": "glorot_uniform", "kaiming": "he_uniform",
    "he": "he_uniform", "momentum": "sgd", "nesterov": "sgd", "adam_w": "adamw",
    "invscaling": "inverse_scaling", "step": "staircase", "cosine_annealing": "cosine",
    "onecycle": "one_cycle",
}  # fmt: skip


def refuse_unknown(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise ``TypeError`` for an argument that isn't known, with what does it here.

    Examples
    --------
    >>> refuse_unknown("fit()", ["verbose"], ["epochs", "progress"])
    Traceback (most recent call last):
    ...
    TypeError: fit() has no argument 'verbose'; here it is progress=True
    """
    names = list(known)
    for name in given:
        if name in names:
            continue
        near = difflib.get_close_matches(name, names, n=1)
        if name in ARGUMENTS:
            advice = f"; here it is {ARGUMENTS[name]}"
        else:
            advice = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(names)}"
        raise TypeError(f"{what} has no argument {name!r}{advice}")


def hinting(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function whose ``TypeError`` for an unknown argument says what does it here."""
    names = [name for name in inspect.signature(function).parameters if name != "self"]
    known = set(names)
    what = f"{function.__qualname__.removesuffix('.__init__')}()"

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        if not kwargs.keys() <= known:
            refuse_unknown(what, kwargs, names)
        return function(*args, **kwargs)

    return called
