"""Who follows a parcel, and what they know of it already: one query, however many they are."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, exists, func, select

from mailtrack.domain.milestones import ENDED, Milestone, mailed_on_request
from mailtrack.domain.model import LegId, ParcelId, SubscriptionId
from mailtrack.domain.tracking import Follower, Key, Skip
from mailtrack.store.local_parcels import CONCERNS, concerns
from mailtrack.store.notices import DIGESTED, preferences, silenced
from mailtrack.store.schema import leg, notice, subscriber, subscription

#: Where a parcel stands for somebody, and since when.
Standing = tuple[Milestone | None, datetime]

_MILESTONES = frozenset(Milestone)
#: Nothing keeps mails from them.
_HEARS = (
    subscription.c.muted_at.is_(None),
    subscriber.c.unsubscribed_at.is_(None),
    subscriber.c.bounced_at.is_(None),
)

#: Statements of every mail and answer, built once (see `store.upsert`).
_FOLLOWERS = (
    select(
        subscription.c.id,
        subscription.c.parcel_id,
        subscription.c.local_parcel_id,
        subscription.c.muted_at,
        subscriber.c.unsubscribed_at,
        subscriber.c.bounced_at,
        subscriber.c.unwanted,
        subscriber.c.also_wanted,
        notice.c.kind,
        notice.c.occurrence,
        notice.c.skip,
        notice.c.event_at,
    )
    .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
    .outerjoin(
        notice, (notice.c.subscription_id == subscription.c.id) & notice.c.kind.in_(_MILESTONES)
    )
    .order_by(subscription.c.id)
)
_OF_PARCELS = _FOLLOWERS.where(CONCERNS)
_OF_SUBSCRIPTION = _FOLLOWERS.where(subscription.c.id == bindparam("mine"))
_WHO_WAIT = (
    select(
        subscription.c.parcel_id,
        subscription.c.local_parcel_id,
        subscription.c.milestone,
        func.coalesce(subscription.c.milestone_at, subscription.c.created_at).label("since"),
    )
    .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
    .where(CONCERNS, *_HEARS)
)


def of_parcels(
    connection: Connection, those: Collection[ParcelId], wanted: frozenset[Milestone]
) -> dict[ParcelId, list[Follower]]:
    """Return everyone who follows parcels, by parcel, with what they were told of it.

    `wanted`: what people hear of who made no choice.
    """
    followers: dict[ParcelId, list[Follower]] = {parcel_id: [] for parcel_id in those}
    found = connection.execute(_OF_PARCELS, {"parcels": list(those)})
    for (*both, _), rows in groupby(found, key=attrgetter("parcel_id", "local_parcel_id", "id")):
        person = _follower(tuple(rows), wanted)
        for parcel_id in followers.keys() & both:
            followers[parcel_id].append(person)
    return followers


def of_subscription(
    connection: Connection, mine: SubscriptionId, wanted: frozenset[Milestone]
) -> list[Follower]:
    """Return the one who follows a parcel or an order, none where that was erased."""
    rows = connection.execute(_OF_SUBSCRIPTION, {"mine": mine}).all()
    return [_follower(rows, wanted)] if rows else []


def _follower(rows: Sequence[Any], wanted: frozenset[Milestone]) -> Follower:
    """Return one person from their rows: one for each notice, one without any."""
    first = rows[0]
    past = [row for row in rows if row.kind is not None]
    told = [row for row in past if row.event_at and _counts_as_told(row)]
    return Follower(
        SubscriptionId(first.id),
        preferences(first).among(wanted),
        recorded=frozenset(Key(Milestone(row.kind), row.occurrence) for row in past),
        told=_latest(row for row in told if not _was_asked_for(row)),
        told_on_request=_latest(row for row in told if _was_asked_for(row)),
        silenced=silenced(first.muted_at, first.unsubscribed_at, first.bounced_at),
    )


def _latest(rows: Iterable[Row[Any]]) -> dict[Milestone, datetime]:
    """Return when the latest event of each milestone happened."""
    latest: dict[Milestone, datetime] = {}
    for row in rows:
        milestone = Milestone(row.kind)
        latest[milestone] = max(row.event_at, latest.get(milestone, row.event_at))
    return latest


def _counts_as_told(row: Row[Any]) -> bool:
    """Return True if what happened before a notice's event is old news to its reader.

    What they once wanted no mail about, and want one about now, is.
    """
    if row.skip in (Skip.UNWANTED, Skip.NOT_WANTED):
        return not preferences(row).decline(row.kind)
    return row.skip in (None, Skip.FIRST_ANSWER, Skip.ELSEWHERE, DIGESTED)


def _was_asked_for(row: Row[Any]) -> bool:
    """Return True if a notice is none of those that come to everybody.

    "Suivi enregistré" does, and tells what is mailed on request as well.
    """
    return row.kind in mailed_on_request() and row.skip != Skip.FIRST_ANSWER


def who_wait(connection: Connection, parcel_id: ParcelId) -> list[Standing]:
    """Return where a parcel stands for each who still hears of it."""
    return who_wait_for(connection, [parcel_id])[parcel_id]


def who_wait_for(
    connection: Connection, those: Collection[ParcelId]
) -> dict[ParcelId, list[Standing]]:
    """Return where parcels stand, and since when, for each who still hears of them.

    To whom one is but the local one, it stands nowhere until their parcel has come to its end:
    what moved may have been the other.
    """
    waiting: dict[ParcelId, list[Standing]] = {parcel_id: [] for parcel_id in those}
    for row in connection.execute(_WHO_WAIT, {"parcels": list(those)}):
        milestone = Milestone(row.milestone) if row.milestone else None
        if row.parcel_id in waiting:
            waiting[row.parcel_id].append((milestone, row.since))
        if row.local_parcel_id in waiting:
            at_end = milestone if milestone in ENDED else None
            waiting[row.local_parcel_id].append((at_end, row.since))
    return waiting


def postcodes(connection: Connection, leg_id: LegId) -> list[str]:
    """Return the postcodes that the followers of a leg's parcel told, newest follower first.

    Those of people who hear of nothing any more are not used.
    """
    parcel_id = connection.scalar(select(leg.c.parcel_id).where(leg.c.id == leg_id))
    if parcel_id is None:
        return []
    query = (
        select(subscriber.c.postcode)
        .join(subscription, subscription.c.subscriber_id == subscriber.c.id)
        .where(concerns(parcel_id), subscriber.c.postcode.is_not(None), *_HEARS)
        .order_by(subscription.c.id.desc())
    )
    return list(dict.fromkeys(connection.scalars(query)))


def untold(kind: str | ColumnElement[str], occurrence: str | ColumnElement[str]) -> Select[int]:
    """Select the subscriptions whose people hear of things and have no notice of a kind yet.

    In the order in which all write about them.
    """
    written = exists().where(
        notice.c.subscription_id == subscription.c.id,
        notice.c.kind == kind,
        notice.c.occurrence == occurrence,
    )
    return (
        select(subscription.c.id)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(*_HEARS, ~written)
        .order_by(subscription.c.id)
    )


#: Unordered: one row is enough, and nobody need read an index from its beginning for it.
_UNTOLD = untold(bindparam("kind"), bindparam("occurrence")).where(CONCERNS).order_by(None).limit(1)


def is_untold(connection: Connection, parcel_id: ParcelId, kind: str, occurrence: str) -> bool:
    """Return True if somebody who hears of a parcel has no notice of a kind yet."""
    asked = {"parcels": [parcel_id], "kind": kind, "occurrence": occurrence}
    return connection.execute(_UNTOLD, asked).first() is not None
