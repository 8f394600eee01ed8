"""The way in and every way out: exit codes, and errors in one line.

0 is success; 2 an error of the user's, in the arguments, a table, a model file or an option; 1 a
failure that isn't, training that diverges included; 130 an interruption, 129 and 143 a termination.
With ``CHAINRULE_DEBUG=1`` the traceback is printed before the line.
"""

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from chainrule.cli import streams

_NEEDED = ("typer", "rich", "pyarrow")


def main() -> NoReturn:
    """Run the command line with the arguments of the process, and end it with the code.

    The process ends at once: Arrow's threads sometimes abort an interpreter that shuts down right
    after a table was read (apache/arrow issues 34314 and 50482), with all work done.
    """
    streams.prepare()
    code = run(sys.argv[1:])
    with contextlib.suppress(OSError, ValueError):  # its reader went away
        sys.stderr.flush()
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code; no exception but an exit comes out.

    Parameters
    ----------
    arguments : sequence of str
        Without the name of the program.

    Examples
    --------
    >>> run(["info", "nothing"])
    2
    """
    try:
        streams.raise_on_signals()
        from chainrule.cli.app import app

        code = app(list(arguments), prog_name="chainrule", standalone_mode=False)
        sys.stdout.flush()
        streams.caught()
    except BaseException as error:
        streams.caught()
        return _exit_code(error)
    if code == 130:
        return _exit_code(KeyboardInterrupt())
    return code if isinstance(code, int) else 0


def _exit_code(error: BaseException) -> int:
    """Print an error as one line on stderr, and return the code to exit with."""
    if os.environ.get("CHAINRULE_DEBUG") == "1":
        traceback.print_exception(error)
    if isinstance(error, BrokenPipeError) or isinstance(error.__context__, BrokenPipeError):
        return _silenced()  # typer makes an exit of it
    terminated = streams.termination()
    if terminated is not None:
        return _said(f"terminated; {_written()}", terminated)
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        return _said(f"interrupted; {_written()}", 130)
    package = str(getattr(error, "name", "")).split(".")[0]
    if isinstance(error, ModuleNotFoundError) and package in _NEEDED:
        install = "pip install '.[cli]' in a clone, or 'chainrule[cli]'"
        return _said(f"error: the command line needs {package}: {install}", 1)
    if hasattr(error, "format_message"):  # what typer raises for arguments it can't parse
        return _said(f"error: {error.format_message()}", 2)
    if isinstance(error, OSError):
        return _said(f"error: {_without_number(error)}", 2)
    if isinstance(error, ValueError | TypeError):
        return _said(f"error: {error}", 2)
    if isinstance(error, FloatingPointError):
        return _said(f"error: {error}; nothing was saved", 1)
    if isinstance(error, MemoryError):
        return _said("error: there is not enough memory", 1)
    return _said(f"error: {type(error).__name__}: {error}; CHAINRULE_DEBUG=1 shows where", 1)


def _said(message: str, code: int) -> int:
    """Print a message as one line of printable characters, and return the code."""
    line = " ".join(message.split())
    print(f"chainrule: {streams.printable(line)}", file=sys.stderr)
    return code


def _written() -> str:
    """Return what was written before a command ended early."""
    from chainrule.atomic import written

    names = ", ".join(map(str, written()))
    return f"{names} was written" if names else "nothing was written"


def _without_number(error: OSError) -> str:
    """Return an error of the system without its number: the file, and what is wrong."""
    if error.strerror is None:
        return str(error)
    full = error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
    place = error.filename or ("standard output" if full else "")
    return f"{place}: {error.strerror.lower()}" if place else error.strerror


def _silenced() -> int:
    """Keep Python from complaining at exit that a reader such as ``head`` went away."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141
