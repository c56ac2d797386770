"""`mailtrack demo`: the real service, the outside world on loopback, time sped up.

Nothing of the service is replaced: `mailtrack up` runs as it would anywhere, with its
settings pointing at servers of ours that speak IMAP, SMTP and the carriers' HTTP.
"""

import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from urllib.parse import urlsplit

import httpx
from rich.console import Console

from mailtrack.carriers import declarations
from mailtrack.clock import FastClock
from mailtrack.errors import ConfigurationError
from mailtrack.runtime.roles import stop_on_signals
from mailtrack.runtime.services import Services
from mailtrack.runtime.supervisor import Supervisor, role
from mailtrack.sandbox.carriers import CAINIAO, LAPOSTE, CarrierWorld, carrier_app, serve
from mailtrack.sandbox.director import Director
from mailtrack.sandbox.imap import ImapAccount, ImapServer
from mailtrack.sandbox.loopback import free_port
from mailtrack.sandbox.mails import AUTHSERV_ID, FORWARD_TO
from mailtrack.sandbox.page import demo_page
from mailtrack.sandbox.smtp import SmtpSink
from mailtrack.sandbox.summary import StorySummary
from mailtrack.settings import PREFIX, load_settings

#: How fast the demo's clock runs: four hours in a second.
SPEED = 14_400.0
#: How long ago the story begins: Dovecot takes no day to come as that of a mail's arrival. The
#: demo's clock reaches the machine's at its epoch, nine minutes after the start.
BEFORE = timedelta(days=90)
#: Real seconds after which interrupted work is taken up again; short, so that one sees it.
LEASE_S = 8.0
HEARTBEAT_S = 4.0
#: How long the service may take to start (real seconds).
START_S = 60.0


@dataclass(frozen=True, slots=True)
class DemoServers:
    """What to play on; empty fields take the embedded servers."""

    port: int = 0
    database: str = ""
    redis: str = ""
    imap: str = ""
    data: Path | None = None


def play(servers: DemoServers, *, once: bool) -> int:
    """Play the story; return the exit code: 0 if all that must come of it came.

    1. Open the outside world on loopback: the relay, the carriers, the mailbox.
    2. Let this process and its children see settings that point there, and no others.
    3. Run the service and the page; play the story as soon as the service is ready.
    4. Print what came of it; the page stays until Ctrl-C, but for `once`.
    """
    console = Console(highlight=False, emoji=False)
    stop = stop_on_signals()
    clock = FastClock(datetime.now(UTC) + BEFORE / (SPEED - 1), SPEED)
    with ExitStack() as stack:
        # 1.
        folder = servers.data or Path(
            stack.enter_context(TemporaryDirectory(prefix="mailtrack-", ignore_cleanup_errors=True))
        )
        folder.mkdir(parents=True, exist_ok=True)
        world, sink = CarrierWorld(), stack.enter_context(SmtpSink(clock=clock))
        carriers = stack.enter_context(serve(carrier_app(world)))
        account = stack.enter_context(_account(servers.imap))
        # 2.
        for name in [name for name in os.environ if name.startswith(PREFIX)]:
            del os.environ[name]
        os.environ.update(_variables(servers, folder, clock, carriers, sink, account))
        services = Services(load_settings(_env_file=None))
        stack.callback(services.close)
        # 3.
        director = Director(world, account, sink, clock, console)
        stack.enter_context(_service(folder, stop))
        page = stack.enter_context(demo_page(services, director, servers.port))
        console.print(f"[bold]mailtrack demo[/]: look at {page}")
        finished = _is_up(services, stop) and director.play(stop)
        # 4.
        summary = StorySummary(services, director)
        failures = summary.failures(stop) if finished else summary.broken_off()
        for line in (summary.table(), *failures, *summary.last_lines()):
            console.print(line)
        if not once and finished:
            console.print(f"The story is over; {page} stays until Ctrl-C.")
            stop.wait()
    return 1 if failures else 0


def _is_up(services: Services, stop: Event) -> bool:
    """Wait until the service says that it is ready; False where it never does."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and not stop.is_set():
        with suppress(httpx.TransportError):
            if httpx.get(f"{services.settings.web.public_url}/readyz").is_success:
                return True
        stop.wait(0.1)
    return False


@contextmanager
def _account(address: str) -> Iterator[ImapAccount]:
    """Give the mailbox at an address, or the only one of a server that runs meanwhile."""
    if not address:
        with ImapServer("colis", secrets.token_hex(8)) as server:
            yield server.account
        return
    parts = urlsplit(address)
    if not (parts.hostname and parts.username and parts.password):
        raise ConfigurationError("--imap takes an address like imap://user:password@host:143.")
    yield ImapAccount(parts.hostname, parts.port or 143, parts.username, parts.password)


def _variables(
    servers: DemoServers,
    folder: Path,
    clock: FastClock,
    carriers: str,
    sink: SmtpSink,
    account: ImapAccount,
) -> dict[str, str]:
    """Return the variables of the service: what an operator would write, for loopback."""
    port = free_port()
    own = {
        "DATA_DIR": str(folder),
        "DATABASE_URL": servers.database,
        "REDIS_URL": servers.redis,
        "LOG_LEVEL": "WARNING",
        "INBOX__HOST": account.host,
        "INBOX__PORT": str(account.port),
        "INBOX__SECURITY": "plain",
        "INBOX__USER": account.user,
        "INBOX__PASSWORD": account.password,
        "INBOX__ADDRESS": FORWARD_TO,
        "INBOX__AUTHSERV_ID": AUTHSERV_ID,
        "SMTP__HOST": sink.host,
        "SMTP__PORT": str(sink.port),
        "SMTP__SECURITY": "plain",
        "SMTP__FROM_ADDRESS": "suivi@colis.example",
        "SMTP__FROM_NAME": "Suivi de colis",
        "WEB__PORT": str(port),
        "WEB__PUBLIC_URL": f"http://127.0.0.1:{port}",
        "LINKS__SECRET": secrets.token_urlsafe(32),
        # Nobody outside this machine is asked anything.
        **{f"CARRIERS__{d.code.upper()}__ENABLED": "false" for d in declarations()},
        **{f"CARRIERS__{code.upper()}__ENABLED": "true" for code in (CAINIAO, LAPOSTE)},
        f"CARRIERS__{CAINIAO.upper()}__URL": f"{carriers}/cainiao",
        f"CARRIERS__{LAPOSTE.upper()}__URL": f"{carriers}/laposte/suivi/v2",
        f"CARRIERS__{LAPOSTE.upper()}__KEY": "sandbox-key",
        "CLOCK__SPEED": str(clock.speed),
        "CLOCK__EPOCH": clock.epoch.isoformat(),
        # Days pass in seconds here: people would hear of most things in digests.
        "NOTICES__PER_DAY": "100",
        "JOBS__TICK_S": "0.1",
        "JOBS__LEASE_S": str(LEASE_S),
        "JOBS__HEARTBEAT_S": str(HEARTBEAT_S),
        "JOBS__TAKEOVER_S": str(HEARTBEAT_S),
    }
    return {PREFIX + name: value for name, value in own.items() if value}


@contextmanager
def _service(folder: Path, stop: Event) -> Iterator[None]:
    """Run `mailtrack up`, started again should anybody kill it; should it give up, stop."""
    child = role("up")
    child.folder = folder  # away from any .env file

    def run() -> None:
        Supervisor([child], os.environ).run(stop)
        stop.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
