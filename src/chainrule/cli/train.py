"""``chainrule train``: a model from a table."""

import contextlib
import importlib
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from chainrule.cli import options
from chainrule.cli.config import OPTIONS, settings
from chainrule.cli.printing import (
    command_line,
    plural,
    print_facts,
    print_json,
    print_line,
    print_metrics,
    print_table,
)
from chainrule.files import save, writable
from chainrule.tables import ClassTarget, Table, TableModel, bundled_target, read, stem
from chainrule.tables import train as trained
from chainrule.tables.errors import listed
from chainrule.training.run import Run

_BETWEEN_UPDATES = 0.1  # seconds


def train(
    table: options.Source,
    target: options.Target = None,
    output: options.ModelOutput = None,
    task: options.Task = None,
    ignore: options.Ignore = None,
    test_fraction: options.TestFraction = None,
    validation_fraction: options.ValidationFraction = None,
    hidden: options.Hidden = None,
    activation: options.Activation = None,
    dropout: options.Dropout = None,
    l2: options.L2 = None,
    dtype: options.Dtype = None,
    optimizer: options.OptimizerName = None,
    learning_rate: options.LearningRate = None,
    epochs: options.Epochs = None,
    batch_size: options.BatchSize = None,
    patience: options.Patience = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Train a network on a table and save it, ready to predict."""
    flags = dict(locals())
    chosen = settings(config, {name: flags[name] for name in flags if name in OPTIONS})
    source = read(table)
    name = chosen.target or _default_target(table, source)
    path = chosen.output or Path(f"{stem(table)}.safetensors")
    _check_output(path, table)
    importlib.import_module("sklearn.model_selection")  # on first use it takes longer than training
    start = time.perf_counter()
    with _progress(chosen.options.epochs) as callbacks:
        model = trained(source, name, chosen.options, callbacks)
    seconds = time.perf_counter() - start
    save(model, path)
    if json:
        print_json({"model": str(path), "seconds": seconds, **summary(model)})
    else:
        _print(source, model, seconds)
        print_facts({"model": str(path), "try next": command_line("predict", path, table)})


def summary(model: TableModel) -> dict[str, Any]:
    """Return what a model is and what it is worth, as JSON can hold it."""
    return {
        "target": model.target.to_dict(),
        "network": model.network.spec.to_dict(),
        "report": model.report.to_dict(),
    }


def _default_target(table: str, source: Table) -> str:
    name = bundled_target(table)
    if name is None:
        raise ValueError(
            f"--target is missing: name a column of {table} to predict: {listed(source.names)}"
        )
    return name


def _check_output(path: Path, table: str) -> None:
    """Refuse before training what would be refused, or regretted, after it."""
    writable(path)
    if path.exists() and Path(table).exists() and path.samefile(table):
        raise ValueError(f"--output {path} would replace the table itself; name another file")


@contextlib.contextmanager
def _progress(epochs: int) -> Iterator[list[Callable[[Run], None]]]:
    """Return callbacks that show a run on stderr: one where that is a terminal, else none."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    stderr = Console(stderr=True)
    if not stderr.is_terminal:
        yield []
        return
    columns = (
        TextColumn("epoch {task.completed:>4}/{task.total}"),
        BarColumn(bar_width=None),
        TextColumn("loss {task.fields[loss]:<8} validation {task.fields[validation]:<8}"),
    )
    with Progress(*columns, console=stderr, transient=True, expand=True) as bar:
        task = bar.add_task("", total=epochs, loss="", validation="")
        shown = -math.inf

        def watch(run: Run) -> None:
            nonlocal shown
            if time.perf_counter() - shown < _BETWEEN_UPDATES:
                return
            shown = time.perf_counter()
            checked = run.validation_losses
            bar.update(
                task,
                completed=run.epoch,
                loss=f"{run.epoch_losses[-1]:.4g}",
                validation=f"{checked[-1]:.4g}" if len(checked) else "none",
            )

        yield [watch]


def _print(source: Table, model: TableModel, seconds: float) -> None:
    report, rows, spec = model.report, model.report.rows, model.network.spec
    facts = {
        "table": f"{source.short_name}, {plural(source.n_rows, 'row')}",
        "target": target_in_words(model),
        "network": f"{' → '.join(map(str, spec.layer_sizes))}, "
        f"{plural(spec.n_weights + spec.n_biases, 'parameter')}",
        "training": f"{plural(report.epochs, 'epoch')} of {plural(rows['training'], 'row')} "
        f"in {seconds:.1f} s",
    }
    if rows["validation"]:
        facts["kept"] = f"epoch {report.best_epoch}, the best on {rows['validation']:,} other rows"
    print_facts(facts)
    print_line()
    if remarks := _remarks(model):
        print_table(("column", "what was done with it"), remarks)
        print_line()
    if report.metrics:
        print_metrics(report.metrics, report.reasons, f"on {rows['test']:,} held-out rows")
        print_line()


def target_in_words(model: TableModel) -> str:
    """Return the target of a model and what it is."""
    target = model.target
    if isinstance(target, ClassTarget):
        return f"{target.name}, {len(target.classes)} classes: {listed(target.classes)}"
    return f"{target.name}, a {target.kind}"


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
