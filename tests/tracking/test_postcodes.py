"""Carriers that want the addressee's postcode: whose is used, and what happens without one."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import pytest

from mailtrack.carriers.base import MOST_POSTCODES, WithPostcode
from mailtrack.carriers.colisprive import DECLARATION, NUMBER
from mailtrack.carriers.fake import FakeCarrier
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState, TrackingEvent
from mailtrack.store import leg_claims, parcels, people
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription
from mailtrack.tracking.polling import Poller

Rows = Callable[..., list[Mapping[str, Any]]]
Follow = Callable[..., Subscription]
Scan = Callable[..., TrackingEvent]

PARCEL = "Q00000000017"


class Postman(WithPostcode):
    """Knows every number at one postcode; keeps what it was asked."""

    declaration = DECLARATION
    form = NUMBER

    def __init__(self, scan: TrackingEvent) -> None:
        self.right = "69001"
        self.asked: list[str] = []
        self._scan = scan

    def _ask(self, number: str, postcode: str) -> PollResult:
        self.asked.append(postcode)
        if postcode != self.right:
            return PollResult(number, PollState.NOT_FOUND)
        return PollResult(number, PollState.FOUND, (self._scan,))


@pytest.fixture
def postman(scan: Scan) -> Postman:
    return Postman(scan(Milestone.LOCAL_TRANSIT))


@pytest.fixture
def look(store: Store, clock: FakeClock, postman: Postman) -> Callable[..., None]:
    """Ask the carrier about what is due, as a worker would."""
    seventeen, rng = FakeCarrier("17track"), Random(7)

    def make(*others: str) -> None:
        on = {"colisprive": postman} | ({"17track": seventeen} if others else {})
        declarations = {code: carrier.declaration for code, carrier in on.items()}
        poller = Poller(store, on, declarations, clock, rng)
        with store.write() as connection:
            legs = leg_claims.claim_legs(
                connection,
                "colisprive",
                token="t",
                now=clock.now(),
                until=clock.later(90),
                limit=9,
            )
        poller.poll("colisprive", legs, "t")

    return make


@pytest.fixture
def follow_with(store: Store, follow: Follow) -> Callable[..., Subscription]:
    """Let somebody follow the parcel who told a postcode, or none."""

    def make(who: str, postcode: str | None = None) -> Subscription:
        mine = follow(PARCEL, f"{who}@example.org", "colisprive")
        with store.write() as connection:
            people.tell_postcode(connection, mine.subscriber, postcode)
        return mine

    return make


def _state(rows: Rows, carrier: str = "colisprive") -> Sequence[str]:
    return [leg["state"] for leg in rows(t.leg, carrier=carrier)]


def test_without_a_postcode_nobody_is_asked_and_another_takes_over_at_once(
    follow_with: Callable[..., Subscription],
    look: Callable[..., None],
    postman: Postman,
    rows: Rows,
) -> None:
    follow_with("ana")
    look("17track")

    assert [] == postman.asked
    assert [PollState.NEEDS_POSTCODE] == _state(rows)
    assert [""] == [leg["state"] or "" for leg in rows(t.leg, carrier="17track")]


def test_the_postcode_of_a_follower_finds_the_parcel(
    follow_with: Callable[..., Subscription],
    look: Callable[..., None],
    postman: Postman,
    rows: Rows,
) -> None:
    follow_with("ana", "69001")
    look()

    assert ["69001"] == postman.asked
    assert [PollState.FOUND] == _state(rows)


def test_a_strangers_postcode_does_not_stand_in_the_addressees_way(
    follow_with: Callable[..., Subscription],
    look: Callable[..., None],
    postman: Postman,
    rows: Rows,
) -> None:
    follow_with("ana", "69001")
    follow_with("eve", "75011")
    follow_with("noe")
    look()

    assert ["75011", "69001"] == postman.asked
    assert [PollState.FOUND] == _state(rows)


def test_of_many_strangers_none_stands_in_the_way_for_ever(
    follow_with: Callable[..., Subscription],
    look: Callable[..., None],
    postman: Postman,
    clock: FakeClock,
) -> None:
    follow_with("ana", "69001")
    for number in range(6):
        follow_with(f"eve{number}", f"7500{number}")
    look()
    assert MOST_POSTCODES == len(postman.asked)

    for _ in range(20):
        clock.advance(days=1)
        look()
    assert "69001" in postman.asked


def test_the_postcode_of_who_stopped_is_not_used(
    store: Store,
    follow_with: Callable[..., Subscription],
    look: Callable[..., None],
    postman: Postman,
    clock: FakeClock,
) -> None:
    follow_with("noe")
    mine = follow_with("ana", "69001")
    with store.write() as connection:
        people.unsubscribe(connection, mine.subscriber, clock.now())
    look()

    assert [] == postman.asked


def test_a_postcode_that_is_told_lets_the_carrier_be_asked_at_once(
    store: Store,
    follow_with: Callable[..., Subscription],
    look: Callable[..., None],
    postman: Postman,
    clock: FakeClock,
) -> None:
    mine = follow_with("ana")
    look()
    clock.advance(minutes=1)
    with store.write() as connection:
        people.tell_postcode(connection, mine.subscriber, "69001")
        parcels.ask_with_postcode(connection, mine.subscriber, clock.now())
    look()

    assert ["69001"] == postman.asked


def test_whoever_tries_out_postcodes_learns_nothing_sooner(
    store: Store,
    follow_with: Callable[..., Subscription],
    look: Callable[..., None],
    postman: Postman,
    clock: FakeClock,
) -> None:
    eve = follow_with("eve", "75011")
    look()
    clock.advance(minutes=1)
    with store.write() as connection:
        people.tell_postcode(connection, eve.subscriber, "75012")
        parcels.ask_with_postcode(connection, eve.subscriber, clock.now())
    look()

    assert ["75011"] == postman.asked
