"""The outbox of the channels: notices that go elsewhere, owed, claimed, sent or skipped.

A row names a notice and a channel, and there is one for each pair: the notice itself is unique
by what it tells, so nothing is owed twice on one channel.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    Connection,
    bindparam,
    exists,
    func,
    insert,
    literal,
    null,
    select,
    update,
)

from mailtrack.domain.channels import CHANNEL_NEWS, ChannelKind, ChannelMode
from mailtrack.domain.model import (
    ChannelId,
    ChannelNoticeId,
    NoticeId,
    SubscriberId,
    SubscriptionId,
)
from mailtrack.domain.tracking import Skip
from mailtrack.store import people, row_counts
from mailtrack.store.announcing import Due, announce
from mailtrack.store.channels import lock_owner
from mailtrack.store.claims import claim_due
from mailtrack.store.schema import channel, channel_notice, notice

#: Why a message is not sent whose channel was ended meanwhile.
ENDED = "channel_ended"

_COLUMNS = (
    *("channel_id", "notice_id", "kind", "state"),
    *("next_attempt_at", "attempts", "last_error"),
)
#: Every channel in use is owed what is owed by mail. Built once (see `store.upsert`).
_OWE = insert(channel_notice).from_select(
    _COLUMNS,
    select(
        channel.c.id,
        notice.c.id,
        channel.c.kind,
        literal("due"),
        notice.c.next_attempt_at,
        literal(0),
        literal(""),
    )
    .join(channel, channel.c.subscriber_id == notice.c.subscriber_id)
    .where(
        notice.c.subscription_id == bindparam("about"),
        notice.c.kind == bindparam("kind"),
        notice.c.occurrence == bindparam("occurrence"),
        notice.c.state == "due",
        channel.c.proven_at.is_not(None),
        channel.c.ended_at.is_(None),
    ),
    include_defaults=False,
)
#: Whether a notice goes by a channel in the place of mail.
GOES_ELSEWHERE = exists().where(
    channel_notice.c.notice_id == notice.c.id,
    channel_notice.c.state.in_(("due", "sent")),
    channel.c.id == channel_notice.c.channel_id,
    channel.c.mode == ChannelMode.INSTEAD,
    channel.c.ended_at.is_(None),
)
_THE_OTHER = channel_notice.alias("newer_message")
_NEWER = notice.alias("newer_notice")


@dataclass(frozen=True, slots=True)
class ChannelNotice:
    """One message that is being sent; `notice` is None for the one that asks for the click."""

    id: ChannelNoticeId
    channel: ChannelId
    notice: NoticeId | None
    attempts: int


def owe(connection: Connection, owed: Iterable[tuple[SubscriptionId, str, str]]) -> None:
    """Owe every channel in use of subscribers the notices that were just owed to them by mail.

    `owed`: the subscription, the kind and the occurrence of each.
    """
    names = ("about", "kind", "occurrence")
    told = [dict(zip(names, one, strict=True)) for one in owed if one[1] in CHANNEL_NEWS]
    if told and connection.execute(_OWE, told).rowcount:
        announce(connection, Due.CHANNEL_NOTICES)


def owe_proof(connection: Connection, number: ChannelId, kind: ChannelKind, now: datetime) -> None:
    """Owe a new channel the one message that asks for the click."""
    connection.execute(
        insert(channel_notice).values(
            channel_id=number, kind=kind, state="due", next_attempt_at=now
        )
    )
    announce(connection, Due.CHANNEL_NOTICES)


def claim(
    connection: Connection, *, token: str, now: datetime, until: datetime, limit: int, each: int
) -> list[list[ChannelNoticeId]]:
    """Claim messages that are due, longest due first, up to `each` of one channel; by channel.

    A channel with claimed messages has none claimed besides: its failures and the limit of its
    day count for the next ones.
    """
    busy = _THE_OTHER.c
    is_busy = exists().where(
        busy.channel_id == channel_notice.c.channel_id,
        busy.state == "due",
        busy.claim.is_not(None),
        busy.next_attempt_at > now,
    )
    rows = claim_due(
        connection,
        channel_notice,
        channel_notice.c.next_attempt_at,
        token=token,
        now=now,
        until=until,
        limit=limit,
        where=[channel_notice.c.state == "due", ~is_busy],
        returning=[channel_notice.c.channel_id],
    )
    by_channel: dict[int, list[ChannelNoticeId]] = defaultdict(list)
    for row in sorted(rows, key=attrgetter("id")):
        by_channel[row.channel_id].append(ChannelNoticeId(row.id))
    too_many = [one for mine in by_channel.values() for one in mine[each:]]
    given_back = update(channel_notice).where(channel_notice.c.id.in_(too_many))
    connection.execute(given_back.values(next_attempt_at=now, claim=None))
    return [mine[:each] for mine in by_channel.values()]


def claimed(
    connection: Connection, numbers: Collection[ChannelNoticeId], token: str
) -> list[ChannelNotice]:
    """Return the messages to send that a claim still holds; what failed before comes last."""
    query = (
        select(channel_notice)
        .where(
            channel_notice.c.id.in_(list(numbers)),
            channel_notice.c.claim == token,
            channel_notice.c.state == "due",
        )
        .order_by(channel_notice.c.attempts, channel_notice.c.id)
    )
    return [
        ChannelNotice(
            ChannelNoticeId(row.id), ChannelId(row.channel_id), row.notice_id, row.attempts
        )
        for row in connection.execute(query)
    ]


def renew(connection: Connection, number: ChannelNoticeId, token: str, until: datetime) -> bool:
    """Let a claim hold for longer; False where it has passed on."""
    mine = update(channel_notice).where(
        channel_notice.c.id == number,
        channel_notice.c.claim == token,
        channel_notice.c.state == "due",
    )
    return connection.execute(mine.values(next_attempt_at=until)).rowcount == 1


def overtaken(connection: Connection, numbers: Collection[ChannelNoticeId]) -> set[ChannelNoticeId]:
    """Return the messages that a later piece of news on the same channel made old."""
    query = (
        select(channel_notice.c.id)
        .join(notice, notice.c.id == channel_notice.c.notice_id)
        .join(_NEWER, _NEWER.c.subscription_id == notice.c.subscription_id)
        .join(
            _THE_OTHER,
            (_THE_OTHER.c.notice_id == _NEWER.c.id)
            & (_THE_OTHER.c.channel_id == channel_notice.c.channel_id),
        )
        .where(
            channel_notice.c.id.in_(list(numbers)),
            _NEWER.c.event_at > notice.c.event_at,
            _THE_OTHER.c.state.in_(("due", "sent")),
        )
        .distinct()
    )
    return {ChannelNoticeId(row_id) for row_id in connection.scalars(query)}


def sent_since(
    connection: Connection, numbers: Collection[ChannelId], since: datetime
) -> dict[ChannelId, int]:
    """Count the messages that went to each of some channels since a moment."""
    query = (
        select(channel_notice.c.channel_id, func.count())
        .where(
            channel_notice.c.channel_id.in_(list(numbers)),
            channel_notice.c.notice_id.is_not(None),
            channel_notice.c.sent_at >= since,
        )
        .group_by(channel_notice.c.channel_id)
    )
    return {ChannelId(number): sent for number, sent in connection.execute(query)}


def mark_sent(connection: Connection, number: ChannelNoticeId, now: datetime) -> None:
    """Record that a channel took a message."""
    _change(connection, number, state="sent", sent_at=now, claim=None, last_error="")


def mark_skipped(connection: Connection, number: ChannelNoticeId, why: str) -> None:
    """Record that a message is not sent after all."""
    _change(connection, number, state="skipped", skip=why, claim=None)


def put_off(connection: Connection, number: ChannelNoticeId, at: datetime) -> None:
    """Put a message back: it was not its time yet."""
    _change(connection, number, next_attempt_at=at, claim=None)


def try_later(connection: Connection, number: ChannelNoticeId, error: str, at: datetime) -> None:
    """Put a message back after a failure, which is counted; its channel rests until then, too."""
    _change(
        connection,
        number,
        next_attempt_at=at,
        claim=None,
        last_error=error,
        attempts=channel_notice.c.attempts + 1,
    )
    own = select(channel_notice.c.channel_id).where(channel_notice.c.id == number)
    connection.execute(
        update(channel_notice)
        .where(
            channel_notice.c.channel_id == own.scalar_subquery(),
            channel_notice.c.state == "due",
            channel_notice.c.next_attempt_at < at,
        )
        .values(next_attempt_at=at, claim=None)
    )


def give_up(connection: Connection, message: ChannelNotice, error: str, now: datetime) -> None:
    """Record that a message can never be sent; what went in the place of mail goes by mail."""
    lock_owner(connection, message.channel)
    _change(connection, message.id, state="failed", last_error=error, claim=None)
    if message.notice is not None:
        _mail_again(connection, [message.notice], now)


def let_go(connection: Connection, number: ChannelId, now: datetime) -> None:
    """Skip what is still owed on a channel; what it took the place of mail for goes by mail.

    Its person is locked: no mail is left to the channel meanwhile.
    """
    waiting = (
        update(channel_notice)
        .where(channel_notice.c.channel_id == number, channel_notice.c.state == "due")
        .values(state="skipped", skip=ENDED, claim=None)
        .returning(channel_notice.c.notice_id)
    )
    left = [NoticeId(one) for one in connection.scalars(waiting).all() if one is not None]
    _mail_again(connection, left, now)


def leave_to_channel(connection: Connection, owner: SubscriberId, number: NoticeId) -> bool:
    """Record that a channel sends a notice in the place of mail; False where none does any more."""
    people.lock(connection, owner)
    left = (
        update(notice)
        .where(notice.c.id == number, notice.c.state == "due", GOES_ELSEWHERE)
        .values(state="skipped", skip=Skip.ELSEWHERE, claim=None)
    )
    return connection.execute(left).rowcount == 1


def by_state(connection: Connection) -> dict[tuple[str, str, str], int]:
    """Return how many messages there are, by (kind of channel, state, reason of the skip)."""
    counts = row_counts.by_labels(connection, channel_notice).items()
    return {(kind, state, skip): number for (kind, state, skip), number in counts}


def _mail_again(connection: Connection, numbers: Collection[NoticeId], now: datetime) -> None:
    """Let mails be due that were left to a channel, where no other takes their place."""
    again = (
        update(notice)
        .where(
            notice.c.id.in_(list(numbers)),
            notice.c.skip == Skip.ELSEWHERE,
            ~GOES_ELSEWHERE,
        )
        .values(state="due", skip=null(), next_attempt_at=now)
    )
    if connection.execute(again).rowcount:
        announce(connection, Due.NOTICES)


def _change(connection: Connection, number: ChannelNoticeId, **values: Any) -> None:
    waiting = update(channel_notice).where(
        channel_notice.c.id == number, channel_notice.c.state == "due"
    )
    connection.execute(waiting.values(**values))
