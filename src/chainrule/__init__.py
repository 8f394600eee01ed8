"""chainrule: multilayer perceptrons, fast, exact to the last bit, and open at every step."""

import importlib as _importlib
import typing as _typing

from chainrule.engine.parameters import Parameters
from chainrule.engine.spec import NetworkSpec
from chainrule.engine.trace import Gradient, Trace
from chainrule.explain.door import explain
from chainrule.files import ModelFileError, load, save
from chainrule.theory.activations import ACTIVATIONS
from chainrule.theory.initializers import INITIALIZERS
from chainrule.theory.losses import LOSSES
from chainrule.theory.optimizers import OPTIMIZERS, SGD, Adagrad, Adam, AdamW, RMSprop, Rprop
from chainrule.theory.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    InverseScaling,
    OneCycle,
    Staircase,
)
from chainrule.training.gradient_check import GradientCheck, check_gradient
from chainrule.training.many import fit_many, resume_many
from chainrule.training.network import Network
from chainrule.training.run import Run
from chainrule.training.stopping import Callback, EarlyStopping

if _typing.TYPE_CHECKING:
    from chainrule.estimators import (
        ActivationsDisplay,
        LossCurveDisplay,
        MLPClassifier,
        MLPRegressor,
        WeightsDisplay,
    )
    from chainrule.explain.explanation import Explanation
    from chainrule.explain.notations import NOTATIONS, Notation
    from chainrule.explain.verifying.verify import ReceiptError, verify
    from chainrule.tables.estimators import TableClassifier, TableRegressor
    from chainrule.tables.fit_files import fit_files

__version__ = "0.1.0"

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "LOSSES",
    "NOTATIONS",
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "ActivationsDisplay",
    "Adagrad",
    "Adam",
    "AdamW",
    "Callback",
    "Constant",
    "Cosine",
    "EarlyStopping",
    "Explanation",
    "Exponential",
    "Gradient",
    "GradientCheck",
    "InverseScaling",
    "LossCurveDisplay",
    "MLPClassifier",
    "MLPRegressor",
    "ModelFileError",
    "Network",
    "NetworkSpec",
    "Notation",
    "OneCycle",
    "Parameters",
    "RMSprop",
    "ReceiptError",
    "Rprop",
    "Run",
    "Staircase",
    "TableClassifier",
    "TableRegressor",
    "Trace",
    "WeightsDisplay",
    "check_gradient",
    "explain",
    "fit_files",
    "fit_many",
    "load",
    "resume_many",
    "save",
    "verify",
]

# What is imported when it is first used, and from where.
_LATER = {
    "ActivationsDisplay": "chainrule.estimators",
    "Explanation": "chainrule.explain.explanation",
    "LossCurveDisplay": "chainrule.estimators",
    "MLPClassifier": "chainrule.estimators",
    "MLPRegressor": "chainrule.estimators",
    "NOTATIONS": "chainrule.explain.notations",
    "Notation": "chainrule.explain.notations",
    "ReceiptError": "chainrule.explain.verifying.verify",
    "TableClassifier": "chainrule.tables.estimators",
    "TableRegressor": "chainrule.tables.estimators",
    "WeightsDisplay": "chainrule.estimators",
    "fit_files": "chainrule.tables.fit_files",
    "verify": "chainrule.explain.verifying.verify",
}


def __getattr__(name: str) -> _typing.Any:  # noqa: ANN401
    """Import what takes long to import, scikit-learn first of all, when it is first used."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_importlib.import_module(_LATER[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_LATER])
