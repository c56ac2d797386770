"""The mails of the whole service in a day: urgent ones first, the rest in the next digest."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import TrackingEvent
from mailtrack.domain.sending_policy import RESERVED, DayLimit, SendingPolicy
from mailtrack.domain.tracking import Decision, Key
from mailtrack.jobs.delivering import Deliverer
from mailtrack.notify.smtp import FakeRelay
from mailtrack.notify.view import NoticeKind
from mailtrack.runtime.services import Services
from mailtrack.store import notices, people, subscriptions
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription

Rows = Callable[..., list[Mapping[str, Any]]]
Work = Callable[..., None]
Tell = Callable[..., Subscription]

PER_DAY = 10
#: What is kept for the urgent ones.
KEPT = round(PER_DAY * RESERVED)


@dataclass
class Tray:
    """An outlet that keeps what it is given."""

    sent: list[tuple[Any, ...]] = field(default_factory=list)

    def room(self, queue: str) -> int:
        return 100

    def send(self, queue: str, actor: str, *args: object) -> None:
        self.sent.append(args)


@pytest.fixture
def limited(deliverer: Deliverer) -> Deliverer:
    return replace(
        deliverer, limit=DayLimit(PER_DAY), sending_policy=SendingPolicy(7, 7, per_day=100)
    )


@pytest.fixture
def tray() -> Tray:
    return Tray()


@pytest.fixture
def work(services: Services, limited: Deliverer, tray: Tray) -> Work:
    """Let the dispatcher tick, and workers send what it hands out."""
    dispatcher = replace(services.dispatcher(tray), carriers={}, limit=limited.limit)

    def make(times: int = 1) -> None:
        for _ in range(times):
            dispatcher.tick()
            while tray.sent:
                limited.deliver(*tray.sent.pop(0))

    return make


@pytest.fixture
def tell(store: Store, clock: FakeClock, follow: Tell) -> Tell:
    """Owe somebody news of a parcel; each reader has as many as are told."""

    def make(
        number: int, milestone: Milestone = Milestone.CUSTOMS_CLEARED, reader: int | None = None
    ) -> Subscription:
        address = f"reader{number if reader is None else reader}@example.org"
        mine = follow(f"LP001234567{number:05}", address)
        event = TrackingEvent(clock.now(), milestone, "cainiao", milestone)
        with store.write() as connection:
            decision = Decision(mine.id, Key(milestone, "1"), event, None)
            notices.record(connection, [decision], clock.now())
        return mine

    return make


def _kinds(rows: Rows, state: str) -> Counter[str]:
    return Counter(row["kind"] for row in rows(t.notice, state=state))


def test_the_rest_of_a_day_is_told_in_a_digest_when_the_day_is_over(
    work: Work, tell: Tell, relay: FakeRelay, clock: FakeClock, rows: Rows
) -> None:
    for number in range(PER_DAY + 3):
        tell(number)
    work(times=3)
    assert PER_DAY - KEPT == len(relay.sent)
    left = 3 + KEPT
    assert {"digest": left} == _kinds(rows, "due")
    assert {("skipped", "digested"): left} == Counter(
        (row["state"], row["skip"]) for row in rows(t.notice) if row["skip"]
    )

    clock.advance(hours=25)
    work(times=3)
    assert PER_DAY + 3 == len(relay.sent)
    assert {} == _kinds(rows, "due")


def test_urgent_news_and_answers_have_a_share_that_the_others_leave_them(
    work: Work, tell: Tell, store: Store, relay: FakeRelay, clock: FakeClock, rows: Rows
) -> None:
    for number in range(PER_DAY):
        tell(number)
    work(times=2)
    tell(20, Milestone.OUT_FOR_DELIVERY)
    with store.write() as connection:
        owner = people.subscriber_of(connection, "new@example.org", clock.now())
        now = clock.now()
        notices.owe(connection, owner, NoticeKind.HELP, at=now, now=now, prompt=True)
    work()

    assert PER_DAY == len(relay.sent)
    assert {"out_for_delivery": 1, "help": 1, "customs_cleared": PER_DAY - KEPT} == _kinds(
        rows, "sent"
    )


def test_urgent_news_beyond_the_whole_day_wait_and_are_told_while_they_are_true(
    work: Work, tell: Tell, relay: FakeRelay, clock: FakeClock, rows: Rows
) -> None:
    for number in range(PER_DAY + 2):
        tell(number, Milestone.PICKUP_AVAILABLE)
    work(times=3)
    assert PER_DAY == len(relay.sent)
    assert {"pickup_available": 2} == _kinds(rows, "due")
    assert [0] * 2 == [row["attempts"] for row in rows(t.notice, state="due")]

    clock.advance(hours=25)
    work()
    assert PER_DAY + 2 == len(relay.sent)


def test_a_day_is_counted_back_from_each_mail(
    work: Work, tell: Tell, relay: FakeRelay, clock: FakeClock
) -> None:
    """As Gmail and Microsoft count: midnight changes nothing."""
    for number in range(PER_DAY - KEPT):
        tell(number)
        work()
        clock.advance(hours=2)
    assert PER_DAY - KEPT == len(relay.sent)
    tell(50)
    work()
    assert PER_DAY - KEPT == len(relay.sent)

    clock.advance(hours=8)
    tell(51)
    work()
    assert PER_DAY - KEPT + 1 == len(relay.sent)


def test_digests_wait_for_room_and_take_up_what_comes_meanwhile(
    work: Work, tell: Tell, relay: FakeRelay, clock: FakeClock, rows: Rows
) -> None:
    for number in range(PER_DAY - KEPT):
        tell(number)
    work()
    tell(30, reader=9)
    work()
    clock.advance(hours=23)  # the digest is due, the day is not over
    tell(31, reader=9)
    work(times=3)
    assert {"digest": 1} == _kinds(rows, "due")

    clock.advance(hours=2)
    work()
    text = relay.sent[-1].get_body(("plain",))
    assert text is not None
    assert all(f"LP001234567000{number}" in text.get_content() for number in (30, 31))


def test_several_workers_send_no_more_than_one(
    services: Services, limited: Deliverer, tell: Tell, tray: Tray, relay: FakeRelay, rows: Rows
) -> None:
    """What is under way counts as sent until it is known not to be."""
    dispatcher = replace(services.dispatcher(tray), carriers={}, limit=limited.limit)
    for number in range(3 * PER_DAY):
        tell(number)
    for _ in range(5):
        dispatcher.tick()
    assert PER_DAY - KEPT == sum(len(batch) for batch, _ in tray.sent)

    for batch, token in tray.sent:
        limited.deliver(batch, token)
    assert PER_DAY - KEPT == len(relay.sent)


def test_what_was_handed_out_and_not_sent_makes_room_again(
    store: Store, work: Work, tell: Tell, relay: FakeRelay, clock: FakeClock
) -> None:
    for number in range(PER_DAY):
        mine = tell(number)
        if number < 4:
            with store.write() as connection:
                subscriptions.mute(connection, mine.id, clock.now())
    work(times=3)

    assert PER_DAY - 4 == len(relay.sent)


def test_without_a_limit_nothing_is_counted(
    deliverer: Deliverer,
    services: Services,
    tell: Tell,
    tray: Tray,
    statements: Callable[[], list[str]],
) -> None:
    tell(1)
    statements()
    replace(services.dispatcher(tray), carriers={}).tick()
    deliverer.deliver(*tray.sent.pop())

    assert not [asked for asked in statements() if "WHERE notice.sent_at >" in asked]


def test_a_clock_that_was_ahead_uses_up_no_day(
    work: Work, tell: Tell, relay: FakeRelay, clock: FakeClock
) -> None:
    clock.advance(days=30)
    for number in range(PER_DAY - KEPT):
        tell(number)
    work()
    clock.advance(days=-30)
    tell(40)
    work()

    assert PER_DAY - KEPT + 1 == len(relay.sent)


def test_a_share_is_kept_where_a_day_is_large_enough_to_share() -> None:
    assert [1, 2, 4, 4] == [DayLimit(most).left(0, urgent=False) for most in (1, 2, 4, 5)]
    assert [1, 2, 4, 5] == [DayLimit(most).left(0, urgent=True) for most in (1, 2, 4, 5)]
    assert 0 == DayLimit(5).left(9, urgent=True)
