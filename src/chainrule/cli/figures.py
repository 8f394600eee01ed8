"""What a model predicts and what it is worth, in words and figures."""

from chainrule.cli.printing import number, print_line, print_table
from chainrule.tables import ClassTarget, Metrics, Report, TableModel
from chainrule.tables.errors import listed
from chainrule.theory.checks import plural

_FEW = 20  # rows
METRIC_NAMES = {
    "accuracy": "accuracy",
    "log_loss": "log-loss",
    "auc": "AUC",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
}


def target_in_words(model: TableModel) -> str:
    """Return the target of a model and what it is."""
    target = model.target
    if isinstance(target, ClassTarget):
        return f"{target.name}, {len(target.classes)} classes: {listed(target.classes)}"
    return f"{target.name}, a {target.kind}"


def print_metrics(found: Metrics, heading: str, baseline: str) -> None:
    """Print metrics under a heading beside those of a baseline, and why one is undefined.

    Where a figure is no better than the baseline's, a line below says so.
    """
    rows = []
    for name, value in found.values.items():
        other = found.baseline.get(name)
        told = f"undefined: {found.reasons[name]}" if value is None else number(value)
        rows.append((METRIC_NAMES[name], told, "" if other is None else number(other)))
    print_table((heading, "model", baseline), rows, right=2)
    if found.worse:
        print_line(
            (f"{METRIC_NAMES[found.worse]} is no better than that of {baseline}, ", "bold"),
            "which looks at no column",
        )


def print_worth(model: TableModel) -> None:
    """Print what a model is worth on held-out rows, beside the baseline, or why it isn't known."""
    report = model.report
    out_of_fold = report.judged == "out of fold"
    count = report.rows["training" if out_of_fold else "test"]
    if not report.judged:
        print_line(f"no figures: {_why_no_figures(report)}")
        return
    heading = f"on {plural(count, 'held-out row')}{unit(model)}"
    if out_of_fold:
        heading = f"on {plural(count, 'row')}, each by a network that didn't see it{unit(model)}"
    found = Metrics(report.metrics, report.reasons, count, report.baseline)
    print_metrics(found, heading, baseline_name(model))
    if count < _FEW:
        print_line("so few rows say little: with another --seed they may be others")


def _why_no_figures(report: Report) -> str:
    if report.options.get("test_fraction") == 0 and report.options.get("members") == 1:
        return "--test-fraction is 0"
    present = sum(report.rows[part] for part in ("training", "validation", "test"))
    return f"{plural(present, 'row')} are too few to hold some out"


def unit(model: TableModel) -> str:
    """Return the unit of the figures, where they have one that has to be said."""
    return ", in days" if model.target.kind == "date" else ""


def baseline_name(model: TableModel) -> str:
    """Return what a baseline answers."""
    return "class shares" if isinstance(model.target, ClassTarget) else "the mean"
