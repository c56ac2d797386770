"""Copying every row of one store into another, SQLite or PostgreSQL alike."""

from sqlalchemy import func, insert, select, text

from mailtrack.errors import ConfigurationError
from mailtrack.store import row_counts
from mailtrack.store.engine import Store
from mailtrack.store.schema import (
    catch_up,
    lease,
    leg_claim,
    metadata,
    oauth_token,
    relay,
    row_count,
)

#: Rows in memory at once; raw mails are among them.
_AT_ONCE = 100
#: Who is at work now, with which carriers, and what the relay says: nothing to keep. Nor are the
#: tokens of a sign-in: a provider that is shown a former one may end it (RFC 9700, 4.14.2). Rows
#: are counted as they are there.
_OF_THE_MOMENT = frozenset({lease, leg_claim, catch_up, oauth_token, relay, row_count})
#: In an order in which every row finds the ones that it names.
_KEPT = tuple(table for table in metadata.sorted_tables if table not in _OF_THE_MOMENT)
#: Those whose rows have a number of their own.
_NUMBERED = tuple(table for table in _KEPT if "id" in table.c)


def copy(source: Store, target: Store) -> int:
    """Copy what one moment of `source` holds into the empty `target`; return the rows.

    Both are of this version. Raises ConfigurationError where the target has rows.

    1. Nothing is copied into a store that has rows.
    2. Tables are copied a few rows at a time, which are counted at the end.
    3. PostgreSQL's sequences go on above the numbers that were copied.
    """
    copied = 0
    with source.read() as reading, target.write() as writing:
        # 1.
        for table in _KEPT:
            if writing.execute(select(table).limit(1)).first() is not None:
                raise ConfigurationError(
                    f"The database is not empty (there are rows in {table.name}): "
                    "a backup is restored into a new one."
                )
        # 2.
        row_counts.stop(writing)
        for table in _KEPT:
            rows = reading.execution_options(yield_per=_AT_ONCE).execute(select(table))
            for some in rows.mappings().partitions():
                writing.execute(insert(table), [dict(row) for row in some])
                copied += len(some)
        row_counts.start(writing)
        # 3.
        if writing.dialect.name == "postgresql":
            for table in _NUMBERED:
                highest = writing.execute(select(func.max(table.c.id))).scalar_one()
                if highest is not None:
                    writing.execute(
                        text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :highest)"),
                        {"name": table.name, "highest": highest},
                    )
    return copied
