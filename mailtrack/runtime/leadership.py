"""Two of everything: one process at work, the others standing by for its lease.

A thread renews the lease as long as the work gives signs of life: a heartbeat with each
step, and while it waits. So a killed process loses the lease within its seconds, a
hung one a while later, and one that cannot renew, because the database is away or
because it was itself suspended, is told to stop before anybody else may begin.
"""

import math
import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread

import structlog
from sqlalchemy import Connection

from mailtrack.errors import MailtrackError, TransientError
from mailtrack.store import leases
from mailtrack.store.engine import Store

#: How often a lease is renewed, or asked for, in its own time.
ASKS = 6
#: Work without a heartbeat for so long hangs: longer than any one step takes.
HUNG_S = 300.0
#: Between two looks at the stop event in a wait.
_SLICE_S = 1.0
#: How long a renewal that is under way may hold up the end.
_JOIN_S = 5.0

log = structlog.get_logger(__name__)

#: What is to be done by one process at a time, until the event is set; it calls the other
#: argument, the heartbeat, with each of its steps.
Work = Callable[[Event, Callable[[], None]], None]


def new_holder() -> str:
    """Return a name for this process that no other has or had: host, process, chance."""
    return f"{socket.gethostname()[:40]}/{os.getpid()}/{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do some work, for `seconds` real seconds after each renewal.

    `clock` counts seconds and is never set: the database's clock decides who may take
    the lease, this one how long it is safe to believe in it.
    """

    store: Store
    name: str
    holder: str
    seconds: float
    clock: Callable[[], float] = time.monotonic

    def run(self, stop: Event, work: Work) -> None:
        """Work whenever the lease is ours, stand by otherwise; given back at the end.

        1. Ask for the lease; a database that does not answer has not given it.
        2. Ours: work until the lease is lost or we are told to stop, then ask again.
        3. Another's: wait a part of its time, then ask again.
        """
        standing_by = False
        try:
            while not stop.is_set():
                asked_at = self.clock()
                try:
                    taken = self.take()
                except TransientError as error:
                    log.warning("lease not asked for", lease=self._kind, error=str(error))
                    taken = False
                if taken:
                    standing_by = False
                    log.info("at work", lease=self._kind, holder=self.holder)
                    HeldLease(self, stop, asked_at).work(work)
                    continue
                if not standing_by:
                    log.info("standing by", lease=self._kind, holder=self.holder)
                standing_by = True
                stop.wait(self.seconds / ASKS)
        finally:
            self._leave()

    def fence(self, connection: Connection) -> None:
        """Raise LostLeaseError in a transaction of work that is not ours any more."""
        leases.require(connection, self.name, self.holder)

    def take(self) -> bool:
        """Take or renew the lease, or leave word that we wait; TransientError: no answer."""
        with self.store.write() as connection:
            now = leases.time_of(connection)
            mine = self.name, self.holder
            taken = leases.take(connection, *mine, self.seconds, now)
            if taken:
                leases.wait_no_more(connection, *mine)
            else:
                leases.stand_by(connection, *mine, self.seconds, now)
        return taken

    @property
    def _kind(self) -> str:
        return self.name.partition(":")[0]

    def _leave(self) -> None:
        try:
            with self.store.write() as connection:
                leases.give_back(connection, self.name, self.holder)
                leases.wait_no_more(connection, self.name, self.holder)
        except TransientError as error:
            log.warning("lease not given back", lease=self._kind, error=str(error))


class HeldLease(Event):
    """A lease while it is ours: set when we are told to stop, or when it may be another's."""

    def __init__(self, lease: Lease, stop: Event, asked_at: float) -> None:
        super().__init__()
        self._lease = lease
        self._stop = stop
        self._ends_at = asked_at + lease.seconds
        self._alive_at = asked_at

    def heartbeat(self) -> None:
        """Give a sign of life; work without one for HUNG_S loses the lease."""
        self._alive_at = self._lease.clock()

    def is_set(self) -> bool:
        """Return True if the work is to stop."""
        return self._stop.is_set() or self._lease.clock() >= self._ends_at

    def wait(self, timeout: float | None = None) -> bool:
        """Wait like any event; who waits for the next thing to do is alive meanwhile."""
        ends_at = math.inf if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            self.heartbeat()
            left = ends_at - time.monotonic()
            if left <= 0:
                return False
            self._stop.wait(min(left, _SLICE_S))
        return True

    def work(self, work: Work) -> None:
        """Work, and keep the lease meanwhile."""
        done = Event()

        def keep() -> None:
            while not done.wait(self._lease.seconds / ASKS) and self.renew():
                pass

        keeper = Thread(target=keep, name="lease", daemon=True)
        keeper.start()
        try:
            work(self, self.heartbeat)
        finally:
            done.set()
            keeper.join(_JOIN_S)

    def renew(self) -> bool:
        """Renew the lease of work that lives; return whether to go on doing so."""
        now = self._lease.clock()
        if now - self._alive_at > HUNG_S:
            log.error("work hangs", lease=self._lease.name.partition(":")[0])
            return False
        try:
            kept = self._lease.take()
        except TransientError as error:
            log.warning("lease not renewed", error=str(error))
            return True
        except MailtrackError as error:
            # The database is gone for good: the work ends, and whoever asks next says why.
            log.warning("lease not renewed", error=str(error))
            self._ends_at = -math.inf
            return False
        self._ends_at = now + self._lease.seconds if kept else -math.inf
        return kept
