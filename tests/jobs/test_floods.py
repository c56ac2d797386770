"""Everything due at once, after an outage: bounded, in order, and nobody is starved."""

import tracemalloc
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from mailtrack.carriers.base import Budget
from mailtrack.carriers.fake import FakeCarrier
from mailtrack.clock import FakeClock
from mailtrack.inbox.mail_store import FetchedMail, SqlMailStore
from mailtrack.jobs.broker import INGEST, MAIL, POLL
from mailtrack.jobs.dispatcher import LEGS_PER_TICK, Dispatcher, TickResult
from mailtrack.notify.view import NoticeKind
from mailtrack.store import notices
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription

ROOM = 30
FAR = 1_000_000
BATCH = 10
PER_SECOND = 20.0


@dataclass
class Queues:
    """Queues with little room, and workers that take some messages between two ticks."""

    room_each: int = ROOM
    waiting: dict[str, deque[tuple[Any, ...]]] = field(
        default_factory=lambda: {name: deque() for name in (INGEST, POLL, MAIL)}
    )
    longest: int = 0

    def room(self, queue: str) -> int:
        return self.room_each - len(self.waiting[queue])

    def send(self, queue: str, actor: str, *args: object) -> None:
        del actor
        self.waiting[queue].append(args)
        self.longest = max(self.longest, len(self.waiting[queue]))

    def work(self, most: int) -> list[int]:
        """Take messages to carriers; return the legs they name."""
        taken = [self.waiting[POLL].popleft() for _ in range(min(most, len(self.waiting[POLL])))]
        return [leg for _, legs, _ in taken for leg in legs]


@pytest.fixture
def queues() -> Queues:
    return Queues()


@pytest.fixture
def dispatcher(store: Store, clock: FakeClock, queues: Queues) -> Dispatcher:
    generous = FakeCarrier("cainiao", batch=BATCH, budget=Budget(per_second=1e6, per_day=10**9))
    return Dispatcher(store, queues, {"cainiao": generous.declaration}, clock, lease_s=3600.0)


@pytest.fixture
def outage(store: Store, clock: FakeClock) -> Callable[[int], None]:
    """Let so many legs be due, the first one longest."""

    def make(count: int) -> None:
        now = clock.now()
        # Numbers that no sequence gives to what comes later.
        parcels = [{"id": FAR + n, "number": f"LP{n:014}", "created_at": now} for n in range(count)]
        legs = [
            {
                "id": FAR + n,
                "parcel_id": FAR + n,
                "carrier": "cainiao",
                "number": f"LP{n:014}",
                "next_poll_at": now - timedelta(seconds=count - n),
            }
            for n in range(count)
        ]
        with store.write() as connection:
            connection.execute(insert(t.parcel), parcels)
            connection.execute(insert(t.leg), legs)

    return make


def test_a_queue_never_holds_more_than_its_room_and_all_is_asked_about_longest_due_first(
    dispatcher: Dispatcher, queues: Queues, clock: FakeClock, outage: Callable[[int], None]
) -> None:
    outage(1_000)

    asked: list[int] = []
    for _ in range(200):
        dispatcher.tick()
        asked += queues.work(most=7)
        clock.advance(seconds=1)
    # Within one message, a carrier answers all numbers at once.
    rounds = [sorted(asked[start : start + BATCH]) for start in range(0, 1_000, BATCH)]

    assert [*range(FAR, FAR + 1_000)] == sorted(asked)
    assert ROOM == queues.longest
    assert sorted(rounds) == rounds


def test_a_flood_of_looks_keeps_within_the_carrier_s_budget(
    dispatcher: Dispatcher, clock: FakeClock, outage: Callable[[int], None]
) -> None:
    outage(3_000)
    queues = Queues(room_each=10**6)
    slow = FakeCarrier("cainiao", batch=BATCH, budget=Budget(PER_SECOND, per_day=10**6))
    strict = replace(dispatcher, sink=queues, carriers={"cainiao": slow.declaration})

    strict.tick()
    queues.work(most=10**6)
    polls = []
    for _ in range(5):
        clock.advance(seconds=1)
        polls.append(strict.tick().polls)

    assert [PER_SECOND] * 5 == polls


def test_mails_and_notices_do_not_wait_behind_a_flood_of_looks(
    dispatcher: Dispatcher,
    queues: Queues,
    store: Store,
    clock: FakeClock,
    follow: Callable[..., Subscription],
    outage: Callable[[int], None],
) -> None:
    outage(1_000)
    dispatcher.tick()
    assert queues.room(POLL) <= 0
    mine = follow("LP99999999999999", carrier="laposte")
    SqlMailStore(store, clock).keep("me@host", "INBOX", 1, FetchedMail(1, b"x", clock.now()))
    with store.write() as connection:
        notices.owe_follower(
            connection, mine.id, NoticeKind.REGISTERED, occurrence="1", now=clock.now()
        )

    assert TickResult(mails=1, polls=0, deliveries=1) == dispatcher.tick()


@pytest.mark.parametrize("database", ["sqlite"])
def test_a_tick_takes_no_more_memory_for_a_larger_flood(
    dispatcher: Dispatcher, store: Store, clock: FakeClock, outage: Callable[[int], None]
) -> None:
    outage(5 * LEGS_PER_TICK)

    def peak(room: int) -> int:
        roomy = replace(dispatcher, sink=Queues(room_each=room))
        tracemalloc.start()
        roomy.tick()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(LEGS_PER_TICK // BATCH)
    full, endless = peak(LEGS_PER_TICK // BATCH), peak(10**9)

    assert endless < 1.5 * full
