"""Two of every part as processes on PostgreSQL: one works, and the other when that is gone."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest
from sqlalchemy import select

from mailtrack.carriers import declarations
from mailtrack.runtime.supervisor import embedded_broker
from mailtrack.sandbox.carriers import LAPOSTE, CarrierWorld, carrier_app, serve
from mailtrack.sandbox.faults import FaultProxy
from mailtrack.sandbox.imap import ImapServer
from mailtrack.sandbox.mails import (
    AUTHSERV_ID,
    FORWARD_TO,
    DemoPerson,
    forwarded,
    gmail,
    parcel_update,
)
from mailtrack.sandbox.smtp import SmtpSink
from mailtrack.settings import Settings
from mailtrack.store import leases
from mailtrack.store.engine import Store, open_store
from mailtrack.store.schema import leg

pytestmark = pytest.mark.e2e

Eventually = Callable[..., None]

#: Short, so that one need not wait for half a minute.
TAKEOVER_S = 4.0


class Databases(Protocol):
    """What the fixture `postgres` gives: see tests/conftest.py."""

    def create(self, template: str) -> str: ...

    def address(self, database: str) -> str: ...


@dataclass
class Service:
    """Parts of the service as processes, with the outside world on loopback."""

    imap: ImapServer
    proxy: FaultProxy
    sink: SmtpSink
    store: Store
    environment: dict[str, str]
    folder: Path
    parts: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, *names: str) -> None:
        for name in names:
            with (self.folder / f"{name}.log").open("ab") as log:
                part = subprocess.Popen(
                    [sys.executable, "-m", "mailtrack", name],
                    env=self.environment,
                    cwd=self.folder,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            self.parts[part.pid] = part

    def pids(self, part: str, *, at_work: bool) -> list[int]:
        """Return the processes that hold the lease of a part, or stand by for it."""
        with self.store.read() as connection:
            now = leases.time_of(connection)
            return [
                int(held.holder.split("/")[-2])
                for held in leases.holders(connection)
                if held.name.startswith(part) and held.until > now and held.at_work == at_work
            ]

    def signal(self, part: str, number: signal.Signals) -> int:
        """Send a signal to the process that is at work; return its id."""
        (pid,) = self.pids(part, at_work=True)
        os.kill(pid, number)
        return pid

    def forward(self, first: int, count: int) -> None:
        """Let so many people forward a mail about a parcel of their own."""
        for serial in range(first, first + count):
            person = DemoPerson(f"Ana {serial}", f"ana{serial}@example.org")
            shop = parcel_update(f"6A{serial:011}", f"{3054169918880000 + serial}", "Lampe")
            now = datetime.now(UTC)
            self.imap.deliver(forwarded(gmail, shop, person, now, "Voilà", serial))

    def sent(self) -> Counter[str]:
        """Return how many mails each person got."""
        return Counter(mail.recipients[0] for mail in self.sink.messages)

    def asked(self) -> list[int]:
        """Return how often the carrier was asked about each parcel."""
        with self.store.read() as connection:
            return [*connection.scalars(select(leg.c.asked))]

    def log(self) -> str:
        return "".join(file.read_text() for file in self.folder.glob("*.log"))


@pytest.fixture
def service(
    postgres: Databases, tmp_path: Path, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    database = postgres.address(postgres.create("blank"))
    with ExitStack() as stack:
        imap = stack.enter_context(ImapServer("colis", "secret"))
        proxy = stack.enter_context(FaultProxy(imap.host, imap.port))
        sink = stack.enter_context(SmtpSink())
        carriers = stack.enter_context(serve(carrier_app(CarrierWorld())))
        broker, redis_url = embedded_broker(tmp_path)
        _end_afterwards(stack, subprocess.Popen(broker.command))
        variables = {
            "DATABASE_URL": database,
            "REDIS_URL": redis_url,
            "INBOX__HOST": proxy.host,
            "INBOX__PORT": str(proxy.port),
            "INBOX__SECURITY": "plain",
            "INBOX__USER": "colis",
            "INBOX__PASSWORD": "secret",
            "INBOX__ADDRESS": FORWARD_TO,
            "INBOX__AUTHSERV_ID": AUTHSERV_ID,
            "SMTP__HOST": sink.host,
            "SMTP__PORT": str(sink.port),
            "SMTP__SECURITY": "plain",
            "SMTP__FROM_ADDRESS": "suivi@colis.example",
            "LINKS__SECRET": "a secret of the tests",
            **{f"CARRIERS__{d.code.upper()}__ENABLED": "false" for d in declarations()},
            f"CARRIERS__{LAPOSTE.upper()}__ENABLED": "true",
            f"CARRIERS__{LAPOSTE.upper()}__URL": f"{carriers}/laposte/suivi/v2",
            f"CARRIERS__{LAPOSTE.upper()}__KEY": "sandbox-key",
            "JOBS__TICK_S": "0.1",
            "JOBS__TAKEOVER_S": str(TAKEOVER_S),
        }
        kept = {k: v for k, v in os.environ.items() if not k.startswith("MAILTRACK_")}
        environment = kept | {f"MAILTRACK_{name}": value for name, value in variables.items()}
        store = open_store(Settings(database_url=database).store_url)
        stack.callback(store.close)
        running = Service(imap, proxy, sink, store, environment, tmp_path)
        try:
            yield running
        finally:
            for part in running.parts.values():
                part.send_signal(signal.SIGCONT)
                part.terminate()
            codes = [part.wait(30) for part in running.parts.values()]
        assert set(codes) <= {0, -signal.SIGKILL}, running.log()


def _end_afterwards(stack: ExitStack, server: subprocess.Popen[bytes]) -> None:
    stack.callback(server.wait)
    stack.callback(server.terminate)


def test_of_two_of_each_one_works_and_the_other_takes_over_and_nothing_comes_twice(
    service: Service, eventually: Eventually
) -> None:
    service.start("watch", "watch", "dispatch", "dispatch", "work", "work", "work")
    for part in ("watch", "dispatch"):
        eventually(lambda part=part: len(service.pids(part, at_work=False)) == 1)
    service.forward(1, 30)
    eventually(lambda: service.sent().total() >= 30)
    assert 1 == service.proxy.accepted

    killed = {service.signal(part, signal.SIGKILL) for part in ("watch", "dispatch")}
    service.forward(31, 10)
    eventually(lambda: service.sent().total() >= 40)
    assert 2 == service.proxy.accepted

    # A clean stop hands over at once, and a new one stands by: no mail is missed meanwhile.
    service.start("watch", "dispatch")
    for part in ("watch", "dispatch"):
        eventually(lambda part=part: len(service.pids(part, at_work=False)) == 1)
        service.signal(part, signal.SIGTERM)
    service.forward(41, 5)
    eventually(lambda: service.sent().total() >= 45)

    assert {f"ana{serial}@example.org": 1 for serial in range(1, 46)} == service.sent()
    assert [1] * 45 == service.asked()
    assert not killed & {*service.pids("watch", at_work=True)}


def test_a_watcher_that_was_suspended_finds_another_at_work_and_stands_by(
    service: Service, eventually: Eventually
) -> None:
    service.start("watch", "watch", "dispatch", "work")
    eventually(lambda: len(service.pids("watch", at_work=False)) == 1)
    eventually(lambda: service.proxy.accepted == 1)

    suspended = service.signal("watch", signal.SIGSTOP)
    service.forward(1, 5)
    eventually(lambda: service.sent().total() >= 5)
    assert [suspended] != service.pids("watch", at_work=True)

    os.kill(suspended, signal.SIGCONT)
    eventually(lambda: [suspended] == service.pids("watch", at_work=False))
    service.forward(6, 5)
    eventually(lambda: service.sent().total() >= 10)

    assert {f"ana{serial}@example.org": 1 for serial in range(1, 11)} == service.sent()
    assert 2 == service.proxy.accepted
