"""How the relay takes our mails, as all workers know it."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

from mailtrack.clock import FakeClock
from mailtrack.domain.relay import RelayState
from mailtrack.store import relays
from mailtrack.store import schema as t
from mailtrack.store.engine import Store

Rows = Callable[..., list[Mapping[str, Any]]]
NAME = "colis@relay.example:587"
LEASE = timedelta(seconds=90)


def _refuse(store: Store, clock: FakeClock) -> RelayState:
    with store.write() as connection:
        return relays.refused(connection, NAME, "limit", "550 enough", clock.now(), lasting=True)


def _room(store: Store, clock: FakeClock, token: str) -> int:
    now = clock.now()
    with store.write() as connection:
        return relays.room(connection, NAME, 20, token=token, now=now, until=now + LEASE)


def test_a_relay_that_never_refused_us_has_no_row(
    store: Store, clock: FakeClock, rows: Rows
) -> None:
    assert 20 == _room(store, clock, "one")
    assert [] == rows(t.relay)


def test_a_refusal_is_known_to_all_and_of_one_relay_and_account_alone(
    store: Store, clock: FakeClock
) -> None:
    _refuse(store, clock)

    with store.read() as connection:
        assert relays.state(connection, NAME).is_blocked(clock.now())
        assert not relays.state(connection, "other@relay.example:587").is_suspect


def test_many_who_meet_a_limit_at_once_count_as_one(store: Store, clock: FakeClock) -> None:
    start = Barrier(6)

    def refuse(_: int) -> RelayState:
        start.wait()
        return _refuse(store, clock)

    with ThreadPoolExecutor(6) as pool:
        states = set(pool.map(refuse, range(6)))

    assert {1} == {state.refusals for state in states}


def test_afterwards_one_of_many_who_ask_gets_the_mail_to_try(
    store: Store, clock: FakeClock
) -> None:
    _refuse(store, clock)
    assert 0 == _room(store, clock, "early")
    clock.advance(minutes=15)
    start = Barrier(6)

    def ask(number: int) -> int:
        start.wait()
        return _room(store, clock, f"token {number}")

    with ThreadPoolExecutor(6) as pool:
        assert 1 == sum(pool.map(ask, range(6)))
    clock.advance(seconds=90)
    assert 1 == _room(store, clock, "the first was lost")


def test_a_mail_that_was_sent_before_a_refusal_does_not_end_it(
    store: Store, clock: FakeClock
) -> None:
    before = RelayState(doubts=1)
    _refuse(store, clock)
    with store.write() as connection:
        relays.took(connection, NAME, before)
    assert 0 == _room(store, clock, "one")

    clock.advance(minutes=15)
    _room(store, clock, "probe")
    with store.write() as connection:
        relays.took(connection, NAME, relays.state(connection, NAME))
    assert 20 == _room(store, clock, "one")


def test_a_restart_lets_one_mail_try_at_once(store: Store, clock: FakeClock) -> None:
    _refuse(store, clock)
    with store.write() as connection:
        relays.lift(connection, NAME, clock.now())

    assert 1 == _room(store, clock, "one")
    assert 0 == _room(store, clock, "other")
