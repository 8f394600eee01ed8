"""Models and tables as the commands name them."""

from pathlib import Path

from chainrule.files import ModelFileError, header, load
from chainrule.tables import TableModel


def table_model(path: Path) -> TableModel:
    """Return the model of a table in a file.

    Raises
    ------
    ModelFileError
        If the file holds another kind of model, or none.
    """
    model = load(path)
    if header(path)["kind"] in ("table_classifier", "table_regressor"):
        model = model.model_
    if not isinstance(model, TableModel):
        raise ModelFileError(
            f"{path} holds a {header(path)['kind']}, which doesn't know how a table is encoded; "
            "expected a model of a table, as `chainrule train` writes it"
        )
    return model
