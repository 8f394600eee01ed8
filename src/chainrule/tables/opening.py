"""Opening a step of a model's run on its table."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chainrule.tables.errors import TableError
from chainrule.tables.model import TableModel
from chainrule.tables.options import TrainOptions
from chainrule.tables.preparing import encoded_for, prepared_table
from chainrule.tables.reading import Source
from chainrule.training.run import Run


@dataclass(frozen=True)
class OpenedRun:
    """A model's run, with the rows of the table that it learned from.

    Attributes
    ----------
    run : Run
        ``run.at(step)`` gives any step.
    rows : ndarray of int64, shape (n,)
        The row of the table, from 0, that each row of the training data is.
    """

    run: Run
    rows: NDArray[np.int64]

    def training_row(self, row: int) -> int:
        """Return which row of the training data a row of the table is, both from 0.

        Raises
        ------
        ValueError
            If the model didn't learn from it.
        """
        (found,) = np.nonzero(self.rows == row)
        if not len(found):
            raise ValueError(
                f"row {row + 1} was not learned from: it is one of those that were held out, or "
                "has no target"
            )
        return int(found[0])


def opened_run(model: TableModel, source: Source, member: int = 1) -> OpenedRun:
    """Return the run of a model with the table that it was trained on.

    Parameters
    ----------
    model : TableModel
    source : str, Path, Table or DataFrame
    member : int
        Which of its networks, counted from 1.

    Raises
    ------
    ValueError
        If the model has no record or no such network, or the table is another one.

    Examples
    --------
    >>> from chainrule.tables import TrainOptions, read, train
    >>> model = train(read("iris"), "target", TrainOptions(epochs=20, record=True))
    >>> opened_run(model, "iris").run.at(6).rows.shape
    (16,)
    """
    if not model.runs:
        raise ValueError(
            "the model has no record of its run: train it again with --record (in Python, "
            "TrainOptions(record=True))"
        )
    count = len(model.runs)
    if not 1 <= member <= count:
        raise ValueError(f"member must be from 1 to {count}, the networks there are, got {member}")
    run = model.runs[member - 1]
    table, options = model.table(source), TrainOptions.from_dict(model.report.options)
    prepared = prepared_table(table, model.target.name, options)
    training = prepared.parts.training
    if prepared.folds:
        training = np.setdiff1d(training, prepared.folds[member - 1])
    X, y = encoded_for(model.spec.loss_row, prepared, training)
    if X.shape[1] != model.spec.n_inputs:
        raise TableError(f"{table.name} is not the table that the model was trained on")
    try:
        run.attach(X, y)
    except ValueError as error:
        raise TableError(
            f"{table.name} is not the table that the model was trained on, or was changed: {error}"
        ) from error
    return OpenedRun(run, prepared.column.present[training])
