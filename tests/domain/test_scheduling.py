"""When a parcel is looked at next."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.scheduling import (
    EARLIEST,
    JITTER,
    LONGEST,
    NEVER_KNOWN,
    SHORTEST,
    SILENT,
    PollContext,
    is_nearly_due,
    next_poll,
)

TUESDAY = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
on_the_road = st.sampled_from(
    [
        Milestone.SHIPPED,
        Milestone.IN_TRANSIT,
        Milestone.CUSTOMS_STARTED,
        Milestone.LOCAL_TRANSIT,
        Milestone.OUT_FOR_DELIVERY,
        Milestone.RETURNING,
    ]
)
moments = st.integers(0, 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


class Middle(Random):
    """Draws the middle of every range: no jitter."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


def wait(
    milestone: Milestone | None,
    now: datetime = TUESDAY,
    silent: timedelta = timedelta(hours=1),
    **more: Any,
) -> timedelta:
    found = next_poll(PollContext(milestone, now - silent, **more), now, Middle())
    assert found is not None
    return found - now


@given(on_the_road, moments, st.integers(0, 2**32))
def test_a_look_is_never_sooner_than_a_quarter_hour_nor_later_than_a_day(
    milestone: Milestone, now: datetime, seed: int
) -> None:
    found = next_poll(PollContext(milestone, now), now, Random(seed))

    assert found is not None
    assert SHORTEST * (1 - JITTER) <= found - now <= LONGEST * (1 + JITTER)


@given(on_the_road, moments, st.floats(0.05, 1), st.floats(1, 4))
def test_what_matters_more_is_looked_at_no_later(
    milestone: Milestone, now: datetime, weight: float, factor: float
) -> None:
    assert wait(milestone, now, weight=weight * factor) <= wait(milestone, now, weight=weight)


@given(on_the_road, moments, st.floats(0.1, 2), st.floats(1, 8))
def test_a_dearer_request_is_made_no_sooner(
    milestone: Milestone, now: datetime, price_h: float, factor: float
) -> None:
    assert wait(milestone, now, price_h=price_h * factor) >= wait(milestone, now, price_h=price_h)


def test_a_parcel_on_the_van_is_looked_at_within_the_hour_and_one_at_sea_thrice_a_day() -> None:
    assert wait(Milestone.OUT_FOR_DELIVERY) < timedelta(hours=1)
    at_sea = wait(Milestone.IN_TRANSIT, silent=timedelta(days=10))
    assert timedelta(hours=6) < at_sea < timedelta(hours=12)


@given(on_the_road, moments, st.integers(0, 30 * 24), st.integers(0, 4))
def test_the_longer_nothing_has_come_the_rarer_the_looks_are(
    milestone: Milestone, now: datetime, hours: int, weeks: int
) -> None:
    soon, late = timedelta(hours=hours), timedelta(hours=hours, weeks=weeks)

    assert wait(milestone, now, silent=late) >= wait(milestone, now, silent=soon)


def test_looks_wait_for_the_morning() -> None:
    evening = datetime(2026, 3, 3, 21, 0, tzinfo=UTC)

    assert wait(Milestone.LOCAL_TRANSIT, evening) > 1.5 * wait(Milestone.LOCAL_TRANSIT)


def test_a_delivered_parcel_is_looked_at_once_more_and_then_never() -> None:
    delivered = PollContext(Milestone.DELIVERED, TUESDAY)

    assert next_poll(delivered, TUESDAY, Middle()) == TUESDAY + timedelta(hours=24)
    assert next_poll(delivered, TUESDAY + timedelta(hours=25), Middle()) is None


def test_polling_ends_when_nothing_is_to_be_hoped_for() -> None:
    silent = PollContext(Milestone.IN_TRANSIT, TUESDAY)
    unknown = PollContext(None, TUESDAY)

    assert next_poll(silent, TUESDAY + SILENT, Middle()) is None
    assert next_poll(silent, TUESDAY + timedelta(days=50), Middle()) is not None
    assert next_poll(unknown, TUESDAY + NEVER_KNOWN, Middle()) is None


def test_a_long_silence_makes_looks_rarer() -> None:
    now = TUESDAY + timedelta(days=40)
    long_silent = next_poll(PollContext(Milestone.CUSTOMS_STARTED, TUESDAY), now, Middle())

    assert long_silent is not None
    assert long_silent - now > wait(Milestone.CUSTOMS_STARTED, now)


minutes = st.integers(0, 30 * 60).map(lambda count: timedelta(minutes=count))


@given(minutes, minutes)
def test_a_look_that_comes_early_keeps_to_most_of_its_wait(
    waited: timedelta, left: timedelta
) -> None:
    if is_nearly_due(TUESDAY - waited, TUESDAY + left, TUESDAY):
        assert waited >= SHORTEST
        assert waited >= 3 * left
        assert left <= EARLIEST


@given(moments, minutes, st.integers(0, 2**32))
def test_the_look_that_confirms_an_end_never_comes_early(
    now: datetime, waited: timedelta, seed: int
) -> None:
    due = next_poll(PollContext(Milestone.DELIVERED, now), now, Random(seed))

    assert due is not None
    assert not is_nearly_due(now, due, now + waited)
