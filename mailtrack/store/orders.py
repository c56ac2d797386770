"""Orders, each one person's: who else names its number learns and changes nothing."""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, bindparam, exists, func, select, update

from mailtrack.domain.buyer_protection import protected_until, recalled_on
from mailtrack.domain.model import OrderId, ParcelId, SubscriberId
from mailtrack.store.engine import locked
from mailtrack.store.schema import parcel_order, shop_order
from mailtrack.store.upsert import insert_ignoring, insert_new

#: Statements of every mail, built once (see `store.upsert`).
_ORDER = select(
    shop_order.c.id, shop_order.c.shop, shop_order.c.ordered_at, shop_order.c.dated_by_owner
).where(
    shop_order.c.subscriber_id == bindparam("owner"), shop_order.c.number == bindparam("number")
)

#: No mail told its day.
_NO_MAIL_TOLD = shop_order.c.ordered_at.is_(None) | shop_order.c.dated_by_owner


def order_of(
    connection: Connection,
    owner: SubscriberId,
    number: str,
    shop: str,
    ordered_at: date | None,
    now: datetime,
) -> OrderId:
    """Return somebody's order with a number, noted now if it was unknown.

    An order that was met without its day, or has it from its owner, takes it from a later mail.
    """
    row = {"subscriber_id": owner, "number": number, "shop": shop, "created_at": now}
    new = insert_new(connection, shop_order, {**row, **_dated(shop, ordered_at)})
    if new is not None:
        return OrderId(new)
    known = connection.execute(_ORDER, {"owner": owner, "number": number}).one()
    if ordered_at is not None and (known.ordered_at is None or known.dated_by_owner):
        told = {**_dated(known.shop, ordered_at), "dated_by_owner": False}
        connection.execute(update(shop_order).where(shop_order.c.id == known.id).values(told))
    return OrderId(known.id)


def tell_day(
    connection: Connection, owner: SubscriberId, numbers: Collection[str], day: date | None
) -> None:
    """Note on which day somebody says that they ordered, or forget it; mails know better."""
    theirs = (shop_order.c.subscriber_id == owner) & shop_order.c.number.in_(list(numbers))
    shops = connection.scalars(select(shop_order.c.shop).where(theirs).distinct()).all()
    for shop in shops:
        told = {**_dated(shop, day), "dated_by_owner": day is not None}
        of_shop = theirs & (shop_order.c.shop == shop)
        connection.execute(update(shop_order).where(of_shop, _NO_MAIL_TOLD).values(told))


def _dated(shop: str, ordered_at: date | None) -> dict[str, date | None]:
    """Return the columns that follow from the day of an order."""
    return {"ordered_at": ordered_at, "remind_on": recalled_on(shop, ordered_at)}


def to_recall(connection: Connection, today: date, most: int) -> list[OrderId]:
    """Return orders whose protection ends soon, and look at them again tomorrow.

    Who is not to be reminded today may be tomorrow; once the protection is over nobody is.
    """
    due = (
        select(shop_order.c.id, shop_order.c.shop, shop_order.c.ordered_at)
        .where(shop_order.c.remind_on <= today)
        .order_by(shop_order.c.remind_on)
        .limit(most)
    )
    rows = connection.execute(locked(due)).all()
    tomorrow = today + timedelta(days=1)
    protected = {row.id: protected_until(row.shop, row.ordered_at) or today for row in rows}
    for later, some in (
        (tomorrow, [order for order, ends in protected.items() if ends > tomorrow]),
        (None, [order for order, ends in protected.items() if ends <= tomorrow]),
    ):
        mine = shop_order.c.id.in_(some)
        connection.execute(update(shop_order).where(mine).values(remind_on=later))
    return [OrderId(order) for order, ends in protected.items() if ends > today]


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
    return {OrderId(row_id) for row_id in connection.scalars(query)}


def has_parcel(connection: Connection, order: OrderId) -> bool:
    """Return True if a parcel of an order is known."""
    joined = exists().where(parcel_order.c.shop_order_id == order)
    return bool(connection.execute(select(joined)).scalar_one())
