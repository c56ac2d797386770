"""What one person follows, as a list: one query, however long it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, false, func, or_, select

from mailtrack.domain.milestones import ENDED
from mailtrack.domain.model import ParcelId, SubscriberId, SubscriptionId
from mailtrack.domain.stage_times import Lane
from mailtrack.store import parcels
from mailtrack.store.schema import parcel, shop_order, subscription
from mailtrack.store.subscriptions import Subscription, subscription_from


@dataclass(frozen=True, slots=True)
class Followed:
    """One thing that somebody follows; `number` is the order's while it has no parcel.

    `shop`: the code of the shop of that order. `lane`: by whom its parcel goes.
    """

    subscription: Subscription
    number: str
    lane: Lane
    shop: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """How much somebody follows or followed.

    `active`: they still hear of it; `under_way`: that is not over either; `ended`: it is over.
    """

    total: int
    active: int
    under_way: int
    ended: int


class Sorting(StrEnum):
    """In which order a list is shown."""

    NEWEST = "recents"
    #: By the day of the last step, the latest first.
    NEWS = "nouvelles"
    NAME = "nom"


@dataclass(frozen=True, slots=True)
class Selection:
    """What to show of all that somebody follows.

    `ended`: what is over, or what is not, None for both; `search`: part of a number or a name.
    """

    ended: bool | None = None
    search: str = ""
    sorting: Sorting = Sorting.NEWEST


_EVERYTHING = Selection()
NOT_ENDED, ENDED_ALONE = Selection(ended=False), Selection(ended=True)
#: It has come to its end, or its reader said so.
_ENDED = subscription.c.received_at.is_not(None) | func.coalesce(
    subscription.c.milestone.in_(ENDED), false()
)
_NUMBER = func.coalesce(parcel.c.number, shop_order.c.number)
_NAME = func.coalesce(subscription.c.own_name, func.nullif(subscription.c.titles, ""), _NUMBER)
_ORDER_BY: Mapping[Sorting, tuple[ColumnElement[Any], ...]] = {
    Sorting.NEWEST: (),
    Sorting.NEWS: (subscription.c.milestone_at.desc().nulls_last(),),
    Sorting.NAME: (func.lower(_NAME),),
}


def followed(
    connection: Connection,
    owner: SubscriberId,
    *,
    limit: int,
    offset: int = 0,
    selection: Selection = _EVERYTHING,
) -> list[Followed]:
    """Return some of what somebody follows; what nothing else sorts, newest first."""
    query = (
        _selected(owner, selection)
        .order_by(*_ORDER_BY[selection.sorting], subscription.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return [_followed(row) for row in connection.execute(query)]


def count(connection: Connection, owner: SubscriberId, selection: Selection) -> int:
    """Count what a list has on all its pages."""
    query = select(func.count()).select_from(_selected(owner, selection).subquery())
    return connection.execute(query).scalar_one()


def one_followed(connection: Connection, mine: SubscriptionId) -> Followed | None:
    """Return one thing that somebody follows, or None where it was erased."""
    row = connection.execute(_everything().where(subscription.c.id == mine)).one_or_none()
    return None if row is None else _followed(row)


def tally(connection: Connection, owner: SubscriberId) -> Tally:
    """Count what somebody follows."""
    active = subscription.c.muted_at.is_(None)
    query = select(
        func.count(),
        func.count().filter(active),
        func.count().filter(active, ~_ENDED),
        func.count().filter(_ENDED),
    ).where(subscription.c.subscriber_id == owner)
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
    return [ParcelId(row_id) for row_id in connection.scalars(query)]


def _selected(owner: SubscriberId, selection: Selection) -> Select[Any]:
    query = _everything().where(subscription.c.subscriber_id == owner)
    if selection.ended is not None:
        query = query.where(_ENDED if selection.ended else ~_ENDED)
    if selection.search:
        texts = (_NUMBER, parcel.c.local_number, subscription.c.own_name, subscription.c.titles)
        holds = (text.icontains(selection.search, autoescape=True) for text in texts)
        query = query.where(or_(*holds))
    return query


def _everything() -> Select[Any]:
    return (
        select(
            subscription,
            _NUMBER.label("number"),
            shop_order.c.shop,
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
    )
