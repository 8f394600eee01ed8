"""RESULTS.md: the same figures as a page."""

import statistics
from functools import partial

from benchmarks.peers import OWN
from benchmarks.report import (
    UNITS,
    libraries_of,
    microseconds,
    notes,
    percent,
    times_faster,
    verdict,
)

ESTIMATORS, TABLES = "## The estimators beside scikit-learn's", "## Models of tables"
PARTS = "## Tables in parts"
ALONE = (ESTIMATORS, TABLES, PARTS)  # sections that are measured alone


def with_section(page, section):
    """Return the page with a section in the place of the one of that heading, or at its end."""
    heading = section.splitlines()[0]
    before, found, rest = page.partition(heading)
    after = rest[rest.index("\n## ") :] if found and "\n## " in rest else ""
    return before.rstrip() + "\n\n" + section.rstrip() + "\n" + after


def sections_alone(page):
    """Return the sections that are measured alone, as far as the page has them."""
    return ["## " + part for part in ("\n" + page).split("\n## ") if f"## {part}".startswith(ALONE)]


def _row(cells):
    return "| " + " | ".join(cells) + " |"


def _cell(result, library):
    if library not in result.times:
        return "–"
    text = f"{microseconds(result.fastest(library))} ({microseconds(result.median(library))})"
    return f"**{text}**" if library == result.best_peer() else text


def _ratios(result):
    of_minima, of_medians = result.ratio(), result.ratio(statistics.median)
    return f"{times_faster(of_minima)} ({times_faster(of_medians)})"


def _table(results, peak):
    with_solver = any(result.optimizer for result in results)
    columns = {
        "network": lambda result: result.name,
        **({"optimizer": lambda result: result.optimizer} if with_solver else {}),
        **{name: partial(_cell, library=name) for name in libraries_of(results)},
        "ratio": _ratios,
        "share": lambda result: percent(result.share(peak)),
        "check": verdict,
    }
    left = 2 if with_solver else 1
    rule = ["---"] * left + ["---:"] * (len(columns) - left)
    rows = ([cell(result) for cell in columns.values()] for result in results)
    return [_row(cells) for cells in (columns, rule, *rows)]


def _preparation(results):
    columns = [name for name in libraries_of(results) if name not in OWN]
    rows = [_row(["network", *columns]), _row(["---"] + ["---:"] * len(columns))]
    for result in results:
        seconds = [result.preparation.get(name) for name in columns]
        cells = ["–" if value is None else f"{value:.2f}" for value in seconds]
        rows.append(_row([f"{result.name} {result.optimizer}".rstrip(), *cells]))
    return rows


def _machine(machine):
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    pools = "; ".join(
        f"{name}: {', '.join(pools)}" for name, pools in machine["thread_pools"].items() if pools
    )
    return [
        f"* {machine['processor']}, {machine['cores']} cores, {machine['threads']} threads, "
        f"{machine['system']}, Python {machine['python']}",
        f"* {versions}",
        f"* thread pools and BLAS kernels: {pools}",
    ]


def page(results, machine, peak, legend, settings, picture, threads=()):
    """Return the text of RESULTS.md; ``results`` are those of the tables."""
    lines = [
        "# Measured beside the others", "",
        "Written by `make bench`. Absolute times drift from day to day; ratios of one run hold.",
        "",
        "```", machine["command"], "```", "", *_machine(machine),
        f"* {settings}", "",
    ]  # fmt: skip
    for kind, unit in UNITS.items():
        chosen = [result for result in results if result.kind == kind]
        if chosen:
            lines += [f"## {kind.capitalize()}: µs a {unit}, minimum (median) of the rounds", ""]
            lines += [*_table(chosen, peak), ""]
    lines += threads
    lines += [f"* {sentence}" for sentence in legend]
    lines += [f"* {note}" for note in notes(results)]
    if picture:
        lines += ["", f"![Time of a step against width and batch]({picture})"]
    lines += ["", "## Seconds before the first round", ""]
    lines += ["Data and compilation included; none of it is in the times above.", ""]
    return "\n".join([*lines, *_preparation(results), ""])
