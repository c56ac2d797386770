"""Merging events into a parcel's stored history, whoever told them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from mailtrack.domain import tracking
from mailtrack.domain.milestones import Milestone, mailed_by_default
from mailtrack.domain.model import ParcelId, SubscriptionId, TrackingEvent
from mailtrack.domain.tracking import Follower
from mailtrack.notify.view import NoticeKind
from mailtrack.store import budgets, followers, notices, parcels


def take_in(
    connection: Connection, parcel_id: ParcelId, events: Sequence[TrackingEvent], now: datetime
) -> None:
    """Merge events into a parcel's history and owe its followers what follows from them.

    The parcel must be locked. Events come from a carrier's answer or a shop's mail.
    """
    known = parcels.history(connection, parcel_id)
    change = tracking.apply(known, events, ())
    _tell(connection, parcel_id, known, events, now)
    parcels.add_events(connection, parcel_id, change.new_events, now)
    for event in change.new_events:
        if event.milestone is Milestone.UNKNOWN:
            budgets.note_unmapped(connection, event.source, event.code, event.text, now)
    newest = max((e.at for e in (*known, *change.new_events)), default=None)
    parcels.save_state(
        connection,
        parcel_id,
        milestone=change.milestone,
        current=change.current,
        last_event_at=newest,
    )


def _tell(
    connection: Connection,
    parcel_id: ParcelId,
    known: Sequence[TrackingEvent],
    events: Sequence[TrackingEvent],
    now: datetime,
) -> None:
    """Owe notices; to those whose "suivi enregistré" is unwritten, that mail will tell it all."""
    unwritten = notices.unwritten(connection, parcel_id, NoticeKind.REGISTERED)
    for follower in followers.of_parcel(connection, parcel_id, mailed_by_default()):
        first_look = follower.subscription in unwritten
        change = tracking.apply(known, events, [follower], first_look=first_look)
        notices.record(connection, change.decisions, now)


def catch_up(
    connection: Connection, parcel_id: ParcelId, newcomer: SubscriptionId, now: datetime
) -> None:
    """Record what happened before somebody came to follow a parcel: it is no news to them."""
    known = parcels.history(connection, parcel_id)
    follower = Follower(newcomer, mailed_by_default())
    change = tracking.apply(known, (), [follower], first_look=True)
    notices.record(connection, change.decisions, now)
