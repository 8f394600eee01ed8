"""``chainrule play``: the page of a small network on one's own table, served to this machine."""

import sys
import webbrowser
from dataclasses import replace
from typing import Annotated

import numpy as np
import pyarrow as pa
import typer

from chainrule.cli.explain import row_in_batch
from chainrule.cli.options import plain_option as option
from chainrule.cli.pages import naming
from chainrule.cli.printing import print_facts
from chainrule.cli.serving import PageServer
from chainrule.explain.door import explain
from chainrule.tables import OpenedRun, Table, TableModel, TrainOptions, opened_run, read
from chainrule.tables import train as trained
from chainrule.tables.errors import listed

_DRAWN = 2  # inputs of a network that is drawn in the plane


def play(
    table: Annotated[
        str | None,
        typer.Argument(
            metavar="[TABLE]",
            help="Two columns and the one to predict; without it, two moons.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        str | None, option("--target -t", "COLUMN", "The column to predict (the last).")
    ] = None,
    columns: Annotated[
        str | None, option("--columns", "A,B", "The columns to predict from (all others).")
    ] = None,
    hidden: Annotated[str, option("--hidden", "SIZES", "Units of hidden layers (4).")] = "4",
    activation: Annotated[str, option("--activation", "NAME", "Of hidden layers (tanh).")] = (
        "tanh"
    ),
    learning_rate: Annotated[
        float, option("--learning-rate", "RATE", "Of plain gradient descent (0.3).")
    ] = 0.3,
    epochs: Annotated[int, option("--epochs", "N", "Passes over the table (60).")] = 60,
    batch_size: Annotated[int, option("--batch-size", "N", "Rows of a step (8).")] = 8,
    seed: Annotated[int, option("--seed", "N", "Of weights and shuffling (0).")] = 0,
    port: Annotated[int, option("--port", "N", "Where it is served (any that is free).")] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")
    ] = True,
) -> None:
    """Train a small network, and open any of its steps in the browser: change it, take steps."""
    source = _moons() if table is None else read(table)
    goal = target or source.names[-1]
    options = TrainOptions(
        quality="plain", hidden=_sizes(hidden), activation=activation, optimizer="sgd",
        learning_rate=learning_rate, epochs=epochs, batch_size=batch_size, seed=seed,
        test_fraction=0.0, validation_fraction=0.0, l2=0.0, dtype="float64", record=True,
        ignore=_left_out(source, goal, columns),
    )  # fmt: skip
    model = trained(source, goal, options)
    opened = opened_run(model, source)
    make = _Pages(model, opened, source.name)
    with PageServer(make, port) as server:
        _print(server, model, opened)
        if browser:
            webbrowser.open(server.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)


class _Pages:
    """Makes the page of a step."""

    def __init__(self, model: TableModel, opened: OpenedRun, name: str) -> None:
        self._opened = opened
        self._naming = replace(naming(model, opened, name, another=""), is_served=True)

    def __call__(self, step: int | None, row: int | None) -> str:
        run = self._opened.run
        trace = run.at(run.step if step is None else step)
        place = int(trace.rows[0]) if row is None else row_in_batch(self._opened, trace, row)
        return explain(trace, row=place).page(run, self._naming)


def _print(server: PageServer, model: TableModel, opened: OpenedRun) -> None:
    sizes = model.spec.layer_sizes
    facts = {
        "page": f"{server.address}, for this machine only; Ctrl-C ends it",
        "network": f"{' → '.join(map(str, sizes))}, {opened.run.step:,} steps, the last loss "
        f"{opened.run.losses[-1]:.4g}",
    }
    if sizes[0] != _DRAWN:
        facts["plane"] = (
            f"drawn for two inputs, not {sizes[0]}: --columns chooses from "
            f"{listed(list(model.features.names), 8)}"
        )
    print_facts(facts)
    sys.stdout.flush()


def _left_out(source: Table, goal: str, columns: str | None) -> tuple[str, ...]:
    """Return the columns that are not read."""
    if columns is None:
        return ()
    wanted = [name.strip() for name in columns.split(",")]
    unknown = [name for name in wanted if name not in source.names or name == goal]
    if unknown:
        raise ValueError(
            f"--columns: {listed(unknown)} can't be read; there are "
            f"{listed([name for name in source.names if name != goal], 12)}"
        )
    return tuple(name for name in source.names if name not in (*wanted, goal))


def _sizes(text: str) -> tuple[int, ...]:
    parts = text.replace("x", "-").replace(",", "-").split("-")
    if not all(part.strip().isdigit() and int(part) for part in parts):
        raise ValueError(f"--hidden must be units of each hidden layer, as 4 or 4-3, got {text!r}")
    return tuple(map(int, parts))


def _moons() -> Table:
    """Return two half moons that reach into each other, as a table."""
    from sklearn.datasets import make_moons

    points, moon = make_moons(80, noise=0.15, random_state=0)
    names = np.array(["upper", "lower"])[moon]
    return Table(
        "moons", pa.table({"x": points[:, 0], "y": points[:, 1], "moon": names}), typed=True
    )
