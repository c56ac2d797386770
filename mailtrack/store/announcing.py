"""Announcing that something is due now, to whoever hands it out and would find it at the next tick.

Nobody relies on it: when a row is due stands in the row, and what is lost here costs a tick.
It is published with the commit (`Store.write`), once for all that a transaction made due.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

#: What PostgreSQL's NOTIFY publishes on, and PUBLISH of Redis where the store is SQLite.
TOPIC = "mailtrack_due"
_ANNOUNCED = "mailtrack_announced"


class Due(StrEnum):
    """What may be due."""

    MAILS = "mails"
    POLLS = "polls"
    NOTICES = "notices"
    CHANNEL_NOTICES = "channel_notices"


def announce(connection: Connection, due: Due) -> None:
    """Let it be known, if this transaction is committed, that something is due now."""
    announced_in(connection).add(due)


def announced_in(connection: Connection, *, anew: bool = False) -> set[Due]:
    """Return what a transaction has announced; `anew`: it is about to begin."""
    kept: dict[Any, Any] = connection.info  # lives as long as the connection to the database
    announced: set[Due] = set() if anew else kept.get(_ANNOUNCED, set())
    kept[_ANNOUNCED] = announced
    return announced


def as_payload(announced: set[Due]) -> str:
    """Return what is published."""
    return " ".join(sorted(announced))


def from_payload(payload: str) -> set[Due]:
    """Return what was announced; words of another version are none."""
    return {due for due in Due if due in payload.split()}
