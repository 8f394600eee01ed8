"""MultilayerPerceptronEstimator: what classifier and regressor share of scikit-learn's contract."""

from __future__ import annotations

import copy
import functools
import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from chainrule.engine.sparse_rows import SparseRows
from chainrule.estimators import saving, settings
from chainrule.estimators.documentation import doc_link_template
from chainrule.estimators.learning import learn_by_lbfgs, learn_by_steps, network_of
from chainrule.estimators.parameters import BEYOND, OF_SCIKIT_LEARN, constraints
from chainrule.estimators.samples import Prepared, divided
from chainrule.estimators.watching import Tasks
from chainrule.theory.loss import Loss
from chainrule.training.continuation import Scoring
from chainrule.training.network import Network
from chainrule.training.run import Run

Array = NDArray[Any]

# What samples are for: to learn from, anew or after others of the same classes; or to judge by.
Role = Literal["new", "more", "held out"]


class NotByPartsError(AttributeError, ValueError):
    """There is no partial_fit with these parameters: hasattr says so, and a call says why."""


class ByParts:
    """The method partial_fit, where an estimator has it; a descriptor."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method
        functools.update_wrapper(self, method)  # type: ignore[arg-type]

    def __get__(self, model: Any, owner: type) -> Any:
        if model is None:
            return self._method
        if why := model._why_not_by_parts():
            raise NotByPartsError(why)
        return self._method.__get__(model, owner)


class Views(list[Array]):
    """Arrays of a network: an assignment writes into the array that is there."""

    def __setitem__(self, place: Any, value: Any) -> None:
        if isinstance(place, slice):
            for view, one in zip(self[place], value, strict=True):
                view[...] = one
        else:
            self[place][...] = value


class MultilayerPerceptronEstimator(CallbackSupportMixin, BaseEstimator):
    """Base of ``MLPClassifier`` and ``MLPRegressor``; what they do is done by ``Network``."""

    _parameter_constraints: ClassVar[dict[str, Any]] = constraints(OF_SCIKIT_LEARN, BEYOND)

    _doc_link_module = "chainrule"
    _doc_link_template = property(lambda _: doc_link_template())

    network_: Network
    run_: Run

    def _keep(self, given: dict[str, Any]) -> None:
        """Store the constructor's arguments, as they are."""
        for name, value in given.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    # -- what a subclass says -------------------------------------------------------------

    @abstractmethod
    def _loss_and_output(self) -> tuple[Loss, str]:
        """Return the loss and the output activation."""

    @abstractmethod
    def _targets(self, y: Array, role: Role) -> Array:
        """Return y as the network learns it, (n, targets)."""

    @abstractmethod
    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Array, Array]:
        """Return X and y as arrays, or scikit-learn's errors."""

    @abstractmethod
    def _score_of(self, outputs: Array, held_out: Prepared) -> float:
        """Return the accuracy or R² of outputs."""

    def _weights(self, y: Array, sample_weight: Array | None) -> Array | None:  # noqa: ARG002
        """Return the weights of the samples, those of their classes included."""
        return sample_weight

    def _classes_of(self, data: Prepared) -> Array | None:  # noqa: ARG002
        """Return the number of each sample's class, of which equal shares are to be held out."""
        return None

    # -- learning -------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        eval_X: ArrayLike | None = None,
        eval_y: ArrayLike | None = None,
        eval_sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn from samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Of float32 or float64, which the network then has; anything else becomes float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), optional
            0 counts nothing, 2 as two samples that are the same.
        eval_X, eval_y, eval_sample_weight : array-like, optional
            Held-out samples, whose loss and score are taken after each epoch; with
            ``early_stopping``, instead of a part of X.

        Returns
        -------
        self
        """
        goes_on = self.warm_start and hasattr(self, "network_")
        role: Role = "more" if self.warm_start else "new"
        data = self._prepared(X, y, sample_weight, role, reset=not goes_on)
        self._learn(X, y, data, (eval_X, eval_y, eval_sample_weight), self.max_iter, goes_on)
        return self

    def _learn_one_epoch(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None) -> Self:
        """Take one epoch, from where the network is."""
        goes_on = hasattr(self, "network_")
        data = self._prepared(X, y, sample_weight, "more", reset=not goes_on)
        self._learn(X, y, data, (None, None, None), 1, goes_on)
        return self

    def _learn(
        self,
        X: Any,
        y: Any,
        data: Prepared,
        evaluation: Any,
        epochs: int,
        goes_on: bool,
    ) -> None:
        if not goes_on:
            self._begin_anew()
        data, held_out = self._held_out(data, evaluation)
        self.n_outputs_ = data.y.shape[1]
        rows = settings.rows_a_step(self, len(data.X))
        self.network_ = network_of(self, data, rows)
        tasks = Tasks(self, X, y, epochs, self._usable)
        if self.solver == "lbfgs":
            learn_by_lbfgs(self, data, tasks)
        else:
            learn_by_steps(self, data, held_out, rows, epochs, tasks)
        tasks.end()

    def _begin_anew(self) -> None:
        """Forget what was learned before."""
        for name in ("network_", "run_", "_made_with"):
            self.__dict__.pop(name, None)
        generator = check_random_state(self.random_state)
        self._seed = int(generator.randint(np.iinfo(np.int32).max))
        self.n_iter_, self.t_ = 0, 0
        self.loss_curve_: list[float] = []
        self.validation_loss_curve_: list[float] = []
        self.validation_scores_: list[float] | None = None
        self.best_validation_score_: float | None = None
        self.best_loss_ = None if self.early_stopping else np.inf

    def _prepared(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        role: Role,
        *,
        reset: bool,
    ) -> Prepared:
        settings.hidden_sizes(self)
        X, y = self._checked(X, y, reset)
        rows = SparseRows.of(X, X.dtype) if hasattr(X, "tocsr") else np.ascontiguousarray(X)
        targets = np.ascontiguousarray(self._targets(y, role), dtype=X.dtype)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=X.dtype)
        weight = self._weights(y, sample_weight)
        return Prepared(rows, targets, y, weight, sample_weight).counted()

    def _held_out(self, data: Prepared, evaluation: Any) -> tuple[Prepared, Prepared | None]:
        """Return the samples to learn from, and those held out, if there are any."""
        X, y, weight = evaluation
        if X is not None:
            if y is None:
                raise ValueError("eval_X was given without eval_y")
            return data, self._prepared(X, y, weight, "held out", reset=False)
        if y is not None or weight is not None:
            raise ValueError("eval_y and eval_sample_weight need eval_X")
        if not self.early_stopping or self.solver == "lbfgs":
            return data, None
        return divided(data, self.validation_fraction, self._seed, self._classes_of(data))

    def attach(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Give ``run_`` the data of its fit again, where the estimator comes from a file or pickle.

        Parameters
        ----------
        X, y, sample_weight : array-like
            As they were given to the last fit; what it held out is held out again.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If they are others, or in another order.
        AttributeError
            If there is no run: L-BFGS takes no steps.
        """
        check_is_fitted(self)
        if "run_" not in self.__dict__:
            raise AttributeError(f"solver={self.solver!r} takes no steps, which could be replayed")
        data = self._prepared(X, y, sample_weight, "more", reset=False)
        if len(data.X) > self.run_.options.n_samples:
            data, _ = self._held_out(data, (None, None, None))
        self.run_.attach(data.X, data.y, sample_weight=data.weight)
        return self

    def __getstate__(self) -> dict[str, Any]:
        run = saving.kept_run(self)
        state: dict[str, Any] = super().__getstate__()
        return state if run is None else state | {"run_": run}

    # -- judging --------------------------------------------------------------------------

    def _scorer(self, held_out: Prepared | None) -> Scoring | None:
        """Return what gives the score of an epoch; None where it is the loss."""
        if held_out is None or self._watched() == "loss":
            return None
        if self.scoring is None:
            return lambda run: self._score_of(run.network.forward(held_out.X), held_out)
        model, scorer = self._nameless(), check_scoring(self, self.scoring)
        weighted = {} if held_out.weight is None else {"sample_weight": held_out.weight}
        rows = held_out.X
        if isinstance(rows, SparseRows):
            parts = (rows.values, rows.columns, rows.starts)
            rows = csr_array(parts, shape=rows.shape)
        return lambda _: float(scorer(model, rows, held_out.truth, **weighted))

    def _watched(self) -> Any:
        """Return what early stopping looks at."""
        return self.scoring

    def _nameless(self) -> Self:
        """Return an estimator with this one's network, which takes X without names."""
        model = copy.copy(self)
        model.__dict__.pop("feature_names_in_", None)
        return model

    def _usable(self) -> dict[str, Any]:
        """Return the attributes that a copy needs to predict."""
        names = ("n_features_in_", "feature_names_in_", "classes_", "_kind", "n_outputs_")
        known = {name: getattr(self, name) for name in names if hasattr(self, name)}
        return known | {"network_": self.network_.copy()}

    # -- predicting -----------------------------------------------------------------------

    def _outputs(self, X: Any) -> Array:
        """Return the network's outputs; what is a plain array of the right shape is looked at once.

        scikit-learn's checks take 20 times as long as the network with one row.
        """
        network: Network | None = self.__dict__.get("network_")
        if network is None:
            check_is_fitted(self)
        assert network is not None
        plain = (
            type(X) is np.ndarray
            and X.ndim == 2
            and X.dtype == network.parameters.theta.dtype
            and X.shape[1] == network.spec.layer_sizes[0]
            and len(X) > 0
            and "feature_names_in_" not in self.__dict__
            and math.isfinite(X.sum())
        )
        rows = X if plain else self._features(X)
        return network.forward(rows, threads=settings.threads_of(self.n_jobs))

    def _features(self, X: Any) -> Any:
        """Return X as the network takes it, dense or sparse; or scikit-learn's errors, warnings."""
        with np.errstate(over="ignore"):
            return validate_data(
                self, X, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32), reset=False
            )

    # -- what scikit-learn's estimators show ------------------------------------------------

    @property
    def coefs_(self) -> list[Array]:
        """W of each layer, (fan_in, fan_out): what is written into it is in the network."""
        return Views(self._of_network("coefs_").weights)

    @coefs_.setter
    def coefs_(self, weights: list[Array]) -> None:
        Views(self._of_network("coefs_").weights)[:] = weights

    @property
    def intercepts_(self) -> list[Array]:
        """b of each layer, (fan_out,): what is written into it is in the network."""
        return Views(self._of_network("intercepts_").biases)

    @intercepts_.setter
    def intercepts_(self, biases: list[Array]) -> None:
        Views(self._of_network("intercepts_").biases)[:] = biases

    @property
    def n_layers_(self) -> int:
        """Layers, the input's included."""
        return len(self._of_network("n_layers_").spec.layer_sizes)

    @property
    def out_activation_(self) -> str:
        """φ of the output, by scikit-learn's name where it has one."""
        name = self._of_network("out_activation_").spec.activations[-1]
        return settings.THEIRS.get(name, name)

    # -- files ----------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """Return everything but the arrays, ready for JSON."""
        return saving.described(self)

    def arrays(self) -> dict[str, Array]:
        """Return the arrays: the network's, the run's, and the curves."""
        return saving.arrays_of(self)

    @classmethod
    def restore(cls, description: dict[str, Any], arrays: dict[str, Array]) -> Self:
        """Return the estimator that ``describe`` and ``arrays`` describe.

        Raises
        ------
        ValueError
            If a field is missing, unknown or out of range, or an array is not as it says.
        """
        model = cls()
        saving.restore(model, description, arrays)
        return model

    def _of_network(self, name: str) -> Network:
        if "network_" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self.network_

    def _why_not_by_parts(self) -> str:
        """Return why there is no partial_fit; "" where there is."""
        if self.solver == "lbfgs":
            return (
                "partial_fit is only available for stochastic optimizers. "
                f"{self.solver} is not stochastic."
            )
        return "partial_fit does not support early_stopping=True" if self.early_stopping else ""

    def __sklearn_is_fitted__(self) -> bool:
        return "network_" in self.__dict__

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
