"""Tables on a terminal, as wide as it is.

No word is cut: half a number or half the name of a setting is of no use. A table that is too
wide for that is written upright, one line for each value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from mailtrack.admin.table import Table, exactly, shown
from mailtrack.domain.harmless import printable

#: Blanks between two columns.
_GAP = 2


def draw(console: Console, table: Table, now: datetime) -> None:
    """Draw a table; strangers' words in it are only words."""
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
