"""Who is at work where only one may be, on each database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import String

from mailtrack.store import leases
from mailtrack.store import schema as t
from mailtrack.store.engine import Store

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
LEASE_S = 30.0


def take(store: Store, holder: str, after_s: float = 0.0, name: str = "dispatch") -> bool:
    with store.write() as connection:
        return leases.take(connection, name, holder, LEASE_S, NOW + timedelta(seconds=after_s))


def test_the_first_one_gets_it_and_the_second_one_does_not(store: Store) -> None:
    assert (True, False) == (take(store, "one"), take(store, "other"))


def test_its_holder_keeps_it_as_long_as_it_is_renewed(store: Store) -> None:
    assert all(take(store, "one", seconds) for seconds in range(0, 300, 29))
    assert not take(store, "other", 300)


def test_a_lease_that_lapsed_goes_to_whoever_asks_first_and_never_back(store: Store) -> None:
    take(store, "one")

    assert not take(store, "other", LEASE_S - 0.001)
    assert take(store, "other", LEASE_S)
    assert not take(store, "one", LEASE_S)


def test_a_holder_that_nobody_followed_may_go_on_late(store: Store) -> None:
    take(store, "one")

    assert take(store, "one", 10 * LEASE_S)


def test_a_lease_that_is_given_back_is_free_at_once(store: Store) -> None:
    take(store, "one")
    with store.write() as connection:
        leases.give_back(connection, "dispatch", "one")

    assert take(store, "other")


def test_nobody_gives_back_what_is_another_s(store: Store) -> None:
    take(store, "one")
    with store.write() as connection:
        leases.give_back(connection, "dispatch", "other")

    assert not take(store, "other")


def test_leases_of_different_names_have_nothing_to_do_with_each_other(store: Store) -> None:
    take(store, "one")

    assert take(store, "other", name="watch:colis@host/INBOX")


def test_of_many_who_ask_at_once_one_gets_it(store: Store) -> None:
    start = Barrier(6)

    def ask(number: int) -> bool:
        start.wait()
        return take(store, f"holder {number}")

    with ThreadPoolExecutor(6) as pool:
        assert 1 == sum(pool.map(ask, range(6)))


def test_work_is_fenced_off_from_those_who_lost_the_lease(store: Store) -> None:
    take(store, "one")
    with store.write() as connection:
        leases.require(connection, "dispatch", "one")
    take(store, "other", LEASE_S)

    with pytest.raises(leases.LostLeaseError), store.write() as connection:
        leases.require(connection, "dispatch", "one")


def test_a_lease_cannot_pass_on_in_the_middle_of_fenced_work(store: Store) -> None:
    """Else what the old holder writes could come after what the new one wrote."""
    take(store, "one")
    with ThreadPoolExecutor(1) as pool:
        with store.write() as connection:
            leases.require(connection, "dispatch", "one")
            taking = pool.submit(take, store, "other", LEASE_S)
            with pytest.raises(TimeoutError):
                taking.result(0.2)

        assert taking.result(30)


def test_those_who_wait_are_shown_beside_the_one_who_works(store: Store) -> None:
    take(store, "one")
    with store.write() as connection:
        leases.stand_by(connection, "dispatch", "other", LEASE_S, NOW)
        until = NOW + timedelta(seconds=LEASE_S)
        expected = [
            leases.LeaseHolder("dispatch", "one", at_work=True, until=until),
            leases.LeaseHolder("dispatch", "other", at_work=False, until=until),
        ]

        assert expected == leases.holders(connection)

        leases.wait_no_more(connection, "dispatch", "other")
        assert expected[:1] == leases.holders(connection)


def test_those_who_waited_long_ago_are_forgotten(store: Store) -> None:
    """A process that was killed while it waited cannot take its word back."""
    with store.write() as connection:
        leases.stand_by(connection, "dispatch", "killed", LEASE_S, NOW)
        leases.stand_by(connection, "dispatch", "one", LEASE_S, NOW + timedelta(days=1))

        assert ["one"] == [held.holder for held in leases.holders(connection)]


def test_the_clock_is_one_and_the_same_for_all_holders(store: Store) -> None:
    """PostgreSQL's own, whatever the hosts believe; aware, and it moves within a transaction."""
    with store.write() as connection:
        first, second = leases.time_of(connection), leases.time_of(connection)

    assert timedelta(0) == first.utcoffset()
    assert first < second


def test_any_mailbox_has_a_name_that_the_column_takes() -> None:
    room, holder = t.lease.c.name.type, t.lease.c.holder.type
    assert isinstance(room, String)
    assert isinstance(holder, String)
    longest = leases.watch_name("a" * 320, "b" * 255)

    assert len(f"waiting:{longest}+") + (holder.length or 0) <= (room.length or 0)
    assert leases.watch_name("a" * 320, "c" * 255) != longest
    assert "watch:colis@host/INBOX" == leases.watch_name("colis@host", "INBOX")
