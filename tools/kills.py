"""Kill workers of Ray and the whole command at random moments of one fit, and compare the bits.

``python tools/kills.py 30`` trains on a table in parts that it makes, by two workers of Ray, and
kills one of them, both, or the command (with its Ray, as the end of a machine would) until it was
done 30 times; each time the fit goes on. At its end every number of it, the losses of all steps
among them, must be that of a fit which nobody disturbed.
"""

import hashlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from chainrule.distributed.checkpoint import read_arrays

EPOCHS = "1000"
WORKER, RAY = "ray::RayWorker", "[r]ay/core/src|[r]ay::"


def table(folder: Path) -> None:
    """Write 60,000 rows in six parts."""
    numbers = np.random.default_rng(0)
    folder.mkdir()
    for part in range(6):
        X = numbers.normal(size=(10_000, 8)).astype("float32")
        city = numbers.choice(["Ulm", "Bonn", "Kiel"], 10_000)
        columns = {f"x{k}": pa.array(X[:, k], mask=numbers.random(10_000) < 0.05) for k in range(8)}
        y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + (city == "Ulm")
        data = pa.table(columns | {"city": city, "y": y})
        pq.write_table(data, folder / f"part-{part}.parquet", row_group_size=2500)


def train(folder: Path, *more: str) -> subprocess.Popen[bytes]:
    """Start the fit."""
    command = [sys.executable, "-m", "chainrule", "train", "parts", "--target", "y", "--quality"]
    command += ["plain", "--epochs", EPOCHS, "--batch-size", "512", "--patience", "1000", *more]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)


def processes(pattern: str) -> list[int]:
    """Return the processes whose command line matches."""
    found = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


def kill(pids: list[int]) -> None:
    """Kill processes as nothing can keep them from, those that are still there."""
    for pid in pids:
        subprocess.run(["kill", "-KILL", str(pid)], capture_output=True, check=False)


RESUMED = ("--ray", "local", "--workers", "2", "--resume", "kept", "-o", "cut.safetensors")


def disturbed(folder: Path, kills: int, seed: int) -> dict[str, int]:
    """Bring a fit to its end, through so many kills; return how many there were of each kind."""
    chance, done = random.Random(seed), {"a worker": 0, "both workers": 0, "the command": 0}
    fit = train(folder, *RESUMED)
    while sum(done.values()) < kills:
        time.sleep(chance.uniform(0.5, 6))
        whom, workers = chance.choice(list(done)), processes(WORKER)
        if fit.poll() is not None:
            raise RuntimeError("the fit was over too soon; give it more epochs")
        if whom == "the command":
            fit.send_signal(signal.SIGKILL)
            fit.wait()
            kill(processes(RAY))
            fit = train(folder, *RESUMED)
        elif workers:
            kill(workers if whom == "both workers" else workers[:1])
        else:
            continue  # they are just being started
        done[whom] += 1
        print(f"kill {sum(done.values()):2}: {whom}", flush=True)
    if fit.wait():
        raise RuntimeError(f"the command ended with {fit.returncode}")
    return done


def main(kills: int, seed: int = 0) -> int:
    """Disturb a fit so many times; return 0 if its bits are those of an undisturbed one."""
    folder = Path(tempfile.mkdtemp())
    table(folder / "parts")
    whole = train(folder, "--resume", "whole", "-o", "whole.safetensors")
    done = disturbed(folder, kills, seed)
    whole.wait()
    ends = [end_of(folder / name) for name in ("kept", "whole")]
    for name, (step, digest) in zip(("disturbed  ", "undisturbed"), ends, strict=True):
        print(f"{name} {step} steps, {digest}")
    print(f"{done}: {'the same bits' if ends[0] == ends[1] else 'OTHER BITS'}")
    return 0 if ends[0] == ends[1] else 1


def end_of(folder: Path) -> tuple[int, str]:
    """Return how many steps a fit has taken, and the SHA-256 of all its numbers at the end.

    These are the parameters, the best of them, the optimizer's vectors and every loss.
    """
    described, arrays = read_arrays(folder / "checkpoint.safetensors")
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(name.encode() + array.tobytes())
    return described["fit"]["step"], digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 30))
