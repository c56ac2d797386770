"""All that is known of what people follow, read for many of them at once.

Asked for each mail by itself, these questions took more time than writing it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from mailtrack.domain.model import ParcelId, SubscriptionId, TrackingEvent
from mailtrack.store import parcels, people
from mailtrack.store.parcels import Leg, ParcelRow
from mailtrack.store.people import Subscription
from mailtrack.store.schema import parcel_order, shop_order

#: Built once: every batch of mails asks them (see `store.parcels`).
_CARRIED = (
    select(parcel_order.c.parcel_id, shop_order.c.number, shop_order.c.ordered_at)
    .join(shop_order, shop_order.c.id == parcel_order.c.shop_order_id)
    .where(parcel_order.c.parcel_id.in_(bindparam("parcels", expanding=True)))
    .order_by(shop_order.c.id)
)
_AWAITED = select(shop_order.c.id, shop_order.c.number).where(
    shop_order.c.id.in_(bindparam("orders", expanding=True))
)


@dataclass(frozen=True, slots=True)
class KnownParcel:
    """A parcel, whom it is asked of, what happened to it (oldest first), and its orders.

    `ordered_at` is the day of the first of them, None where no mail told it.
    """

    row: ParcelRow
    legs: tuple[Leg, ...]
    events: tuple[TrackingEvent, ...]
    orders: tuple[str, ...]
    ordered_at: date | None


@dataclass(frozen=True, slots=True)
class Dossier:
    """What somebody follows, and its orders; `parcel` is None while none is known."""

    following: Subscription
    parcel: KnownParcel | None
    orders: tuple[str, ...]


def read(
    connection: Connection, wanted: Collection[SubscriptionId]
) -> dict[SubscriptionId, Dossier]:
    """Return the dossiers of subscriptions; those that were erased have none."""
    mine = people.subscription_rows(connection, wanted) if wanted else []
    known = read_parcels(connection, {one.parcel for one in mine if one.parcel is not None})
    awaited = _awaited(connection, mine)
    return {one.id: _dossier(one, known, awaited) for one in mine}


def read_parcels(
    connection: Connection, wanted: Collection[ParcelId]
) -> dict[ParcelId, KnownParcel]:
    """Return parcels with all that belongs to them."""
    if not wanted:
        return {}
    legs = parcels.legs_of_each(connection, wanted)
    events = parcels.histories(connection, wanted)
    orders = _carried(connection, wanted)
    return {
        row.id: KnownParcel(
            row=row,
            legs=tuple(legs[row.id]),
            events=tuple(events[row.id]),
            orders=tuple(order.number for order in orders[row.id]),
            ordered_at=min((o.ordered_at for o in orders[row.id] if o.ordered_at), default=None),
        )
        for row in parcels.parcel_rows(connection, wanted)
    }


def _dossier(
    mine: Subscription, known: dict[ParcelId, KnownParcel], awaited: dict[int, str]
) -> Dossier:
    if mine.parcel is not None:
        return Dossier(mine, known[mine.parcel], known[mine.parcel].orders)
    return Dossier(mine, None, (awaited[mine.order],) if mine.order is not None else ())


def _carried(
    connection: Connection, wanted: Collection[ParcelId]
) -> dict[ParcelId, list[Row[Any, Any, Any]]]:
    """Return the orders of each parcel, the first one first."""
    orders: dict[ParcelId, list[Row[Any, Any, Any]]] = {parcel: [] for parcel in wanted}
    for row in connection.execute(_CARRIED, {"parcels": list(wanted)}):
        orders[row.parcel_id].append(row)
    return orders


def _awaited(connection: Connection, mine: Collection[Subscription]) -> dict[int, str]:
    """Return the numbers of the orders that wait for their parcel."""
    wanted = [one.order for one in mine if one.parcel is None and one.order is not None]
    if not wanted:
        return {}
    return {row.id: row.number for row in connection.execute(_AWAITED, {"orders": wanted})}
