"""What one person follows, as a list: one query, however long it is."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from mailtrack.domain.model import ParcelId, SubscriberId, SubscriptionId
from mailtrack.domain.stage_times import Lane
from mailtrack.store import parcels
from mailtrack.store.schema import parcel, shop_order, subscription
from mailtrack.store.subscriptions import Subscription, subscription_from


@dataclass(frozen=True, slots=True)
class Followed:
    """One thing that somebody follows; `number` is the order's while it has no parcel.

    `shop`: the code of the shop of that order. `lane`: by whom its parcel goes, and
    `estimated_delivery` when, as its carriers tell.
    """

    subscription: Subscription
    number: str
    lane: Lane
    shop: str = ""
    estimated_delivery: date | None = None


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


def of_number(connection: Connection, owner: SubscriberId, number: str) -> Subscription | None:
    """Return the subscription of somebody to the parcel with a number, its own or a local one."""
    parcel_id = parcels.find_parcel(connection, number)
    if parcel_id is None:
        return None
    query = select(subscription).where(
        subscription.c.subscriber_id == owner, subscription.c.parcel_id == parcel_id
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else subscription_from(row)


def ended(connection: Connection, owner: SubscriberId, why: str) -> list[ParcelId]:
    """Return the parcels that somebody wants to hear of and whose polling ended for a reason."""
    query = (
        select(parcel.c.id)
        .join(
            subscription,
            parcel.c.id.in_((subscription.c.parcel_id, subscription.c.local_parcel_id)),
        )
        .where(
            subscription.c.subscriber_id == owner,
            subscription.c.muted_at.is_(None),
            parcel.c.ended_why == why,
        )
        .distinct()
        .order_by(parcel.c.id)
    )
    return [ParcelId(number) for number in connection.scalars(query)]


def _everything() -> Select[Any]:
    return (
        select(
            subscription,
            func.coalesce(parcel.c.number, shop_order.c.number).label("number"),
            shop_order.c.shop,
            parcel.c.estimated_delivery,
            parcel.c.first_carrier,
            parcel.c.last_carrier,
            parcel.c.service,
        )
        .outerjoin(parcel, parcel.c.id == subscription.c.parcel_id)
        .outerjoin(shop_order, shop_order.c.id == subscription.c.shop_order_id)
    )


def _followed(row: Row[Any]) -> Followed:
    return Followed(
        subscription_from(row),
        row.number,
        Lane(row.first_carrier or "", row.last_carrier or "", row.service or ""),
        row.shop or "",
        row.estimated_delivery,
    )
