"""The terminal: the one place that prints, and where strangers' words are only words.

A mail, a carrier or a server may send escape sequences that move the cursor, marks that
turn the direction of reading, and the markup and emoji codes of rich.
"""

import json
from collections.abc import Iterable
from typing import Any

import typer
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from mailtrack.admin.reports import Table
from mailtrack.domain.harmless import printable


def say(line: str, *, err: bool = False) -> None:
    """Print one line, on standard error if `err`; line breaks inside it are written as `\\n`."""
    typer.echo(printable(line), err=err)


def say_rows(lines: Iterable[str]) -> None:
    """Print lines whose cells are separated by tabs."""
    for line in lines:
        typer.echo(printable(line, keep="\t"))


def say_json(value: Any, indent: int | None = None) -> None:
    """Print a value as JSON, with the letters of all languages as they are."""
    typer.echo(printable(json.dumps(value, ensure_ascii=False, indent=indent), keep="\n"))


def show(tables: Iterable[Table], as_json: bool) -> None:
    """Print tables, or one JSON object that has them by their titles.

    No cell is cut short: names of settings are long, and of no use halved.
    """
    if as_json:
        say_json({table.title.lower(): table.as_dicts() for table in tables})
        return
    console = Console()
    for table in tables:
        shown = RichTable(title=table.title, title_justify="left")
        for name in table.columns:
            shown.add_column(name, overflow="fold")
        for row in table.rows:
            # Text, which rich takes as it is, where a str is markup with emoji codes.
            shown.add_row(*(Text(printable(cell)) for cell in row))
        console.print(shown)
