"""What somebody can do to others by writing to us: next to nothing."""

import socket
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, NoReturn

import pytest

from mailtrack.clock import FakeClock
from mailtrack.inbox.mail_store import FetchedMail, SqlMailStore
from mailtrack.runtime.services import Services
from mailtrack.sandbox.mails import AUTHSERV_ID
from mailtrack.store import inbound
from mailtrack.store import schema as t
from mailtrack.store.engine import Store

Rows = Callable[..., list[Mapping[str, Any]]]
Receive = Callable[[bytes], Mapping[str, Any]]

PASSED = f"Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d=example.org\r\n"
FAILED = f"Authentication-Results: {AUTHSERV_ID}; dkim=fail header.d=example.org\r\n"

#: Whether who answers a mail may depend on the database: it does not.
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def receive(services: Services, store: Store, clock: FakeClock, rows: Rows) -> Receive:
    """Store and read one mail; return its row."""
    mail_store, reader, uids = SqlMailStore(store, clock), services.reader(), count(1)

    def make(raw: bytes) -> Mapping[str, Any]:
        uid = next(uids)
        mail_store.keep("colis@host", "INBOX", 1, FetchedMail(uid, raw, clock.now()))
        with store.write() as connection:
            token = f"token {uid}"
            (mail,) = inbound.claim_unread(
                connection, token=token, now=clock.now(), until=clock.later(120), limit=9
            )
        reader.read([mail], token)
        return rows(t.inbound)[-1]

    return make


def _note(serial: int, words: str, head: str = PASSED, sender: str = "ana@example.org") -> bytes:
    subject = f"{words} {'.' * serial}" if words else f"Bonjour {serial}"
    return f"{head}From: {sender}\r\nSubject: {subject}\r\n\r\n{words}\r\n".encode()


def _forged(mail: Callable[..., bytes], serial: int, victim: str) -> bytes:
    """A forward in somebody's name that their own server never saw."""
    raw = mail(f"LP0012345678{serial:04}", address=victim)
    return raw.replace(b"dkim=pass", b"dkim=fail").replace(b"spf=pass", b"spf=fail")


# --- third parties ------------------------------------------------------------------


def test_whoever_is_forged_is_asked_once_a_day_and_subscribed_to_nothing(
    receive: Receive, mail: Callable[..., bytes], rows: Rows, clock: FakeClock
) -> None:
    for serial in range(50):
        assert "refused" == receive(_forged(mail, serial, "victime@example.org"))["outcome"]
    first_day = [row["kind"] for row in rows(t.notice)]
    clock.advance(hours=25)
    receive(_forged(mail, 50, "victime@example.org"))

    assert ["confirm_address"] == first_day
    assert ["confirm_address"] * 2 == [row["kind"] for row in rows(t.notice)]
    assert [] == rows(t.subscription)
    assert [] == rows(t.parcel)


def test_a_rule_that_names_a_third_party_gets_them_one_question_at_most(
    receive: Receive, mail: Callable[..., bytes], rows: Rows
) -> None:
    for serial in range(20):
        raw = mail(f"LP0012345678{serial:04}").partition(b"\r\n\r\n")[2]
        head = FAILED + "From: AliExpress <transaction@notice.aliexpress.com>\r\n"
        head += "X-Forwarded-For: victime@example.org colis@mail.example\r\n"
        receive(f"{head}Subject: Colis {serial}\r\n\r\n".encode() + raw)

    assert ["confirm_address"] == [row["kind"] for row in rows(t.notice)]
    assert [] == rows(t.subscription)


@pytest.mark.parametrize(("words", "kind"), [("AIDE", "help"), ("", "nothing_found")])
def test_a_robot_that_writes_again_and_again_gets_three_answers_a_day(
    receive: Receive, rows: Rows, words: str, kind: str
) -> None:
    for serial in range(40):
        receive(_note(serial, words))

    assert [kind] * 3 == [row["kind"] for row in rows(t.notice)]


def test_an_address_that_is_no_address_is_never_written_to(receive: Receive, rows: Rows) -> None:
    for sender in ("", "x", "<>", "a@b@c", "ana@example.org\r\n bcc: x@example.org"):
        receive(_note(1, f"AIDE {sender!r}", sender=sender))

    assert {row["address"] for row in rows(t.subscriber)} <= {"ana@example.org"}


# --- ourselves ----------------------------------------------------------------------


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a mail made us speak to somebody")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_no_link_in_a_mail_is_ever_followed(
    receive: Receive, mail: Callable[..., bytes], no_network: None
) -> None:
    """Not to our own servers, and not to one that counts who reads (SSRF, tracking)."""
    bait = b"".join(
        b'<img src="%s"><a href="%s">suivre</a>' % (link, link)
        for link in (b"http://169.254.169.254/latest", b"http://127.0.0.1:6379/", b"file:///etc")
    )
    raw = mail().replace(b"</body>", bait + b"</body>")

    assert raw != mail()
    assert "tracked" == receive(raw)["outcome"]
