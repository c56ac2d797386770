"""All that is known of what people follow, read for many of them at once.

Asked for each mail by itself, these questions took more time than writing it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from mailtrack.domain import tracking
from mailtrack.domain.model import ParcelId, SubscriptionId, TrackingEvent
from mailtrack.store import named_carriers, parcels, promises, shared_subscriptions, subscriptions
from mailtrack.store.parcels import Leg, ParcelRow
from mailtrack.store.promises import PromiseMade
from mailtrack.store.schema import parcel_order, shop_order, subscription
from mailtrack.store.shared_subscriptions import Shared
from mailtrack.store.subscriptions import Subscription

_ORDER = (
    subscription.c.id.label("mine"),
    shop_order.c.number,
    shop_order.c.shop,
    shop_order.c.ordered_at,
    shop_order.c.dated_by_owner,
)
#: Each person's own orders of a parcel, the first one first. Built once: every batch of mails
#: asks them (see `store.upsert`).
_CARRIED = (
    select(*_ORDER)
    .join(
        parcel_order,
        parcel_order.c.parcel_id.in_((subscription.c.parcel_id, subscription.c.local_parcel_id)),
    )
    .join(
        shop_order,
        (shop_order.c.id == parcel_order.c.shop_order_id)
        & (shop_order.c.subscriber_id == subscription.c.subscriber_id),
    )
    .where(subscription.c.id.in_(bindparam("subscriptions", expanding=True)))
    .order_by(shop_order.c.id)
)
_AWAITED = (
    select(*_ORDER)
    .join(shop_order, shop_order.c.id == subscription.c.shop_order_id)
    .where(
        subscription.c.id.in_(bindparam("subscriptions", expanding=True)),
        subscription.c.parcel_id.is_(None),
    )
)


@dataclass(frozen=True, slots=True)
class KnownParcel:
    """A parcel, whom it is asked of, and what its carriers told of it (oldest first).

    `public_number`: by which anybody may see that, where it is not its own. `promises`: when it
    was expected by our own estimates, in the order in which they were made.
    """

    row: ParcelRow
    legs: tuple[Leg, ...]
    events: tuple[TrackingEvent, ...] = ()
    public_number: str = ""
    promises: tuple[PromiseMade, ...] = ()


@dataclass(frozen=True, slots=True)
class SubscriptionDetails:
    """What somebody follows, as they may see it; `parcel` is None while none is known.

    `events`: what its carriers and their own mails told. `orders`: their own; `ordered_at` is
    the day of the first of them, None where nobody told it, and `mail_told_day` whether a mail
    did. `shop`: the code of who sold it, as
    far as an order tells, or else of who wrote the mail that named it; "" where nobody did.
    `named`: by number, the carrier that their own mails name. `shared`: by whose invitation it is
    followed, None where by nobody's.
    """

    following: Subscription
    parcel: KnownParcel | None
    events: tuple[TrackingEvent, ...]
    orders: tuple[str, ...]
    ordered_at: date | None
    named: Mapping[str, str]
    shop: str = ""
    mail_told_day: bool = False
    shared: Shared | None = None


def read(
    connection: Connection, wanted: Collection[SubscriptionId]
) -> dict[SubscriptionId, SubscriptionDetails]:
    """Return the details of subscriptions; those that were erased have none."""
    if not wanted:
        return {}
    mine = subscriptions.read(connection, wanted)
    known = read_parcels(connection, {parcel for one in mine for parcel in one.parcels})
    told = subscriptions.mail_events(connection, wanted)
    named = named_carriers.told_to(connection, wanted)
    shared = shared_subscriptions.read(connection, wanted)
    # The orders that its parcel carries, or that it awaits.
    orders: dict[SubscriptionId, list[Row[Any, Any, Any, Any, Any]]] = {one.id: [] for one in mine}
    asked = {
        _CARRIED: [one.id for one in mine if one.parcel is not None],
        _AWAITED: [one.id for one in mine if one.parcel is None],
    }
    for query, some in asked.items():
        for row in connection.execute(query, {"subscriptions": some}) if some else ():
            orders[row.mine].append(row)
    details = {}
    for one in mine:
        parcel = _of(one, known)
        shops = [order.shop for order in orders[one.id] if order.shop]
        dated = [order for order in orders[one.id] if order.ordered_at]
        by_mail = [order for order in dated if not order.dated_by_owner]
        details[one.id] = SubscriptionDetails(
            following=one,
            parcel=parcel,
            events=(*(parcel.events if parcel else ()), *told[one.id]),
            orders=tuple(order.number for order in orders[one.id]),
            ordered_at=min((order.ordered_at for order in by_mail or dated), default=None),
            mail_told_day=bool(by_mail),
            shop=next(iter(shops), one.named_by or ""),
            named=named[one.id],
            shared=shared.get(one.id),
        )
    return details


def parcels_without_history(
    connection: Connection, mine: Collection[Subscription]
) -> dict[SubscriptionId, KnownParcel]:
    """Return the parcels of subscriptions, as far as a list shows them: without their events.

    Those take most of the time that reading all of a parcel takes.
    """
    known = _read_parcels(connection, {parcel for one in mine for parcel in one.parcels})
    found = {one.id: _of(one, known) for one in mine}
    return {one: parcel for one, parcel in found.items() if parcel is not None}


def _of(mine: Subscription, known: Mapping[ParcelId, KnownParcel]) -> KnownParcel | None:
    """Return the parcel of a subscription, as one with the local one that its mails gave it."""
    parcel = known.get(mine.parcel) if mine.parcel is not None else None
    local = known.get(mine.local) if mine.local is not None else None
    return _as_one(parcel, local) if parcel is not None and local is not None else parcel


def _as_one(known: KnownParcel, local: KnownParcel) -> KnownParcel:
    """Return a parcel as if its own carriers told of the local number that a mail gave it."""
    main, last = known.row, local.row
    checked = [at for at in (main.last_answer_at, last.last_answer_at) if at is not None]
    row = replace(
        main,
        local_number=main.local_number or last.local_number or last.number,
        # Who brings it knows better.
        estimated_delivery=last.estimated_delivery or main.estimated_delivery,
        pickup_point=last.pickup_point or main.pickup_point,
        last_answer_at=max(checked, default=None),
    )
    legs = (*known.legs, *(replace(leg, is_local=True) for leg in local.legs))
    events = tracking.together(known.events, local.events)
    public_number = "" if known.events else last.number
    made = sorted((*known.promises, *local.promises), key=lambda one: one.made_at)
    return KnownParcel(row, legs, events, public_number, tuple(made))


def read_parcels(
    connection: Connection, wanted: Collection[ParcelId]
) -> dict[ParcelId, KnownParcel]:
    """Return parcels with all that belongs to them."""
    known = _read_parcels(connection, wanted)
    events = parcels.histories(connection, known.keys()) if known else {}
    return {one: replace(parcel, events=tuple(events[one])) for one, parcel in known.items()}


def _read_parcels(
    connection: Connection, wanted: Collection[ParcelId]
) -> dict[ParcelId, KnownParcel]:
    """Return parcels without their events."""
    if not wanted:
        return {}
    legs = parcels.legs_of_each(connection, wanted)
    made = promises.promises_of_each(connection, wanted)
    return {
        row.id: KnownParcel(row, tuple(legs[row.id]), promises=tuple(made[row.id]))
        for row in parcels.parcel_rows(connection, wanted)
    }
