"""TableClassifier and TableRegressor: models of tables by scikit-learn's contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from chainrule.tables.estimator import TableEstimator
from chainrule.tables.fields import Fields
from chainrule.tables.targets import ClassTarget
from chainrule.theory.checks import require

Array = NDArray[Any]


class TableClassifier(ClassifierMixin, TableEstimator):  # type: ignore[misc]
    """Predicts a column of classes from the other columns of a table.

    Parameters
    ----------
    quality : "plain", "fast", "balanced" or "best"
        What else is not given is chosen by it; `TrainOptions` documents each.
    random_state : int, RandomState or None
        Of folds, weights and shuffling.
    n_jobs : int, optional
        Threads; the result doesn't depend on it.
    members, ..., record : options of `TrainOptions`
        All others, of the same names and with the same meaning.

    Attributes
    ----------
    model_ : TableModel
    report_ : Report
    classes_ : ndarray of shape (n_classes,)
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Examples
    --------
    >>> import pandas as pd
    >>> from chainrule import TableClassifier
    >>> skins = ["red", "green", "red", None]
    >>> fruit = pd.DataFrame({"mass": [120, 150, 9, 7] * 9, "skin": skins * 9})
    >>> model = TableClassifier("fast").fit(fruit, ["apple", "apple", "cherry", "cherry"] * 9)
    >>> model.predict(fruit[:4]).tolist()
    ['apple', 'apple', 'cherry', 'cherry']
    """

    _task = "classification"
    classes_: Array

    def _target(self, y: ArrayLike) -> pa.Array:
        values = column_or_1d(y, warn=True)
        check_classification_targets(values)
        self.classes_, index = np.unique(values, return_inverse=True)
        require(
            len(self.classes_) > 1,
            f"y has only one class, {self.classes_.tolist()[0]!r}: there is nothing to tell apart",
        )
        return pa.array(list(map(_label, self.classes_)), pa.string()).take(pa.array(index))

    def _described_classes(self) -> dict[str, Any]:
        return {"values": self.classes_.tolist(), "dtype": str(self.classes_.dtype)}

    def _restore_classes(self, described: object) -> None:
        fields = Fields(described, "classes")
        self.classes_ = np.array(fields.any("values"), dtype=fields.text("dtype"))
        fields.done()
        labels = sorted(map(self._name, self.classes_))
        require(
            labels == sorted(self.model_.target.classes),  # type: ignore[union-attr]
            f"classes: expected those of the model, got {labels!r:.60}",
        )
        self._learned()

    def predict(self, X: Any) -> Array:  # noqa: ANN401
        """Return the most probable class of each row, shape (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def predict_proba(self, X: Any) -> Array:  # noqa: ANN401
        """Return the probability of each class for each row, shape (n, n_classes)."""
        outputs = self._outputs(X)
        probabilities = self.model_.probabilities_of(outputs)
        return probabilities if self._in_order else probabilities[:, self._order]

    def _learn_classes(self) -> None:
        target = self.model_.target
        assert isinstance(target, ClassTarget)
        values = target.values(np.arange(len(target.classes)))
        self.classes_ = np.unique(values.to_numpy(zero_copy_only=False))

    def _name(self, one: object) -> str:
        """Return what the model calls a class."""
        is_truth = self.model_.target.kind == "boolean"
        return _label(one).lower() if is_truth else _label(one)

    def _learned(self) -> None:
        known = self.model_.target.classes  # type: ignore[union-attr]
        self._order = [known.index(self._name(one)) for one in self.classes_]
        self._in_order = self._order == list(range(len(known)))


class TableRegressor(RegressorMixin, TableEstimator):  # type: ignore[misc]
    """Predicts a column of numbers from the other columns of a table.

    Parameters
    ----------
    quality : "plain", "fast", "balanced" or "best"
        What else is not given is chosen by it; `TrainOptions` documents each.
    random_state : int, RandomState or None
        Of folds, weights and shuffling.
    n_jobs : int, optional
        Threads; the result doesn't depend on it.
    members, ..., record : options of `TrainOptions`
        All others, of the same names and with the same meaning.

    Attributes
    ----------
    model_ : TableModel
    report_ : Report
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import TableRegressor
    >>> X = np.random.default_rng(0).normal(size=(400, 2))
    >>> model = TableRegressor("fast").fit(X, np.abs(X[:, 0]))
    >>> bool(model.report_.metrics["r2"] > 0.9)
    True
    """

    _task = "regression"

    def _target(self, y: ArrayLike) -> pa.Array:
        values = column_or_1d(y, warn=True)
        values = check_array(values, ensure_2d=False, dtype=np.float64, input_name="y")
        require(len(values) > 1, "n_samples = 1: there is nothing to learn from one row")
        return pa.array(values, pa.float64())

    def predict(self, X: Any) -> Array:  # noqa: ANN401
        """Return the number of each row, shape (n,)."""
        outputs = self._outputs(X)
        return np.asarray(self.model_.numbers_of(outputs))

    def predict_interval(self, X: Any, coverage: float = 0.9) -> Array:  # noqa: ANN401
        """Return for each row an interval that holds its number with some probability.

        It is conformal: of the errors on rows that were not learned from, `Errors` says what is
        promised.

        Parameters
        ----------
        X : DataFrame or array-like
        coverage : float
            The probability, between 0 and 1.

        Returns
        -------
        ndarray of shape (n, 2)
            The lower end and the upper one; infinite where the rows were too few for this coverage.

        Examples
        --------
        >>> import numpy as np
        >>> from chainrule import TableRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(2000, 1))
        >>> y = X[:, 0] + rng.normal(size=2000)
        >>> model = TableRegressor("fast").fit(X[:1000], y[:1000])
        >>> lower, upper = model.predict_interval(X[1000:], coverage=0.8).T
        >>> inside = (lower <= y[1000:]) & (y[1000:] <= upper)
        >>> bool(0.75 < inside.mean() < 0.85)
        True
        """
        outputs = self._outputs(X)
        return self.model_.interval_of(outputs, coverage)


def _label(value: object) -> str:
    return str(value.item() if isinstance(value, np.generic) else value)
