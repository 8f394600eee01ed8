"""Stop, save, and go on in another process: the very bits of one longer fit.

python examples/go_on.py
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import chainrule as cr

GO_ON = """
import sys, numpy as np, chainrule as cr
run, data = cr.load(sys.argv[1]), np.load(sys.argv[2])
run.resume(data["X"], data["y"], epochs=6)
cr.save(run, sys.argv[1])
"""

folder = Path(tempfile.mkdtemp())
X = np.random.default_rng(0).normal(size=(500, 10))
y = X[:, 0] * X[:, 1]

at_once = cr.Network([10, 64, 1], dropout=0.1, seed=0)
whole = at_once.fit(X, y, epochs=10)

first = cr.Network([10, 64, 1], dropout=0.1, seed=0).fit(X, y, epochs=4)
cr.save(first, folder / "run.safetensors")
np.savez(folder / "data.npz", X=X, y=y)
print(f"saved after {first.epoch} epochs: loss {first.epoch_losses[-1]:.6f}")
files = [folder / "run.safetensors", folder / "data.npz"]
subprocess.run([sys.executable, "-c", GO_ON, *files], check=True)

second = cr.load(folder / "run.safetensors")
same = np.array_equal(second.network.w, at_once.w) and np.array_equal(second.losses, whole.losses)
print(f"after {second.epoch} in two processes: loss {second.epoch_losses[-1]:.6f}")
print("the same bits as at once:", same)
