"""Subscribers: who may be written to, what they chose, and what proves them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, or_, select, update

from mailtrack.domain.model import Outcome, ParcelId, RowKey, SubscriberId
from mailtrack.domain.notice_preferences import NoticePreferences
from mailtrack.store.engine import ConflictError, locked
from mailtrack.store.schema import inbound, subscriber, subscription
from mailtrack.store.upsert import insert_new

#: How long an address is kept in whose name somebody wrote, and nobody ever confirmed it.
NEVER_CONFIRMED = timedelta(days=30)

#: They clicked, or a mail of theirs was believed: that stays as it is.
HAS_ANSWERED = or_(
    subscriber.c.confirmed_at.is_not(None),
    select(inbound.c.id)
    .where(
        inbound.c.subscriber_id == subscriber.c.id,
        inbound.c.outcome.is_distinct_from(Outcome.REFUSED),
    )
    .exists(),
)
#: They follow something, which ends one day.
FOLLOWS = select(subscription.c.id).where(subscription.c.subscriber_id == subscriber.c.id).exists()

#: Between our looking for somebody and our storing them, others may store or erase them.
_TRIES = 5

#: Statements of every mail, built once (see `store.upsert`).
_LOCKED_BY_ADDRESS = locked(
    select(subscriber.c.id).where(subscriber.c.address == bindparam("address"))
)
_SENDER = select(
    subscriber.c.address,
    subscriber.c.unsubscribed_at,
    subscriber.c.soft_bounces,
    subscriber.c.bounced_at,
).where(subscriber.c.id == bindparam("owner"))


@dataclass(frozen=True, slots=True)
class SubscriberState:
    """What is known of somebody who has just written: their address, and when they had left."""

    address: str
    left_at: datetime | None


def subscriber_of(connection: Connection, address: str, now: datetime) -> SubscriberId:
    """Return the subscriber with an address, new or known, locked until the transaction ends."""
    for _ in range(_TRIES):
        found = connection.execute(_LOCKED_BY_ADDRESS, {"address": address}).scalar_one_or_none()
        if found is None:
            # Nobody else sees a row before its transaction ends: it needs no lock.
            new = {"address": address, "created_at": now, "review_at": now + NEVER_CONFIRMED}
            found = insert_new(connection, subscriber, new)
        if found is not None:
            return SubscriberId(found)
    raise ConflictError("A subscriber is erased as often as they are stored.")


def lock(connection: Connection, owner: SubscriberId) -> bool:
    """Keep other writers off a subscriber until the transaction ends; False where there is none."""
    query = locked(select(subscriber.c.id).where(subscriber.c.id == owner))
    return connection.execute(query).first() is not None


def by_key(connection: Connection, key: RowKey) -> SubscriberId | None:
    """Return the subscriber whom a link or an address names, or None where they were erased."""
    query = select(subscriber.c.id).where(subscriber.c.key == key)
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else SubscriberId(found)


def key_of(connection: Connection, owner: SubscriberId) -> RowKey:
    """Return what links and addresses call somebody."""
    query = select(subscriber.c.key).where(subscriber.c.id == owner)
    return RowKey(connection.execute(query).scalar_one())


def welcome_back(connection: Connection, owner: SubscriberId) -> None:
    """Let mails go to somebody who had left and forwards by hand again.

    What they followed before stays muted: they asked for this parcel, not for those.
    """
    connection.execute(
        update(subscriber).where(subscriber.c.id == owner).values(unsubscribed_at=None)
    )


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
        .where(
            subscription.c.subscriber_id == owner,
            subscription.c.muted_at == left_at,
            subscription.c.received_at.is_(None),
        )
        .values(muted_at=None)
        .returning(subscription.c.parcel_id, subscription.c.local_parcel_id)
    )
    parcels = sorted({ParcelId(number) for row in revived for number in row if number is not None})
    connection.execute(
        update(subscriber).where(subscriber.c.id == owner).values(unsubscribed_at=None)
    )
    return parcels


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
    """Return True if somebody's address refuses our mails."""
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


def heard_from(connection: Connection, owner: SubscriberId) -> SubscriberState:
    """Note that an address is alive: a mail came from it, or a click from a mail to it.

    Returns what was known of them; they must be locked.
    """
    row = connection.execute(_SENDER, {"owner": owner}).one()
    if row.soft_bounces or row.bounced_at is not None:
        alive = update(subscriber).where(subscriber.c.id == owner)
        connection.execute(alive.values(soft_bounces=0, bounced_at=None))
    return SubscriberState(row.address, row.unsubscribed_at)


def exists(connection: Connection, owner: SubscriberId) -> bool:
    """Return True if somebody is (still) known."""
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


def is_proven(connection: Connection, owner: SubscriberId) -> bool:
    """Return True if an address was ever proven to be its owner's; who follows anything has."""
    query = select(subscriber.c.id).where(subscriber.c.id == owner, or_(HAS_ANSWERED, FOLLOWS))
    return connection.execute(query).first() is not None


def takes_questions(connection: Connection, owner: SubscriberId) -> bool:
    """Return True if an address may be written to for a mail that may not be theirs.

    Not where it is dead, or where somebody who never confirmed it said "never again".
    """
    columns = subscriber.c.confirmed_at, subscriber.c.unsubscribed_at, subscriber.c.bounced_at
    query = select(*columns).where(subscriber.c.id == owner)
    row = connection.execute(query).one()
    return row.bounced_at is None and (row.unsubscribed_at is None or row.confirmed_at is not None)


def preferences_of(connection: Connection, owner: SubscriberId) -> NoticePreferences:
    """Return which kinds of notices somebody chose to get, and not to get."""
    query = select(subscriber.c.unwanted, subscriber.c.also_wanted).where(subscriber.c.id == owner)
    row = connection.execute(query).one()
    return NoticePreferences(row.unwanted, row.also_wanted)


def choose(connection: Connection, owner: SubscriberId, preferences: NoticePreferences) -> None:
    """Note which kinds of notices somebody wants from now on, and which not."""
    connection.execute(
        update(subscriber)
        .where(subscriber.c.id == owner)
        .values(unwanted=preferences.unwanted, also_wanted=preferences.also_wanted)
    )


def postcode_of(connection: Connection, owner: SubscriberId) -> str | None:
    """Return the postcode that somebody told, None where they told none."""
    query = select(subscriber.c.postcode).where(subscriber.c.id == owner)
    told: str | None = connection.execute(query).scalar_one()
    return told


def tell_postcode(connection: Connection, owner: SubscriberId, postcode: str | None) -> None:
    """Note the postcode that somebody's parcels go to, or forget it."""
    connection.execute(update(subscriber).where(subscriber.c.id == owner).values(postcode=postcode))


def find_subscriber(connection: Connection, address: str) -> SubscriberId | None:
    """Return who has an address, if anybody."""
    query = select(subscriber.c.id).where(subscriber.c.address == address)
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else SubscriberId(found)


def address_of(connection: Connection, owner: SubscriberId) -> str:
    """Return somebody's address."""
    query = select(subscriber.c.address).where(subscriber.c.id == owner)
    return str(connection.execute(query).scalar_one())
