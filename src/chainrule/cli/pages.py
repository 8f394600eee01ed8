"""Pages that the command line writes: what is said on them of a table's model."""

from pathlib import Path

from chainrule.atomic import atomic_file
from chainrule.cli.printing import command_line
from chainrule.explain.page.naming import Naming
from chainrule.tables import OpenedRun, TableModel, stem
from chainrule.tables.targets import ClassTarget


def naming(model: TableModel, opened: OpenedRun, files: tuple[Path, str], output: Path) -> Naming:
    """Return the names that a table's model has for inputs, outputs and rows.

    Parameters
    ----------
    model : TableModel
    opened : OpenedRun
    files : (Path, str)
        The model and the table.
    output : Path
        The page.
    """
    spec, target = model.network.spec, model.target
    classes = target.classes if isinstance(target, ClassTarget) else (target.name,)
    if isinstance(target, ClassTarget) and spec.n_outputs == 1:
        classes = (f"{target.name} = {classes[-1]}",)
    another = command_line("explain", *files, "--step", "K", "--row", "I", "--html", output)
    return Naming(
        title=stem(files[1]),
        inputs=model.features.inputs,
        outputs=classes if len(classes) == spec.n_outputs else (),
        row=lambda row: int(opened.rows[row]) + 1,
        another=another,
    )


def write_page(page: str, output: Path) -> None:
    """Write a page, whole or not at all."""
    with atomic_file(output) as file:
        file.write(page.encode())
