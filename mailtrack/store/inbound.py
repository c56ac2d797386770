"""Inbound mails: kept raw with the mailbox position, read later, never without an outcome."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from mailtrack.domain.model import InboundId, Outcome, SubscriberId
from mailtrack.store.claims import claim_due
from mailtrack.store.schema import inbound, mailbox
from mailtrack.store.upsert import insert_ignoring, upsert

#: Readings that fail this often end in quarantine: a poison mail never blocks the others.
MOST_ATTEMPTS = 3
#: Characters of a mail's key that name it in the logs.
TRACE_LENGTH = 12


@dataclass(frozen=True, slots=True)
class MailPlace:
    """Where the server keeps a mail: a UID means nothing without its UIDVALIDITY."""

    account: str
    folder: str
    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True)
class StoredMail:
    """A raw mail to be read; `received_at` is by the server's clock, `stored_at` by ours."""

    id: InboundId
    raw: bytes
    received_at: datetime
    stored_at: datetime
    attempts: int
    #: Its id in the logs, also of all that follows from it.
    trace: str = ""


@dataclass(frozen=True, slots=True)
class MailResult:
    """How the reading of a mail ended, for the record."""

    outcome: Outcome
    reason: str = ""
    subscriber: SubscriberId | None = None
    subject: str = ""
    message_id: str = ""
    shop: str | None = None
    kind: str | None = None


def content_key(raw: bytes) -> str:
    """Return what tells a mail from all others, wherever it comes from."""
    return hashlib.sha256(raw).hexdigest()


def trace_of(raw: bytes) -> str:
    """Return the id that a mail has in the logs."""
    return content_key(raw)[:TRACE_LENGTH]


def position(connection: Connection, account: str, folder: str) -> tuple[int, int] | None:
    """Return (UIDVALIDITY, last UID) of a folder, or None where it never was read."""
    query = select(mailbox.c.uidvalidity, mailbox.c.last_uid).where(
        mailbox.c.account == account, mailbox.c.folder == folder
    )
    row = connection.execute(query).one_or_none()
    return (row.uidvalidity, row.last_uid) if row and row.uidvalidity else None


def advance(connection: Connection, place: MailPlace, now: datetime) -> None:
    """Record how far a folder was read; UID 0 starts it anew (RFC 9051, 2.3.1.1)."""
    key = {"account": place.account, "folder": place.folder}
    changes = {"uidvalidity": place.uidvalidity, "last_uid": place.uid, "last_ok_at": now}
    upsert(connection, mailbox, key, changes)


def keep(
    connection: Connection, place: MailPlace, raw: bytes, received_at: datetime, now: datetime
) -> bool:
    """Store a raw mail; False where the same content was stored before."""
    return insert_ignoring(
        connection,
        inbound,
        {
            **asdict(place),
            "content_key": content_key(raw),
            "raw": raw,
            "received_at": received_at,
            "stored_at": now,
            "due_at": now,
        },
    )


def keep_unfetchable(connection: Connection, place: MailPlace, reason: str, now: datetime) -> None:
    """Record a mail that the server would not give: quarantined at once, with the reason."""
    insert_ignoring(
        connection,
        inbound,
        {
            **asdict(place),
            "content_key": content_key(repr(place).encode()),
            "received_at": now,
            "stored_at": now,
            "due_at": now,
            "outcome": Outcome.QUARANTINED,
            "reason": reason,
            "read_at": now,
        },
    )


def note_state(
    connection: Connection,
    account: str,
    folder: str,
    state: str,
    detail: str,
    now: datetime,
    *,
    in_step: bool = False,
) -> None:
    """Leave word of what the watcher is doing, for `mailtrack status`.

    `in_step`: the folder has just been searched, and holds nothing that is not kept.
    """
    key = {"account": account, "folder": folder}
    changes: dict[str, object] = {"state": state, "detail": detail, "state_at": now}
    upsert(connection, mailbox, key, changes | ({"last_ok_at": now} if in_step else {}))


def claim_unread(
    connection: Connection, *, token: str, now: datetime, until: datetime, limit: int
) -> list[InboundId]:
    """Claim mails that wait to be read, oldest first."""
    rows = claim_due(
        connection,
        inbound,
        inbound.c.due_at,
        token=token,
        now=now,
        until=until,
        limit=limit,
        where=[inbound.c.outcome.is_(None)],
    )
    return [InboundId(row.id) for row in rows]


def take_claimed(connection: Connection, mail: InboundId, token: str) -> StoredMail | None:
    """Return a claimed mail and count the attempt; None where the claim has passed on."""
    row = connection.execute(
        update(inbound)
        .where(inbound.c.id == mail, inbound.c.claim == token, inbound.c.outcome.is_(None))
        .values(attempts=inbound.c.attempts + 1)
        .returning(
            inbound.c.id,
            inbound.c.raw,
            inbound.c.received_at,
            inbound.c.stored_at,
            inbound.c.attempts,
            inbound.c.content_key,
        )
    ).one_or_none()
    if row is None:
        return None
    return StoredMail(
        id=InboundId(row.id),
        raw=row.raw,
        received_at=row.received_at,
        stored_at=row.stored_at,
        attempts=row.attempts,
        trace=row.content_key[:TRACE_LENGTH],
    )


def finish(connection: Connection, mail: InboundId, result: MailResult, now: datetime) -> bool:
    """Give a mail its outcome; False where it has one already."""
    done = connection.execute(
        update(inbound)
        .where(inbound.c.id == mail, inbound.c.outcome.is_(None))
        .values(
            outcome=result.outcome,
            reason=result.reason,
            read_at=now,
            claim=None,
            subscriber_id=result.subscriber,
            subject=result.subject,
            message_id=result.message_id,
            shop=result.shop,
            kind=result.kind,
        )
    )
    return done.rowcount == 1


def read_again(connection: Connection, mail: InboundId, at: datetime) -> None:
    """Put a mail that could not be read back, due at `at`."""
    connection.execute(
        update(inbound)
        .where(inbound.c.id == mail, inbound.c.outcome.is_(None))
        .values(claim=None, due_at=at)
    )


def reread(connection: Connection, now: datetime, mails: Sequence[InboundId] = ()) -> int:
    """Let mails be read again (all that are still kept, or the named ones)."""
    chosen = [inbound.c.raw.is_not(None), inbound.c.outcome.is_not(None)]
    if mails:
        chosen.append(inbound.c.id.in_(mails))
    done = connection.execute(
        update(inbound)
        .where(*chosen)
        .values(outcome=None, reason="", attempts=0, claim=None, due_at=now)
    )
    return done.rowcount


def refused(connection: Connection, owner: SubscriberId, reason: str) -> list[InboundId]:
    """Return the mails still kept that were refused somebody for a reason."""
    held = select(inbound.c.id).where(
        inbound.c.subscriber_id == owner,
        inbound.c.outcome == Outcome.REFUSED,
        inbound.c.reason == reason,
        inbound.c.raw.is_not(None),
    )
    return [InboundId(number) for number in connection.scalars(held)]


def reread_refused(connection: Connection, owner: SubscriberId, reason: str, now: datetime) -> int:
    """Let the mails that were refused somebody for a reason be read again."""
    mails = refused(connection, owner, reason)
    return reread(connection, now, mails) if mails else 0


def by_outcome(connection: Connection) -> Mapping[str, int]:
    """Count the mails by outcome; those that wait to be read under "waiting"."""
    query = select(inbound.c.outcome, func.count()).group_by(inbound.c.outcome)
    return {outcome or "waiting": times for outcome, times in connection.execute(query)}


def count_waiting(connection: Connection, most: int) -> int:
    """Count the mails that wait to be read, up to `most`."""
    waiting = select(inbound.c.id).where(inbound.c.outcome.is_(None)).limit(most).subquery()
    return connection.execute(select(func.count()).select_from(waiting)).scalar_one()


def oldest_waiting(connection: Connection) -> datetime | None:
    """Return when the mail that has waited longest was stored."""
    query = select(func.min(inbound.c.stored_at)).where(inbound.c.outcome.is_(None))
    oldest: datetime | None = connection.execute(query).scalar_one()
    return oldest


def forget_raw(connection: Connection, before: datetime) -> int:
    """Erase the bytes and the subjects of mails that were read before a date."""
    done = connection.execute(
        update(inbound)
        .where(
            inbound.c.read_at < before,
            inbound.c.stored_at < before,  # the clock may have been behind when it was read
            inbound.c.raw.is_not(None),
        )
        .values(raw=None, subject="", message_id="")
    )
    return done.rowcount
