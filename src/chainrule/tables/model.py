"""A network together with the columns it reads and the column it predicts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from chainrule.tables.columns import missing
from chainrule.tables.encoding import FeatureEncoder
from chainrule.tables.errors import TableError
from chainrule.tables.fields import Fields
from chainrule.tables.metrics import Metrics, classification_metrics, regression_metrics
from chainrule.tables.report import Report
from chainrule.tables.table import Table
from chainrule.tables.targets import ClassTarget, Target, target_from_dict
from chainrule.training.network import Network
from chainrule.training.perceptron import MultilayerPerceptron

_NETWORK = "network."


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

    Examples
    --------
    >>> from chainrule.tables import TrainOptions, read, train
    >>> iris = read("iris")
    >>> model = train(iris, "target", TrainOptions(epochs=60))
    >>> model.predict(iris)[:2].tolist()
    ['setosa', 'setosa']
    """

    features: FeatureEncoder
    target: Target
    network: MultilayerPerceptron
    report: Report

    def outputs(self, table: Table) -> NDArray[np.floating[Any]]:
        """Return what the network answers for each row, shape (n_rows, outputs), its own dtype.

        Raises
        ------
        TableError
            If the table lacks a column, or a value isn't of its kind; the line is named.
        """
        return self.network.forward(self.features.transform(table, self.network.spec.dtype))

    def predict(self, table: Table) -> NDArray[Any]:
        """Return the predicted target of each row, in the target's own type, shape (n_rows,)."""
        return self._answers(self.outputs(table))

    def predict_proba(self, table: Table) -> NDArray[np.floating[Any]]:
        """Return the probability of each class for each row, shape (n_rows, n_classes).

        Raises
        ------
        TypeError
            If the model predicts a number, not a class.
        """
        if not isinstance(self.target, ClassTarget):
            raise TypeError(f"predict_proba needs classes; {self.target.name!r} is a number")
        return _probabilities(self.outputs(table))

    def prediction_table(self, table: Table) -> pa.Table:
        """Return the columns `prediction` and, for classes, `probability_...` of each."""
        outputs = self.outputs(table)
        columns = {"prediction": self._values(outputs)}
        if isinstance(self.target, ClassTarget):
            probabilities = _probabilities(outputs)
            for k, label in enumerate(self.target.classes):
                columns[f"probability_{label}"] = pa.array(probabilities[:, k])
        return pa.table(columns)

    def evaluate(self, table: Table) -> Metrics:
        """Return the metrics on the rows of a table whose target isn't missing.

        Raises
        ------
        TableError
            If the target or another column is missing, or a class isn't known.
        """
        absent = missing(table, self.target.name)
        if absent.all():
            raise TableError(f"{table.name}, column {self.target.name!r}: all values are missing")
        outputs = self.outputs(table)[~absent]  # of every row: predict's errors are evaluate's
        table = table.take(np.flatnonzero(~absent))
        if isinstance(self.target, ClassTarget):
            index, probabilities = self.target.encode(table), _probabilities(outputs)
            return classification_metrics(index, probabilities, self.target.classes)
        return regression_metrics(self.target.numbers(table), self._answers(outputs))

    def _answers(self, outputs: NDArray[np.floating[Any]]) -> NDArray[Any]:
        return np.asarray(self._values(outputs).to_numpy(zero_copy_only=False))

    def _values(self, outputs: NDArray[np.floating[Any]]) -> pa.Array:
        if isinstance(self.target, ClassTarget):
            return self.target.values(_probabilities(outputs).argmax(axis=1))
        return self.target.values(outputs[:, 0])

    def describe(self) -> dict[str, Any]:
        """Everything but the numbers of the network, as JSON can hold it."""
        return {
            "columns": self.features.to_list(),
            "target": self.target.to_dict(),
            "network": self.network.describe(),
            "report": self.report.to_dict(),
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the numbers of the network by name."""
        return {_NETWORK + name: array for name, array in self.network.arrays().items()}

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
        parts = {name.removeprefix(_NETWORK): array for name, array in arrays.items()}
        network = Network.restore(fields.any("network"), parts)
        fields.done()
        shape = (network.spec.n_inputs, network.spec.n_outputs)
        if shape != (len(features.inputs), target.outputs):
            raise ValueError(
                f"network: expected {len(features.inputs)} inputs and {target.outputs} outputs "
                f"for the columns and the target, got {shape[0]} and {shape[1]}"
            )
        return cls(features, target, network, report)


def _probabilities(outputs: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return the probability of each class; one output is the probability of the second class."""
    if outputs.shape[1] > 1:
        return outputs
    return np.hstack([1 - outputs, outputs])
