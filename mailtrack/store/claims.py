"""Handing out rows that are due, each to one worker at a time.

A claim moves the row's due time to the end of the lease and marks it with a token; the
worker that finishes must still hold the token. A lost message, a killed worker or an
emptied Redis therefore costs one lease, and a message that comes twice finds its token
gone.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Table, select, update


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
        .with_for_update(skip_locked=True)
        # PostgreSQL may run a subquery many times over, and lock more rows at each run.
        .cte("chosen")
    )
    statement = (
        update(table)
        .where(table.c.id.in_(select(chosen.c.id)))
        .values({due: until, table.c.claim: token})
        .returning(table.c.id, *returning)
    )
    return list(connection.execute(statement))
