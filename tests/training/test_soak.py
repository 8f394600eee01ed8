"""Ctrl-C at random moments, again and again: the run that goes on is the run without any.

One process a case: a timer of the system interrupts it, also while it validates, judges, comes to
rest and begins anew. CHAINRULE_SOAK says how many signals each case takes.
"""

import json
import os
import subprocess
import sys

import pytest

SIGNALS = int(os.environ.get("CHAINRULE_SOAK", "15"))
HANGS = 600  # seconds, after which a process is taken to wait for ever

PROCESS = """
import json, random, signal, sys, tempfile
from pathlib import Path
import numpy as np
import chainrule as cr
from chainrule.training.history import same_bits

options = json.loads(sys.argv[1])
rng, moments = np.random.default_rng(0), random.Random(options["seed"])
X, y = rng.normal(size=(60, 4)), rng.normal(size=(60, 1))
held_out = (rng.normal(size=(30, 4)), rng.normal(size=(30, 1)))
validation = held_out if options["validation"] else None
path = Path(tempfile.mkdtemp(), "run")
EPOCHS = options["epochs"]


def network():
    return cr.Network([4, 6, 1], activation="tanh", dtype="float64", engine=options["engine"],
                      dropout=0.2, seed=1)


def fit(epochs, stopping):
    return network().fit(
        X, y, optimizer=cr.Adam(cr.Cosine(0.02, steps=8 * EPOCHS), clip_norm=1.0), epochs=epochs,
        batch_size=8, validation=validation, early_stopping=stopping,
    )


def same(run, other):
    pairs = zip(run.arrays().items(), other.arrays().items(), strict=True)
    return all(name == other_name and array.tobytes() == other_array.tobytes()
               for (name, array), (other_name, other_array) in pairs)


def problems(run):
    found = []
    if not run.step == len(run.losses) == len(run.rates):
        found.append(f"{len(run.losses)} losses for {run.step} steps")
    best = run.best
    theta = run.network.parameters.theta
    if best is not None and not same_bits(best.theta, theta):
        if not same_bits(run.last.theta, theta):
            found.append("the network is neither at the best nor at the last step")
    if best is not None and best.step != run.best_epoch * run.steps_per_epoch:
        found.append(f"best of step {best.step}, best epoch {run.best_epoch}")
    return found


def interrupt(signals):
    \"\"\"Go on until done, interrupted at random moments of a stretch of the work.\"\"\"
    run, taken = fit(0, cr.EarlyStopping(10**6)), 0
    found = []
    while run.epoch < EPOCHS:
        if moments.random() < 0.2:
            cr.save(run, path)
            run = cr.load(path)
        if taken < signals:
            signal.setitimer(signal.ITIMER_REAL, moments.uniform(1e-5, options["longest"]))
        try:
            run.resume(X, y, epochs=EPOCHS - run.epoch, validation=validation)
            signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            taken += 1
            found += problems(run)
    run.resume(X, y, epochs=0, validation=validation)  # the last epoch may not have been judged
    return run, taken, found


signal.signal(signal.SIGALRM, signal.default_int_handler)
expected, total, found, differ = fit(EPOCHS, cr.EarlyStopping(10**6)), 0, [], 0
while total < options["signals"]:
    try:
        run, taken, wrong = interrupt(options["signals"] - total)
    except KeyboardInterrupt:  # between two calls
        signal.setitimer(signal.ITIMER_REAL, 0)
        total += 1
        continue
    total, found = total + taken, found + wrong
    differ += not same(run, expected)
print(json.dumps({"signals": total, "problems": found[:5], "differ": differ}))
"""

CASES = {
    f"{engine}, {'validated' if validation else 'by its training loss'}": {
        "engine": engine, "validation": validation, "epochs": epochs, "longest": longest,
    }
    for engine, epochs, longest in (("compiled", 300, 0.004), ("reference", 12, 0.03))
    for validation in (True, False)
}  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("case", CASES)
def test_interrupted_again_and_again(case):
    """Bit for bit the undisturbed run, saved and loaded on the way; and whole at each stop."""
    options = CASES[case] | {"signals": SIGNALS, "seed": len(case)}
    done = subprocess.run(
        [sys.executable, "-c", PROCESS, json.dumps(options)],
        capture_output=True, text=True, check=False, timeout=HANGS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout)
    assert report["signals"] >= SIGNALS
    assert (report["problems"], report["differ"]) == ([], 0)
