"""Merging events into what is known of a parcel or an order, whoever told them.

What a carrier tells holds for everybody who follows the parcel. What a mail tells is known to
its reader alone: anybody can write a mail. Of an order without a parcel nothing else tells. To
whose mail gave their parcel a local number, the history is that of two (`store.local_parcels`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from sqlalchemy import Connection

from mailtrack.domain import tracking
from mailtrack.domain.milestones import ENDS_OF_AN_ORDER, mailed_by_default
from mailtrack.domain.model import ParcelId, SubscriptionId, TrackingEvent
from mailtrack.domain.stays import lane_of
from mailtrack.domain.tracking import Follower
from mailtrack.domain.witnesses import awaits_witness, outlasting
from mailtrack.notify.view import NoticeKind
from mailtrack.store import budgets, followers, local_parcels, notices, parcels, subscriptions
from mailtrack.store.local_parcels import Beside
from mailtrack.store.parcels import ParcelState
from mailtrack.tracking import forecasting, lateness


@dataclass(frozen=True, slots=True)
class _News:
    """What somebody is told, beside what they know.

    `first_answer`: their "suivi enregistré" is unwritten, and will tell it all.
    """

    person: Follower
    known: Sequence[TrackingEvent]
    events: Sequence[TrackingEvent]
    first_answer: bool


def take_in(
    connection: Connection, told: Mapping[ParcelId, Sequence[TrackingEvent]], now: datetime
) -> set[ParcelId]:
    """Merge what carriers told into parcels' histories and owe their followers what follows.

    The parcels must be locked, with those that their followers hear of beside them, and nobody
    may hear of two of them. Returns those of which an alarm waits for a second witness.

    1. What is new to each parcel? Mostly nothing: that is all then. An alarm that has long been
       the last word counts as known.
    2. Each follower is told what follows from it beside what their own mails told them, and
       what is known of the other parcel that they hear of with this one.
    3. The new events are kept; those that no phrase file knows are counted.
    4. Parcels stand where their carriers' word alone has brought them, and are expected by that.
    """
    # 1.
    moved = parcels.of_news(connection, told)
    if not moved:
        return set()
    beside = local_parcels.beside_each(connection, moved)
    others = (other for theirs in beside.values() for other in theirs.values())
    known = parcels.histories(connection, {*moved, *others})
    events = {one: outlasting(known[one], told[one], now) for one in moved}
    changes = {one: tracking.apply(known[one], events[one], ()) for one in moved}
    # 2.
    _tell(connection, _news_of(connection, events, known, beside), now)
    # 3.
    new = {one: change.new_events for one, change in changes.items()}
    parcels.add_events_of_each(connection, new, now)
    for one, change in changes.items():
        parcels.note_certainty(connection, one, change.confirmed)
    every = chain.from_iterable(new.values())
    unmapped = {(event.source, event.code, event.text) for event in every if event.is_unknown}
    # In one order, since two parcels may bring the same phrases at once.
    for source, code, text in sorted(unmapped):
        budgets.note_unmapped(connection, source, code, text, now)
    # 4.
    states = {
        one: ParcelState(
            change.milestone,
            change.current,
            last_event_at=max((event.at for event in change.events), default=None),
            lane=lane_of(change.events),
        )
        for one, change in changes.items()
    }
    parcels.save_states(connection, states)
    forecasting.promise(connection, changes, now)
    return {one for one, change in changes.items() if awaits_witness(change.events, now)}


def _news_of(
    connection: Connection,
    events: Mapping[ParcelId, Sequence[TrackingEvent]],
    known: Mapping[ParcelId, Sequence[TrackingEvent]],
    beside: Mapping[ParcelId, Beside],
) -> list[_News]:
    """Return what events of parcels are to each of their followers, beside what they know."""
    people = followers.of_parcels(connection, events, mailed_by_default())
    subscribed = [person.subscription for theirs in people.values() for person in theirs]
    by_mail = subscriptions.mail_events(connection, subscribed)
    unwritten = notices.unwritten(connection, events, NoticeKind.REGISTERED)
    news = []
    for one, theirs in people.items():
        for person in theirs:
            mine = person.subscription
            other = known[beside[one][mine]] if mine in beside[one] else ()
            history = tracking.together(known[one], other, by_mail[mine])
            news.append(_News(person, history, events[one], first_answer=mine in unwritten))
    return news


def take_in_mail(
    connection: Connection,
    parcel_id: ParcelId,
    mine: SubscriptionId,
    event: TrackingEvent,
    now: datetime,
) -> None:
    """Merge what somebody's mail told into what they know of a parcel; locked as for `take_in`."""
    first_answer = notices.is_unwritten(connection, mine, NoticeKind.REGISTERED)
    told = _told_by_carriers(connection, parcel_id, mine)
    _take_in_own(connection, mine, told, [event], now, first_answer=first_answer)


def take_in_order_mail(
    connection: Connection, mine: SubscriptionId, events: Sequence[TrackingEvent], now: datetime
) -> None:
    """Merge what somebody's mails told of an order of which no parcel is known.

    An end is told by itself: "commande notée" says what to wait for.
    """
    ended = any(event.milestone in ENDS_OF_AN_ORDER for event in events)
    first_answer = not ended and notices.is_unwritten(connection, mine, NoticeKind.ORDER_REGISTERED)
    _take_in_own(connection, mine, (), events, now, first_answer=first_answer)


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
        person = Follower(newcomer, mailed_by_default())
        _tell(connection, [_News(person, known, (), first_answer=True)], now)


def take_in_local(
    connection: Connection, local: ParcelId, mine: SubscriptionId, now: datetime
) -> None:
    """Tell somebody what is known of the local parcel that their mail has just given theirs.

    Both are locked. What they know of their own is no news; what was known of the other is.
    """
    own = subscriptions.mail_events(connection, [mine])[mine]
    main = parcels.history(connection, local_parcels.beside(connection, local)[mine])
    known, events = tracking.together(main, own), parcels.history(connection, local)
    first_answer = notices.is_unwritten(connection, mine, NoticeKind.REGISTERED)
    people = followers.of_subscription(connection, mine, mailed_by_default())
    news = [_News(person, known, events, first_answer=first_answer) for person in people]
    _tell(connection, news, now)


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
    *,
    first_answer: bool,
) -> None:
    known = [*told_by_carriers, *subscriptions.mail_events(connection, [mine])[mine]]
    people = followers.of_subscription(connection, mine, mailed_by_default())
    news = [_News(person, known, events, first_answer=first_answer) for person in people]
    _tell(connection, news, now)
    for event in events:
        subscriptions.add_mail_event(connection, mine, event)


def _tell(connection: Connection, news: Iterable[_News], now: datetime) -> None:
    """Owe notices to people and note where things stand for them, and until when."""
    changes, new = {}, {}
    for one in news:
        mine = one.person.subscription
        change = tracking.apply(one.known, one.events, [one.person], first_answer=one.first_answer)
        changes[mine] = change
        if change.new_events or change.confirmed or one.first_answer:
            event = change.current
            new[mine] = (
                change.milestone,
                event.at if event else None,
                event.reason if event else None,
            )
    decisions = chain.from_iterable(change.decisions for change in changes.values())
    notices.record(connection, decisions, now)
    moved = subscriptions.save_states(connection, new)
    lateness.note(connection, {mine: changes[mine] for mine in moved})
