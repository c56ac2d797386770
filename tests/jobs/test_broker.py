"""The real broker, Valkey from its wheel: killed workers, a lost and a restarted server."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from threading import Event, Thread
from typing import Any

import dramatiq
import pytest
from dramatiq.brokers.redis import RedisBroker

from mailtrack.clock import FakeClock
from mailtrack.errors import TransientError
from mailtrack.inbox.mail_store import FetchedMail, SqlMailStore
from mailtrack.jobs import actors
from mailtrack.jobs.broker import INGEST, READ_MAILS, BrokerSink, make_broker, policy_trouble
from mailtrack.jobs.delivering import Deliverer
from mailtrack.jobs.dispatcher import Dispatcher
from mailtrack.runtime import roles
from mailtrack.runtime.services import Services
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.tracking.polling import Poller
from tests.jobs.conftest import Valkey

Rows = Callable[..., list[Mapping[str, Any]]]
Eventually = Callable[..., None]

LEASE_S = 120.0
#: Seconds without a sign of life after which a worker counts as dead; 60 by default.
HEARTBEAT_S = 1.0


@pytest.fixture
def database() -> str:
    """One is enough here: it is the broker that is tried."""
    return "sqlite"


@pytest.fixture
def dispatcher(store: Store, clock: FakeClock, broker: RedisBroker) -> Dispatcher:
    return Dispatcher(store, BrokerSink(broker, 100), {}, clock, LEASE_S)


@pytest.fixture
def keep(store: Store, clock: FakeClock, mail: Callable[..., bytes]) -> Callable[[int], None]:
    def make(uid: int) -> None:
        SqlMailStore(store, clock).keep(
            "me@host", "INBOX", 1, FetchedMail(uid, mail(), clock.now())
        )

    return make


@pytest.fixture
def worker(
    services: Services,
    broker: RedisBroker,
    poller: Poller,
    deliverer: Deliverer,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[dramatiq.Worker]:
    monkeypatch.setattr("dramatiq.worker.CONSUMER_RESTART_DELAY_SECS", 0.1)
    channel_deliverer = services.channel_deliverer(deliverer.renderer)
    actors.declare(broker, services.reader(), poller, deliverer, channel_deliverer)
    worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=100)
    yield worker
    worker.stop()


#: Begins its message and never ends it.
STUCK_WORKER = """
import sys, threading, dramatiq
from mailtrack.jobs.broker import INGEST, READ_MAILS, make_broker

broker = make_broker(sys.argv[1], float(sys.argv[2]))

@dramatiq.actor(broker=broker, actor_name=READ_MAILS, queue_name=INGEST)
def read_mails(mail, token):
    print("began", flush=True)
    threading.Event().wait()

dramatiq.Worker(broker, worker_threads=1, worker_timeout=100).start()
threading.Event().wait()
"""


def test_the_message_of_a_worker_that_is_killed_comes_to_another_one(
    valkey: Valkey,
) -> None:
    """With the usual heartbeat of a minute, within two minutes; dramatiq alone takes up to 40."""
    broker = make_broker(valkey.url, HEARTBEAT_S)
    BrokerSink(broker, 100).send(INGEST, READ_MAILS, 1, "token")
    command = [sys.executable, "-c", STUCK_WORKER, valkey.url, str(HEARTBEAT_S)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as stuck:
        assert stuck.stdout is not None
        assert b"began\n" == stuck.stdout.readline()
        stuck.send_signal(signal.SIGKILL)

    came = Event()

    @dramatiq.actor(broker=broker, actor_name=READ_MAILS, queue_name=INGEST)
    def read_mails(mail: int, token: str) -> None:
        assert (1, "token") == (mail, token)
        came.set()

    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=100)
    worker.start()
    assert came.wait(30)
    worker.stop()
    broker.close()
    broker.client.close()


def test_a_broker_that_forgets_everything_loses_no_work(
    dispatcher: Dispatcher,
    valkey: Valkey,
    worker: dramatiq.Worker,
    clock: FakeClock,
    keep: Callable[[int], None],
    rows: Rows,
    eventually: Eventually,
) -> None:
    keep(1)
    assert 1 == dispatcher.tick().mails
    valkey.client.flushall()
    worker.start()
    assert 0 == dispatcher.tick().mails

    clock.advance(seconds=LEASE_S)
    assert 1 == dispatcher.tick().mails
    eventually(lambda: rows(t.inbound)[0]["outcome"] == "tracked")


def test_a_broker_that_restarts_is_found_again_by_dispatcher_and_worker(
    dispatcher: Dispatcher,
    valkey: Valkey,
    worker: dramatiq.Worker,
    clock: FakeClock,
    keep: Callable[[int], None],
    rows: Rows,
    eventually: Eventually,
) -> None:
    worker.start()
    keep(1)
    dispatcher.tick()
    eventually(lambda: rows(t.inbound)[0]["outcome"] == "tracked")

    valkey.stop()
    with pytest.raises(TransientError, match="Redis does not answer"):
        dispatcher.tick()
    valkey.start()
    eventually(valkey.answers)
    clock.advance(seconds=LEASE_S)
    dispatcher.tick()
    eventually(lambda: rows(t.notice)[0]["state"] == "sent")


def test_a_queue_says_how_much_room_it_has(broker: RedisBroker) -> None:
    sink = BrokerSink(broker, 3)
    broker.declare_queue(INGEST)
    rooms = [sink.room(INGEST)]
    for mail in range(2):
        sink.send(INGEST, READ_MAILS, mail, "token")
        rooms.append(sink.room(INGEST))

    assert [3, 2, 1] == rooms


def test_work_that_fails_or_is_too_old_is_neither_kept_nor_tried_again_by_the_broker(
    valkey: Valkey, broker: RedisBroker
) -> None:
    """Retries are delayed messages, which a restart of Redis strands; the row is due again."""
    began: list[int] = []

    @dramatiq.actor(broker=broker, actor_name=READ_MAILS, queue_name=INGEST, throws=ValueError)
    def read_mails(mail: int, token: str) -> None:
        began.append(mail)
        raise ValueError

    of_1970 = read_mails.message(1, "token").copy(message_timestamp=0)
    for message in (of_1970, read_mails.message(2, "token")):
        broker.enqueue(message)
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=100)
    worker.start()
    broker.join(INGEST)
    worker.stop()

    assert [2] == began
    assert [0, 0] == [valkey.client.llen(f"dramatiq:{queue}") for queue in (INGEST, f"{INGEST}.DQ")]


def test_a_worker_whose_job_hangs_ends_all_the_same_when_it_is_told_to(
    services: Services, broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd and Docker would kill it later, and with it what its other threads do."""
    began, never, stop = Event(), Event(), Event()

    @dramatiq.actor(broker=broker, actor_name=READ_MAILS, queue_name=INGEST)
    def read_mails(mail: int, token: str) -> None:
        began.set()
        never.wait()

    monkeypatch.setattr("mailtrack.runtime.roles.GRACE_S", 5.5)
    monkeypatch.setattr(Services, "declare_actors", lambda _: None)
    vars(services)["broker"] = broker
    part = Thread(target=roles.work, args=(services, stop))
    part.start()
    BrokerSink(broker, 100).send(INGEST, READ_MAILS, 1, "token")
    assert began.wait(30)
    stop.set()
    part.join(30)

    assert not part.is_alive()
    never.set()


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-lru", "noeviction"])
def test_a_server_that_may_throw_work_away_is_found_out(valkey: Valkey, policy: str) -> None:
    valkey.client.config_set("maxmemory-policy", policy)

    assert (policy != "noeviction") == (f"is {policy}" in policy_trouble(valkey.client))


def test_the_embedded_broker_keeps_its_messages_and_drops_none_for_want_of_memory(
    valkey: Valkey,
) -> None:
    told = {
        name: valkey.client.config_get(name)[name]
        for name in ("appendonly", "maxmemory-policy", "unixsocketperm", "port")
    }

    assert {
        "appendonly": "yes",
        "maxmemory-policy": "noeviction",
        "unixsocketperm": "700",
        "port": "0",
    } == told
