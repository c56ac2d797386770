"""Parcels and their legs: when they are polled, when no more, when again."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier
from typing import Any

import pytest

from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import (
    LegId,
    ParcelId,
    PickupPoint,
    PollResult,
    PollState,
    Reason,
    TrackingEvent,
)
from mailtrack.store import followers, leg_claims, parcels, people, subscriptions
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription

Rows = Callable[..., list[Mapping[str, Any]]]
Follow = Callable[..., Subscription]


def _parcel(mine: Subscription) -> ParcelId:
    assert mine.parcel is not None
    return mine.parcel


def _claim(store: Store, clock: FakeClock, token: str) -> list[LegId]:
    with store.write() as connection:
        return leg_claims.claim_legs(
            connection, "cainiao", token=token, now=clock.now(), until=clock.later(120), limit=10
        )


def test_a_parcel_that_has_ended_is_due_nowhere_until_it_is_woken(
    store: Store, follow: Follow, clock: FakeClock
) -> None:
    parcel = _parcel(follow())
    with store.write() as connection:
        parcels.end(connection, parcel, "delivered", clock.now())
    clock.advance(days=400)
    assert [] == _claim(store, clock, "one")

    with store.write() as connection:
        (row,) = parcels.parcel_rows(connection, [parcel])
        assert clock.now() - timedelta(days=400) == row.ended_at
        parcels.wake(connection, parcel, clock.now())
        (row,) = parcels.parcel_rows(connection, [parcel])
        assert row.ended_at is None
    assert [1] == _claim(store, clock, "two")


def test_a_parcel_that_ended_while_a_leg_was_out_can_be_woken(
    store: Store, follow: Follow, clock: FakeClock
) -> None:
    """The worker that held the leg may never come back."""
    parcel = _parcel(follow())
    _claim(store, clock, "killed")
    with store.write() as connection:
        parcels.end(connection, parcel, "delivered", clock.now())
        parcels.wake(connection, parcel, clock.now())

    assert [1] == _claim(store, clock, "two")


def test_waking_does_not_take_a_leg_out_of_a_worker_s_hands(
    store: Store, follow: Follow, clock: FakeClock
) -> None:
    parcel = _parcel(follow())
    _claim(store, clock, "one")
    with store.write() as connection:
        parcels.wake(connection, parcel, clock.now())

        assert [1] == [leg.id for leg in leg_claims.claimed(connection, [LegId(1)], "one")]
    assert [] == _claim(store, clock, "two")


def test_a_leg_is_added_once(store: Store, follow: Follow, clock: FakeClock) -> None:
    parcel = _parcel(follow())
    with store.write() as connection:
        added = [
            parcels.add_leg(connection, parcel, "laposte", "6A12345678901", clock.now())
            for _ in range(2)
        ]

    assert [True, False] == added


def test_legs_given_back_are_due_when_it_was_said(
    store: Store, follow: Follow, clock: FakeClock, rows: Rows
) -> None:
    follow()
    mine = _claim(store, clock, "one")
    later = clock.now() + timedelta(hours=6)
    with store.write() as connection:
        leg_claims.release(connection, mine, "another token", later)
        assert mine == [leg.id for leg in leg_claims.claimed(connection, mine, "one")]
        leg_claims.release(connection, mine, "one", later)

    assert [(later, 0)] == [(row["next_poll_at"], row["failures"]) for row in rows(t.leg)]
    assert [] == rows(t.leg_claim)


def test_what_is_due_is_counted_up_to_what_is_asked(
    store: Store, follow: Follow, clock: FakeClock
) -> None:
    for last in range(5):
        follow(f"LP0012345678901{last}")

    with store.read() as connection:
        assert 5 == leg_claims.count_due(connection, "cainiao", clock.now(), 10)
        assert 3 == leg_claims.count_due(connection, "cainiao", clock.now(), 3)
        assert 0 == leg_claims.count_due(connection, "laposte", clock.now(), 10)
        assert 0 == leg_claims.count_due(connection, "cainiao", clock.now() - timedelta(1), 10)


def test_events_come_back_as_they_were_told_oldest_first(
    store: Store, follow: Follow, clock: FakeClock
) -> None:
    parcel = _parcel(follow())
    failed = TrackingEvent(
        at=clock.now(),
        milestone=Milestone.DELIVERY_FAILED,
        source="laposte",
        code="ND1",
        text="Votre colis n’a pu être livré",
        place="Nantes",
        at_certain=False,
        reason=Reason.ABSENT,
        mark="2026-03-02",
    )
    arrived = TrackingEvent(
        clock.now() - timedelta(days=2), Milestone.ARRIVED_IN_COUNTRY, "cainiao"
    )
    with store.write() as connection:
        for _ in range(2):
            parcels.add_events_of_each(connection, {parcel: [failed, arrived]}, clock.now())

        assert [arrived, failed] == parcels.history(connection, parcel)


def test_a_look_leaves_alone_what_it_does_not_tell(
    store: Store, follow: Follow, clock: FakeClock
) -> None:
    parcel = _parcel(follow())
    point = PickupPoint("Bureau de poste", "1 rue du Port", date(2026, 3, 14))
    first = clock.now()
    with store.write() as connection:
        full = PollResult("LP", PollState.FOUND, (), "6A12345678901", date(2026, 3, 10), point)
        parcels.save_results(connection, {parcel: full}, first)
        clock.advance(hours=2)
        parcels.save_results(connection, {parcel: PollResult("LP", PollState.FOUND)}, clock.now())
        (row,) = parcels.parcel_rows(connection, [parcel])

    assert ("6A12345678901", date(2026, 3, 10), point, first, clock.now()) == (
        row.local_number,
        row.estimated_delivery,
        row.pickup_point,
        row.first_answer_at,
        row.last_answer_at,
    )


@pytest.mark.parametrize("leave", ["mute", "unsubscribe", "bounce"])
def test_a_parcel_is_followed_while_one_person_wants_to_hear_of_it(
    store: Store, follow: Follow, clock: FakeClock, leave: str
) -> None:
    people_of_it = [follow(), follow(address="bruno@example.org")]
    parcel = _parcel(people_of_it[0])
    followed = []
    for mine in people_of_it:
        with store.write() as connection:
            if leave == "mute":
                subscriptions.mute(connection, mine.id, clock.now())
            elif leave == "unsubscribe":
                people.unsubscribe(connection, mine.subscriber, clock.now())
            else:
                people.bounced(connection, mine.subscriber, clock.now())
            followed.append(len(followers.who_wait(connection, parcel)))

    assert [1, 0] == followed


def test_a_leg_can_be_claimed_whoever_holds_it_when_its_carrier_writes_of_itself(
    store: Store, follow: Follow, clock: FakeClock
) -> None:
    follow()
    legs = _claim(store, clock, "a poll under way")
    with store.write() as connection:
        until = clock.later(30)
        (mine,) = leg_claims.claim_number(
            connection, "cainiao", "LP00123456789012", token="push", until=until
        )

        assert legs == [mine.id]
        assert [] == leg_claims.claimed(connection, legs, "a poll under way")
        assert [mine] == leg_claims.claimed(connection, legs, "push")
        assert [] == leg_claims.claim_number(
            connection, "laposte", "LP00123456789012", token="push", until=until
        )

        # The poll that is under way ends meanwhile.
        leg_claims.let_go_of(connection, legs, "a poll under way")
        assert [mine] == leg_claims.claimed(connection, legs, "push")


def test_two_dispatchers_at_once_never_claim_the_same_leg(
    store: Store, follow: Follow, clock: FakeClock
) -> None:
    for last in range(40):
        follow(f"LP00123456789{last:03}")
    start = Barrier(2)

    def claim_all(name: str) -> list[LegId]:
        start.wait()
        mine: list[LegId] = []
        for _ in range(40):
            with store.write() as connection:
                mine += leg_claims.claim_legs(
                    connection,
                    "cainiao",
                    token=name,
                    now=clock.now(),
                    until=clock.later(120),
                    limit=3,
                )
        return mine

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(claim_all, ("one", "other"))

    assert list(range(1, 41)) == sorted(one + other)
