"""The picture: time of a step against the width of the layers, and against the batch."""

from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.cases import BATCHES, WIDTHS, curve_task
from benchmarks.report import libraries_of

BATCH_OF_WIDTHS, WIDTH_OF_BATCHES = 32, 64
COLORS = {
    "chainrule": "#c1121f", "chainrule-1": "#e5989b", "chainrule-all": "#8d0801",
    "numpy": "#4c78a8", "sklearn": "#f58518", "torch": "#7b4173",
    "torch.compile": "#b279a2", "jax": "#3a7d44",
}  # fmt: skip


def curve_tasks(dtype, quick):
    """Return {"width": [(width, task)], "batch": [(batch, task)]}."""
    stride = 2 if quick else 1
    return {
        "width": [(w, curve_task(w, BATCH_OF_WIDTHS, dtype)) for w in WIDTHS[::stride]],
        "batch": [(b, curve_task(WIDTH_OF_BATCHES, b, dtype)) for b in BATCHES[::stride]],
    }


def _panel(axes, points, title, label):
    names = libraries_of([result for _, result in points])
    for name in names:
        found = [(x, result.fastest(name) * 1e6) for x, result in points if name in result.times]
        own = name == "chainrule"
        axes.loglog(
            *zip(*found, strict=True), label=name, color=COLORS[name], marker="o", markersize=3,
            linewidth=2.2 if own else 1.2, zorder=3 if own else 2,
        )  # fmt: skip
    axes.set(title=title, xlabel=label, ylabel="µs a step")
    axes.grid(alpha=0.3)


def draw(curves, path):
    """Write the picture, as SVG or PNG by the name's ending."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    _panel(
        left, curves["width"], f"32-w-w-1, relu, SGD, batch {BATCH_OF_WIDTHS}", "width w of a layer"
    )
    shape = f"32-{WIDTH_OF_BATCHES}-{WIDTH_OF_BATCHES}-1"
    _panel(right, curves["batch"], f"{shape}, relu, SGD", "rows in a batch")
    left.legend(frameon=False, fontsize=8)
    kind = Path(path).suffix.lstrip(".")
    figure.savefig(path, dpi=110, metadata={"Date": None} if kind == "svg" else None)
