"""The port to the store: what the watcher writes down, and how far it has read."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sqlalchemy import Connection

from mailtrack.clock import Clock
from mailtrack.store import inbound
from mailtrack.store.engine import Store
from mailtrack.store.inbound import MailPlace

#: Raises, in a transaction of the watcher's, where somebody else is at work by now.
Fence = Callable[[Connection], None]


@dataclass(frozen=True, slots=True)
class Position:
    """How far a folder was read; UIDs mean something under one UIDVALIDITY only (RFC 9051)."""

    uidvalidity: int
    last_uid: int


@dataclass(frozen=True, slots=True)
class FetchedMail:
    """One mail as the server gave it, byte for byte; `received_at` is its INTERNALDATE in UTC.

    `left_out` is how much of a big one was not fetched (bytes).
    """

    uid: int
    raw: bytes
    received_at: datetime
    left_out: int = 0


class WatcherState(StrEnum):
    """What the watcher is doing."""

    CONNECTING = "connecting"
    SYNCING = "syncing"
    IDLING = "idling"
    POLLING = "polling"
    #: Enough mails wait to be read; the rest stays on the server until some are.
    HOLDING = "holding"
    #: The server is out of order; trying again soon.
    WAITING = "waiting"
    #: Somebody has to change something (password, certificate, folder); trying again rarely.
    REFUSED = "refused"
    STOPPED = "stopped"


#: What follows a search that left nothing unkept.
IN_STEP = frozenset({WatcherState.IDLING, WatcherState.POLLING})


class MailStore(Protocol):
    """Keeps raw mails and positions; `account` is "user@host", never with a password."""

    def position(self, account: str, folder: str) -> Position | None:
        """Return how far the folder was read, or None where it never was."""
        ...

    def room(self) -> int:
        """Return how many more mails may wait to be read; none where it is not above 0."""
        ...

    def keep(
        self, account: str, folder: str, uidvalidity: int, *mails: FetchedMail
    ) -> Collection[int]:
        """Store mails, in the order of their UIDs, and the position past them: one transaction.

        Returns the UIDs of those whose content was not stored before; the position moves past
        the others all the same.
        """
        ...

    def keep_unfetchable(
        self, account: str, folder: str, uidvalidity: int, uid: int, reason: str
    ) -> None:
        """Leave a visible trace of a mail that cannot be had and move past it."""
        ...

    def reset(self, account: str, folder: str, uidvalidity: int) -> None:
        """Forget the UIDs of a folder whose UIDVALIDITY has changed; start again at 0."""
        ...

    def note_state(self, account: str, folder: str, state: WatcherState, detail: str) -> None:
        """Leave word of what the watcher is doing, for `mailtrack status`."""
        ...


class SqlMailStore:
    """Keeps raw mails and mailbox positions; see `MailStore`.

    Without a `fence` nobody else is at work.
    """

    def __init__(
        self, store: Store, clock: Clock, most_unread: int = 500, fence: Fence = lambda _: None
    ) -> None:
        self._store = store
        self._clock = clock
        self._most_unread = most_unread
        self._fence = fence

    def room(self) -> int:
        """Return how many more mails may wait to be read."""
        with self._store.read() as connection:
            return self._most_unread - inbound.count_waiting(connection, self._most_unread)

    def position(self, account: str, folder: str) -> Position | None:
        """Return how far the folder was read, or None where it never was."""
        with self._store.read() as connection:
            found = inbound.position(connection, account, folder)
        return None if found is None else Position(*found)

    def keep(
        self, account: str, folder: str, uidvalidity: int, *mails: FetchedMail
    ) -> Collection[int]:
        """Store raw mails and the new position together; return the UIDs of the new ones."""
        now = self._clock.now()
        new = set()
        with self._writing() as connection:
            for mail in mails:
                place = MailPlace(account, folder, uidvalidity, mail.uid)
                if inbound.keep(connection, place, mail.raw, mail.received_at, now):
                    new.add(mail.uid)
            inbound.advance(connection, place, now)
        return new

    def keep_unfetchable(
        self, account: str, folder: str, uidvalidity: int, uid: int, reason: str
    ) -> None:
        """Record a mail that the server would not give, and go past it."""
        now = self._clock.now()
        place = MailPlace(account, folder, uidvalidity, uid)
        with self._writing() as connection:
            inbound.keep_unfetchable(connection, place, reason, now)
            inbound.advance(connection, place, now)

    def reset(self, account: str, folder: str, uidvalidity: int) -> None:
        """Start the folder anew; mails that come again are known by their content."""
        with self._writing() as connection:
            inbound.advance(
                connection, MailPlace(account, folder, uidvalidity, 0), self._clock.now()
            )

    def note_state(self, account: str, folder: str, state: WatcherState, detail: str) -> None:
        """Leave word of what the watcher is doing, for `mailtrack status`."""
        now, in_step = self._clock.now(), state in IN_STEP
        with self._writing() as connection:
            inbound.note_state(connection, account, folder, state, detail, now, in_step=in_step)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._store.write() as connection:
            self._fence(connection)
            yield connection


@dataclass(slots=True)
class MemoryMailStore:
    """A store that forgets; it remembers every call in order for tests to look at."""

    mails: list[FetchedMail] = field(default_factory=list)
    unfetchable: list[tuple[int, str]] = field(default_factory=list)
    states: list[tuple[WatcherState, str]] = field(default_factory=list)
    resets: list[int] = field(default_factory=list)
    most_unread: int = 1_000
    _positions: dict[tuple[str, str], Position] = field(default_factory=dict)

    @property
    def raws(self) -> list[bytes]:
        """The contents kept, oldest first."""
        return [mail.raw for mail in self.mails]

    def position(self, account: str, folder: str) -> Position | None:
        return self._positions.get((account, folder))

    def room(self) -> int:
        return self.most_unread - len(self.mails)

    def keep(
        self, account: str, folder: str, uidvalidity: int, *mails: FetchedMail
    ) -> Collection[int]:
        new = set()
        for mail in mails:
            if mail.raw not in self.raws:
                self.mails.append(mail)
                new.add(mail.uid)
            self._positions[account, folder] = Position(uidvalidity, mail.uid)
        return new

    def keep_unfetchable(
        self, account: str, folder: str, uidvalidity: int, uid: int, reason: str
    ) -> None:
        self.unfetchable.append((uid, reason))
        self._positions[account, folder] = Position(uidvalidity, uid)

    def reset(self, account: str, folder: str, uidvalidity: int) -> None:
        self.resets.append(uidvalidity)
        self._positions[account, folder] = Position(uidvalidity, 0)

    def note_state(self, account: str, folder: str, state: WatcherState, detail: str) -> None:
        del account, folder
        self.states.append((state, detail))
