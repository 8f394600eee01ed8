"""What the parameters of an estimator mean for a network: its spec, optimizer and stopping."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import sklearn

from chainrule.engine.compiled import FASTEST
from chainrule.engine.spec import NetworkSpec, activation_names
from chainrule.theory.checks import require, require_name, warn
from chainrule.theory.loss import Loss
from chainrule.theory.named import optimizer_named, schedule_named
from chainrule.theory.optimizer import Optimizer
from chainrule.theory.optimizers import OPTIMIZERS, SGD
from chainrule.theory.schedules import SCHEDULES, InverseScaling, Schedule
from chainrule.training.stopping import EarlyStopping

# scikit-learn's names of activations, and ours.
THEIRS = {"sigmoid": "logistic", "exponential": "exp"}
_OURS = {"logistic": "sigmoid"}
# Parameters that belong to steps of a stochastic solver.
_OF_STEPS = ("dropout", "clip_norm", "max_norm", "weight_decay", "averaging", "callbacks")


def hidden_sizes(model: Any) -> list[int]:
    """Return the units of each hidden layer."""
    sizes = model.hidden_layer_sizes
    sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
    whole = all(isinstance(s, int | np.integer) and not isinstance(s, bool) for s in sizes)
    if not whole or any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return [int(size) for size in sizes]


def network_spec(
    model: Any, loss: Loss, output: str, inputs: int, targets: int, dtype: str, l2: float
) -> NetworkSpec:
    """Return the spec that the parameters describe, for so many inputs and targets."""
    hidden = hidden_sizes(model)
    if isinstance(model.activation, str):
        names: str | list[str] = _OURS.get(model.activation, model.activation)
    else:
        names = [_OURS.get(name, name) for name in model.activation]
    output = _OURS.get(output, output)
    known = loss.name if loss.is_known else loss
    layers = activation_names(len(hidden), names, output, known)
    sizes = (inputs, *hidden, targets * loss.outputs_per_target)
    dtype = dtype if loss.is_known else "float64"
    return NetworkSpec(sizes, layers, known, "mean", l2, model.l1, model.dropout, dtype)


def rows_a_step(model: Any, n: int) -> int:
    """Return the samples of a batch, of so many in all."""
    if model.solver == "lbfgs":
        return n
    if model.batch_size == "auto":
        return min(200, n)
    if model.batch_size > n:
        say("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped")
    return int(min(model.batch_size, n))


def optimizer_of(model: Any, n: int, steps_per_epoch: int) -> Optimizer:
    """Return the optimizer with its learning rates, for so many samples and steps an epoch."""
    shared = {
        name: getattr(model, name)
        for name in ("clip_norm", "max_norm", "weight_decay", "averaging")
        if getattr(model, name)
    }
    if isinstance(model.solver, Optimizer):
        return replace(model.solver, **shared)
    rate = _learning_rate(model, n, steps_per_epoch)
    if model.solver == "sgd":
        nesterov = model.nesterovs_momentum and model.momentum > 0
        return SGD(rate, momentum=model.momentum, nesterov=nesterov, **shared)
    if model.solver in ("adam", "adamw"):
        row: Any = OPTIMIZERS[model.solver]
        adam: Optimizer = row(rate, model.beta_1, model.beta_2, model.epsilon, **shared)
        return adam
    require_name("solver", model.solver.partition(":")[0], ("lbfgs", *OPTIMIZERS))
    return replace(optimizer_named(model.solver), learning_rate=rate, **shared)


def _learning_rate(model: Any, n: int, steps_per_epoch: int) -> float | Schedule:
    given, first = model.learning_rate, float(model.learning_rate_init)
    if isinstance(given, Schedule):
        return given
    name = given.partition(":")[0]
    require_name("learning_rate", name, ("adaptive", "invscaling", *SCHEDULES))
    if given == "invscaling" and model.solver == "sgd":
        return InverseScaling(first, model.power_t, every=steps_per_epoch, unit=float(n))
    if given in ("constant", "adaptive", "invscaling"):
        return first
    return schedule_named(given, first)


def stopping_of(model: Any) -> EarlyStopping | None:
    """Return scikit-learn's rule: more than n_iter_no_change epochs without tol."""
    if math.isinf(model.n_iter_no_change) and not model.early_stopping:
        return None
    patience = 2**53 if math.isinf(model.n_iter_no_change) else int(model.n_iter_no_change) + 1
    by_held_out = bool(model.early_stopping)
    return EarlyStopping(
        patience,
        float(model.tol),
        from_lowest=True,
        restore_best=by_held_out,
        of_training=not by_held_out,
    )


def threads_of(n_jobs: int | None) -> int | None:
    """Return a number of threads, in scikit-learn's count: -1 is every core, -2 all but one."""
    if n_jobs is None:
        return None
    require(n_jobs != 0, "n_jobs must not be 0; None is as many as prove fastest, -1 every core")
    return int(n_jobs) if n_jobs > 0 else max(1, FASTEST.most + 1 + int(n_jobs))


def refuse_steps(model: Any) -> None:
    """Raise ``ValueError`` for parameters that "lbfgs", which takes no steps, can't follow."""
    defaults = {"dropout": 0.0, "weight_decay": 0.0, "averaging": 0.0}
    given = [name for name in _OF_STEPS if getattr(model, name) != defaults.get(name)]
    require(
        not given,
        f"solver 'lbfgs' takes no steps on batches: leave out {', '.join(given)}, or choose "
        "solver='adam'",
    )


def say(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the user's line, which scikit-learn's own may stand between."""
    warn(message, category, within=(str(Path(sklearn.__file__).parent),))
