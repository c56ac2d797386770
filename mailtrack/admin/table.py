"""What a command answers: titled tables of plain values, for the terminal or for JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Self, TypeAlias

#: A value as the store has it; a float is a share of one, a Decimal any other number.
Cell: TypeAlias = str | int | float | Decimal | date | datetime | None


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table; `upright` is one thing with many values, shown one below the other."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    upright: bool = False

    @classmethod
    def of_one(cls, title: str, values: Mapping[str, Cell]) -> Self:
        """Return a table about one thing."""
        return cls(title, tuple(values), [tuple(values.values())], upright=True)

    def without_empty_columns(self) -> Self:
        """Return the same without the columns in which nothing stands; all of them of no rows."""
        kept = [
            i
            for i in range(len(self.columns))
            if not self.rows or any(row[i] not in (None, "") for row in self.rows)
        ]
        columns = [self.columns[i] for i in kept]
        return replace(self, columns=columns, rows=[[row[i] for i in kept] for row in self.rows])

    def as_dicts(self) -> list[dict[str, str | int | float | None]]:
        """Return the rows by column name, times as ISO 8601 has them."""
        return [
            {name: _plain(cell) for name, cell in zip(self.columns, row, strict=True)}
            for row in self.rows
        ]


def _plain(cell: Cell) -> str | int | float | None:
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="seconds")
    if isinstance(cell, Decimal):
        return float(cell)
    return cell.isoformat() if isinstance(cell, date) else cell


def rounded(number: float) -> Decimal:
    """Return a number as tables show it.

    >>> rounded(2.346)
    Decimal('2.35')
    """
    return Decimal(f"{number:.2f}")


def shown(cell: Cell, now: datetime) -> str:
    """Return a value for who reads it: how long ago it was, or how soon it will be.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
    >>> shown(datetime(2026, 3, 9, 9, 0, tzinfo=UTC), noon), shown(noon + timedelta(days=2), noon)
    ('3 h ago', 'in 2 d')
    >>> shown(0.125, noon), shown(7, noon), shown(None, noon)
    ('12.5 %', '7', '')
    """
    match cell:
        case None:
            return ""
        case datetime():
            return f"{span(now - cell)} ago" if cell <= now else f"in {span(cell - now)}"
        case date():
            return cell.isoformat()
        case bool():
            return "yes" if cell else "no"
        case float():
            return f"{100 * cell:.1f} %"
    return str(cell)


def exactly(cell: Cell, now: datetime) -> str:
    """Return a value for who looks at one thing: times with their second, too."""
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M:%S} UTC ({shown(cell, now)})"
    return shown(cell, now)


def span(time: timedelta) -> str:
    """Return a time in its largest unit; what is not over yet has taken none.

    >>> span(timedelta(minutes=119)), span(timedelta(seconds=-3))
    ('1 h', '0 s')
    """
    seconds = int(time.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"
