"""How many notices there are: for measures, reports and those who watch over the outbox."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, func, or_, select

from mailtrack.domain.budget import SKEW
from mailtrack.domain.model import NoticeId, SubscriberId
from mailtrack.store import row_counts
from mailtrack.store.schema import notice

#: How many rows are looked at where the whole table would take too long.
NEWEST = 2_000

#: Built once: every batch of mails asks it (see `store.upsert`).
_SENT_SINCE = (
    select(notice.c.subscriber_id, func.count().label("mails"))
    .where(
        notice.c.subscriber_id.in_(bindparam("owners", expanding=True)),
        or_(
            and_(notice.c.sent_at >= bindparam("since"), notice.c.sent_at <= bindparam("ahead")),
            and_(
                notice.c.state == "due",
                notice.c.claim.is_not(None),
                notice.c.id < bindparam("first"),
            ),
        ),
    )
    .group_by(notice.c.subscriber_id)
)


def count_since(
    connection: Connection, owner: SubscriberId, kind: str, since: datetime, now: datetime
) -> int:
    """Count the notices of a kind that somebody was owed since a moment.

    What is dated after `now` was written by a clock that was ahead, and uses nothing up.
    """
    query = select(func.count()).where(
        notice.c.subscriber_id == owner,
        notice.c.kind == kind,
        notice.c.created_at > since,
        notice.c.created_at <= now + SKEW,
    )
    return connection.execute(query).scalar_one()


def count_lately(connection: Connection, kind: str, since: datetime, now: datetime) -> int:
    """Count the notices of a kind to anybody since a moment, among the newest `NEWEST`."""
    newest = select(notice.c.kind, notice.c.created_at).order_by(notice.c.id.desc())
    newest_rows = newest.limit(NEWEST).subquery()
    query = select(func.count()).where(
        newest_rows.c.kind == kind,
        newest_rows.c.created_at > since,
        newest_rows.c.created_at <= now + SKEW,
    )
    return connection.execute(query).scalar_one()


def sent_since(
    connection: Connection,
    owners: Collection[SubscriberId],
    since: datetime,
    first: NoticeId,
    ahead: datetime,
) -> Counter[SubscriberId]:
    """Count the mails that went to each of some people since a moment, none from after `ahead`.

    Those that somebody else is about to send count, too, where they were owed before `first`:
    of two batches to one reader that are sent at once, each would count none of the other.
    """
    asked = {"owners": list(owners), "since": since, "first": first, "ahead": ahead}
    rows = connection.execute(_SENT_SINCE, asked)
    return Counter({SubscriberId(row.subscriber_id): row.mails for row in rows})


def sent_within(connection: Connection, since: datetime, ahead: datetime) -> int:
    """Count the mails of the whole service since a moment, none from after `ahead`."""
    query = select(func.count()).where(notice.c.sent_at > since, notice.c.sent_at <= ahead)
    return connection.execute(query).scalar_one()


def under_way(connection: Connection, now: datetime) -> int:
    """Count the mails that somebody has claimed and may be sending."""
    query = select(func.count()).where(
        notice.c.state == "due", notice.c.next_attempt_at > now, notice.c.claim.is_not(None)
    )
    return connection.execute(query).scalar_one()


def by_kind(connection: Connection) -> Mapping[tuple[str, str, str], int]:
    """Count the notices by (kind, state, reason of the skip)."""
    counts = row_counts.by_labels(connection, notice)
    return {(kind, state, skip): times for (kind, state, skip), times in counts.items()}


def last_sent(connection: Connection) -> datetime | None:
    """Return when the relay last took a mail, None before the first."""
    was_sent = notice.c.sent_at.is_not(None)  # by which SQLite knows the index that has it
    last: datetime | None = connection.scalar(select(func.max(notice.c.sent_at)).where(was_sent))
    return last


def oldest_due(connection: Connection, now: datetime) -> datetime | None:
    """Return since when the notice that has waited longest is due."""
    query = select(func.min(notice.c.next_attempt_at)).where(
        notice.c.state == "due", or_(notice.c.next_attempt_at <= now, notice.c.claim.is_not(None))
    )
    oldest: datetime | None = connection.execute(query).scalar_one()
    return oldest
