"""Keeping people's calendars: their events follow what their pages show."""

from datetime import datetime

from sqlalchemy import Connection

from mailtrack.domain.calendar_events import KEPT_PAST, CalendarEntry, revised
from mailtrack.domain.model import SubscriberId
from mailtrack.notify.calendar_words import calendar_entries
from mailtrack.notify.french import local_day
from mailtrack.notify.tidy import tidy
from mailtrack.store import calendars, people, subscription_details
from mailtrack.store.calendars import About
from mailtrack.tracking.view_builder import ViewBuilder


def refresh(connection: Connection, owner: SubscriberId, views: ViewBuilder, now: datetime) -> None:
    """Bring somebody's calendar up to date; what stays as it is is not written.

    1. Gather what is known of the days of all that they want to hear of.
    2. Keep what differs from what the calendar says.
    """
    if not people.lock(connection, owner) or calendars.key_of(connection, owner) is None:
        return
    # 1.
    today, known = local_day(now), dict[About, CalendarEntry]()
    wanted = calendars.followed_since(connection, owner, now - KEPT_PAST)
    for mine, details in subscription_details.read(connection, wanted).items():
        shown = views.parcel_of(connection, details, now) or views.order(details)
        if shown is not None:
            for entry in calendar_entries(tidy(shown), today):
                known[About(mine, entry.kind)] = entry
    # 2.
    kept = calendars.events_of(connection, owner)
    now_kept = {
        about: revised(kept.get(about), known.get(about), now, today) for about in kept | known
    }
    changed = {about: event for about, event in now_kept.items() if event != kept.get(about)}
    calendars.save(connection, owner, changed, now)
