"""What a person chose to hear of is told, and no change of mind brings old news."""

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any

import pytest

from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import TrackingEvent
from mailtrack.domain.notice_preferences import NoticePreferences
from mailtrack.notify.view import NoticeKind
from mailtrack.runtime.services import Services
from mailtrack.store import parcels, people
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription
from mailtrack.tracking import merging

Rows = Callable[..., list[Mapping[str, Any]]]

M = Milestone


@pytest.fixture
def mine(follow: Callable[..., Subscription]) -> Subscription:
    return follow()


@pytest.fixture
def tell(store: Store, clock: FakeClock, mine: Subscription) -> Callable[..., None]:
    """Let a carrier tell of milestones, so many days ago."""

    def make(*milestones: M, days_ago: float = 0) -> None:
        at = clock.now() - timedelta(days=days_ago)
        events = [TrackingEvent(at, milestone, "cainiao", milestone) for milestone in milestones]
        assert mine.parcel is not None
        with store.write() as connection:
            parcels.lock(connection, mine.parcel)
            merging.take_in(connection, {mine.parcel: events}, clock.now())

    return make


@pytest.fixture
def choose(store: Store, mine: Subscription) -> Callable[..., None]:
    def make(*unwanted: str, also: Collection[str] = ()) -> None:
        preferences = NoticePreferences(frozenset(unwanted), frozenset(also))
        with store.write() as connection:
            people.choose(connection, mine.subscriber, preferences)

    return make


def _ended(rows: Rows) -> dict[str, str]:
    """Return how each notice stands: owed, or skipped and why."""
    return {row["kind"]: row["skip"] or row["state"] for row in rows(t.notice)}


def test_what_is_unwanted_is_skipped_by_name_and_the_next_news_comes(
    tell: Callable[..., None], choose: Callable[..., None], rows: Rows
) -> None:
    choose(M.CUSTOMS_CLEARED)
    tell(M.CUSTOMS_CLEARED, days_ago=1)
    tell(M.OUT_FOR_DELIVERY)

    assert {"customs_cleared": "unwanted", "out_for_delivery": "due"} == _ended(rows)


def test_of_two_steps_at_once_the_one_that_is_wanted_is_told(
    tell: Callable[..., None], choose: Callable[..., None], rows: Rows
) -> None:
    choose(M.CUSTOMS_CLEARED)
    tell(M.ARRIVED_IN_COUNTRY, M.CUSTOMS_CLEARED)

    assert {"arrived_in_country": "due", "customs_cleared": "unwanted"} == _ended(rows)


def test_a_change_of_mind_brings_the_next_news_and_nothing_old(
    tell: Callable[..., None], choose: Callable[..., None], rows: Rows
) -> None:
    choose(M.CARRIER_ACCEPTED, M.ARRIVED_IN_COUNTRY, M.CUSTOMS_CLEARED)
    tell(M.CARRIER_ACCEPTED, days_ago=9)
    tell(M.CUSTOMS_CLEARED, days_ago=2)
    choose()
    tell(M.CUSTOMS_CLEARED, days_ago=2)
    tell(M.ARRIVED_IN_COUNTRY, days_ago=3)

    assert {
        "carrier_accepted": "unwanted",
        "customs_cleared": "unwanted",
        "arrived_in_country": "late",
    } == _ended(rows)
    tell(M.OUT_FOR_DELIVERY)
    assert "due" == _ended(rows)["out_for_delivery"]


def test_a_repeated_scan_after_a_change_of_mind_is_old_news_too(
    tell: Callable[..., None], choose: Callable[..., None], rows: Rows
) -> None:
    choose(M.OUT_FOR_DELIVERY)
    tell(M.OUT_FOR_DELIVERY, days_ago=0.6)
    choose()
    tell(M.OUT_FOR_DELIVERY)

    assert ["unwanted", "repeated"] == [row["skip"] for row in rows(t.notice)]


def test_what_is_asked_for_comes_once_for_a_parcel_however_many_scans_there_are(
    tell: Callable[..., None], choose: Callable[..., None], rows: Rows
) -> None:
    choose(also=[M.IN_TRANSIT])
    tell(M.CARRIER_ACCEPTED, days_ago=9)
    for days_ago in (8, 7, 6, 5):
        tell(M.IN_TRANSIT, days_ago=days_ago)
    tell(M.CUSTOMS_STARTED, days_ago=2)

    assert [
        ("carrier_accepted", "due"),
        ("in_transit", "due"),
        ("customs_started", "skipped"),
    ] == [(row["kind"], row["state"]) for row in rows(t.notice)]


def test_who_asks_for_more_hears_of_the_next_step_and_of_nothing_old(
    tell: Callable[..., None], choose: Callable[..., None], rows: Rows
) -> None:
    tell(M.IN_TRANSIT, days_ago=9)
    choose(also=[M.IN_TRANSIT, M.CUSTOMS_STARTED, M.LOCAL_TRANSIT])
    tell(M.IN_TRANSIT, days_ago=8)
    tell(M.CUSTOMS_STARTED, days_ago=2)

    assert {"in_transit": "not_wanted", "customs_started": "due"} == _ended(rows)


def test_a_later_scan_found_first_makes_old_news_of_an_earlier_step_that_is_asked_for(
    tell: Callable[..., None], choose: Callable[..., None], rows: Rows
) -> None:
    tell(M.LOCAL_TRANSIT, days_ago=1)
    choose(also=[M.CUSTOMS_STARTED, M.LOCAL_TRANSIT])
    tell(M.CUSTOMS_STARTED, days_ago=3)
    tell(M.CUSTOMS_CLEARED, days_ago=2)

    assert {
        "local_transit": "not_wanted",
        "customs_started": "late",
        "customs_cleared": "due",
    } == _ended(rows)


def test_a_late_parcel_that_nobody_wants_to_hear_of_is_skipped_once(
    services: Services,
    clock: FakeClock,
    tell: Callable[..., None],
    choose: Callable[..., None],
    rows: Rows,
) -> None:
    housekeeping = services.housekeeping()
    choose(NoticeKind.STALLED)
    tell(M.CUSTOMS_CLEARED)
    for _ in range(25):  # a clock that jumps is not believed
        clock.advance(days=1)
        housekeeping.run()
    choose()
    clock.advance(days=2)
    housekeeping.run()

    assert ["unwanted"] == [row["skip"] for row in rows(t.notice, kind="stalled")]


def test_a_reminder_that_nobody_wants_is_skipped_once(
    services: Services,
    store: Store,
    clock: FakeClock,
    mine: Subscription,
    tell: Callable[..., None],
    choose: Callable[..., None],
    rows: Rows,
) -> None:
    tell(M.PICKUP_AVAILABLE)
    clock.advance(days=1)
    with store.write() as connection:
        connection.execute(t.parcel.update().values(pickup_last_day=clock.now().date()))
    housekeeping = services.housekeeping()
    choose(NoticeKind.PICKUP_REMINDER)
    housekeeping.run()
    choose()
    housekeeping.run()

    assert ["unwanted"] == [row["skip"] for row in rows(t.notice, kind="pickup_reminder")]


@pytest.mark.parametrize(
    "milestone", [M.DETAILS_AWAITED, M.ORDER_PREPARED, M.ORDER_CONSOLIDATED, M.ABANDONED]
)
@pytest.mark.parametrize("asked", [True, False])
def test_steps_of_an_order_are_mailed_to_those_who_asked_for_them(
    milestone: M,
    asked: bool,
    tell: Callable[..., None],
    choose: Callable[..., None],
    rows: Rows,
) -> None:
    choose(also=[milestone] * asked)
    tell(milestone)

    assert {milestone: "due" if asked else "not_wanted"} == _ended(rows)
