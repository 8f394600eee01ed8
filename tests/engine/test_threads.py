"""The thread pool: short-lived pools come and go without one that waits for ever."""

import subprocess
import sys

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
    subprocess.run([sys.executable, "-c", MANY_POOLS], check=True, timeout=100)
