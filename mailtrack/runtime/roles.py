"""The parts of the service, each for a process of its own: they run until told to stop."""

import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from threading import Event, Thread

import structlog

from mailtrack.errors import ConfigurationError, TransientError
from mailtrack.runtime.leadership import ASKS
from mailtrack.runtime.services import Services
from mailtrack.runtime.supervisor import GRACE_S, SUPERVISOR, Supervisor, embedded_broker, role
from mailtrack.settings import AdminSettings, WebSettings
from mailtrack.store.leases import DISPATCH, watch_name
from mailtrack.store.migrate import require_current, require_kept

Role = Callable[[Services, Event], None]

log = structlog.get_logger(__name__)


def watch(services: Services, stop: Event) -> None:
    """Watch the mailbox and keep its mails; stand by while somebody else does."""
    place = services.settings.inbox.place
    lease = services.lease(watch_name(*place))
    lease.run(stop, services.watcher(lease.fence).run)


def dispatch(services: Services, stop: Event) -> None:
    """Hand out what is due, tick by tick; stand by while somebody else does."""
    dispatcher, housekeeping, rerouting = (
        services.dispatcher(),
        services.housekeeping(),
        services.rerouting(),
    )
    tick_s = services.settings.jobs.tick_s

    def once_in_a_while(went_back: bool) -> None:
        rerouting.run()
        housekeeping.run(went_back)

    def tick_on(stop: Event, heartbeat: Callable[[], None]) -> None:
        dispatcher.run(stop, tick_s, once_in_a_while, heartbeat)

    services.lease(DISPATCH).run(stop, tick_on)


def work(services: Services, stop: Event) -> None:
    """Read mails, poll carriers and deliver notices, as the messages come.

    Ends with ConfigurationError where the store was deleted: jobs only fail in it.
    """
    from mailtrack.jobs import liveness
    from mailtrack.jobs.worker import make_workers, stop_workers

    services.declare_actors()
    services.try_relay_again()
    workers = make_workers(services.broker, services.settings.jobs.threads)
    for worker in workers:
        worker.start()
    heartbeat_s = services.settings.jobs.heartbeat_s
    try:
        while not stop.is_set():
            liveness.say_present(services.broker, services.holder, heartbeat_s)
            with suppress(TransientError):  # the store is away: every job says so
                require_kept(services.store)
            stop.wait(heartbeat_s / ASKS)
    finally:
        liveness.say_absent(services.broker, services.holder)
        stop_workers(workers, GRACE_S - 5)
        services.reading_pool.close()


def web(services: Services, stop: Event) -> None:
    """Serve the pages, and those of the operator, where these have a port of their own."""
    from mailtrack.web.server import serve, serve_admin

    settings = services.settings
    with ExitStack() as beside:
        if settings.admin.is_apart:
            listener = listen(settings.admin, "ADMIN")
            operators = Thread(target=serve_admin, args=(services, listener, stop))
            operators.start()
            beside.callback(operators.join)
            beside.callback(stop.set)
        serve(services, listen(settings.web), stop)


def listen(settings: WebSettings | AdminSettings, section: str = "WEB") -> socket.socket:
    """Open the port of the pages; raises ConfigurationError where it is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with ExitStack() as on_failure:
            # asyncio turns Nagle's delay off for sockets that say their protocol, and no others.
            opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            listener = on_failure.enter_context(opened)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((settings.host, settings.port))
            listener.listen()
            on_failure.pop_all()
    except OSError as error:
        raise ConfigurationError(
            f"Cannot listen on {settings.host}:{settings.port}: {os.strerror(error.errno or 0)}; "
            f"set MAILTRACK_{section}__PORT or stop what uses it."
        ) from error
    return listener


def stop_on_signals() -> Event:
    """Return an event that SIGTERM and SIGINT set; a second one ends the process at once."""
    stop = Event()

    def handle(number: int, _frame: object) -> None:
        if stop.is_set():
            sys.exit(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
    return stop


def run(services: Services, part: Role) -> None:
    """Run one part of the service on a database of this version."""
    require_current(services.store)
    part(services, stop_on_signals())


def up(services: Services, environment: dict[str, str]) -> int:
    """Run every part as a child of this process; return the exit code."""
    stop = stop_on_signals()
    children = [role(name) for name in ("watch", "dispatch", "work", "web")]
    environment[SUPERVISOR] = services.holder
    if not services.settings.redis_url:
        broker, environment["MAILTRACK_REDIS_URL"] = embedded_broker(services.settings.data_dir)
        children.insert(0, broker)
    return Supervisor(children, environment).run(stop)
