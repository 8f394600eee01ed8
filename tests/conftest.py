"""What every test relies on."""

import signal

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
