"""Tables in parts: ``python -m benchmarks.parts.run`` writes its section of RESULTS.md.

Each measurement is a process of its own; sides alternate, round by round, and the ratio is that of
the rounds' medians. Needs ray, torch, pyspark and a Java.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import machine
from benchmarks.page import PARTS, with_section
from benchmarks.parts import data

SIZES, BATCH, ROWS = (64, 256, 256, 1), 8192, 262_144
EPOCHS, WARM = 9, 3  # by the third, workers have read the rows of all their lanes
LAYERS, CLASSES, SPARK_ROWS, ITERATIONS = (30, 64, 32, 5), 5, 200_000, 40
PAGE = Path(__file__).parents[1] / "RESULTS.md"


def one(name, folder):
    """Measure one side once; return what it says."""
    from benchmarks.parts import ours

    kind, count, *precision = name.split()
    count, precision = int(count.removeprefix("x")), precision[0] if precision else None
    if kind == "ddp":
        from benchmarks.parts import ddp

        X, y = data.regression(ROWS, SIZES[0])
        return ddp.steps(X, y, SIZES, BATCH, EPOCHS, WARM, count, precision)
    if kind == "spark":
        from benchmarks.parts import spark

        return spark.full_batch(folder, LAYERS, ITERATIONS, count)
    if kind == "full":
        return ours.full_batch(folder, LAYERS, ITERATIONS, count, None)
    ray = "local" if kind == "ray" else None
    return ours.steps(folder, SIZES, BATCH, EPOCHS, WARM, count, ray, precision)


def measured(name, folder):
    """Return what a process of its own measures."""
    command = [sys.executable, "-m", "benchmarks.parts.run", "--one", name, "--folder", str(folder)]
    for _ in range(3):  # gloo aborts now and then while it ends
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
        if done.returncode == 0:
            break
    else:
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def rounds(names, folder, count):
    """Return what each side measured, in turns."""
    found = {name: [] for name in names}
    for number in range(count):
        for name in names if number % 2 == 0 else reversed(names):
            found[name].append(measured(name, folder))
            print(name, {k: v for k, v in found[name][-1].items() if k != "losses"}, flush=True)
    return found


def median(results, of):
    """Return the median of the rounds."""
    return statistics.median(result[of] for result in results)


def steps_table(found):
    """Return the rows of the first table."""
    lines = ["| | rows a second | step: least, median | waiting | loss of the last epoch |"]
    lines.append("|---|---|---|---|---|")
    for name, results in found.items():
        least = min(result["fastest"] for result in results)
        loss = results[0]["losses"][-1]
        waited = f"{100 * median(results, 'waited'):.0f} %" if "waited" in results[0] else "–"
        lines.append(
            f"| {WORDS[name]} | {median(results, 'rows_per_second'):,.0f} | {least * 1e3:.1f}, "
            f"{median(results, 'median') * 1e3:.1f} ms | {waited} | {loss:.4f} |"
        )
    return lines


WORDS = {
    "threads x1": "chainrule, one thread",
    "threads x2": "chainrule, two threads",
    "ray x1": "chainrule, one worker of Ray",
    "ray x2": "chainrule, two workers of Ray",
    "ddp x2": "PyTorch, DistributedDataParallel over gloo, two processes",
    "threads x2 bfloat16": "chainrule, two threads, bfloat16",
    "ray x2 bfloat16": "chainrule, two workers of Ray, bfloat16",
    "ddp x2 bfloat16": "PyTorch, the same by autocast in bfloat16",
}


def section(steps, full):
    """Return the section of the page."""
    rate = {name: median(results, "rows_per_second") for name, results in steps.items()}

    def times(name, than):
        return f"{rate[name] / rate[than]:.2f} times"

    return "\n".join(
        [
            PARTS,
            "",
            f"{machine.processor()}; two cores. {'-'.join(map(str, SIZES))}, float32, Adam, "
            f"batches of {BATCH:,} of {ROWS:,} rows, from Parquet (PyTorch: from memory); {EPOCHS} "
            f"epochs, the first {WARM} not counted; medians of rounds in turns.",
            "",
            *steps_table(steps),
            "",
            f"Two workers of Ray are {times('ray x2', 'ray x1')} one, two threads "
            f"{times('threads x2', 'threads x1')} one. Beside PyTorch:",
            "",
            "| | PyTorch, float32 | PyTorch, bfloat16 |",
            "|---|---|---|",
            *(
                f"| {WORDS[name]} | {times(name, 'ddp x2')} | {times(name, 'ddp x2 bfloat16')} |"
                for name in WORDS
                if "x2" in name and not name.startswith("ddp")
            ),
            "",
            full_batch(full),
        ]
    )


def full_batch(full):
    """Return what is said of L-BFGS beside Spark."""
    ours, theirs = full["full x2"], full["spark x2"]
    rates = [
        statistics.median(SPARK_ROWS * one["evaluations"] / one["seconds"] for one in ours),
        statistics.median(SPARK_ROWS * one["iterations"] / one["seconds"] for one in theirs),
    ]
    seconds = [median(results, "seconds") for results in (ours, theirs)]
    return (
        f"Full batch, sigmoid, L-BFGS in float64, {'-'.join(map(str, LAYERS))}, {SPARK_ROWS:,} "
        f"rows, {ITERATIONS} iterations from the same weights: chainrule (two threads, rows from "
        f"Parquet, held in its buffers) {rates[0]:,.0f} rows a second, {seconds[0]:.1f} s, Spark "
        f"MLlib (local[2], rows cached, Java's BLAS) {rates[1]:,.0f}, {seconds[1]:.1f} s: "
        f"{rates[0] / rates[1]:.1f} and {seconds[1] / seconds[0]:.1f} times; losses "
        f"{ours[0]['losses'][ITERATIONS - 1]:.4f} and {theirs[0]['losses'][ITERATIONS]:.4f}."
    )


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="benchmarks.parts.run", description=__doc__)
    parser.add_argument("--one")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one, options.folder)))
        return
    machine.limit_threads(2)
    folder = Path(tempfile.mkdtemp())
    data.write(folder / "numbers", *data.regression(ROWS, SIZES[0]))
    data.write(folder / "classes", *data.classes(SPARK_ROWS, LAYERS[0], CLASSES))
    steps = rounds(list(WORDS), folder / "numbers", options.rounds)
    full = rounds(["full x2", "spark x2"], folder / "classes", max(1, options.rounds // 2))
    text = section(steps, full)
    print(text)
    PAGE.write_text(with_section(PAGE.read_text(), text))


if __name__ == "__main__":
    main()
