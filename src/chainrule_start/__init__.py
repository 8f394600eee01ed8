"""The first step of the command ``chainrule``, before anything heavy is imported.

Importing takes a few tenths of a second. An interruption in that time is one line, as later, and
no traceback of whatever was being imported.
"""

import os
import signal
from types import FrameType
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line."""
    signal.signal(signal.SIGINT, _interrupted)
    from chainrule.cli import main as run

    run()


def _interrupted(number: int, _: FrameType | None) -> None:
    os.write(2, b"chainrule: interrupted; nothing was written\n")
    os._exit(128 + number)
