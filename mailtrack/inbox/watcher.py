"""The watcher: keeps one folder in step with the store, whatever the server does.

An explicit state machine. IDLE is only a hint: after every wait and every connect
the folder is searched by UID. A connection that gave an error is thrown away. Mails
are kept raw, several at once, and are read by others later.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import structlog

from mailtrack.errors import AuthError, MailtrackError, PermanentError, TransientError
from mailtrack.inbox.imap_errors import LostConnectionError
from mailtrack.inbox.mail_store import FetchedMail, MailStore, WatcherState
from mailtrack.inbox.mailbox import Mailbox, UnfetchableError, open_mailbox
from mailtrack.settings import InboxSettings
from mailtrack.store.inbound import trace_of

log = structlog.get_logger(__name__)

#: Spread of the IDLE renewals, so that many watchers do not renew at the same moment.
IDLE_JITTER = 0.1
#: Seconds after which a connection counts as good: the next failure is then the first again.
STEADY_S = 60.0
#: Seconds after which a watcher looks again whether there is room for more mails.
HOLD_S = 0.2
#: Mails that are fetched and kept at once.
BATCH = 50
#: After how many lost connections over one and the same mail it is left out: ten minutes' worth.
MOST_BREAKS = 17
#: After how many it is asked for as plainly as possible: its structure may be what breaks it.
PLAINLY_AFTER = 2


class Happening(StrEnum):
    """How a state ended."""

    DONE = "done"
    #: The server has no IDLE.
    NO_IDLE = "no_idle"
    #: Enough mails wait to be read.
    FULL = "full"
    #: Nothing that somebody could change; trying again soon.
    FAILED = "failed"
    #: Password, certificate or a setting; trying again rarely.
    REFUSED = "refused"


_S, _H = WatcherState, Happening

TRANSITIONS: dict[tuple[WatcherState, Happening], WatcherState] = {
    (_S.CONNECTING, _H.DONE): _S.SYNCING,
    (_S.SYNCING, _H.DONE): _S.IDLING,
    (_S.SYNCING, _H.NO_IDLE): _S.POLLING,
    (_S.SYNCING, _H.FULL): _S.HOLDING,
    (_S.IDLING, _H.DONE): _S.SYNCING,
    (_S.POLLING, _H.DONE): _S.SYNCING,
    (_S.HOLDING, _H.DONE): _S.SYNCING,
    (_S.WAITING, _H.DONE): _S.CONNECTING,
    (_S.REFUSED, _H.DONE): _S.CONNECTING,
    (_S.CONNECTING, _H.FAILED): _S.WAITING,
    (_S.SYNCING, _H.FAILED): _S.WAITING,
    (_S.IDLING, _H.FAILED): _S.WAITING,
    (_S.CONNECTING, _H.REFUSED): _S.REFUSED,
    (_S.SYNCING, _H.REFUSED): _S.REFUSED,
    (_S.IDLING, _H.REFUSED): _S.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to stay away after the n-th failure in a row: doubling, with jitter.

    `least` is the share of that time which is never cut short by the jitter.
    """

    first_s: float
    longest_s: float
    least: float

    def delay(self, failures: int, rng: random.Random) -> float:
        """Return seconds to stay away.

        >>> pace = Pace(first_s=5.0, longest_s=40.0, least=1.0)
        >>> [pace.delay(failures, random.Random()) for failures in (1, 2, 3, 4, 5)]
        [5.0, 10.0, 20.0, 40.0, 40.0]
        """
        # The exponent is bounded: a float ends at 2 ** 1023.
        full = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 30))
        return full * rng.uniform(self.least, 1.0)


PACES = {
    # However long a server was away, and however soon after that a connection dies: within two
    # minutes mails are fetched again. That takes a renewal of IDLE, its end, this and a connection.
    _S.WAITING: Pace(first_s=5.0, longest_s=40.0, least=0.0),
    # Servers lock accounts whose password is tried too often.
    _S.REFUSED: Pace(first_s=300.0, longest_s=3600.0, least=0.5),
}

Connect = Callable[[InboxSettings], Mailbox]
#: Waits for so many seconds, or until the event is set.
Pause = Callable[[threading.Event, float], object]


def _pause(stop: threading.Event, seconds: float) -> object:
    return stop.wait(seconds)


class Watcher:
    """Follows one folder of one account; `run` blocks its thread until `stop` is set."""

    def __init__(
        self,
        settings: InboxSettings,
        mail_store: MailStore,
        connect: Connect = open_mailbox,
        pause: Pause = _pause,
        rng: random.Random | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._mail_store = mail_store
        self._connect_to = connect
        self._pause = pause
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._seconds = seconds
        self._connected_at = seconds()
        self._place = settings.place
        self._mailbox: Mailbox | None = None
        self._heartbeat: Callable[[], None] = lambda: None
        self._failures: Counter[WatcherState] = Counter()
        self._breaks: Counter[tuple[int, int]] = Counter()
        #: Up to this UID mails are fetched one by one: one of them broke a batch.
        self._alone_until = 0
        self.state = WatcherState.CONNECTING

    def run(self, stop: threading.Event, heartbeat: Callable[[], None] = lambda: None) -> None:
        """Watch until `stop` is set; what the server does wrong never ends it.

        `heartbeat` is called with each step, each batch and each second of a wait.
        """
        self._heartbeat = heartbeat
        self._enter(WatcherState.CONNECTING)
        try:
            while not stop.is_set():
                self._heartbeat()
                self._step(stop)
        finally:
            self._hang_up()
            self._enter(WatcherState.STOPPED)

    def run_once(self) -> None:
        """Fetch what is there and hang up; raises MailtrackError instead of trying again."""
        never = threading.Event()
        try:
            self._connect()
            self._sync(never)
        finally:
            self._hang_up()

    def _step(self, stop: threading.Event) -> None:
        """Do what the state is there for, and enter the one that follows from how it ended."""
        happening, detail = Happening.DONE, ""
        try:
            match self.state:
                case WatcherState.CONNECTING:
                    self._connect()
                case WatcherState.SYNCING:
                    happening = self._sync(stop)
                case WatcherState.IDLING:
                    jitter = self._rng.uniform(1 - IDLE_JITTER, 1 + IDLE_JITTER)
                    idle_s = self._settings.idle_s * jitter
                    self._open_mailbox().wait(idle_s, stop, self._heartbeat)
                case WatcherState.POLLING:
                    self._pause(stop, self._settings.poll_s)
                case WatcherState.HOLDING:
                    self._pause(stop, HOLD_S)
                case WatcherState.WAITING | WatcherState.REFUSED as away:
                    self._failures[away] += 1
                    self._pause(stop, PACES[away].delay(self._failures[away], self._rng))
        except MailtrackError as error:
            self._hang_up()
            refused = isinstance(error, AuthError | PermanentError)
            happening = Happening.REFUSED if refused else Happening.FAILED
            detail = str(error)
        self._enter(TRANSITIONS[self.state, happening], detail)

    def _enter(self, state: WatcherState, detail: str = "") -> None:
        self.state = state
        if detail:
            log.warning("mailbox trouble", state=str(state), reason=detail)
        try:
            self._mail_store.note_state(*self._place, state, detail)
        except MailtrackError as error:
            log.warning("state not noted", state=str(state), reason=str(error))

    def _connect(self) -> None:
        self._mailbox = self._connect_to(self._settings)
        self._connected_at = self._seconds()

    def _sync(self, stop: threading.Event) -> Happening:
        """Search, fetch and keep until a search finds nothing: fetching takes time, too."""
        mailbox = self._open_mailbox()
        while True:
            position = self._mail_store.position(*self._place)
            if position is not None and position.uidvalidity != mailbox.uidvalidity:
                # The folder was rebuilt: its UIDs mean other mails now. Known contents are not
                # kept twice.
                log.warning("folder renumbered", uidvalidity=mailbox.uidvalidity)
                self._mail_store.reset(*self._place, mailbox.uidvalidity)
                position, self._alone_until = None, 0
            uids = list(mailbox.new_uids(0 if position is None else position.last_uid))
            if not uids:
                return Happening.DONE if mailbox.can_idle else Happening.NO_IDLE
            room = self._mail_store.room()
            if room <= 0:
                return Happening.FULL
            uids = uids[:room]
            while uids:
                if stop.is_set():
                    return Happening.DONE
                self._heartbeat()
                uids = uids[self._take_some(mailbox, uids[:BATCH]) :]

    def _take_some(self, mailbox: Mailbox, uids: Sequence[int]) -> int:
        """Keep the first of some mails; return how many of them are done with.

        As many at once as the mailbox gives together. Where that goes wrong each is fetched by
        itself, to find the one that is to blame.
        """
        mails: Sequence[FetchedMail] = ()
        if len(uids) > 1 and uids[0] > self._alone_until:
            try:
                mails = mailbox.fetch_some(uids)
            except (LostConnectionError, UnfetchableError) as error:
                self._alone_until = uids[-1]
                if isinstance(error, LostConnectionError):
                    raise
        if not mails:
            self._take_one(mailbox, uids[0])
            return 1
        self._keep(mailbox, *mails)
        return len(mails)

    def _take_one(self, mailbox: Mailbox, uid: int) -> None:
        """Keep one mail, or a trace of it.

        A mail that breaks the connection over and over is left out.
        """
        key = (mailbox.uidvalidity, uid)
        breaks, mail = self._breaks[key], None
        why = f"mail {uid} broke the connection {MOST_BREAKS} times."
        try:
            if breaks < MOST_BREAKS:
                mail = mailbox.fetch(uid, plainly=breaks >= PLAINLY_AFTER)
        except LostConnectionError:
            self._breaks[key] += 1
            raise
        except UnfetchableError as error:
            why = str(error)
        if mail is None:
            log.warning("mail left out", uid=uid, reason=why)
            self._mail_store.keep_unfetchable(*self._place, mailbox.uidvalidity, uid, why)
            return
        self._keep(mailbox, mail)

    def _keep(self, mailbox: Mailbox, *mails: FetchedMail) -> None:
        """Keep mails in one transaction; move them only after they are kept."""
        new = self._mail_store.keep(*self._place, mailbox.uidvalidity, *mails)
        for mail in mails:
            log.info(
                "mail kept",
                trace=trace_of(mail.raw),
                uid=mail.uid,
                bytes=len(mail.raw),
                left_out=mail.left_out,
                fresh=mail.uid in new,
            )
            if self._settings.move_to:
                mailbox.move(mail.uid)

    def _open_mailbox(self) -> Mailbox:
        if self._mailbox is None:
            raise TransientError("The mailbox is not open; connect first.")
        return self._mailbox

    def _hang_up(self) -> None:
        """Throw the connection away; one that held for a while counts as a success."""
        if self._mailbox is None:
            return
        if self._seconds() - self._connected_at >= STEADY_S:
            self._failures.clear()
        self._mailbox.close()
        self._mailbox = None
