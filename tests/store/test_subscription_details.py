"""What mails and pages are made of: each subscription gets its own, many at once."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import SubscriptionId, TrackingEvent
from mailtrack.store import erasure, orders, parcels, subscription_details, subscriptions
from mailtrack.store.engine import Store
from mailtrack.store.subscription_details import SubscriptionDetails
from mailtrack.store.subscriptions import Subscription

Follow = Callable[..., Subscription]
Read = Callable[..., dict[SubscriptionId, SubscriptionDetails]]


@pytest.fixture
def read(store: Store) -> Read:
    def make(*mine: Subscription) -> dict[SubscriptionId, SubscriptionDetails]:
        with store.read() as connection:
            return subscription_details.read(connection, [one.id for one in mine])

    return make


@pytest.fixture
def happen(store: Store, clock: FakeClock) -> Callable[..., list[TrackingEvent]]:
    """Let something happen to a parcel on each of the last days; tells it oldest first."""

    def make(mine: Subscription, *milestones: Milestone) -> list[TrackingEvent]:
        assert mine.parcel is not None
        days = range(len(milestones), 0, -1)
        events = [
            TrackingEvent(clock.now() - timedelta(days=ago), milestone, "cainiao", milestone)
            for ago, milestone in zip(days, milestones, strict=True)
        ]
        with store.write() as connection:
            parcels.add_events_of_each(
                connection, {mine.parcel: list(reversed(events))}, clock.now()
            )
        return events

    return make


def test_each_parcel_has_its_own_history_legs_and_number(
    follow: Follow, read: Read, happen: Callable[..., list[TrackingEvent]]
) -> None:
    one, other = follow("LP00123456789012"), follow("LP00123456789013", carrier="laposte")
    shipped = happen(one, Milestone.SHIPPED, Milestone.CARRIER_ACCEPTED)
    delivered = happen(other, Milestone.DELIVERED)
    found = read(other, one)

    for mine, number, carrier, events in (
        (one, "LP00123456789012", "cainiao", shipped),
        (other, "LP00123456789013", "laposte", delivered),
    ):
        parcel = found[mine.id].parcel
        assert parcel is not None
        assert number == parcel.row.number
        assert [carrier] == [leg.carrier for leg in parcel.legs]
        assert events == list(parcel.events)


def test_many_followers_of_one_parcel_share_what_is_known_of_it(follow: Follow, read: Read) -> None:
    mine = [follow(address=f"ana{number}@example.org") for number in range(3)]
    found = read(*mine)

    assert 3 == len(found)
    assert 1 == len({id(details.parcel) for details in found.values()})


def test_a_parcel_carries_its_orders_and_an_awaited_one_is_named_by_its_own(
    store: Store, clock: FakeClock, follow: Follow, read: Read
) -> None:
    mine, now = follow(), clock.now()
    days = {"8211000000001234": date(2026, 2, 20), "8211000000005678": date(2026, 2, 18)}
    with store.write() as connection:
        assert mine.parcel is not None
        for number, day in days.items():
            order = orders.order_of(connection, mine.subscriber, number, "aliexpress", day, now)
            orders.join_parcel(connection, order, mine.parcel)
        awaited = orders.order_of(
            connection, mine.subscriber, "8211000000009999", "aliexpress", None, now
        )
        waiting, _ = subscriptions.follow_order(connection, mine.subscriber, awaited, [], now)
        found = subscription_details.read(connection, [mine.id, waiting])

    assert tuple(days) == found[mine.id].orders
    assert date(2026, 2, 18) == found[mine.id].ordered_at
    assert (None, ("8211000000009999",)) == (found[waiting].parcel, found[waiting].orders)


def test_who_sold_it_is_told_by_an_order_or_else_by_the_mail_that_named_it(
    store: Store, clock: FakeClock, follow: Follow, read: Read
) -> None:
    mine, other, typed = (follow(f"LP0012345678901{last}") for last in range(3))
    with store.write() as connection:
        for one in (mine, other):
            assert one.parcel is not None
            subscriptions.follow_parcel(
                connection, one.subscriber, one.parcel, [], [], clock.now(), "", "colissimo"
            )
        order = orders.order_of(
            connection, mine.subscriber, "PO-095-12345678901234567", "temu", None, clock.now()
        )
        assert mine.parcel is not None
        orders.join_parcel(connection, order, mine.parcel)
    found = read(mine, other, typed)

    assert ["temu", "colissimo", ""] == [found[one.id].shop for one in (mine, other, typed)]


def test_what_was_erased_has_none(store: Store, follow: Follow, read: Read) -> None:
    mine = follow()
    with store.write() as connection:
        erasure.erase(connection, mine.subscriber)

    assert {} == read(mine)


def test_twenty_cost_as_many_questions_as_one(
    follow: Follow, read: Read, statements: Callable[[], list[str]]
) -> None:
    mine = [follow(f"LP001234567890{number:02}") for number in range(20)]
    statements()
    read(mine[0])
    asked_of_one = len(statements())
    read(*mine)

    assert 0 < asked_of_one == len(statements())
