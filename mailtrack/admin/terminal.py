"""The terminal: the one place that prints, and where strangers' words are only words.

A mail, a carrier or a server may send escape sequences that move the cursor, marks that
turn the direction of reading, and the markup and emoji codes of rich.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from mailtrack.admin.init import Question
from mailtrack.admin.table import Table, exactly, shown
from mailtrack.domain.harmless import printable

#: Blanks between two columns.
_GAP = 2


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
    """Print tables, or one JSON object that has them by their titles.

    No word is cut: half a number or half the name of a setting is of no use. A table that is
    too wide for that is written upright, one line for each value.
    """
    if as_json:
        say_json({table.title.lower(): table.as_dicts() for table in tables})
        return
    console = Console()
    for table in (one.without_empty_columns() for one in tables):
        rows = [[printable(shown(cell, now)) for cell in row] for row in table.rows]
        columns = _Columns.of(table.columns, rows)
        widths = None if table.upright else columns.widths(console.width)
        if widths:
            _flat(console, table.title, columns, widths)
        else:
            _upright(console, table, now)


@dataclass(frozen=True, slots=True)
class _Columns:
    """A table by its columns."""

    names: Sequence[str]
    cells: Sequence[Sequence[str]]

    @classmethod
    def of(cls, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Self:
        return cls(names, list(zip(*rows, strict=True)) if rows else [()] * len(names))

    def widths(self, room: int) -> list[int] | None:
        """Return how wide each is drawn, so that lines break between words; None for too wide."""
        lines = [(name, *cells) for name, cells in zip(self.names, self.cells, strict=True)]
        widths = [max(map(cell_len, column)) for column in lines]
        least = [max(cell_len(w) for c in column for w in c.split() or [""]) for column in lines]
        surplus = sum(widths) + _GAP * (len(lines) - 1) - room
        for i in sorted(range(len(lines)), key=lambda i: widths[i] - least[i], reverse=True):
            less = max(0, min(surplus, widths[i] - least[i]))
            widths[i], surplus = widths[i] - less, surplus - less
        return widths if surplus <= 0 else None


def _flat(console: Console, title: str, columns: _Columns, widths: Sequence[int]) -> None:
    drawn = RichTable(
        title=title, title_justify="left", box=None, padding=(0, _GAP, 0, 0), pad_edge=False
    )
    for name, width in zip(columns.names, widths, strict=True):
        drawn.add_column(name, width=width, overflow="fold")
    for row in zip(*columns.cells, strict=True):
        # Text, which rich takes as it is, where a str is markup with emoji codes.
        drawn.add_row(*map(Text, row))
    console.print(drawn)
    console.print()


def _upright(console: Console, table: Table, now: datetime) -> None:
    """Print `name  value` in lines, without what is empty; lines are left to the terminal."""
    console.print(Text(table.title, style="italic"))
    margin = max(map(len, table.columns))
    tell = exactly if table.upright else shown
    for row in table.rows:
        for name, cell in zip(table.columns, row, strict=True):
            if text := printable(tell(cell, now)):
                console.print(Text(f"  {name:<{margin}}  {text}"), soft_wrap=True)
        console.print()
