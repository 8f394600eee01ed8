"""``chainrule inspect``: what is in a model file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from chainrule.cli.figures import print_worth, target_in_words
from chainrule.cli.importance import ColumnsOfModel
from chainrule.cli.models import loaded as loaded_model
from chainrule.cli.models import table_model
from chainrule.cli.options import Json, ModelFile
from chainrule.cli.outputs import check_picture_output
from chainrule.cli.printing import (
    print_facts,
    print_json,
    print_line,
    print_table,
)
from chainrule.engine.spec import NetworkSpec
from chainrule.estimators.displays import pyplot
from chainrule.files import header
from chainrule.tables import NumberColumn, TableModel, read
from chainrule.tables.conventions import USUAL
from chainrule.tables.encoding import Column
from chainrule.tables.errors import listed
from chainrule.theory.checks import plural
from chainrule.training.run import Run


def inspect(
    model: ModelFile,
    table: Annotated[
        str | None,
        typer.Argument(
            metavar="[TABLE]",
            help="Also tell what each column does for the predictions, by this table.",
            show_default=False,
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw that, as .png, .svg or .pdf.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Tell what is in a model file, and by a table what each column does for its predictions."""
    loaded, found = loaded_model(model), header(model)
    columns = None if table is None else _columns_of_model(model, table, plot)
    if plot is not None and columns is None:
        raise ValueError("--plot draws what columns do by a table: chainrule inspect MODEL TABLE")
    if json:
        described = {} if columns is None else {"columns": columns.described()}
        print_json({"file": str(model), "bytes": model.stat().st_size, **found, **described})
    else:
        _print(model, loaded, found)
        if columns is not None:
            print_line()
            columns.print()
    if plot is not None and columns is not None:
        columns.save(plot)


def _columns_of_model(path: Path, table: str, plot: Path | None) -> ColumnsOfModel:
    """Return what columns do for the model in a file, by a table that has the target."""
    if plot is not None:
        check_picture_output(plot, (table, path))
        pyplot()  # or what is missing is said after the work
    model = table_model(path)
    return ColumnsOfModel(model, read(table, model.conventions))


def _print(model: Path, loaded: Any, found: dict[str, Any]) -> None:  # noqa: ANN401
    print_facts(
        {
            "file": f"{model}, {plural(model.stat().st_size, 'byte')}",
            "holds": f"a {found['kind'].replace('_', ' ')}, by chainrule {found['chainrule']}",
        }
    )
    if isinstance(loaded, TableModel):
        _print_table_model(loaded)
        return
    network, run = loaded, None
    if found["kind"] in ("classifier", "regressor"):
        _print_estimator(loaded)
        network, run = loaded.network_, loaded.__dict__.get("run_")
    elif isinstance(loaded, Run):
        network, run = loaded.network, loaded
    print_line()
    _print_network(network.spec)
    if run is not None:
        _print_run(run)


def _print_estimator(model: Any) -> None:  # noqa: ANN401 (of scikit-learn's kind, which has no types)
    names = model.__dict__.get("feature_names_in_")
    facts = {
        "made as": " ".join(repr(model).split()),
        "columns": listed(names, 6) if names is not None else f"{model.n_features_in_}, unnamed",
    }
    if hasattr(model, "classes_"):
        facts["classes"] = listed(list(map(str, model.classes_)), 10)
    if model.loss_curve_:
        facts["losses"] = (
            f"{model.loss_curve_[0]:.6g} at first, {model.loss_curve_[-1]:.6g} at last"
        )
    print_facts(facts)


def _print_table_model(model: TableModel) -> None:
    report = model.report
    facts = {
        "target": target_in_words(model),
        "training": f"{report.table}, {plural(report.rows['training'], 'row')}, "
        f"{plural(report.epochs, 'epoch')}, the best {listed(map(str, report.best_epochs), 12)}",
    }
    if len(model.networks) > 1:
        facts["networks"] = f"{len(model.networks)}, whose mean is the answer; each is:"
    if model.runs:
        facts["record"] = f"{plural(model.runs[0].step, 'step')}, which chainrule explain opens"
    usual = USUAL.to_dict()
    if unusual := {k: v for k, v in model.conventions.to_dict().items() if v != usual[k]}:
        facts["reads"] = ", ".join(f"{name} {value!r}" for name, value in unusual.items())
    print_facts(facts)
    print_line()
    rows = [
        (column.name, column.part or column.kind, _encoding(column))
        for column in model.features.columns
    ]
    print_table(("column", "kind", "becomes"), rows)
    print_line()
    _print_network(model.spec)
    print_line()
    print_worth(model)


def _encoding(column: Column) -> str:
    """Return what a column becomes, in one phrase."""
    flag = " and a flag where missing" if column.flagged else ""
    if isinstance(column, NumberColumn):
        if not column.scale:
            return f"0{flag}"
        unit = " days" if column.kind == "date" and not column.part else ""
        sign = "-" if column.center >= 0 else "+"
        scaled = f"(v {sign} {abs(column.center):.4g}) / {column.scale:.4g}{unit}"
        pieces = len(column.knots) - 1
        cut = f", and {pieces} pieces {column.height:g} high" if pieces > 1 else ""
        return f"{scaled}{cut}{flag}"
    return f"{plural(len(column.categories), 'indicator')}: {listed(column.categories, 6)}{flag}"


def _print_network(spec: NetworkSpec) -> None:
    layers = [
        (str(index), f"{fan_in} → {fan_out}", name, f"{fan_in * fan_out + fan_out:,}")
        for index, ((fan_in, fan_out), name) in enumerate(
            zip(spec.shapes, spec.activations, strict=True)
        )
    ]
    print_table(("layer", "units", "activation", "parameters"), layers, right=1)
    print_line()
    penalties = {name: getattr(spec, name) for name in ("l2", "l1", "dropout")}
    used = "".join(f", {name} {value:.4g}" for name, value in penalties.items() if value)
    print_facts({"loss": f"{spec.loss}{used}; {spec.dtype}"})


def _print_run(run: Run) -> None:
    rate = run.optimizer.learning_rate
    facts = {
        "optimizer": f"{run.optimizer.name}, learning rate {rate}",
        "training": f"{run.epoch:,} of {plural(run.requested_epochs, 'epoch')}, "
        f"{plural(run.step, 'step')} with batches of {run.options.batch_size}; "
        f"stopped by {run.stopped}",
    }
    if run.step:
        facts["losses"] = (
            f"{run.losses[0]:.6g} at step 1, {run.losses[-1]:.6g} at step {run.step:,}"
        )
    print_facts(facts)
