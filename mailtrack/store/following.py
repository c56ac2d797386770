"""What one person follows, as a list: one query, however long it is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, ScalarSelect, Select, func, select

from mailtrack.domain.milestones import ENDS_OF_AN_ORDER, Milestone
from mailtrack.domain.model import ParcelId, SubscriberId, SubscriptionId
from mailtrack.store.people import Subscription, subscription_from
from mailtrack.store.schema import notice, parcel, shop_order, subscription


@dataclass(frozen=True, slots=True)
class Followed:
    """One thing that somebody follows; `number` is the order's while it has no parcel.

    `milestone` is then what a mail told last of the order's end, None while it awaits a parcel.
    """

    subscription: Subscription
    number: str
    milestone: Milestone | None
    milestone_at: datetime | None


@dataclass(frozen=True, slots=True)
class Tally:
    """How much somebody follows or followed, and how much of it they still hear of."""

    total: int
    active: int


def followed(
    connection: Connection, owner: SubscriberId, *, limit: int, offset: int = 0
) -> list[Followed]:
    """Return some of what somebody follows, newest first."""
    query = (
        _everything()
        .where(subscription.c.subscriber_id == owner)
        .order_by(subscription.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return [_followed(row) for row in connection.execute(query)]


def one_followed(connection: Connection, mine: SubscriptionId) -> Followed | None:
    """Return one thing that somebody follows, or None where it was erased."""
    row = connection.execute(_everything().where(subscription.c.id == mine)).one_or_none()
    return None if row is None else _followed(row)


def tally(connection: Connection, owner: SubscriberId) -> Tally:
    """Count what somebody follows."""
    stopped = func.count(subscription.c.muted_at)
    query = select(func.count(), func.count() - stopped).where(
        subscription.c.subscriber_id == owner
    )
    return Tally(*connection.execute(query).one())


def ended(connection: Connection, owner: SubscriberId, why: str) -> list[ParcelId]:
    """Return the parcels that somebody wants to hear of and whose polling ended for a reason."""
    query = (
        select(parcel.c.id)
        .join(subscription, subscription.c.parcel_id == parcel.c.id)
        .where(
            subscription.c.subscriber_id == owner,
            subscription.c.muted_at.is_(None),
            parcel.c.ended_why == why,
        )
    )
    return [ParcelId(number) for number in connection.scalars(query)]


def _everything() -> Select[Any]:
    return (
        select(
            subscription,
            func.coalesce(parcel.c.number, shop_order.c.number).label("number"),
            func.coalesce(parcel.c.milestone, notice.c.kind).label("milestone"),
            func.coalesce(parcel.c.milestone_at, notice.c.created_at).label("milestone_at"),
        )
        .outerjoin(parcel, parcel.c.id == subscription.c.parcel_id)
        .outerjoin(shop_order, shop_order.c.id == subscription.c.shop_order_id)
        .outerjoin(notice, notice.c.id == _end_of_order())
    )


def _end_of_order() -> ScalarSelect[int | None]:
    """Find the notice of an order's end, sent or not: orders have no state of their own."""
    told = notice.alias()
    return (
        select(func.max(told.c.id))
        .where(
            told.c.subscription_id == subscription.c.id,
            told.c.kind.in_(ENDS_OF_AN_ORDER),
            subscription.c.parcel_id.is_(None),
        )
        .correlate(subscription)
        .scalar_subquery()
    )


def _followed(row: Row[Any]) -> Followed:
    return Followed(
        subscription=subscription_from(row),
        number=row.number,
        milestone=Milestone(row.milestone) if row.milestone else None,
        milestone_at=row.milestone_at,
    )
