"""Ctrl-C in the middle of a native call: a real process, a real signal; and the GIL, released.

How soon it is answered is for ``benchmarks/latency.py`` to say; here, that it is.
"""

import json
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import chainrule as cr
from chainrule.engine import compiled

HANGS = 600  # seconds, after which a process is taken to wait for ever

# Waits for the signal inside run.resume, which would not end before the year is over; then compares
# the network with one that was trained for as many steps without a signal; then both go on.
PROCESS = """
import json, signal, sys
import numpy as np
import chainrule as cr

options = json.loads(sys.argv[1])
layers, n, threads = options["layers"], options["n"], options["threads"]
rng = np.random.default_rng(0)
X = rng.normal(size=(n, layers[0])).astype("float32")
y = rng.normal(size=(n, layers[-1])).astype("float32")


def start():
    net = cr.Network(layers, activation=options["activation"], dropout=options["dropout"])
    optimizer = cr.Adam(1e-4, clip_norm=options["clip_norm"])
    return net.fit(X, y, epochs=0, optimizer=optimizer, batch_size=options["batch_size"])


def stopped_after(run, steps):
    if steps:
        stop = cr.Callback(lambda run: run.stop(), every=steps)
        run.resume(X, y, epochs=10**6, callbacks=[stop], threads=threads)
    return run


run = start()
try:
    print("ready", flush=True)  # a signal may come at once
    if options["cpu_seconds"]:
        signal.signal(signal.SIGVTALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_VIRTUAL, options["cpu_seconds"])
    run.resume(X, y, epochs=10**6, threads=threads)
except KeyboardInterrupt:
    pass
other = stopped_after(start(), run.step)
report = {"step": run.step}
for moment in ("interrupted", "gone on"):
    pairs = zip(run.arrays().values(), other.arrays().values(), strict=True)
    report[moment] = all(a.tobytes() == b.tobytes() for a, b in pairs)
    if options["goes_on"] and moment == "interrupted":
        further = run.step + 1
        for one in (run, other):
            stopped_after(one, further)
print(json.dumps(report))
"""

SCENARIOS = {
    "many small steps": {"layers": [3, 5, 1], "n": 40, "batch_size": 7},
    "with dropout and two threads": {
        "layers": [50, 200, 2], "n": 1000, "batch_size": 200, "dropout": 0.3, "threads": 2,
    },
    "with clipping": {"layers": [20, 30, 1], "n": 500, "batch_size": 100, "clip_norm": 0.1},
    # a step of 86 GFLOP takes a tenth of a second and more on any core: the signal, after so much
    # work of the process and not after a time, comes in the first step
    "one long step": {
        "layers": [100, 1500, 1500, 4], "n": 6000, "batch_size": 6000, "goes_on": False,
        "cpu_seconds": 0.03,
    },
    "one long step, two threads": {
        "layers": [100, 1500, 1500, 4], "n": 6000, "batch_size": 6000, "goes_on": False,
        "cpu_seconds": 0.03, "threads": 2,
    },
    # all of the time is in gelu, almost none in products
    "a wide layer of gelu": {
        "layers": [1, 100_000, 1], "n": 300, "batch_size": 300, "activation": "gelu",
        "goes_on": False,
    },
    # few weights, so few tasks for each of which the signal is asked
    "a huge batch of a small network": {
        "layers": [2, 3, 1], "n": 2_000_000, "batch_size": 2_000_000, "goes_on": False,
    },
}  # fmt: skip

DEFAULTS = {
    "activation": "tanh", "dropout": 0.0, "clip_norm": None, "threads": 1, "goes_on": True,
    "cpu_seconds": None,
}  # fmt: skip


def interrupted(options, after, program=PROCESS):
    """Run the process, interrupt it ``after`` seconds into its work; return its report.

    With ``cpu_seconds`` among the options it interrupts itself.
    """
    command = [sys.executable, "-c", program, json.dumps(DEFAULTS | options)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            first = process.stdout.readline()
            if not options.get("cpu_seconds"):
                time.sleep(after)
                process.send_signal(signal.SIGINT)
            printed, error = process.communicate(timeout=HANGS)
        finally:
            process.kill()
    assert (first, process.returncode) == ("ready\n", 0), error
    return json.loads(printed)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("name", SCENARIOS)
def test_ctrl_c(name):
    """The network is whole after its last step; and it goes on exactly."""
    scenario = SCENARIOS[name]
    report = interrupted(scenario, after=0.4)
    if "cpu_seconds" in scenario:
        assert report["step"] == 0, "answered only when the long step was over"
    assert report["interrupted"], f"not the network of {report['step']} steps"
    assert report["gone on"]


# As PROCESS, of many networks with different steps; each is compared with one trained alone.
MANY = """
import json, sys
import numpy as np
import chainrule as cr

options = json.loads(sys.argv[1])
rng = np.random.default_rng(0)
X = rng.normal(size=(options["n"], 20)).astype("float32")


def fit():
    nets = [cr.Network([20, *hidden, 1], activation="tanh", seed=i)
            for i, hidden in enumerate(options["hidden"])]
    return cr.fit_many(nets, X, X[:, 0], epochs=0, batch_size=options["batch_size"])


def same(runs, others):
    pairs = [(a, b) for run, other in zip(runs, others, strict=True)
             for a, b in zip(run.arrays().values(), other.arrays().values(), strict=True)]
    return all(a.tobytes() == b.tobytes() for a, b in pairs)


def go_on(runs, epochs):
    cr.resume_many(runs, X, X[:, 0], epochs=epochs, threads=options["threads"])


runs, others = fit(), fit()
try:
    print("ready", flush=True)  # a signal may come at once
    go_on(runs, options["epochs"])
except KeyboardInterrupt:
    pass
for run, other in zip(runs, others, strict=True):
    if run.step:
        stop = cr.Callback(lambda run: run.stop(), every=run.step)
        other.resume(X, X[:, 0], epochs=10**6, callbacks=[stop])
report = {"step": [run.step for run in runs]}
report["interrupted"] = same(runs, others)
if options["goes_on"]:
    go_on(runs, 1)
    report["gone on"] = same(runs, [run.resume(X, X[:, 0], epochs=1) for run in others])
print(json.dumps(report))
"""

LONG = [1500, 1500]  # of 6000 samples one step takes seconds

MANY_SCENARIOS = {
    "small networks": {"hidden": [[5]] * 20, "n": 100, "batch_size": 10},
    "small networks on two threads": {
        "hidden": [[5], [9], [300]] * 7, "n": 100, "batch_size": 10, "threads": 2,
    },
    # the calling thread is done with its small network when the signal comes
    "one long step on another thread": {
        "hidden": [LONG, [100]], "n": 6000, "batch_size": [6000, 100], "threads": 2,
        "epochs": [10**6, 20], "goes_on": False,
    },
    "long steps on two threads": {
        "hidden": [LONG] * 3, "n": 6000, "batch_size": 6000, "threads": 2, "goes_on": False,
    },
}  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("name", MANY_SCENARIOS)
def test_ctrl_c_of_many(name):
    """Every network is whole after its own last step; and all go on exactly."""
    report = interrupted({"epochs": 10**6} | MANY_SCENARIOS[name], after=0.5, program=MANY)
    assert report["interrupted"], f"not the networks of {report['step']} steps"
    assert report.get("gone on", True)


READING = """
import numpy as np
import chainrule as cr

net = cr.Network([100, 1500, 1500, 2])
X, y = np.ones((12_000, 100), "float32"), np.ones((12_000, 2), "float32")
try:
    print("ready", flush=True)  # a signal may come at once
    while True:  # however soon a call is over
        METHOD
except KeyboardInterrupt:
    print("true")
"""


@pytest.mark.parametrize("method", ["net.forward(X, threads=1)", "net.loss(X, y)"])
def test_ctrl_c_while_nothing_is_trained(method):
    assert interrupted({}, after=0.3, program=READING.replace("METHOD", method))


@pytest.mark.parametrize("epoch", [1, 3])
def test_ctrl_c_during_a_validation(monkeypatch, epoch):
    """The epoch is done, its validation loss is not known: resume takes it first."""
    X, y = np.random.default_rng(0).normal(size=(2, 30, 3))
    options = {"batch_size": 10, "early_stopping": cr.EarlyStopping(100), "validation": (X, y)}
    expected = cr.Network([3, 4, 3]).fit(X, y, epochs=5, **options)
    loss, seen = compiled.loss, []

    def interrupt(*arguments):
        seen.append(1)
        if len(seen) == epoch:
            raise KeyboardInterrupt
        return loss(*arguments)

    monkeypatch.setattr(compiled, "loss", interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        cr.Network([3, 4, 3]).fit(X, y, epochs=5, **options)
    run = caught.value.run
    assert (run.epoch, len(run.validation_losses)) == (epoch, epoch - 1)
    run.resume(X, y, epochs=5 - epoch, validation=(X, y))
    assert np.array_equal(run.validation_losses, expected.validation_losses)
    assert np.array_equal(run.network.w, expected.network.w)


GIL = """
import _thread, threading, time
import numpy as np
import chainrule as cr

net, X, y = cr.Network([10, 40, 4]), np.ones((400, 10), "float32"), np.ones((400, 4), "float32")


def end_it():
    time.sleep(0.1)
    _thread.interrupt_main()


try:
    threading.Thread(target=end_it).start()
    net.fit(X, y, epochs=10**6)
except KeyboardInterrupt:
    print("ended by another thread")
"""


def test_other_threads_go_on():
    """One native call, which would last for hours, is ended by Python code of another thread."""
    result = subprocess.run(
        [sys.executable, "-c", GIL], capture_output=True, text=True, check=False, timeout=HANGS
    )
    assert result.stdout == "ended by another thread\n", result.stderr


def test_two_fits_at_once():
    """In two threads of one process, each with threads of its own: the bits of either alone."""
    X, y = np.random.default_rng(0).normal(size=(2, 600, 40)), np.ones((600, 1))

    def fit(i, results):
        net = cr.Network([40, 120, 1], seed=i)
        results[i] = net.fit(X[i], y, epochs=5, batch_size=600, threads=2).network.w

    alone, together = {}, {}
    for i in range(2):
        fit(i, alone)
    threads = [threading.Thread(target=fit, args=(i, together)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(2):
        assert np.array_equal(alone[i], together[i])
