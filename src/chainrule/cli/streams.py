"""Standard streams and signals, as a command finds them."""

import contextlib
import io
import os
import signal
import sys
from types import FrameType

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))
_closed: set[str] = set()
_signals: list[int] = []
_AGAIN = 1.0  # seconds


def prepare() -> None:
    """Make every stream one that can be written to.

    A stream that is closed (``>&-``) goes nowhere, so that no file that is opened takes its place.
    A terminal may not know every letter: what it doesn't know is escaped.
    """
    for number, (name, mode) in enumerate(_STREAMS):
        if getattr(sys, name) is None:
            _closed.add(name)
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def raise_on_signals() -> None:
    """Make of SIGINT, SIGTERM and SIGHUP exceptions, which whoever calls this is to catch.

    They are raised again each second until `caught` is called: what is being imported or freed
    when a signal comes may lose an exception, and the work would go on for good.
    """
    with contextlib.suppress(ValueError):  # signals belong to the main thread
        signal.signal(signal.SIGINT, _end)
        for name in ("SIGTERM", "SIGHUP"):
            if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) == signal.SIG_DFL:
                signal.signal(getattr(signal, name), _end)


def caught() -> None:
    """Raise no signal again."""
    if hasattr(signal, "setitimer") and _signals:
        signal.setitimer(signal.ITIMER_REAL, 0)


def printable(text: str) -> str:
    r"""Return a text with what would steer a terminal escaped.

    Examples
    --------
    >>> printable("größe\x1b[31m")
    'größe\\x1b[31m'
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def require_stdout() -> None:
    """Refuse to print a result that nobody would get.

    Raises
    ------
    ValueError
        If standard output is closed.
    """
    if "stdout" in _closed:
        raise ValueError(
            "standard output is closed, and the result goes there; name a file with -o"
        )


def termination() -> int | None:
    """Return the exit code of the signal that ended the command; None if none but SIGINT did.

    An extension that is being imported makes an ``ImportError`` of whatever is raised in it.
    """
    ended = [number for number in _signals if number != signal.SIGINT]
    return 128 + ended[0] if ended else None


def _end(number: int, _: FrameType | None) -> None:
    _signals.append(number)
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, _end_again)
        signal.setitimer(signal.ITIMER_REAL, _AGAIN, _AGAIN)
    _raise(number)


def _end_again(_: int, __: FrameType | None) -> None:
    _raise(_signals[0])


def _raise(number: int) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)
