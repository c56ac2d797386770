"""The triggers that keep `row_count`, in the words of each database.

They are no part of a migration: SQLite drops those of a table with it, and a migration may make
any table anew. So each upgrade installs all of them again (`store.migrate`).

SQLite has one writer, and one slot. On PostgreSQL whoever adds to a row of `row_count` would hold
up all others until they commit, and two who write several kinds of rows could wait for each
other. So each transaction adds in a slot that no other is using, and waits for nobody: there are
as many slots as transactions ever wrote at once. What one statement wrote is added at once, as a
row becomes slower with each time that it is written in one transaction.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from sqlalchemy import Column, Connection, Table

from mailtrack.store.schema import (
    channel_notice,
    inbound,
    notice,
    parcel,
    shop_order,
    subscriber,
    subscription,
)

#: What is counted, and by which of its columns: they hold short words without a comma, or the
#: numbers of words.
COUNTED: Mapping[Table, Sequence[Column[str]]] = MappingProxyType(
    {
        channel_notice: (channel_notice.c.kind, channel_notice.c.state, channel_notice.c.skip),
        inbound: (inbound.c.outcome,),
        notice: (notice.c.kind, notice.c.state, notice.c.skip),
        parcel: (parcel.c.milestone,),
        shop_order: (),
        subscriber: (),
        subscription: (),
    }
)
SEPARATOR = ","
#: The slot of what a full count found missing.
CORRECTIONS = -1

#: By what a slot is locked, beside its number; any constant will do.
_LOCK_KEY = 4_216_734
_ADD = """
    INSERT INTO row_count (table_name, labels, slot, total)
    {rows}
    ON CONFLICT (table_name, labels, slot) DO UPDATE SET total = row_count.total + excluded.total
"""
#: What PostgreSQL calls the rows that a statement wrote, and those that it found.
_NEW, _OLD = "SELECT {labels}, 1 FROM new_rows", "SELECT {labels}, -1 FROM old_rows"
_CHANGES = {
    "insert": (_NEW, "NEW TABLE AS new_rows"),
    "delete": (_OLD, "OLD TABLE AS old_rows"),
    "update": (f"{_NEW} UNION ALL {_OLD}", "NEW TABLE AS new_rows OLD TABLE AS old_rows"),
}


def labels_of(table: Table, row: str = "") -> str:
    """Return what a row is counted by, in SQL; `row`: its name where it is not the only one."""
    prefix = f"{row}." if row else ""
    words = (f"coalesce(CAST({prefix}{column.name} AS text), '')" for column in COUNTED[table])
    return f" || '{SEPARATOR}' || ".join(words) or "''"


def install(connection: Connection) -> None:
    """Let triggers count from now on, instead of those that may be there."""
    remove(connection)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_FREE_SLOT)
    statements = _IN_THE_WORDS_OF[connection.dialect.name]
    for table in COUNTED:
        for statement in statements(table):
            connection.exec_driver_sql(statement)


def remove(connection: Connection) -> None:
    """Let no trigger count any more."""
    for table in COUNTED:
        where = f" ON {table.name}" if connection.dialect.name == "postgresql" else ""
        for event in _CHANGES:
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {_name(table, event)}{where}")


def take_slot(connection: Connection, slot: int) -> None:
    """Use a slot alone until the transaction ends, once whoever else does has committed."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_KEY}, {slot})")


def _name(table: Table, event: str) -> str:
    return f"count_{table.name}_{event}"


def _on_sqlite(table: Table) -> Iterator[str]:
    def add(row: str, change: int) -> str:
        # An upsert that selects needs a WHERE: ON might belong to a join (lang_upsert.html).
        rows = f"SELECT '{table.name}', {labels_of(table, row)}, 0, {change} WHERE true"
        return _ADD.format(rows=rows)

    changed = " OR ".join(f"OLD.{c.name} IS NOT NEW.{c.name}" for c in COUNTED[table])
    yield _sqlite_trigger(table, "insert", "INSERT", add("NEW", 1))
    yield _sqlite_trigger(table, "delete", "DELETE", add("OLD", -1))
    if changed:
        both = f"{add('OLD', -1)}; {add('NEW', 1)}"
        columns = ", ".join(column.name for column in COUNTED[table])
        yield _sqlite_trigger(table, "update", f"UPDATE OF {columns}", both, f"WHEN {changed}")


def _sqlite_trigger(table: Table, event: str, of: str, body: str, when: str = "") -> str:
    name = _name(table, event)
    return f"CREATE TRIGGER {name} AFTER {of} ON {table.name} {when} BEGIN {body}; END"


#: A slot that no other transaction is using; its own again, where it has one.
_FREE_SLOT = f"""
    CREATE OR REPLACE FUNCTION free_row_count_slot() RETURNS integer LANGUAGE plpgsql AS $$
    DECLARE slot integer := 0;
    BEGIN
        WHILE NOT pg_try_advisory_xact_lock({_LOCK_KEY}, slot) LOOP slot := slot + 1; END LOOP;
        RETURN slot;
    END $$
"""


def _on_postgresql(table: Table) -> Iterator[str]:
    for event, (changes, tables) in _CHANGES.items():
        if event == "update" and not COUNTED[table]:
            continue
        name, changed = _name(table, event), changes.format(labels=labels_of(table))
        rows = f"""
            SELECT '{table.name}', labels, free_row_count_slot(), change FROM (
                SELECT labels, sum(change) AS change FROM ({changed}) AS each (labels, change)
                GROUP BY labels HAVING sum(change) <> 0
            ) AS summed
        """  # noqa: S608 - names of ours
        yield f"""
            CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN {_ADD.format(rows=rows)}; RETURN NULL; END $$
        """
        yield f"""
            CREATE TRIGGER {name} AFTER {event} ON {table.name} REFERENCING {tables}
            FOR EACH STATEMENT EXECUTE FUNCTION {name}()
        """


_IN_THE_WORDS_OF = {"sqlite": _on_sqlite, "postgresql": _on_postgresql}
