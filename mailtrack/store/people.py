"""Subscribers and what they follow: parcels, and orders that wait for their parcel."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, func, select, update

from mailtrack.domain.budget import SKEW
from mailtrack.domain.model import OrderId, ParcelId, SubscriberId, SubscriptionId
from mailtrack.domain.wishes import Wishes
from mailtrack.store.schema import (
    inbound,
    notice,
    parcel,
    parcel_order,
    shop_order,
    subscriber,
    subscription,
)
from mailtrack.store.upsert import insert_ignoring

#: Between the titles in `subscription.titles`; no shop prints it in a title.
ITEM_BREAK = "\n"

#: Built once: every batch of mails asks it (see `store.parcels`).
_SUBSCRIPTIONS = select(subscription).where(
    subscription.c.id.in_(bindparam("subscriptions", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Subscription:
    """One row of what somebody follows."""

    id: SubscriptionId
    subscriber: SubscriberId
    parcel: ParcelId | None
    order: OrderId | None
    items: tuple[str, ...]
    created_at: datetime
    muted_at: datetime | None

    @property
    def muted(self) -> bool:
        return self.muted_at is not None


def subscriber_of(connection: Connection, address: str, now: datetime) -> SubscriberId:
    """Return the subscriber with an address, new or known."""
    insert_ignoring(connection, subscriber, {"address": address, "created_at": now})
    query = select(subscriber.c.id).where(subscriber.c.address == address)
    return SubscriberId(connection.execute(query).scalar_one())


def welcome_back(connection: Connection, owner: SubscriberId) -> None:
    """Let mails go to somebody who had left and forwards by hand again.

    What they followed before stays muted: they asked for this parcel, not for those.
    """
    connection.execute(
        update(subscriber).where(subscriber.c.id == owner).values(unsubscribed_at=None)
    )


def order_of(
    connection: Connection, number: str, shop: str, ordered_at: date | None, now: datetime
) -> OrderId:
    """Return the order with a number, noted now if it was unknown."""
    values = {"number": number, "shop": shop, "created_at": now, "ordered_at": ordered_at}
    insert_ignoring(connection, shop_order, values)
    found = select(shop_order.c.id).where(shop_order.c.number == number)
    return OrderId(connection.execute(found).scalar_one())


def join_order(connection: Connection, parcel_id: ParcelId, order: OrderId) -> None:
    """Note that a parcel carries (part of) an order."""
    insert_ignoring(connection, parcel_order, {"parcel_id": parcel_id, "shop_order_id": order})


def parcels_of_order(connection: Connection, order: OrderId) -> list[ParcelId]:
    """Return the parcels that are known to carry an order."""
    query = select(parcel_order.c.parcel_id).where(parcel_order.c.shop_order_id == order)
    return [ParcelId(row.parcel_id) for row in connection.execute(query)]


def follow_order(
    connection: Connection,
    subscriber_id: SubscriberId,
    order: OrderId,
    items: Iterable[str],
    now: datetime,
    trace: str = "",
) -> tuple[SubscriptionId, bool]:
    """Follow an order that has no parcel yet; tell whether the subscription is new."""
    mine = _find(connection, subscriber_id, subscription.c.shop_order_id == order)
    if mine is not None:
        return mine, False
    return _insert(connection, subscriber_id, None, order, items, now, trace), True


def follow_parcel(
    connection: Connection,
    subscriber_id: SubscriberId,
    parcel_id: ParcelId,
    orders: Iterable[OrderId],
    items: Iterable[str],
    now: datetime,
    trace: str = "",
) -> tuple[SubscriptionId, bool]:
    """Follow a parcel; a subscription that waited for one of its orders becomes this one.

    Tells whether the subscription (to this parcel) is new. `trace`: the id in the logs of
    the mail that asks for it.
    """
    mine = _find(connection, subscriber_id, subscription.c.parcel_id == parcel_id)
    if mine is not None:
        _add_items(connection, mine, items)
        return mine, False
    waiting = _waiting(connection, subscriber_id, orders)
    if waiting is None:
        return _insert(connection, subscriber_id, parcel_id, None, items, now, trace), True
    connection.execute(
        update(subscription).where(subscription.c.id == waiting).values(parcel_id=parcel_id)
    )
    _add_items(connection, waiting, items)
    return waiting, True


def followed_since(
    connection: Connection, owner: SubscriberId, since: datetime, now: datetime
) -> int:
    """Count what somebody has come to follow since a moment; none of it after `now`."""
    query = select(func.count()).where(
        subscription.c.subscriber_id == owner,
        subscription.c.created_at > since,
        subscription.c.created_at <= now + SKEW,
    )
    return connection.execute(query).scalar_one()


def _find(
    connection: Connection, owner: SubscriberId, what: ColumnElement[bool]
) -> SubscriptionId | None:
    query = (
        select(subscription.c.id)
        .where(subscription.c.subscriber_id == owner, what)
        .order_by(subscription.c.id)
        .limit(1)
    )
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else SubscriptionId(found)


def _waiting(
    connection: Connection, owner: SubscriberId, orders: Iterable[OrderId]
) -> SubscriptionId | None:
    return _find(
        connection,
        owner,
        subscription.c.parcel_id.is_(None) & subscription.c.shop_order_id.in_(list(orders)),
    )


def _insert(
    connection: Connection,
    owner: SubscriberId,
    parcel_id: ParcelId | None,
    order: OrderId | None,
    items: Iterable[str],
    now: datetime,
    trace: str,
) -> SubscriptionId:
    row = connection.execute(
        subscription.insert()
        .values(
            subscriber_id=owner,
            parcel_id=parcel_id,
            shop_order_id=order,
            titles=ITEM_BREAK.join(items),
            created_at=now,
            trace=trace,
        )
        .returning(subscription.c.id)
    ).one()
    return SubscriptionId(row.id)


def _add_items(connection: Connection, mine: SubscriptionId, items: Iterable[str]) -> None:
    query = select(subscription.c.titles).where(subscription.c.id == mine)
    known = connection.execute(query).scalar_one()
    merged = dict.fromkeys([*known.split(ITEM_BREAK), *items])
    merged.pop("", None)
    connection.execute(
        update(subscription).where(subscription.c.id == mine).values(titles=ITEM_BREAK.join(merged))
    )


def subscription_row(
    connection: Connection, subscription_id: SubscriptionId
) -> Subscription | None:
    """Return one subscription, or None where it was erased."""
    return next(iter(subscription_rows(connection, [subscription_id])), None)


def subscription_rows(
    connection: Connection, wanted: Collection[SubscriptionId]
) -> list[Subscription]:
    """Return subscriptions; those that were erased are left out."""
    rows = connection.execute(_SUBSCRIPTIONS, {"subscriptions": list(wanted)})
    return [subscription_from(row) for row in rows]


def subscription_from(row: Row[Any]) -> Subscription:
    """Return a row of the table as a value."""
    return Subscription(
        id=SubscriptionId(row.id),
        subscriber=SubscriberId(row.subscriber_id),
        parcel=row.parcel_id,
        order=row.shop_order_id,
        items=tuple(title for title in row.titles.split(ITEM_BREAK) if title),
        created_at=row.created_at,
        muted_at=row.muted_at,
    )


def subscriptions_of(connection: Connection, owner: SubscriberId) -> list[Subscription]:
    """Return everything that somebody follows, newest first."""
    query = (
        select(subscription)
        .where(subscription.c.subscriber_id == owner)
        .order_by(subscription.c.id.desc())
    )
    return [subscription_from(row) for row in connection.execute(query)]


def mute(connection: Connection, subscription_id: SubscriptionId, now: datetime | None) -> bool:
    """Stop the mails about one parcel (`now`) or let them come again (None)."""
    done = connection.execute(
        update(subscription).where(subscription.c.id == subscription_id).values(muted_at=now)
    )
    return done.rowcount == 1


def unsubscribe(connection: Connection, owner: SubscriberId, now: datetime) -> bool:
    """Stop every mail to somebody, for what they follow now and until they forward again."""
    done = connection.execute(
        update(subscriber)
        .where(subscriber.c.id == owner, subscriber.c.unsubscribed_at.is_(None))
        .values(unsubscribed_at=now)
    )
    connection.execute(
        update(subscription)
        .where(subscription.c.subscriber_id == owner, subscription.c.muted_at.is_(None))
        .values(muted_at=now)
    )
    return done.rowcount == 1


def undo_unsubscribe(connection: Connection, owner: SubscriberId) -> list[ParcelId]:
    """Take the last `unsubscribe` back; return the parcels that are followed again."""
    left_at = select(subscriber.c.unsubscribed_at).where(subscriber.c.id == owner).scalar_subquery()
    revived = connection.execute(
        update(subscription)
        .where(subscription.c.subscriber_id == owner, subscription.c.muted_at == left_at)
        .values(muted_at=None)
        .returning(subscription.c.parcel_id)
    )
    parcels = [ParcelId(row.parcel_id) for row in revived if row.parcel_id is not None]
    connection.execute(
        update(subscriber).where(subscriber.c.id == owner).values(unsubscribed_at=None)
    )
    return parcels


def is_unsubscribed(connection: Connection, owner: SubscriberId) -> bool | None:
    """Tell whether somebody left; None where nobody has this id."""
    return left_at(connection, owner) is not None if exists(connection, owner) else None


def left_at(connection: Connection, owner: SubscriberId) -> datetime | None:
    """Return when somebody left, None where they did not."""
    query = select(subscriber.c.unsubscribed_at).where(subscriber.c.id == owner)
    when: datetime | None = connection.execute(query).scalar_one_or_none()
    return when


def bounced(connection: Connection, owner: SubscriberId, now: datetime) -> bool:
    """Note that an address refuses our mails for good; no more are sent to it."""
    done = connection.execute(
        update(subscriber).where(subscriber.c.id == owner).values(bounced_at=now)
    )
    return done.rowcount == 1


def refuses_mail(connection: Connection, owner: SubscriberId) -> bool:
    """Tell whether somebody's address refuses our mails."""
    query = select(subscriber.c.bounced_at).where(subscriber.c.id == owner)
    return connection.execute(query).scalar_one_or_none() is not None


def bounced_softly(
    connection: Connection, owner: SubscriberId, most: int, now: datetime, *, anew: bool = False
) -> None:
    """Count a temporary failure; from `most` in a row on the address counts as dead.

    `anew`: the mail before arrived, so that the count begins again.
    """
    row = connection.execute(
        update(subscriber)
        .where(subscriber.c.id == owner)
        .values(soft_bounces=1 if anew else subscriber.c.soft_bounces + 1)
        .returning(subscriber.c.soft_bounces)
    ).one_or_none()
    if row is not None and row.soft_bounces >= most:
        bounced(connection, owner, now)


def heard_from(connection: Connection, owner: SubscriberId) -> None:
    """Note that an address is alive: a mail came from it, or a click from a mail to it."""
    connection.execute(
        update(subscriber).where(subscriber.c.id == owner).values(soft_bounces=0, bounced_at=None)
    )


def exists(connection: Connection, owner: SubscriberId) -> bool:
    """Tell whether somebody is (still) known."""
    query = select(subscriber.c.id).where(subscriber.c.id == owner)
    return connection.execute(query).first() is not None


def confirm(connection: Connection, owner: SubscriberId, now: datetime) -> bool:
    """Note that an address is its owner's, and when they said so last; False where it was known."""
    new = confirmed_at(connection, owner) is None
    connection.execute(update(subscriber).where(subscriber.c.id == owner).values(confirmed_at=now))
    return new


def confirmed_at(connection: Connection, owner: SubscriberId) -> datetime | None:
    """Return when somebody last confirmed their address by a click."""
    query = select(subscriber.c.confirmed_at).where(subscriber.c.id == owner)
    when: datetime | None = connection.execute(query).scalar_one_or_none()
    return when


def takes_questions(connection: Connection, owner: SubscriberId) -> bool:
    """Tell whether an address may be written to for a mail that may not be theirs.

    Not where it is dead, or where somebody who never confirmed it said "never again". The row
    is locked: of two mails that are read at once, one asks.
    """
    query = (
        select(subscriber.c.confirmed_at, subscriber.c.unsubscribed_at, subscriber.c.bounced_at)
        .where(subscriber.c.id == owner)
        .with_for_update()
    )
    row = connection.execute(query).one()
    return row.bounced_at is None and (row.unsubscribed_at is None or row.confirmed_at is not None)


def wishes_of(connection: Connection, owner: SubscriberId) -> Wishes:
    """Return which kinds of notices somebody chose to get, and not to get."""
    query = select(subscriber.c.unwanted, subscriber.c.also_wanted).where(subscriber.c.id == owner)
    row = connection.execute(query).one()
    return Wishes(row.unwanted, row.also_wanted)


def choose(connection: Connection, owner: SubscriberId, wishes: Wishes) -> None:
    """Note which kinds of notices somebody wants from now on, and which not."""
    connection.execute(
        update(subscriber)
        .where(subscriber.c.id == owner)
        .values(unwanted=wishes.unwanted, also_wanted=wishes.also_wanted)
    )


def find_subscriber(connection: Connection, address: str) -> SubscriberId | None:
    """Return who has an address, if anybody."""
    query = select(subscriber.c.id).where(subscriber.c.address == address)
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else SubscriberId(found)


def address_of(connection: Connection, owner: SubscriberId) -> str:
    """Return somebody's address."""
    query = select(subscriber.c.address).where(subscriber.c.id == owner)
    return str(connection.execute(query).scalar_one())


def erase(connection: Connection, owner: SubscriberId) -> None:
    """Forget somebody: the address, what they followed, and what nobody else follows."""
    connection.execute(delete(notice).where(notice.c.subscriber_id == owner))
    connection.execute(delete(subscription).where(subscription.c.subscriber_id == owner))
    # The row stays, empty: should the server renumber its mails, this one is known.
    connection.execute(
        update(inbound)
        .where(inbound.c.subscriber_id == owner)
        .values(raw=None, subject="", message_id="", subscriber_id=None)
    )
    connection.execute(delete(subscriber).where(subscriber.c.id == owner))
    followed = select(subscription.c.parcel_id).where(subscription.c.parcel_id.is_not(None))
    connection.execute(delete(parcel).where(parcel.c.id.not_in(followed)))
    awaited = select(subscription.c.shop_order_id).where(subscription.c.shop_order_id.is_not(None))
    carried = select(parcel_order.c.shop_order_id)
    connection.execute(
        delete(shop_order).where(shop_order.c.id.not_in(awaited), shop_order.c.id.not_in(carried))
    )
