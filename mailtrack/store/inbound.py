"""Inbound mails: kept raw with the mailbox position, read later, never without an outcome."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, func, select, update

from mailtrack.domain.model import InboundId, MailRead, Outcome, SubscriberId
from mailtrack.store import row_counts
from mailtrack.store.announcing import Due, announce
from mailtrack.store.claims import claim_due
from mailtrack.store.schema import inbound, mailbox
from mailtrack.store.upsert import insert_ignoring, upsert

#: Readings that fail this often end in quarantine: a poison mail never blocks the others.
MOST_ATTEMPTS = 3
#: Characters of a mail's key that name it in the logs.
TRACE_LENGTH = 12


#: Statements of every mail, built once (see `store.upsert`).
_CLAIMED = select(
    inbound.c.id,
    inbound.c.raw,
    inbound.c.received_at,
    inbound.c.stored_at,
    inbound.c.attempts,
    inbound.c.content_key,
    inbound.c.subscriber_id,
    inbound.c.vouched_at,
).where(
    inbound.c.id == bindparam("mail"),
    inbound.c.claim == bindparam("token"),
    inbound.c.outcome.is_(None),
)
_RESULT = (
    "outcome",
    "reason",
    "read_at",
    "subscriber_id",
    "subject",
    "message_id",
    "shop",
    "kind",
    "names",
    "mails_read",
)
_FINISH = (
    update(inbound)
    .where(inbound.c.id == bindparam("mail"), inbound.c.outcome.is_(None))
    .values(claim=None, **{name: bindparam(f"new_{name}") for name in _RESULT})
)


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
    #: Readings that failed before.
    attempts: int
    #: Its id in the logs, also of all that follows from it.
    trace: str = ""
    #: Who said by a click that it is theirs.
    vouched_by: SubscriberId | None = None


@dataclass(frozen=True, slots=True)
class MailResult:
    """How the reading of a mail ended, for the record; `mails` is what its answer tells of each."""

    outcome: Outcome
    reason: str = ""
    subscriber: SubscriberId | None = None
    subject: str = ""
    message_id: str = ""
    shop: str | None = None
    kind: str | None = None
    names: tuple[str, ...] = ()
    mails: tuple[MailRead, ...] = ()


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
    """Store a raw mail, to be read at once; False where the same content was stored before."""
    new = insert_ignoring(
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
    if new:
        announce(connection, Due.MAILS)
    return new


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


def claimed(connection: Connection, mail: InboundId, token: str) -> StoredMail | None:
    """Return a claimed mail; None where the claim has passed on."""
    row = connection.execute(_CLAIMED, {"mail": mail, "token": token}).one_or_none()
    if row is None:
        return None
    return StoredMail(
        id=InboundId(row.id),
        raw=row.raw,
        received_at=row.received_at,
        stored_at=row.stored_at,
        attempts=row.attempts,
        trace=row.content_key[:TRACE_LENGTH],
        vouched_by=row.subscriber_id if row.vouched_at else None,
    )


def finish(connection: Connection, mail: InboundId, result: MailResult, now: datetime) -> bool:
    """Give a mail its outcome; False where it has one already."""
    told = {
        "outcome": result.outcome,
        "reason": result.reason,
        "read_at": now,
        "subscriber_id": result.subscriber,
        "subject": result.subject,
        "message_id": result.message_id,
        "shop": result.shop,
        "kind": result.kind,
        "names": ",".join(result.names),
        "mails_read": [asdict(mail) for mail in result.mails] or None,
    }
    new = {f"new_{name}": value for name, value in told.items()}
    return connection.execute(_FINISH, {"mail": mail, **new}).rowcount == 1


def mails_read(connection: Connection, mail: InboundId) -> tuple[MailRead, ...]:
    """Return what was read of each mail that a forward holds; nothing where it was forgotten."""
    query = select(inbound.c.mails_read).where(inbound.c.id == mail)
    kept = connection.execute(query).scalar_one_or_none() or ()
    return tuple(
        MailRead(
            subject=told["subject"],
            sender=told["sender"],
            outcome=Outcome(told["outcome"]),
            kind=told["kind"],
            numbers=tuple(told["numbers"]),
            doubtful=tuple(told["doubtful"]),
            orders=tuple(told["orders"]),
        )
        for told in kept
    )


def note_failure(connection: Connection, mail: InboundId, retry_at: datetime) -> int:
    """Count a reading that failed and let the mail be due again; return how many failed."""
    counted = connection.execute(
        update(inbound)
        .where(inbound.c.id == mail)
        .values(claim=None, due_at=retry_at, attempts=inbound.c.attempts + 1)
        .returning(inbound.c.attempts)
    )
    return int(counted.scalar_one())


def reread(connection: Connection, now: datetime, mails: Sequence[InboundId] = ()) -> int:
    """Let mails be read again (all that are still kept, or the named ones)."""
    chosen = [inbound.c.raw.is_not(None), inbound.c.outcome.is_not(None)]
    if mails:
        chosen.append(inbound.c.id.in_(mails))
    done = connection.execute(
        update(inbound)
        .where(*chosen)
        .values(outcome=None, reason="", attempts=0, claim=None, due_at=now, held_at=None)
    )
    if done.rowcount:
        announce(connection, Due.MAILS)
    return done.rowcount


def by_outcome(connection: Connection) -> Mapping[str, int]:
    """Count the mails by outcome; those that wait to be read under "waiting"."""
    counts = row_counts.by_labels(connection, inbound)
    return {outcome or "waiting": times for (outcome,), times in counts.items()}


def count_waiting(connection: Connection, most: int) -> int:
    """Count the mails that wait to be read, up to `most`."""
    waiting = select(inbound.c.id).where(inbound.c.outcome.is_(None)).limit(most).subquery()
    return connection.execute(select(func.count()).select_from(waiting)).scalar_one()


def oldest_waiting(connection: Connection) -> datetime | None:
    """Return since when the mail that has waited longest waits.

    One that is to be read again waits since that is due.
    """
    since = case((inbound.c.read_at.is_(None), inbound.c.stored_at), else_=inbound.c.due_at)
    query = select(func.min(since)).where(inbound.c.outcome.is_(None))
    oldest: datetime | None = connection.execute(query).scalar_one()
    return oldest


def count_unending(connection: Connection, before: datetime) -> int:
    """Count the mails stored before a moment that somebody is still reading, as never before.

    Later ones were read meanwhile: their reading hangs, or ends their workers.
    """
    newest_read = (
        select(inbound.c.stored_at)
        .where(inbound.c.read_at.is_not(None))
        .order_by(inbound.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(func.count())
        .select_from(inbound)
        .where(
            inbound.c.outcome.is_(None),
            inbound.c.read_at.is_(None),
            inbound.c.claim.is_not(None),
            inbound.c.stored_at < before,
            newest_read >= before,
        )
    )
    return connection.execute(query).scalar_one()
