"""Each level of the instruction set that this processor has, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chainrule.engine import compiled

HERE = Path(__file__).parent

# Over every file, what a level may get wrong: kernels, elementary functions, threads, tiles.
SHORTENED = (
    "test_every_quantity_of_a_step or test_hidden_layers_of_different_activations"
    " or test_penalties or test_row_alone or test_many_inputs or test_number_of_threads"
    " or test_ulp or extreme or test_few_samples or test_few_outputs"
    " or test_the_gradient_of"
)

OTHERS = [level for level in compiled.supported_levels() if level != compiled.cpu_level()]


def in_process(arguments, level):
    return subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"CHAINRULE_CPU": level},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_the_best_level_is_the_default():
    levels = compiled.supported_levels()
    assert levels[0] == "baseline"
    if not os.environ.get("CHAINRULE_CPU"):
        assert compiled.cpu_level() == levels[-1]


@pytest.mark.exhaustive
@pytest.mark.parametrize("level", OTHERS)
def test_forced_level(level):
    """The shortened suite at a level that CHAINRULE_CPU names; the whole one runs at this."""
    code = "from chainrule.engine import compiled; print(compiled.cpu_level())"
    assert in_process(["-c", code], level).stdout.strip() == level
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", SHORTENED]
    result = in_process(["-m", "pytest", *options, str(HERE)], level)
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
    assert " passed" in result.stdout


def test_unknown_level():
    """Said at the first use of the engine, with the levels that there are."""
    code = "import chainrule as cr; cr.Network([1, 1]).forward([[0.0]])"
    result = in_process(["-c", code], "mmx")
    assert result.returncode != 0
    expected = f"CHAINRULE_CPU must be one of {', '.join(compiled.supported_levels())} "
    assert expected in result.stderr.splitlines()[-1]
    assert "got 'mmx'" in result.stderr.splitlines()[-1]


def test_an_empty_level_is_none():
    code = "from chainrule.engine import compiled; print(compiled.cpu_level())"
    assert in_process(["-c", code], "").stdout.strip() == compiled.supported_levels()[-1]
