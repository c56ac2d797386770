"""What the tests of the jobs share: scripted carriers and relay, a broker, one way to ask them."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random

import pytest
import redis
from dramatiq.brokers.redis import RedisBroker
from sqlalchemy import func, select

from mailtrack.bootstrap import Services
from mailtrack.carriers.fake import FakeCarrier
from mailtrack.clock import FakeClock
from mailtrack.domain.manners import Manners
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Look, LookState, TrackingEvent
from mailtrack.jobs.broker import make_broker
from mailtrack.jobs.delivering import Deliverer
from mailtrack.jobs.looking import Looker
from mailtrack.notify.smtp import FakeRelay
from mailtrack.store import budgets, leg_claims
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.supervisor import embedded_broker

LEASE_S = 120.0
#: Seconds without a sign of life after which a worker counts as dead; 60 by default.
HEARTBEAT_S = 1.0


@pytest.fixture
def carriers() -> dict[str, FakeCarrier]:
    return {code: FakeCarrier(code) for code in ("cainiao", "laposte")}


@pytest.fixture
def looker(store: Store, carriers: dict[str, FakeCarrier], clock: FakeClock) -> Looker:
    declarations = {code: carrier.declaration for code, carrier in carriers.items()}
    return Looker(store, carriers, declarations, clock, Random(7))


@pytest.fixture
def poll(store: Store, clock: FakeClock, looker: Looker) -> Callable[..., int]:
    """Ask a carrier about what is due, as the dispatcher would; tells how many legs were due."""
    tokens = count()

    def make(carrier: str = "cainiao") -> int:
        token, now = f"token {next(tokens)}", clock.now()
        with store.write() as connection:
            budgets.take(connection, carrier, 1, per_second=1e6, per_day=10**6, now=now)
            legs = leg_claims.claim_legs(
                connection, carrier, token=token, now=now, until=clock.later(LEASE_S), limit=100
            )
        if legs:
            looker.poll(carrier, legs, token)
        return len(legs)

    return make


@pytest.fixture
def pass_days(store: Store, clock: FakeClock, poll: Callable[..., int]) -> Callable[[float], int]:
    """Let time pass, asking the carriers whenever something is due; tells how often."""

    def next_due() -> datetime | None:
        with store.read() as connection:
            due: datetime | None = connection.execute(
                select(func.min(t.leg.c.next_poll_at))
            ).scalar_one()
        return due

    def make(days: float) -> int:
        end, asked = clock.now() + timedelta(days=days), 0
        while (due := next_due()) is not None and due <= end:
            clock.instant = max(due, clock.now())
            asked += sum(poll(carrier) for carrier in ("cainiao", "laposte"))
        clock.instant = end
        return asked

    return make


@pytest.fixture
def scan(clock: FakeClock) -> Callable[..., TrackingEvent]:
    def make(
        milestone: Milestone, hours_ago: float = 1.0, source: str = "cainiao", text: str = ""
    ) -> TrackingEvent:
        at = clock.now() - timedelta(hours=hours_ago)
        return TrackingEvent(at, milestone, source, milestone.upper(), text or milestone)

    return make


@pytest.fixture
def found() -> Callable[..., Look]:
    def make(*events: TrackingEvent, number: str = "LP00123456789012") -> Look:
        return Look(number, LookState.FOUND, events)

    return make


@pytest.fixture
def relay() -> FakeRelay:
    return FakeRelay()


@pytest.fixture
def deliverer(services: Services, relay: FakeRelay) -> Deliverer:
    """What sends mails, at any hour and as many as there are."""
    return replace(
        services.deliverer(),
        open_relay=lambda: nullcontext(relay),
        manners=Manners(quiet_from=0, quiet_until=0, per_day=1_000),
        lease_s=LEASE_S,
    )


# --- the broker ---------------------------------------------------------------------


class Valkey:
    """The embedded server, as `mailtrack up` starts it."""

    def __init__(self, folder: Path) -> None:
        child, self.url = embedded_broker(folder)
        self._command = child.command
        self.client = redis.Redis.from_url(self.url)

    def start(self) -> None:
        self._process = subprocess.Popen(self._command)

    def answers(self) -> bool:
        with suppress(redis.ConnectionError, redis.BusyLoadingError):
            return bool(self.client.ping())
        return False

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


@pytest.fixture
def valkey(tmp_path: Path, eventually: Callable[..., None]) -> Iterator[Valkey]:
    server = Valkey(tmp_path)
    server.start()
    eventually(server.answers)
    yield server
    server.stop()
    server.client.close()


@pytest.fixture
def broker(valkey: Valkey) -> Iterator[RedisBroker]:
    broker = make_broker(valkey.url, HEARTBEAT_S)
    yield broker
    broker.close()
    broker.client.close()
