"""Who is told that their parcel is slower than nine of ten: once, and by the clock."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from mailtrack.clock import FakeClock
from mailtrack.domain.forecast import Measure
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import TrackingEvent
from mailtrack.domain.stage_times import Lane
from mailtrack.domain.stays import Stay
from mailtrack.store import parcels, people, stage_tallies, subscriptions
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription
from mailtrack.tracking import lateness, merging

M = Milestone
Follow = Callable[..., Subscription]
Rows = Callable[..., list[Mapping[str, Any]]]
#: The stay that nine parcels of ten do not outlast where nothing was seen yet.
USUAL_DAYS = 30


@pytest.fixture
def told(store: Store, clock: FakeClock, rows: Rows) -> Callable[[float], list[str]]:
    """Let days pass, and return at which milestones word of lateness was owed so far."""

    def make(days: float = 0) -> list[str]:
        clock.advance(days=days)
        store.transact(lambda connection: lateness.tell(connection, clock.now()))
        return [row["occurrence"] for row in rows(t.notice, kind="stalled")]

    return make


@pytest.fixture
def by_mail(store: Store, clock: FakeClock) -> Callable[[Subscription, Milestone], None]:
    """Let a mail tell its reader a step of what they follow."""

    def make(mine: Subscription, milestone: Milestone) -> None:
        assert mine.parcel is not None
        with store.write() as connection:
            parcels.lock(connection, mine.parcel)
            event = subscriptions.mail_event_of(milestone, milestone, clock.now())
            merging.take_in_mail(connection, mine.parcel, mine.id, event, clock.now())

    return make


@pytest.fixture
def by_carrier(store: Store, clock: FakeClock, rows: Rows) -> Callable[[Milestone], None]:
    """Let a carrier tell a step of the one parcel."""

    def make(milestone: Milestone) -> None:
        (parcel,) = rows(t.parcel)
        event = TrackingEvent(clock.now(), milestone, "cainiao", milestone)
        with store.write() as connection:
            parcels.lock(connection, parcel["id"])
            merging.take_in(connection, {parcel["id"]: [event]}, clock.now())

    return make


Told = Callable[..., list[str]]


def test_a_parcel_that_outlives_nine_of_ten_is_told_once_and_at_the_next_milestone_again(
    follow: Follow, by_carrier: Callable[..., None], told: Told
) -> None:
    follow()
    by_carrier(M.CARRIER_ACCEPTED)
    assert [] == told(USUAL_DAYS - 0.1)
    assert ["carrier_accepted"] == told(0.1) == told(9)

    by_carrier(M.IN_TRANSIT)
    assert ["carrier_accepted"] == told(USUAL_DAYS - 0.1)
    assert ["carrier_accepted", "in_transit"] == told(0.1)


def test_where_parcels_are_fast_slow_ones_are_told_sooner(
    store: Store, follow: Follow, by_carrier: Callable[..., None], told: Told
) -> None:
    fast = Stay(M.CARRIER_ACCEPTED, Lane("cainiao"), Measure.STAY, 2, ended=True)
    with store.write() as connection:
        stage_tallies.add(connection, [fast] * 200)
    follow()
    by_carrier(M.CARRIER_ACCEPTED)

    assert [] == told(2)
    assert ["carrier_accepted"] == told(8)


def test_it_is_told_where_nobody_can_be_asked(
    store: Store, follow: Follow, by_mail: Callable[..., None], told: Told
) -> None:
    mine = follow()
    with store.write() as connection:
        connection.execute(update(t.leg).values(next_poll_at=None))
    by_mail(mine, M.SHIPPED)

    assert [] == told(USUAL_DAYS - 0.1)
    assert ["shipped"] == told(0.1)


def test_a_number_that_those_who_are_asked_do_not_know_may_be_wrong_and_is_not_called_late(
    follow: Follow, by_mail: Callable[..., None], told: Told
) -> None:
    by_mail(follow(), M.SHIPPED)

    assert [] == told(USUAL_DAYS)


def test_who_knows_of_the_delivery_by_their_own_mail_is_told_nothing(
    follow: Follow,
    by_carrier: Callable[..., None],
    by_mail: Callable[..., None],
    told: Told,
    rows: Rows,
) -> None:
    mine, other = follow(), follow(address="bruno@example.org")
    by_carrier(M.CARRIER_ACCEPTED)
    by_mail(mine, M.DELIVERED)

    assert ["carrier_accepted"] == told(USUAL_DAYS)
    assert [other.id] == [row["subscription_id"] for row in rows(t.notice, kind="stalled")]


@pytest.mark.parametrize("milestone", [M.PICKUP_AVAILABLE, M.DELIVERED, M.RETURNED])
def test_what_waits_for_its_reader_or_is_over_is_not_late(
    follow: Follow, by_carrier: Callable[..., None], told: Told, rows: Rows, milestone: Milestone
) -> None:
    follow()
    by_carrier(milestone)

    assert [None] == [row["slow_at"] for row in rows(t.subscription)]
    assert [] == told(200)


def test_who_was_told_that_the_search_has_ended_hears_no_more_of_it(
    store: Store, clock: FakeClock, follow: Follow, by_carrier: Callable[..., None], told: Told
) -> None:
    mine = follow()
    by_carrier(M.CARRIER_ACCEPTED)
    assert mine.parcel is not None
    with store.write() as connection:
        parcels.end(connection, mine.parcel, "carrier_accepted", clock.now())

    assert [] == told(USUAL_DAYS)


def test_who_muted_a_parcel_hears_nothing_then_nor_later(
    store: Store, clock: FakeClock, follow: Follow, by_carrier: Callable[..., None], told: Told
) -> None:
    mine = follow()
    by_carrier(M.CARRIER_ACCEPTED)
    with store.write() as connection:
        subscriptions.mute(connection, mine.id, clock.now())
    assert [] == told(USUAL_DAYS)

    with store.write() as connection:
        subscriptions.mute(connection, mine.id, None)
    assert [] == told(1)


def test_who_does_not_want_the_mail_gets_none(
    store: Store, follow: Follow, by_carrier: Callable[..., None], told: Told, rows: Rows
) -> None:
    mine = follow()
    by_carrier(M.CARRIER_ACCEPTED)
    with store.write() as connection:
        chosen = people.preferences_of(connection, mine.subscriber)
        connection.execute(update(t.subscriber).values(unwanted=chosen.unwanted | {"stalled"}))
    told(USUAL_DAYS)

    assert ["unwanted"] == [row["skip"] for row in rows(t.notice, kind="stalled")]


def test_a_round_tells_only_so_many_and_the_next_one_goes_on(
    store: Store,
    clock: FakeClock,
    follow: Follow,
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lateness, "PER_ROUND", 2)
    for last in range(3):
        mine = follow(f"LP0012345678901{last}")
        assert mine.parcel is not None
        with store.write() as connection:
            parcels.lock(connection, mine.parcel)
            event = TrackingEvent(clock.now(), M.IN_TRANSIT, "cainiao")
            merging.take_in(connection, {mine.parcel: [event]}, clock.now())

    assert [2, 3, 3] == [len(told(days)) for days in (USUAL_DAYS, 0, 0)]


def test_what_is_late_is_found_by_an_index_over_what_will_be_alone(store: Store) -> None:
    (index,) = [i for i in t.subscription.indexes if i.name == "ix_subscription_slow"]

    assert "slow_at IS NOT NULL" in str(index.dialect_options["sqlite"]["where"])
    with store.read() as connection:
        if connection.dialect.name == "sqlite":
            due = "SELECT id FROM subscription WHERE slow_at <= '2026' ORDER BY slow_at LIMIT 9"
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {due}").all()
            assert "ix_subscription_slow" in str(plan)


def test_a_day_that_a_late_scan_moves_back_is_told_no_second_time(
    store: Store, clock: FakeClock, follow: Follow, by_carrier: Callable[..., None], told: Told
) -> None:
    mine = follow()
    by_carrier(M.IN_TRANSIT)
    assert ["in_transit"] == told(USUAL_DAYS)
    assert mine.parcel is not None
    earlier = TrackingEvent(
        clock.now() - timedelta(days=USUAL_DAYS + 2), M.IN_TRANSIT, "cainiao", "earlier"
    )
    with store.write() as connection:
        parcels.lock(connection, mine.parcel)
        merging.take_in(connection, {mine.parcel: [earlier]}, clock.now())

    assert ["in_transit"] == told(1)
