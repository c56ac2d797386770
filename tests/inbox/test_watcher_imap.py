"""The watcher on a real IMAP server, with a relay in between that breaks the connection."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from imapclient import SocketTimeout
from pydantic import SecretStr

from mailtrack.inbox.mail_store import MemoryMailStore, WatcherState
from mailtrack.inbox.mailbox import Mailbox, open_mailbox
from mailtrack.inbox.watcher import Watcher
from mailtrack.sandbox.faults import FaultProxy
from mailtrack.sandbox.imap import ImapServer
from mailtrack.settings import InboxSettings

#: Seconds within which everything here happens, also on a busy machine; most of it takes a few
#: hundredths.
PATIENCE_S = 30.0


def mail(subject: str) -> bytes:
    return f"From: a@example.org\r\nSubject: {subject}\r\n\r\nLivr\xe9.\r\n".encode("latin-1")


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for something that another thread brings about."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


class Pauses:
    """Records the pauses and makes them very short."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, stop: threading.Event, seconds: float) -> None:
        self.seconds.append(seconds)
        stop.wait(0.02)


@contextmanager
def watching(
    settings: InboxSettings, mail_store: MemoryMailStore, **options: Any
) -> Iterator[None]:
    """Run a watcher in a thread of its own."""
    stop = threading.Event()
    watcher = Watcher(settings, mail_store, **{"pause": Pauses(), **options})
    thread = threading.Thread(target=watcher.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def idling(mail_store: MemoryMailStore) -> bool:
    return bool(mail_store.states) and mail_store.states[-1][0] is WatcherState.IDLING


@pytest.fixture
def server() -> Iterator[ImapServer]:
    with ImapServer("colis", "secret") as running:
        yield running


@pytest.fixture
def proxy(server: ImapServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.host, server.port) as running:
        yield running


@pytest.fixture
def mail_store() -> MemoryMailStore:
    return MemoryMailStore()


def through(proxy: FaultProxy, server: ImapServer, **changes: Any) -> InboxSettings:
    return server.settings().model_copy(update={"port": proxy.port, **changes})


def test_mails_are_seen_as_they_arrive(server: ImapServer, mail_store: MemoryMailStore) -> None:
    server.deliver(mail("avant"))

    with watching(server.settings(), mail_store):
        eventually(lambda: idling(mail_store))
        server.deliver(mail("pendant"))
        eventually(lambda: len(mail_store.mails) == 2)
        server.deliver(mail("encore"))
        eventually(lambda: len(mail_store.mails) == 3)

    assert mail_store.raws == [mail("avant"), mail("pendant"), mail("encore")]


def test_a_burst_of_mails_is_kept_whole_and_at_once(
    server: ImapServer, mail_store: MemoryMailStore
) -> None:
    """Mails that arrive while others are fetched are announced once, at any moment."""
    mails = [mail(f"n° {number}") for number in range(20)]

    with watching(server.settings(), mail_store):
        for raw in mails:
            server.deliver(raw)
        eventually(lambda: len(mail_store.mails) == len(mails))

    assert mail_store.raws == mails


def test_a_mail_that_arrives_between_the_search_and_idle_is_not_missed(
    server: ImapServer, mail_store: MemoryMailStore
) -> None:
    late = [mail("entre deux")]

    def connect(settings: InboxSettings) -> Mailbox:
        mailbox = open_mailbox(settings)
        wait = mailbox.wait

        def wait_late(
            seconds: float, stop: threading.Event, heartbeat: Callable[[], None] = lambda: None
        ) -> None:
            if late:
                server.deliver(late.pop())
            wait(seconds, stop, heartbeat)

        mailbox.wait = wait_late  # type: ignore[method-assign]
        return mailbox

    with watching(server.settings(), mail_store, connect=connect):
        eventually(lambda: mail_store.raws == [mail("entre deux")])


def test_a_server_that_hangs_up_in_idle_is_neither_missed_nor_hammered(
    server: ImapServer, proxy: FaultProxy, mail_store: MemoryMailStore
) -> None:
    pauses = Pauses()

    with watching(through(proxy, server), mail_store, pause=pauses):
        for cuts in range(1, 4):
            eventually(lambda: idling(mail_store))
            proxy.cut()
            eventually(lambda cuts=cuts: proxy.accepted == cuts + 1)  # type: ignore[misc]
        server.deliver(mail("après"))
        eventually(lambda: mail_store.raws == [mail("après")])

    assert proxy.accepted == 4
    assert len(pauses.seconds) == 3


def test_a_goodbye_of_the_server_leads_to_a_new_connection(
    server: ImapServer, proxy: FaultProxy, mail_store: MemoryMailStore
) -> None:
    with watching(through(proxy, server), mail_store):
        eventually(lambda: idling(mail_store))
        proxy.say(b"* BYE Autologout; idle for too long\r\n")
        proxy.cut()
        eventually(lambda: proxy.accepted == 2)
        server.deliver(mail("après"))
        eventually(lambda: mail_store.raws == [mail("après")])


def test_a_half_open_connection_is_noticed_when_idle_is_renewed(
    server: ImapServer,
    proxy: FaultProxy,
    mail_store: MemoryMailStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailtrack.inbox.mailbox.TIMEOUT", SocketTimeout(0.5, 0.2))
    monkeypatch.setattr("mailtrack.inbox.mailbox.DONE_S", 0.2)

    with watching(through(proxy, server, idle_s=0.2), mail_store):
        eventually(lambda: idling(mail_store))
        proxy.frozen = True
        eventually(lambda: WatcherState.WAITING in dict(mail_store.states))
        server.deliver(mail("après"))
        proxy.frozen = False
        eventually(lambda: mail_store.raws == [mail("après")])


def test_lines_that_come_in_pieces_are_read_whole(
    server: ImapServer, proxy: FaultProxy, mail_store: MemoryMailStore
) -> None:
    """The library's own look at IDLE takes half a line for the end of the connection."""
    proxy.split = True

    with watching(through(proxy, server), mail_store):
        eventually(lambda: idling(mail_store))
        server.deliver(mail("en morceaux"))
        eventually(lambda: mail_store.raws == [mail("en morceaux")])

    assert proxy.accepted == 1


def test_a_slow_line_loses_nothing(
    server: ImapServer, proxy: FaultProxy, mail_store: MemoryMailStore
) -> None:
    proxy.delay_s = 0.02
    server.deliver(mail("lent"))

    with watching(through(proxy, server), mail_store):
        eventually(lambda: mail_store.raws == [mail("lent")])

    assert proxy.accepted == 1


def test_idle_is_renewed_on_the_same_connection(
    server: ImapServer, proxy: FaultProxy, mail_store: MemoryMailStore
) -> None:
    with watching(through(proxy, server, idle_s=0.02), mail_store):
        eventually(lambda: [s for s, _ in mail_store.states].count(WatcherState.IDLING) > 5)

    assert proxy.accepted == 1


def test_a_server_that_comes_back_empty_and_renumbered_is_read_again(
    mail_store: MemoryMailStore,
) -> None:
    with ImapServer("colis", "secret") as before:
        before.deliver(mail("un"))
        with watching(before.settings(), mail_store):
            eventually(lambda: len(mail_store.mails) == 1)

    with ImapServer("colis", "secret", port=before.port) as after:
        after.deliver(mail("un"))
        after.deliver(mail("deux"))
        with watching(after.settings(), mail_store):
            eventually(lambda: len(mail_store.mails) == 2)

    assert mail_store.raws == [mail("un"), mail("deux")]
    assert len(mail_store.resets) == 1


def test_a_server_without_idle_is_polled(mail_store: MemoryMailStore) -> None:
    with (
        ImapServer("colis", "secret", idle=False) as server,
        watching(server.settings(), mail_store),
    ):
        eventually(lambda: WatcherState.POLLING in dict(mail_store.states))
        server.deliver(mail("un"))
        eventually(lambda: mail_store.raws == [mail("un")])

    assert WatcherState.IDLING not in dict(mail_store.states)


def test_a_wrong_password_does_not_hammer_the_server(
    server: ImapServer, proxy: FaultProxy, mail_store: MemoryMailStore
) -> None:
    pauses = Pauses()
    settings = through(proxy, server, password=SecretStr("faux"))

    with watching(settings, mail_store, pause=pauses):
        eventually(lambda: len(pauses.seconds) >= 3)

    assert min(pauses.seconds) >= 150.0
    assert WatcherState.WAITING not in dict(mail_store.states)
    assert proxy.accepted <= len(pauses.seconds) + 1


def test_read_mails_are_moved_where_the_settings_say(
    server: ImapServer, mail_store: MemoryMailStore
) -> None:
    server.deliver(mail("un"))
    settings = server.settings().model_copy(update={"move_to": "Lus"})

    Watcher(settings, mail_store).run_once()
    Watcher(settings.model_copy(update={"folder": "Lus", "move_to": ""}), mail_store).run_once()

    assert mail_store.raws == [mail("un")]
    assert mail_store.position("colis@127.0.0.1", "Lus") is not None


@pytest.mark.parametrize("frozen", [False, True])
def test_the_stop_wakes_a_watcher_in_idle_even_on_a_dead_connection(
    server: ImapServer, proxy: FaultProxy, mail_store: MemoryMailStore, frozen: bool
) -> None:
    """`watching` ends with the stop, and fails where the watcher does not heed it."""
    with watching(through(proxy, server), mail_store):
        eventually(lambda: idling(mail_store) and proxy.passed_on.startswith(b"+ "))
        proxy.frozen = frozen

    assert mail_store.states[-1][0] is WatcherState.STOPPED
