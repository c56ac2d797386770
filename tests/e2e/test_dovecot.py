"""The watcher on the mail server that most of Europe runs."""

import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest
from imapclient import IMAPClient, SocketTimeout

from mailtrack.clock import FakeClock
from mailtrack.errors import AuthError, TransientError
from mailtrack.inbox.mail_store import MemoryMailStore, SqlMailStore, WatcherState
from mailtrack.inbox.mailbox import open_mailbox, open_session
from mailtrack.inbox.watcher import Watcher
from mailtrack.parsers import parse
from mailtrack.parsers.message import read_message
from mailtrack.runtime.leadership import Lease
from mailtrack.runtime.services import Services
from mailtrack.sandbox.faults import FaultProxy
from mailtrack.sandbox.imap import ImapAccount
from mailtrack.settings import InboxSettings, Security
from mailtrack.store import inbound, leases
from mailtrack.store import schema as t
from mailtrack.store.engine import Store

pytestmark = pytest.mark.e2e

PATIENCE_S = 15.0

StartDovecot = Callable[..., ImapAccount]


def mail(subject: str) -> bytes:
    return f"From: a@example.org\r\nSubject: {subject}\r\n\r\nLivr\xe9.\r\n".encode("latin-1")


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for something that another thread or process brings about."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def shortly(stop: threading.Event, seconds: float) -> None:
    """A pause that nobody has time for."""
    stop.wait(min(seconds, 0.05))


@contextmanager
def watching(settings: InboxSettings, mail_store: MemoryMailStore) -> Iterator[None]:
    """Run a watcher in a thread of its own."""
    stop = threading.Event()
    watcher = Watcher(settings, mail_store, pause=shortly)
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
def mail_store() -> MemoryMailStore:
    return MemoryMailStore()


@pytest.fixture
def database() -> str:
    """One is enough here: it is the mailbox that is tried."""
    return "sqlite"


def test_mails_are_seen_in_idle_and_stay_unread(
    dovecot: ImapAccount, mail_store: MemoryMailStore
) -> None:
    dovecot.deliver(mail("avant"))

    with watching(dovecot.settings(), mail_store):
        eventually(lambda: idling(mail_store))
        dovecot.deliver(mail("pendant"))
        eventually(lambda: len(mail_store.mails) == 2)

    assert mail_store.raws == [mail("avant"), mail("pendant")]
    with open_session(dovecot.settings()) as client:
        client.select_folder("INBOX", readonly=True)
        assert client.search("UNSEEN") == client.search("ALL")


def test_a_burst_of_mails_is_kept_whole_and_at_once(
    dovecot: ImapAccount, mail_store: MemoryMailStore
) -> None:
    """Mails that arrive while others are fetched are announced once, at any moment."""
    mails = [mail(f"n° {number}") for number in range(40)]

    with watching(dovecot.settings(), mail_store):
        eventually(lambda: idling(mail_store))
        for raw in mails:
            dovecot.deliver(raw)
        eventually(lambda: len(mail_store.mails) == len(mails))

    assert mail_store.raws == mails


def test_lines_in_pieces_and_hang_ups_lose_nothing(
    dovecot: ImapAccount, mail_store: MemoryMailStore
) -> None:
    with FaultProxy(dovecot.host, dovecot.port) as proxy:
        settings = replace(dovecot, port=proxy.port).settings()
        proxy.split = True
        with watching(settings, mail_store):
            eventually(lambda: idling(mail_store))
            dovecot.deliver(mail("en morceaux"))
            eventually(lambda: len(mail_store.mails) == 1)
            proxy.cut()
            dovecot.deliver(mail("après"))
            eventually(lambda: len(mail_store.mails) == 2)
        assert proxy.accepted == 2


def test_a_server_without_idle_is_polled(
    start_dovecot: StartDovecot, mail_store: MemoryMailStore
) -> None:
    server = start_dovecot("imap_capability = IMAP4rev1 ID ENABLE UIDPLUS")

    with watching(server.settings(), mail_store):
        eventually(lambda: WatcherState.POLLING in dict(mail_store.states))
        server.deliver(mail("un"))
        eventually(lambda: mail_store.raws == [mail("un")])

    assert WatcherState.IDLING not in dict(mail_store.states)


@pytest.mark.parametrize("capabilities", [(), ("imap_capability = IMAP4rev1 UIDPLUS",)])
def test_read_mails_are_moved_or_copied(
    start_dovecot: StartDovecot, mail_store: MemoryMailStore, capabilities: tuple[str, ...]
) -> None:
    """Without MOVE, the original stays, marked; nobody's mails are expunged."""
    server = start_dovecot(*capabilities)
    server.deliver(mail("un"))
    settings = server.settings().model_copy(update={"move_to": "Lus d’été"})

    Watcher(settings, mail_store).run_once()

    with open_session(server.settings()) as client:
        assert messages(client, "Lus d’été") == [mail("un")]
        assert len(messages(client, "INBOX")) == len(capabilities)


def messages(client: IMAPClient, folder: str) -> list[bytes]:
    client.select_folder(folder, readonly=True)
    found = client.fetch(client.search(), ["BODY.PEEK[]"])
    return [row[b"BODY[]"] for row in found.values()]


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_a_private_authority_is_accepted_where_it_is_named(
    start_dovecot: StartDovecot, mail_store: MemoryMailStore, security: Security
) -> None:
    server = start_dovecot(security=security)

    with watching(server.settings(), mail_store):
        eventually(lambda: idling(mail_store))
        server.deliver(mail("chiffré"))
        eventually(lambda: len(mail_store.mails) == 1)
        server.deliver(mail("encore"))
        eventually(lambda: len(mail_store.mails) == 2)

    assert mail_store.raws == [mail("chiffré"), mail("encore")]


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_a_private_authority_is_refused_where_it_is_not_named(
    start_dovecot: StartDovecot, security: Security
) -> None:
    server = replace(start_dovecot(security=security), ca_file=None)

    with pytest.raises(AuthError) as caught:
        open_mailbox(server.settings())

    assert "certificate" in str(caught.value)
    assert "MAILTRACK_INBOX__CA_FILE" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_password_is_told_from_everything_else(
    dovecot: ImapAccount, mail_store: MemoryMailStore
) -> None:
    account = replace(dovecot, password="sesame")

    with pytest.raises(AuthError, match=r"login failed: .*AUTHENTICATIONFAILED"):
        open_mailbox(account.settings())
    with watching(account.settings(), mail_store):
        eventually(lambda: WatcherState.REFUSED in dict(mail_store.states))


def test_a_full_house_is_waited_out(
    start_dovecot: StartDovecot, mail_store: MemoryMailStore
) -> None:
    """One connection too many is no wrong password, and it is free again later."""
    server = start_dovecot("mail_max_userip_connections = 1")
    settings = server.settings()

    with open_session(settings):
        with pytest.raises(TransientError, match="connections"):
            open_mailbox(settings)
        with watching(settings, mail_store):
            eventually(lambda: WatcherState.WAITING in dict(mail_store.states))

    assert WatcherState.REFUSED not in dict(mail_store.states)


def test_one_watcher_holds_one_connection(
    start_dovecot: StartDovecot, mail_store: MemoryMailStore
) -> None:
    """Hang-ups and restarts leave none behind that would fill the server's quota."""
    server = start_dovecot("mail_max_userip_connections = 2")
    with FaultProxy(server.host, server.port) as proxy:
        settings = replace(server, port=proxy.port).settings()
        with watching(settings, mail_store):
            for cuts in range(1, 6):
                eventually(lambda: idling(mail_store))
                proxy.cut()
                eventually(lambda cuts=cuts: proxy.accepted > cuts)  # type: ignore[misc]
            server.deliver(mail("après"))
            eventually(lambda: mail_store.raws == [mail("après")])


def test_two_watchers_of_one_mailbox_share_a_quota_of_one_connection(
    start_dovecot: StartDovecot, mail_store: MemoryMailStore, store: Store
) -> None:
    """The one that stands by holds none, and logs in only after the other has hung up."""
    settings = start_dovecot("mail_max_userip_connections = 1").settings()

    with taking_turns(settings, mail_store, store, "un") as first:
        eventually(lambda: idling(mail_store))
        with taking_turns(settings, mail_store, store, "deux"):
            eventually(lambda: not all(held.at_work for held in holders(store)))
            first.set()
            eventually(lambda: WatcherState.STOPPED in dict(mail_store.states))
            eventually(lambda: idling(mail_store))

    assert WatcherState.WAITING not in dict(mail_store.states)
    assert [] == holders(store)


@contextmanager
def taking_turns(
    settings: InboxSettings, mail_store: MemoryMailStore, store: Store, name: str
) -> Iterator[threading.Event]:
    stop = threading.Event()
    lease = Lease(store, leases.watch_name(*settings.place), name, 3.0)
    watcher = Watcher(settings, mail_store, pause=shortly)
    thread = threading.Thread(target=lease.run, args=(stop, watcher.run))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def holders(store: Store) -> Sequence[leases.LeaseHolder]:
    with store.read() as connection:
        return leases.holders(connection)


def test_a_server_that_falls_silent_is_given_up_and_found_again(
    dovecot: ImapAccount, mail_store: MemoryMailStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailtrack.inbox.mailbox.TIMEOUT", SocketTimeout(0.5, 0.2))
    with FaultProxy(dovecot.host, dovecot.port) as proxy:
        place = replace(dovecot, port=proxy.port).settings()
        with watching(place.model_copy(update={"idle_s": 0.2}), mail_store):
            eventually(lambda: idling(mail_store))
            proxy.frozen = True
            eventually(lambda: WatcherState.WAITING in dict(mail_store.states))
            proxy.frozen = False
            dovecot.deliver(mail("après"))
            eventually(lambda: mail_store.raws == [mail("après")])


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_a_certificate_for_another_name_is_refused(
    start_dovecot: StartDovecot, security: Security, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_dovecot(security=security)
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        "socket.getaddrinfo", lambda _host, *others, **more: resolve(server.host, *others, **more)
    )

    with pytest.raises(AuthError, match="certificate is not valid for") as caught:
        open_mailbox(replace(server, host="imap.example.org").settings())

    assert "\n" not in str(caught.value)


# --- big mails ------------------------------------------------------------------------

CORPUS = Path(__file__).parents[1] / "corpus"
PHOTO = b"\xff\xd8\xff" + bytes(range(256)) * 75_000


def among_photos(raw: bytes, *, attached: bool) -> bytes:
    """Return a forward with two photos around its words, 52 MB in all."""
    checks, _, rest = raw.partition(b"\r\n")
    words = message_from_bytes(rest, policy=SMTP)
    assert isinstance(words, EmailMessage)
    mail = EmailMessage(policy=SMTP)
    for name in ("From", "To", "Subject", "Date", "Message-ID"):
        mail[name] = words[name]
        if not attached:
            del words[name]
    mail.make_mixed()
    mail.add_attachment(PHOTO, "image", "jpeg", filename="devant.jpg")
    if attached:
        words.replace_header("From", "AliExpress <transaction@notice.aliexpress.com>")
        mail.add_attachment(words)
    else:
        mail.attach(words)
    mail.add_attachment(PHOTO, "image", "jpeg", filename="derrière.jpg")
    return checks + b"\r\n" + mail.as_bytes()


@pytest.mark.parametrize("database", ["sqlite"])
@pytest.mark.parametrize("attached", [False, True], ids=["inline", "attached"])
def test_a_mail_of_fifty_megabytes_is_followed_and_costs_next_to_nothing(
    dovecot: ImapAccount,
    store: Store,
    services: Services,
    clock: FakeClock,
    mail: Callable[..., bytes],
    rows: Callable[..., list[Mapping[str, Any]]],
    *,
    attached: bool,
) -> None:
    raw = among_photos(mail(), attached=attached)
    assert len(raw) > 50_000_000
    dovecot.deliver(raw)
    dovecot.deliver(mail(parcel="LP00123456789013"))
    del raw

    tracemalloc.start()
    started = time.monotonic()
    Watcher(dovecot.settings(), SqlMailStore(store, clock)).run_once()
    took_s = time.monotonic() - started
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    with store.write() as connection:
        mails = inbound.claim_unread(
            connection, token="t", now=clock.now(), until=clock.later(120), limit=9
        )
    services.reader().read(mails, "t")

    assert ["tracked", "tracked"] == [row["outcome"] for row in rows(t.inbound)]
    assert ["LP00123456789012", "LP00123456789013"] == [row["number"] for row in rows(t.parcel)]
    assert len(rows(t.inbound)[0]["raw"]) < 20_000
    assert peak < 5_000_000
    assert took_s < PATIENCE_S


def test_a_mail_read_in_parts_says_the_same_as_the_whole(dovecot: ImapAccount) -> None:
    """Every form of forward in the corpus, fetched as if it were too big."""
    files = [f for f in sorted(CORPUS.rglob("*.eml")) if f.parent.name != "poison"]
    with open_session(dovecot.settings()) as client:
        for file in files:
            client.append("INBOX", file.read_bytes())
    mailbox = open_mailbox(dovecot.settings().model_copy(update={"max_bytes": 1}))

    different = [
        file.name
        for file, uid in zip(files, list(mailbox.new_uids(0)), strict=True)
        if parse(read_message(file.read_bytes())) != parse(read_message(mailbox.fetch(uid).raw))
    ]
    mailbox.close()

    assert [] == different
