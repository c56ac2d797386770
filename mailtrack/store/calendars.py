"""The calendars that people subscribe to: what each says is kept, so that reading writes nothing.

When an event was changed, and how often its days were, follows from nothing else that is stored:
an estimate moves with the days that pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, or_, select, update

from mailtrack.domain.calendar_events import CalendarEntry, CalendarEvent, CalendarEventKind
from mailtrack.domain.milestones import ENDED
from mailtrack.domain.model import RowKey, SubscriberId, SubscriptionId
from mailtrack.store.schema import calendar, calendar_event, new_key, subscription
from mailtrack.store.upsert import insert_ignoring, upsert

#: What one calendar tells of, the newest first: nobody follows so much at once.
MOST_FOLLOWED = 300


class About(NamedTuple):
    """Which event of a calendar: what is followed, and what happens to it."""

    subscription_id: SubscriptionId
    kind: CalendarEventKind


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """An event and its UID, which it keeps for as long as it is there."""

    uid: RowKey
    event: CalendarEvent


def make(connection: Connection, owner: SubscriberId, now: datetime) -> None:
    """Give somebody a calendar; one that is there stays as it is."""
    values = {"subscriber_id": owner, "created_at": now, "refreshed_at": now}
    insert_ignoring(connection, calendar, values)


def renew(connection: Connection, owner: SubscriberId) -> None:
    """Let the link of somebody's calendar lead nowhere, and another one to it."""
    connection.execute(
        update(calendar).where(calendar.c.subscriber_id == owner).values(key=new_key())
    )


def remove(connection: Connection, owner: SubscriberId) -> None:
    """Forget somebody's calendar, with its events."""
    connection.execute(delete(calendar).where(calendar.c.subscriber_id == owner))


def key_of(connection: Connection, owner: SubscriberId) -> RowKey | None:
    """Return what the link of somebody's calendar holds, None where they have none."""
    found = connection.scalar(select(calendar.c.key).where(calendar.c.subscriber_id == owner))
    return None if found is None else RowKey(found)


def owner_of(connection: Connection, key: RowKey) -> SubscriberId | None:
    """Return whose calendar a link names, None where it was renewed or forgotten."""
    found = connection.scalar(select(calendar.c.subscriber_id).where(calendar.c.key == key))
    return None if found is None else SubscriberId(found)


def heard_of(connection: Connection, owner: SubscriberId) -> list[KeptEvent]:
    """Return the events of somebody's calendar, but of what they stopped, oldest days first."""
    query = (
        select(calendar_event)
        .join(calendar, calendar.c.id == calendar_event.c.calendar_id)
        .join(subscription, subscription.c.id == calendar_event.c.subscription_id)
        .where(calendar.c.subscriber_id == owner, subscription.c.muted_at.is_(None))
        .order_by(calendar_event.c.first_day, calendar_event.c.id)
    )
    return [KeptEvent(RowKey(row.key), _event(row)) for row in connection.execute(query)]


# --- keeping up with what is known --------------------------------------------------------


def stale(connection: Connection, before: datetime, now: datetime, most: int) -> list[SubscriberId]:
    """Return whose calendars were not refreshed since a moment, or by a clock that was ahead."""
    query = (
        select(calendar.c.subscriber_id)
        .where(or_(calendar.c.refreshed_at < before, calendar.c.refreshed_at > now))
        .order_by(calendar.c.refreshed_at)
        .limit(most)
    )
    return [SubscriberId(row_id) for row_id in connection.scalars(query)]


def followed_since(
    connection: Connection, owner: SubscriberId, since: datetime
) -> list[SubscriptionId]:
    """Return what somebody wants to hear of and that has not ended before a moment.

    It stays until the transaction ends: events are to be kept of it.
    """
    under_way = subscription.c.milestone.is_(None) | subscription.c.milestone.not_in(ENDED)
    query = (
        select(subscription.c.id)
        .where(
            subscription.c.subscriber_id == owner,
            subscription.c.muted_at.is_(None),
            under_way | (subscription.c.milestone_at >= since),
        )
        .order_by(subscription.c.id.desc())
        .limit(MOST_FOLLOWED)
        .with_for_update(read=True, key_share=True)
    )
    return [SubscriptionId(row_id) for row_id in connection.scalars(query)]


def events_of(connection: Connection, owner: SubscriberId) -> dict[About, CalendarEvent]:
    """Return all events of somebody's calendar."""
    query = (
        select(calendar_event)
        .join(calendar, calendar.c.id == calendar_event.c.calendar_id)
        .where(calendar.c.subscriber_id == owner)
    )
    return {
        About(SubscriptionId(row.subscription_id), CalendarEventKind(row.kind)): _event(row)
        for row in connection.execute(query)
    }


def save(
    connection: Connection,
    owner: SubscriberId,
    changed: Mapping[About, CalendarEvent | None],
    now: datetime,
) -> None:
    """Keep the events of somebody's calendar that changed, without those that are None."""
    mine = connection.scalar(
        update(calendar)
        .where(calendar.c.subscriber_id == owner)
        .values(refreshed_at=now)
        .returning(calendar.c.id)
    )
    for about, event in changed.items():
        key = about._asdict()
        if event is None:
            connection.execute(delete(calendar_event).filter_by(**key))
        else:
            columns = {
                "calendar_id": mine,
                "first_day": event.entry.first,
                "last_day": event.entry.last,
                "title": event.entry.title,
                "details": event.entry.details,
                "place": event.entry.place,
                "sequence": event.sequence,
                "changed_at": event.changed_at,
            }
            upsert(connection, calendar_event, key, columns)


def _event(row: Row[Any]) -> CalendarEvent:
    kind = CalendarEventKind(row.kind)
    entry = CalendarEntry(kind, row.first_day, row.last_day, row.title, row.details, row.place)
    return CalendarEvent(entry, row.sequence, row.changed_at)
