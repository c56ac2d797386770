"""The commands. No logic: each reads its arguments, calls one room and prints.

A file for each group of the help, in which its commands stand in the order of these imports.
What a command calls it imports itself, when it runs: so each pays for its own rooms in start-up,
and `mailtrack --help` for none of them.
"""

from mailtrack.cli import service, once, questions, corrections, data  # noqa: F401, I001 - the order
from mailtrack.cli.program import app, main

__all__ = ["app", "main"]
