"""The command line: one module a command, thin."""

from chainrule.cli.entry import main

__all__ = ["main"]
