"""The outbox: notices that are owed, claimed, sent or skipped."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, update

from mailtrack.domain.milestones import mailed_on_request
from mailtrack.domain.model import (
    InboundId,
    NoticeId,
    ParcelId,
    RowKey,
    SubscriberId,
    SubscriptionId,
)
from mailtrack.domain.notice_preferences import NoticePreferences
from mailtrack.domain.sending_policy import goes_first
from mailtrack.domain.tracking import Decision, Skip
from mailtrack.store import channel_notices
from mailtrack.store.announcing import Due, announce
from mailtrack.store.claims import claim_due
from mailtrack.store.engine import locked
from mailtrack.store.inbound import TRACE_LENGTH
from mailtrack.store.local_parcels import CONCERNS
from mailtrack.store.schema import inbound, notice, subscriber, subscription
from mailtrack.store.upsert import insert_all_ignoring, insert_ignoring
from mailtrack.store.wordings import fingerprint_key

#: The kind of the mail that gathers what was held back, and the reason noted with that.
DIGEST = "digest"
DIGESTED = "digested"

#: Why a notice may have been left out that `mailtrack resend` sends after all.
MAY_RETURN = frozenset({Skip.BOUNCED})

#: What the error of a notice begins with that the relay would not take, for reasons of ours.
HELD = "held back"

#: The id in the logs of the mail that a notice goes back to: which it answers, or else the first
#: about its subscription.
TRACE = func.coalesce(
    func.substr(inbound.c.content_key, 1, TRACE_LENGTH), subscription.c.trace, ""
).label("trace")

#: Statements of every mail and answer, built once (see `store.upsert`).
_NOTICES = (
    select(
        notice,
        subscriber.c.key.label("reader"),
        subscriber.c.address,
        subscriber.c.unsubscribed_at,
        subscriber.c.bounced_at,
        subscriber.c.unwanted,
        subscriber.c.also_wanted,
        subscription.c.key.label("about"),
        subscription.c.muted_at,
        inbound.c.content_key.label("answers"),
        TRACE,
        channel_notices.GOES_ELSEWHERE.label("goes_elsewhere"),
    )
    .join(subscriber, subscriber.c.id == notice.c.subscriber_id)
    .outerjoin(subscription, subscription.c.id == notice.c.subscription_id)
    .outerjoin(inbound, inbound.c.id == notice.c.inbound_id)
    .order_by(notice.c.id)
)
_CLAIMED = _NOTICES.where(
    notice.c.id.in_(bindparam("notice_ids", expanding=True)),
    notice.c.claim == bindparam("token"),
    notice.c.state == "due",
)
_NEWER = notice.alias("newer")
_OVERTAKEN = (
    select(notice.c.id)
    .join(_NEWER, _NEWER.c.subscription_id == notice.c.subscription_id)
    .where(
        notice.c.id.in_(bindparam("notice_ids", expanding=True)),
        _NEWER.c.event_at > notice.c.event_at,
        _NEWER.c.state.in_(("due", "sent")),
        _NEWER.c.kind.not_in(mailed_on_request()) | notice.c.kind.in_(mailed_on_request()),
    )
    .distinct()
)
_MARK_SENT = (
    update(notice)
    .where(notice.c.id == bindparam("notice_id"), notice.c.state == "due")
    .values(
        state="sent",
        sent_at=bindparam("now"),
        message_id=bindparam("sent_as"),
        claim=None,
        last_error="",
    )
)


_HASTEN = (
    update(notice)
    .where(
        notice.c.subscription_id.in_(
            select(subscription.c.id).where(subscription.c.parcel_id == bindparam("parcel"))
        ),
        notice.c.kind == bindparam("of_kind"),
        notice.c.state == "due",
        notice.c.claim.is_(None),
        notice.c.next_attempt_at > bindparam("now"),
    )
    .values(next_attempt_at=bindparam("now"))
)
_UNWRITTEN = (
    select(subscription.c.id)
    .join(notice, notice.c.subscription_id == subscription.c.id)
    .where(
        notice.c.kind == bindparam("kind"),
        notice.c.state == "due",
        notice.c.claim.is_(None),
        # A relay may take a mail and fail to say so.
        notice.c.attempts == 0,
        notice.c.last_error == "",
    )
)
_UNWRITTEN_OF_PARCELS = _UNWRITTEN.where(CONCERNS)
_UNWRITTEN_OF_ONE = _UNWRITTEN.where(subscription.c.id == bindparam("mine"))
#: To whom a new notice about a subscription goes.
_OWNER = (
    select(subscription.c.subscriber_id)
    .where(subscription.c.id == bindparam("about"))
    .scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class Notice:
    """One row of the outbox that is being delivered."""

    id: NoticeId
    subscriber: SubscriberId
    subscription: SubscriptionId | None
    inbound: InboundId | None
    kind: str
    occurrence: str
    event_fingerprint: int | None
    failures: int
    created_at: datetime
    #: Until when the claim on it holds.
    claimed_until: datetime
    trace: str
    #: It answers somebody who has just written.
    prompt: bool
    urgent: bool
    #: The relay refused us when it was tried last.
    held: bool
    #: The keys of the subscriber, and of the subscription where there is one.
    reader: RowKey
    about: RowKey | None
    #: The content key of the mail that it answers, "" where it answers none.
    answers: str

    @property
    def thread(self) -> str:
        """Return what the mails of one conversation share, also in a store that was restored."""
        return self.about or self.answers or f"{self.reader} {self.occurrence}"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a notice goes to, and what forbids it now."""

    address: str
    silenced: str | None


def silenced(
    muted_at: datetime | None, left_at: datetime | None, bounced_at: datetime | None
) -> Skip | None:
    """Return why somebody hears of nothing, if they do not."""
    if left_at is not None:
        return Skip.UNSUBSCRIBED
    if bounced_at is not None:
        return Skip.BOUNCED
    return Skip.MUTED if muted_at is not None else None


def preferences(row: Any) -> NoticePreferences:
    """Return which mails somebody chose, from a row that holds both of their columns."""
    return NoticePreferences(row.unwanted, row.also_wanted)


def record(connection: Connection, decisions: Iterable[Decision], now: datetime) -> int:
    """Store what was decided; tell how many mails are owed that were not before."""
    told, skipped = [], []
    for decision in decisions:
        may_be_sent = decision.skip in (None, *MAY_RETURN)
        row = {
            "about": decision.subscription,
            "subscription_id": decision.subscription,
            "kind": decision.key.milestone,
            "occurrence": decision.key.occurrence,
            "state": "skipped" if decision.skip else "due",
            "skip": decision.skip,
            "event_at": decision.event.at,
            "event_fingerprint": fingerprint_key(decision.event) if may_be_sent else None,
            "created_at": now,
            "next_attempt_at": None if decision.skip else now,
            "urgent": goes_first(decision.key.milestone),
        }
        if decision.skip is not None:
            skipped.append(row)
        elif insert_ignoring(connection, notice, row, subscriber_id=_OWNER):
            told.append((decision.subscription, *decision.key))
    insert_all_ignoring(connection, notice, skipped, subscriber_id=_OWNER)
    if told:
        channel_notices.owe(connection, told)
        announce(connection, Due.NOTICES)
    return len(told)


def owe(
    connection: Connection,
    owner: SubscriberId,
    kind: str,
    *,
    at: datetime,
    now: datetime,
    subscription_id: SubscriptionId | None = None,
    inbound_id: InboundId | None = None,
    occurrence: str = "1",
    skip: Skip | None = None,
    prompt: bool = False,
) -> bool:
    """Owe somebody a mail that no tracking event stands for, to be sent from `at` on.

    `prompt`: it answers somebody who has just written, and waits for no morning.
    """
    new = insert_ignoring(
        connection,
        notice,
        {
            "subscriber_id": owner,
            "subscription_id": subscription_id,
            "inbound_id": inbound_id,
            "kind": kind,
            "occurrence": occurrence,
            "state": "skipped" if skip else "due",
            "skip": skip,
            "created_at": now,
            "next_attempt_at": None if skip else at,
            "prompt": prompt,
            "urgent": prompt or goes_first(kind),
        },
    )
    if new and skip is None and at <= now:
        announce(connection, Due.NOTICES)
    return new


def owe_follower(
    connection: Connection,
    subscription_id: SubscriptionId,
    kind: str,
    *,
    occurrence: str,
    now: datetime,
) -> bool:
    """Owe the subscriber of a subscription a mail that no tracking event stands for.

    To who wants none of the kind it is recorded as skipped: it is old news once they do.
    """
    query = (
        select(subscriber.c.id, subscriber.c.unwanted, subscriber.c.also_wanted)
        .join(subscription, subscription.c.subscriber_id == subscriber.c.id)
        .where(subscription.c.id == subscription_id)
    )
    row = connection.execute(query).one()
    is_unwanted = preferences(row).decline(kind)
    new = owe(
        connection,
        SubscriberId(row.id),
        kind,
        at=now,
        now=now,
        subscription_id=subscription_id,
        occurrence=occurrence,
        skip=Skip.UNWANTED if is_unwanted else None,
    )
    if new and not is_unwanted:
        channel_notices.owe(connection, [(subscription_id, kind, occurrence)])
    return new


def hold_for_digest(connection: Connection, held: Notice, *, at: datetime, now: datetime) -> None:
    """Let the next digest, to be sent at `at`, tell a notice instead of a mail of its own."""
    connection.execute(locked(select(subscriber.c.id).where(subscriber.c.id == held.subscriber)))
    waiting = select(notice.c.id).where(
        notice.c.subscriber_id == held.subscriber,
        notice.c.kind == DIGEST,
        notice.c.state == "due",
        notice.c.claim.is_(None),  # one that is being written is closed
    )
    if connection.execute(waiting).first() is None:
        day = at.date().isoformat()
        owe(connection, held.subscriber, DIGEST, at=at, now=now, occurrence=day)
    digest = connection.execute(waiting).scalars().one()
    connection.execute(
        update(notice)
        .where(notice.c.id == held.id)
        .values(state="skipped", skip=DIGESTED, digest_id=digest, claim=None)
    )


def digested(connection: Connection, digest: NoticeId) -> list[Notice]:
    """Return the notices that a digest tells, oldest first."""
    query = _NOTICES.where(notice.c.digest_id == digest)
    return [_notice(row) for row in connection.execute(query)]


def hasten(connection: Connection, parcel_id: ParcelId, kind: str, now: datetime) -> None:
    """Send the waiting notices of a kind about a parcel now: what they waited for is known."""
    waiting = connection.execute(_HASTEN, {"parcel": parcel_id, "of_kind": kind, "now": now})
    if waiting.rowcount:
        announce(connection, Due.NOTICES)


def unwritten(
    connection: Connection, those: Collection[ParcelId], kind: str
) -> set[SubscriptionId]:
    """Return who hears of parcels and whose mail of a kind nobody can have read yet."""
    found = connection.scalars(_UNWRITTEN_OF_PARCELS, {"parcels": list(those), "kind": kind})
    return set(map(SubscriptionId, found))


def is_unwritten(connection: Connection, mine: SubscriptionId, kind: str) -> bool:
    """Return True if a mail of a kind is owed that nobody can have read yet."""
    return connection.execute(_UNWRITTEN_OF_ONE, {"mine": mine, "kind": kind}).first() is not None


def claim_notices(
    connection: Connection,
    *,
    token: str,
    now: datetime,
    until: datetime,
    limit: int,
    urgent: bool | None = None,
    but: str | None = None,
) -> list[NoticeId]:
    """Claim notices that are due, longest due first.

    `urgent`: only those that go before the others, or only the others; `but`: not this kind.
    """
    where = [notice.c.state == "due"]
    if urgent is not None:
        where.append(notice.c.urgent if urgent else ~notice.c.urgent)
    if but is not None:
        where.append(notice.c.kind != but)
    rows = claim_due(
        connection,
        notice,
        notice.c.next_attempt_at,
        token=token,
        now=now,
        until=until,
        limit=limit,
        where=where,
    )
    return sorted(NoticeId(row.id) for row in rows)


def give_back(
    connection: Connection, notice_ids: Collection[NoticeId], token: str, now: datetime
) -> None:
    """Put claimed notices back as they were: nothing was tried, they are due now."""
    connection.execute(
        update(notice)
        .where(notice.c.id.in_(list(notice_ids)), notice.c.claim == token, notice.c.state == "due")
        .values(next_attempt_at=now, claim=None)
    )


def hold_back(connection: Connection, notice_id: NoticeId, said: str, at: datetime) -> None:
    """Put a notice back that the relay did not take for reasons of ours; nothing is counted."""
    connection.execute(
        update(notice)
        .where(notice.c.id == notice_id, notice.c.state == "due")
        .values(next_attempt_at=at, last_error=f"{HELD}: {said}", claim=None)
    )


def hasten_held(connection: Connection, now: datetime) -> None:
    """Let the notices that were held back be due now, after the others."""
    connection.execute(
        update(notice)
        .where(
            notice.c.state == "due",
            notice.c.claim.is_(None),
            notice.c.next_attempt_at > now,
            notice.c.attempts == 0,
            notice.c.last_error.like(f"{HELD}%"),
        )
        .values(next_attempt_at=now)
    )


def claimed(
    connection: Connection, notice_ids: Collection[NoticeId], token: str
) -> list[tuple[Notice, Recipient]]:
    """Return the notices to deliver, and to whom; those whose claim has passed on are left out."""
    rows = connection.execute(_CLAIMED, {"notice_ids": list(notice_ids), "token": token})
    found = []
    for row in rows:
        reader = _recipient(row)
        if row.goes_elsewhere and reader.silenced is None:
            reader = Recipient(row.address, Skip.ELSEWHERE)
        found.append((_notice(row), reader))
    return found


def of_channels(
    connection: Connection, notice_ids: Collection[NoticeId]
) -> dict[NoticeId, tuple[Notice, Recipient]]:
    """Return notices that go by channels, and whom they are for, by their ids."""
    rows = connection.execute(_NOTICES.where(notice.c.id.in_(list(notice_ids))))
    return {NoticeId(row.id): (_notice(row), _recipient(row)) for row in rows}


def renew(connection: Connection, notice_id: NoticeId, token: str, until: datetime) -> bool:
    """Let a claim hold for longer; False where it has passed on."""
    done = connection.execute(
        update(notice)
        .where(notice.c.id == notice_id, notice.c.claim == token, notice.c.state == "due")
        .values(next_attempt_at=until)
    )
    return done.rowcount == 1


def _recipient(row: Row[Any]) -> Recipient:
    unwanted = Skip.UNWANTED if preferences(row).decline(row.kind) else None
    why = silenced(row.muted_at, row.unsubscribed_at, row.bounced_at) or unwanted
    return Recipient(row.address, why)


def _notice(row: Row[Any]) -> Notice:
    return Notice(
        id=NoticeId(row.id),
        subscriber=SubscriberId(row.subscriber_id),
        subscription=row.subscription_id,
        inbound=row.inbound_id,
        kind=row.kind,
        occurrence=row.occurrence,
        event_fingerprint=row.event_fingerprint,
        failures=row.attempts,
        created_at=row.created_at,
        claimed_until=row.next_attempt_at,
        trace=row.trace,
        prompt=row.prompt,
        reader=RowKey(row.reader),
        about=row.about,
        answers=row.answers or "",
        urgent=row.urgent,
        held=row.last_error.startswith(HELD),
    )


def overtaken(connection: Connection, notice_ids: Collection[NoticeId]) -> set[NoticeId]:
    """Return the notices whose readers are owed, or were sent, mails about what happened later.

    What was asked for besides overtakes nothing that comes by itself.
    """
    return {
        NoticeId(row.id) for row in connection.execute(_OVERTAKEN, {"notice_ids": list(notice_ids)})
    }


def mark_sent(
    connection: Connection, notice_id: NoticeId, message_id: str | None, now: datetime
) -> bool:
    """Record that the relay took the mail; False where that was recorded before.

    `message_id`: what a report may name it by, None where a return address of its own does.
    """
    said = {"notice_id": notice_id, "now": now, "sent_as": message_id}
    return connection.execute(_MARK_SENT, said).rowcount == 1


def mark_skipped(connection: Connection, notice_id: NoticeId, why: str) -> None:
    """Record that a notice is not mailed after all."""
    connection.execute(
        update(notice)
        .where(notice.c.id == notice_id, notice.c.state == "due")
        .values(state="skipped", skip=why, claim=None)
    )


def mark_failed(connection: Connection, notice_id: NoticeId, error: str) -> None:
    """Record that a notice can never be delivered."""
    connection.execute(
        update(notice)
        .where(notice.c.id == notice_id, notice.c.state == "due")
        .values(state="failed", last_error=error, claim=None)
    )


def put_off(connection: Connection, notice_id: NoticeId, at: datetime) -> None:
    """Put a notice back: it was not its time yet."""
    connection.execute(
        update(notice)
        .where(notice.c.id == notice_id, notice.c.state == "due")
        .values(next_attempt_at=at, claim=None)
    )


def try_later(connection: Connection, notice_id: NoticeId, error: str, at: datetime) -> None:
    """Put a notice back after a failure, which is counted, to be tried again at `at`."""
    connection.execute(
        update(notice)
        .where(notice.c.id == notice_id, notice.c.state == "due")
        .values(next_attempt_at=at, last_error=error, attempts=notice.c.attempts + 1, claim=None)
    )
