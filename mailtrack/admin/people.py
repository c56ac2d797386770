"""The people, as an operator asks for them: by number in lists, by address where one is opened."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select

from mailtrack.admin import states
from mailtrack.admin.filters import Filter, about, owner_of, parcels_with
from mailtrack.admin.notices import told
from mailtrack.admin.table import Cell, Table
from mailtrack.domain.model import SubscriberId
from mailtrack.errors import PermanentError
from mailtrack.store.schema import inbound, notice, parcel, shop_order, subscriber, subscription
from mailtrack.store.suppression import Suppression

#: The address counts as dead, or may soon.
IS_MARKED = or_(subscriber.c.bounced_at.is_not(None), subscriber.c.soft_bounces > 0)
_STATES: Mapping[str, ColumnElement[bool]] = {
    states.BOUNCING: IS_MARKED,
    states.ACTIVE: subscriber.c.unsubscribed_at.is_(None) & ~IS_MARKED,
    states.LEFT: subscriber.c.unsubscribed_at.is_not(None),
    states.UNCONFIRMED: subscriber.c.confirmed_at.is_(None),
}


def people_list(connection: Connection, wanted: Filter) -> Table:
    """Return people by number, never by address; those whose mails come back if nobody is meant."""
    chosen = wanted.of(subscriber.c.id, subscriber.c.bounced_at)
    if wanted.address:
        chosen.append(subscriber.c.id == owner_of(connection, wanted.address))
    if wanted.number:
        following = select(subscription.c.subscriber_id)
        number = parcels_with(connection, wanted.number)
        chosen.append(subscriber.c.id.in_(following.where(about(number))))
    state = wanted.state or (states.ALL if wanted.address or wanted.number else states.BOUNCING)
    if state in _STATES:
        chosen.append(_STATES[state])
    query = (
        _PEOPLE.where(*chosen)
        .order_by(subscriber.c.bounced_at.desc(), subscriber.c.id.desc())
        .limit(wanted.limit)
    )
    rows = [tuple(_summary(row).values()) for row in connection.execute(query)]
    title = "People whose mails come back" if state == states.BOUNCING else "People"
    return Table(title, ("id", "dead since", "failures in a row", "follows", "left"), rows)


_PEOPLE: Select[Any] = (
    select(subscriber, func.count(subscription.c.id).label("follows"))
    .outerjoin(subscription, subscription.c.subscriber_id == subscriber.c.id)
    .group_by(subscriber.c.id)
)


def _summary(row: Row[Any]) -> dict[str, Cell]:
    return {
        "id": row.id,
        "dead since": row.bounced_at,
        "failures in a row": row.soft_bounces,
        "follows": row.follows,
        "left": row.unsubscribed_at,
    }


def one_person(
    connection: Connection, owner: SubscriberId, suppression: Suppression
) -> Sequence[Table]:
    """Return what an operator may need to know of one person; raises PermanentError.

    All that is kept about them is another question: `mailtrack export`.
    """
    row = connection.execute(_PEOPLE.where(subscriber.c.id == owner)).one_or_none()
    if row is None:
        raise PermanentError(f"Nobody has the number {owner}; see `mailtrack people --state all`.")
    left_alone = suppression.find(connection, row.address)
    values = _summary(row) | {
        "address": row.address,
        "known since": row.created_at,
        "confirmed": row.confirmed_at,
        "left alone": left_alone and left_alone.why,
        "does not want": ", ".join(sorted(row.unwanted)),
        "also wants": ", ".join(sorted(row.also_wanted)),
    }
    return [
        Table.of_one("People", values),
        _followed(connection, owner),
        _mails(connection, owner),
        told(connection, notice.c.subscriber_id == owner, "Notices"),
    ]


def _followed(connection: Connection, owner: SubscriberId) -> Table:
    number = func.coalesce(parcel.c.number, shop_order.c.number)
    query = (
        select(
            number,
            subscription.c.milestone,
            subscription.c.milestone_at,
            subscription.c.created_at,
            subscription.c.muted_at,
        )
        .outerjoin(parcel, parcel.c.id == subscription.c.parcel_id)
        .outerjoin(shop_order, shop_order.c.id == subscription.c.shop_order_id)
        .where(subscription.c.subscriber_id == owner)
        .order_by(subscription.c.id.desc())
    )
    rows = [tuple(row) for row in connection.execute(query)]
    return Table("Follows", ("number", "milestone", "since", "followed", "stopped"), rows)


def _mails(connection: Connection, owner: SubscriberId) -> Table:
    query = (
        select(
            inbound.c.id, inbound.c.stored_at, inbound.c.outcome, inbound.c.reason, inbound.c.names
        )
        .where(inbound.c.subscriber_id == owner)
        .order_by(inbound.c.id.desc())
        .limit(50)
    )
    rows = [tuple(row) for row in connection.execute(query)]
    return Table("Mails from them", ("id", "stored", "outcome", "reason", "names"), rows)
