"""Orders, each one person's: who else names its number learns and changes nothing."""

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import Connection, exists, func, select, update

from mailtrack.domain.model import OrderId, ParcelId, SubscriberId
from mailtrack.store.schema import parcel_order, shop_order
from mailtrack.store.upsert import insert_ignoring


def order_of(
    connection: Connection,
    owner: SubscriberId,
    number: str,
    shop: str,
    ordered_at: date | None,
    now: datetime,
) -> OrderId:
    """Return somebody's order with a number, noted now if it was unknown.

    An order that was met without its day takes it from a later mail of theirs.
    """
    mine = (shop_order.c.subscriber_id == owner) & (shop_order.c.number == number)
    row = {"subscriber_id": owner, "number": number, "shop": shop, "created_at": now}
    insert_ignoring(connection, shop_order, {**row, "ordered_at": ordered_at})
    if ordered_at is not None:
        undated = mine & shop_order.c.ordered_at.is_(None)
        connection.execute(update(shop_order).where(undated).values(ordered_at=ordered_at))
    return OrderId(connection.execute(select(shop_order.c.id).where(mine)).scalar_one())


def join_parcel(connection: Connection, order: OrderId, parcel_id: ParcelId) -> None:
    """Note that a parcel carries (part of) an order, as its owner's mail says."""
    insert_ignoring(connection, parcel_order, {"parcel_id": parcel_id, "shop_order_id": order})


def count_known(connection: Connection, owner: SubscriberId, numbers: Collection[str]) -> int:
    """Count the numbers of orders that somebody has named before."""
    query = select(func.count()).where(
        shop_order.c.subscriber_id == owner, shop_order.c.number.in_(list(numbers))
    )
    return connection.execute(query).scalar_one()


def find(connection: Connection, owner: SubscriberId, numbers: Collection[str]) -> set[OrderId]:
    """Return those of some orders that somebody has named before."""
    query = select(shop_order.c.id).where(
        shop_order.c.subscriber_id == owner, shop_order.c.number.in_(list(numbers))
    )
    return {OrderId(number) for number in connection.scalars(query)}


def has_parcel(connection: Connection, order: OrderId) -> bool:
    """Return True if a parcel of an order is known."""
    joined = exists().where(parcel_order.c.shop_order_id == order)
    return bool(connection.execute(select(joined)).scalar_one())
