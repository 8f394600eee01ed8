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

SIZES, BATCH, ROWS, EPOCHS = (64, 256, 256, 1), 8192, 262_144, 4
LAYERS, CLASSES, SPARK_ROWS, ITERATIONS = (30, 64, 32, 5), 5, 200_000, 40
PAGE = Path(__file__).parents[1] / "RESULTS.md"


def one(name, folder):
    """Measure one side once; return what it says."""
    from benchmarks.parts import ours

    kind, _, count = name.partition(" x")
    if kind == "ddp":
        from benchmarks.parts import ddp

        X, y = data.regression(ROWS, SIZES[0])
        return ddp.steps(X, y, SIZES, BATCH, EPOCHS, int(count))
    if kind == "spark":
        from benchmarks.parts import spark

        return spark.full_batch(folder, LAYERS, ITERATIONS, int(count))
    ray = "local" if kind.startswith("ray") else None
    if kind.endswith("full"):
        return ours.full_batch(folder, LAYERS, ITERATIONS, int(count), ray)
    return ours.steps(folder, SIZES, BATCH, EPOCHS, int(count), ray)


def measured(name, folder):
    """Return what a process of its own measures."""
    command = [sys.executable, "-m", "benchmarks.parts.run", "--one", name, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode:
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
}


def section(steps, full):
    """Return the section of the page."""
    rate = {name: median(results, "rows_per_second") for name, results in steps.items()}
    evaluated = [SPARK_ROWS * one["evaluations"] / one["seconds"] for one in full["full x2"]]
    spark = [SPARK_ROWS * one["iterations"] / one["seconds"] for one in full["spark x2"]]
    ours, theirs = statistics.median(evaluated), statistics.median(spark)
    last = [full[name][0]["losses"][-1] for name in ("full x2", "spark x2")]
    return "\n".join(
        [
            PARTS,
            "",
            f"{machine.processor()}; two cores. {'-'.join(map(str, SIZES))}, float32, Adam, "
            f"batches of {BATCH:,} of {ROWS:,} rows, from Parquet (PyTorch: from memory); {EPOCHS} "
            "epochs, the first not counted; medians of rounds in turns.",
            "",
            *steps_table(steps),
            "",
            f"Two workers of Ray are {rate['ray x2'] / rate['ray x1']:.2f} times one, two threads "
            f"{rate['threads x2'] / rate['threads x1']:.2f} times one; two workers are "
            f"{rate['ray x2'] / rate['ddp x2']:.2f} times PyTorch, two threads "
            f"{rate['threads x2'] / rate['ddp x2']:.2f} times.",
            "",
            f"Full batch, sigmoid, L-BFGS in float64, {'-'.join(map(str, LAYERS))}, {SPARK_ROWS:,} "
            f"rows, about {ITERATIONS} iterations: chainrule (two threads, rows from Parquet, "
            f"held in its buffers) {ours:,.0f} rows a second, Spark MLlib (local[2], rows cached) "
            f"{theirs:,.0f}: {ours / theirs:.1f} times; losses {last[0]:.4f} and {last[1]:.4f}.",
        ]
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
