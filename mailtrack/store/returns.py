"""Mails that came back after the relay had taken them."""

from sqlalchemy import Connection, select, update

from mailtrack.domain.model import NoticeId, RowKey, SubscriberId
from mailtrack.store.schema import notice, subscriber

#: What the error of such a notice begins with.
RETURNED = "returned"


def by_message_id(connection: Connection, message_id: str) -> NoticeId | None:
    """Return the notice that we sent with this Message-ID, if we did."""
    if not message_id:
        return None
    query = select(notice.c.id).where(notice.c.message_id == message_id).limit(1)
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else NoticeId(found)


def reader(connection: Connection, notice_id: NoticeId) -> RowKey | None:
    """Return the key of whom a notice went to; None where they were erased."""
    query = (
        select(subscriber.c.key)
        .join(notice, notice.c.subscriber_id == subscriber.c.id)
        .where(notice.c.id == notice_id)
    )
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else RowKey(found)


def addressee(connection: Connection, notice_id: NoticeId) -> SubscriberId | None:
    """Return whom a notice went to; None where they were erased."""
    query = select(notice.c.subscriber_id).where(notice.c.id == notice_id)
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else SubscriberId(found)


def mark_returned(connection: Connection, notice_id: NoticeId, status: str) -> bool:
    """Record that a mail came back; False where that was recorded before.

    One mail is reported several times: late, later, given up.
    """
    done = connection.execute(
        update(notice)
        .where(notice.c.id == notice_id, notice.c.last_error.not_like(f"{RETURNED}%"))
        .values(last_error=f"{RETURNED} {status}".rstrip())
    )
    return done.rowcount == 1


def arrived_before(connection: Connection, owner: SubscriberId, notice_id: NoticeId) -> bool:
    """Return True if of the mails to somebody the one before a notice did not come back."""
    sent_at = select(notice.c.sent_at).where(notice.c.id == notice_id).scalar_subquery()
    before = (
        select(notice.c.last_error)
        .where(notice.c.subscriber_id == owner, notice.c.sent_at < sent_at)
        .order_by(notice.c.sent_at.desc())
        .limit(1)
    )
    error = connection.execute(before).scalar_one_or_none()
    return error is not None and not error.startswith(RETURNED)
