"""On which days people are told to expect their parcels, and what takes such days back."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from mailtrack.clock import FakeClock
from mailtrack.domain.forecast import Measure
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import TrackingEvent
from mailtrack.domain.stage_times import Lane
from mailtrack.domain.stays import Stay
from mailtrack.notify.expectation import Expectation
from mailtrack.runtime.services import Services
from mailtrack.store import (
    following,
    parcels,
    stage_tallies,
    subscription_details,
    subscriptions,
)
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription
from mailtrack.tracking import forecasting, merging

M = Milestone
Follow = Callable[..., Subscription]


@pytest.fixture
def mine(store: Store, clock: FakeClock, follow: Follow) -> Subscription:
    """A parcel that has just come to France."""
    mine = follow()
    reach(store, clock, mine, M.ARRIVED_IN_COUNTRY)
    return mine


def reach(store: Store, clock: FakeClock, mine: Subscription, milestone: Milestone) -> None:
    """Let a carrier tell that a parcel has come to a milestone."""
    assert mine.parcel is not None
    event = TrackingEvent(clock.now(), milestone, "cainiao", milestone)
    with store.write() as connection:
        parcels.lock(connection, mine.parcel)
        merging.take_in(connection, {mine.parcel: [event]}, clock.now())


@pytest.fixture
def expected(
    services: Services, store: Store, clock: FakeClock, mine: Subscription
) -> Callable[..., Expectation | None]:
    """Return when the parcel is expected on its page, a list and the page for everybody."""

    def make(*, by_all: bool = True) -> Expectation | None:
        views, now = services.views, clock.now()
        assert mine.parcel is not None
        with store.read() as connection:
            details = subscription_details.read(connection, [mine.id])[mine.id]
            page = views.parcel_of(connection, details, now)
            public = views.public(connection, mine.parcel, now)
            (followed,) = following.followed(connection, mine.subscriber, limit=1)
            line = views.expected(connection, [followed], now).get(mine.id)
        assert page is not None
        assert public is not None
        assert page.expected == line
        if by_all:
            assert page.expected == public.expected
        return page.expected

    return make


Expected = Callable[..., Expectation | None]


def test_the_carrier_s_day_goes_first_then_the_mail_s_then_our_estimate(
    store: Store, clock: FakeClock, mine: Subscription, expected: Expected
) -> None:
    today = clock.now().date()
    by_mail, by_carrier = today + timedelta(days=4), today + timedelta(days=9)
    estimate = expected()
    assert estimate is not None
    assert estimate.named is None
    assert today <= estimate.first < estimate.last

    with store.write() as connection:
        subscriptions.expect(connection, mine.id, by_mail, "aliexpress")
    shown = expected(by_all=False)
    assert shown is not None
    assert shown.named is not None
    assert (by_mail, by_mail, "AliExpress") == (shown.first, shown.last, shown.named.by)

    with store.write() as connection:
        connection.execute(update(t.parcel).values(estimated_delivery=by_carrier))
    shown = expected()
    assert shown is not None
    assert shown.named is not None
    assert (by_carrier, "Cainiao") == (shown.named.day, shown.named.by)


def test_a_carrier_s_day_that_has_passed_is_taken_back_with_a_new_interval(
    store: Store, clock: FakeClock, expected: Expected
) -> None:
    day = clock.now().date() + timedelta(days=1)
    with store.write() as connection:
        connection.execute(update(t.parcel).values(estimated_delivery=day))
    clock.advance(days=2)
    shown = expected()

    assert shown is not None
    assert shown.missed is not None
    assert (day, "Cainiao") == (shown.missed.day, shown.missed.by)
    assert clock.now().date() <= shown.first < shown.last


def test_our_own_interval_that_is_over_is_taken_back_on_the_page_and_in_the_next_mail(
    store: Store, clock: FakeClock, mine: Subscription, expected: Expected
) -> None:
    first = expected()
    assert first is not None
    assert first.missed is None
    clock.advance(days=(first.last - clock.now().date()).days + 1)
    over = expected()
    assert over is not None
    assert over.missed is not None
    assert (first.last, "") == (over.missed.day, over.missed.by)

    reach(store, clock, mine, M.CUSTOMS_CLEARED)
    again = expected()
    assert again is not None
    assert over.missed == again.missed


@pytest.mark.parametrize("milestone", [M.DELIVERED, M.RETURNING, M.PICKUP_AVAILABLE])
def test_nothing_is_expected_of_what_came_waits_or_turned_back(
    store: Store, clock: FakeClock, mine: Subscription, expected: Expected, milestone: Milestone
) -> None:
    clock.advance(hours=1)
    reach(store, clock, mine, milestone)

    assert expected() is None


def test_a_day_is_told_no_more_once_the_parcel_turned_back(
    store: Store, clock: FakeClock, mine: Subscription, expected: Expected
) -> None:
    clock.advance(hours=1)
    reach(store, clock, mine, M.RETURNING)
    with store.write() as connection:
        connection.execute(update(t.parcel).values(estimated_delivery=date(2026, 12, 24)))

    assert expected() is None


def test_no_interval_is_over_however_long_nothing_is_heard(
    clock: FakeClock, expected: Expected
) -> None:
    before = expected()
    for _ in range(40):
        clock.advance(days=1)
        now = expected()
        assert before is not None
        assert now is not None
        assert clock.now().date() <= now.first < now.last
        assert (before.first, before.last) <= (now.first, now.last)
        before = now


def test_what_was_seen_of_others_narrows_the_interval(
    store: Store, clock: FakeClock, expected: Expected
) -> None:
    before = expected()
    likes = Stay(M.ARRIVED_IN_COUNTRY, Lane("cainiao"), Measure.DELIVERY, 5, ended=True)
    with store.write() as connection:
        stage_tallies.add(connection, [likes] * 300)
    assert before == expected()

    clock.advance(seconds=forecasting.REREAD.total_seconds() + 1)
    after = expected()
    assert before is not None
    assert after is not None
    assert after.last - after.first < before.last - before.first


def test_a_list_asks_for_what_was_seen_once_however_long_it_is(
    services: Services,
    store: Store,
    clock: FakeClock,
    follow: Follow,
    statements: Callable[[], list[str]],
) -> None:
    for last in range(5):
        reach(store, clock, follow(f"LP0012345678901{last}"), M.IN_TRANSIT)
    owner = follow("LP00123456789010").subscriber
    with store.read() as connection:
        mine = following.followed(connection, owner, limit=5)
        statements()
        shown = services.views.expected(connection, mine, clock.now())
        first = statements()
        again = services.views.expected(connection, mine, clock.now())

    assert {one.subscription.id for one in mine} == set(shown)
    assert shown == again
    # The parcels, their legs, promises and named carriers; and once what was seen.
    assert [5, 4] == [len(first), len(statements())]


def test_the_first_word_at_a_milestone_stands(
    store: Store, clock: FakeClock, mine: Subscription, rows: Callable[..., list[Mapping[str, Any]]]
) -> None:
    (before,) = rows(t.promise)
    clock.advance(days=3)
    earlier = TrackingEvent(
        clock.now() - timedelta(days=9), M.ARRIVED_IN_COUNTRY, "cainiao", "earlier"
    )
    assert mine.parcel is not None
    with store.write() as connection:
        parcels.lock(connection, mine.parcel)
        merging.take_in(connection, {mine.parcel: [earlier]}, clock.now())

    assert [before] == rows(t.promise)
