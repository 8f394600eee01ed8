"""An estimator as JSON and arrays, for ``cr.save``, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from chainrule.theory.checks import field, fields_from, require
from chainrule.theory.optimizer import Optimizer
from chainrule.theory.optimizers import optimizer_from_dict
from chainrule.theory.schedules import Schedule, schedule_from_dict
from chainrule.training.network import Network
from chainrule.training.run import Run

Array = NDArray[Any]

# Curves, and the names of their arrays: by the ends of these, files know that they may be infinite.
_CURVES = {
    "loss_curve_": "curve.losses",
    "validation_loss_curve_": "curve.validation_losses",
    "validation_scores_": "curve.validation_scores",
}
_NUMBERS = ("n_iter_", "t_", "n_outputs_", "best_loss_", "best_validation_score_", "loss_")
_PARTS = ("parameters", "numbers", "seed", "columns", "classes", "made_with", "network", "run")


def described(model: Any) -> dict[str, Any]:
    """Return everything but the arrays, ready for JSON.

    Raises
    ------
    ValueError
        If a parameter is code, as a function is.
    """
    check_is_fitted(model)
    run: Run | None = model.__dict__.get("run_")
    names = model.__dict__.get("feature_names_in_")
    return {
        "parameters": {k: _encoded(k, v) for k, v in model.get_params(deep=False).items()},
        "numbers": {name: _encoded(name, getattr(model, name, None)) for name in _NUMBERS},
        "seed": model._seed,
        "columns": None if names is None else list(map(str, names)),
        "classes": _classes(model),
        "made_with": None if run is None else model._made_with.to_dict(),
        "network": model.network_.describe(),
        "run": None if run is None else run.record.describe(),
    }


def arrays_of(model: Any) -> dict[str, Array]:
    """Return the arrays: the network's, the run's, and the curves."""
    check_is_fitted(model)
    run = kept_run(model)
    curves = {array: _numbers(getattr(model, name)) for name, array in _CURVES.items()}
    return model.network_.arrays() | ({} if run is None else run.record.arrays()) | curves


def kept_run(model: Any) -> Run | None:
    """Return the run as files and pickles keep it, if there is one."""
    run: Run | None = model.__dict__.get("run_")
    return run if run is None or model.record else run.without_keyframes()


def restore(model: Any, description: dict[str, Any], arrays: Mapping[str, Array]) -> None:
    """Give an estimator, as its constructor made it, what ``described`` and ``arrays_of`` say."""
    fields_from("estimator", description, _PARTS)
    model.set_params(**{k: _decoded(v) for k, v in field(description, "parameters").items()})
    model._validate_params()
    network = Network.restore(field(description, "network"), dict(arrays))
    if run := field(description, "run"):
        optimizer = field(description, "made_with")
        known = Run.restore(network, run, dict(arrays))
        model.run_, model._made_with = known, optimizer_from_dict(optimizer)
    model.network_, model._seed = network, int(field(description, "seed"))
    model.n_features_in_ = network.spec.n_inputs
    for name, value in field(description, "numbers").items():
        require(name in _NUMBERS, f"unknown number {name!r}")
        if value is not None or name.startswith("best"):
            setattr(model, name, _decoded(value))
    if (columns := field(description, "columns")) is not None:
        require(len(columns) == network.spec.n_inputs, "columns must be as many as inputs")
        model.feature_names_in_ = np.array(columns, dtype=object)
    if (classes := field(description, "classes")) is not None:
        values, dtype = field(classes, "values"), field(classes, "dtype")
        model.classes_, model._kind = np.array(values, dtype=dtype), field(classes, "kind")
    for name, array in _CURVES.items():
        values = arrays[array].tolist()
        is_none = name == "validation_scores_" and not values
        setattr(model, name, None if is_none else values)


def _numbers(values: list[float] | None) -> Array:
    return np.array(values or [], dtype=np.float64)


def _classes(model: Any) -> dict[str, Any] | None:
    classes = model.__dict__.get("classes_")
    if classes is None:
        return None
    dtype = "object" if classes.dtype.kind == "O" else classes.dtype.str
    return {"values": classes.tolist(), "dtype": dtype, "kind": model._kind}


def _encoded(name: str, value: Any) -> Any:
    """Return a parameter as JSON can hold it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        items = [_encoded(name, item) for item in value]
        return items if isinstance(value, list) else {"tuple": items}
    if isinstance(value, np.ndarray):
        return {"array": [_encoded(name, item) for item in value.tolist()]}
    if isinstance(value, Mapping):
        return {"dict": [[_encoded(name, k), _encoded(name, v)] for k, v in value.items()]}
    if isinstance(value, Optimizer):
        return {"optimizer": value.to_dict()}
    if isinstance(value, Schedule):
        return {"schedule": value.to_dict()}
    raise ValueError(
        f"{name} is a {type(value).__name__}, which is code and isn't written into files; "
        f"set_params({name}=...) to a name, a number or None before it is saved"
    )


def _decoded(value: Any) -> Any:
    """Return what ``_encoded`` was given."""
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    require(len(value) == 1, f"a parameter has one kind, got {sorted(value)}")
    ((kind, content),) = value.items()
    kinds: dict[str, Any] = {
        "float": float,
        "tuple": lambda items: tuple(map(_decoded, items)),
        "array": lambda items: np.array(list(map(_decoded, items))),
        "dict": lambda pairs: {_decoded(k): _decoded(v) for k, v in pairs},
        "optimizer": optimizer_from_dict,
        "schedule": schedule_from_dict,
    }
    require(kind in kinds, f"unknown kind of parameter {kind!r}")
    return kinds[kind](content)
