"""Events that follow what is known: their days, when they were changed, and how long they stay."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given

from mailtrack.domain.calendar_events import (
    KEPT_PAST,
    CalendarEntry,
    CalendarEvent,
    CalendarEventKind,
    revised,
)

TODAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
BEFORE = NOW - timedelta(days=1)
LAMP = CalendarEntry(
    CalendarEventKind.DELIVERY, TODAY + timedelta(days=3), TODAY + timedelta(days=5), "Lampe"
)
KEPT = CalendarEvent(LAMP, 4, BEFORE)


def _on(first: int, last: int) -> CalendarEntry:
    """Return an entry some days from today on."""
    return replace(LAMP, first=TODAY + timedelta(days=first), last=TODAY + timedelta(days=last))


def test_a_new_event_begins_its_count() -> None:
    assert CalendarEvent(LAMP, 0, NOW) == revised(None, LAMP, NOW, TODAY)


def test_what_is_as_it_was_is_not_changed() -> None:
    assert KEPT == revised(KEPT, LAMP, NOW, TODAY)


def test_other_days_are_counted_and_other_words_are_not() -> None:
    moved, renamed = _on(4, 6), replace(LAMP, title="Tapis")

    assert CalendarEvent(moved, 5, NOW) == revised(KEPT, moved, NOW, TODAY)
    assert CalendarEvent(renamed, 4, NOW) == revised(KEPT, renamed, NOW, TODAY)


@pytest.mark.parametrize(
    ("last", "stays"),
    [(1, False), (0, False), (-1, True), (-KEPT_PAST.days, True), (-KEPT_PAST.days - 1, False)],
    ids=["ahead", "today", "yesterday", "long ago", "too long ago"],
)
def test_what_nothing_tells_of_stays_for_a_while_where_it_has_passed(
    last: int, stays: bool
) -> None:
    kept = CalendarEvent(_on(last - 2, last), 1, BEFORE)

    assert (kept if stays else None) == revised(kept, None, NOW, TODAY)


def test_nothing_known_of_nothing_is_nothing() -> None:
    assert revised(None, None, NOW, TODAY) is None


def test_an_interval_that_has_begun_is_not_moved_by_every_day_that_passes() -> None:
    """An estimate begins today at the earliest; where it began before, nothing has changed."""
    kept = CalendarEvent(_on(-2, 3), 1, BEFORE)

    assert kept == revised(kept, _on(0, 3), NOW, TODAY)
    assert CalendarEvent(_on(-2, 4), 2, NOW) == revised(kept, _on(0, 4), NOW, TODAY)


def test_a_day_that_is_named_today_is_that_day_alone() -> None:
    kept = CalendarEvent(_on(-2, 3), 1, BEFORE)

    assert CalendarEvent(_on(0, 0), 2, NOW) == revised(kept, _on(0, 0), NOW, TODAY)


DAYS = st.tuples(st.integers(-40, 40), st.integers(0, 20)).map(lambda d: _on(d[0], d[0] + d[1]))


@given(known=st.lists(st.one_of(st.none(), DAYS), min_size=1, max_size=30))
def test_a_program_that_looks_at_the_count_alone_misses_no_change_of_days(
    known: list[CalendarEntry | None],
) -> None:
    kept: CalendarEvent | None = None
    for hours, entry in enumerate(known):
        now = NOW + timedelta(hours=hours)
        after = revised(kept, entry, now, TODAY)
        if kept is not None and after is not None:
            assert (after.days != kept.days) == (after.sequence > kept.sequence)
            assert (after != kept) == (after.changed_at > kept.changed_at)
        kept = after
