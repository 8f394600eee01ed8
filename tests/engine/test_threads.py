"""Threads: the pool, and how their number is chosen; no bit depends on either."""

import os
import subprocess
import sys

import numpy as np
import pytest
from test_every_float import flags

import chainrule as cr
from chainrule.engine import compiled
from chainrule.training import inputs

MANY_POOLS = """
import numpy as np
import chainrule as cr

network = cr.Network([8, 64, 64, 1])
X = np.ones((200, 8), "float32")
expected = network.forward(X, threads=1)
for _ in range(5000):
    assert np.array_equal(network.forward(X, threads=3), expected)
"""


def test_many_short_pools_all_end():
    """A helper that starts while its pool closes must see that it closes."""
    subprocess.run([sys.executable, "-c", MANY_POOLS], check=True, timeout=600)


@pytest.mark.parametrize("source", ["memory.cpp", "pool.cpp", "thread_choice.cpp"])
def test_alone(source, cpp_program):
    """The classes by themselves: tests/cpp says what is checked, its output what failed."""
    program = cpp_program(source, source)
    result = subprocess.run([program], capture_output=True, text=True, check=False, timeout=600)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("level", compiled.supported_levels())
def test_how_a_step_is_cut(level, cpp_program):
    program = cpp_program(
        "plan.cpp", "memory.cpp", flags=[*flags(level), f"-DCHAINRULE_LEVEL={level}"]
    )
    result = subprocess.run([program], capture_output=True, text=True, check=False, timeout=600)
    assert result.returncode == 0, result.stdout


def cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def test_as_many_as_there_are_cores():
    assert compiled.FASTEST.most == cores()
    assert compiled.Threads(3, "fastest").most == 3
    with pytest.raises(ValueError, match="no use of threads 'some'"):
        compiled.Threads(2, "some")


def test_a_run_says_how_many_were_used():
    X, y = np.ones((40, 3)), np.ones(40)
    runs = [cr.Network([3, 5, 1]).fit(X, y, epochs=0) for _ in range(3)]
    assert [run.threads for run in runs] == [0, 0, 0]
    for run, threads in zip(runs, (2, 3, None), strict=True):
        run.resume(X, y, epochs=1, threads=threads)
    assert [run.threads for run in runs[:2]] == [2, 3]
    assert 1 <= runs[2].threads <= cores()
    reference = cr.Network([3, 5, 1], engine="reference").fit(X, y, epochs=1)
    assert reference.threads == 1


@pytest.mark.parametrize(
    ("k", "threads", "each"), [(1, 4, 4), (2, 5, 2), (3, 8, 2), (4, 4, 1), (6, 2, 1)]
)
def test_threads_are_shared_out(monkeypatch, k, threads, each):
    """Each network has its share of the threads while there are fewer networks."""
    given, start = [], compiled.Trainer.__init__

    def noting(self, *arguments, **options):
        given.append(arguments[5])
        start(self, *arguments, **options)

    monkeypatch.setattr(compiled.Trainer, "__init__", noting)
    nets = [cr.Network([4, 2]) for _ in range(k)]
    cr.fit_many(nets, np.ones((9, 4)), np.ones((9, 2)), epochs=1, threads=threads)
    assert [one.most for one in given] == [each] * k


# -- forced to change: another number of threads for each step, or piece of a prediction ---------

WORK = {
    "deep": ((37, 129, 83, 3), 403, {"activation": "tanh", "dropout": 0.1, "l2": 1e-3}),
    "clipped": ((11, 300, 5), 97, {}),
    "one row": ((50, 20, 20, 1), 1, {"activation": "gelu"}),
    # a step that waits for its whole gradient: a thousand million multiply-adds
    "long steps": ((500, 1300, 1300, 2), 450, {}),
}


@pytest.fixture
def changing(monkeypatch):
    """Call with True: from then on ``threads=None`` means 1, 2, 3, 1, 2, 3, ... threads."""

    def change(changes):
        choice = compiled.Threads(3, "changing") if changes else compiled.Threads(1, "all")
        monkeypatch.setattr(inputs, "FASTEST", choice)

    return change


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", WORK)
def test_the_choice_changes_in_the_middle_of_a_fit(name, dtype, changing):
    layers, batch_size, options = WORK[name]
    rng = np.random.default_rng(0)
    n = 2 * batch_size + batch_size // 2 if batch_size > 1 else 7
    X, y = rng.normal(size=(n, layers[0])), rng.normal(size=(n, layers[-1]))
    clip_norm = 0.1 if name == "clipped" else None

    def fit():
        net = cr.Network(layers, dtype=dtype, **options)
        run = net.fit(X, y, epochs=3, batch_size=batch_size,
                      optimizer=cr.Adam(1e-3, clip_norm=clip_norm), validation=(X, y))  # fmt: skip
        return run.arrays() | {"outputs": net.forward(np.tile(X, (9, 1)))}

    changing(False)
    expected = fit()
    changing(True)
    for name_, array in fit().items():
        assert array.tobytes() == expected[name_].tobytes(), name_


@pytest.mark.parametrize(("networks", "threads", "each"), [(3, 8, 2), (8, 3, 1), (1, 5, 5)])
def test_few_networks_share_the_threads(monkeypatch, networks, threads, each):
    given, trainer = [], compiled.Trainer

    def noted(*arguments, **named):
        given.append(arguments[-1].most)
        return trainer(*arguments, **named)

    monkeypatch.setattr(compiled, "Trainer", noted)
    cr.fit_many([cr.Network([2, 2, 1]) for _ in range(networks)], np.ones((4, 2)), np.ones(4),
                epochs=1, threads=threads)  # fmt: skip
    assert given == [each] * networks
