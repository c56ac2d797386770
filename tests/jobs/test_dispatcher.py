"""The tick: what is due is given out once, within budgets, and nothing is lost."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from sqlalchemy import update

from mailtrack.carriers.base import Budget, Declaration
from mailtrack.carriers.fake import FakeCarrier
from mailtrack.clock import FakeClock
from mailtrack.errors import ConfigurationError, TransientError
from mailtrack.inbox.mail_store import FetchedMail, SqlMailStore
from mailtrack.jobs.broker import DELIVER, INGEST, MAIL, POLL, POLL_LEGS, READ_MAILS
from mailtrack.jobs.dispatcher import Dispatcher, TickResult
from mailtrack.notify.view import NoticeKind
from mailtrack.store import notices
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription

Rows = Callable[..., list[Mapping[str, Any]]]
Follow = Callable[..., Subscription]
Declare = Callable[..., dict[str, Declaration]]

LEASE_S = 120.0


@dataclass
class Tray:
    """An outlet that keeps what it is given; away, it takes nothing."""

    room_left: int = 1_000
    away: bool = False
    sent: list[tuple[str, str, tuple[Any, ...]]] = field(default_factory=list)

    def room(self, queue: str) -> int:
        del queue
        return self.room_left - len(self.sent)

    def send(self, queue: str, actor: str, *args: object) -> None:
        if self.away:
            raise TransientError("Redis does not answer.")
        self.sent.append((queue, actor, args))

    def take(self) -> list[tuple[str, str, tuple[Any, ...]]]:
        sent, self.sent = self.sent, []
        return sent

    def legs(self) -> list[int]:
        """Take the messages to carriers; return the legs they name."""
        return [leg for _, _, (_, legs, _) in self.take() for leg in legs]


@pytest.fixture
def tray() -> Tray:
    return Tray()


def _declare(
    code: str = "cainiao", *, batch: int = 10, per_second: float = 100, per_day: int = 10_000
) -> Declaration:
    return FakeCarrier(code, batch=batch, budget=Budget(per_second, per_day)).declaration


@pytest.fixture
def dispatcher(store: Store, tray: Tray, clock: FakeClock) -> Dispatcher:
    return Dispatcher(store, tray, {"cainiao": _declare()}, clock, LEASE_S)


@pytest.fixture
def work(store: Store, clock: FakeClock, follow: Follow) -> None:
    """One mail to read, one leg to ask about, one notice to send."""
    mine = follow()
    SqlMailStore(store, clock).keep("colis@host", "INBOX", 1, FetchedMail(1, b"x", clock.now()))
    with store.write() as connection:
        notices.owe_follower(
            connection, mine.id, NoticeKind.REGISTERED, occurrence="1", now=clock.now()
        )


@pytest.mark.usefixtures("work")
def test_a_tick_gives_out_what_is_due_in_messages_of_ids(
    dispatcher: Dispatcher, tray: Tray
) -> None:
    assert TickResult(mails=1, polls=1, deliveries=1) == dispatcher.tick()

    read, ask, send = tray.take()
    assert (INGEST, READ_MAILS, [1]) == (*read[:2], read[2][0])
    assert (POLL, POLL_LEGS, "cainiao", [1]) == (*ask[:2], *ask[2][:2])
    assert (MAIL, DELIVER, [1]) == (*send[:2], send[2][0])
    assert 3 == len({message[2][-1] for message in (read, ask, send)})  # tokens


@pytest.mark.usefixtures("work")
def test_nothing_is_given_out_twice_within_a_lease_and_all_of_it_after(
    dispatcher: Dispatcher, clock: FakeClock
) -> None:
    dispatcher.tick()
    assert TickResult() == dispatcher.tick()
    clock.advance(seconds=LEASE_S - 1)
    assert TickResult() == dispatcher.tick()

    clock.advance(seconds=1)
    assert TickResult(1, 1, 1) == dispatcher.tick()


@pytest.mark.usefixtures("work")
def test_a_broker_that_is_away_loses_nothing(
    dispatcher: Dispatcher, tray: Tray, clock: FakeClock
) -> None:
    tray.away = True
    with pytest.raises(TransientError):
        dispatcher.tick()
    tray.away = False
    clock.advance(seconds=LEASE_S)

    assert TickResult(1, 1, 1) == dispatcher.tick()


@pytest.mark.usefixtures("work")
def test_a_full_queue_is_given_nothing_more(dispatcher: Dispatcher, tray: Tray, rows: Rows) -> None:
    tray.room_left = 0
    assert TickResult() == dispatcher.tick()
    assert [None] * 2 == [rows(table)[0]["claim"] for table in (t.inbound, t.notice)]
    assert [] == rows(t.leg_claim)

    tray.room_left = 1_000
    assert TickResult(1, 1, 1) == dispatcher.tick()


def test_numbers_travel_in_batches_as_large_as_the_carrier_takes(
    dispatcher: Dispatcher, tray: Tray, follow: Follow
) -> None:
    for last in range(5):
        follow(f"LP0012345678901{last}")
    of_two = replace(dispatcher, carriers={"cainiao": _declare(batch=2)})

    assert 3 == of_two.tick().polls
    assert [2, 2, 1] == [len(message[2][1]) for message in tray.take()]


@pytest.fixture
def plan(store: Store, clock: FakeClock, follow: Follow) -> Callable[..., int]:
    """Let a parcel be asked next in `due_in` minutes, `waited` after it was asked."""

    def make(last: int, due_in: float, waited: float | None = None, failures: int = 0) -> int:
        number = f"LP0012345678901{last}"
        follow(number)
        with store.write() as connection:
            minute, now = timedelta(minutes=1), clock.now()
            asked_at = None if waited is None else now - waited * minute
            changed = connection.execute(
                update(t.leg)
                .where(t.leg.c.number == number)
                .values(
                    next_poll_at=now + due_in * minute, last_answer_at=asked_at, failures=failures
                )
                .returning(t.leg.c.id)
            )
            return int(changed.scalar_one())

    return make


def test_a_request_with_room_takes_along_what_is_nearly_due_soonest_first(
    dispatcher: Dispatcher, tray: Tray, plan: Callable[..., int]
) -> None:
    plan(1, 40, 150)
    due, soon, sooner = plan(2, 0, 60), plan(3, 20, 60), plan(4, 10, 60)

    of_three = replace(dispatcher, carriers={"cainiao": _declare(batch=3)})
    assert [1, 0] == [of_three.tick().polls, of_three.tick().polls]
    assert {due, sooner, soon} == set(tray.legs())


@pytest.mark.parametrize(
    ("due_in", "waited", "failures"),
    [
        (60, 150, 0),  # less than three quarters of its wait
        (2, 14, 0),  # asked a moment ago
        (5, 25 * 60, 0),  # the one look that confirms an end
        (5, 60, 1),  # the carrier failed to answer
        (5, None, 0),  # never asked
    ],
)
def test_what_has_a_reason_to_wait_is_not_taken_along(
    dispatcher: Dispatcher,
    tray: Tray,
    plan: Callable[..., int],
    due_in: float,
    waited: float | None,
    failures: int,
) -> None:
    due = plan(1, 0, 60)
    plan(2, due_in, waited, failures)
    dispatcher.tick()

    assert [due] == tray.legs()


def test_nothing_is_asked_early_where_nothing_is_due_or_a_request_has_no_room(
    dispatcher: Dispatcher, tray: Tray, plan: Callable[..., int]
) -> None:
    plan(1, 1, 60)
    assert TickResult() == dispatcher.tick()

    due = plan(2, 0, 60)
    of_one = replace(dispatcher, carriers={"cainiao": _declare(batch=1)})
    assert 1 == of_one.tick().polls
    assert [due] == tray.legs()


def test_what_somebody_asks_about_is_not_taken_along(
    dispatcher: Dispatcher, tray: Tray, plan: Callable[..., int]
) -> None:
    due, nearly = plan(1, 0, 60), plan(2, 1, 60)
    dispatcher.tick()
    assert {due, nearly} == set(tray.legs())

    third = plan(3, 0, 60)
    dispatcher.tick()
    assert [third] == tray.legs()


def test_a_small_budget_is_spent_on_full_requests(
    dispatcher: Dispatcher, tray: Tray, clock: FakeClock, follow: Follow
) -> None:
    for last in range(9):
        follow(f"LP0012345678901{last}")
    small = replace(dispatcher, carriers={"cainiao": _declare(batch=4, per_second=2)})

    sizes = []
    for _ in range(2):
        small.tick()
        sizes.append([len(message[2][1]) for message in tray.take()])
        clock.advance(seconds=1)
    assert [[4, 4], [1]] == sizes


def test_a_carrier_is_asked_no_faster_than_it_wants(
    dispatcher: Dispatcher, tray: Tray, clock: FakeClock, follow: Follow
) -> None:
    for last in range(9):
        follow(f"LP0012345678901{last}")
    slow = replace(dispatcher, carriers={"cainiao": _declare(batch=2, per_second=1)})

    given = []
    for _ in range(6):
        slow.tick()
        given.append(len(tray.legs()))
        clock.advance(seconds=1)
    assert [2, 2, 2, 2, 1, 0] == given


def test_a_carrier_is_asked_no_more_often_a_day_than_it_grants(
    dispatcher: Dispatcher, tray: Tray, clock: FakeClock, follow: Follow
) -> None:
    for last in range(9):
        follow(f"LP0012345678901{last}")
    small = replace(dispatcher, carriers={"cainiao": _declare(batch=1, per_day=4)})

    seen: Counter[int] = Counter()
    for _ in range(10):
        small.tick()
        seen.update(tray.legs())
        clock.advance(minutes=10)
    assert 4 == seen.total()

    clock.advance(days=1)
    small.tick()
    assert 4 == len(tray.legs())


def test_a_silenced_carrier_does_not_hold_up_another(
    dispatcher: Dispatcher, tray: Tray, follow: Follow
) -> None:
    follow()
    follow("6A12345678901", carrier="laposte")
    both = replace(
        dispatcher,
        carriers={
            "cainiao": _declare(per_day=0),
            "laposte": _declare("laposte"),
        },
    )
    both.tick()

    assert ["laposte"] == [message[2][0] for message in tray.take()]


def test_a_carrier_that_is_off_keeps_its_legs(
    dispatcher: Dispatcher, follow: Follow, rows: Rows
) -> None:
    follow("6A12345678901", carrier="laposte")

    assert 0 == dispatcher.tick().polls
    assert [] == rows(t.leg_claim)


def test_the_run_of_ticks_outlives_a_broker_that_goes_away(
    dispatcher: Dispatcher, logged: list[Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, ends = Event(), iter([TransientError("away"), TransientError("away"), None])

    def tick(_: Dispatcher) -> TickResult:
        error = next(ends)
        if error is not None:
            raise error
        stop.set()
        return TickResult()

    monkeypatch.setattr(Dispatcher, "tick", tick)
    dispatcher.run(stop, 0.0)

    assert ["away", "away"] == [entry["error"] for entry in logged]


def test_the_run_of_ticks_ends_on_what_somebody_has_to_mend(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tick(_: Dispatcher) -> TickResult:
        raise ConfigurationError("no such table")

    monkeypatch.setattr(Dispatcher, "tick", tick)
    with pytest.raises(ConfigurationError):
        dispatcher.run(Event(), 0.0)
