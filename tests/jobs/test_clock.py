"""A clock that was ahead: as soon as it is right again, everything goes on within a lease."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import pytest
from sqlalchemy import update

from mailtrack.carriers.base import Budget
from mailtrack.carriers.fake import FakeCarrier
from mailtrack.clock import FakeClock
from mailtrack.domain.model import Outcome
from mailtrack.domain.sending_policy import SendingPolicy
from mailtrack.errors import TransientError
from mailtrack.inbox.mail_store import FetchedMail, SqlMailStore
from mailtrack.jobs.broker import DELIVER, POLL_LEGS, READ_MAILS
from mailtrack.jobs.delivering import Deliverer
from mailtrack.jobs.dispatcher import Dispatcher
from mailtrack.jobs.housekeeping import Housekeeping
from mailtrack.notify.mail import OutgoingMail
from mailtrack.notify.smtp import FakeRelay
from mailtrack.notify.view import NoticeKind
from mailtrack.runtime.services import Services
from mailtrack.store import inbound, leases, notices, parcels, subscriptions
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.inbound import MailPlace, MailResult
from mailtrack.store.subscriptions import Subscription
from mailtrack.tracking.polling import Poller

Rows = Callable[..., list[Mapping[str, Any]]]
Follow = Callable[..., Subscription]

LEASE_S = 90.0
AHEAD = [timedelta(minutes=40), timedelta(hours=5), timedelta(days=100)]


@dataclass
class Tray:
    """An outlet that keeps what it is given."""

    sent: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)

    def room(self, queue: str) -> int:
        return 100

    def send(self, queue: str, actor: str, *args: object) -> None:
        self.sent.append((actor, args))

    def take(self) -> list[str]:
        actors = sorted(actor for actor, _ in self.sent)
        self.sent.clear()
        return actors


@pytest.fixture
def tray() -> Tray:
    return Tray()


@pytest.fixture
def housekeeping(services: Services) -> Housekeeping:
    return replace(services.housekeeping(), lease_s=LEASE_S)


@pytest.fixture
def dispatcher(store: Store, tray: Tray, clock: FakeClock) -> Dispatcher:
    carrier = FakeCarrier("cainiao", budget=Budget(100, 10))
    return Dispatcher(store, tray, {"cainiao": carrier.declaration}, clock, LEASE_S)


@pytest.fixture
def work(store: Store, clock: FakeClock, follow: Follow) -> Callable[[int], Subscription]:
    """One mail to read, one leg to ask about, one notice to send, as of now."""

    def make(serial: int) -> Subscription:
        mine = follow(f"LP001234567{serial:05}", f"reader{serial}@example.org")
        mail = FetchedMail(serial, b"mail %d" % serial, datetime(2026, 3, 1).astimezone())
        SqlMailStore(store, clock).keep("colis@host", "INBOX", 1, mail)
        with store.write() as connection:
            notices.owe_follower(
                connection, mine.id, NoticeKind.STALLED, occurrence="1", now=clock.now()
            )
        return mine

    return make


@pytest.fixture
def tick(dispatcher: Dispatcher, tray: Tray) -> Callable[[], list[str]]:
    def make() -> list[str]:
        dispatcher.tick()
        return tray.take()

    return make


ALL_THREE = sorted([READ_MAILS, POLL_LEGS, DELIVER])


@pytest.mark.parametrize("ahead", AHEAD)
def test_what_a_wrong_clock_claimed_is_handed_out_again_after_a_lease(
    housekeeping: Housekeeping,
    tick: Callable[[], list[str]],
    work: Callable[[int], Subscription],
    clock: FakeClock,
    ahead: timedelta,
) -> None:
    work(1)
    right = clock.now()
    clock.instant += ahead
    assert ALL_THREE == tick()

    clock.instant = right
    housekeeping.run(went_back=True)
    assert [] == tick()  # who has them may be at work
    clock.advance(seconds=LEASE_S)
    assert ALL_THREE == tick()


@pytest.mark.parametrize("ahead", AHEAD)
def test_what_came_under_a_wrong_clock_is_due_when_it_is_right(
    housekeeping: Housekeeping,
    tick: Callable[[], list[str]],
    work: Callable[[int], Subscription],
    clock: FakeClock,
    ahead: timedelta,
) -> None:
    right = clock.now()
    clock.instant += ahead
    work(1)
    clock.instant = right
    housekeeping.run(went_back=True)

    assert ALL_THREE == tick()


@pytest.mark.parametrize("ahead", AHEAD)
def test_what_a_wrong_clock_put_off_is_tried_when_it_is_right(
    housekeeping: Housekeeping,
    poller: Poller,
    carriers: dict[str, FakeCarrier],
    poll: Callable[..., int],
    deliverer: Deliverer,
    store: Store,
    work: Callable[[int], Subscription],
    clock: FakeClock,
    tick: Callable[[], list[str]],
    ahead: timedelta,
    rows: Rows,
) -> None:
    """A look that was answered, one that failed, and a mail that was to come back later."""
    right = clock.now()
    clock.instant += ahead
    work(1)
    assert 1 == poll()
    with store.write() as connection:
        due = notices.claim_notices(
            connection, token="t", now=clock.now(), until=clock.later(LEASE_S), limit=1
        )
    later = FakeRelay([TransientError("greylisted")])
    replace(deliverer, open_relay=lambda: nullcontext(later)).deliver(due, "t")
    assert all(row["next_poll_at"] > clock.now() for row in rows(t.leg))

    clock.instant = right
    housekeeping.run(went_back=True)
    assert {POLL_LEGS, DELIVER} <= set(tick())


@pytest.mark.parametrize("hours", [7, 24 * 100])
def test_a_restart_finds_out_by_itself_what_is_far_too_late(
    housekeeping: Housekeeping,
    tick: Callable[[], list[str]],
    work: Callable[[int], Subscription],
    clock: FakeClock,
    hours: int,
) -> None:
    """The last round of housekeeping was in a future that has not come."""
    right = clock.now()
    clock.advance(hours=hours)
    work(1)
    housekeeping.run()
    clock.instant = right
    housekeeping.run()

    assert ALL_THREE == tick()


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_carrier_that_was_used_up_in_a_wrong_day_may_be_asked_in_the_right_one(
    dispatcher: Dispatcher,
    tray: Tray,
    housekeeping: Housekeeping,
    follow: Follow,
    clock: FakeClock,
    ahead: timedelta,
) -> None:
    right = clock.now()
    clock.instant += ahead
    one_a_day = replace(
        dispatcher, carriers={"cainiao": FakeCarrier("cainiao", budget=Budget(100, 1)).declaration}
    )
    follow()
    one_a_day.tick()
    assert [POLL_LEGS] == tray.take()

    clock.instant = right
    housekeeping.run(went_back=True)
    clock.advance(seconds=LEASE_S)
    one_a_day.tick()
    expected = [] if ahead < timedelta(hours=16) else [POLL_LEGS]  # the same day, or another
    assert expected == tray.take()


def test_a_mail_under_way_goes_on_and_is_sent_once(
    housekeeping: Housekeeping,
    deliverer: Deliverer,
    dispatcher: Dispatcher,
    tray: Tray,
    work: Callable[[int], Subscription],
    clock: FakeClock,
    rows: Rows,
) -> None:
    """Its worker has it for a lease yet; who comes later finds it sent."""
    for serial in range(3):
        work(serial)
    right = clock.now()
    clock.advance(days=100)
    dispatcher.tick()
    (batch,) = [args for actor, args in tray.sent if actor == DELIVER]
    tray.sent.clear()

    class TurningRelay(FakeRelay):
        def send(self, mail: OutgoingMail, return_path: str = "") -> bool:
            has_own_path = super().send(mail, return_path)
            if len(self.sent) == 1:
                clock.instant = right
                housekeeping.run(went_back=True)
                dispatcher.tick()
            return has_own_path

    relay = TurningRelay()
    patient = replace(deliverer, open_relay=lambda: nullcontext(relay), lease_s=LEASE_S)
    patient.deliver(*batch)
    assert 3 == len(relay.sent)
    assert DELIVER not in tray.take()

    clock.advance(seconds=LEASE_S)
    dispatcher.tick()
    assert DELIVER not in tray.take()
    assert {"sent"} == {row["state"] for row in rows(t.notice)}


def test_a_digest_of_a_wrong_day_comes_within_a_day(
    housekeeping: Housekeeping, store: Store, follow: Follow, clock: FakeClock, rows: Rows
) -> None:
    right, mine = clock.now(), follow()
    clock.advance(days=100)
    with store.write() as connection:
        at = SendingPolicy().next_morning(clock.now())
        notices.owe(connection, mine.subscriber, notices.DIGEST, at=at, now=clock.now())
    clock.instant = right
    housekeeping.run(went_back=True)

    (digest,) = rows(t.notice)
    assert right < digest["next_attempt_at"] <= right + timedelta(days=1)


def test_what_waits_for_good_reasons_is_left_alone_by_a_clock_that_is_right(
    housekeeping: Housekeeping, store: Store, follow: Follow, clock: FakeClock, rows: Rows
) -> None:
    follow()
    later = clock.now() + timedelta(hours=20)
    with store.write() as connection:
        asked = {"last_answer_at": clock.now(), "next_poll_at": later}
        connection.execute(update(t.leg).values(**asked))
    housekeeping.run()
    clock.advance(minutes=10)
    housekeeping.run()

    assert [later] == [row["next_poll_at"] for row in rows(t.leg)]


def test_a_parcel_that_was_given_up_in_the_future_is_gone_on_with(
    housekeeping: Housekeeping, store: Store, follow: Follow, clock: FakeClock, rows: Rows
) -> None:
    mine, right = follow(), clock.now()
    clock.advance(days=100)
    assert mine.parcel is not None
    with store.write() as connection:
        parcels.end(connection, mine.parcel, "expired", clock.now())
    clock.instant = right
    housekeeping.run()

    assert [(None, right)] == [
        (parcel["ended_at"], leg["next_poll_at"])
        for parcel, leg in zip(rows(t.parcel), rows(t.leg), strict=True)
    ]


def test_nothing_is_set_right_by_a_clock_that_is_behind(
    housekeeping: Housekeeping, store: Store, follow: Follow, clock: FakeClock, rows: Rows
) -> None:
    """The server of the mailbox knows better: a mail came after what the clock says."""
    mine = follow()
    mail = FetchedMail(1, b"x", clock.now())
    SqlMailStore(store, clock).keep("colis@host", "INBOX", 1, mail)
    assert mine.parcel is not None
    with store.write() as connection:
        parcels.end(connection, mine.parcel, "delivered", clock.now())
    right = clock.now()
    clock.advance(days=-900)
    housekeeping.run(went_back=True)

    assert [right] == [row["ended_at"] for row in rows(t.parcel)]


# --- forgetting ---------------------------------------------------------------------


@pytest.fixture
def kept(store: Store, clock: FakeClock, follow: Follow) -> None:
    """A mail that was read and a parcel that ended, both of today."""
    place = MailPlace("colis@host", "INBOX", 1, 1)
    mine, now = follow(), clock.now()
    assert mine.parcel is not None
    with store.write() as connection:
        parcels.end(connection, mine.parcel, "delivered", now)
        inbound.keep(connection, place, b"raw", now, now)
        (mail,) = inbound.claim_unread(connection, token="t", now=now, until=now, limit=1)
        inbound.finish(connection, mail, MailResult(Outcome.TRACKED), now)


def _is_kept(rows: Rows) -> bool:
    return bool(rows(t.parcel)) and rows(t.inbound)[0]["raw"] is not None


@pytest.mark.usefixtures("kept")
def test_a_clock_that_jumps_ahead_erases_nothing(
    housekeeping: Housekeeping, clock: FakeClock, rows: Rows, logged: list[Mapping[str, Any]]
) -> None:
    housekeeping.run()
    right = clock.now()
    clock.advance(days=100)
    for _ in range(20):
        housekeeping.run()
        clock.advance(hours=1)
    assert _is_kept(rows)
    warnings = [entry["event"] for entry in logged if entry["log_level"] == "warning"]
    assert ["nothing forgotten"] * 20 == warnings

    clock.instant = right + timedelta(hours=20)
    housekeeping.run()
    assert _is_kept(rows)


@pytest.mark.usefixtures("kept")
def test_a_service_that_stood_still_for_months_forgets_a_day_later(
    housekeeping: Housekeeping, clock: FakeClock, rows: Rows
) -> None:
    housekeeping.run()
    clock.advance(days=100)
    housekeeping.run()
    assert _is_kept(rows)

    for _ in range(25):
        clock.advance(hours=1)
        housekeeping.run()
    assert not _is_kept(rows)


@pytest.mark.usefixtures("kept")
def test_what_ended_or_was_read_under_a_clock_that_was_behind_is_kept_for_its_time(
    store: Store, housekeeping: Housekeeping, clock: FakeClock, rows: Rows
) -> None:
    long_ago = clock.now() - timedelta(days=900)
    with store.write() as connection:
        connection.execute(update(t.parcel).values(ended_at=long_ago))
        connection.execute(update(t.inbound).values(read_at=long_ago))
    housekeeping.run()

    assert _is_kept(rows)


def test_sped_up_time_is_no_jump(
    store: Store, clock: FakeClock, housekeeping: Housekeeping, rows: Rows
) -> None:
    """In the demo a round of housekeeping comes after months."""

    class Fast(FakeClock):
        def later(self, real_seconds: float) -> datetime:
            return self.instant + timedelta(seconds=real_seconds * 14_400)

    fast = Fast(clock.now())
    sped_up = replace(housekeeping, clock=fast)
    for _ in range(3):
        sped_up.run()
        fast.advance(days=100)

    (last,) = rows(t.housekeeping)
    assert last["done_at"] - last["steady_since"] > timedelta(days=100)


# --- counts, leases, ticks ----------------------------------------------------------


def test_a_day_that_has_not_come_uses_up_nobodys_share(
    store: Store, follow: Follow, clock: FakeClock
) -> None:
    right = clock.now()
    clock.advance(days=100)
    mine = follow()
    with store.read() as connection:
        day = timedelta(days=1)
        counted = [
            subscriptions.followed_since(
                connection, mine.subscriber, "", now - day, now, most=10
            ).of_all
            for now in (right, clock.now())
        ]

    assert [0, 1] == counted


def test_a_lease_of_a_wrong_clock_keeps_nobody_from_work(store: Store, clock: FakeClock) -> None:
    """Its holder is gone, and would be waited for until that day."""
    now = clock.now()
    with store.write() as connection:
        assert leases.take(connection, "dispatch", "gone", 30.0, now + timedelta(days=100))
        assert leases.take(connection, "dispatch", "new", 30.0, now)
        assert not leases.take(connection, "dispatch", "third", 30.0, now + timedelta(seconds=29))


def test_the_run_of_ticks_tells_the_chores_when_the_clock_goes_back(
    dispatcher: Dispatcher, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, told = Event(), list[bool]()
    moves = iter([timedelta(hours=3), timedelta(seconds=1), timedelta(hours=-3), timedelta()])

    def tick(_: Dispatcher) -> None:
        move = next(moves, None)
        if move is None:
            stop.set()
        else:
            clock.instant += move

    def housekeeping(went_back: bool) -> None:
        told.append(went_back)
        if len(told) == 2:
            raise TransientError("the store is away")

    monkeypatch.setattr(Dispatcher, "tick", tick)
    dispatcher.run(stop, 0.0, housekeeping)

    assert [False, True, True] == told
