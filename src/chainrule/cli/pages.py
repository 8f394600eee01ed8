"""Pages that the command line writes: what is said on them of a table's model."""

from pathlib import Path

from chainrule.atomic import atomic_file
from chainrule.explain.page.naming import Naming
from chainrule.tables import OpenedRun, TableModel, stem
from chainrule.tables.targets import ClassTarget


def naming(model: TableModel, opened: OpenedRun, table: str, another: str) -> Naming:
    """Return the names that a table's model has for inputs, outputs and rows.

    Parameters
    ----------
    model : TableModel
    opened : OpenedRun
    table : str
        Its name, or its file.
    another : str
        How another step is opened.
    """
    spec, target = model.spec, model.target
    classes = target.classes if isinstance(target, ClassTarget) else (target.name,)
    if isinstance(target, ClassTarget) and spec.n_outputs == 1:
        classes = (f"{target.name} = {classes[-1]}",)
    return Naming(
        title=stem(table),
        inputs=model.features.inputs,
        outputs=classes if len(classes) == spec.n_outputs else (),
        row=lambda row: int(opened.rows[row]) + 1,
        another=another,
    )


def write_page(page: str, output: Path) -> None:
    """Write a page, whole or not at all."""
    with atomic_file(output) as file:
        file.write(page.encode())
