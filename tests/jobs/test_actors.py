"""The actors over dramatiq's own stub: thin, and quiet about what was to be expected."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker

from mailtrack.carriers.fake import FakeCarrier
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, TrackingEvent
from mailtrack.errors import AuthError
from mailtrack.inbox.intake import Reader
from mailtrack.inbox.mail_store import FetchedMail, SqlMailStore
from mailtrack.jobs import actors
from mailtrack.jobs.broker import (
    DELIVER,
    INGEST,
    MAIL,
    POLL,
    POLL_LEGS,
    READ_MAILS,
    OneLinePerFailure,
)
from mailtrack.jobs.delivering import Deliverer
from mailtrack.jobs.dispatcher import Dispatcher
from mailtrack.notify.smtp import FakeRelay
from mailtrack.runtime.services import Services
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.tracking.polling import Poller

pytestmark = pytest.mark.usefixtures("counted")

Rows = Callable[..., list[Mapping[str, Any]]]
QUEUES = (INGEST, POLL, MAIL)


class StubSink:
    """Hands messages to the stub."""

    def __init__(self, broker: StubBroker) -> None:
        self._broker = broker

    def room(self, queue: str) -> int:
        del queue
        return 1_000

    def send(self, queue: str, actor: str, *args: object) -> None:
        self._broker.enqueue(
            dramatiq.Message(queue_name=queue, actor_name=actor, args=args, kwargs={}, options={})
        )


@pytest.fixture
def broker() -> Iterator[StubBroker]:
    broker = StubBroker(middleware=[OneLinePerFailure()])
    yield broker
    broker.close()


@pytest.fixture
def reader(services: Services) -> Reader:
    return replace(services.reader(), carriers={"cainiao", "laposte"})


@pytest.fixture
def run(
    broker: StubBroker,
    services: Services,
    store: Store,
    clock: FakeClock,
    carriers: dict[str, FakeCarrier],
    reader: Reader,
    poller: Poller,
    deliverer: Deliverer,
) -> Iterator[Callable[[], None]]:
    """Tick and work until nothing is left to do."""
    channel_deliverer = services.channel_deliverer(deliverer.renderer)
    actors.declare(broker, reader, poller, deliverer, channel_deliverer)
    declarations = {code: carrier.declaration for code, carrier in carriers.items()}
    dispatcher = Dispatcher(store, StubSink(broker), declarations, clock, 120.0)
    worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=10)
    worker.start()

    def make() -> None:
        handed = dispatcher.tick()
        while handed.mails + handed.polls + handed.deliveries:
            for queue in QUEUES:
                broker.join(queue, fail_fast=False)
            worker.join()
            handed = dispatcher.tick()

    yield make
    worker.stop()


def test_a_forwarded_mail_becomes_a_mail_about_its_parcel(
    run: Callable[[], None],
    store: Store,
    clock: FakeClock,
    mail: Callable[..., bytes],
    carriers: dict[str, FakeCarrier],
    scan: Callable[..., TrackingEvent],
    found: Callable[..., PollResult],
    relay: FakeRelay,
    rows: Rows,
) -> None:
    carriers["cainiao"].script(found(scan(Milestone.CUSTOMS_CLEARED)))
    SqlMailStore(store, clock).keep("colis@host", "INBOX", 1, FetchedMail(1, mail(), clock.now()))
    run()

    assert ["tracked"] == [row["outcome"] for row in rows(t.inbound)]
    assert ["ana@example.org"] == [sent["To"] for sent in relay.sent]
    assert "LP00123456789012" in str(relay.sent[0])


def test_an_expected_failure_is_one_line_and_no_traceback(
    run: Callable[[], None],
    broker: StubBroker,
    store: Store,
    clock: FakeClock,
    mail: Callable[..., bytes],
    poller: Poller,
    logged: list[Mapping[str, Any]],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise AuthError("wrong key")

    monkeypatch.setattr(Poller, "poll", refuse)
    SqlMailStore(store, clock).keep("colis@host", "INBOX", 1, FetchedMail(1, mail(), clock.now()))
    run()

    assert [("poll_legs", "wrong key")] == [
        (entry["job"], entry["error"]) for entry in logged if entry["event"] == "job failed"
    ]
    assert [] == [record for record in caplog.records if record.exc_info]


def test_a_message_about_what_is_gone_does_nothing(
    broker: StubBroker, run: Callable[[], None], rows: Rows
) -> None:
    sink = StubSink(broker)
    sink.send(INGEST, "read_mails", [99], "token")
    sink.send(POLL, "poll_legs", "cainiao", [99], "token")
    sink.send(MAIL, "deliver", [99], "token")
    for queue in QUEUES:
        broker.join(queue, fail_fast=True)

    assert [[], [], []] == [rows(table) for table in (t.inbound, t.leg, t.notice)]


def test_a_mail_never_queues_behind_carriers_that_do_not_answer(
    broker: StubBroker, eventually: Callable[..., None]
) -> None:
    """All threads ask a silent carrier, and more polls wait than there are threads."""
    done: list[str] = []
    asked, answered = threading.Event(), threading.Event()

    class Slow:
        def poll(self, *_: object) -> None:
            asked.set()
            answered.wait(30)
            done.append("poll")

        def read(self, *_: object) -> None:
            done.append("read")

        def deliver(self, *_: object) -> None:
            done.append("deliver")

    slow: Any = Slow()
    actors.declare(broker, slow, slow, slow, slow)
    sink = StubSink(broker)
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=10)
    worker.start()
    for leg in range(3):
        sink.send(POLL, POLL_LEGS, "cainiao", [leg], "token")
    eventually(lambda: asked.is_set() and worker.work_queue.qsize() == 1)
    sink.send(MAIL, DELIVER, [1], "token")
    sink.send(INGEST, READ_MAILS, [1], "token")
    eventually(lambda: worker.work_queue.qsize() == 3)
    answered.set()
    for queue in QUEUES:
        broker.join(queue)
    worker.stop()

    assert "poll" == done[0]
    assert {"read", "deliver"} == set(done[1:3]), done
