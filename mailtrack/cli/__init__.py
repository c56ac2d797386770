"""The commands. No logic: each reads its arguments, calls one room and prints.

A file for each group of the help, in which its commands stand in the order of these imports.
"""

from mailtrack.cli import service, once, questions, corrections, data  # noqa: F401, I001 - the order
from mailtrack.cli.program import app, main

__all__ = ["app", "main"]
