"""`mailtrack demo`: the real service, the outside world on loopback, time sped up.

Nothing of the service is replaced: `mailtrack up` runs as it would anywhere, with its
settings pointing at servers of ours that speak IMAP, SMTP and the carriers' HTTP.
"""

import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import httpx
from rich.console import Console
from rich.markup import escape

from mailtrack.carriers import declarations
from mailtrack.clock import FastClock
from mailtrack.domain.harmless import printable
from mailtrack.errors import ConfigurationError
from mailtrack.runtime.roles import stop_on_signals
from mailtrack.runtime.services import Services
from mailtrack.runtime.supervisor import Supervisor, role
from mailtrack.sandbox.carriers import CAINIAO, LAPOSTE, CarrierWorld, carrier_app, serve
from mailtrack.sandbox.director import Director, Say
from mailtrack.sandbox.imap import ImapServer, Postbox
from mailtrack.sandbox.loopback import free_port
from mailtrack.sandbox.mails import AUTHSERV_ID, FORWARD_TO
from mailtrack.sandbox.page import demo_page
from mailtrack.sandbox.smtp import SmtpSink
from mailtrack.sandbox.summary import Scorebook
from mailtrack.settings import PREFIX, load_settings

#: How fast the demo's clock runs: four hours in a second.
SPEED = 14_400.0
#: Real seconds after which interrupted work is taken up again; short, so that one sees it.
LEASE_S = 8.0
HEARTBEAT_S = 4.0
#: How long the service may take to start (real seconds).
START_S = 60.0

_COLOURS = {
    "mail": "cyan",
    "scan": "white",
    "trouble": "yellow",
    "sent": "green",
    "click": "magenta",
}


@dataclass(frozen=True, slots=True)
class DemoServers:
    """What to play on; empty fields take the embedded servers."""

    port: int = 0
    database: str = ""
    redis: str = ""
    imap: str = ""
    data: Path | None = None


def play(stage: DemoServers, *, once: bool) -> int:
    """Play the story; return the exit code: 0 if all that must come of it came."""
    console = Console(highlight=False, emoji=False)
    stop = stop_on_signals()
    with ExitStack() as stack:
        folder = stack.enter_context(_data_folder(stage.data))
        clock = FastClock(datetime.now(UTC), SPEED)
        world, sink = CarrierWorld(), stack.enter_context(SmtpSink(clock=clock))
        carriers = stack.enter_context(serve(carrier_app(world)))
        postbox = stack.enter_context(_postbox(stage.imap))
        _set_environment(_variables(stage, folder, clock, carriers, sink, postbox))
        director = Director(world, postbox, sink, clock, _sayer(console, clock))
        services = Services(load_settings(_env_file=None))
        stack.callback(services.close)
        stack.enter_context(_service(folder, stop))
        page = stack.enter_context(demo_page(services, director, stage.port))
        console.print(f"[bold]mailtrack demo[/]: look at {page}")
        finished = _is_up(services, stop) and director.play(stop)
        book = Scorebook(services, director)
        failures = book.close(stop) if finished else book.broken_off()
        for line in (book.table(), *failures, *book.last_lines()):
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


def _sayer(console: Console, clock: FastClock) -> Say:
    started: list[datetime] = []

    def say(kind: str, text: str) -> None:
        day = (clock.now() - started[0]).days if started else 0
        started.append(clock.now())
        console.print(
            f"[dim]day {day:>3}[/] [{_COLOURS[kind]}]{kind:<8}[/] {escape(printable(text))}"
        )

    return say


@contextmanager
def _data_folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    folder = Path(tempfile.mkdtemp(prefix="mailtrack-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _postbox(address: str) -> Iterator[Postbox]:
    if not address:
        with ImapServer("colis", secrets.token_hex(8)) as server:
            yield server.postbox
        return
    parts = urlsplit(address)
    if not (parts.hostname and parts.username and parts.password):
        raise ConfigurationError("--imap takes an address like imap://user:password@host:143.")
    yield Postbox(parts.hostname, parts.port or 143, parts.username, parts.password)


def _variables(
    stage: DemoServers,
    folder: Path,
    clock: FastClock,
    carriers: str,
    sink: SmtpSink,
    postbox: Postbox,
) -> dict[str, str]:
    """Return the variables of the service: what an operator would write, for loopback."""
    port = free_port()
    own = {
        "DATA_DIR": str(folder),
        "DATABASE_URL": stage.database,
        "REDIS_URL": stage.redis,
        "LOG_LEVEL": "WARNING",
        "INBOX__HOST": postbox.host,
        "INBOX__PORT": str(postbox.port),
        "INBOX__SECURITY": "plain",
        "INBOX__USER": postbox.user,
        "INBOX__PASSWORD": postbox.password,
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


def _set_environment(variables: dict[str, str]) -> None:
    """Let this process and its children see these settings and no others."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    os.environ.update(variables)


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
