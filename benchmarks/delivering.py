"""Notices from the store to a relay by one worker process, against smtplib alone.

The way is the real one: claimed by the dispatcher, carried by the broker, rendered and sent
over real SMTP by as many threads as a worker has, and noted in the store one by one.
"""

import smtplib
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import redis
from dramatiq import Worker
from sqlalchemy import Connection, func, select

from benchmarks import drain
from benchmarks.measure import Ratio, Stopwatch
from benchmarks.stores import STORES, OpenStore
from benchmarks.world import let_people_follow, service
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import ParcelId, SubscriptionId, TrackingEvent
from mailtrack.domain.tracking import Decision, Key
from mailtrack.jobs.worker import make_workers
from mailtrack.notify.mail import SmtpIdentity, compose
from mailtrack.notify.render import Renderer, templates_dir
from mailtrack.notify.samples import sample
from mailtrack.notify.view import NoticeKind
from mailtrack.runtime.services import Services
from mailtrack.runtime.supervisor import embedded_broker
from mailtrack.store import notices, parcels, subscriptions
from mailtrack.store.engine import Store
from mailtrack.store.schema import notice

NOTICES = 1_000

#: What happened to each parcel so far, one event a day.
ROAD = (
    Milestone.SHIPPED,
    Milestone.CARRIER_ACCEPTED,
    Milestone.IN_TRANSIT,
    Milestone.ARRIVED_IN_COUNTRY,
    Milestone.CUSTOMS_STARTED,
    Milestone.CUSTOMS_CLEARED,
)


def ratios() -> Iterator[Ratio]:
    """Measure on each database."""
    with drain.running() as port, running_broker() as redis_url:
        for name, open_store in STORES.items():
            yield _measured(name, open_store, port, redis_url)


def _measured(name: str, open_store: OpenStore, port: int, redis_url: str) -> Ratio:
    ours, yardstick = Stopwatch(), Stopwatch()
    with open_store() as store, service(store, smtp_port=port, redis_url=redis_url) as services:
        _owe(services, NOTICES)
        worker = _worker(services)
        _hand_out(services)
        with ours.lap():
            worker.start()
            wait_until(lambda: _sent(store) == NOTICES)
        worker.stop()
    with yardstick.lap():
        _send(port, NOTICES)
    return Ratio(
        f"{NOTICES} notices from the store to the relay ({name})",
        ours.median_s,
        "smtplib alone",
        yardstick.median_s,
        "≤ 6",
        count=NOTICES,
    )


def _owe(services: Services, count: int) -> None:
    """Owe each of many people the news that their parcel is through customs."""
    now = services.clock.now()
    events = [
        TrackingEvent(now - timedelta(days=age), milestone, "cainiao", milestone, "Done", "Roissy")
        for age, milestone in enumerate(reversed(ROAD))
    ]
    with services.store.write() as connection:
        for mine in let_people_follow(connection, count, now):
            parcels.add_events_of_each(connection, {_parcel_of(connection, mine): events}, now)
            decision = Decision(mine, Key(Milestone.CUSTOMS_CLEARED, "1"), events[0], None)
            notices.record(connection, [decision], now)


def _parcel_of(connection: Connection, mine: SubscriptionId) -> ParcelId:
    (following,) = subscriptions.read(connection, [mine])
    assert following.parcel is not None
    return following.parcel


def _worker(services: Services) -> Worker:
    """Return a worker as `mailtrack work` has it."""
    services.declare_actors()
    return make_workers(services.broker, services.settings.jobs.threads)[0]


def _hand_out(services: Services) -> None:
    dispatcher = replace(services.dispatcher(), carriers={})
    while dispatcher.tick().deliveries:
        pass


def _sent(store: Store) -> int:
    with store.read() as connection:
        query = select(func.count()).where(notice.c.state == "sent")
        return connection.execute(query).scalar_one()


def _send(port: int, count: int) -> None:
    """Send as many mails of the same kind over one connection."""
    view = sample(NoticeKind.CUSTOMS_CLEARED)
    mail = Renderer(templates_dir()).render(view)
    wire = compose(view, mail, SmtpIdentity("suivi@colis.example", "mailtrack"), view.at).wire
    with smtplib.SMTP("127.0.0.1", port) as connection:
        for _ in range(count):
            connection.sendmail("suivi@colis.example", view.to, wire)


@contextmanager
def running_broker() -> Iterator[str]:
    """Run the broker that `mailtrack up` brings along; give its address."""
    with tempfile.TemporaryDirectory(prefix="mailtrack-bench-") as folder:
        child, url = embedded_broker(Path(folder))
        with subprocess.Popen(child.command) as process:
            wait_until(lambda: _answers(url))
            yield url
            process.terminate()


def _answers(url: str) -> bool:
    with suppress(redis.RedisError), redis.Redis.from_url(url) as client:
        return bool(client.ping())
    return False


def wait_until(holds: Callable[[], bool]) -> None:
    """Look seldom: each look takes from the time of what is measured."""
    while not holds():
        time.sleep(0.1)
