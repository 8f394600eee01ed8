"""A network together with the columns it reads and the column it predicts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from chainrule.tables.columns import missing
from chainrule.tables.conventions import USUAL, Conventions
from chainrule.tables.encoding import FeatureEncoder
from chainrule.tables.errors import TableError, listed
from chainrule.tables.fields import Fields
from chainrule.tables.metrics import Metrics, classification_metrics, regression_metrics
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
_NETWORK, _RUN, _SEEN = "network.", "run.", "seen"


@dataclass(frozen=True)
class TableModel:
    """A trained network that reads tables by column name and predicts one column.

    Parameters
    ----------
    features : FeatureEncoder
        The columns it reads, in any order in a table; other columns are not read.
    target : ClassTarget or NumberTarget
        The column it predicts; a table to predict needn't have it.
    network : Network
    report : Report
        How it was trained and what it is worth.
    conventions : Conventions
        How the texts of its tables are read.
    seen : ndarray of uint64
        The fingerprints of the rows that it learned from.
    run : Run or None
        How the network learned, where that was recorded.

    Notes
    -----
    Where a method takes a `source`, that is a path, a DataFrame of pandas or polars, a
    ``pyarrow.Table``, or a `Table`.

    Examples
    --------
    >>> from chainrule.tables import TrainOptions, read, train
    >>> model = train(read("iris"), "target", TrainOptions(epochs=60))
    >>> model
    <TableModel: target, one of setosa, versicolor, virginica
     from sepal length (cm), sepal width (cm), petal length (cm), petal width (cm)
     by 4-128-64-3; on 30 held-out rows accuracy 0.9667, log_loss 0.2025, auc 1>
    >>> model.predict("iris")[:2].tolist()
    ['setosa', 'setosa']
    """

    features: FeatureEncoder
    target: Target
    network: MultilayerPerceptron
    report: Report
    conventions: Conventions = USUAL
    seen: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64), compare=False)
    run: Run | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        answer = "a number" if self.target.task == "regression" else "one of "
        if isinstance(self.target, ClassTarget):
            answer += listed(self.target.classes, 6)
        sizes = "-".join(map(str, self.network.spec.layer_sizes))
        figures = [f"{k} {v:.4g}" for k, v in self.report.metrics.items() if v is not None]
        rows = self.report.rows.get("test", 0)
        worth = f"; on {plural(rows, 'held-out row')} {', '.join(figures)}" if figures else ""
        return (
            f"<TableModel: {self.target.name}, {answer}\n"
            f" from {listed(self.features.names, 6)}\n by {sizes}{worth}>"
        )

    def table(self, source: Source) -> Table:
        """Return a source as a table, its texts read as the model's table wrote them."""
        return as_table(source, self.conventions)

    def outputs(self, source: Source) -> NDArray[np.floating[Any]]:
        """Return what the network answers for each row, shape (n_rows, outputs), its own dtype.

        Raises
        ------
        TableError
            If the table lacks a column, or a value isn't of its kind; the line is named.
        """
        inputs = self.features.transform(self.table(source), self.network.spec.dtype)
        if not len(inputs):
            return np.empty((0, self.network.spec.n_outputs), inputs.dtype)
        return self.network.forward(inputs)

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
        return _probabilities(self.outputs(source))

    def prediction_table(self, source: Source) -> pa.Table:
        """Return the column `prediction`, and what else the model says.

        For classes `probability_...` of each; for a loss of quantiles `quantile_0.1` and so on, in
        increasing order; for gaussian_nll `standard_deviation`.
        """
        outputs = self.outputs(source)
        columns = {PREDICTION: self._values(outputs)}
        loss = self.network.spec.loss_row
        if isinstance(self.target, NumberTarget):
            for k, level in enumerate(loss.levels):
                columns[f"quantile_{level}"] = self.target.values(np.sort(outputs, axis=1)[:, k])
            if "log_variance" in loss.parts:
                deviation = np.exp(0.5 * outputs[:, 1].astype(np.float64)) * self.target.unit
                columns["standard_deviation"] = pa.array(deviation)
        if isinstance(self.target, ClassTarget):
            probabilities = _probabilities(outputs)
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
        X = self.features.transform(table, self.network.spec.dtype)  # of every row: what predict
        rows = np.flatnonzero(~absent)  # refuses is refused
        return self.measured(X[rows], self.truth(table.only(self.target.name).take(rows)))

    def measured(self, X: NDArray[np.floating[Any]], y: NDArray[Any]) -> Metrics:
        """Return the metrics on encoded rows, of which `truth` gave y."""
        outputs = self.network.forward(X)
        if isinstance(self.target, ClassTarget):
            found = classification_metrics(
                y, _probabilities(outputs), self.target.classes, self.target.shares
            )
        else:
            found = regression_metrics(
                y, self.target.decode(self._central(outputs)), self.target.mean
            )
        return replace(found, seen=count_seen(fingerprints(X, y), self.seen))

    def truth(self, table: Table) -> NDArray[Any]:
        """Return the class number, or the number, of each row's target, shape (n_rows,)."""
        if isinstance(self.target, ClassTarget):
            return self.target.encode(table)
        return self.target.numbers(table)

    def _answers(self, outputs: NDArray[np.floating[Any]]) -> NDArray[Any]:
        return np.asarray(self._values(outputs).to_numpy(zero_copy_only=False))

    def _values(self, outputs: NDArray[np.floating[Any]]) -> pa.Array:
        if isinstance(self.target, ClassTarget):
            return self.target.values(_probabilities(outputs).argmax(axis=1))
        return self.target.values(self._central(outputs))

    def _central(self, outputs: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Return the prediction of a number: the mean, or the quantile nearest to the median."""
        loss = self.network.spec.loss_row
        return np.sort(outputs, axis=1)[:, loss.central] if loss.levels else outputs[:, 0]

    def describe(self) -> dict[str, Any]:
        """Everything but the numbers of the network, as JSON can hold it."""
        return {
            "columns": self.features.to_list(),
            "target": self.target.to_dict(),
            "conventions": self.conventions.to_dict(),
            "network": self.network.describe(),
            "report": self.report.to_dict(),
            "run": None if self.run is None else self.run.record.describe(),
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the numbers of the network, and of its run, by name."""
        numbers = {_NETWORK + name: array for name, array in self.network.arrays().items()}
        if self.run is not None:
            numbers |= {_RUN + name: array for name, array in self.run.record.arrays().items()}
        return numbers | {_SEEN: self.seen}

    @classmethod
    def restore(cls, description: object, arrays: Mapping[str, NDArray[Any]]) -> "TableModel":
        """Return the model that `describe` and `arrays` gave.

        Raises
        ------
        ValueError
            If a field or an array is missing, unknown or wrong, or they don't fit together.
        """
        fields = Fields(description, "model")
        features = FeatureEncoder.from_list(fields.any("columns"))
        target = target_from_dict(fields.any("target"))
        report = Report.from_dict(fields.any("report"))
        conventions = Conventions.from_dict(fields.any("conventions"))
        seen = arrays[_SEEN]
        if seen.dtype != np.uint64 or seen.ndim != 1:
            raise ValueError(f"{_SEEN}: expected whole numbers in one row, got {seen.dtype}")
        network = Network.restore(fields.any("network"), _named(_NETWORK, arrays))
        recorded, run = fields.any("run"), None
        if recorded is not None:
            run = Run.restore(network, recorded, _named(_RUN, arrays))
        fields.done()
        shape = (network.spec.n_inputs, network.spec.n_outputs)
        outputs = target.outputs * network.spec.loss_row.outputs_per_target
        if shape != (len(features.inputs), outputs):
            raise ValueError(
                f"network: expected {len(features.inputs)} inputs and {outputs} outputs "
                f"for the columns and the target, got {shape[0]} and {shape[1]}"
            )
        return cls(features, target, network, report, conventions, seen, run)


def _named(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays whose names begin so, by the rest of their names."""
    names = (name for name in arrays if name.startswith(prefix))
    return {name.removeprefix(prefix): arrays[name] for name in names}


def _probabilities(outputs: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return the probability of each class; one output is the probability of the second class."""
    if outputs.shape[1] > 1:
        return outputs
    return np.hstack([1 - outputs, outputs])
