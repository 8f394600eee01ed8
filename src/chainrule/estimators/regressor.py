"""MLPRegressor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.validation import validate_data

from chainrule.estimators.base import ByParts, MultilayerPerceptronEstimator, Role
from chainrule.estimators.documentation import documented
from chainrule.estimators.parameters import BEYOND, OF_REGRESSOR, OF_SCIKIT_LEARN, constraints
from chainrule.estimators.samples import Prepared
from chainrule.theory.loss import Loss
from chainrule.theory.optimizer import Optimizer
from chainrule.theory.own_loss import loss_of
from chainrule.theory.schedules import Schedule

Array = NDArray[Any]


class MLPRegressor(RegressorMixin, MultilayerPerceptronEstimator):
    """A multilayer perceptron that predicts numbers, with scikit-learn's contract.

    It is a ``Network`` (``network_``) and its ``Run`` (``run_``): as fast, exact to the last bit,
    and open at every step.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **MultilayerPerceptronEstimator._parameter_constraints,
        **constraints(OF_REGRESSOR),
    }

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        solver: str | Optimizer = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str | Schedule = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int | str = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        output_activation: str = "auto",
        init: str = "glorot_uniform",
        l1: float = 0.0,
        dropout: float = 0.0,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        max_norm: float | None = None,
        averaging: float = 0.0,
        scoring: Any = None,
        callbacks: Any = None,
        n_jobs: int | None = None,
        record: bool = False,
    ) -> None:
        self._keep(locals())

    # -- learning -------------------------------------------------------------------------

    @ByParts
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn for one epoch from samples, going on from what was learned before.

        Parameters
        ----------
        X, y, sample_weight
            As for ``fit``. The same data as before go on exactly, the optimizer's state included;
            with others, too, its state and step are kept.

        Returns
        -------
        self
        """
        return self._learn_one_epoch(X, y, sample_weight)

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Array, Array]:
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, y_numeric=True, order="C",
            dtype=(np.float64, np.float32), reset=reset,
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    def _targets(self, y: Array, role: Role) -> Array:  # noqa: ARG002
        return y.reshape(len(y), -1)

    def _loss_and_output(self) -> tuple[Loss, str]:
        loss = loss_of(self.loss)
        if loss.targets == "classes":
            raise ValueError(f"loss {loss.name!r} is of classes; use MLPClassifier")
        return loss, self.output_activation

    def _watched(self) -> Any:
        several = loss_of(self.loss).outputs_per_target > 1
        return "loss" if several and self.scoring is None else self.scoring

    def _score_of(self, outputs: Array, held_out: Prepared) -> float:
        if not np.isfinite(outputs).all():
            return float("nan")
        with np.errstate(over="ignore"):  # of a fit that diverges
            central, weight = self._central(outputs), held_out.weight
            return float(r2_score(held_out.y, central, sample_weight=weight))

    # -- predicting -----------------------------------------------------------------------

    def predict(self, X: ArrayLike, return_std: bool = False) -> Any:
        """Return the value of each sample, or the quantiles that the loss names.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        return_std : bool
            Whether the standard deviation is returned too, for loss="gaussian_nll".

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            With several levels, (n_samples, n_levels) or (n_samples, n_outputs, n_levels), where
            quantiles that cross are put into order (Chernozhukov, Fernández-Val, Galichon 2010).
            With ``return_std``, two arrays.
        """
        outputs = self._outputs(X)
        if return_std:
            return self._squeezed(self._central(outputs)), self._squeezed(self._deviation(outputs))
        if len(self.network_.spec.loss_row.levels) > 1:
            return self._squeezed(self._quantiles(outputs))
        return self._squeezed(self._central(outputs))

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return R² of the predictions; of several levels, of that nearest to the median.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
        """
        central = self._squeezed(self._central(self._outputs(X)))
        return float(r2_score(y, central, sample_weight=sample_weight))

    def _central(self, outputs: Array) -> Array:
        """Return the mean of each target, or its quantile nearest to the median."""
        loss = self.network_.spec.loss_row
        if len(loss.levels) > 1:
            return self._quantiles(outputs)[:, :, loss.central]
        each = loss.outputs_per_target  # a mean may have its variance beside it
        return outputs if each == 1 else outputs[:, : outputs.shape[1] // each]

    def _quantiles(self, outputs: Array) -> Array:
        """Return the quantiles of each target in increasing order, (n, targets, levels)."""
        levels = self.network_.spec.loss_row.levels
        of_each = outputs.reshape(len(outputs), len(levels), -1)
        return np.sort(of_each.swapaxes(1, 2), axis=2)

    def _deviation(self, outputs: Array) -> Array:
        if self.network_.spec.loss_row.row != "gaussian_nll":
            raise ValueError(
                "return_std needs loss='gaussian_nll', which predicts a variance; loss is "
                f"{self.network_.spec.loss_row.name!r}"
            )
        deviation: Array = np.exp(0.5 * outputs[:, outputs.shape[1] // 2 :])
        return deviation

    @staticmethod
    def _squeezed(values: Array) -> Array:
        return values[:, 0] if values.shape[1] == 1 else values


MLPRegressor.__doc__ = documented(
    MLPRegressor,
    OF_SCIKIT_LEARN | BEYOND | OF_REGRESSOR,
    {},
    """
    Notes
    -----
    The gradient is the derivative of the loss for any number of outputs, where scikit-learn's with
    "lbfgs" is k times its own for k outputs (its issue 8349). Departures from scikit-learn 1.9 are
    listed in docs/scikit-learn.md.

    References
    ----------
    Rumelhart, Hinton, Williams 1986, Learning representations by back-propagating errors.
    Koenker, Bassett 1978, Regression quantiles.

    Examples
    --------
    Three quantiles at once, of numbers whose spread grows with x:

    >>> import numpy as np
    >>> import chainrule as cr
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(1, 3, size=(2000, 1))
    >>> y = X.ravel() * rng.normal(1, 0.2, size=2000)
    >>> model = cr.MLPRegressor("quantile:levels=0.1 0.5 0.9", learning_rate="cosine",
    ...                         learning_rate_init=0.01, max_iter=30, random_state=0)
    >>> low, middle, high = model.fit(X, y).predict([[2.0]])[0]
    >>> bool(low < 1.7 < middle < 2.3 < high)
    True
    """,
)
