"""What a fit needs in memory beyond its data: ``python -m benchmarks.memory``.

A process of its own makes 1,000,000 rows of 100 float32 columns, notes its largest size so far, and
fits for one epoch.
"""

import subprocess
import sys

ROWS, COLUMNS = 1_000_000, 100
TARGET = 0.15

PROCESS = f"""
import resource
import numpy as np
import chainrule as cr

rng = np.random.default_rng(0)
X, y = rng.random(({ROWS}, {COLUMNS}), dtype="float32"), rng.random({ROWS}, dtype="float32")
cr.Network([{COLUMNS}, 8, 1]).fit(X[:100], y[:100], epochs=1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
cr.Network([{COLUMNS}, 64, 1]).fit(X, y, epochs=1, batch_size=256)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, X.nbytes + y.nbytes)
"""


def main():
    """Print the share; the exit status is 1 if it is above the target."""
    done = subprocess.run(
        [sys.executable, "-c", PROCESS], capture_output=True, text=True, check=True
    )
    more, data = map(int, done.stdout.split())
    unit = 1 if sys.platform == "darwin" else 1024  # bytes of ru_maxrss
    share = more * unit / data
    print(
        f"fit of {ROWS:,} x {COLUMNS} float32: {more * unit / 1e6:.0f} MB beyond "
        f"{data / 1e6:.0f} MB of data, {share:.1%} (target {TARGET:.0%})"
    )
    return int(share > TARGET)


if __name__ == "__main__":
    sys.exit(main())
