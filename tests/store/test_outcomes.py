"""What an installation learns of the parcels that it saw, and keeps when they are erased."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from mailtrack.clock import FakeClock
from mailtrack.domain.forecast import DayCount, Measure
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import ParcelId, TrackingEvent
from mailtrack.domain.stage_times import Lane, Route
from mailtrack.store import erasure, outcomes, parcels, promises, stage_tallies
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription
from mailtrack.tracking import merging

M = Milestone
Follow = Callable[..., Subscription]
Rows = Callable[..., list[Mapping[str, Any]]]
Travel = Callable[..., ParcelId]
#: Days after the first scan at which a parcel comes to its milestones.
WAY = ((0, M.CARRIER_ACCEPTED), (2, M.IN_TRANSIT), (9, M.OUT_FOR_DELIVERY), (9, M.DELIVERED))


@pytest.fixture
def travel(store: Store, clock: FakeClock, follow: Follow) -> Travel:
    """Let a parcel go some way, and a carrier tell each step on its day."""

    def make(number: str = "LP00123456789012", way: Sequence[tuple[int, M]] = WAY) -> ParcelId:
        mine = follow(number).parcel
        assert mine is not None
        begin = clock.now()
        for day, milestone in way:
            clock.instant = begin + timedelta(days=day)
            event = TrackingEvent(clock.now(), milestone, "cainiao", milestone)
            take_in(store, mine, [event], clock.now())
        clock.instant = begin
        return mine

    return make


def take_in(store: Store, mine: ParcelId, events: list[TrackingEvent], now: datetime) -> None:
    with store.write() as connection:
        parcels.lock(connection, mine)
        merging.take_in(connection, {mine: events}, now)


def end(store: Store, mine: ParcelId, clock: FakeClock) -> None:
    with store.write() as connection:
        outcomes.end(connection, mine, "delivered", clock.now())


def seen(store: Store, milestone: Milestone, measure: Measure) -> Sequence[DayCount]:
    with store.read() as connection:
        tallies = stage_tallies.read(connection)
    return tallies.experience(milestone, measure, Lane("cainiao")).own


def test_a_parcel_is_counted_once_however_often_it_ends(
    store: Store, clock: FakeClock, travel: Travel
) -> None:
    mine = travel()
    assert () == seen(store, M.IN_TRANSIT, Measure.STAY)
    for _ in range(2):
        end(store, mine, clock)

    assert (DayCount(7, ended=1),) == seen(store, M.IN_TRANSIT, Measure.STAY)
    assert (DayCount(9, ended=1),) == seen(store, M.CARRIER_ACCEPTED, Measure.DELIVERY)


def test_a_number_that_tells_its_service_is_promised_and_counted_by_it(
    store: Store, clock: FakeClock, travel: Travel
) -> None:
    """Whoever tells its scans: E… is EMS, which is faster than what comes from afar otherwise."""
    mine = travel("EA123456785CN")
    with store.read() as connection:
        (made, *_) = promises.promises_of(connection, mine)
    end(store, mine, clock)
    with store.read() as connection:
        tallies = stage_tallies.read(connection)
    lane = Lane("cainiao", service=Route.EMS)

    assert (lane, Route.EMS) == (made.promise.lane, made.promise.lane.route)
    assert (DayCount(7, ended=1),) == tallies.experience(M.IN_TRANSIT, Measure.STAY, lane).own
    assert () == seen(store, M.IN_TRANSIT, Measure.STAY)


def test_what_comes_late_counts_as_it_happened(
    store: Store, clock: FakeClock, travel: Travel
) -> None:
    mine = travel(way=[WAY[0], *WAY[2:]])
    late = TrackingEvent(clock.now() + timedelta(days=2), M.IN_TRANSIT, "cainiao", "late")
    for _ in range(2):
        take_in(store, mine, [late], clock.now() + timedelta(days=9))
    end(store, mine, clock)

    assert (DayCount(2, ended=1),) == seen(store, M.CARRIER_ACCEPTED, Measure.STAY)


def test_parcels_of_one_day_add_up(store: Store, clock: FakeClock, travel: Travel) -> None:
    for number in ("LP00123456789012", "LP00123456789029"):
        end(store, travel(number), clock)

    assert (DayCount(7, ended=2),) == seen(store, M.IN_TRANSIT, Measure.STAY)


def test_a_parcel_that_is_erased_under_way_was_not_delivered_until_then_and_nobody_s(
    store: Store, clock: FakeClock, travel: Travel, follow: Follow, rows: Rows
) -> None:
    travel(way=WAY[:2])
    owner = follow().subscriber
    with store.write() as connection:
        erasure.erase(connection, owner)

    assert [] == rows(t.parcel) == rows(t.promise)
    assert (DayCount(2, left=1),) == seen(store, M.CARRIER_ACCEPTED, Measure.DELIVERY)
    assert {"milestone", "measure", "day", "ended", "left"} == set(t.stage_tally.c.keys()) - {
        "first_carrier",
        "last_carrier",
        "service",
    }


def test_parcels_that_ended_before_anything_was_counted_are_when_they_are_forgotten(
    store: Store, clock: FakeClock, travel: Travel, rows: Rows
) -> None:
    mine = travel()
    with store.write() as connection:
        parcels.end(connection, mine, "delivered", clock.now())
    with store.write() as connection:
        erasure.forget_parcels(connection, clock.now() + timedelta(days=1))

    assert [] == rows(t.parcel)
    assert (DayCount(7, ended=1),) == seen(store, M.IN_TRANSIT, Measure.STAY)


def test_what_is_promised_at_a_milestone_stands_and_is_scored_once(
    store: Store, clock: FakeClock, travel: Travel, rows: Rows
) -> None:
    mine = travel()
    with store.read() as connection:
        made = promises.promises_of(connection, mine)
    days = [(one.made_at - clock.now()).days for one in made]
    for _ in range(2):
        end(store, mine, clock)
    with store.read() as connection:
        scores = promises.scores(connection)

    assert [M.CARRIER_ACCEPTED, M.IN_TRANSIT, M.OUT_FOR_DELIVERY] == [
        one.promise.milestone for one in made
    ]
    assert [0, 2, 9] == days
    assert {1} == {score.count for score in scores.values()}
    assert scores.keys() == {one.promise.milestone for one in made}
    assert 1 == scores[M.IN_TRANSIT].held
    assert (made[1].promise.told.last - made[1].promise.told.first).days + 1 == (
        scores[M.IN_TRANSIT].width
    )


def test_a_promise_knows_the_mean_of_those_that_came_before(
    store: Store, clock: FakeClock, travel: Travel, rows: Rows
) -> None:
    end(store, travel(), clock)
    other = travel("LP00123456789029", WAY[:2])
    with store.read() as connection:
        made = promises.promises_of(connection, other)

    assert [9.0, 7.0] == [one.mean_days for one in made]


def test_a_parcel_that_never_came_is_no_promise_broken(
    store: Store, clock: FakeClock, travel: Travel
) -> None:
    end(store, travel(way=WAY[:2]), clock)

    with store.read() as connection:
        assert {} == promises.scores(connection)
