"""Copying every row of one store into another, SQLite or PostgreSQL alike."""

from sqlalchemy import Connection, Table, func, insert, select, text

from mailtrack.errors import ConfigurationError
from mailtrack.store.engine import Store
from mailtrack.store.schema import catch_up, lease, leg_claim, metadata, relay

#: Rows in memory at once; raw mails are among them.
_AT_ONCE = 100
#: Who is at work now, with which carriers, and what the relay says: nothing to keep.
_OF_THE_MOMENT = frozenset({lease, leg_claim, catch_up, relay})
#: In an order in which every row finds the ones that it names.
_KEPT = tuple(table for table in metadata.sorted_tables if table not in _OF_THE_MOMENT)


def copy(source: Store, target: Store) -> int:
    """Copy what one moment of `source` holds into the empty `target`; return the rows.

    Both are of this version. Raises ConfigurationError where the target has rows.
    """
    with source.read() as reading, target.write() as writing:
        _require_empty(writing)
        copied = sum(_copy_table(reading, writing, table) for table in _KEPT)
        if writing.dialect.name == "postgresql":
            _move_sequences(writing)
    return copied


def _require_empty(connection: Connection) -> None:
    for table in _KEPT:
        if connection.execute(select(table).limit(1)).first() is not None:
            raise ConfigurationError(
                f"The database is not empty (there are rows in {table.name}): "
                "a backup is restored into a new one."
            )


def _copy_table(reading: Connection, writing: Connection, table: Table) -> int:
    copied = 0
    rows = reading.execution_options(yield_per=_AT_ONCE).execute(select(table))
    for some in rows.mappings().partitions():
        writing.execute(insert(table), [dict(row) for row in some])
        copied += len(some)
    return copied


def _move_sequences(connection: Connection) -> None:
    """Let new rows get numbers above those that were copied."""
    for table in _KEPT:
        if "id" in table.c:
            highest = connection.execute(select(func.max(table.c.id))).scalar_one()
            if highest is not None:
                connection.execute(
                    text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :highest)"),
                    {"name": table.name, "highest": highest},
                )
