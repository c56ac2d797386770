"""The five steps and the chronology."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import TrackingEvent
from mailtrack.notify.progress import LABELS, StepState, current, days, steps
from mailtrack.notify.samples import sample_parcel
from mailtrack.notify.view import ParcelView

DONE, CURRENT, TROUBLE, AHEAD = (
    StepState.DONE,
    StepState.CURRENT,
    StepState.TROUBLE,
    StepState.AHEAD,
)


def parcel(milestone: Milestone | None, *events: TrackingEvent) -> ParcelView:
    return replace(sample_parcel(), milestone=milestone, events=events)


def event(milestone: Milestone, at: datetime) -> TrackingEvent:
    return TrackingEvent(at=at, milestone=milestone, source="cainiao")


@pytest.mark.parametrize(
    ("milestone", "states"),
    [
        (None, [CURRENT, AHEAD, AHEAD, AHEAD, AHEAD]),
        (Milestone.IN_TRANSIT, [DONE, CURRENT, AHEAD, AHEAD, AHEAD]),
        (Milestone.CUSTOMS_HELD, [DONE, DONE, TROUBLE, AHEAD, AHEAD]),
        (Milestone.CUSTOMS_CLEARED, [DONE, DONE, DONE, AHEAD, AHEAD]),
        (Milestone.PICKUP_AVAILABLE, [DONE, DONE, DONE, CURRENT, AHEAD]),
        (Milestone.RETURNING, [DONE, DONE, DONE, TROUBLE, AHEAD]),
        (Milestone.DELIVERED, [DONE, DONE, DONE, DONE, DONE]),
        (Milestone.RETURNED, [DONE, DONE, DONE, DONE, TROUBLE]),
    ],
)
def test_the_bar_shows_how_far_a_parcel_is(
    milestone: Milestone | None, states: list[StepState]
) -> None:
    assert states == [step.state for step in steps(parcel(milestone))]


def test_a_return_does_not_end_with_a_delivery() -> None:
    assert "Retourné" == steps(parcel(Milestone.RETURNED))[-1].label
    assert LABELS[-1] == steps(parcel(Milestone.DELIVERED))[-1].label


def test_an_incident_leaves_a_parcel_where_it_was() -> None:
    at = datetime(2026, 3, 3, tzinfo=UTC)
    lost = parcel(
        Milestone.EXCEPTION,
        event(Milestone.EXCEPTION, at),
        event(Milestone.CUSTOMS_STARTED, at),
    )

    assert "Douane" == current(steps(lost)).label
    assert TROUBLE is current(steps(lost)).state


def test_a_cancelled_order_promises_no_parcel() -> None:
    assert () == steps(parcel(Milestone.CANCELLED))


def test_the_chronology_has_one_heading_a_day_in_paris() -> None:
    late = event(Milestone.CUSTOMS_CLEARED, datetime(2026, 3, 3, 23, 30, tzinfo=UTC))
    early = event(Milestone.CUSTOMS_STARTED, datetime(2026, 3, 3, 9, 0, tzinfo=UTC))

    assert [date(2026, 3, 4), date(2026, 3, 3)] == [day.date for day in days([late, early])]


def test_a_mail_shows_only_the_newest_events() -> None:
    events = [event(Milestone.IN_TRANSIT, datetime(2026, 3, 9 - n, tzinfo=UTC)) for n in range(8)]

    assert events[:5] == [one for day in days(events, 5) for one in day.events]
    assert events == [one for day in days(events) for one in day.events]
