"""The local number that a person's mail gives their parcel: followed as a parcel of its own.

A shop's mail may name, beside its parcel, the number by which the carrier on the last
kilometres knows it. Anybody can write such a mail, and a leg would be everybody's who follows
the parcel. So the number is a parcel of its own, asked about once however many name it, and the
subscription of who sent the mail points to it: they, and nobody else, are told of both as of
one. Where the parcel's own carriers come to know it by that number, the pointer goes.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    bindparam,
    case,
    exists,
    literal,
    or_,
    select,
    union_all,
    update,
)

from mailtrack.domain.model import ParcelId, PollState, SubscriberId, SubscriptionId
from mailtrack.store import parcels
from mailtrack.store.engine import ConflictError
from mailtrack.store.parcels import ParcelRow
from mailtrack.store.schema import leg, parcel, subscription

#: Statements of every mail and answer, built once (see `store.upsert`).
_NUMBERS: BindParameter[Any] = bindparam("numbers", expanding=True)
_PARCELS: BindParameter[Any] = bindparam("parcels", expanding=True)
_BESIDE = union_all(
    *(
        select(this.label("parcel_id"), subscription.c.id, other.label("other_id")).where(
            this.in_(_PARCELS), subscription.c.local_parcel_id.is_not(None)
        )
        for this, other in (
            (subscription.c.parcel_id, subscription.c.local_parcel_id),
            (subscription.c.local_parcel_id, subscription.c.parcel_id),
        )
    )
)
_NAMED = union_all(
    select(parcel.c.id, parcel.c.number, literal(0).label("rank")).where(
        parcel.c.number.in_(_NUMBERS)
    ),
    select(parcel.c.id, parcel.c.local_number, literal(1)).where(
        parcel.c.local_number.in_(_NUMBERS)
    ),
    select(leg.c.parcel_id, leg.c.number, literal(1)).where(leg.c.number.in_(_NUMBERS)),
).subquery()
_FOLLOWED_AS = (
    select(_NAMED.c.id, _NAMED.c.number, subscription.c.parcel_id)
    .join(
        subscription,
        or_(subscription.c.parcel_id == _NAMED.c.id, subscription.c.local_parcel_id == _NAMED.c.id),
    )
    .where(subscription.c.subscriber_id == bindparam("owner"))
    .order_by(_NAMED.c.rank, subscription.c.parcel_id != _NAMED.c.id, subscription.c.id)
)
_LOCAL = parcel.alias()
_SETTLED = (
    select(_LOCAL.c.id)
    .distinct()
    .join(subscription, subscription.c.local_parcel_id == _LOCAL.c.id)
    .join(leg, (leg.c.number == _LOCAL.c.number) & (leg.c.parcel_id == bindparam("parcel")))
    .where(subscription.c.parcel_id == bindparam("parcel"), leg.c.state == PollState.FOUND)
)


#: What each subscription that hears of a parcel and of another one hears of besides.
Beside = Mapping[SubscriptionId, ParcelId]


@dataclass(frozen=True, slots=True)
class LockedPairs:
    """Parcels that are locked, and what their followers hear of beside each, locked as well."""

    rows: Mapping[ParcelId, ParcelRow]
    beside: Mapping[ParcelId, Beside]


@dataclass(frozen=True, slots=True)
class FollowedAs:
    """What somebody follows by a number: the parcel, and which of its two has that number."""

    parcel: ParcelId
    numbered: ParcelId


def concerns(parcel_id: ParcelId | BindParameter[Any]) -> ColumnElement[bool]:
    """Return the condition that a subscription hears of a parcel, as its own or its local one."""
    return or_(subscription.c.parcel_id == parcel_id, subscription.c.local_parcel_id == parcel_id)


#: The same of any of some parcels that are named with each use of the statement.
CONCERNS = or_(subscription.c.parcel_id.in_(_PARCELS), subscription.c.local_parcel_id.in_(_PARCELS))


def hears_last_from(row: ParcelRow) -> ColumnElement[bool]:
    """Return the condition that a subscription hears of a parcel, and of its other one no later.

    A parcel that no carrier has told anything of is silent to those alone who follow it itself.
    """
    other = parcel.alias()
    is_main = subscription.c.parcel_id == row.id
    beside = case((is_main, subscription.c.local_parcel_id), else_=subscription.c.parcel_id)
    if row.last_event_at is None:
        later = exists().where(other.c.id == beside, other.c.last_event_at.is_not(None))
        return is_main & ~later
    later = exists().where(other.c.id == beside, other.c.last_event_at > row.last_event_at)
    return concerns(row.id) & ~later


def beside(connection: Connection, parcel_id: ParcelId) -> Beside:
    """Return the other parcel of each subscription that hears of this one and of another."""
    return beside_each(connection, [parcel_id])[parcel_id]


def beside_each(connection: Connection, wanted: Collection[ParcelId]) -> Mapping[ParcelId, Beside]:
    """Return the other parcel of each subscription that hears of one of these and of another."""
    found: dict[ParcelId, dict[SubscriptionId, ParcelId]] = {one: {} for one in wanted}
    for row in connection.execute(_BESIDE, {"parcels": list(wanted)}):
        found[row.parcel_id][SubscriptionId(row.id)] = ParcelId(row.other_id)
    return found


def lock(connection: Connection, wanted: Collection[ParcelId]) -> LockedPairs:
    """Lock parcels with those that their followers hear of beside them, but those erased since.

    What is news to them follows from both. Nobody can come to point to a parcel that is locked:
    who did while we waited for the lock makes us begin anew, to keep the order of locks.
    Raises ConflictError then.
    """
    theirs = beside_each(connection, wanted).values()
    others = {other for each in theirs for other in each.values()}
    held = {row.id: row for row in parcels.lock_all(connection, {*wanted, *others})}
    rows = {parcel_id: held[parcel_id] for parcel_id in wanted if parcel_id in held}
    beside_them = beside_each(connection, rows)
    if any(not held.keys() >= set(each.values()) for each in beside_them.values()):
        raise ConflictError("Somebody's mail has just given one of these a local number.")
    return LockedPairs(rows, beside_them)


def attach(connection: Connection, mine: SubscriptionId, local: ParcelId) -> bool:
    """Let a subscription hear of a local parcel, too; False where it has another already.

    The first one stays: each costs the carriers' budgets, and a person has as many as parcels.
    Both are locked.
    """
    done = connection.execute(
        update(subscription)
        .where(
            subscription.c.id == mine,
            subscription.c.parcel_id != local,
            subscription.c.local_parcel_id.is_(None),
        )
        .values(local_parcel_id=local)
    )
    return done.rowcount == 1


def settle(connection: Connection, parcel_id: ParcelId) -> None:
    """Drop the local parcels of which a parcel's own carriers tell all that is known of them."""
    found = connection.scalars(_SETTLED, {"parcel": parcel_id})
    candidates = [ParcelId(row_id) for row_id in found]
    if not candidates:
        return
    told = {event.fingerprint for event in parcels.history(connection, parcel_id)}
    for known, events in parcels.histories(connection, candidates).items():
        if told.issuperset(event.fingerprint for event in events):
            pointers = (
                subscription.c.parcel_id == parcel_id,
                subscription.c.local_parcel_id == known,
            )
            connection.execute(update(subscription).where(*pointers).values(local_parcel_id=None))


def followed_as(
    connection: Connection, owner: SubscriberId, numbers: Collection[str]
) -> dict[str, FollowedAs]:
    """Return what somebody follows, or followed and stopped, by some numbers.

    A parcel's own number, the local one that its carriers or a mail of theirs gave it, or one
    that is asked of for it. What has the number as its own goes first.
    """
    known: dict[str, FollowedAs] = {}
    for row in connection.execute(_FOLLOWED_AS, {"owner": owner, "numbers": list(numbers)}):
        found = FollowedAs(ParcelId(row.parcel_id), ParcelId(row.id))
        known.setdefault(row.number, found)
    return known


def pairs_of(
    connection: Connection, owner: SubscriberId, followed: Iterable[ParcelId]
) -> set[ParcelId]:
    """Return some parcels that somebody follows, and the local ones beside them."""
    some = list(followed)
    if not some:
        return set()
    query = select(subscription.c.parcel_id, subscription.c.local_parcel_id).where(
        subscription.c.subscriber_id == owner, subscription.c.parcel_id.in_(some)
    )
    pairs = connection.execute(query)
    return {ParcelId(number) for pair in pairs for number in pair if number is not None}
