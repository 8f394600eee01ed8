"""``chainrule verify``: a receipt, derived again."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from chainrule.cli.printing import print_line
from chainrule.explain.verifying.verify import verify as verified
from chainrule.theory.checks import plural


def verify(
    receipt: Annotated[
        Path, typer.Argument(metavar="RECEIPT", help="What explain --json printed; - is stdin.")
    ],
) -> None:
    """Derive each line of a receipt again, in plain Python floats; refuse one that isn't true."""
    text = sys.stdin.read() if str(receipt) == "-" else receipt.read_text(encoding="utf-8")
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{receipt} is not JSON, as explain --json prints it: {error}") from error
    try:
        lines = verified(document)
    except ValueError as error:
        raise ValueError(f"{receipt} is not true: {error}") from error
    print_line(f"{receipt} is true: {plural(lines, 'line')} derived again")
