"""Models and tables as the commands name them."""

from pathlib import Path
from typing import Any

from chainrule.files import ModelFileError, header, load
from chainrule.tables import TableModel

_ESTIMATORS = ("table_classifier", "table_regressor")


def loaded(path: Path) -> Any:  # noqa: ANN401 (one of the kinds, as the file says)
    """Return what is in a model file; of a table's estimator, the model that it has."""
    model = load(path)
    return model.model_ if header(path)["kind"] in _ESTIMATORS else model


def table_model(path: Path) -> TableModel:
    """Return the model of a table in a file.

    Raises
    ------
    ModelFileError
        If the file holds another kind of model, or none.
    """
    model = loaded(path)
    if not isinstance(model, TableModel):
        raise ModelFileError(
            f"{path} holds a {header(path)['kind']}, which doesn't know how a table is encoded; "
            "expected a model of a table, as `chainrule train` writes it"
        )
    return model
