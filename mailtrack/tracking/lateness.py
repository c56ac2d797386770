"""Who is told that their parcel is late: judged by the clock, also where nobody can be asked.

From when on it is later than nine of ten is noted when it moves (`note`), for each who follows
it, by all that they know of it: who knows of its end by their own mail waits for nothing more.
A round of housekeeping tells those whose time has come (`tell`), once for each milestone.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, exists, or_, select, update

from mailtrack.domain.forecast import Measure, slow_since
from mailtrack.domain.milestones import ENDED, Milestone
from mailtrack.domain.model import SubscriptionId
from mailtrack.domain.stays import lane_of
from mailtrack.domain.tracking import Change
from mailtrack.notify.view import NoticeKind
from mailtrack.store import followers, notices, stage_tallies
from mailtrack.store.engine import locked
from mailtrack.store.schema import leg, parcel, subscription
from mailtrack.store.stage_tallies import Tallies

#: People told in one round; the next one goes on.
PER_ROUND = 500

#: Statements of every answer, built once (see `store.upsert`).
_SERVICES = (
    select(subscription.c.id, parcel.c.service)
    .join(parcel, parcel.c.id == subscription.c.parcel_id)
    .where(subscription.c.id.in_(bindparam("subscriptions", expanding=True)))
)
_NOTE = (
    update(subscription)
    .where(subscription.c.id == bindparam("mine"))
    .values(slow_at=bindparam("at"))
)
#: The parcel that has the local number of one.
_LOCAL = parcel.alias()


def note(connection: Connection, moved: Mapping[SubscriptionId, Change]) -> None:
    """Note from when on things are late, as they have just moved for those who follow them."""
    if not moved:
        return
    rows = connection.execute(_SERVICES, {"subscriptions": list(moved)})
    services = {row.id: row.service for row in rows}
    reached = {change.milestone for change in moved.values() if change.milestone is not None}
    seen = stage_tallies.read_some(connection, reached, Measure.STAY)
    notes = [
        {"mine": mine, "at": _slow_at(seen, change, services.get(mine, ""))}
        for mine, change in moved.items()
    ]
    connection.execute(_NOTE, notes)


def _slow_at(seen: Tallies, change: Change, service: str) -> datetime | None:
    """Return from when on what stands here is late, None where it never is.

    What waits for its addressee is not: they are reminded of its last day.
    """
    here = change.milestone
    if here is None or change.current is None or here is Milestone.PICKUP_AVAILABLE:
        return None
    lane = lane_of(change.events, service)
    return slow_since(here, change.current.at, seen.experience(here, Measure.STAY, lane))


def tell(connection: Connection, now: datetime) -> int:
    """Owe word of what is late to those who follow it; return of how many was decided.

    1. Some whose time has come are taken: their turn is over, whatever is decided.
    2. They are told unless they were at this milestone, or there is nothing to say.
    """
    # 1.
    time_has_come = (
        select(subscription.c.id)
        .where(subscription.c.slow_at <= now)
        .order_by(subscription.c.slow_at)
        .limit(PER_ROUND)
    )
    due = connection.scalars(locked(time_has_come)).all()
    if not due:
        return 0
    mine = subscription.c.id.in_(due)
    connection.execute(update(subscription).where(mine).values(slow_at=None))
    # 2.
    untold = (
        followers.untold(NoticeKind.STALLED, subscription.c.milestone)
        .add_columns(subscription.c.milestone)
        .join(parcel, parcel.c.id == subscription.c.parcel_id)
        .outerjoin(_LOCAL, _LOCAL.c.id == subscription.c.local_parcel_id)
        .where(mine, subscription.c.milestone.not_in(ENDED), _is_followed_up(), _is_known())
    )
    for row in connection.execute(untold).all():
        notices.owe_follower(
            connection,
            SubscriptionId(row.id),
            NoticeKind.STALLED,
            occurrence=row.milestone,
            now=now,
        )
    return len(due)


def _is_followed_up() -> ColumnElement[bool]:
    """Return the condition that a parcel was not given up: its people were told so."""
    return or_(parcel.c.ended_at.is_(None), _LOCAL.c.id.is_not(None) & _LOCAL.c.ended_at.is_(None))


def _is_known() -> ColumnElement[bool]:
    """Return the condition that a carrier knows a parcel, or none can be asked about it.

    Where those who are asked do not know it, the number may be wrong: that is told instead.
    """
    asked = exists().where(leg.c.parcel_id == parcel.c.id, leg.c.next_poll_at.is_not(None))
    told = or_(parcel.c.last_event_at.is_not(None), _LOCAL.c.last_event_at.is_not(None))
    return or_(told, ~asked)
