"""When a parcel comes: intervals that are never over, learn, and wait with who waits."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrack.domain.delivery_days import delivery_day
from mailtrack.domain.forecast import (
    NOTHING,
    PARIS,
    SOONEST_SLOW_DAYS,
    DayCount,
    Experience,
    Forecast,
    experience_of,
    forecast,
    slow_since,
)
from mailtrack.domain.milestones import ENDED, Milestone
from mailtrack.domain.stage_times import STAGE_TIMES, Lane, Route, times_of, to_delivery

TUESDAY = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
CAINIAO = Lane("cainiao")
FORECAST = [m for m in STAGE_TIMES if to_delivery(m, Route.INTERNATIONAL)]

lanes = st.builds(Lane, st.sampled_from(["cainiao", "laposte", "dhl", "ems", ""]))
moments = st.integers(0, 365 * 24).map(
    lambda h: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=h)
)
counts = st.builds(DayCount, st.integers(0, 150), st.integers(0, 9), st.integers(0, 3))
seen = st.lists(counts, max_size=8).map(tuple)
experiences = st.builds(Experience, seen, seen)
waits = st.floats(0, 89).map(lambda days: timedelta(days=days))


def told(
    milestone: Milestone,
    *,
    lane: Lane = CAINIAO,
    seen: Experience = NOTHING,
    waited: timedelta = timedelta(0),
) -> Forecast:
    found = forecast(milestone, TUESDAY, TUESDAY + waited, lane, seen)
    assert found is not None
    return found


def days(found: Forecast) -> tuple[int, int]:
    first, last = (day - TUESDAY.date() for day in (found.first, found.last))
    return first.days, last.days


# --- what must hold whatever was seen ---------------------------------------------------


@given(st.sampled_from(FORECAST), lanes, experiences, moments, waits)
def test_an_interval_is_never_over_and_never_a_single_day(
    milestone: Milestone, lane: Lane, seen: Experience, reached: datetime, waited: timedelta
) -> None:
    now = reached + waited
    found = forecast(milestone, reached, now, lane, seen)

    assert found is not None
    assert now.astimezone(PARIS).date() <= found.first <= found.middle <= found.last
    assert found.first < found.last


@given(st.sampled_from(FORECAST), lanes, experiences, moments, waits, waits)
def test_more_silence_never_makes_it_earlier(
    milestone: Milestone,
    lane: Lane,
    seen: Experience,
    reached: datetime,
    one: timedelta,
    other: timedelta,
) -> None:
    sooner, later = (
        forecast(milestone, reached, reached + waited, lane, seen)
        for waited in sorted((one, other))
    )

    assert sooner is not None
    assert later is not None
    assert sooner.first <= later.first
    assert sooner.middle <= later.middle
    assert sooner.last <= later.last


@given(
    st.lists(st.sampled_from(FORECAST), min_size=1, max_size=6),
    st.lists(waits, min_size=6, max_size=6),
    experiences,
    moments,
)
def test_a_scan_more_never_makes_the_interval_lie_in_the_past(
    way: list[Milestone], pauses: list[timedelta], seen: Experience, at: datetime
) -> None:
    for milestone, pause in zip(way, pauses, strict=False):
        at += pause
        found = forecast(milestone, at, at, CAINIAO, seen)

        assert found is not None
        assert at.astimezone(PARIS).date() <= found.first < found.last


@given(st.sampled_from(FORECAST), lanes, experiences, moments, waits)
def test_nobody_is_promised_a_sunday_or_a_holiday(
    milestone: Milestone, lane: Lane, seen: Experience, reached: datetime, waited: timedelta
) -> None:
    found = forecast(milestone, reached, reached + waited, lane, seen)

    assert found is not None
    for day in (found.first, found.middle, found.last):
        assert delivery_day(day) == day


@given(st.sampled_from(FORECAST), experiences, st.integers(0, 119), st.integers(1, 50))
def test_parcels_that_come_late_never_make_the_others_come_earlier(
    milestone: Milestone, seen: Experience, day: int, many: int
) -> None:
    before = told(milestone, seen=seen)
    late = (before.last - TUESDAY.date()).days + day
    more = Experience((*seen.own, DayCount(late, many)), seen.others)

    assert told(milestone, seen=more).middle >= before.middle


# --- what it says ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("milestone", "lane", "interval"),
    [
        (Milestone.ORDER_PAID, Lane("cainiao"), (10, 43)),
        (Milestone.SHIPPED, Lane("cainiao", service="ems"), (6, 16)),
        (Milestone.SHIPPED, Lane("ems"), (6, 16)),
        (Milestone.SHIPPED, Lane("dhl"), (3, 10)),
        (Milestone.SHIPPED, Lane("yanwen"), (9, 38)),
        (Milestone.CARRIER_ACCEPTED, Lane("laposte"), (1, 9)),
        (Milestone.CUSTOMS_CLEARED, Lane("cainiao", last="laposte"), (1, 9)),
        (Milestone.OUT_FOR_DELIVERY, Lane("cainiao"), (0, 1)),
    ],
)
def test_before_a_parcel_was_seen_the_documented_times_are_told(
    milestone: Milestone, lane: Lane, interval: tuple[int, int]
) -> None:
    first, last = days(told(milestone, lane=lane))

    # A Sunday within may move an end by a day.
    assert interval[0] <= first <= interval[0] + 1
    assert interval[1] <= last <= interval[1] + 1


def test_it_narrows_as_a_parcel_moves() -> None:
    way = (
        Milestone.SHIPPED,
        Milestone.CARRIER_ACCEPTED,
        Milestone.IN_TRANSIT,
        Milestone.ARRIVED_IN_COUNTRY,
        Milestone.CUSTOMS_CLEARED,
        Milestone.LOCAL_TRANSIT,
        Milestone.OUT_FOR_DELIVERY,
    )
    widths = [last - first for first, last in (days(told(milestone)) for milestone in way)]

    assert sorted(widths, reverse=True) == widths


@pytest.mark.parametrize(
    "milestone",
    [
        *sorted(ENDED),
        Milestone.PICKUP_AVAILABLE,
        Milestone.RETURNING,
        Milestone.EXCEPTION,
        Milestone.UNKNOWN,
    ],
)
def test_nothing_is_promised_of_what_is_not_brought(milestone: Milestone) -> None:
    assert forecast(milestone, TUESDAY, TUESDAY, CAINIAO) is None


def test_nothing_is_promised_any_more_after_three_months() -> None:
    late = TUESDAY + timedelta(days=91)

    assert forecast(Milestone.IN_TRANSIT, TUESDAY, late, CAINIAO) is None


def test_once_the_vans_are_back_tomorrow_is_the_earliest() -> None:
    evening = TUESDAY.replace(hour=20)
    found = forecast(Milestone.OUT_FOR_DELIVERY, evening, evening, CAINIAO)

    assert found is not None
    assert (date(2026, 3, 4), date(2026, 3, 5)) == (found.first, found.last)


def test_whom_a_parcel_has_outlived_counts_no_more() -> None:
    """Half come on the fourth day, half on the thirtieth: who is not there on the sixth is late."""
    seen = Experience((DayCount(4, 500), DayCount(30, 500)))

    assert (4, 30) == days(told(Milestone.IN_TRANSIT, seen=seen))
    assert (30, 31) == days(told(Milestone.IN_TRANSIT, seen=seen, waited=timedelta(days=6)))


# --- what it learns ----------------------------------------------------------------------


def test_what_was_seen_often_is_believed() -> None:
    ten_days = Experience(tuple(DayCount(day, ended=100) for day in range(6, 16)))

    assert (7, 14) == days(told(Milestone.IN_TRANSIT, seen=ten_days))


def test_one_parcel_makes_us_sure_of_nothing() -> None:
    first, last = days(told(Milestone.IN_TRANSIT))

    one_first, one_last = days(told(Milestone.IN_TRANSIT, seen=Experience((DayCount(9, 1),))))

    assert one_last - one_first > 0.7 * (last - first)


def test_parcels_that_got_lost_make_the_others_no_faster() -> None:
    """Left out, they would: those that arrive are the fast ones."""
    arrived = tuple(DayCount(day, ended=10) for day in range(5, 15))
    with_lost = Experience((*arrived, DayCount(60, left=40)))

    found, without = (told(Milestone.IN_TRANSIT, seen=s) for s in (with_lost, Experience(arrived)))

    assert found.last > without.last


def test_a_lane_that_nobody_has_seen_is_told_by_those_of_its_route() -> None:
    rows = [
        (Lane(code), DayCount(day, ended=50))
        for code in ("yanwen", "sunyou", "4px", "ems")
        for day in ((50,) if code == "ems" else (5, 6, 7))
    ]

    own = told(Milestone.IN_TRANSIT, seen=experience_of(Lane("yanwen"), rows))
    strange = told(Milestone.IN_TRANSIT, seen=experience_of(CAINIAO, rows))
    prior = told(Milestone.IN_TRANSIT)

    assert own.last < strange.last < prior.last


# --- slow --------------------------------------------------------------------------------


@pytest.mark.parametrize("milestone", [m for m in STAGE_TIMES if m not in ENDED])
def test_before_a_parcel_was_seen_it_is_slow_after_the_days_of_the_table(
    milestone: Milestone,
) -> None:
    assert slow_since(milestone, TUESDAY) == TUESDAY + timedelta(days=times_of(milestone).slow_days)


@pytest.mark.parametrize("milestone", sorted(ENDED))
def test_what_has_ended_is_never_slow(milestone: Milestone) -> None:
    assert slow_since(milestone, TUESDAY) is None


def test_where_others_go_on_within_days_a_parcel_is_slow_sooner() -> None:
    fast = Experience(tuple(DayCount(day, ended=30) for day in range(1, 11)))

    assert TUESDAY + timedelta(days=10) == slow_since(Milestone.IN_TRANSIT, TUESDAY, fast)


def test_nobody_is_called_slow_after_a_day() -> None:
    same_day = Experience((DayCount(0, ended=1000),))

    slow = slow_since(Milestone.OUT_FOR_DELIVERY, TUESDAY, same_day)

    assert TUESDAY + timedelta(days=SOONEST_SLOW_DAYS) == slow


@given(
    st.sampled_from([m for m in STAGE_TIMES if m not in ENDED]),
    experiences,
    st.integers(0, 60),
    st.integers(1, 50),
)
def test_who_stays_longer_never_makes_others_slow_sooner(
    milestone: Milestone, seen: Experience, longer: int, many: int
) -> None:
    before = slow_since(milestone, TUESDAY, seen)
    assert before is not None
    day = (before - TUESDAY).days + longer
    more = Experience((*seen.own, DayCount(day, ended=many)), seen.others)
    after = slow_since(milestone, TUESDAY, more)

    assert after is not None
    assert before <= after
