"""What was measured, as tables: each table's scores, then one line a model, for both halves.

The normalised mean is over tables, of each the score on the way from the worst model's to the
best's. "against" counts tables where a model is better, as good (within a standard error of the
mean of their differences), and worse.
"""

from collections import defaultdict

import numpy as np

from benchmarks.machine import processor
from benchmarks.page import TABLES, with_section
from benchmarks.suite.measure import COVERAGE
from benchmarks.suite.models import ABLATION
from benchmarks.suite.tables import CHOSEN_ON, HELD_BACK, SPLITS, SUITE, TEST_FRACTION
from chainrule.theory.checks import plural


def written(figures, path):
    """Write the tables into a page, in the place of those that it had."""
    page = path.read_text() if path.exists() else ""
    path.write_text(with_section(page, f"{TABLES}\n\n{text(figures)}").lstrip())


def text(figures):
    """Return the tables as Markdown."""
    every = list(dict.fromkeys(one["model"] for one in figures))
    models = [model for model in every if model not in ABLATION]
    by = defaultdict(dict)
    for one in figures:
        by[one["table"], one["model"]][one["split"]] = one
    known = [table for table in SUITE if any((table.name, model) in by for model in models)]
    parts = [
        f"Accuracy, or R², on {TEST_FRACTION:.0%} of the rows that were held out: mean ± standard "
        f"deviation of {SPLITS} splits{_fewer(known, models, by)}; all with their defaults, on "
        f"{plural(max(one['threads'] for one in figures), 'thread')} of "
        f"{processor()}. Defaults of ours were chosen on the tables above the line, and on others "
        "that are not here.",
        "A table's scores are normalised from 0, the worst model's, to 1, the best's. Against "
        "another model: the tables on which one is better, as good (within a standard error of the "
        "mean difference of the splits), and worse. One row is a DataFrame's.",
        _scores(known, models, by),
        _summary("all tables", known, models, by),
        _summary("the half that defaults were chosen on", CHOSEN_ON, models, by),
        _summary("the half that was held back", HELD_BACK, models, by),
        _coverage([model for model in models if model.startswith("chainrule")], by),
        _ablation([model for model in every if model in ABLATION], by),
    ]
    return "\n\n".join(parts) + "\n"


def _fewer(tables, models, by):
    """Return which models were measured on fewer splits, on which tables if not on all."""
    told = []
    for model in models:
        counts = {t.name: _of(by, t, model, "score").size for t in tables}
        usual = max(counts.values())
        if usual < SPLITS:
            told.append(f"{usual} of {model}")
        told += [f"{n} of {model} on {name}" for name, n in counts.items() if n < usual]
    return f" ({', '.join(told)})" if told else ""


def _row(cells):
    return "| " + " | ".join(cells) + " |"


def _grid(heads, rows):
    lines = [_row(heads), _row(["---"] + ["---:"] * (len(heads) - 1)), *map(_row, rows)]
    return "\n".join(lines)


def _scores(tables, models, by):
    rows = []
    for table in tables:
        if table is HELD_BACK[0] and rows:
            rows.append(["—"] * (len(models) + 1))
        found = [_of(by, table, model, "score") for model in models]
        best = max((scores.mean() for scores in found if scores.size), default=0)
        cells = []
        for scores in found:
            told = f"{scores.mean():.4f}" if scores.size else ""
            told += f" ± {scores.std():.4f}" if scores.size > 1 else ""
            is_best = bool(scores.size) and scores.mean() == best
            cells.append(f"**{told}**" if is_best else told)
        rows.append([table.name, *cells])
    return _grid(["table", *models], rows)


def _of(by, table, model, name):
    """Return a figure of each split that has it."""
    splits = by.get((table.name, model), {})
    return np.array([splits[k][name] for k in sorted(splits) if name in splits[k]])


def _summary(title, tables, models, by):
    """Return a line a model: normalised mean, wins and ties, calibration, coverage, times."""
    whole = [t for t in tables if all(_of(by, t, m, "score").size for m in models)]
    if not whole:
        return ""
    scores = np.array([[_of(by, t, m, "score").mean() for m in models] for t in whole])
    low, high = scores.min(axis=1, keepdims=True), scores.max(axis=1, keepdims=True)
    normalised = ((scores - low) / np.maximum(high - low, 1e-12)).mean(axis=0)
    rows = []
    for k, model in enumerate(models):
        calibration = np.concatenate([_of(by, t, model, "calibration_error") for t in whole])
        covered = np.concatenate([_of(by, t, model, "covered") for t in whole])
        seconds = np.concatenate([_of(by, t, model, "seconds") for t in whole])
        row = np.concatenate([_of(by, t, model, "row_microseconds") for t in whole])
        rows.append(
            [
                model,
                f"{normalised[k]:.3f}",
                *(_against(whole, model, other, by) for other in ("LightGBM", "CatBoost")),
                f"{calibration.mean():.3f}" if calibration.size else "",
                f"{covered.mean():.3f}" if covered.size else "",
                f"{np.median(seconds):.2f}",
                f"{seconds.mean():.2f}",
                f"{np.median(row):,.0f}",
            ]
        )
    heads = ["model", "normalised mean", "against LightGBM", "against CatBoost"]
    heads += ["calibration error", "covered, of 0.9", "fit, median s", "mean s", "one row, µs"]
    return f"On {title} ({len(whole)}):\n\n{_grid(heads, rows)}"


def _coverage(models, by):
    """Return the share of rows in their intervals, and what chance alone makes of it."""
    rows, within, splits = [], 0, 0
    for table in SUITE:
        cells, spread = [], 0.0
        for model in models:
            shares = _of(by, table, model, "covered")
            if not shares.size:
                cells.append("")
                continue
            counts = [_of(by, table, model, name) for name in ("learned", "judged")]
            chance = np.sqrt(COVERAGE * (1 - COVERAGE) * (1 / counts[0] + 1 / counts[1]))
            within += int(np.sum(np.abs(shares - COVERAGE) <= 2 * chance))
            splits += shares.size
            spread = chance.mean()
            cells.append(f"{shares.mean():.3f}")
        if any(cells):
            rows.append([table.name, *cells, f"{spread:.3f}"])
    if not rows:
        return ""
    return (
        f"Intervals of {COVERAGE}: the share of the judged rows that lie in theirs, mean of the "
        "splits, and the standard deviation that a split's share has by chance, of so many rows to "
        f"judge errors by and so many judged. {within} of {splits} splits are within two of it."
        f"\n\n{_grid(['table', *models, 'by chance'], rows)}"
    )


def _ablation(parts, by):
    """Return what is lost without each part of "balanced", on the tables it was chosen on."""
    if not parts:
        return ""
    rows = []
    for part in parts:
        cells = [part.removeprefix("balanced, ")]
        for task in ("regression", "classification"):
            tables = [t for t in CHOSEN_ON if t.task == task and _of(by, t, part, "score").size]
            gains = [_difference(by, t, part, "chainrule balanced")[0] for t in tables]
            cells.append(f"{100 * np.mean(gains):+.2f}" if gains else "")
            cells.append(_against(tables, part, "chainrule balanced", by))
        rows.append(cells)
    count = max(_of(by, table, part, "score").size for table in CHOSEN_ON for part in parts)
    heads = ["balanced with", "R², hundredths", "better / as good / worse"]
    heads += ["accuracy, hundredths", "better / as good / worse"]
    return (
        f'What a part of "balanced" brings, by what is gained or lost without it, on the tables it '
        f"was chosen on ({plural(count, 'split')}):\n\n{_grid(heads, rows)}"
    )


def _against(tables, model, other, by):
    """Return on how many tables a model wins, ties and loses: beyond a standard error, or not."""
    if model == other or not all(_of(by, table, other, "score").size for table in tables):
        return ""
    counts = [0, 0, 0]
    for table in tables:
        difference, error = _difference(by, table, model, other)
        counts[1 if abs(difference) <= error else 0 if difference > 0 else 2] += 1
    return " / ".join(map(str, counts))


def _difference(by, table, model, other):
    """Return by how much a model is better than another on a table, and the standard error."""
    ours, theirs = (_of(by, table, name, "score") for name in (model, other))
    n = min(ours.size, theirs.size)
    difference = ours[:n] - theirs[:n]
    error = difference.std(ddof=1) / np.sqrt(n) if n > 1 else 0.0
    return difference.mean(), error
