"""The watcher's ledger on the store: one transaction per mail."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from mailtrack.clock import Clock
from mailtrack.inbox.ledger import IN_STEP, FetchedMail, Position, WatcherState
from mailtrack.store import inbound
from mailtrack.store.engine import Store
from mailtrack.store.inbound import MailPlace

#: Raises, in a transaction of the watcher's, where somebody else is at work by now.
Fence = Callable[[Connection], None]


def _unfenced(_: Connection) -> None:
    """Nobody else is at work."""


class StoreLedger:
    """Keeps raw mails and mailbox positions; see `inbox.ledger.Ledger`."""

    def __init__(
        self, store: Store, clock: Clock, most_unread: int = 500, fence: Fence = _unfenced
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

    def keep(self, account: str, folder: str, uidvalidity: int, mail: FetchedMail) -> bool:
        """Store a raw mail and the new position together; False where it was known already."""
        now = self._clock.now()
        place = MailPlace(account, folder, uidvalidity, mail.uid)
        with self._writing() as connection:
            new = inbound.keep(connection, place, mail.raw, mail.received_at, now)
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
