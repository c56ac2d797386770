"""INSERT … ON CONFLICT, which SQLite and PostgreSQL share and SQLAlchemy spells per dialect."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_into(connection: Connection, table: Table) -> Any:
    """Return an INSERT that knows ON CONFLICT, in the words of the connection's database."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def insert_ignoring(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row unless a unique key forbids it; return whether it is new."""
    statement = insert_into(connection, table).values(**values).on_conflict_do_nothing()
    # Without the option SQLAlchemy does not count inserts that return their key.
    done = connection.execute(statement, execution_options={"preserve_rowcount": True})
    return bool(done.rowcount == 1)


def upsert(
    connection: Connection, table: Table, key: Mapping[str, Any], changes: Mapping[str, Any]
) -> None:
    """Insert a row with `key` and `changes`, or change the one that has the key."""
    statement = insert_into(connection, table).values(**key, **changes)
    connection.execute(
        statement.on_conflict_do_update(index_elements=list(key), set_=dict(changes))
    )
