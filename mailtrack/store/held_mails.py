"""Mails that wait for their sender's word that they are theirs."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, exists, func, select, update

from mailtrack.domain.budget import SKEW
from mailtrack.domain.model import HeldMail, InboundId, SubscriberId
from mailtrack.store.announcing import Due, announce
from mailtrack.store.schema import inbound, notice

#: Lines that the page of a question lists; more are a stranger's.
MOST_LISTED = 30


def hold(
    connection: Connection, mail: InboundId, owner: SubscriberId, source: str, now: datetime
) -> None:
    """Let a mail in somebody's name wait for their word."""
    waits = {"subscriber_id": owner, "source": source, "held_at": now, "asked_at": None}
    connection.execute(update(inbound).where(inbound.c.id == mail).values(**waits))


def of_subscriber(connection: Connection, owner: SubscriberId) -> list[HeldMail]:
    """Return the mails that wait for somebody's word, newest first.

    Where they are too many, sources take turns: nobody hides a person's mail among forgeries.
    """
    newest = inbound.c.id.desc()
    turn = func.row_number().over(partition_by=inbound.c.source, order_by=newest)
    listed = (
        select(inbound.c.id)
        .where(inbound.c.subscriber_id == owner, inbound.c.held_at.is_not(None))
        .order_by(turn, newest)
        .limit(MOST_LISTED)
    )
    query = select(inbound).where(inbound.c.id.in_(listed)).order_by(newest)
    return [
        HeldMail(
            id=InboundId(row.id),
            received_at=row.received_at,
            kind=row.kind or "",
            numbers=tuple(filter(None, row.names.split(","))),
        )
        for row in connection.execute(query)
    ]


def vouch(
    connection: Connection, owner: SubscriberId, mails: Collection[InboundId], now: datetime
) -> int:
    """Let mails that somebody says are theirs be read again, as theirs; return how many."""
    theirs = _held(owner, mails)
    again = {"outcome": None, "reason": "", "attempts": 0, "claim": None, "due_at": now}
    done = connection.execute(
        update(inbound).where(theirs).values(**again, held_at=None, vouched_at=now)
    )
    if done.rowcount:
        announce(connection, Due.MAILS)
    return done.rowcount


def disown(
    connection: Connection, owner: SubscriberId, mails: Collection[InboundId], reason: str
) -> int:
    """Let go of mails that somebody says are not theirs; return how many."""
    theirs = _held(owner, mails)
    nobodys = {"reason": reason, "held_at": None, "names": ""}
    done = connection.execute(update(inbound).where(theirs).values(**nobodys))
    return done.rowcount


def _held(owner: SubscriberId, mails: Collection[InboundId]) -> ColumnElement[bool]:
    return and_(
        inbound.c.id.in_(list(mails)),
        inbound.c.subscriber_id == owner,
        inbound.c.held_at.is_not(None),
    )


def mark_asked(connection: Connection, owner: SubscriberId, now: datetime) -> None:
    """Note that somebody was asked about all that is held in their name."""
    waits = inbound.c.held_at.is_not(None) & inbound.c.asked_at.is_(None)
    connection.execute(
        update(inbound).where(inbound.c.subscriber_id == owner, waits).values(asked_at=now)
    )


def count_asked_of_source(
    connection: Connection, source: str, since: datetime, now: datetime
) -> int:
    """Count the questions since a moment about mails of one source; none of it after `now`."""
    asked = exists().where(notice.c.inbound_id == inbound.c.id)
    query = select(func.count()).where(
        inbound.c.held_at.is_not(None),
        inbound.c.source == source,
        inbound.c.asked_at > since,
        inbound.c.asked_at <= now + SKEW,
        asked,
    )
    return connection.execute(query).scalar_one()


def waiting_by_turns(connection: Connection, limit: int) -> list[tuple[SubscriberId, InboundId]]:
    """Return people who were not asked yet, and about which mail first; sources take turns.

    One for each source before a second of any; of a source, who has waited longest.
    """
    first = (
        select(
            inbound.c.subscriber_id,
            inbound.c.source,
            func.min(inbound.c.id).label("mail"),
            func.min(inbound.c.held_at).label("since"),
        )
        .where(
            inbound.c.held_at.is_not(None),
            inbound.c.asked_at.is_(None),
            inbound.c.subscriber_id.is_not(None),
        )
        .group_by(inbound.c.subscriber_id, inbound.c.source)
        .subquery()
    )
    turn = func.row_number().over(
        partition_by=first.c.source, order_by=(first.c.since, first.c.mail)
    )
    ordered = select(first, turn.label("turn")).subquery()
    query = (
        select(ordered.c.subscriber_id, ordered.c.mail)
        .order_by(ordered.c.turn, ordered.c.since, ordered.c.mail)
        .limit(limit)
    )
    return [
        (SubscriberId(row.subscriber_id), InboundId(row.mail)) for row in connection.execute(query)
    ]
