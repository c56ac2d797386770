"""The state machine, against a mailbox in memory."""

import random
import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from mailtrack.errors import AuthError, ConfigurationError, MailtrackError, TransientError
from mailtrack.inbox.imap_errors import LostConnectionError
from mailtrack.inbox.mail_store import FetchedMail, MemoryMailStore, Position, WatcherState
from mailtrack.inbox.mailbox import DONE_S, TIMEOUT, MemoryMailbox, UnfetchableError
from mailtrack.inbox.watcher import (
    BATCH,
    HOLD_S,
    IDLE_JITTER,
    MOST_BREAKS,
    PACES,
    TRANSITIONS,
    Happening,
    Watcher,
)
from mailtrack.settings import InboxSettings

SETTINGS = InboxSettings(host="imap.example.org", user="colis", idle_s=0.05, poll_s=60.0)
PLACE = ("colis@imap.example.org", "INBOX")
OUTAGE = TransientError("imap.example.org:993: connecting failed.")
BAD_PASSWORD = AuthError("imap.example.org:993: login failed.")


@dataclass
class Server:
    """Hands out one mailbox, after the errors that a test put in the way."""

    mailbox: MemoryMailbox = field(default_factory=MemoryMailbox)
    errors: list[MailtrackError] = field(default_factory=list)
    connects: int = 0

    def connect(self, settings: InboxSettings) -> MemoryMailbox:
        self.connects += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.mailbox


@dataclass
class Pauses:
    """Records pauses instead of making them; sets `stop` after so many."""

    until: int
    seconds: list[float] = field(default_factory=list)

    def __call__(self, stop: threading.Event, seconds: float) -> None:
        self.seconds.append(seconds)
        if len(self.seconds) >= self.until:
            stop.set()


class Longest(random.Random):
    """A random source that always draws the upper end."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


class Shortest(random.Random):
    """A random source that always draws the lower end."""

    def uniform(self, a: float, b: float) -> float:
        return min(a, b)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def mail_store() -> MemoryMailStore:
    return MemoryMailStore()


def states(mail_store: MemoryMailStore) -> list[WatcherState]:
    return [state for state, _ in mail_store.states]


def test_every_state_but_stopped_leads_on_to_a_connection() -> None:
    """Whatever happened, following the way out of each state ends in a search."""
    for state in set(WatcherState) - {WatcherState.STOPPED}:
        seen = []
        while state is not WatcherState.SYNCING and state not in seen:
            seen.append(state)
            state = TRANSITIONS[state, Happening.DONE]  # noqa: PLW2901

        assert WatcherState.SYNCING == state


def test_the_table_holds_every_pair_that_can_happen_and_no_other() -> None:
    """Waiting asks nothing of the server, so nothing can fail there; only a search knows more."""
    talking = {WatcherState.CONNECTING, WatcherState.SYNCING, WatcherState.IDLING}
    resting = {
        WatcherState.POLLING,
        WatcherState.HOLDING,
        WatcherState.WAITING,
        WatcherState.REFUSED,
    }
    failures = {Happening.FAILED, Happening.REFUSED}

    possible = (
        {(state, Happening.DONE) for state in talking | resting}
        | {(state, failure) for state in talking for failure in failures}
        | {(WatcherState.SYNCING, found) for found in (Happening.NO_IDLE, Happening.FULL)}
    )

    assert possible == set(TRANSITIONS)


def test_new_mails_are_kept_in_order_with_the_time_they_arrived(
    server: Server, mail_store: MemoryMailStore
) -> None:
    at = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    server.mailbox.deliver(b"un", at)
    server.mailbox.deliver(b"deux", at)

    Watcher(SETTINGS, mail_store, server.connect).run_once()

    assert [FetchedMail(1, b"un", at), FetchedMail(2, b"deux", at)] == mail_store.mails
    assert Position(1, 2) == mail_store.position(*PLACE)
    assert server.mailbox.closed == 1


def test_a_mail_is_fetched_once_only(server: Server, mail_store: MemoryMailStore) -> None:
    server.mailbox.deliver(b"un")
    Watcher(SETTINGS, mail_store, server.connect).run_once()
    server.mailbox.faults[1] = TransientError("fetched again")
    server.mailbox.deliver(b"deux")

    Watcher(SETTINGS, mail_store, server.connect).run_once()

    assert [b"un", b"deux"] == mail_store.raws


def test_a_mail_that_cannot_be_had_leaves_a_trace_and_the_others_pass(
    server: Server, mail_store: MemoryMailStore
) -> None:
    for raw in (b"un", b"deux", b"trois"):
        server.mailbox.deliver(raw)
    server.mailbox.faults[2] = UnfetchableError("mail 2 has no content.")

    Watcher(SETTINGS, mail_store, server.connect).run_once()

    assert [b"un", b"trois"] == mail_store.raws
    assert [(2, "mail 2 has no content.")] == mail_store.unfetchable
    assert Position(1, 3) == mail_store.position(*PLACE)


def test_a_mail_that_breaks_every_connection_is_left_out_after_a_few(
    server: Server, mail_store: MemoryMailStore
) -> None:
    server.mailbox.deliver(b"poison")
    server.mailbox.deliver(b"bon")
    server.mailbox.faults[1] = LostConnectionError("connection lost")
    server.mailbox.can_idle = False
    together, after = 1, 1
    pauses = Pauses(until=together + MOST_BREAKS + after)

    Watcher(SETTINGS, mail_store, server.connect, pauses).run(threading.Event())

    assert [b"bon"] == mail_store.raws
    assert [(1, f"mail 1 broke the connection {MOST_BREAKS} times.")] == mail_store.unfetchable
    assert server.connects == together + MOST_BREAKS + after


def test_a_mail_that_broke_two_connections_is_asked_for_plainly(
    server: Server, mail_store: MemoryMailStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer about its structure may be what no connection survives."""
    asked: list[bool] = []

    def fetch(_: MemoryMailbox, uid: int, *, plainly: bool = False) -> FetchedMail:
        asked.append(plainly)
        if not plainly:
            raise LostConnectionError("connection lost")
        return FetchedMail(uid, b"gros", datetime.now(UTC))

    server.mailbox.deliver(b"gros")
    server.mailbox.can_idle = False
    monkeypatch.setattr(MemoryMailbox, "fetch", fetch)

    Watcher(SETTINGS, mail_store, server.connect, Pauses(until=3)).run(threading.Event())

    assert [False, False, True] == asked
    assert [b"gros"] == mail_store.raws


def test_a_throttled_mail_is_never_left_out(server: Server, mail_store: MemoryMailStore) -> None:
    """The server promises it for later, and a good mail must not be lost to impatience."""
    server.mailbox.deliver(b"patience")
    server.mailbox.faults[1] = TransientError("slow down")
    pauses = Pauses(until=3 * MOST_BREAKS)
    watcher = Watcher(SETTINGS, mail_store, server.connect, pauses)

    watcher.run(threading.Event())
    server.mailbox.faults.clear()
    watcher.run_once()

    assert mail_store.unfetchable == []
    assert mail_store.raws == [b"patience"]


def test_a_renumbered_folder_is_read_again_without_keeping_anything_twice(
    server: Server, mail_store: MemoryMailStore
) -> None:
    server.mailbox.deliver(b"un")
    server.mailbox.deliver(b"deux")
    Watcher(SETTINGS, mail_store, server.connect).run_once()
    rebuilt = Server(MemoryMailbox(uidvalidity=2))
    rebuilt.mailbox.deliver(b"deux")
    rebuilt.mailbox.deliver(b"trois")

    Watcher(SETTINGS, mail_store, rebuilt.connect).run_once()

    assert [b"un", b"deux", b"trois"] == mail_store.raws
    assert [2] == mail_store.resets
    assert Position(2, 2) == mail_store.position(*PLACE)


def test_a_wrong_password_is_tried_rarely_and_shown(
    server: Server, mail_store: MemoryMailStore
) -> None:
    server.errors = [BAD_PASSWORD] * 9
    pauses = Pauses(until=6)

    Watcher(SETTINGS, mail_store, server.connect, pauses, Longest()).run(threading.Event())

    assert [300.0, 600.0, 1200.0, 2400.0, 3600.0, 3600.0] == pauses.seconds
    assert (WatcherState.REFUSED, str(BAD_PASSWORD)) in mail_store.states
    assert server.connects == 6


def test_chance_never_shortens_the_wait_after_a_wrong_password_below_its_half() -> None:
    assert PACES[WatcherState.REFUSED].delay(1, Shortest()) == 150.0


def test_a_setting_that_somebody_must_change_counts_as_a_refusal(
    server: Server, mail_store: MemoryMailStore
) -> None:
    server.errors = [ConfigurationError("no such folder")]

    Watcher(SETTINGS, mail_store, server.connect, Pauses(until=1)).run(threading.Event())

    assert (WatcherState.REFUSED, "no such folder") in mail_store.states


def test_an_outage_is_waited_out_longer_and_longer_but_its_end_is_seen_within_two_minutes(
    server: Server, mail_store: MemoryMailStore
) -> None:
    server.errors = [OUTAGE] * 12
    pauses = Pauses(until=10)

    Watcher(SETTINGS, mail_store, server.connect, pauses, Longest()).run(threading.Event())

    expected = [5.0, 10.0, 20.0, *[40.0] * 7]
    assert expected == pauses.seconds
    assert (WatcherState.WAITING, str(OUTAGE)) in mail_store.states


def test_the_death_of_a_connection_is_found_and_got_over_within_two_minutes_by_default() -> None:
    """Also right after an outage, when the next wait is a long one."""
    renewal = InboxSettings().idle_s * (1 + IDLE_JITTER)
    longest = PACES[WatcherState.WAITING].longest_s

    assert renewal + DONE_S + longest + TIMEOUT.connect <= 120
    assert TIMEOUT.read + longest + TIMEOUT.connect <= 120


def test_the_wait_after_an_outage_is_spread_over_its_whole_length() -> None:
    """Full jitter: a thousand clients do not come back in the same second."""
    rng = random.Random(7)

    delays = [PACES[WatcherState.WAITING].delay(4, rng) for _ in range(200)]

    assert min(delays) < 2.0
    assert 38.0 < max(delays) <= 40.0


def test_years_of_outage_do_not_overflow() -> None:
    assert PACES[WatcherState.WAITING].delay(100_000, Longest()) == 40.0


def test_connections_that_die_young_are_waited_for_longer_and_longer(
    mail_store: MemoryMailStore,
) -> None:
    """A server that lets us in and hangs up at once must not be hammered."""
    server = Server()
    server.mailbox.deliver(b"poison")
    server.mailbox.faults[1] = TransientError("connection lost")
    pauses = Pauses(until=3)

    Watcher(SETTINGS, mail_store, server.connect, pauses, Longest()).run(threading.Event())

    assert [5.0, 10.0, 20.0] == pauses.seconds


def test_a_connection_that_held_for_a_minute_starts_the_count_of_failures_anew(
    mail_store: MemoryMailStore,
) -> None:
    server = Server()
    server.mailbox.deliver(b"poison")
    server.mailbox.faults[1] = TransientError("connection lost")
    pauses = Pauses(until=3)
    minutes = iter(range(0, 6000, 60))

    Watcher(
        SETTINGS, mail_store, server.connect, pauses, Longest(), seconds=lambda: next(minutes)
    ).run(threading.Event())

    assert [5.0, 5.0, 5.0] == pauses.seconds


def test_a_server_without_idle_is_looked_at_from_time_to_time(mail_store: MemoryMailStore) -> None:
    server = Server(MemoryMailbox(can_idle=False))
    pauses = Pauses(until=3)

    Watcher(SETTINGS, mail_store, server.connect, pauses).run(threading.Event())

    assert [60.0, 60.0, 60.0] == pauses.seconds
    assert server.connects == 1
    assert WatcherState.POLLING in states(mail_store)
    assert WatcherState.IDLING not in states(mail_store)


def test_the_states_are_told_in_the_order_of_the_machine(mail_store: MemoryMailStore) -> None:
    server = Server(MemoryMailbox(can_idle=False), errors=[OUTAGE])

    Watcher(SETTINGS, mail_store, server.connect, Pauses(until=2)).run(threading.Event())

    expected = ["connecting", "waiting", "connecting", "syncing", "polling", "syncing", "stopped"]
    assert expected == states(mail_store)
    assert server.mailbox.closed == 1


def test_mails_stay_in_place_unless_the_settings_say_where_to_move_them(
    server: Server, mail_store: MemoryMailStore
) -> None:
    server.mailbox.deliver(b"un")

    Watcher(SETTINGS, mail_store, server.connect).run_once()

    assert [] == server.mailbox.moved


def test_a_mail_is_moved_after_it_is_kept(server: Server, mail_store: MemoryMailStore) -> None:
    server.mailbox.deliver(b"un")
    settings = SETTINGS.model_copy(update={"move_to": "Lus"})

    Watcher(settings, mail_store, server.connect).run_once()

    assert [1] == server.mailbox.moved


class BrokenMailStore(MemoryMailStore):
    """A store that is out of order."""

    def keep(
        self, account: str, folder: str, uidvalidity: int, *mails: FetchedMail
    ) -> Collection[int]:
        raise TransientError("the store is out of order")


def test_a_mail_that_could_not_be_kept_is_not_moved(server: Server) -> None:
    server.mailbox.deliver(b"un")
    settings = SETTINGS.model_copy(update={"move_to": "Lus"})

    with pytest.raises(TransientError, match="store is out of order"):
        Watcher(settings, BrokenMailStore(), server.connect).run_once()

    assert [] == server.mailbox.moved


class MuteMailStore(MemoryMailStore):
    """A store that cannot even note the state."""

    def note_state(self, account: str, folder: str, state: WatcherState, detail: str) -> None:
        raise TransientError("the store is out of order")


def test_a_store_that_is_out_of_order_does_not_end_the_watch() -> None:
    server = Server(MemoryMailbox(can_idle=False), errors=[OUTAGE])
    pauses = Pauses(until=3)

    Watcher(SETTINGS, MuteMailStore(), server.connect, pauses).run(threading.Event())

    assert len(pauses.seconds) == 3


def test_a_watcher_that_is_told_to_stop_before_it_starts_connects_nowhere(
    server: Server, mail_store: MemoryMailStore
) -> None:
    stop = threading.Event()
    stop.set()

    Watcher(SETTINGS, mail_store, server.connect).run(stop)

    assert server.connects == 0
    assert [WatcherState.CONNECTING, WatcherState.STOPPED] == states(mail_store)


@dataclass
class Readers:
    """A pause in which the workers read so many of the mails that wait."""

    mail_store: MemoryMailStore
    each: int
    until: int
    pauses: list[float] = field(default_factory=list)

    def __call__(self, stop: threading.Event, seconds: float) -> None:
        self.pauses.append(seconds)
        self.mail_store.most_unread += self.each
        if len(self.pauses) >= self.until:
            stop.set()


def test_a_flood_is_left_on_the_server_until_some_of_it_is_read(server: Server) -> None:
    """The store holds so many unread mails and no more, whatever is sent to us."""
    for number in range(100):
        server.mailbox.deliver(b"mail %d" % number)
    server.mailbox.can_idle = False
    mail_store = MemoryMailStore(most_unread=10)
    readers = Readers(mail_store, each=10, until=10)

    Watcher(SETTINGS, mail_store, server.connect, readers).run(threading.Event())

    assert [HOLD_S] * 9 == readers.pauses[:9]
    assert [b"mail %d" % number for number in range(100)] == mail_store.raws
    assert 1 == server.connects
    assert states(mail_store)[:6] == ["connecting", *["syncing", "holding"] * 2, "syncing"]


class StoppingMailStore(MemoryMailStore):
    """Sets `stop` as soon as a first mail is kept, like a SIGTERM in the middle of a batch."""

    stop: threading.Event

    def keep(
        self, account: str, folder: str, uidvalidity: int, *mails: FetchedMail
    ) -> Collection[int]:
        self.stop.set()
        return super().keep(account, folder, uidvalidity, *mails)


def test_a_stop_in_the_middle_of_a_batch_leaves_the_rest_for_the_next_start() -> None:
    server = Server()
    mails = [b"mail %d" % number for number in range(BATCH + 2)]
    for raw in mails:
        server.mailbox.deliver(raw)
    mail_store = StoppingMailStore()
    mail_store.stop = threading.Event()

    Watcher(SETTINGS, mail_store, server.connect).run(mail_store.stop)
    kept_before = list(mail_store.raws)
    Watcher(SETTINGS, mail_store, server.connect).run_once()

    assert mails[:BATCH] == kept_before
    assert mails == mail_store.raws


class CountingMailStore(MemoryMailStore):
    """Notes how many mails each transaction keeps."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def keep(
        self, account: str, folder: str, uidvalidity: int, *mails: FetchedMail
    ) -> Collection[int]:
        self.batches.append(len(mails))
        return super().keep(account, folder, uidvalidity, *mails)


def test_mails_that_came_together_are_kept_in_one_transaction() -> None:
    server, mail_store = Server(), CountingMailStore()
    for number in range(BATCH + 2):
        server.mailbox.deliver(b"mail %d" % number)

    Watcher(SETTINGS, mail_store, server.connect).run_once()

    assert [BATCH, 2] == mail_store.batches


def test_of_a_batch_that_breaks_the_connection_only_the_one_to_blame_is_left_out() -> None:
    server, mail_store = Server(), CountingMailStore()
    mails = [b"mail %d" % number for number in range(6)]
    for raw in mails:
        server.mailbox.deliver(raw)
    server.mailbox.faults[4] = LostConnectionError("connection lost")
    server.mailbox.can_idle = False
    pauses = Pauses(until=MOST_BREAKS + 2)

    Watcher(SETTINGS, mail_store, server.connect, pauses).run(threading.Event())

    assert mails[:3] + mails[4:] == mail_store.raws
    assert [(4, f"mail 4 broke the connection {MOST_BREAKS} times.")] == mail_store.unfetchable
    assert [1] * 5 == mail_store.batches


def test_the_account_never_holds_the_password(server: Server, mail_store: MemoryMailStore) -> None:
    settings = InboxSettings.model_validate(
        {"host": "imap.example.org", "user": "colis", "password": "tres-secret"}
    )
    server.mailbox.deliver(b"un")

    Watcher(settings, mail_store, server.connect).run_once()

    assert mail_store.position(*PLACE) is not None
