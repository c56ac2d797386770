"""A calendar as another library reads it: whole days, French words, hostile titles, short lines."""

from datetime import UTC, date, datetime, timedelta

import hypothesis.strategies as st
from hypothesis import given, settings
from ical.calendar_stream import IcsCalendarStream
from ical.event import Event

from mailtrack.domain.calendar_events import CalendarEntry, CalendarEvent, CalendarEventKind
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PickupPoint
from mailtrack.notify.calendar_file import write_calendar
from mailtrack.notify.calendar_words import calendar_entries
from mailtrack.notify.tidy import tidy
from mailtrack.notify.view import ParcelView

TODAY = date(2026, 3, 2)
CHANGED = datetime(2026, 3, 1, 17, 30, 15, tzinfo=UTC)
UID = "mfzwkz3tnvxw4a2b"
HELD = CalendarEntry(
    CalendarEventKind.PICKUP,
    date(2026, 3, 28),
    date(2026, 3, 28),
    "Dernier jour de retrait\u00a0: Abat-jour «\u00a0été\u00a0», 30 cm; bleu\\vert",
    "Annoncé pour ce colis.\nColis 6A15602676301, La Poste",
    "Tabac des Lilas, 12 rue de l’Exemple, 69003 Lyon",
)


def _written(*entries: CalendarEntry) -> bytes:
    return write_calendar(
        (f"{UID}{i}", CalendarEvent(e, 3, CHANGED)) for i, e in enumerate(entries)
    )


def _read(content: bytes) -> list[Event]:
    return IcsCalendarStream.calendar_from_ics(content.decode()).events


def _lines(content: bytes) -> list[bytes]:
    """Return the content lines, unfolded (RFC 5545, 3.1)."""
    return content.replace(b"\r\n ", b"").split(b"\r\n")


def test_another_library_reads_what_was_written() -> None:
    (event,) = _read(_written(HELD))

    assert (HELD.title, HELD.details, HELD.place) == (
        event.summary,
        event.description,
        event.location,
    )
    assert (f"{UID}0", 3) == (event.uid, event.sequence)
    assert (CHANGED, CHANGED) == (event.dtstamp, event.last_modified)
    assert "TRANSPARENT" == event.transparency


def test_an_event_lasts_whole_days_up_to_the_one_after_its_last() -> None:
    interval = CalendarEntry(
        CalendarEventKind.DELIVERY, date(2026, 3, 28), date(2026, 3, 31), "Livraison"
    )
    lines = _lines(_written(interval))

    assert b"DTSTART;VALUE=DATE:20260328" in lines
    assert b"DTEND;VALUE=DATE:20260401" in lines


def test_programs_are_told_its_name_and_when_to_look_again() -> None:
    lines = _lines(_written(HELD))

    assert [b"BEGIN:VCALENDAR", b"VERSION:2.0"] == lines[:2]
    for line in (
        b"NAME:Mes colis",
        b"X-WR-CALNAME:Mes colis",
        b"REFRESH-INTERVAL;VALUE=DURATION:PT4H",
        b"X-PUBLISHED-TTL:PT4H",
    ):
        assert 1 == lines.count(line)
    assert not [line for line in lines if line.startswith(b"METHOD")]


def test_a_calendar_without_a_day_can_be_read() -> None:
    assert [] == _read(_written())


@settings(deadline=None)
@given(
    name=st.text(max_size=200),
    place=st.text(max_size=200),
    carrier=st.text(max_size=100),
)
def test_no_title_breaks_a_calendar_whoever_wrote_it(name: str, place: str, carrier: str) -> None:
    """What strangers wrote stays in the value of its own line, and lines are of 75 octets."""
    shown = ParcelView(
        number="LP00123456789012",
        name=name,
        carrier=carrier,
        carrier_page="",
        milestone=Milestone.PICKUP_AVAILABLE,
        milestone_at=CHANGED,
        events=(),
        pickup_point=PickupPoint(place, place, last_day=TODAY + timedelta(days=5)),
    )
    (entry,) = calendar_entries(tidy(shown), TODAY)

    content = _written(entry)
    (event,) = _read(content)

    assert entry.title == event.summary
    assert entry.place == (event.location or "")
    assert entry.details == event.description
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    assert not [byte for byte in content.replace(b"\r\n", b"") if byte < 32]
    assert 1 == content.count(b"BEGIN:VEVENT")
