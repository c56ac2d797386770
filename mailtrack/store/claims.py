"""Handing out rows that are due, each to one worker at a time.

A claim moves the row's due time to the end of the lease and marks it with a token; the
worker that finishes must still hold the token. A lost message, a killed worker or an
emptied Redis therefore costs one lease, and a message that comes twice finds its token
gone.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    any_,
    func,
    select,
    update,
)


def claim_due(
    connection: Connection,
    table: Table,
    due: Column[Any],
    *,
    token: str,
    now: datetime,
    until: datetime,
    limit: int,
    where: Sequence[ColumnElement[bool]] = (),
    returning: Sequence[Column[Any]] = (),
) -> list[Row[Any]]:
    """Claim at most `limit` rows whose `due` time has come, longest due first."""
    chosen = (
        select(table.c.id)
        .where(due <= now, *where)
        .order_by(due)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    statement = (
        update(table)
        .where(_among(connection, table.c.id, chosen))
        .values({due: until, table.c.claim: token})
        .returning(table.c.id, *returning)
    )
    return list(connection.execute(statement))


def _among(
    connection: Connection, key: Column[Any], chosen: Select[tuple[Any]]
) -> ColumnElement[bool]:
    """Return the condition that a row was chosen; the database runs the choice once and first.

    Given a plain subquery, PostgreSQL may run it many times over, and lock more rows at
    each run, or read the whole table to join it; an array is made once, and its members
    are looked up by their key.
    """
    if connection.dialect.name == "postgresql":
        return key == any_(func.array(chosen.scalar_subquery()))
    return key.in_(chosen.scalar_subquery())
