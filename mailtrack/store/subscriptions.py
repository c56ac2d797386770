"""What people follow: parcels, and orders that wait for their parcel."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    bindparam,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)

from mailtrack.domain.budget import SKEW
from mailtrack.domain.milestones import ENDS_OF_AN_ORDER, Milestone
from mailtrack.domain.model import (
    OrderId,
    ParcelId,
    PickupPoint,
    Reason,
    RowKey,
    SubscriberId,
    SubscriptionId,
    TrackingEvent,
)
from mailtrack.domain.pickup import completed
from mailtrack.domain.tracking import MAIL
from mailtrack.store.schema import Instant, mail_event, subscriber, subscription
from mailtrack.store.upsert import insert_ignoring

#: Between the titles in `subscription.titles`; no shop prints it in a title.
ITEM_BREAK = "\n"

#: Statements of every mail, built once (see `store.upsert`).
_SUBSCRIPTIONS = select(subscription).where(
    subscription.c.id.in_(bindparam("subscriptions", expanding=True))
)
_MAIL_EVENTS = (
    select(mail_event)
    .where(mail_event.c.subscription_id.in_(bindparam("subscriptions", expanding=True)))
    .order_by(mail_event.c.at, mail_event.c.id)
)
_OWNED = (
    select(subscription.c.id)
    .where(subscription.c.subscriber_id == bindparam("owner"))
    .order_by(subscription.c.id)
    .limit(1)
)
_TO_PARCEL = _OWNED.where(subscription.c.parcel_id == bindparam("parcel"))
_TO_ORDER = _OWNED.where(subscription.c.shop_order_id == bindparam("order"))
#: To a parcel, or to an order that waits for one.
_TO_PARCEL_OR_AWAITING = (
    select(subscription.c.id, subscription.c.parcel_id)
    .where(
        subscription.c.subscriber_id == bindparam("owner"),
        or_(
            subscription.c.parcel_id == bindparam("parcel"),
            subscription.c.parcel_id.is_(None)
            & subscription.c.shop_order_id.in_(bindparam("orders", expanding=True)),
        ),
    )
    .order_by(subscription.c.id)
)
_STOPPED = _OWNED.where(subscription.c.muted_at.is_not(None))
_INSERT = subscription.insert().returning(subscription.c.id)
_LEARNED = select(subscription.c.titles, subscription.c.named_by).where(
    subscription.c.id == bindparam("mine")
)
_WITHIN = (
    subscription.c.created_at > bindparam("since"),
    # What a clock wrote that was ahead uses no quota up.
    subscription.c.created_at <= bindparam("ahead"),
)
_LATELY = select(subscription.c.id).where(*_WITHIN)
_LATELY_OF = {
    "owner": _LATELY.where(subscription.c.subscriber_id == bindparam("owner")),
    "domain": _LATELY.join(subscriber, subscriber.c.id == subscription.c.subscriber_id).where(
        subscriber.c.mail_domain == bindparam("domain")
    ),
    "all": _LATELY,
}
_FOLLOWED_SINCE = select(
    *(
        select(func.count())
        .select_from(new.limit(bindparam("most")).subquery())
        .scalar_subquery()
        .label(f"of_{whom}")
        for whom, new in _LATELY_OF.items()
    )
)
_STATE = ("milestone", "milestone_at", "reason")
_NEW = tuple(f"new_{name}" for name in _STATE)
_STATES = select(subscription.c.id, *subscription.c[_STATE]).where(
    subscription.c.id.in_(bindparam("subscriptions", expanding=True))
)
_SAVE_STATE = (
    update(subscription)
    .where(subscription.c.id == bindparam("mine"))
    .values({name: bindparam(new) for name, new in zip(_STATE, _NEW, strict=True)})
)

#: Where something stands: its milestone, since when, and why.
State = tuple[Milestone | None, datetime | None, Reason | None]


@dataclass(frozen=True, slots=True)
class FollowedCounts:
    """New parcels of a while: of one person, of their mail domain, of everybody."""

    of_owner: int
    of_domain: int
    of_all: int


@dataclass(frozen=True, slots=True)
class Subscription:
    """One row of what somebody follows.

    `milestone`: where it stands by what its carriers and their own mails told. `named_by`: the
    code of the shop or carrier whose mail was the first to name it. `local`: see
    `store.local_parcels`. `own_name`: what they call it, "" where they gave it no name;
    `received_at`: when they said that they have it.
    """

    id: SubscriptionId
    key: RowKey
    subscriber: SubscriberId
    parcel: ParcelId | None
    order: OrderId | None
    items: tuple[str, ...]
    created_at: datetime
    muted_at: datetime | None
    milestone: Milestone | None = None
    milestone_at: datetime | None = None
    reason: Reason | None = None
    #: On which day a mail of theirs expects the delivery, and the code of who wrote it.
    expected_on: date | None = None
    expected_by: str | None = None
    #: The hours of that day ("11:15-15:15", Paris), and where it waits, by mails of theirs.
    expected_slot: str = ""
    pickup: PickupPoint | None = None
    named_by: str | None = None
    local: ParcelId | None = None
    own_name: str = ""
    received_at: datetime | None = None

    @property
    def name(self) -> str:
        """Return what it is called: by them, by the first article's title, "" by nobody."""
        return self.own_name or next(iter(self.items), "")

    @property
    def contents(self) -> tuple[str, ...]:
        """Return what is in it: as they call it, or else by the titles of the articles."""
        return (self.own_name,) if self.own_name else self.items

    @property
    def parcels(self) -> list[ParcelId]:
        """Return the parcels that it hears of, in the order in which all lock them."""
        return sorted(one for one in (self.parcel, self.local) if one is not None)

    @property
    def muted(self) -> bool:
        return self.muted_at is not None


def follow_order(
    connection: Connection,
    owner: SubscriberId,
    order: OrderId,
    items: Iterable[str],
    now: datetime,
    trace: str = "",
    named_by: str | None = None,
) -> tuple[SubscriptionId, bool]:
    """Follow an order that has no parcel yet; return whether the subscription is new."""
    mine = _find(connection, _TO_ORDER, owner=owner, order=order)
    if mine is not None:
        _learn(connection, mine, items, named_by)
        return mine, False
    return _insert(connection, owner, None, order, items, now, trace, named_by), True


def follow_parcel(
    connection: Connection,
    owner: SubscriberId,
    parcel_id: ParcelId,
    orders: Iterable[OrderId],
    items: Iterable[str],
    now: datetime,
    trace: str = "",
    named_by: str | None = None,
    local: ParcelId | None = None,
) -> tuple[SubscriptionId, bool]:
    """Follow a parcel; a subscription that waited for one of its orders becomes this one.

    So does one to `local`, the parcel that has its local number: that hears of both from now on.
    What mails told of the order goes with it, but for an end: here is its parcel after all.
    Tells whether the subscription (to this parcel) is new. `trace`: the id in the logs of
    the mail that asks for it; `named_by`: the code of who wrote that. The parcels must be
    locked: they might be erased at this moment.
    """
    asked = {"owner": owner, "parcel": parcel_id, "orders": list(orders)}
    rows = connection.execute(_TO_PARCEL_OR_AWAITING, asked).all()
    mine = next((SubscriptionId(row.id) for row in rows if row.parcel_id is not None), None)
    if mine is not None:
        _learn(connection, mine, items, named_by)
        return mine, False
    waiting = next((SubscriptionId(row.id) for row in rows), None)
    found: dict[str, object] = {
        "parcel_id": parcel_id,
        "milestone": None,
        "milestone_at": None,
        "reason": None,
    }
    if waiting is None and local is not None:
        by_local = _TO_PARCEL.where(subscription.c.local_parcel_id.is_(None))
        waiting = _find(connection, by_local, owner=owner, parcel=local)
        found["local_parcel_id"] = local
    if waiting is None:
        return _insert(connection, owner, parcel_id, None, items, now, trace, named_by), True
    connection.execute(update(subscription).where(subscription.c.id == waiting).values(**found))
    ends = mail_event.c.milestone.in_(ENDS_OF_AN_ORDER)
    connection.execute(delete(mail_event).where(mail_event.c.subscription_id == waiting, ends))
    _learn(connection, waiting, items, named_by)
    return waiting, True


def follows(connection: Connection, owner: SubscriberId, parcel_id: ParcelId) -> bool:
    """Return True if somebody follows a parcel by itself, or followed it and stopped."""
    return _find(connection, _TO_PARCEL, owner=owner, parcel=parcel_id) is not None


def followed_since(
    connection: Connection,
    owner: SubscriberId,
    domain: str,
    since: datetime,
    now: datetime,
    most: int,
) -> FollowedCounts:
    """Count what has come to be followed since a moment, and not after `now`; each up to `most`.

    `domain` is that of the owner's address, "" where its addresses share no quota.
    """
    asked = {"owner": owner, "domain": domain, "since": since, "ahead": now + SKEW, "most": most}
    return FollowedCounts(*connection.execute(_FOLLOWED_SINCE, asked).one())


def _find(connection: Connection, query: Select[int], **asked: object) -> SubscriptionId | None:
    found = connection.execute(query, asked).scalar_one_or_none()
    return None if found is None else SubscriptionId(found)


def _insert(
    connection: Connection,
    owner: SubscriberId,
    parcel_id: ParcelId | None,
    order: OrderId | None,
    items: Iterable[str],
    now: datetime,
    trace: str,
    named_by: str | None,
) -> SubscriptionId:
    row = {
        "subscriber_id": owner,
        "parcel_id": parcel_id,
        "shop_order_id": order,
        "titles": ITEM_BREAK.join(items),
        "created_at": now,
        "trace": trace,
        "named_by": named_by,
    }
    return SubscriptionId(connection.execute(_INSERT, row).scalar_one())


def _learn(
    connection: Connection, mine: SubscriptionId, items: Iterable[str], named_by: str | None
) -> None:
    """Add what another mail says of what somebody follows."""
    known = connection.execute(_LEARNED, {"mine": mine}).one()
    merged = dict.fromkeys([*known.titles.split(ITEM_BREAK), *items])
    merged.pop("", None)
    learned = {"titles": ITEM_BREAK.join(merged), "named_by": known.named_by or named_by}
    if learned != known._asdict():
        connection.execute(update(subscription).where(subscription.c.id == mine).values(learned))


def by_key(connection: Connection, key: RowKey) -> Subscription | None:
    """Return the subscription that a link names, or None where it was erased."""
    row = connection.execute(select(subscription).where(subscription.c.key == key)).one_or_none()
    return None if row is None else subscription_from(row)


def read(connection: Connection, wanted: Collection[SubscriptionId]) -> list[Subscription]:
    """Return subscriptions; those that were erased are left out."""
    rows = connection.execute(_SUBSCRIPTIONS, {"subscriptions": list(wanted)})
    return [subscription_from(row) for row in rows]


def subscription_from(row: Row[Any]) -> Subscription:
    """Return a row of the table as a value."""
    return Subscription(
        id=SubscriptionId(row.id),
        key=RowKey(row.key),
        subscriber=SubscriberId(row.subscriber_id),
        parcel=row.parcel_id,
        order=row.shop_order_id,
        items=tuple(title for title in row.titles.split(ITEM_BREAK) if title),
        created_at=row.created_at,
        muted_at=row.muted_at,
        milestone=Milestone(row.milestone) if row.milestone else None,
        milestone_at=row.milestone_at,
        reason=Reason(row.reason) if row.reason else None,
        expected_on=row.expected_on,
        expected_by=row.expected_by,
        expected_slot=row.expected_slot or "",
        pickup=pickup_of(row),
        named_by=row.named_by,
        local=row.local_parcel_id,
        own_name=row.own_name or "",
        received_at=row.received_at,
    )


def pickup_of(row: Row[Any]) -> PickupPoint | None:
    """Return where a row says that something waits, None where it does not."""
    point = PickupPoint(
        name=row.pickup_name or "",
        address=row.pickup_address or "",
        last_day=row.pickup_last_day,
        code=row.pickup_code or "",
    )
    return point if point != PickupPoint("") else None


def of_subscriber(connection: Connection, owner: SubscriberId) -> list[Subscription]:
    """Return everything that somebody follows, newest first."""
    query = (
        select(subscription)
        .where(subscription.c.subscriber_id == owner)
        .order_by(subscription.c.id.desc())
    )
    return [subscription_from(row) for row in connection.execute(query)]


def any_stopped(connection: Connection, owner: SubscriberId) -> bool:
    """Return True if somebody has stopped anything that they followed."""
    return _find(connection, _STOPPED, owner=owner) is not None


def mute(connection: Connection, mine: SubscriptionId, now: datetime | None) -> bool:
    """Stop the mails about one parcel (`now`) or let them come again (None)."""
    told: dict[str, datetime | None] = {"muted_at": now}
    if now is None:
        told["received_at"] = None  # who wants to hear of it again has not received it
    done = connection.execute(update(subscription).where(subscription.c.id == mine).values(told))
    return done.rowcount == 1


def receive(connection: Connection, mine: SubscriptionId, now: datetime) -> bool:
    """Note that somebody has what they follow, which stops its mails; False where it was known."""
    muted_at = func.coalesce(subscription.c.muted_at, literal(now, Instant))
    done = connection.execute(
        update(subscription)
        .where(subscription.c.id == mine, subscription.c.received_at.is_(None))
        .values(received_at=now, muted_at=muted_at)
    )
    return done.rowcount == 1


def rename(connection: Connection, mine: SubscriptionId, name: str) -> None:
    """Keep what somebody calls what they follow; "" takes the name back."""
    connection.execute(
        update(subscription).where(subscription.c.id == mine).values(own_name=name or None)
    )


def save_states(
    connection: Connection, states: Mapping[SubscriptionId, State]
) -> list[SubscriptionId]:
    """Store where things stand for those who follow them; return for whom that is new.

    Whatever they follow is locked, a parcel or an order of theirs.
    """
    if not states:
        return []
    rows = connection.execute(_STATES, {"subscriptions": list(states)})
    moved = sorted(mine for mine, *known in rows if tuple(known) != states[mine])
    if moved:
        changes = [{"mine": mine, **dict(zip(_NEW, states[mine], strict=True))} for mine in moved]
        connection.execute(_SAVE_STATE, changes)
    return moved


# --- what people's own mails told -------------------------------------------------------


def expect(
    connection: Connection, mine: SubscriptionId, day: date, by: str, slot: str = ""
) -> None:
    """Keep on which day (and in which hours) a mail of theirs expects the delivery.

    A later mail knows better.
    """
    told = {"expected_on": day, "expected_by": by, "expected_slot": slot or None}
    connection.execute(update(subscription).where(subscription.c.id == mine).values(**told))


def note_pickup(connection: Connection, mine: SubscriptionId, told: PickupPoint) -> None:
    """Keep where a mail of theirs says that the parcel waits.

    A later mail adds to an earlier one of the same pick-up, and takes the place of others.
    """
    row = connection.execute(select(subscription).where(subscription.c.id == mine)).one()
    known = completed(told, pickup_of(row))
    connection.execute(
        update(subscription)
        .where(subscription.c.id == mine)
        .values(
            pickup_name=known.name or None,
            pickup_address=known.address or None,
            pickup_last_day=known.last_day,
            pickup_code=known.code or None,
        )
    )


def add_mail_event(connection: Connection, mine: SubscriptionId, event: TrackingEvent) -> bool:
    """Keep what a mail of theirs told its reader; False where it was known."""
    told = {
        "milestone": event.milestone,
        "code": event.code[:32],
        "told_by": event.told_by[:32],
        "at": event.at,
    }
    return insert_ignoring(connection, mail_event, {"subscription_id": mine, **told})


def mail_events(
    connection: Connection, wanted: Collection[SubscriptionId]
) -> dict[SubscriptionId, list[TrackingEvent]]:
    """Return what their own mails told the people of subscriptions, oldest first."""
    events: dict[SubscriptionId, list[TrackingEvent]] = {mine: [] for mine in wanted}
    for row in connection.execute(_MAIL_EVENTS, {"subscriptions": list(wanted)}):
        told = mail_event_of(Milestone(row.milestone), row.code, row.at, row.told_by)
        events[row.subscription_id].append(told)
    return events


def mail_event_of(
    milestone: Milestone, kind: str, at: datetime, told_by: str = ""
) -> TrackingEvent:
    """Return the event that a mail of some kind tells; a mail that says it again tells no other.

    `told_by`: the code of who wrote it.
    """
    return TrackingEvent(at, milestone, MAIL, code=kind, mark=milestone, told_by=told_by)
