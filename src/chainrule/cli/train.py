"""``chainrule train``: a model from a table."""

import contextlib
import importlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from chainrule.cli import options
from chainrule.cli.config import OPTIONS, settings
from chainrule.cli.figures import print_worth, target_in_words
from chainrule.cli.outputs import check_output, check_table_output, write_table
from chainrule.cli.parts import (
    asks_for_parts,
    require_for_parts,
    train_on_parts,
    where_of,
)
from chainrule.cli.printing import (
    command_line,
    print_facts,
    print_json,
    print_line,
    print_table,
)
from chainrule.files import save
from chainrule.tables import (
    Table,
    TableModel,
    TrainOptions,
    bundled_target,
    read,
    stem,
)
from chainrule.tables import held_out as held_out_rows
from chainrule.tables import train as trained
from chainrule.tables.errors import listed
from chainrule.tables.fitting import epochs_ahead
from chainrule.tables.parts import Parts, parts_of
from chainrule.tables.recipes import RECIPES, differing
from chainrule.theory.checks import plural
from chainrule.training.progress import progress_bar
from chainrule.training.run import Run


def train(
    table: options.Source,
    target: options.Target = None,
    output: options.ModelOutput = None,
    quality: options.QualityName = None,
    task: options.Task = None,
    ignore: options.Ignore = None,
    kind: options.Kind = None,
    na: options.Na = None,
    decimal: options.Decimal = None,
    thousands: options.Thousands = None,
    strip: options.Strip = None,
    date_order: options.DateOrder = None,
    test_fraction: options.TestFraction = None,
    held_out: options.HeldOut = None,
    validation_fraction: options.ValidationFraction = None,
    candidates: options.Candidates = None,
    pieces: options.Pieces = None,
    piece_height: options.PieceHeight = None,
    categories: options.Categories = None,
    members: options.Members = None,
    clamp: options.Clamp = None,
    hidden: options.Hidden = None,
    activation: options.Activation = None,
    output_activation: options.OutputActivation = None,
    loss: options.Loss = None,
    init: options.Init = None,
    dropout: options.Dropout = None,
    l2: options.L2 = None,
    l1: options.L1 = None,
    reduction: options.Reduction = None,
    dtype: options.Dtype = None,
    engine: options.Engine = None,
    optimizer: options.OptimizerName = None,
    learning_rate: options.LearningRate = None,
    schedule: options.Schedule = None,
    clip_norm: options.ClipNorm = None,
    epochs: options.Epochs = None,
    batch_size: options.BatchSize = None,
    patience: options.Patience = None,
    time_limit: options.TimeLimit = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    memory: options.Memory = None,
    workers: options.Workers = None,
    ray: options.Ray = None,
    resume: options.Resume = None,
    lanes: options.Lanes = None,
    record: options.Record = None,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Train a network on a table and save it, ready to predict."""
    given = dict(locals())
    chosen = settings(config, {name: given[name] for name in given if name in OPTIONS})
    in_parts = asks_for_parts(table, memory, workers, ray, resume, lanes)
    source = parts_of(table) if in_parts else read(table, chosen.conventions)
    name = chosen.target or _default_target(table, source)
    trained_with = _with_ignored(chosen.options, source)
    path = chosen.output or Path(f"{stem(table)}.safetensors")
    replaced = check_output(path, (table, config), "model")
    if chosen.held_out:
        trained_with = _with_rows_held_out(trained_with)
        check_table_output(chosen.held_out, (table, config), "rows")
        if chosen.held_out.resolve() == path.resolve():
            raise ValueError(f"--held-out and --output are both {path}; name two files")
    importlib.import_module("sklearn.model_selection")  # on first use it takes longer than training
    start = time.perf_counter()
    went: dict[str, Any] = {}
    if isinstance(source, Parts):
        require_for_parts(chosen)
        where = where_of(memory, workers or trained_with.threads, ray, resume, lanes)
        model, went = train_on_parts(source, name, trained_with, where)
    else:
        with _progress(epochs_ahead(source, name, trained_with)) as callbacks:
            model = trained(source, name, trained_with, callbacks)
    seconds = time.perf_counter() - start
    if chosen.held_out and not isinstance(source, Parts):
        write_table(held_out_rows(source, name, trained_with).data, chosen.held_out)
    save(model, path)
    if json:
        print_json({"model": str(path), "seconds": seconds, **went, **summary(model)})
    else:
        _print(source, model, seconds, went)
        done = f"{path}, replaced" if replaced else str(path)
        following = {"model": done, "try next": command_line("predict", path, table)}
        if model.runs:
            middle = ("--step", str(model.runs[0].step // 2))
            following["or"] = command_line("explain", path, table, *middle)
        print_facts(following)


def _with_ignored(chosen: TrainOptions, source: Table | Parts) -> TrainOptions:
    """Return the options with A,B to ignore as A and B, where no column has that name."""
    names = [
        part for name in chosen.ignore for part in ([name] if name in source else name.split(","))
    ]
    return replace(chosen, ignore=tuple(dict.fromkeys(names)))


def _with_rows_held_out(chosen: TrainOptions) -> TrainOptions:
    """Return the options with a fifth of the rows held out, where nothing else is said."""
    return chosen if chosen.test_fraction is not None else replace(chosen, test_fraction=0.2)


def summary(model: TableModel) -> dict[str, Any]:
    """Return what a model is and what it is worth, as JSON can hold it."""
    return {
        "target": model.target.to_dict(),
        "network": model.spec.to_dict(),
        "report": model.report.to_dict(),
    }


def _default_target(table: str, source: Table | Parts) -> str:
    name = bundled_target(table)
    if name is None:
        raise ValueError(
            f"--target is missing: name a column of {table} to predict: {listed(source.names)}"
        )
    return name


@contextlib.contextmanager
def _progress(epochs: int) -> Iterator[list[Callable[[Run], None]]]:
    """Return callbacks that show a run on stderr: one where that is a terminal, else none."""
    from rich.console import Console

    stderr = Console(stderr=True)
    if not stderr.is_terminal:
        yield []
        return
    with progress_bar(epochs, stderr) as watch:
        yield [watch]


def _print(
    source: Table | Parts, model: TableModel, seconds: float, went: Mapping[str, Any]
) -> None:
    report, rows, spec = model.report, model.report.rows, model.spec
    penalty = f", l2 {spec.l2:.3g}" if spec.l2 else ""
    facts = {
        "table": f"{source.short_name}, {plural(source.n_rows, 'row')}",
        "target": target_in_words(model),
        "task": f"{model.target.task}: {report.task_why}" if report.task_why else "",
        "network": _networks(model),
        "training": f"{plural(report.epochs, 'epoch')} of {plural(rows['training'], 'row')} "
        f"in batches of {report.batch_size}{penalty}, in {seconds:.1f} s",
    }
    if went:
        facts["memory"] = f"at most {went['peak_memory'] / 1e9:.2f} GB in this process"
    if report.candidate_losses:
        facts["recipe"] = _recipe(report.candidate_losses)
        facts["its own"] = _own(model)
    if len(model.networks) > 1:
        first, last = min(report.best_epochs), max(report.best_epochs)
        which = f"epoch {first}" if first == last else f"epochs {first} to {last}"
        facts["kept"] = f"{which}, of each the best on the rows it didn't see"
    elif rows["validation"]:
        facts["kept"] = (
            f"epoch {report.best_epoch}, the best on {plural(rows['validation'], 'other row')}"
        )
    print_facts({name: fact for name, fact in facts.items() if fact})
    print_line()
    if remarks := _remarks(model):
        print_table(("column", "what was done with it"), remarks)
        print_line()
    print_worth(model)
    print_line()


def _recipe(losses: Sequence[float]) -> str:
    """Return by what the recipe that was taken was the better one."""
    least, *others = sorted(losses)
    than = ", ".join(f"{loss:.4g}" for loss in others)
    return f"the better of {len(losses)}, by a loss of {least:.4g}, not {than}, on rows unseen"


def _own(model: TableModel) -> str:
    """Return what that recipe has of its own, but for what was given, and its optimizer."""
    chosen = model.report.options
    recipes = RECIPES[chosen["quality"]][model.target.task]
    own = {
        name.replace("_", "-"): chosen[name]
        for name in differing(recipes)
        if chosen[name] in [getattr(one, name) for one in recipes]
    }
    own.pop("optimizer", None)  # too long for a line; `info qualities` tells
    return ", ".join(f"{name} {value}" for name, value in own.items())


def _networks(model: TableModel) -> str:
    """Return what the networks are, in one phrase."""
    spec, count = model.spec, len(model.networks)
    sizes, parameters = " → ".join(map(str, spec.layer_sizes)), spec.n_weights + spec.n_biases
    if count == 1:
        return f"{sizes}, {plural(parameters, 'parameter')}"
    return f"{count} times {sizes}, {plural(count * parameters, 'parameter')}; the mean of all"


def _remarks(model: TableModel) -> list[tuple[str, str]]:
    """Return what a reader should know of single columns."""
    report = model.report
    kinds = {column.name: column.kind for column in model.features.columns}
    remarks = [(name, f"left out: {why}") for name, why in report.left_out.items()]
    remarks += [(name, f"read as {why}") for name, why in report.remarks.items()]
    for name, count in report.missing.items():
        numeric = kinds[name] in ("number", "date")
        done = "the median, and a flag" if numeric else "a category of their own"
        remarks.append((name, f"{plural(count, 'missing value')}: {done}"))
    if without := report.rows["without_target"]:
        remarks.append((model.target.name, f"{plural(without, 'row')} without it left out"))
    return remarks
