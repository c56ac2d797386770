"""INSERT … ON CONFLICT, which SQLite and PostgreSQL share and SQLAlchemy spells per dialect.

Each statement is built once and takes its values as parameters: SQLAlchemy takes longer to
build one than to run it.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_into(connection: Connection, table: Table) -> Any:
    """Return an INSERT that knows ON CONFLICT, in the words of the connection's database."""
    return _insert(connection.dialect.name, table)


def insert_ignoring(
    connection: Connection, table: Table, values: Mapping[str, Any], **computed: ColumnElement[Any]
) -> bool:
    """Insert a row unless a unique key forbids it; return whether it is new.

    `computed`: columns that the database finds out, each by one expression that is always the
    same; the parameters that it asks for are among the values.
    """
    statement = _ignoring(connection.dialect.name, table, tuple(computed.items()))
    return bool(connection.execute(statement, values).rowcount == 1)


def insert_all_ignoring(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    **computed: ColumnElement[Any],
) -> None:
    """Insert rows, but those that a unique key forbids; see `insert_ignoring`."""
    if rows:
        connection.execute(_ignoring(connection.dialect.name, table, tuple(computed.items())), rows)


def insert_new(connection: Connection, table: Table, values: Mapping[str, Any]) -> int | None:
    """Insert a row unless a unique key forbids it; return its number, None where it does."""
    statement = _returning(connection.dialect.name, table, (table.c.id,))
    number: int | None = connection.execute(statement, values).scalar_one_or_none()
    return number


def insert_whole(
    connection: Connection, table: Table, values: Mapping[str, Any]
) -> Row[Any] | None:
    """Insert a row unless a unique key forbids it; return all of it, None where it does."""
    statement = _returning(connection.dialect.name, table, tuple(table.c))
    row: Row[Any] | None = connection.execute(statement, values).one_or_none()
    return row


def upsert(
    connection: Connection, table: Table, key: Mapping[str, Any], changes: Mapping[str, Any]
) -> None:
    """Insert a row with `key` and `changes`, or change the one that has the key."""
    statement = _upsert(connection.dialect.name, table, tuple(key), tuple(changes))
    connection.execute(statement, {**key, **changes})


def _insert(dialect: str, table: Table) -> Any:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


@cache
def _ignoring(
    dialect: str, table: Table, computed: tuple[tuple[str, ColumnElement[Any]], ...]
) -> Any:
    statement = _insert(dialect, table).values(**dict(computed)).on_conflict_do_nothing()
    # Without the option SQLAlchemy does not count inserts that return their key.
    return statement.execution_options(preserve_rowcount=True)


@cache
def _returning(dialect: str, table: Table, columns: tuple[Column[Any], ...]) -> Any:
    return _insert(dialect, table).on_conflict_do_nothing().returning(*columns)


@cache
def _upsert(dialect: str, table: Table, key: tuple[str, ...], changes: tuple[str, ...]) -> Any:
    statement = _insert(dialect, table)
    told = {name: statement.excluded[name] for name in changes}
    return statement.on_conflict_do_update(index_elements=key, set_=told)
