"""The table on the terminal, and the cells that it shares with the page."""

import statistics

import numpy as np
from rich.table import Table
from rich.text import Text

from benchmarks.peers import OWN

UNITS = {"training": "step", "many": "step of one network", "prediction": "call"}
LIBRARIES = (*OWN, "numpy", "sklearn", "torch", "torch.compile", "jax", "onnxruntime")

# Why most libraries are not in every table.
USUAL = ("does not train", "does not predict", "trains one network at a time")


def microseconds(seconds):
    """Return a time with three digits, in µs."""
    value = seconds * 1e6
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def times_faster(ratio):
    """Return a ratio, as 3.5×."""
    return "" if ratio is None else f"{ratio:.3g}×" if ratio < 100 else f"{ratio:.0f}×"


def percent(share):
    """Return a share, or nothing."""
    return "" if share is None else f"{share:.0%}"


def libraries_of(results):
    """Return the libraries with at least one time, in their usual order."""
    return [name for name in LIBRARIES if any(name in result.times for result in results)]


def verdict(result):
    """Return what the check of one task said, in a word or two."""
    if result.failures:
        return "DIFFERS: " + ", ".join(result.failures)
    if result.check_is_weak:
        return "weak"
    worst = max(result.deviations.values(), default=None)
    return "none" if worst is None else f"≤ {worst:.0e}"


def cell(result, library):
    """Return minimum and median of one library's rounds, or a dash."""
    if library not in result.times:
        return "–"
    return f"{microseconds(result.fastest(library))}\n{microseconds(result.median(library))}"


def table(results, kind, peak):
    """Return the terminal's table for one kind of task, or None if there is none."""
    chosen = [result for result in results if result.kind == kind]
    if not chosen:
        return None
    title = f"{kind}: µs a {UNITS[kind]}, minimum over median of the rounds"
    made = Table(title=title, title_justify="left")
    made.add_column("network")
    columns = libraries_of(chosen)
    for name in [*columns, "ratio", "share", "check"]:
        made.add_column(name, justify="right", no_wrap=True)
    for result in chosen:
        ratios = [times_faster(result.ratio()), times_faster(result.ratio(statistics.median))]
        made.add_row(
            result.name.replace(", ", "\n", 1) + f" {result.optimizer}".rstrip(),
            *(Text(cell(result, name), style=_style(result, name)) for name in columns),
            "\n".join(ratios), percent(result.share(peak)),
            verdict(result),
        )  # fmt: skip
    return made


def _style(result, name):
    return "bold" if name in OWN else "green" if name == result.best_peer() else ""


def line(result):
    """Return one task's outcome, for those who wait."""
    peer = result.best_peer()
    parts = [
        f"{name} {microseconds(result.fastest(name))} µs"
        for name in ("chainrule", peer)
        if name in result.times
    ]
    ratio = times_faster(result.ratio())
    head = f"{result.name} {result.optimizer}".rstrip()
    return f"{head}: {', '.join(parts)}{f', {ratio}' if ratio else ''}"


def behind(results):
    """Return a sentence: what the fastest peer does in less time than chainrule, by the minima."""
    compared = [result for result in results if result.ratio() is not None]
    slower = [
        f"{r.name} {r.optimizer} {times_faster(r.ratio())}" for r in compared if r.ratio() < 1
    ]
    count = f"behind a peer in {len(slower)} of {len(compared)}"
    return ["; ".join([count, *slower])] if compared else []


def notes(results):
    """Return why libraries are missing or not compared, each reason once."""
    found = {}
    for result in results:
        for kind in ("skipped", "not_compared"):
            for library, reason in getattr(result, kind).items():
                if reason not in USUAL:
                    label = f"{library}, {kind.replace('_', ' ')}: {reason}"
                    found.setdefault(label, []).append(result.name)
    return [f"{label} ({'; '.join(dict.fromkeys(names))})" for label, names in found.items()]


def limits(results, peak, memory, dtype):
    """Return, for each prediction of many rows, its share of what products and memory allow.

    Parameters
    ----------
    results : list of Result
    peak : float
        Multiply-adds a second of the best library product.
    memory : float
        Bytes a second that are read from memory.
    dtype : str
    """
    found = []
    for result in results:
        if result.kind != "prediction" or result.rows == 1 or "chainrule" not in result.times:
            continue
        size = result.rows * result.layers[0] * np.dtype(dtype).itemsize
        needs = {
            "products": result.multiply_adds / peak,
            f"reading X at {memory / 1e9:.0f} GB/s": size / memory,
        }
        what = max(needs, key=needs.get)
        share = percent(needs[what] / result.fastest("chainrule"))
        found.append(f"{result.name}: {share} of its limit, {what}")
    return found


def legend(peak, library, size, tolerances):
    """Return the sentences that say what the columns mean."""
    product = (
        f"share: of the best library product, {2 * peak / 1e9:,.0f} GFLOP/s "
        f"({library}, {size}×{size}×{size}, on the same threads)"
        if peak
        else "share: not measured"
    )
    return [
        "ratio: time of the fastest peer over chainrule's, of the minima and of the medians",
        product,
        "check: largest relative deviation, among the libraries, of the loss after one epoch from "
        f"float64 NumPy; allowed {tolerances['sgd']:g} for SGD, {tolerances['adam']:g} for Adam, "
        f"{tolerances['shuffled']:g} where each library has an order of batches of its own",
    ]
