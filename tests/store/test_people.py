"""Who follows what: waiting orders, several parcels, leaving and coming back."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from mailtrack.clock import FakeClock
from mailtrack.domain.model import InboundId, OrderId, Outcome, ParcelId, SubscriberId
from mailtrack.errors import PermanentError
from mailtrack.inbox.addresses import PersonalAddresses
from mailtrack.notify.view import NoticeKind
from mailtrack.store import (
    following,
    inbound,
    notices,
    orders,
    parcels,
    people,
    personal_data,
    subscriptions,
)
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.following import Tally
from mailtrack.store.inbound import MailPlace, MailResult
from mailtrack.store.subscriptions import Subscription
from mailtrack.store.suppression import Suppression

Rows = Callable[..., list[Mapping[str, Any]]]
Follow = Callable[..., Subscription]

ORDER = "3054169918880001"
LIST = Suppression("a secret of the tests")
ADDRESSES = PersonalAddresses("colis@example.org", "a secret of the tests")


class Town:
    """The store as a person meets it: each call is one mail's transaction."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self._store = store
        self._clock = clock
        with store.write() as connection:
            self.ana = people.subscriber_of(connection, "ana@example.org", clock.now())

    def wait(self, order: str, *items: str) -> bool:
        with self._store.write() as connection:
            number = self._order(connection, order)
            _, new = subscriptions.follow_order(
                connection, self.ana, number, items, self._clock.now()
            )
            return new

    def track(self, parcel: str, carried: Sequence[str] = (), *items: str) -> bool:
        now = self._clock.now()
        with self._store.write() as connection:
            parcel_id = parcels.lock_named(connection, [parcel], now).named[parcel]
            numbers = [self._order(connection, order) for order in carried]
            for number in numbers:
                orders.join_parcel(connection, number, parcel_id)
            _, new = subscriptions.follow_parcel(
                connection, self.ana, parcel_id, numbers, items, now
            )
            return new

    def followed(self) -> list[Subscription]:
        with self._store.read() as connection:
            return list(reversed(subscriptions.of_subscriber(connection, self.ana)))

    def _order(self, connection: Any, number: str) -> OrderId:
        return orders.order_of(connection, self.ana, number, "aliexpress", None, self._clock.now())


@pytest.fixture
def town(store: Store, clock: FakeClock) -> Town:
    return Town(store, clock)


def test_a_subscription_that_waited_for_an_order_becomes_its_parcels(town: Town) -> None:
    assert town.wait(ORDER, "Lampe")
    assert town.track("LP00123456789012", [ORDER], "Lampe", "Ampoule")

    (mine,) = town.followed()
    assert ("Lampe", "Ampoule") == mine.items
    assert mine.parcel is not None


def test_an_order_and_a_parcel_are_followed_once(town: Town) -> None:
    assert [True, False] == [town.wait(ORDER) for _ in range(2)]
    assert [True, False] == [town.track("LP00123456789012", [ORDER]) for _ in range(2)]
    assert 1 == len(town.followed())


def test_an_order_in_two_parcels_is_two_subscriptions(store: Store, town: Town) -> None:
    town.wait(ORDER)
    for parcel in ("LP00123456789012", "LP00123456789013"):
        assert town.track(parcel, [ORDER])

    assert 2 == len({mine.parcel for mine in town.followed()})
    with store.read() as connection:
        assert orders.has_parcel(connection, OrderId(1))


def test_two_orders_in_one_parcel_are_one_subscription(town: Town) -> None:
    other = "3054169918880002"
    town.wait(ORDER, "Lampe")
    town.track("LP00123456789012", [ORDER, other], "Ampoule")
    town.track("LP00123456789012", [other], "Ampoule")

    (mine,) = town.followed()
    assert ("Lampe", "Ampoule") == mine.items


def test_another_order_goes_on_waiting(town: Town) -> None:
    town.wait(ORDER)
    town.track("LP00123456789012", ["3054169918880002"])

    assert [None, 1] == [mine.parcel for mine in town.followed()]


def test_an_address_is_one_subscriber(store: Store, clock: FakeClock) -> None:
    with store.write() as connection:
        first, again, other = (
            people.subscriber_of(connection, address, clock.now())
            for address in ("ana@example.org", "ana@example.org", "bruno@example.org")
        )

    assert first == again != other


# --- leaving and coming back --------------------------------------------------------


def _muted(store: Store, owner: SubscriberId) -> list[bool]:
    with store.read() as connection:
        return [mine.muted for mine in reversed(subscriptions.of_subscriber(connection, owner))]


def test_muting_stops_one_parcel_only(store: Store, follow: Follow, clock: FakeClock) -> None:
    mine, _ = follow(), follow("LP00123456789013")
    with store.write() as connection:
        assert subscriptions.mute(connection, mine.id, clock.now())
    assert [True, False] == _muted(store, mine.subscriber)

    with store.write() as connection:
        assert subscriptions.mute(connection, mine.id, None)
    assert [False, False] == _muted(store, mine.subscriber)


def test_unsubscribing_stops_everything_and_undoing_revives_just_that(
    store: Store, follow: Follow, clock: FakeClock
) -> None:
    first, second = follow(), follow("LP00123456789013")
    owner = first.subscriber
    with store.write() as connection:
        subscriptions.mute(connection, first.id, clock.now())
    clock.advance(minutes=1)

    with store.write() as connection:
        assert people.unsubscribe(connection, owner, clock.now())
        assert people.left_at(connection, owner)
    assert [True, True] == _muted(store, owner)
    clock.advance(minutes=1)
    with store.write() as connection:
        assert not people.unsubscribe(connection, owner, clock.now())

    with store.write() as connection:
        assert [second.parcel] == people.undo_unsubscribe(connection, owner)
        assert not people.left_at(connection, owner)
    assert [True, False] == _muted(store, owner)


def test_coming_back_leaves_the_old_parcels_muted(
    store: Store, follow: Follow, clock: FakeClock
) -> None:
    mine = follow()
    with store.write() as connection:
        people.unsubscribe(connection, mine.subscriber, clock.now())
        people.welcome_back(connection, mine.subscriber)

        assert not people.left_at(connection, mine.subscriber)
        assert [] == people.undo_unsubscribe(connection, mine.subscriber)
    assert [True] == _muted(store, mine.subscriber)


def test_nobody_is_neither_subscribed_nor_unsubscribed(store: Store) -> None:
    with store.write() as connection:
        assert None is people.left_at(connection, SubscriberId(99))
        assert not people.bounced(connection, SubscriberId(99), FakeClock().now())
        assert None is people.find_subscriber(connection, "nobody@example.org")


# --- erasing ------------------------------------------------------------------------


@pytest.fixture
def known(store: Store, clock: FakeClock, follow: Follow) -> Subscription:
    """Everything that may be kept about somebody."""
    mine = follow(items=("Lampe de bureau",))
    now = clock.now()
    with store.write() as connection:
        order = orders.order_of(connection, mine.subscriber, ORDER, "aliexpress", None, now)
        assert mine.parcel is not None
        orders.join_parcel(connection, order, mine.parcel)
        waiting = orders.order_of(
            connection, mine.subscriber, "3054169918880002", "aliexpress", None, now
        )
        subscriptions.follow_order(connection, mine.subscriber, waiting, ["Tapis"], now)
        raw = b"From: ana@example.org\r\nSubject: Fwd: Lampe\r\n\r\n"
        inbound.keep(connection, MailPlace("colis@host", "INBOX", 1, 1), raw, now, now)
        result = MailResult(
            Outcome.TRACKED, "", mine.subscriber, "Fwd: Lampe", "<1@example.org>", "aliexpress"
        )
        inbound.finish(connection, InboundId(1), result, now)
        notices.owe(
            connection,
            mine.subscriber,
            NoticeKind.REGISTERED,
            at=now,
            now=now,
            subscription_id=mine.id,
        )
    return mine


def _everything(rows: Rows) -> str:
    return json.dumps([rows(table) for table in t.metadata.sorted_tables], default=str)


def test_erasing_leaves_nothing_personal(
    store: Store, known: Subscription, rows: Rows, clock: FakeClock
) -> None:
    personal = ("ana@", "Lampe", "Tapis", "LP00123456789012", ORDER, "3054169918880002", "<1@")
    assert [] == [word for word in personal if word not in _everything(rows)]

    with store.write() as connection:
        personal_data.erase(connection, " Ana@Example.org ", LIST, clock.now())

    assert [] == [word for word in personal if word in _everything(rows)]
    assert [("tracked", None)] == [(r["outcome"], r["raw"]) for r in rows(t.inbound)]


def test_erasing_one_person_leaves_what_others_follow(
    store: Store, known: Subscription, follow: Follow, rows: Rows, clock: FakeClock
) -> None:
    bruno = follow(address="bruno@example.org")
    with store.write() as connection:
        personal_data.erase(connection, "ana@example.org", LIST, clock.now())

    assert ["bruno@example.org"] == [row["address"] for row in rows(t.subscriber)]
    assert [bruno.id] == [row["id"] for row in rows(t.subscription)]
    assert [] == rows(t.shop_order)
    assert 1 == len(rows(t.leg))


def test_an_erased_mail_that_the_server_renumbers_is_not_read_again(
    store: Store, known: Subscription, clock: FakeClock
) -> None:
    raw = b"From: ana@example.org\r\nSubject: Fwd: Lampe\r\n\r\n"
    with store.write() as connection:
        personal_data.erase(connection, "ana@example.org", LIST, clock.now())
        place = MailPlace("colis@host", "INBOX", 2, 1)

        assert not inbound.keep(connection, place, raw, clock.now(), clock.now())


def test_an_export_shows_all_that_is_kept(store: Store, known: Subscription) -> None:
    with store.read() as connection:
        told = personal_data.everything_about(connection, "ana@example.org", LIST, ADDRESSES.of)

    assert "ana@example.org" == told["address"]
    assert [["3054169918880002"], [ORDER]] == [p["orders"] for p in told["parcels"]]
    assert [["Tapis"], ["Lampe de bureau"]] == [p["items"] for p in told["parcels"]]
    assert ["Fwd: Lampe"] == [m["subject"] for m in told["mails_received"]]
    assert ["registered"] == [m["notice"] for m in told["mails_sent"]]
    assert json.dumps(told)


def test_nothing_is_known_of_a_stranger(store: Store, clock: FakeClock) -> None:
    with store.write() as connection:
        with pytest.raises(PermanentError, match="Nothing is kept"):
            personal_data.everything_about(connection, "nobody@example.org", LIST, ADDRESSES.of)
        with pytest.raises(PermanentError, match="Nothing is kept"):
            personal_data.erase(connection, "nobody@example.org", LIST, clock.now())


def test_a_parcel_is_known_by_its_local_number_too(
    store: Store, follow: Follow, clock: FakeClock
) -> None:
    mine = follow()
    assert mine.parcel is not None
    with store.write() as connection:
        parcels.add_leg(
            connection, mine.parcel, "laposte", "6A12345678901", clock.now(), is_local=True
        )

        assert mine.parcel == parcels.find_parcel(connection, "6A12345678901")
        numbers = ["6A12345678901", "LP00123456789013"]
        found = parcels.lock_named(connection, numbers, clock.now()).named
        assert [mine.parcel, ParcelId(2)] == [found[number] for number in numbers]


def test_a_long_list_is_read_by_one_query_newest_first(
    store: Store, town: Town, clock: FakeClock, statements: Callable[[], list[str]]
) -> None:
    for number in range(30):
        town.track(f"LP001234567890{number:02}", (ORDER,), "Lampe")
    town.wait("3054169918880009", "Tapis")
    statements()
    with store.read() as connection:
        lines = following.followed(connection, town.ana, limit=20)
        rest = following.followed(connection, town.ana, limit=20, offset=20)

    assert 2 == len(statements())
    assert "3054169918880009" == lines[0].number
    assert [f"LP001234567890{number:02}" for number in range(29, -1, -1)] == [
        line.number for line in (*lines[1:], *rest)
    ]


def test_what_is_stopped_is_counted_apart(store: Store, town: Town, clock: FakeClock) -> None:
    for number in range(3):
        town.track(f"LP001234567890{number:02}")
    first = town.followed()[0]
    with store.write() as connection:
        subscriptions.mute(connection, first.id, clock.now())

        assert Tally(3, 2, 2, 0) == following.tally(connection, town.ana)
        assert Tally(0, 0, 0, 0) == following.tally(connection, SubscriberId(99))
