"""Whose number it is, as people say: by mails, by a link, by a typed name, on its page.

A carrier that somebody names for a number is right more often than one that such numbers look
like: the other has never heard of it, or knows another parcel by it. But anybody can write a
mail, and whom a parcel is asked of concerns everybody who follows it. So each name is kept
with the subscription of who sent the mail, and binds only where the mails of all who follow
the parcel name somebody: then all those may be asked, and nobody else. Where one follower's
mails name nobody, the form of the number says who may be asked, as ever.

Thus a stranger who follows somebody else's parcel can have one more carrier asked about it,
never one less; and whom a name keeps from being asked, any follower without one brings back.
That such a carrier does not know the number is told to nobody whose mails name another.
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    bindparam,
    delete,
    exists,
    or_,
    select,
)

from mailtrack.domain.model import ParcelId, SubscriptionId
from mailtrack.store.schema import named_carrier, subscription
from mailtrack.store.upsert import upsert

#: Statements of every mail and answer, built once (see `store.upsert`).
_PARCELS: BindParameter[Any] = bindparam("parcels", expanding=True)
_NAMED = (
    select(
        subscription.c.parcel_id,
        subscription.c.local_parcel_id,
        subscription.c.id,
        named_carrier.c.number,
        named_carrier.c.carrier,
    )
    .outerjoin(named_carrier, named_carrier.c.subscription_id == subscription.c.id)
    .where(
        or_(subscription.c.parcel_id.in_(_PARCELS), subscription.c.local_parcel_id.in_(_PARCELS))
    )
)
_TOLD = select(named_carrier).where(
    named_carrier.c.subscription_id.in_(bindparam("subscriptions", expanding=True))
)

#: The carriers that bind, by number; none of a number that anybody may be asked about.
Named = Mapping[str, frozenset[str]]


def name(connection: Connection, mine: SubscriptionId, number: str, carrier: str) -> None:
    """Keep whose number a mail of somebody's says one to be; a later mail knows better."""
    key = {"subscription_id": mine, "number": number}
    upsert(connection, named_carrier, key, {"carrier": carrier})


def forget(connection: Connection, mine: SubscriptionId, number: str) -> None:
    """Let go of whose number somebody said one to be."""
    connection.execute(
        delete(named_carrier).where(
            named_carrier.c.subscription_id == mine, named_carrier.c.number == number
        )
    )


def of_parcel(connection: Connection, parcel_id: ParcelId) -> Named:
    """Return whom alone the numbers of a parcel may be asked of."""
    return of_each(connection, [parcel_id])[parcel_id]


def of_each(connection: Connection, wanted: Collection[ParcelId]) -> dict[ParcelId, Named]:
    """Return whom alone the numbers of parcels may be asked of."""
    if not wanted:
        return {}
    told: dict[ParcelId, dict[SubscriptionId, dict[str, str]]] = {one: {} for one in wanted}
    for *parcel_ids, mine, number, carrier in connection.execute(_NAMED, {"parcels": list(wanted)}):
        for parcel_id in told.keys() & set(parcel_ids):
            theirs = told[parcel_id].setdefault(mine, {})
            if number is not None:
                theirs[number] = carrier
    named: dict[ParcelId, Named] = {}
    for one, people in told.items():
        # Those numbers that every follower's mails name a carrier for.
        numbers = set.intersection(*map(set, people.values())) if people else set()
        named[one] = {n: frozenset(theirs[n] for theirs in people.values()) for n in numbers}
    return named


def means_another(number: str, carrier: str) -> ColumnElement[bool]:
    """Return the condition that a subscriber's mails name another carrier for a number."""
    return exists().where(
        named_carrier.c.subscription_id == subscription.c.id,
        named_carrier.c.number == number,
        named_carrier.c.carrier != carrier,
    )


def told_to(
    connection: Connection, wanted: Collection[SubscriptionId]
) -> dict[SubscriptionId, dict[str, str]]:
    """Return the carriers that the mails of subscribers name, by subscription and number."""
    told: dict[SubscriptionId, dict[str, str]] = {mine: {} for mine in wanted}
    for row in connection.execute(_TOLD, {"subscriptions": list(wanted)}):
        told[row.subscription_id][row.number] = row.carrier
    return told
