"""What arrives is handed out at once, and an announcement that is lost costs a tick and no more."""

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import text

from mailtrack.clock import FakeClock
from mailtrack.inbox.mail_store import FetchedMail, SqlMailStore
from mailtrack.jobs.announcements import (
    Announcements,
    MemoryAnnouncements,
    NoAnnouncements,
    PostgresAnnouncements,
    RedisAnnouncements,
    RedisPublisher,
)
from mailtrack.jobs.at_once import EVERY_S, AtOnce
from mailtrack.jobs.broker import READ_MAILS
from mailtrack.jobs.dispatcher import Dispatcher
from mailtrack.store import notices
from mailtrack.store.announcing import TOPIC, Due, announce
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription

#: Longer than any test waits (seconds).
LONG_S = 60.0
NEVER = Event()


#: Each way to listen, on the database that it is for.
on_each_topic = pytest.mark.parametrize(
    ("database", "listener"),
    [("sqlite", "memory"), ("sqlite", "redis"), ("postgresql", "postgresql")],
    indirect=True,
)


@pytest.fixture
def listener(store: Store, request: pytest.FixtureRequest) -> Iterator[Announcements]:
    """Subscribed: what is announced from now on is heard."""
    opened: Announcements = PostgresAnnouncements(store)
    if request.param == "memory":
        opened = store.publish = MemoryAnnouncements()
    elif request.param == "redis":
        valkey = request.getfixturevalue("valkey")
        store.publish, opened = RedisPublisher(valkey.url), RedisAnnouncements(valkey.url)
    opened.wait(NEVER, 0.05)
    yield opened
    opened.close()


def _announce(store: Store, *due: Due) -> None:
    with store.write() as connection:
        for one in due:
            announce(connection, one)


@on_each_topic
def test_what_a_transaction_announces_is_heard_once_when_it_is_committed(
    store: Store, listener: Announcements
) -> None:
    _announce(store, Due.NOTICES, Due.MAILS, Due.NOTICES)

    assert {Due.MAILS, Due.NOTICES} == set(listener.wait(NEVER, LONG_S))
    assert set() == set(listener.wait(NEVER, 0.05))


@on_each_topic
def test_nothing_is_heard_of_what_was_rolled_back(store: Store, listener: Announcements) -> None:
    with suppress(ZeroDivisionError), store.write() as connection:
        announce(connection, Due.MAILS)
        raise ZeroDivisionError
    _announce(store)
    _announce(store, Due.NOTICES)

    assert {Due.NOTICES} == set(listener.wait(NEVER, LONG_S))


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_connection_that_dies_is_silent_for_one_wait_and_is_opened_again(store: Store) -> None:
    listener = PostgresAnnouncements(store)
    listener.wait(NEVER, 0.05)
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = :listens"
    with store.write() as connection:
        ended = connection.execute(text(others), {"listens": f"LISTEN {TOPIC}"}).all()

    assert ([(True,)], set()) == ([tuple(row) for row in ended], listener.wait(NEVER, 0.05))
    listener.wait(NEVER, 0.05)
    _announce(store, Due.MAILS)
    assert {Due.MAILS} == listener.wait(NEVER, LONG_S)
    listener.close()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_redis_that_is_away_keeps_nothing_from_being_stored_or_handed_out(
    store: Store, valkey: Any
) -> None:
    store.publish, listener = RedisPublisher(valkey.url), RedisAnnouncements(valkey.url)
    listener.wait(NEVER, 0.05)
    valkey.stop()

    _announce(store, Due.MAILS)

    assert set() == listener.wait(NEVER, 0.05)
    valkey.start()


class KeptActors:
    """A sink that tells which actor was sent work."""

    def __init__(self) -> None:
        self.actors: list[str] = []

    def room(self, queue: str) -> int:
        del queue
        return 1_000

    def send(self, queue: str, actor: str, *args: object) -> None:
        del queue, args
        self.actors.append(actor)


@on_each_topic
def test_a_mail_that_is_stored_waits_for_no_tick(
    store: Store, listener: Announcements, clock: FakeClock, eventually: Callable[..., None]
) -> None:
    handed, stop, resting = KeptActors(), Event(), Event()
    dispatcher = Dispatcher(store, handed, {}, clock, 120.0, announcements=listener)
    run = Thread(
        target=dispatcher.run, args=(stop, LONG_S), kwargs={"housekeeping": lambda _: resting.set()}
    )
    run.start()
    assert resting.wait(LONG_S)

    mail = FetchedMail(1, b"x", clock.now())
    SqlMailStore(store, clock).keep("colis@host", "INBOX", 1, mail)

    eventually(lambda: [READ_MAILS] == handed.actors)
    stop.set()
    run.join()


@on_each_topic
def test_a_notice_is_announced_when_it_is_due_and_not_before(
    store: Store, listener: Announcements, clock: FakeClock, follow: Callable[..., Subscription]
) -> None:
    mine, now = follow(), clock.now()
    listener.wait(NEVER, 0.05)

    def owe(kind: str, minutes: int) -> Collection[Due]:
        with store.write() as connection:
            at = now + timedelta(minutes=minutes)
            notices.owe(connection, mine.subscriber, kind, at=at, now=now)
        return set(listener.wait(NEVER, 0.1 if minutes else LONG_S))

    assert (set(), {Due.NOTICES}) == (owe("digest", 60), owe("help", 0))


@dataclass
class Flood:
    """A topic on which something is published all the time, by a clock of its own."""

    now: float = 0.0
    waits: int = 0
    handed_at: list[float] = field(default_factory=list)

    def wait(self, stop: Event, seconds: float) -> Collection[Due]:
        del stop
        self.waits += 1
        self.now += min(seconds, 0.001)
        return {Due.MAILS}

    def close(self) -> None:
        """Nothing is open."""

    def hand_out(self) -> None:
        self.handed_at.append(self.now)


def test_a_flood_of_announcements_is_handed_out_a_few_times_the_first_at_once() -> None:
    flood = Flood()
    at_once = AtOnce(flood, {Due.MAILS: flood.hand_out}, seconds=lambda: flood.now)

    at_once.rest(NEVER, 10 * EVERY_S)

    assert (0.001, 10) == (flood.handed_at[0], len(flood.handed_at))
    gaps = [b - a for a, b in zip(flood.handed_at, flood.handed_at[1:], strict=False)]
    assert min(gaps) >= EVERY_S - 1e-9


def test_where_nothing_is_heard_the_tick_comes_in_its_time() -> None:
    stop = Event()
    stop.set()

    assert () == NoAnnouncements().wait(stop, LONG_S)
