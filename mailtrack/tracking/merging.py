"""Merging events into what is known of a parcel or an order, whoever told them.

What a carrier tells holds for everybody who follows the parcel. What a mail tells is known to
its reader alone: anybody can write a mail. Of an order without a parcel nothing else tells. To
whose mail gave their parcel a local number, the history is that of two (`store.local_parcels`).
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from mailtrack.domain import tracking
from mailtrack.domain.milestones import ENDS_OF_AN_ORDER, mailed_by_default
from mailtrack.domain.model import ParcelId, SubscriptionId, TrackingEvent
from mailtrack.domain.stays import lane_of
from mailtrack.domain.tracking import Follower
from mailtrack.domain.witnesses import awaits_witness, outlasting
from mailtrack.notify.view import NoticeKind
from mailtrack.store import budgets, followers, local_parcels, notices, parcels, subscriptions
from mailtrack.tracking import forecasting, lateness


def take_in(
    connection: Connection, parcel_id: ParcelId, events: Sequence[TrackingEvent], now: datetime
) -> bool:
    """Merge what a carrier told into a parcel's history and owe its followers what follows.

    The parcel must be locked, with those that its followers hear of beside it. Returns True
    while an alarm waits for a second witness.

    1. What is new to the parcel? An alarm that has long been the last word counts as known.
    2. Each follower is told what follows from it beside what their own mails told them, and
       what is known of the other parcel that they hear of with this one.
    3. The new events are kept; those that no phrase file knows are counted.
    4. The parcel stands where its carriers' word alone has brought it, and is expected by that.
    """
    # 1.
    known = parcels.history(connection, parcel_id)
    events = outlasting(known, events, now)
    change = tracking.apply(known, events, ())
    # 2.
    people = followers.of_parcel(connection, parcel_id, mailed_by_default())
    told = subscriptions.mail_events(connection, [person.subscription for person in people])
    beside = local_parcels.beside(connection, parcel_id)
    theirs = parcels.histories(connection, set(beside.values())) if beside else {}
    unwritten = notices.unwritten(connection, parcel_id, NoticeKind.REGISTERED)
    for person in people:
        mine = person.subscription
        other = theirs[beside[mine]] if mine in beside else ()
        history = tracking.together(known, other, told[mine])
        _tell(connection, person, history, events, now, first=mine in unwritten)
    # 3.
    parcels.add_events(connection, parcel_id, change.new_events, now)
    parcels.note_certainty(connection, parcel_id, change.confirmed)
    unmapped = {(e.source, e.code, e.text) for e in change.new_events if e.is_unknown}
    # In one order, since two parcels may bring the same phrases at once.
    for source, code, text in sorted(unmapped):
        budgets.note_unmapped(connection, source, code, text, now)
    # 4.
    parcels.save_state(
        connection,
        parcel_id,
        milestone=change.milestone,
        current=change.current,
        last_event_at=max((event.at for event in change.events), default=None),
        lane=lane_of(change.events),
    )
    forecasting.promise(connection, parcel_id, change, now)
    return awaits_witness(change.events, now)


def take_in_mail(
    connection: Connection,
    parcel_id: ParcelId,
    mine: SubscriptionId,
    event: TrackingEvent,
    now: datetime,
) -> None:
    """Merge what somebody's mail told into what they know of a parcel; it is locked, as above."""
    first = notices.is_unwritten(connection, mine, NoticeKind.REGISTERED)
    told = _told_by_carriers(connection, parcel_id, mine)
    _take_in_own(connection, mine, told, [event], now, first)


def take_in_order_mail(
    connection: Connection, mine: SubscriptionId, events: Sequence[TrackingEvent], now: datetime
) -> None:
    """Merge what somebody's mails told of an order of which no parcel is known.

    An end is told by itself: "commande notée" says what to wait for.
    """
    ended = any(event.milestone in ENDS_OF_AN_ORDER for event in events)
    first = not ended and notices.is_unwritten(connection, mine, NoticeKind.ORDER_REGISTERED)
    _take_in_own(connection, mine, (), events, now, first)


def catch_up(
    connection: Connection,
    parcel_id: ParcelId,
    newcomer: SubscriptionId,
    now: datetime,
    *,
    carriers_told: bool,
) -> None:
    """Record what happened before somebody came to follow a parcel: it is no news to them.

    `carriers_told`: False where no carrier has told anything of it, nor of the one beside it.
    """
    told = _told_by_carriers(connection, parcel_id, newcomer) if carriers_told else ()
    known = [*told, *subscriptions.mail_events(connection, [newcomer])[newcomer]]
    if known:
        _tell(connection, Follower(newcomer, mailed_by_default()), known, (), now, first=True)


def take_in_local(
    connection: Connection, local: ParcelId, mine: SubscriptionId, now: datetime
) -> None:
    """Tell somebody what is known of the local parcel that their mail has just given theirs.

    Both are locked. What they know of their own is no news; what was known of the other is.
    """
    own = subscriptions.mail_events(connection, [mine])[mine]
    main = parcels.history(connection, local_parcels.beside(connection, local)[mine])
    known, events = tracking.together(main, own), parcels.history(connection, local)
    first = notices.is_unwritten(connection, mine, NoticeKind.REGISTERED)
    for person in followers.of_subscription(connection, mine, mailed_by_default()):
        _tell(connection, person, known, events, now, first=first)


def _told_by_carriers(
    connection: Connection, parcel_id: ParcelId, mine: SubscriptionId
) -> Sequence[TrackingEvent]:
    """Return what carriers told somebody of a parcel, and of the one beside it."""
    both = {parcel_id, local_parcels.beside(connection, parcel_id).get(mine, parcel_id)}
    return tracking.together(*parcels.histories(connection, both).values())


def _take_in_own(
    connection: Connection,
    mine: SubscriptionId,
    told_by_carriers: Sequence[TrackingEvent],
    events: Sequence[TrackingEvent],
    now: datetime,
    first: bool,
) -> None:
    known = [*told_by_carriers, *subscriptions.mail_events(connection, [mine])[mine]]
    for person in followers.of_subscription(connection, mine, mailed_by_default()):
        _tell(connection, person, known, events, now, first=first)
    for event in events:
        subscriptions.add_mail_event(connection, mine, event)


def _tell(
    connection: Connection,
    person: Follower,
    known: Sequence[TrackingEvent],
    events: Sequence[TrackingEvent],
    now: datetime,
    *,
    first: bool,
) -> None:
    """Owe notices to one person and note where the parcel stands for them, and until when.

    `first`: their "suivi enregistré" is unwritten, and will tell it all.
    """
    change = tracking.apply(known, events, [person], first_answer=first)
    notices.record(connection, change.decisions, now)
    if not (change.new_events or change.confirmed or first):
        return
    current = change.current
    moved = subscriptions.save_state(
        connection,
        person.subscription,
        change.milestone,
        current.at if current else None,
        current.reason if current else None,
    )
    if moved:
        lateness.note(connection, person.subscription, change)
