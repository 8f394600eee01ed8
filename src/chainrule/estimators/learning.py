"""How an estimator's network learns: which run goes on, and what becomes of it."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.optimize import _check_optimize_result

from chainrule.engine.parameters import Parameters
from chainrule.estimators import settings
from chainrule.estimators.lbfgs import AllSamples
from chainrule.estimators.samples import Prepared
from chainrule.estimators.watching import Tasks, watchers
from chainrule.theory.optimizer import Optimizer
from chainrule.theory.schedules import Schedule
from chainrule.training.fingerprints import FitData, fit_data
from chainrule.training.lbfgs import minimised
from chainrule.training.network import Network
from chainrule.training.options import FitOptions
from chainrule.training.run import Run

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)
_SLOWEST = 1e-6  # below this, "adaptive" stops
_SLOWER = 5.0


def network_of(model: Any, data: Prepared, rows: int) -> Network:
    """Return the network: a new one, or that of the fit before, with the parameters of today."""
    known: Network | None = getattr(model, "network_", None)
    mean = 1.0 if data.weight is None else float(np.mean(data.weight))
    dtype = str(data.X.dtype) if known is None else known.spec.dtype
    loss, output = model._loss_and_output()
    sizes = data.X.shape[1], data.y.shape[1]
    l2 = model.alpha / (rows * mean)
    spec = settings.network_spec(model, loss, output, *sizes, dtype=dtype, l2=l2)
    if known is None:
        return _new(model, spec)
    if known.spec == spec:
        return known
    if known.spec.shapes != spec.shapes:
        raise ValueError(
            f"the network that is gone on with has layers {list(known.spec.layer_sizes)}, and the "
            f"parameters ask for {list(spec.layer_sizes)}; fit anew, with warm_start=False"
        )
    parameters = Parameters(spec, known.parameters.theta)
    return Network.from_parameters(parameters, known.engine.NAME)


def _new(model: Any, spec: Any) -> Network:
    return Network(
        spec.layer_sizes,
        activation=spec.activations[:-1],
        output=spec.activations[-1],
        loss=spec.loss,
        init=model.init,
        seed=model._seed,
        dtype=spec.dtype,
        l2=spec.l2,
        l1=spec.l1,
        dropout=spec.dropout,
        engine="compiled" if isinstance(spec.loss, str) else "reference",
    )


def learn_by_lbfgs(model: Any, data: Prepared, tasks: Tasks) -> None:
    """Minimise the loss of all samples."""
    settings.refuse_steps(model)
    model.__dict__.pop("run_", None)  # of steps taken before
    losses: list[float] = []

    def watch(iteration: int, loss: float) -> bool:
        losses.append(loss)
        if model.verbose and model.verbose != "bar":
            print(f"Iteration {iteration}, loss = {loss:.8f}")
        return tasks.is_watched and tasks.end_of_epoch(iteration == model.max_iter)

    samples = (data.X, data.y, data.weight)
    result = minimised(
        model.network_,
        AllSamples(model.network_, samples, settings.threads_of(model.n_jobs)),
        max_iter=model.max_iter,
        max_fun=model.max_fun,
        tol=model.tol,
        watch=watch,
    )
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.n_iter_ = _check_optimize_result("lbfgs", result, model.max_iter)
    for warning in told:  # at the user's line
        settings.say(str(warning.message), warning.category)
    model.loss_ = float(result.fun)
    model.loss_curve_ += losses
    if not np.isfinite(model.network_.parameters.theta).all():
        raise ValueError(NOT_FINITE)


def learn_by_steps(
    model: Any,
    data: Prepared,
    held_out: Prepared | None,
    rows: int,
    epochs: int,
    tasks: Tasks,
) -> None:
    """Take so many epochs of steps of so many rows, or as many as it takes to converge."""
    network: Network = model.network_
    validation: Any = None if held_out is None else (held_out.X, held_out.y, held_out.weight)
    known = fit_data(network.spec, data.X, data.y, data.weight, validation)
    scoring = model._scorer(held_out)
    run = _run_of(model, known, rows, scoring is not None)
    model.run_ = run
    before, threads = run.epoch, settings.threads_of(model.n_jobs)
    diverged: FloatingPointError | None = None
    with watchers(model, run, epochs, tasks) as callbacks:
        try:
            while True:
                rest = before + epochs - run.epoch
                run.go_on(known, epochs=rest, scoring=scoring, callbacks=callbacks, threads=threads)
                if not (_is_adaptive(model) and _slowed(run)) or run.epoch >= before + epochs:
                    break
        except KeyboardInterrupt:
            settings.say("Training interrupted by user.")
        except FloatingPointError as error:
            diverged = error
    _write_down(model, run, before, diverged)
    _say_how_it_ended(model, run, epochs, diverged)


def _run_of(model: Any, data: FitData, rows: int, is_scored: bool) -> Run:
    """Return the run that goes on, where it is of the same data; or one that takes up its state."""
    known: Run | None = getattr(model, "run_", None)
    n = len(data.samples.X)
    optimizer = settings.optimizer_of(model, n, -(-n // rows))
    options = FitOptions(
        n, rows, bool(model.shuffle), model._seed, data.held_out is not None,
        settings.stopping_of(model), is_scored,
    )  # fmt: skip
    made_with, model._made_with = getattr(model, "_made_with", None), optimizer
    if known is None:
        return Run(model.network_, optimizer, options)
    options = replace(options, steps_before=known.options.steps_before)
    same = known.network is model.network_ and known.options == options
    if same and known.record.fingerprints == data.fingerprints and made_with is not None:
        if made_with == optimizer:
            return known
        if _but_for_the_rate(made_with, optimizer):
            known.set_learning_rate(optimizer.learning_rate)
            return known
    return _successor(model.network_, known, optimizer, options)


def _but_for_the_rate(one: Optimizer, other: Optimizer) -> bool:
    if type(one) is not type(other) or one.name == "rprop":
        return False
    return replace(one, learning_rate=0.0) == replace(other, learning_rate=0.0)


def _successor(network: Network, known: Run, optimizer: Optimizer, options: FitOptions) -> Run:
    """Return a run with the state that another left, its parameters as that goes on from them."""
    taken = known.options.steps_before + known.step
    if known.record.optimizer.slots != optimizer.slots:
        return Run(network, optimizer, replace(options, steps_before=0))
    network.parameters.theta[:] = known.to_go_on_from()
    options = replace(options, steps_before=taken)
    return Run(network, optimizer, options, known.last.optimizer_state)


def _is_adaptive(model: Any) -> bool:
    return bool(model.solver == "sgd" and model.learning_rate == "adaptive")


def _slowed(run: Run) -> bool:
    """Divide the learning rate by 5, where it ran out of patience and isn't tiny yet."""
    rate = run.rates[-1] if run.step else 0.0
    if run.stopped != "early_stopping" or rate <= _SLOWEST:
        return False
    run.set_learning_rate(float(rate / _SLOWER))
    return True


def _write_down(model: Any, run: Run, before: int, diverged: Exception | None) -> None:
    """Set the attributes that scikit-learn has, and the curves of what was held out."""
    model.n_iter_ = run.epoch - before
    model.t_ += model.n_iter_ * run.options.n_samples
    losses = run.epoch_losses[before:].tolist()
    model.loss_curve_ += losses
    if losses:
        model.loss_ = losses[-1]
    if not model.early_stopping:
        model.best_loss_ = min([model.best_loss_, *losses])
    if not run.options.is_validated:
        return
    model.validation_loss_curve_ += run.validation_losses[before:].tolist()
    scores = run.validation_scores if run.options.is_scored else -run.validation_losses
    model.validation_scores_ = [*(model.validation_scores_ or []), *scores[before:].tolist()]
    if diverged is not None:
        model.validation_scores_.append(math.nan)
    finite = [score for score in model.validation_scores_ if not math.isnan(score)]
    model.best_validation_score_ = max(finite, default=-math.inf)


def _say_how_it_ended(
    model: Any,
    run: Run,
    epochs: int,
    diverged: FloatingPointError | None,
) -> None:
    if diverged is not None:
        if not model.early_stopping:
            raise ValueError(f"{NOT_FINITE} More exactly: {diverged}") from diverged
        if run.best is None:
            run.network.parameters.theta[:] = run.start.theta
        settings.say(f"{diverged}; the best weights so far are kept", ConvergenceWarning)
    elif run.stopped == "early_stopping":
        if model.verbose and model.verbose != "bar":
            watched = "Validation score" if model.early_stopping else "Training loss"
            print(
                f"{watched} did not improve more than tol={model.tol:f} for "
                f"{model.n_iter_no_change} consecutive epochs. Stopping."
            )
    elif (
        run.stopped == "epochs"
        and model.n_iter_ == epochs == model.max_iter
        and not _was_planned(run)
    ):
        settings.say(
            f"Stochastic Optimizer: Maximum iterations ({model.max_iter}) reached and the "
            "optimization hasn't converged yet.",
            ConvergenceWarning,
        )


def _was_planned(run: Run) -> bool:
    """Whether the learning rate follows a schedule that ends, as the fit does."""
    rate = run.optimizer.learning_rate
    return isinstance(rate, Schedule) and rate.end is not None
