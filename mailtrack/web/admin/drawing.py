"""The tables of the commands as a page draws them: with links, and a bar beside a figure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from urllib.parse import urlencode

from mailtrack.admin.table import Cell, Table, exactly, shown
from mailtrack.domain.harmless import printable
from mailtrack.web.admin import ADMIN

#: More columns than a telephone shows side by side.
_NARROW = 3
#: Letters of what is never broken in two.
_SHORT = 14

#: What a value leads to, by the name of its column: the topic, and what is asked of it.
_LEADS_TO: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "person": ("people", "id"),
        "number": ("parcels", "number"),
        "local number": ("parcels", "number"),
        "names": ("parcels", "number"),
        "answers mail": ("mails", "id"),
        "digest": ("notices", "id"),
        "outcome": ("mails", "state"),
    }
)
#: The same where only the title tells what a number or a state is of.
_LEADS_TO_IN: Mapping[tuple[str, str], tuple[str, str]] = MappingProxyType(
    {
        ("Inbound mails", "id"): ("mails", "id"),
        ("Mails from them", "id"): ("mails", "id"),
        ("Notices", "id"): ("notices", "id"),
        ("Notices", "state"): ("notices", "state"),
        ("Answers", "id"): ("notices", "id"),
        ("People", "id"): ("people", "id"),
        ("People whose mails come back", "id"): ("people", "id"),
    }
)
#: The column of a table that a bar is drawn for, and the one that says how long it can be;
#: "" for the largest figure of the table, or for one where they are shares.
_BARS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "Mails": ("mails", ""),
        "Notices": ("times", ""),
        "Queues": ("waiting", ""),
        "Forecasts": ("coverage", ""),
        "Words": ("share", ""),
        "Unmapped": ("times", ""),
        "Carriers": ("today", "per day"),
    }
)


@dataclass(frozen=True, slots=True)
class DrawnCell:
    """A value: its words, each with where it leads ("" for nowhere), and how full its bar is."""

    words: Sequence[tuple[str, str]]
    share: float | None = None

    @property
    def looks(self) -> str:
        """Return how it is set: "empty", "short" for what stays on one line, or "long"."""
        length = sum(len(text) for text, _ in self.words)
        return "empty" if not length else "short" if length <= _SHORT else "long"


@dataclass(frozen=True, slots=True)
class DrawnTable:
    """A table as a page shows it; `stacks`: on a telephone, each row is a card of its own."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[DrawnCell]]
    upright: bool
    stacks: bool


def draw_table(table: Table, now: datetime) -> DrawnTable:
    """Return a table as a page shows it, without the columns in which nothing stands."""
    table = table.without_empty_columns()
    tell = exactly if table.upright else shown
    shares = list(_shares(table))
    rows = [
        [
            DrawnCell(_words(table.title, name, printable(tell(cell, now))), share)
            for name, cell, share in zip(table.columns, row, of_row, strict=True)
        ]
        for row, of_row in zip(table.rows, shares, strict=True)
    ]
    stacks = len(table.columns) > _NARROW
    return DrawnTable(table.title, table.columns, rows, table.upright, stacks)


def _words(title: str, column: str, text: str) -> Sequence[tuple[str, str]]:
    """Return what stands in a cell with where it leads; `names` are several with commas."""
    leads = _LEADS_TO.get(column) or _LEADS_TO_IN.get((title, column))
    if leads is None or not text:
        return [(text, "")]
    topic, wanted = leads
    parts = text.split(",") if column == "names" else [text]
    return [(part, f"{ADMIN}/{topic}?{urlencode({wanted: part.strip()})}") for part in parts]


def _shares(table: Table) -> Iterator[Sequence[float | None]]:
    """Yield how full the bar of each cell is, from 0 to 1; None for no bar."""
    figure, of = _BARS.get(table.title, ("", ""))
    at = {name: i for i, name in enumerate(table.columns)}
    if figure not in at or table.upright:
        yield from ([None] * len(table.columns) for _ in table.rows)
        return
    cells = [row[at[figure]] for row in table.rows]
    is_share = any(isinstance(cell, float) for cell in cells)
    largest = 1.0 if is_share else max(map(_figure, cells), default=0.0)
    for row in table.rows:
        most = _figure(row[at[of]]) if of in at else largest
        share = min(1.0, _figure(row[at[figure]]) / most) if most else None
        yield [share if name == figure else None for name in table.columns]


def _figure(cell: Cell) -> float:
    return float(cell) if isinstance(cell, int | float) else 0.0
