"""TableEstimator: what TableClassifier and TableRegressor share of scikit-learn's contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from chainrule.tables.fields import Fields
from chainrule.tables.fitting import train
from chainrule.tables.model import TableModel
from chainrule.tables.options import TrainOptions
from chainrule.tables.parts import is_in_parts, parts_of
from chainrule.tables.reading import as_table
from chainrule.tables.recipes import Quality
from chainrule.tables.report import Report
from chainrule.tables.table import Table
from chainrule.theory.checks import plural, require

Array = NDArray[Any]

_FLOAT64 = np.dtype("float64")  # not np.float64, to which a dtype compares in half a microsecond
_OWN = {"random_state": "seed", "n_jobs": "threads"}  # scikit-learn's names of our options


class TableEstimator(BaseEstimator):  # type: ignore[misc]
    """Base of ``TableClassifier`` and ``TableRegressor``; what they do is done by `train`."""

    _task: Literal["classification", "regression"]
    model_: TableModel
    n_features_in_: int

    def __init__(
        self,
        quality: Quality = "balanced",
        *,
        members: int | None = None,
        candidates: int | None = None,
        pieces: int | None = None,
        piece_height: float | None = None,
        categories: int | None = None,
        clamp: bool | None = None,
        hidden: tuple[int, ...] | None = None,
        activation: str | tuple[str, ...] | None = None,
        loss: str = "auto",
        dropout: float | None = None,
        l2: float | Literal["auto"] | None = None,
        optimizer: str | None = None,
        learning_rate: float | None = None,
        schedule: str | None = None,
        epochs: int | None = None,
        batch_size: int | Literal["auto"] = "auto",
        patience: int | None = None,
        test_fraction: float | None = None,
        validation_fraction: float | None = None,
        time_limit: float | None = None,
        ignore: Sequence[str] = (),
        kinds: Mapping[str, str] | None = None,
        dtype: str = "float32",
        random_state: Any = 0,  # noqa: ANN401 (scikit-learn's)
        n_jobs: int | None = None,
        record: bool = False,
    ) -> None:
        self.quality = quality
        self.members = members
        self.candidates = candidates
        self.pieces = pieces
        self.piece_height = piece_height
        self.categories = categories
        self.clamp = clamp
        self.hidden = hidden
        self.activation = activation
        self.loss = loss
        self.dropout = dropout
        self.l2 = l2
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.epochs = epochs
        self.batch_size = batch_size
        self.patience = patience
        self.test_fraction = test_fraction
        self.validation_fraction = validation_fraction
        self.time_limit = time_limit
        self.ignore = ignore
        self.kinds = kinds
        self.dtype = dtype
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.record = record

    # -- learning -------------------------------------------------------------------------

    def fit(self, X: Any, y: ArrayLike) -> Self:  # noqa: ANN401 (anything that has columns)
        """Learn from a table.

        Parameters
        ----------
        X : DataFrame of pandas or polars, pyarrow.Table, or array-like of shape (n, columns)
            Numbers, text, categories, booleans, dates and missing values, as they are. Or a
            ``pyarrow.dataset.Dataset`` of Parquet files, which needn't fit in memory: then one
            network is trained, and without ``n_jobs`` every core is used.
        y : array-like of shape (n,)
            Of a Dataset, the name of the column to predict.

        Returns
        -------
        self

        Raises
        ------
        TableError
            If the table can't be used; the column and the row are named.
        """
        if is_in_parts(X):
            return self._fit_parts(X, y)
        table = self._table(X, reset=True)
        target = self._target(y)
        if len(target) != table.n_rows:
            raise ValueError(f"X has {plural(table.n_rows, 'row')}, and y has {len(target):,}")
        name = _new_name(getattr(y, "name", None), table)
        names = [known for known in table.names if known not in table.index]
        columns = [*(table.column(known) for known in names), target]
        data = pa.table(columns, names=[*names, name])
        self.model_ = train(Table(table.name, data, typed=True), name, self._options())
        self._learned()
        return self

    def _fit_parts(self, source: Any, target: object) -> Self:  # noqa: ANN401
        """Learn from a table in parts, one of whose columns is the target."""
        from chainrule.tables.part_fitting import train_parts
        from chainrule.tables.part_preparing import Where

        require(isinstance(target, str), f"y must name a column of the dataset, got {target!r:.60}")
        parts, options = parts_of(source), self._options()
        self.model_ = train_parts(parts, str(target), options, Where(workers=options.threads))
        names = [name for name in parts.names if name != target]
        self.feature_names_in_ = np.array(names, dtype=object)
        self.n_features_in_ = len(names)
        self._learn_classes()
        self._learned()
        return self

    def _learn_classes(self) -> None:
        """Take the classes from the model, which has learned them."""

    def _options(self) -> TrainOptions:
        """Return the parameters as `train` takes them."""
        values = {_OWN.get(k, k): v for k, v in self.get_params(deep=False).items()}
        generator = check_random_state(values["seed"])
        if not isinstance(values["seed"], int | np.integer):
            values["seed"] = generator.randint(np.iinfo(np.int32).max)
        values["seed"] = int(values["seed"])
        values["ignore"] = tuple(values["ignore"])
        values["kinds"] = dict(values["kinds"] or {})
        if values["threads"] is not None and values["threads"] < 0:
            values["threads"] = None  # all cores, in scikit-learn's way to say so
        return TrainOptions(task=self._task, **values)

    def _target(self, y: ArrayLike) -> pa.Array:
        raise NotImplementedError

    def _learned(self) -> None:
        """Make ready what predictions need beside the model."""

    def _table(self, X: Any, reset: bool = False) -> Table:  # noqa: ANN401
        """Return X as a table with the names, or the number, of columns that the first had."""
        if not hasattr(X, "__arrow_c_stream__"):
            X = validate_data(self, X, reset=reset, dtype=None, ensure_all_finite="allow-nan")
            columns = [_plain_column(X[:, k]) for k in range(X.shape[1])]
            names = getattr(self, "feature_names_in_", _unnamed(len(columns)))
            return Table("X", pa.table(columns, names=list(names)), typed=True)
        require(getattr(X, "ndim", 2) == 2, "X is one column; a table of it is X.to_frame()")
        validate_data(self, X, reset=reset, skip_check_array=True)
        table = as_table(X)
        require(table.n_rows > 0, f"{table.name} has 0 rows; expected at least one")
        return table

    # -- files ----------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """Return everything but the arrays, ready for JSON.

        Raises
        ------
        ValueError
            If ``random_state`` is a generator, whose state no file keeps.
        """
        check_is_fitted(self)
        parameters = self.get_params(deep=False)
        known = isinstance(self.random_state, int | np.integer | None)
        require(known, "random_state is a generator; to be saved, it must be a number or None")
        names = self.__dict__.get("feature_names_in_")
        return {
            "parameters": {name: _for_json(value) for name, value in parameters.items()},
            "columns": self.n_features_in_ if names is None else list(map(str, names)),
            "classes": self._described_classes(),
            "model": self.model_.describe(),
        }

    def arrays(self) -> dict[str, Array]:
        """Return the arrays of the model."""
        check_is_fitted(self)
        return self.model_.arrays()

    @classmethod
    def restore(cls, description: object, arrays: Mapping[str, Array]) -> Self:
        """Return the estimator that ``describe`` and ``arrays`` describe.

        Raises
        ------
        ValueError
            If a field or an array is missing, unknown or wrong.
        """
        fields = Fields(description, "estimator")
        estimator = cls()
        given = fields.mapping("parameters", object)
        tuples = ("hidden", "activation", "ignore")
        given |= {k: tuple(given[k]) for k in tuples if isinstance(given.get(k), list)}
        estimator.set_params(**given)
        estimator._options()  # checks them
        estimator.model_ = TableModel.restore(fields.any("model"), arrays)
        if isinstance(fields.any("columns"), int):
            estimator.n_features_in_ = fields.whole("columns", least=1)
        else:
            estimator.feature_names_in_ = np.array(fields.texts("columns"), dtype=object)
            estimator.n_features_in_ = len(estimator.feature_names_in_)
        estimator._restore_classes(fields.any("classes"))
        fields.done()
        return estimator

    def _described_classes(self) -> dict[str, Any] | None:
        """Return the classes as JSON can hold them; None for numbers."""
        return None

    def _restore_classes(self, described: object) -> None:
        require(described is None, f"classes: expected none, got {described!r:.60}")

    # -- predicting -----------------------------------------------------------------------

    def _outputs(self, X: Any) -> Array:  # noqa: ANN401
        if "model_" not in self.__dict__:  # looked at first: check_is_fitted takes its time
            check_is_fitted(self)
        outputs = self._of_one_row(X)
        return self.model_.outputs(self._table(X)) if outputs is None else outputs

    def _of_one_row(self, X: Any) -> Array | None:  # noqa: ANN401
        """Return the outputs for a single row of the columns of `fit`, or None: see `OneRow`."""
        if getattr(X, "shape", None) != (1, self.n_features_in_):
            return None
        names = self.__dict__.get("feature_names_in_")
        if names is not None:
            row = self.model_.one_row.of_frame(X, names.tolist())
            return None if row is None else self.model_.outputs_of(row)
        if type(X) is not np.ndarray or X.dtype != _FLOAT64:
            return None
        return self.model_.outputs_of_array(X, _unnamed(self.n_features_in_))

    @property
    def report_(self) -> Report:
        """How the model was trained, and what it is worth."""
        return self.model_.report

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401
        """Return what scikit-learn asks of it."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


@lru_cache(maxsize=8)
def _unnamed(columns: int) -> list[str]:
    """Return the names of an array's columns, which has none."""
    return [f"x{k}" for k in range(columns)]


def _for_json(value: Any) -> Any:  # noqa: ANN401
    """Return a parameter as JSON can hold it."""
    if isinstance(value, np.generic):
        return value.item()
    return list(value) if isinstance(value, tuple) else value


def _new_name(name: object, table: Table) -> str:
    """Return the name of the target: its own, unless a column has it."""
    wanted = str(name) if isinstance(name, str) else "target"
    while wanted in table:
        wanted += "_"
    return wanted


def _plain_column(values: Array) -> pa.Array:
    """Return a column of an array as Arrow's: of objects, what they are."""
    if values.dtype.kind in "biuf":
        return pa.array(np.ascontiguousarray(values), from_pandas=True)
    try:
        return pa.array(values.tolist(), from_pandas=True)
    except pa.ArrowException as error:
        raise TypeError(
            f"argument must be a string or a number: {' '.join(map(str, error.args))}"
        ) from error
