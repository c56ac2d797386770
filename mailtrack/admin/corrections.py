"""Taking back what an operator's mistake did: notices that failed, people who count as dead.

What people are told again is only what is still true: news that later ones have overtaken, or
a delivery of another day, stay as they are.
"""

from collections.abc import Mapping, Sized
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, or_, select, update

from mailtrack.admin.filters import Filter
from mailtrack.admin.people import IS_MARKED
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import NoticeId, ParcelId, SubscriberId
from mailtrack.domain.sending_policy import PARIS
from mailtrack.notify.view import NoticeKind
from mailtrack.store import notices, parcels, people
from mailtrack.store.outcomes import NOBODY_FOLLOWS
from mailtrack.store.returns import RETURNED
from mailtrack.store.schema import notice, parcel, subscriber, subscription

#: For how long a notice is true, unless what happened since says otherwise.
_LONGEST = timedelta(days=14)
_TRUE_FOR: Mapping[str, timedelta] = {
    NoticeKind.DIGEST: timedelta(days=3),
    NoticeKind.PROTECTION_ENDING: timedelta(days=5),
}
#: For how long somebody who has written waits for an answer.
_ANSWERS_FOR = timedelta(days=2)
#: What is told while nothing happens.
_OF_SILENCE = frozenset({NoticeKind.STALLED, NoticeKind.NOT_FOUND, NoticeKind.EXPIRED})

#: Numbers that one statement takes.
_AT_ONCE = 1_000

# --- notices ------------------------------------------------------------------------


def retry(connection: Connection, wanted: Filter, now: datetime) -> str:
    """Let notices that failed be sent again, where they are still true; say how many.

    Those that came back are among them, and those that were left out while their reader
    counted as dead. Nothing is sent twice: what is due or was delivered stays as it is.

    1. Find what never reached its reader.
    2. Leave what goes to an address that is dead still.
    3. Leave what is no news any more: later news has overtaken it, or time has.
    4. Make the rest due now, and say how many were left and why.
    """
    failed = list(connection.execute(_failures(wanted)))
    found = [NoticeId(number) for number in sorted(row.id for row in failed)]
    overtaken = {
        number
        for start in range(0, len(found), _AT_ONCE)
        for number in notices.overtaken(connection, found[start : start + _AT_ONCE])
    }
    dead = {row.id for row in failed if row.bounced_at is not None}
    over = {row.id for row in failed if row.id in overtaken or _is_over(row, now)} - dead
    again = {row.id for row in failed} - dead - over
    connection.execute(
        update(notice)
        .where(notice.c.id.in_(again))
        .values(state="due", skip=None, attempts=0, last_error="", claim=None, next_attempt_at=now)
    )
    left = {
        "tell what is over": len(over),
        "go to addresses marked dead (see `mailtrack people`)": len(dead),
        "did not fail, or are no more": len(set(wanted.ids) - {row.id for row in failed}),
    }
    return _sentence(f"{_count(again, 'notice is', 'notices are')} due again", left)


def _failures(wanted: Filter) -> Select[Any]:
    """Select what never reached its reader, with what tells whether it is still true."""
    came_back = and_(notice.c.state == "sent", notice.c.last_error.like(f"{RETURNED} 5%"))
    left_out = and_(
        notice.c.state == "skipped",
        notice.c.skip.in_(notices.MAY_RETURN),
        subscriber.c.bounced_at.is_(None),
    )
    return (
        select(
            notice.c.id,
            notice.c.kind,
            notice.c.prompt,
            notice.c.created_at,
            notice.c.event_at,
            subscriber.c.bounced_at,
            parcel.c.milestone,
            parcel.c.milestone_at,
            parcel.c.last_event_at,
        )
        .join(subscriber, subscriber.c.id == notice.c.subscriber_id)
        .outerjoin(subscription, subscription.c.id == notice.c.subscription_id)
        .outerjoin(parcel, parcel.c.id == subscription.c.parcel_id)
        .where(
            or_(notice.c.state == "failed", came_back, left_out),
            *wanted.of(notice.c.id, notice.c.created_at),
        )
        .order_by(notice.c.id)
        .with_for_update(of=notice)
    )


def _is_over(row: Row[Any], now: datetime) -> bool:
    """Return True if a notice is old news: by its age, its day, or what its parcel did since."""
    if now - row.created_at > _TRUE_FOR.get(row.kind, _ANSWERS_FOR if row.prompt else _LONGEST):
        return True
    if row.kind == Milestone.OUT_FOR_DELIVERY:
        return bool(row.created_at.astimezone(PARIS).date() < now.astimezone(PARIS).date())
    if row.kind in _OF_SILENCE:
        return row.last_event_at is not None and bool(row.last_event_at > row.created_at)
    moved_on = row.milestone != row.kind and row.milestone_at is not None
    return row.event_at is not None and moved_on and bool(row.milestone_at > row.event_at)


# --- people -------------------------------------------------------------------------


def revive(connection: Connection, wanted: Filter, now: datetime) -> str:
    """Let mails go again to people whose address was marked; say to how many.

    Their parcels, which nobody was asked about meanwhile, are asked about again.
    """
    marked = (
        select(subscriber.c.id)
        .where(IS_MARKED, *wanted.of(subscriber.c.id, subscriber.c.bounced_at))
        .order_by(subscriber.c.id)
        .with_for_update()
    )
    owners = list(connection.scalars(marked))
    woken: list[ParcelId] = []
    for owner in owners:
        people.heard_from(connection, SubscriberId(owner))
        sleeping = (
            select(parcel.c.id)
            .join(
                subscription,
                parcel.c.id.in_((subscription.c.parcel_id, subscription.c.local_parcel_id)),
            )
            .where(
                subscription.c.subscriber_id == owner,
                subscription.c.muted_at.is_(None),
                parcel.c.ended_why == NOBODY_FOLLOWS,
            )
            .distinct()
            .order_by(parcel.c.id)
        )
        for number in [ParcelId(row) for row in connection.scalars(sleeping)]:
            parcels.wake(connection, number, now)
            woken.append(number)
    left = {"are not marked, or are no more": len(set(wanted.ids) - set(owners))}
    asked = f", {_count(woken, 'parcel is', 'parcels are')} asked about again" if woken else ""
    return _sentence(f"{_count(owners, 'person gets', 'people get')} mails again{asked}", left)


def _count(found: Sized, one: str, many: str) -> str:
    return f"{len(found)} {one if len(found) == 1 else many}"


def _sentence(done: str, left: Mapping[str, int]) -> str:
    """Say in one line what was done, and how many were left for each reason."""
    rest = [f"{times} {why}" for why, times in left.items() if times]
    return f"{done}{'; left as they are: ' if rest else ''}{', '.join(rest)}."
