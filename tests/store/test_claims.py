"""Handing out due rows, each to one worker at a time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import text

from mailtrack.clock import FakeClock
from mailtrack.domain.model import InboundId
from mailtrack.store import inbound
from mailtrack.store.engine import Store
from mailtrack.store.inbound import MailPlace

LEASE_S = 120.0


def _keep(store: Store, clock: FakeClock, count: int) -> None:
    """Store mails that are due one after the other, a second apart."""
    with store.write() as connection:
        for uid in range(1, count + 1):
            place = MailPlace("colis@host", "INBOX", 1, uid)
            at = clock.now() + timedelta(seconds=uid - count)
            inbound.keep(connection, place, b"mail %d" % uid, at, at)


def _claim(store: Store, clock: FakeClock, token: str, limit: int = 100) -> list[InboundId]:
    with store.write() as connection:
        return inbound.claim_unread(
            connection, token=token, now=clock.now(), until=clock.later(LEASE_S), limit=limit
        )


def test_two_claimers_at_once_never_get_the_same_row(store: Store, clock: FakeClock) -> None:
    _keep(store, clock, 60)
    start = Barrier(2)

    def claim_all(token: str) -> list[InboundId]:
        start.wait()
        mine: list[InboundId] = []
        while batch := _claim(store, clock, token, limit=7):
            mine += batch
        return mine

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(claim_all, ("one", "other"))

    assert list(range(1, 61)) == sorted(one + other)


def test_what_has_waited_longest_goes_first(store: Store, clock: FakeClock) -> None:
    _keep(store, clock, 5)

    assert [1, 2] == sorted(_claim(store, clock, "one", limit=2))
    assert [3, 4] == sorted(_claim(store, clock, "two", limit=2))


def test_a_claim_hides_its_row_until_it_lapses(store: Store, clock: FakeClock) -> None:
    _keep(store, clock, 1)

    assert [1] == _claim(store, clock, "one")
    clock.advance(seconds=LEASE_S - 1)
    assert [] == _claim(store, clock, "two")
    clock.advance(seconds=1)
    assert [1] == _claim(store, clock, "three")


def test_a_token_finds_nothing_once_the_claim_has_passed_on(store: Store, clock: FakeClock) -> None:
    _keep(store, clock, 1)
    _claim(store, clock, "one")
    clock.advance(seconds=LEASE_S)
    _claim(store, clock, "two")

    with store.write() as connection:
        assert None is inbound.claimed(connection, InboundId(1), "one")
        assert None is not inbound.claimed(connection, InboundId(1), "two")


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_limit_holds_whatever_plan_postgresql_makes(store: Store, clock: FakeClock) -> None:
    """A subquery that is run once per outer row would lock, and claim, more at each run."""
    _keep(store, clock, 50)

    with store.write() as connection:
        for plan in ("hashjoin", "hashagg", "mergejoin", "sort", "material"):
            connection.execute(text(f"SET LOCAL enable_{plan} = off"))
        mine = inbound.claim_unread(
            connection, token="one", now=clock.now(), until=clock.later(LEASE_S), limit=5
        )

    assert [1, 2, 3, 4, 5] == sorted(mine)
