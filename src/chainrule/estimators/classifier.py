"""MLPClassifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer, label_binarize
from sklearn.utils import column_or_1d, compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import validate_data

from chainrule.estimators.base import ByParts, MultilayerPerceptronEstimator, Role
from chainrule.estimators.documentation import CLASSES, documented
from chainrule.estimators.parameters import (
    BEYOND,
    CLASS_WEIGHT,
    OF_CLASSIFIER,
    OF_SCIKIT_LEARN,
    constraints,
)
from chainrule.estimators.samples import Prepared
from chainrule.theory.loss import Loss
from chainrule.theory.named import loss_for
from chainrule.theory.optimizer import Optimizer
from chainrule.theory.own_loss import loss_of
from chainrule.theory.schedules import Schedule

Array = NDArray[Any]

# The least and the largest probability: their logarithms, and those of 1 - p, are finite.
_BETWEEN = {
    name: (float(np.finfo(name).tiny), float(1 - np.finfo(name).epsneg))
    for name in ("float32", "float64")
}


class MLPClassifier(ClassifierMixin, MultilayerPerceptronEstimator):
    """A multilayer perceptron that tells classes apart, with scikit-learn's contract.

    It is a ``Network`` (``network_``) and its ``Run`` (``run_``): as fast, exact to the last bit,
    and open at every step.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **MultilayerPerceptronEstimator._parameter_constraints,
        **constraints(OF_CLASSIFIER, {"class_weight": CLASS_WEIGHT}),
    }

    classes_: Array

    def __init__(
        self,
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
        loss: Any = "log_loss",
        output_activation: str = "auto",
        init: str = "glorot_uniform",
        class_weight: Mapping[Any, float] | Sequence[Any] | str | None = None,
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
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Learn for one epoch from samples, going on from what was learned before.

        Parameters
        ----------
        X, y, sample_weight
            As for ``fit``. The same data as before go on exactly, the optimizer's state included;
            with others, too, its state and step are kept.
        classes : array-like of shape (n_classes,), optional
            All there will be: needed in the first call.

        Returns
        -------
        self
        """
        again = hasattr(self, "classes_") and (
            classes is None or np.array_equal(np.asarray(classes), self.classes_)
        )
        if not again and _check_partial_fit_first_call(self, classes):
            multilabel = type_of_target(y).startswith("multilabel")
            self._learn_classes(y if multilabel else classes)
        return self._learn_one_epoch(X, y, sample_weight)

    def _why_not_by_parts(self) -> str:
        if self.class_weight == "balanced":
            return (
                "partial_fit, which doesn't see all samples, does not support "
                "class_weight='balanced'; give a dictionary, as compute_class_weight returns it"
            )
        return super()._why_not_by_parts()

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Array, Array]:
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, order="C",
            dtype=(np.float64, np.float32), reset=reset,
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    def _learn_classes(self, y: Any) -> None:
        known = LabelBinarizer().fit(y)
        self.classes_, self._kind = known.classes_, known.y_type_

    def _targets(self, y: Array, role: Role) -> Array:
        if role == "new" or not hasattr(self, "classes_"):
            self._learn_classes(y)
        all_of_them = role == "more" and self.warm_start
        known = self._columns_of_known(y)
        if known is not None and not all_of_them:
            return known
        if role != "new":
            self._require_known(unique_labels(y), all_of_them)
        columns = label_binarize(y, classes=self.classes_) if known is None else known
        return columns.toarray() if hasattr(columns, "toarray") else columns

    def _columns_of_known(self, y: Array) -> Array | None:
        """Return a column a class, one of two classes, where y holds classes that are known.

        As ``label_binarize``, in a hundredth of its time for a few samples.
        """
        comparable = y.dtype.kind == self.classes_.dtype.kind or (
            y.dtype.kind in "biuf" and self.classes_.dtype.kind in "biuf"
        )
        if y.ndim != 1 or not comparable or self._kind == "multilabel-indicator":
            return None
        last = len(self.classes_) - 1
        places = np.minimum(np.searchsorted(self.classes_, y), last)
        if not np.all(self.classes_[places] == y):
            return None
        return np.eye(last + 1)[places] if last > 1 else (places == 1).reshape(-1, 1)

    def _require_known(self, classes: Array, all_of_them: bool) -> None:
        if all_of_them and set(classes) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {classes}"
            )
        if len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. "
                f"'y' has {classes}."
            )

    def _weights(self, y: Array, sample_weight: Array | None) -> Array | None:
        if self.class_weight is None:
            return sample_weight
        if self.class_weight == "balanced" and sample_weight is not None and y.ndim == 1:
            of_each = compute_class_weight(
                "balanced", classes=self.classes_, y=y, sample_weight=sample_weight
            )
            weight = of_each[np.searchsorted(self.classes_, y)]
        else:
            weight = compute_sample_weight(self.class_weight, y)
        return weight if sample_weight is None else weight * sample_weight

    def _classes_of(self, data: Prepared) -> Array | None:
        if self._kind == "multilabel-indicator":
            return None
        return data.y[:, 0] if data.y.shape[1] == 1 else data.y.argmax(axis=1)

    def _loss_and_output(self) -> tuple[Loss, str]:
        given, columns = self.loss, 2 if self._kind == "multiclass" else 1
        if isinstance(given, str):
            name, colon, options = given.partition(":")
            name = {"log_loss": "cross_entropy"}.get(name, name)
            given = loss_for(name + colon + options, columns)
        loss = loss_of(given)
        if self.output_activation != "auto" or loss.targets in ("binary", "classes"):
            return loss, self.output_activation
        return loss, "softmax" if columns > 1 and not loss.is_known else "sigmoid"

    def _score_of(self, outputs: Array, held_out: Prepared) -> float:
        if not np.isfinite(outputs).all():
            return float("nan")
        if self._kind == "multiclass":
            right = outputs.argmax(axis=1) == held_out.y.argmax(axis=1)
        else:
            right = ((outputs > 0.5) == (held_out.y > 0.5)).all(axis=1)
        return float(np.average(right | (len(self.classes_) == 1), weights=held_out.weight))

    # -- predicting -----------------------------------------------------------------------

    def predict(self, X: ArrayLike) -> Array:
        """Return the most probable class of each sample, or each label that is probable.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), or (n_samples, n_classes) of 0 and 1 for labels
        """
        return self._labels(self._outputs(X))

    def _labels(self, outputs: Array) -> Array:
        if self._kind == "multilabel-indicator":
            return (outputs > 0.5).astype(int)
        if outputs.shape[1] > 1:
            return self.classes_[outputs.argmax(axis=1)]
        last = len(self.classes_) - 1  # 0, where there was one class only
        return self.classes_[np.minimum((outputs[:, 0] > 0.5).astype(int), last)]

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return the probability of each class, in the order of ``classes_``.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)

        Notes
        -----
        Outputs of several classes that are no softmax are cut to [0, 1] and divided by their sum.
        """
        outputs = self._outputs(X)
        if self.network_.spec.activations[-1] == "sigmoid":  # no further than rounding can tell
            outputs = np.clip(outputs, *_BETWEEN[outputs.dtype.name], out=outputs)
        if self._kind == "multilabel-indicator":
            return outputs
        if outputs.shape[1] == 1:
            return np.hstack([1 - outputs, outputs])
        if self.network_.spec.activations[-1] == "softmax":
            return outputs
        shares = np.clip(outputs, 0, 1) + np.finfo(outputs.dtype).tiny
        return shares / shares.sum(axis=1, keepdims=True)

    def predict_log_proba(self, X: ArrayLike) -> Array:
        """Return the logarithms of ``predict_proba``."""
        probabilities = self.predict_proba(X)
        return np.log(probabilities, out=probabilities)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


MLPClassifier.__doc__ = documented(
    MLPClassifier,
    OF_SCIKIT_LEARN | BEYOND | OF_CLASSIFIER | {"class_weight": CLASS_WEIGHT},
    CLASSES,
    """
    Notes
    -----
    Two classes, or one, have one output, a sigmoid; several classes one each, a softmax; labels
    one each, sigmoids. Departures from scikit-learn 1.9 are listed in docs/scikit-learn.md.

    References
    ----------
    Rumelhart, Hinton, Williams 1986, Learning representations by back-propagating errors.
    Kingma, Ba 2015, Adam: a method for stochastic optimization.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> import chainrule as cr
    >>> X, y = load_iris(return_X_y=True)
    >>> network = cr.MLPClassifier(solver="lbfgs", alpha=1.0, random_state=0)
    >>> model = make_pipeline(StandardScaler(), network).fit(X, y)
    >>> model.predict(X[[0, 60, 120]])
    array([0, 1, 2])
    >>> model.score(X, y) > 0.95
    True
    """,
)
