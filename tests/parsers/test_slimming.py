"""Large mails: what is read of them, and how little of the rest is kept."""

import base64

import pytest

from mailtrack.errors import PermanentError
from mailtrack.parsers import parse
from mailtrack.parsers.message import MAX_TEXT as MAX_CHARACTERS
from mailtrack.parsers.message import read_message
from mailtrack.parsers.slimming import MAX_HEADER, MAX_MAIL, MAX_TEXT, SMALL, slim

HEAD = b"From: Camille <camille.durand@example.org>\r\nSubject: Fwd: x\r\nMIME-Version: 1.0\r\n"
FORWARD = (
    b"---------- Forwarded message ---------\r\n"
    b"De : AliExpress <transaction@notice.aliexpress.com>\r\nDate: lundi\r\n"
    b"Subject: Colis LP00827165784034 : livr=C3=A9\r\n\r\nBonjour\r\n"
)
ENCODING = b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
TEXT = b"Content-Type: text/plain; charset=utf-8\r\n" + ENCODING
HTML = b"Content-Type: text/html; charset=utf-8\r\n" + ENCODING


def _parts(*parts: bytes) -> bytes:
    inner = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    return HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + inner + b"--b--\r\n"


def _file(size: int) -> bytes:
    lines = base64.encodebytes(b"x" * 57) * (size // 77)
    return b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines


def test_a_small_mail_stays_as_it_is() -> None:
    raw = _parts(TEXT + FORWARD, _file(1000))

    assert raw is slim(raw)


def test_large_files_are_left_out_and_texts_on_both_sides_stay() -> None:
    raw = _parts(_file(5 * SMALL), TEXT + FORWARD, _file(5 * SMALL), TEXT + b"apr=C3=A8s")

    small = slim(raw)

    assert len(small) < 10_000
    assert "LP00827165784034" == parse(read_message(raw)).parcels[0].number
    assert "après" in read_message(raw).text


def test_an_attached_mail_survives_beside_a_large_file() -> None:
    inner = b"From: transaction@notice.aliexpress.com\r\nSubject: Colis LP00827165784034\r\n\r\nx"
    raw = _parts(TEXT, _file(5 * SMALL), b"Content-Type: message/rfc822\r\n\r\n" + inner)

    assert ["Colis LP00827165784034"] == [m.subject for m in read_message(raw).attached]


@pytest.mark.parametrize(
    ("head", "newline"), [(TEXT, b"\r\n"), (b"\r\n", b"\r\n"), (HTML, b"<br>\r\n")]
)
def test_endless_texts_are_read_to_a_limit(head: bytes, newline: bytes) -> None:
    text = FORWARD + b"bonjour tout le monde\r\n" * 300_000
    raw = HEAD + head + text.replace(b"\r\n", newline)

    message = read_message(raw)

    assert len(slim(raw)) <= MAX_TEXT + len(HEAD + head)
    assert len(message.text) <= MAX_CHARACTERS
    assert len(message.html) <= MAX_TEXT
    assert "LP00827165784034" == parse(message).parcels[0].number


@pytest.mark.parametrize("row", [b"a" * 70 + b"\r\n-- \r\n", b"a" * 20_000 + b"\r\n-- \r\n"])
def test_a_line_of_dashes_in_an_endless_text_is_no_boundary(row: bytes) -> None:
    raw = HEAD + TEXT + FORWARD + row * (5_000_000 // len(row))

    assert len(slim(raw)) <= MAX_MAIL
    assert "LP00827165784034" == parse(read_message(raw)).parcels[0].number


def test_a_header_without_end_is_refused() -> None:
    with pytest.raises(PermanentError, match="header"):
        read_message(HEAD + b"X-A: b\r\n" * (MAX_HEADER // 6) + b"\r\nbonjour")


def test_nothing_is_longer_than_the_longest_mail() -> None:
    raw = _parts(*[TEXT + b"a" * MAX_TEXT] * 8)

    assert len(slim(raw)) == MAX_MAIL
