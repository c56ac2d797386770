"""The terminal: the one place that prints, and where strangers' words are only words.

A mail, a carrier or a server may send escape sequences that move the cursor, marks that
turn the direction of reading, and the markup and emoji codes of rich.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from mailtrack.domain.harmless import printable

if TYPE_CHECKING:
    from mailtrack.admin.init import Question
    from mailtrack.admin.table import Table


def say(line: str, *, err: bool = False) -> None:
    """Print one line, on standard error if `err`; line breaks inside it are written as `\\n`."""
    typer.echo(printable(line), err=err)


def ask(question: Question, default: str) -> str:
    """Ask until there is an answer; what is secret is not shown, also as a default."""
    answer: str = typer.prompt(
        question.text,
        default="" if question.optional else default or None,
        hide_input=question.secret,
        show_default=bool(default) and not question.secret,
    )
    return answer


def say_rows(lines: Iterable[str]) -> None:
    """Print lines whose cells are separated by tabs."""
    for line in lines:
        typer.echo(printable(line, keep="\t"))


def say_json(value: Any, indent: int | None = None) -> None:
    """Print a value as JSON, with the letters of all languages as they are."""
    typer.echo(printable(json.dumps(value, ensure_ascii=False, indent=indent), keep="\n"))


def say_raw(mail: bytes) -> None:
    """Write a mail as it came into a file or a pipe; on a terminal, nothing in it is obeyed."""
    if sys.stdout.isatty():
        typer.echo(printable(mail.decode(errors="replace").replace("\r\n", "\n"), keep="\n\t"))
    else:
        typer.echo(mail, nl=False)


def show(tables: Iterable[Table], as_json: bool, now: datetime) -> None:
    """Print tables, or one JSON object that has them by their titles."""
    if as_json:
        say_json({table.title.lower(): table.as_dicts() for table in tables})
        return
    from rich.console import Console

    from mailtrack.admin.terminal_tables import draw

    console = Console()
    for table in tables:
        draw(console, table.without_empty_columns(), now)
