"""Mails made to break us: each ends with an outcome, soon, and the next one is read."""

import base64
import gzip
import time
import tracemalloc
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from mailtrack.clock import FakeClock
from mailtrack.runtime.services import Services
from mailtrack.sandbox.mails import AUTHSERV_ID, FORWARD_TO
from mailtrack.store import schema as t

#: Seconds that one reading may take on a slow machine, and bytes that it may hold: a tenth of
#: what the bombs hold.
MOST_S, MOST_BYTES = 20.0, 20_000_000

HEAD = (
    f"Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d=example.org\r\n"
    f"From: Ana <ana@example.org>\r\nTo: {FORWARD_TO}\r\nSubject: TR: colis\r\n"
).encode()
TEXT = b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
HTML = b"Content-Type: text/html; charset=utf-8\r\n\r\n"
BOMB = b"Content-Transfer-Encoding: base64\r\nContent-Encoding: gzip\r\n\r\n" + base64.encodebytes(
    gzip.compress(bytes(200_000_000), 1)
)


def mixed(*parts: bytes) -> bytes:
    inner = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    return HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + inner + b"--b--\r\n"


POISON = {
    "one line of 10 MB": HEAD + TEXT + b"a" * 10_000_000,
    "one number of 10 MB": HEAD + TEXT + b"LP00123456789012" + b"1" * 10_000_000,
    "one line of HTML": HEAD + HTML + b'<a href="http://x">' * 500_000,
    "elements in elements": HEAD + HTML + b"<div>" * 1_000_000,
    "NUL": HEAD + TEXT + bytes(4_000_000),
    "NUL between letters": HEAD + TEXT + b"L\0P\0" * 1_000_000,
    "a bomb as a file": mixed(TEXT + b"x", b"Content-Type: application/gzip\r\n" + BOMB),
    "a bomb as a text": mixed(TEXT + b"x", b"Content-Type: text/plain\r\n" + BOMB),
    "a bomb as a mail": mixed(TEXT + b"x", b'Content-Type: a/b; name="a.eml"\r\n' + BOMB),
    "multiparts in multiparts": HEAD
    + b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n)
        for n in range(1_500)
    ),
    "mails in mails": HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 1_500,
    "a header of 4 MB": HEAD + b"X-A: " + b"a" * 4_000_000 + b"\r\n\r\n",
    "words in a subject": HEAD + b"Subject: " + b"=?utf-8?q?a?= " * 10_000 + b"\r\n\r\n",
    "forwards of forwards": HEAD + TEXT + b"De : a\nDate: b\nObjet : c\n" * 100_000,
}


@pytest.mark.parametrize("database", ["sqlite"])
@pytest.mark.parametrize("poison", POISON.values(), ids=POISON.keys())
def test_poison_gets_an_outcome_in_bounded_time_and_the_next_mail_is_read(
    poison: bytes,
    keep: Callable[[bytes], None],
    read_all: Callable[[], None],
    mail: Callable[..., bytes],
    rows: Callable[..., list[Mapping[str, Any]]],
    clock: FakeClock,
) -> None:
    keep(poison)
    keep(mail())

    started = time.monotonic()
    read_all()
    took_s = time.monotonic() - started
    next_mail = rows(t.inbound)[1]
    for _ in range(2):
        clock.advance(seconds=61)
        read_all()

    assert "tracked" == next_mail["outcome"]
    assert rows(t.inbound)[0]["outcome"] is not None
    assert took_s < MOST_S


@pytest.mark.parametrize("poison", ["a bomb as a file", "a bomb as a text", "a bomb as a mail"])
def test_nothing_is_ever_unpacked(poison: str, services: Services) -> None:
    analyzer = services.reader().analyzer

    tracemalloc.start()
    analyzer.analyze(POISON[poison])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < MOST_BYTES
