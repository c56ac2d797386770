"""What the tests of the jobs share: scripted carriers and relay, a broker, one way to ask them."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from dramatiq.brokers.redis import RedisBroker

from mailtrack.domain.sending_policy import SendingPolicy
from mailtrack.jobs.broker import make_broker
from mailtrack.jobs.delivering import Deliverer
from mailtrack.notify.smtp import FakeRelay
from mailtrack.runtime.services import Services
from mailtrack.runtime.supervisor import embedded_broker

LEASE_S = 120.0


@pytest.fixture
def relay() -> FakeRelay:
    return FakeRelay()


@pytest.fixture
def deliverer(services: Services, relay: FakeRelay) -> Deliverer:
    """What sends mails, at any hour and as many as there are."""
    return replace(
        services.deliverer(),
        open_relay=lambda: nullcontext(relay),
        sending_policy=SendingPolicy(quiet_from=0, quiet_until=0, per_day=1_000),
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
    broker = make_broker(valkey.url, heartbeat_s=60.0)
    yield broker
    broker.close()
    broker.client.close()
