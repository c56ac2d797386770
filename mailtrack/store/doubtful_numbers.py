"""Numbers that people were asked about: is it their parcel's?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from mailtrack.domain.model import RowKey, SubscriberId
from mailtrack.store.schema import doubtful_number
from mailtrack.store.upsert import upsert


@dataclass(frozen=True, slots=True)
class AskedNumber:
    """One question to one person; its `key` makes the link that says yes.

    `carriers`: codes, best first. `why`: "uncertain" or "check_digit". `trace`: the id in the
    logs of the mail that named it.
    """

    key: RowKey
    owner: SubscriberId
    number: str
    carriers: tuple[str, ...]
    why: str
    trace: str
    asked_at: datetime
    answered_at: datetime | None


def ask(
    connection: Connection,
    owner: SubscriberId,
    number: str,
    carriers: Sequence[str],
    why: str,
    trace: str,
    now: datetime,
) -> None:
    """Note that somebody is asked about a number; asked once more, its former link still holds."""
    told = {"carriers": ",".join(carriers), "why": why, "trace": trace, "asked_at": now}
    upsert(connection, doubtful_number, {"subscriber_id": owner, "number": number}, told)


def by_key(connection: Connection, key: RowKey) -> AskedNumber | None:
    """Return the question that a link names, or None where it was forgotten."""
    query = select(doubtful_number).where(doubtful_number.c.key == key)
    row = connection.execute(query).one_or_none()
    return None if row is None else _asked(row)


def of_number(connection: Connection, owner: SubscriberId, number: str) -> AskedNumber:
    """Return what somebody was asked about a number; they must have been asked."""
    query = select(doubtful_number).where(
        doubtful_number.c.subscriber_id == owner, doubtful_number.c.number == number
    )
    return _asked(connection.execute(query).one())


def of_subscriber(connection: Connection, owner: SubscriberId) -> list[AskedNumber]:
    """Return all that somebody was asked about, oldest first."""
    query = (
        select(doubtful_number)
        .where(doubtful_number.c.subscriber_id == owner)
        .order_by(doubtful_number.c.id)
    )
    return [_asked(row) for row in connection.execute(query)]


def mark_answered(connection: Connection, key: RowKey, now: datetime) -> None:
    """Note that somebody said of a number that it is their parcel's."""
    connection.execute(
        update(doubtful_number).where(doubtful_number.c.key == key).values(answered_at=now)
    )


def _asked(row: Row[Any]) -> AskedNumber:
    return AskedNumber(
        key=RowKey(row.key),
        owner=SubscriberId(row.subscriber_id),
        number=row.number,
        carriers=tuple(filter(None, row.carriers.split(","))),
        why=row.why,
        trace=row.trace,
        asked_at=row.asked_at,
        answered_at=row.answered_at,
    )
