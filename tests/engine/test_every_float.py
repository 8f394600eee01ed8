"""exp, tanh and the sigmoid of every float32; dense samples of the other elementary functions.

The bounds, in units in the last place, stand in ``tests/cpp/elementary.cpp``, which is compiled
here with the flags of the extension, once for each level that this processor has.
"""

import re
import subprocess
from pathlib import Path

import pytest

from chainrule.engine import compiled

ROOT = Path(__file__).parents[2]
LEVELS = compiled.supported_levels()


def flags(level):
    """The compiler's flags for a level, as CMakeLists.txt states them."""
    cmake = (ROOT / "CMakeLists.txt").read_text()
    common = re.search(r"target_compile_options\(chainrule_flags INTERFACE([^)]*)\)", cmake)
    own = re.search(rf"set\(flags_{level} ([^)]*)\)", cmake)
    return common[1].split() + (own[1].split() if own else [])


@pytest.mark.exhaustive
@pytest.mark.parametrize("level", LEVELS)
def test_errors_over_every_float(level, cpp_program):
    """Every float at the best level, every 61st at the others: under a minute on two cores."""
    program = cpp_program("elementary.cpp", flags=[*flags(level), f"-DCHAINRULE_LEVEL={level}"])
    stride = "1" if level == LEVELS[-1] else "61"
    result = subprocess.run([program, stride], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
