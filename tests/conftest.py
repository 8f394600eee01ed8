"""What every test relies on."""

import signal
from pathlib import Path

from hypothesis import HealthCheck, settings

# A job in the background of a shell ignores Ctrl-C, and so would the processes that the tests
# start and interrupt: give them back what a terminal gives.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test depends on how fast the machine is.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_report_header():
    """Say whether the real data are here; without them their tests are skipped."""
    data = Path(__file__).parents[2] / "shared" / "data"
    return f"real data: {'../shared/data' if data.is_dir() else 'MISSING, their tests skip'}"
