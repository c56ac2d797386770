"""Calendars as programs read them: iCalendar (RFC 5545) with the hints of RFC 7986."""

from collections.abc import Iterable
from datetime import timedelta

from icalendar import Calendar, Event, vDuration
from icalendar.enums import TRANSP

from mailtrack.domain.calendar_events import CalendarEvent

#: How often a program should look again; Google takes its own time, up to a day.
LOOK_AGAIN = timedelta(hours=4)
_NAME = "Mes colis"
_DAY = timedelta(days=1)


def write_calendar(events: Iterable[tuple[str, CalendarEvent]]) -> bytes:
    """Return a calendar of events, each with its UID; the same events are the same bytes."""
    # Without METHOD: with one, DTSTAMP would be the time of the answer (RFC 5545, 3.8.7.2).
    calendar = Calendar()
    calendar.add("VERSION", "2.0")
    calendar.add("PRODID", "-//mailtrack//Mes colis//FR")
    calendar.add("NAME", _NAME)
    calendar.add("REFRESH-INTERVAL", vDuration(LOOK_AGAIN), {"VALUE": "DURATION"})
    # The same for programs that do not know RFC 7986.
    calendar.add("X-WR-CALNAME", _NAME)
    calendar.add("X-PUBLISHED-TTL", vDuration(LOOK_AGAIN))
    for uid, event in events:
        entry = event.entry
        calendar.add_component(
            Event.new(
                uid=uid,
                start=entry.first,
                end=entry.last + _DAY,  # the day after the last one (RFC 5545, 3.6.1)
                summary=entry.title,
                description=entry.details or None,
                location=entry.place or None,
                sequence=event.sequence,
                stamp=event.changed_at,
                last_modified=event.changed_at,
                transparency=TRANSP.TRANSPARENT,  # whoever expects a parcel is not busy
            )
        )
    content: bytes = calendar.to_ical()
    return content
