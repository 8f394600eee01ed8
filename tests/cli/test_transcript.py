"""What the commands print, to the letter: ``transcript.txt`` holds commands run in one folder.

Lines with ``$`` are commands, the others what they print. Where output is to change, read the new
one as a stranger would, and write it down: ``python tests/cli/test_transcript.py > new.txt``, into
another file, since this one is read for its commands.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

EXPECTED = Path(__file__).with_name("transcript.txt")
TABLE = Path(__file__).with_name("homes.csv")


def transcript(folder: Path) -> str:
    """Return the commands and what they print now, without what differs from machine to machine."""
    (folder / TABLE.name).write_bytes(TABLE.read_bytes())
    environment = os.environ | {"COLUMNS": "80", "CHAINRULE_CPU": "baseline"}
    told = ""
    commands = re.findall(r"^\$ (.*)$", EXPECTED.read_text(), re.MULTILINE)
    assert len(commands) > 10  # an empty transcript is that of any command
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", *command.split()],
            cwd=folder, env=environment, capture_output=True, text=True, check=True, timeout=600,
        )  # fmt: skip
        assert not done.stderr
        told += f"$ {command}\n" + "".join(f"{line.rstrip()}\n" for line in done.stdout.split("\n"))
    return re.sub(r"[\d,]+ bytes", "N bytes", re.sub(r"in [\d.]+ s\b", "in T s", told))


def test_the_commands_print_what_is_written_down(tmp_path: Path) -> None:
    assert transcript(tmp_path) == EXPECTED.read_text()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(transcript(Path(place)), end="")
