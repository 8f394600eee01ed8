"""What every test relies on."""

import signal

# A job in the background of a shell ignores Ctrl-C, and so would the processes that the tests
# start and interrupt: give them back what a terminal gives.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
