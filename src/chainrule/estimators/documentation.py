"""The docstrings of the estimators, from the rows of their parameters."""

import functools
import inspect
import textwrap
from importlib.metadata import metadata

from chainrule.estimators.parameters import Parameter

_ATTRIBUTES = {
    "network_": ("Network", "The network itself: forward, trace, gradient, weights, biases."),
    "run_": ("Run", 'The run: each step\'s loss and rate; none for "lbfgs", which takes no steps.'),
    "coefs_, intercepts_": (
        "list of ndarray",
        "W (fan_in, fan_out) and b (fan_out,) of each layer; assigned to, the network changes.",
    ),
    "loss_, best_loss_": (
        "float",
        "Loss of the last epoch, penalty included, and the least; best_loss_ is None with early "
        "stopping.",
    ),
    "loss_curve_": ("list of float", 'Loss of each epoch; of each iteration of "lbfgs".'),
    "validation_loss_curve_": ("list of float", "Loss of the held-out samples after each epoch."),
    "validation_scores_": ("list of float or None", "Their score after each epoch."),
    "best_validation_score_": ("float or None", "The highest of them."),
    "n_iter_": ("int", 'Epochs ("lbfgs": iterations) of the last call.'),
    "t_": ("int", "Samples seen."),
    "n_layers_, n_outputs_": (
        "int",
        "Layers, the input's included; columns of y as it is learned.",
    ),
    "out_activation_": ("str", "φ of the output, by scikit-learn's name."),
    "n_features_in_": ("int", "Columns of X."),
    "feature_names_in_": ("ndarray of str", "Their names, where X has names."),
}
CLASSES = {"classes_": ("ndarray of shape (n_classes,)", "The classes, in the order of outputs.")}


_OF_THE_CONTRACT = (
    "https://scikit-learn.org/stable/modules/generated/sklearn.neural_network.{estimator_name}.html"
)


@functools.cache
def doc_link_template() -> str:
    """Return where the link in the HTML representation leads.

    To the documentation that the installed package declares; without any, to that of the estimator
    whose contract it is.
    """
    declared = metadata("chainrule").get_all("Project-URL") or []
    urls = [entry.partition(",") for entry in declared]
    found = [url.strip() for label, _, url in urls if label.strip().lower() == "documentation"]
    return found[0] if found else _OF_THE_CONTRACT


def documented(
    estimator: type,
    rows: dict[str, Parameter],
    attributes: dict[str, tuple[str, str]],
    closing: str,
) -> str:
    """Return the docstring of an estimator.

    Parameters
    ----------
    estimator : type
        Whose own docstring is the beginning.
    rows : dict of Parameter
        All that its constructor takes.
    attributes : dict
        What it has beside those of every estimator.
    closing : str
        Sections that follow.
    """
    names = list(inspect.signature(estimator).parameters)
    parameters = [_entry(name, rows[name].kind, rows[name].text) for name in names]
    known = [_entry(name, *texts) for name, texts in (attributes | _ATTRIBUTES).items()]
    sections = [
        inspect.cleandoc(estimator.__doc__ or ""),
        "\n".join(["Parameters", "----------", *parameters]),
        "\n".join(["Attributes", "----------", *known]),
        inspect.cleandoc(closing),
    ]
    return "\n\n".join(sections) + "\n"


def _entry(name: str, kind: str, text: str) -> str:
    lines = textwrap.fill(
        text, 92, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
    )
    return f"{name} : {kind}\n{lines}"
