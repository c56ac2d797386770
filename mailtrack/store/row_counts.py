"""How many rows there are, by what they are: kept by triggers, so that nobody has to count.

Each writes in the transaction that writes the row, so that no path of the code can forget it
(`store.row_count_triggers`), and a figure costs the same however much is stored.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, Table, TextClause, bindparam, func, select, text

from mailtrack.store import row_count_triggers
from mailtrack.store.row_count_triggers import CORRECTIONS, COUNTED, SEPARATOR, labels_of
from mailtrack.store.schema import row_count
from mailtrack.store.schema.codes import Coded
from mailtrack.store.upsert import insert_into

_TOTALS = (
    select(row_count.c.labels, func.sum(row_count.c.total))
    .where(row_count.c.table_name == bindparam("table"))
    .group_by(row_count.c.labels)
    .having(func.sum(row_count.c.total) != 0)
)


class Difference(NamedTuple):
    """Rows of a table with the same labels: how many the counts say, and how many there are."""

    table: Table
    labels: str
    kept: int
    counted: int


def by_labels(connection: Connection, table: Table) -> Mapping[tuple[str, ...], int]:
    """Return how many rows of a table have the same labels, "" for a label that is null."""
    rows = connection.execute(_TOTALS, {"table": table.name})
    return {words_of(table, labels): int(total) for labels, total in rows}


def words_of(table: Table, labels: str) -> tuple[str, ...]:
    """Return the words by which rows of a table are counted, of what is kept as their labels."""
    parts = zip(COUNTED[table], labels.split(SEPARATOR), strict=False)
    words = (
        column.type.word(int(part)) if part and isinstance(column.type, Coded) else part
        for column, part in parts
    )
    return tuple(words) or ("",)


def total(connection: Connection, table: Table) -> int:
    """Return how many rows a table has."""
    return sum(by_labels(connection, table).values())


def stop(connection: Connection) -> None:
    """Count no more: a great many rows are about to be written in one transaction."""
    row_count_triggers.remove(connection)


def start(connection: Connection) -> None:
    """Count from now on, and what there is already."""
    row_count_triggers.install(connection)
    mend(connection)


def differences(connection: Connection) -> list[Difference]:
    """Count all rows, and return where the counts say something else.

    Each table is counted, and its counts are read, by one statement: writers need not wait.
    """
    return [
        Difference(table, row.labels, int(row.kept), int(row.counted))
        for table in COUNTED
        for row in connection.execute(_compared(table))
    ]


def mend(connection: Connection) -> list[Difference]:
    """Set right what the counts say that is wrong, and return it.

    What is missing is added in a slot of its own: it stays missing, however much is written
    meanwhile. Of two who mend at once, the other comes after the first (PostgreSQL).
    """
    row_count_triggers.take_slot(connection, CORRECTIONS)
    found = differences(connection)
    for wrong in found:
        values = {
            "table_name": wrong.table.name,
            "labels": wrong.labels,
            "slot": CORRECTIONS,
            "total": wrong.counted - wrong.kept,
        }
        new = insert_into(connection, row_count)
        added = {"total": row_count.c.total + new.excluded.total}
        key = list(row_count.primary_key.columns)
        connection.execute(new.on_conflict_do_update(index_elements=key, set_=added), values)
    return found


def _compared(table: Table) -> TextClause:
    """Return the statement that finds where the counts of a table are wrong."""
    return text(
        f"""
        SELECT labels, sum(kept) AS kept, sum(counted) AS counted FROM (
            SELECT labels, total AS kept, 0 AS counted FROM row_count
            WHERE table_name = '{table.name}'
            UNION ALL
            SELECT {labels_of(table)} AS labels, 0 AS kept, count(*) AS counted
            FROM {table.name} GROUP BY 1
        ) AS each_one
        GROUP BY labels HAVING sum(kept) <> sum(counted) ORDER BY labels
        """  # noqa: S608 - names of ours
    )
