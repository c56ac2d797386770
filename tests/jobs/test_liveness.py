"""What Redis tells of workers and queues: a worker that lives and does nothing is found out."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import dramatiq
import pytest
from dramatiq.brokers.redis import RedisBroker

from mailtrack.errors import ConfigurationError, TransientError
from mailtrack.jobs import liveness
from mailtrack.jobs.broker import INGEST, MAIL, READ_MAILS, BrokerSink
from mailtrack.jobs.liveness import count_workers, say_absent, say_present, still_s
from mailtrack.runtime import roles
from mailtrack.runtime.services import Services
from mailtrack.store.migrate import require_current
from tests.jobs.conftest import Valkey

Eventually = Callable[..., None]
HOUR = 3600


@pytest.fixture
def database() -> str:
    """One is enough here: it is the broker that is tried."""
    return "sqlite"


@pytest.fixture
def sink(broker: RedisBroker) -> BrokerSink:
    return BrokerSink(broker, 100)


@pytest.fixture
def pass_hours(valkey: Valkey) -> Callable[[int], None]:
    """Let hours pass for what lapses in Redis."""

    def make(hours: int) -> None:
        for key in valkey.client.keys("mailtrack:*"):
            left = valkey.client.ttl(key) - hours * HOUR
            valkey.client.expire(key, max(left, 0))

    return make


def _hand_out(sink: BrokerSink, queue: str = INGEST) -> None:
    """Hand a message out as a tick does."""
    assert sink.room(queue) > 0
    sink.send(queue, READ_MAILS, 1, "token")


def test_an_empty_queue_does_not_stand_still_however_long_it_is_empty(
    broker: RedisBroker, sink: BrokerSink, pass_hours: Callable[[int], None]
) -> None:
    assert 0 == still_s(broker, INGEST)

    sink.room(INGEST)
    pass_hours(5)
    assert 0 == still_s(broker, INGEST)
    _hand_out(sink)
    assert still_s(broker, INGEST) < liveness.STILL_S


def test_a_queue_that_nobody_takes_from_stands_still_however_much_comes_into_it(
    broker: RedisBroker, sink: BrokerSink, pass_hours: Callable[[int], None]
) -> None:
    for _ in range(3):
        _hand_out(sink)
        pass_hours(1)

    assert 3 * HOUR <= still_s(broker, INGEST) < 4 * HOUR
    assert 0 == still_s(broker, MAIL)


def test_a_queue_of_which_nothing_is_known_but_that_it_is_full_stands_still(
    broker: RedisBroker, sink: BrokerSink, pass_hours: Callable[[int], None]
) -> None:
    _hand_out(sink)
    pass_hours(48)

    assert still_s(broker, INGEST) > liveness.STILL_S


def test_a_redis_that_forgets_everything_has_no_queue_that_stands_still(
    valkey: Valkey, broker: RedisBroker, sink: BrokerSink
) -> None:
    _hand_out(sink)
    valkey.client.flushall()

    assert 0 == still_s(broker, INGEST)


@pytest.fixture
def hanging(broker: RedisBroker) -> Iterator[tuple[Event, list[int]]]:
    """A worker with one thread: it ends mail 0 at once, and another one when the event is set."""
    release, began = Event(), list[int]()

    @dramatiq.actor(broker=broker, actor_name=READ_MAILS, queue_name=INGEST)
    def read_mails(mail: int, token: str) -> None:
        began.append(mail)
        if mail:
            release.wait(60)

    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=50)
    worker.start()
    yield release, began
    release.set()
    worker.stop()


def test_a_worker_that_hangs_stands_still_though_it_took_all_there_was(
    broker: RedisBroker,
    valkey: Valkey,
    sink: BrokerSink,
    hanging: tuple[Event, list[int]],
    pass_hours: Callable[[int], None],
    eventually: Eventually,
) -> None:
    release, began = hanging
    _hand_out(sink)
    eventually(lambda: began)
    _hand_out(sink)
    eventually(lambda: valkey.client.llen("dramatiq:ingest") == 0)
    pass_hours(1)
    assert still_s(broker, INGEST) >= HOUR

    release.set()
    eventually(lambda: still_s(broker, INGEST) == 0)


def test_what_is_begun_or_done_moves_a_queue(
    broker: RedisBroker,
    sink: BrokerSink,
    hanging: tuple[Event, list[int]],
    pass_hours: Callable[[int], None],
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(liveness, "_SAYS_S", 0.0)
    _, began = hanging
    _hand_out(sink)
    eventually(lambda: began)
    pass_hours(1)
    assert still_s(broker, INGEST) >= HOUR

    release, _ = hanging
    _hand_out(sink)
    release.set()
    eventually(lambda: still_s(broker, INGEST) == 0)


# --- workers --------------------------------------------------------------------------


def test_workers_are_counted_until_they_leave_or_their_word_lapses(
    broker: RedisBroker, pass_hours: Callable[[int], None]
) -> None:
    assert 0 == count_workers(broker)
    for name in ("host/1", "host/2", "host/2"):
        say_present(broker, name, 60.0)
    assert 2 == count_workers(broker)

    say_absent(broker, "host/1")
    assert 1 == count_workers(broker)
    pass_hours(1)
    assert 0 == count_workers(broker)


def test_a_redis_that_is_away_is_no_error_of_a_worker_but_one_of_who_asks(
    valkey: Valkey, broker: RedisBroker
) -> None:
    valkey.stop()
    say_present(broker, "host/1", 60.0)
    say_absent(broker, "host/1")

    for question in (lambda: count_workers(broker), lambda: still_s(broker, INGEST)):
        with pytest.raises(TransientError, match="Redis does not answer"):
            question()


@pytest.fixture
def at_work(
    services: Services, broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Event, list[BaseException], Thread]]:
    """The role of a worker, without actors; what ended it is in the list."""
    monkeypatch.setattr(Services, "declare_actors", lambda _: None)
    monkeypatch.setattr(roles, "ASKS", 60 / 0.05)
    vars(services)["broker"] = broker
    require_current(services.store)  # as every part does at its start
    stop, ended_by = Event(), list[BaseException]()

    def run() -> None:
        try:
            roles.work(services, stop)
        except ConfigurationError as error:
            ended_by.append(error)

    thread = Thread(target=run)
    thread.start()
    yield stop, ended_by, thread
    stop.set()
    thread.join(30)


def test_a_worker_says_that_it_is_there_and_that_it_goes(
    broker: RedisBroker, at_work: tuple[Event, Any, Thread], eventually: Eventually
) -> None:
    stop, _, thread = at_work
    eventually(lambda: count_workers(broker) == 1)
    stop.set()
    thread.join(30)

    assert 0 == count_workers(broker)


def test_a_worker_whose_database_is_deleted_ends_and_says_why(
    at_work: tuple[Event, list[BaseException], Thread],
    broker: RedisBroker,
    tmp_path: Path,
    eventually: Eventually,
) -> None:
    _, ended_by, thread = at_work
    eventually(lambda: count_workers(broker) == 1)
    shutil.move(tmp_path / "mailtrack.db", tmp_path / "gone.db")
    thread.join(30)

    (why,) = ended_by
    assert "was deleted or replaced while it was open" in str(why)
