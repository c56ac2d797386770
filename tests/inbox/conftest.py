"""What the tests of reading share: mails are stored, read and sent as the roles do it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import pytest

from mailtrack.clock import FakeClock
from mailtrack.inbox.intake import Reader
from mailtrack.inbox.mail_store import FetchedMail, SqlMailStore
from mailtrack.runtime.services import Services
from mailtrack.sandbox.mails import AUTHSERV_ID, FORWARD_TO
from mailtrack.store import inbound, notices
from mailtrack.store import schema as t
from mailtrack.store.engine import Store

Rows = Callable[..., list[Mapping[str, Any]]]
Receive = Callable[..., Mapping[str, Any]]


#: What our server finds of a mail of the shop's that a filter of Gmail sends on.
SIGNED = "dkim=pass header.d=notice.aliexpress.com; spf=pass smtp.mailfrom=ana@example.org"


def sent_on(
    parcel: str,
    found: str = SIGNED,
    to: str = FORWARD_TO,
    sender: str = "AliExpress <transaction@notice.aliexpress.com>",
    order: str = "3054169918880009",
) -> bytes:
    """Return the shop's own mail as a filter in Ana's mailbox passes it on."""
    page = "https://www.aliexpress.com/p/tracking/index.html"
    lines = (
        f"Authentication-Results: {AUTHSERV_ID}; {found}",
        f"Received: from mail.example.org (mail.example.org [192.0.2.1]) by {AUTHSERV_ID}; x",
        f"X-Forwarded-For: ana@example.org {to}",
        f"X-Forwarded-To: {to}",
        f"From: {sender}",
        "To: ana@example.org",
        f"Subject: Package {parcel} has an update",
        "",
        f"Your package {parcel} has an update.",
        f"{page}?tradeOrderId={order}&trackingNumber={parcel}",
    )
    return "".join(f"{line}\r\n" for line in lines).encode()


@pytest.fixture
def reader(services: Services) -> Reader:
    return replace(services.reader(), carriers=("cainiao", "laposte"))


@pytest.fixture
def keep(store: Store, clock: FakeClock) -> Callable[[bytes], None]:
    """Store a mail as the watcher does."""
    mail_store, uids = SqlMailStore(store, clock), count(1)

    def make(raw: bytes) -> None:
        mail_store.keep("colis@host", "INBOX", 1, FetchedMail(next(uids), raw, clock.now()))

    return make


@pytest.fixture
def read_with(store: Store, clock: FakeClock) -> Callable[[Reader], None]:
    """Read what is due, as the dispatcher and a worker do."""
    tokens = count()

    def make(reader: Reader) -> None:
        token = f"token {next(tokens)}"
        with store.write() as connection:
            mails = inbound.claim_unread(
                connection, token=token, now=clock.now(), until=clock.later(120), limit=100
            )
        reader.read(mails, token)

    return make


@pytest.fixture
def read_all(read_with: Callable[[Reader], None], reader: Reader) -> Callable[[], None]:
    return partial(read_with, reader)


@pytest.fixture
def receive(keep: Callable[[bytes], None], read_all: Callable[[], None], rows: Rows) -> Receive:
    """Store and read one mail; return its row."""

    def make(raw: bytes) -> Mapping[str, Any]:
        keep(raw)
        read_all()
        return rows(t.inbound)[-1]

    return make


@pytest.fixture
def send_all(store: Store, clock: FakeClock, rows: Rows) -> Callable[[], list[str]]:
    """Mark everything that is owed as sent; tell what it was."""

    def make() -> list[str]:
        due = rows(t.notice, state="due")
        with store.write() as connection:
            for row in due:
                message_id = f"<{row['id']}@colis.example>"
                notices.mark_sent(connection, row["id"], message_id, clock.now())
        return [row["kind"] for row in due]

    return make
