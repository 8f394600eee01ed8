"""Reading tables beside Arrow's own reader, one thread each: ``python -m benchmarks.tables``.

A million rows of 26 numbers and 4 words, whole and with a bad last row; 300 rows of 5,000 numbers,
read and trained on for one epoch. Each way is a process of its own; they take turns.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

ROUNDS = 5
ARROW = """
import pyarrow.csv as csv
csv.read_csv({path!r}, read_options=csv.ReadOptions(use_threads=False))
"""
OURS = """
from chainrule.tables import TableError, read
from chainrule.tables.columns import kind_of, parsed
try:
    table = read({path!r})
    parsed(table, {{name: kind_of(table, name) for name in table.names}})
except TableError as error:
    print(error)
"""
TRAIN = """
from chainrule.tables import TrainOptions, read, train
train(read({path!r}), "c0", TrainOptions("plain", epochs=1))
"""
TIMED = "import time, pyarrow.csv, chainrule.tables, sklearn.metrics, sklearn.model_selection\n"
TIMED += "start = time.perf_counter()\n{script}\nprint(time.perf_counter() - start)"


def files(folder):
    """Write the tables, and return their paths by name."""
    rng = np.random.default_rng(0)
    long = {f"c{i}": rng.normal(size=10**6).round(5) for i in range(26)}
    long |= {f"t{i}": rng.choice(["red", "green", "blue"], 10**6) for i in range(4)}
    wide = {f"c{i}": rng.normal(size=300).round(4) for i in range(5000)}
    paths = {name: folder / f"{name}.csv" for name in ("long", "bad", "wide")}
    pyarrow.csv.write_csv(pa.table(long), paths["long"])
    paths["bad"].write_bytes(paths["long"].read_bytes() + b"1,2,3\n")
    pyarrow.csv.write_csv(pa.table(wide), paths["wide"])
    return paths


def seconds(script, path):
    """Return the time that a script takes in a process of its own, imports left out."""
    command = [sys.executable, "-c", TIMED.format(script=script.format(path=str(path)))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def main():
    """Print the least and the median of each way, and the ratios to Arrow's reader."""
    with tempfile.TemporaryDirectory() as name:
        paths = files(Path(name))
        ways = {
            "Arrow reads and types a million rows": (ARROW, "long"),
            "chainrule reads and types them": (OURS, "long"),
            "chainrule finds a bad last row": (OURS, "bad"),
            "chainrule trains on 5,000 columns": (TRAIN, "wide"),
        }
        taken = {way: [] for way in ways}
        for _ in range(ROUNDS):
            for way, (script, table) in ways.items():
                taken[way].append(seconds(script, paths[table]))
                time.sleep(0.1)
    base = statistics.median(next(iter(taken.values())))
    for way, times in taken.items():
        median = statistics.median(times)
        print(f"{way:38} min {min(times):5.2f} s  median {median:5.2f} s  {median / base:4.2f}")


if __name__ == "__main__":
    main()
