"""Networks together with the columns they read and the column they predict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from chainrule.engine import compiled
from chainrule.engine.spec import NetworkSpec
from chainrule.tables.columns import missing
from chainrule.tables.conventions import USUAL, Conventions
from chainrule.tables.encoding import FeatureEncoder
from chainrule.tables.errors import TableError, listed
from chainrule.tables.fields import Fields
from chainrule.tables.intervals import Errors
from chainrule.tables.metrics import Metrics, classification_metrics, regression_metrics
from chainrule.tables.one_row import OneRow
from chainrule.tables.reading import Source, as_table
from chainrule.tables.report import Report
from chainrule.tables.seen import count_seen, fingerprints
from chainrule.tables.table import Table
from chainrule.tables.targets import ClassTarget, NumberTarget, Target, target_from_dict
from chainrule.theory.checks import plural
from chainrule.training.network import Network
from chainrule.training.perceptron import MultilayerPerceptron
from chainrule.training.run import Run

PREDICTION = "prediction"  # the column of answers
_NETWORK, _RUN, _SEEN, _ERRORS = "networks.{}.", "runs.{}.", "seen", "errors"


@dataclass(frozen=True)
class TableModel:
    """Trained networks that read tables by column name and predict one column.

    Where there are several, the answer is the mean of theirs.

    Parameters
    ----------
    features : FeatureEncoder
        The columns it reads, in any order in a table; other columns are not read.
    target : ClassTarget or NumberTarget
        The column it predicts; a table to predict needn't have it.
    networks : tuple of Network
        One, or several of the same shape, each trained on other rows.
    report : Report
        How they were trained and what they are worth.
    conventions : Conventions
        How the texts of its tables are read.
    seen : ndarray of uint64
        The fingerprints of the rows that it learned from.
    errors : Errors or None
        Of numbers, how far predictions were off on rows that were not learned from.
    runs : tuple of Run
        How each network learned, where that was recorded.

    Notes
    -----
    Where a method takes a `source`, that is a path, a DataFrame of pandas or polars, a
    ``pyarrow.Table``, or a `Table`.

    Examples
    --------
    >>> from chainrule.tables import TrainOptions, read, train
    >>> model = train(read("iris"), "target", TrainOptions("plain", epochs=60))
    >>> model
    <TableModel: target, one of setosa, versicolor, virginica
     from sepal length (cm), sepal width (cm), petal length (cm), petal width (cm)
     by 4-128-64-3; on 30 held-out rows accuracy 0.9667, log_loss 0.2025, auc 1>
    >>> model.predict("iris")[:2].tolist()
    ['setosa', 'setosa']
    """

    features: FeatureEncoder
    target: Target
    networks: tuple[MultilayerPerceptron, ...]
    report: Report
    conventions: Conventions = USUAL
    seen: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64), compare=False)
    errors: Errors | None = field(default=None, compare=False)
    runs: tuple[Run, ...] = field(default=(), compare=False)

    def __repr__(self) -> str:
        answer = "a number" if self.target.task == "regression" else "one of "
        if isinstance(self.target, ClassTarget):
            answer += listed(self.target.classes, 6)
        sizes = "-".join(map(str, self.spec.layer_sizes))
        if len(self.networks) > 1:
            sizes = f"{len(self.networks)} networks {sizes}"
        figures = [f"{k} {v:.4g}" for k, v in self.report.metrics.items() if v is not None]
        of_all = self.report.judged == "out of fold"
        rows = self.report.rows.get("training" if of_all else "test", 0)
        which = f"{plural(rows, 'row')}, out of fold," if of_all else plural(rows, "held-out row")
        worth = f"; on {which} {', '.join(figures)}" if figures else ""
        return (
            f"<TableModel: {self.target.name}, {answer}\n"
            f" from {listed(self.features.names, 6)}\n by {sizes}{worth}>"
        )

    @cached_property
    def spec(self) -> NetworkSpec:
        """What the networks are."""
        return self.networks[0].spec

    def table(self, source: Source) -> Table:
        """Return a source as a table, its texts read as the model's table wrote them."""
        return as_table(source, self.conventions)

    def outputs(self, source: Source) -> NDArray[np.floating[Any]]:
        """Return what the networks answer for each row, shape (n_rows, outputs), of their dtype.

        Raises
        ------
        TableError
            If the table lacks a column, or a value isn't of its kind; the line is named.
        """
        usual = self.conventions == USUAL  # else a number may be a word for a missing one
        X = self.one_row.of_frame(source) if usual else None
        if X is None:
            X = self.features.transform(self.table(source), self.spec.dtype)
        return self.outputs_of(X)

    def outputs_of_array(
        self, X: NDArray[np.float64], names: Sequence[str]
    ) -> NDArray[np.floating[Any]] | None:
        """Return the outputs for an array of one row, whose columns have these names.

        None where `outputs` is to answer, or to say what is wrong; see `OneRow`.
        """
        numbers = self.one_row.numbers(X, names)
        if numbers is None:
            return None
        if self._members is not None:
            return self._members.mean_of_numbers(numbers)
        inputs = self.one_row.of_numbers(numbers)
        return None if inputs is None else self.outputs_of(inputs)

    @cached_property
    def one_row(self) -> OneRow:
        """What encodes a single row at once, where it is plain to read."""
        return OneRow(self.features, self.spec.dtype)

    def outputs_of(self, X: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Return the mean of the networks' outputs for encoded rows, added up in their order."""
        if not len(X):
            return np.empty((0, self.spec.n_outputs), X.dtype)
        if self._members is not None:
            return self._members.mean(X)
        total = self.networks[0].forward(X)
        for network in self.networks[1:]:
            total += network.forward(X)
        return total / len(self.networks) if len(self.networks) > 1 else total

    @cached_property
    def _members(self) -> compiled.Members | None:
        """The networks together, where columns are cut into pieces."""
        in_core = all(network.engine is compiled for network in self.networks)
        if not (self.features.is_cut and in_core):
            return None
        parameters = [network.parameters for network in self.networks]
        return compiled.Members(parameters, self.features.encoding)

    def __getstate__(self) -> dict[str, Any]:
        return {known.name: getattr(self, known.name) for known in fields(self)}

    def predict(self, source: Source) -> NDArray[Any]:
        """Return the predicted target of each row, in the target's own type, shape (n_rows,)."""
        return self._answers(self.outputs(source))

    def predict_proba(self, source: Source) -> NDArray[np.floating[Any]]:
        """Return the probability of each class for each row, shape (n_rows, n_classes).

        Raises
        ------
        TypeError
            If the model predicts a number, not a class.
        """
        if not isinstance(self.target, ClassTarget):
            raise TypeError(f"predict_proba needs classes; {self.target.name!r} is a number")
        return self.probabilities_of(self.outputs(source))

    def interval_of(
        self, outputs: NDArray[np.floating[Any]], coverage: float
    ) -> NDArray[np.float64]:
        """Return the ends of an interval of each prediction, shape (n_rows, 2), in its unit.

        Parameters
        ----------
        outputs : ndarray of shape (n_rows, outputs)
        coverage : float
            The share of rows whose number is to be in its interval; see `Errors`.

        Raises
        ------
        ValueError
            If classes are predicted, or no row was held out.
        """
        if not isinstance(self.target, NumberTarget):
            raise ValueError(f"{self.target.name!r} has classes, of which there are no intervals")
        if self.errors is None:
            raise ValueError(
                "an interval needs rows that were not learned from: train with several members, or "
                "with a test_fraction"
            )
        half = self.errors.half_width(coverage)
        return self.numbers_of(outputs)[:, np.newaxis] + np.array([-half, half])

    def prediction_table(self, source: Source, coverage: float | None = None) -> pa.Table:
        """Return the column `prediction`, and what else the model says.

        For classes `probability_...` of each; for a loss of quantiles `quantile_0.1` and so on, in
        increasing order; for gaussian_nll `standard_deviation`; with a coverage `lower` and
        `upper`, as of `interval_of`.
        """
        outputs = self.outputs(source)
        columns = {PREDICTION: self._values(outputs)}
        loss = self.spec.loss_row
        if coverage is not None:
            ends = self.interval_of(outputs, coverage)
            for name, values in zip(("lower", "upper"), ends.T, strict=True):
                columns[name] = self.target.in_its_type(values)  # type: ignore[union-attr]
        if isinstance(self.target, NumberTarget):
            for k, level in enumerate(loss.levels):
                columns[f"quantile_{level}"] = self.target.values(np.sort(outputs, axis=1)[:, k])
            if "log_variance" in loss.parts:
                deviation = np.exp(0.5 * outputs[:, 1].astype(np.float64)) * self.target.unit
                columns["standard_deviation"] = pa.array(deviation)
        if isinstance(self.target, ClassTarget):
            probabilities = self.probabilities_of(outputs)
            for k, label in enumerate(self.target.classes):
                columns[f"probability_{label}"] = pa.array(probabilities[:, k])
        return pa.table(columns)

    def evaluate(self, source: Source) -> Metrics:
        """Return the metrics on the rows of a table whose target isn't missing.

        Raises
        ------
        TableError
            If the target or another column is missing, or a class isn't known.
        """
        table = self.table(source)
        absent = missing(table, self.target.name)
        if absent.all():
            raise TableError(f"{table.name}, column {self.target.name!r}: all values are missing")
        X = self.features.transform(table, self.spec.dtype)  # of every row: what predict
        rows = np.flatnonzero(~absent)  # refuses is refused
        return self.measured(X[rows], self.truth(table.only(self.target.name).take(rows)))

    def measured(self, X: NDArray[np.floating[Any]], y: NDArray[Any]) -> Metrics:
        """Return the metrics on encoded rows, of which `truth` gave y."""
        return replace(
            self.judged(self.outputs_of(X), y), seen=count_seen(fingerprints(X, y), self.seen)
        )

    def judged(self, outputs: NDArray[np.floating[Any]], y: NDArray[Any]) -> Metrics:
        """Return the metrics of what networks answered, where `truth` gave y."""
        if isinstance(self.target, ClassTarget):
            probabilities = self.probabilities_of(outputs)
            return classification_metrics(y, probabilities, self.target.classes, self.target.shares)
        return regression_metrics(y, self.numbers_of(outputs), self.target.mean)

    def truth(self, table: Table) -> NDArray[Any]:
        """Return the class number, or the number, of each row's target, shape (n_rows,)."""
        if isinstance(self.target, ClassTarget):
            return self.target.encode(table)
        return self.target.numbers(table)

    def _answers(self, outputs: NDArray[np.floating[Any]]) -> NDArray[Any]:
        return np.asarray(self._values(outputs).to_numpy(zero_copy_only=False))

    def _values(self, outputs: NDArray[np.floating[Any]]) -> pa.Array:
        if isinstance(self.target, ClassTarget):
            return self.target.values(self.probabilities_of(outputs).argmax(axis=1))
        return self.target.values(self._central(outputs))

    def probabilities_of(self, outputs: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Return each class's probability; one output is that of the second class."""
        if outputs.shape[1] > 1:
            return outputs
        both = np.empty((len(outputs), 2), outputs.dtype)
        both[:, 1] = outputs[:, 0]
        np.subtract(1, both[:, 1], out=both[:, 0])
        return both

    def numbers_of(self, outputs: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return the number that is predicted of outputs, in the target's unit."""
        assert isinstance(self.target, NumberTarget)
        return self.target.decode(self._central(outputs))

    def _central(self, outputs: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Return the prediction of a number: the mean, or the quantile nearest to the median."""
        loss = self.spec.loss_row
        return np.sort(outputs, axis=1)[:, loss.central] if loss.levels else outputs[:, 0]

    def describe(self) -> dict[str, Any]:
        """Everything but the numbers of the network, as JSON can hold it."""
        return {
            "columns": self.features.to_list(),
            "target": self.target.to_dict(),
            "conventions": self.conventions.to_dict(),
            "networks": [network.describe() for network in self.networks],
            "report": self.report.to_dict(),
            "errors": None if self.errors is None else self.errors.count,
            "runs": [run.record.describe() for run in self.runs],
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the numbers of the networks, and of their runs, by name."""
        numbers: dict[str, NDArray[Any]] = {_SEEN: self.seen}
        if self.errors is not None:
            numbers[_ERRORS] = self.errors.sorted
        for index, network in enumerate(self.networks):
            numbers |= {_NETWORK.format(index) + k: v for k, v in network.arrays().items()}
        for index, run in enumerate(self.runs):
            numbers |= {_RUN.format(index) + k: v for k, v in run.record.arrays().items()}
        return numbers

    @classmethod
    def restore(cls, description: object, arrays: Mapping[str, NDArray[Any]]) -> "TableModel":
        """Return the model that `describe` and `arrays` gave.

        Raises
        ------
        ValueError
            If a field or an array is missing, unknown or wrong, or they don't fit together.
        """
        given = Fields(description, "model")
        features = FeatureEncoder.from_list(given.any("columns"))
        target = target_from_dict(given.any("target"))
        report = Report.from_dict(given.any("report"))
        conventions = Conventions.from_dict(given.any("conventions"))
        seen = arrays[_SEEN]
        if seen.dtype != np.uint64 or seen.ndim != 1:
            raise ValueError(f"{_SEEN}: expected whole numbers in one row, got {seen.dtype}")
        networks = tuple(
            Network.restore(described, _named(_NETWORK.format(index), arrays))
            for index, described in enumerate(given.objects("networks"))
        )
        if not networks or any(network.spec != networks[0].spec for network in networks):
            raise ValueError(f"networks: expected some of one shape, got {len(networks)}")
        runs = tuple(
            Run.restore(network, described, _named(_RUN.format(index), arrays))
            for index, (network, described) in enumerate(
                zip(networks, given.objects("runs"), strict=False)
            )
        )
        count, errors = given.any("errors"), None
        if count is not None:
            errors = Errors.restore(count, arrays[_ERRORS])
        given.done()
        if len(runs) not in (0, len(networks)):
            raise ValueError(f"runs: expected none, or {len(networks)}, got {len(runs)}")
        spec = networks[0].spec
        shape = (spec.n_inputs, spec.n_outputs)
        outputs = target.outputs * spec.loss_row.outputs_per_target
        if shape != (len(features.inputs), outputs):
            raise ValueError(
                f"networks: expected {len(features.inputs)} inputs and {outputs} outputs "
                f"for the columns and the target, got {shape[0]} and {shape[1]}"
            )
        return cls(features, target, networks, report, conventions, seen, errors, runs)


def _named(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays whose names begin so, by the rest of their names."""
    names = (name for name in arrays if name.startswith(prefix))
    return {name.removeprefix(prefix): arrays[name] for name in names}
