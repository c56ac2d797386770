"""The days of a parcel in its reader's calendar: what an event says, and when it was changed."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

#: How long an event that is past stays: a calendar is looked back at, too.
KEPT_PAST = timedelta(days=30)


class CalendarEventKind(StrEnum):
    """What happens on the days of an event; something that is followed has one of each at most."""

    DELIVERY = "delivery"
    PICKUP = "pickup"
    PROTECTION = "protection"
    DISPUTE = "dispute"


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """What is known of some whole days now, from `first` to `last`, both included.

    `details` are lines of text; `place` is "" where it has none.
    """

    kind: CalendarEventKind
    first: date
    last: date
    title: str
    details: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """An entry as a calendar has it.

    `sequence` counts how often its days were changed (RFC 5545, 3.8.7.4), and `changed_at` is when
    anything of it was, its words included (3.8.7.2 and 3.8.7.3).
    """

    entry: CalendarEntry
    sequence: int
    changed_at: datetime

    @property
    def days(self) -> tuple[date, date]:
        return self.entry.first, self.entry.last


def revised(
    kept: CalendarEvent | None, entry: CalendarEntry | None, now: datetime, today: date
) -> CalendarEvent | None:
    """Return an event as it is from now on, None where there is none (any more).

    `kept`: as it was; `entry`: what is known now, None for nothing.

    1. A day that nothing tells of any more goes at once while it lies ahead, for it would mislead;
       one that has passed stays for a while as it was.
    2. An interval that has begun goes on from where it began: what is known now tells of no day
       before today.
    3. Only what differs is a change.
    """
    # 1.
    if entry is None:
        stays = kept is not None and today - KEPT_PAST <= kept.entry.last < today
        return kept if stays else None
    if kept is None:
        return CalendarEvent(entry, 0, now)
    # 2.
    if kept.entry.first < entry.first == today <= kept.entry.last and entry.last > today:
        entry = replace(entry, first=kept.entry.first)
    # 3.
    if entry == kept.entry:
        return kept
    moved = (entry.first, entry.last) != kept.days
    return CalendarEvent(entry, kept.sequence + moved, now)
