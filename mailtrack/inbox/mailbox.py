"""The mailbox: what the watcher needs of it, over IMAP, and a fake in memory.

Nothing here changes the mailbox, except that a mail is moved where the settings say
so; nothing is ever expunged, and no mail is marked as read.
"""

import io
import logging
import math
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import accumulate, takewhile
from pathlib import Path
from typing import Any, Protocol

from imapclient import DELETED, IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientError

from mailtrack.clock import Clock, SystemClock
from mailtrack.domain.sasl import AccessToken
from mailtrack.errors import (
    ConfigurationError,
    MailtrackError,
    PermanentError,
    TransientError,
)
from mailtrack.inbox.big_mail import read_big
from mailtrack.inbox.imap_errors import ServerErrors
from mailtrack.inbox.imap_login import log_in_by_password, log_in_by_token
from mailtrack.inbox.mail_store import FetchedMail
from mailtrack.settings import InboxSettings, Security

#: Seconds to connect and to wait for an answer; the library would wait for ever.
TIMEOUT = SocketTimeout(connect=15.0, read=30.0)
#: Seconds that the end of IDLE may take: the server has nothing to look up. Only it shows
#: that a connection is dead, and mails wait until it does.
DONE_S = 10.0
#: Seconds between two looks at the stop event while the server is silent.
SLICE_S = 0.5
#: How many UIDs one search spans: its answer is one line, and imaplib reads 1 MB of it.
SEARCH_SPAN = 50_000
#: How often a mail is asked for before it counts as unfetchable.
FETCH_ATTEMPTS = 3
#: Bytes of mails that are fetched, and wait in memory to be kept, at one go.
MOST_BYTES_AT_ONCE = 2_000_000

# Its DEBUG lines quote whole mails, with the addresses of people.
logging.getLogger("imapclient").setLevel(logging.WARNING)


class UnfetchableError(PermanentError):
    """Raised when one mail cannot be had; the others can."""


class Mailbox(Protocol):
    """One open folder; after any error but UnfetchableError it is good for nothing but `close`."""

    @property
    def uidvalidity(self) -> int: ...

    @property
    def can_idle(self) -> bool:
        """Whether `wait` works; else the caller has to look from time to time."""
        ...

    def new_uids(self, last_uid: int) -> Iterator[int]:
        """Yield the UIDs above `last_uid`, in order."""
        ...

    def fetch(self, uid: int, *, plainly: bool = False) -> FetchedMail:
        """Return one mail without marking it as read; a big one without its files.

        `plainly` asks a server that stumbled over this mail for nothing difficult.
        Raises UnfetchableError where this one alone cannot be had.
        """
        ...

    def fetch_some(self, uids: Sequence[int]) -> list[FetchedMail]:
        """Return the first of some mails, as many as are small together, at one go.

        None where the first one has to be fetched by itself. Raises TransientError,
        UnfetchableError where one of them is to blame.
        """
        ...

    def wait(
        self, seconds: float, stop: threading.Event, heartbeat: Callable[[], None] = lambda: None
    ) -> None:
        """Return when anything happens in the folder, `stop` is set or the time is over.

        Raises TransientError where the connection turns out to be dead.
        """
        ...

    def move(self, uid: int) -> None:
        """Move a mail to where the settings say."""
        ...

    def close(self) -> None:
        """Hang up; never raises and never waits long."""
        ...


def open_session(settings: InboxSettings, access_token: AccessToken | None = None) -> IMAPClient:
    """Connect and log in; raise TransientError, AuthError or ConfigurationError.

    `access_token` is used where there is no password.

    1. The connection, encrypted from the start or by STARTTLS.
    2. The login, by a password or by an access token.
    """
    settings.check("INBOX")
    context = None if settings.security is Security.PLAIN else _tls_context(settings.ca_file)
    errors = _errors(settings)
    # 1.
    with errors.during("connecting"):
        client = IMAPClient(
            settings.host,
            settings.port,
            ssl=settings.security is Security.TLS,
            ssl_context=context,
            timeout=TIMEOUT,
        )
        # imaplib sends a literal and its end apart; Nagle would hold the second back for 40 ms.
        client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        if settings.security is Security.STARTTLS:
            with errors.during("STARTTLS"):
                client.starttls(context)
        # 2.
        if access_token and not settings.has_password:
            log_in_by_token(client, settings, errors, access_token)
        else:
            log_in_by_password(client, settings, errors)
    except MailtrackError:
        _hang_up(client)
        raise
    # Aware dates, as the server wrote them.
    client.normalise_times = False
    return client


def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            raise ConfigurationError(
                f"MAILTRACK_INBOX__CA_FILE: cannot read certificates from {ca_file}"
                f" ({error.strerror}); name a PEM file."
            ) from error
    return context


def _errors(settings: InboxSettings) -> ServerErrors:
    return ServerErrors(f"{settings.host}:{settings.port}", settings.password.get_secret_value())


def _hang_up(client: IMAPClient) -> None:
    with suppress(OSError):
        client.shutdown()


def open_mailbox(
    settings: InboxSettings,
    clock: Clock | None = None,
    access_token: AccessToken | None = None,
) -> "ImapMailbox":
    """Log in and select the folder, for reading only unless mails are to be moved."""
    client = open_session(settings, access_token)
    try:
        return ImapMailbox(client, settings, clock or SystemClock())
    except MailtrackError:
        _hang_up(client)
        raise


class ImapMailbox:
    """A folder on an IMAP server (RFC 9051) with IDLE (RFC 2177) and MOVE (RFC 6851)."""

    def __init__(self, client: IMAPClient, settings: InboxSettings, clock: Clock) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock
        self._errors = _errors(settings)
        self._in_order = False
        folder, move_to = settings.folder, settings.move_to
        advice = "check MAILTRACK_INBOX__FOLDER and MAILTRACK_INBOX__MOVE_TO"
        with self._doing(f"opening folder {folder}", ConfigurationError, advice):
            if move_to and not client.folder_exists(move_to):
                client.create_folder(move_to)
            answer = client.select_folder(folder, readonly=not move_to)
            self.uidvalidity = int(answer[b"UIDVALIDITY"])
            self._uid_next = int(answer.get(b"UIDNEXT", 0))
            self.can_idle = settings.idle_s > 0 and client.has_capability("IDLE")

    @contextmanager
    def _doing(
        self,
        what: str,
        refusal: type[MailtrackError] = TransientError,
        advice: str = "trying again later",
    ) -> Iterator[None]:
        """Map errors, and remember whether a polite goodbye still makes sense."""
        self._in_order = False
        with self._errors.during(what, refusal, advice):
            yield
        self._in_order = True

    def new_uids(self, last_uid: int) -> Iterator[int]:
        with self._doing("looking for mails"):
            # A server may keep news from SEARCH until a command has announced them.
            self._client.noop()
        first = last_uid + 1
        while first + SEARCH_SPAN < self._uid_next:
            yield from self._search(first, str(first + SEARCH_SPAN - 1))
            first += SEARCH_SPAN
        while True:
            self._announced()
            found = self._search(first, "*")
            # Once more where the server announced mails meanwhile: IDLE would not say it again.
            if found or not self._announced():
                break
        yield from found

    def _announced(self) -> bool:
        """Whether the server has announced mails since the last call."""
        announcements: list[bytes | None] = self._client._imap.response("EXISTS")[1]
        return announcements != [None]

    def _search(self, first: int, last: str) -> list[int]:
        with self._doing("looking for mails"):
            found = self._client.search(["UID", f"{first}:{last}"])
        # "*" is the last mail there is, even one below `first` (RFC 9051, 6.4.4).
        return sorted(uid for uid in found if uid >= first)

    def newest_headers(self, most: int) -> list[bytes]:
        """Return the headers of the newest mails, `most` at most, in no order."""
        newest = self._search(max(1, self._uid_next - SEARCH_SPAN), "*")[-most:]
        with self._doing("fetching headers"):
            answer = self._client.fetch(newest, ["BODY.PEEK[HEADER]"]) if newest else {}
        return [item[b"BODY[HEADER]"] for item in answer.values() if b"BODY[HEADER]" in item]

    def fetch(self, uid: int, *, plainly: bool = False) -> FetchedMail:
        for _ in range(FETCH_ATTEMPTS - 1):
            with suppress(UnfetchableError):
                return self._fetch_once(uid, plainly)
        return self._fetch_once(uid, plainly)

    def _fetch_once(self, uid: int, plainly: bool) -> FetchedMail:
        facts = self._ask(uid, "RFC822.SIZE", "INTERNALDATE")
        size = facts.get(b"RFC822.SIZE")
        big = size if isinstance(size, int) and size > self._settings.max_bytes else 0
        if big:
            raw = read_big(partial(self._ask, uid), big, plainly=plainly)
        else:
            # iCloud answers BODY[] only, and RFC822 would mark the mail as read.
            raw = self._ask(uid, "BODY.PEEK[]").get(b"BODY[]", b"")
        if not isinstance(raw, bytes) or not raw:
            raise UnfetchableError(f"mail {uid}: {self._errors.where} gave no content.")
        return replace(self._fetched(uid, raw, facts), left_out=max(0, big - len(raw)))

    def fetch_some(self, uids: Sequence[int]) -> list[FetchedMail]:
        facts = self._ask_all(uids, "RFC822.SIZE", "INTERNALDATE")
        sizes = (facts.get(uid, {}).get(b"RFC822.SIZE") for uid in uids)
        # A mail of which the server says no size may be of any.
        so_far = accumulate(size if isinstance(size, int) else math.inf for size in sizes)
        most = min(self._settings.max_bytes, MOST_BYTES_AT_ONCE)
        small = [uid for uid, size in zip(uids, so_far, strict=True) if size <= most]
        if not small:
            return []
        bodies = self._ask_all(small, "BODY.PEEK[]")
        mails = []
        for uid in small:
            raw = bodies.get(uid, {}).get(b"BODY[]")
            if not isinstance(raw, bytes) or not raw:
                break
            mails.append(self._fetched(uid, raw, facts[uid]))
        return mails

    def _fetched(self, uid: int, raw: bytes, facts: Mapping[bytes, Any]) -> FetchedMail:
        when = facts.get(b"INTERNALDATE")
        if not isinstance(when, datetime) or not when.tzinfo:
            when = self._clock.now()
        return FetchedMail(uid, raw, when.astimezone(UTC))

    def _ask(self, uid: int, *items: str) -> Mapping[bytes, Any]:
        return self._ask_all([uid], *items).get(uid, {})

    def _ask_all(self, uids: Sequence[int], *items: str) -> Mapping[int, Mapping[bytes, Any]]:
        """Return what the server says of each mail that it knows."""
        what = f"fetching mail {uids[0]}" + (f" to {uids[-1]}" if len(uids) > 1 else "")
        with self._doing(what, UnfetchableError, "it is left in the mailbox"):
            answer: Mapping[int, Mapping[bytes, Any]] = self._client.fetch(uids, items)
        return answer

    def wait(
        self, seconds: float, stop: threading.Event, heartbeat: Callable[[], None] = lambda: None
    ) -> None:
        with self._doing("starting IDLE"):
            self._client.idle()
            # News that came in one segment with the answer to IDLE no poll of the socket shows.
            # imaplib's read buffer is private, and renamed in Python 3.14.
            imap = self._client._imap
            buffer: io.BufferedReader = getattr(imap, "_file", None) or imap.file
            connection = self._client.socket()
            connection.setblocking(False)
            try:
                news = bool(buffer.peek(1))
            except ssl.SSLWantReadError:
                news = False
            finally:
                connection.settimeout(TIMEOUT.read)
        self._in_order = False
        if not news:
            self._watch_socket(seconds, stop, heartbeat)
        # DONE and its answer are the proof that the other side is still there.
        if not stop.is_set():
            self._client.socket().settimeout(DONE_S)
            with self._doing("ending IDLE"):
                self._client.idle_done()
            self._client.socket().settimeout(TIMEOUT.read)

    def _watch_socket(
        self, seconds: float, stop: threading.Event, heartbeat: Callable[[], None]
    ) -> None:
        """Poll the socket ourselves: `idle_check` reads without waiting.

        It takes a closed connection for silence (mjs/imapclient issue 565) and
        loses a line that comes in two segments. What is there to read is left to
        `idle_done`, which waits for whole lines.
        """
        poll = select.poll()
        poll.register(self._client.socket(), select.POLLIN)
        slice_s = min(SLICE_S, seconds)
        for _ in range(max(1, round(seconds / SLICE_S))):
            heartbeat()
            if stop.is_set() or poll.poll(slice_s * 1000):
                return

    def move(self, uid: int) -> None:
        target = self._settings.move_to
        advice = "check MAILTRACK_INBOX__MOVE_TO"
        with self._doing(f"moving a mail to {target}", ConfigurationError, advice):
            if self._client.has_capability("MOVE"):
                self._client.move([uid], target)
            elif DELETED not in self._client.get_flags([uid]).get(uid, ()):
                self._client.copy([uid], target)
                # Without UIDPLUS, EXPUNGE takes the mails of others along: left to the owner.
                self._client.add_flags([uid], [DELETED])

    def close(self) -> None:
        if self._in_order:
            with suppress(OSError, IMAPClientError):
                self._client.logout()
        _hang_up(self._client)


@dataclass(slots=True)
class MemoryMailbox:
    """A mailbox in memory whose mails and faults a test sets up."""

    uidvalidity: int = 1
    can_idle: bool = True
    max_bytes: int = 5_000_000
    mails: dict[int, FetchedMail] = field(default_factory=dict)
    #: What asking for a UID raises instead.
    faults: dict[int, MailtrackError] = field(default_factory=dict)
    moved: list[int] = field(default_factory=list)
    closed: int = 0
    clock: Clock = field(default_factory=SystemClock)
    _news: threading.Event = field(default_factory=threading.Event)
    _last_uid: int = 0

    def deliver(self, raw: bytes, at: datetime | None = None) -> None:
        """Put a mail into the mailbox."""
        self._last_uid += 1
        when = (at or self.clock.now()).astimezone(UTC)
        self.mails[self._last_uid] = FetchedMail(self._last_uid, raw, when)
        self._news.set()

    def new_uids(self, last_uid: int) -> Iterator[int]:
        yield from sorted(uid for uid in self.mails if uid > last_uid)

    def fetch(self, uid: int, *, plainly: bool = False) -> FetchedMail:
        del plainly
        if uid in self.faults:
            raise self.faults[uid]
        if uid not in self.mails:
            raise UnfetchableError(f"mail {uid} is not there.")
        mail = self.mails[uid]
        left_out = max(0, len(mail.raw) - self.max_bytes)
        return replace(mail, raw=mail.raw[: self.max_bytes], left_out=left_out)

    def fetch_some(self, uids: Sequence[int]) -> list[FetchedMail]:
        """Return those before the first big one; what is asked of any of them may fail for all."""
        small = takewhile(lambda uid: len(self.mails[uid].raw) <= self.max_bytes, uids)
        return [self.fetch(uid) for uid in small]

    def wait(
        self, seconds: float, stop: threading.Event, heartbeat: Callable[[], None] = lambda: None
    ) -> None:
        for _ in range(max(1, round(seconds / 0.01))):
            heartbeat()
            if stop.is_set() or self._news.wait(0.01):
                break
        self._news.clear()

    def move(self, uid: int) -> None:
        del self.mails[uid]
        self.moved.append(uid)

    def close(self) -> None:
        self.closed += 1
