"""Mails that are too big to be fetched whole: what is asked for, and what becomes of it."""

from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest
from imapclient.response_parser import parse_fetch_response
from imapclient.response_types import BodyData

from mailtrack.errors import PermanentError
from mailtrack.inbox.big_mail import MAX_DEPTH, MAX_PIECES, Piece, compose, plan, read_big
from mailtrack.inbox.mailbox import open_mailbox
from mailtrack.parsers import parse
from mailtrack.parsers.message import read_message
from mailtrack.parsers.slimming import MAX_FILE, MAX_MAIL, MAX_TEXT
from mailtrack.sandbox.imap import ImapServer

CHECKS = b"Authentication-Results: mx.colis.example;\r\n dkim=pass  header.d=example.org\r\n"
PHOTO = b"\xff\xd8" + bytes(range(256)) * 400
NUMBER = "LP00827165784034"

TEXT = '("TEXT" "PLAIN" ("CHARSET" "utf-8") NIL NIL "8BIT" {size} 9 NIL NIL NIL NIL)'
JPEG = '("IMAGE" "JPEG" ("NAME" "a.jpg") NIL NIL "BASE64" 4000000 NIL NIL NIL NIL)'


def structure(text: str) -> BodyData:
    """Return a structure as the library parses it from a server's words."""
    answer = parse_fetch_response([f"1 (UID 8 BODYSTRUCTURE {text})".encode()])
    found = answer[8][b"BODYSTRUCTURE"]
    assert isinstance(found, BodyData)
    return found


def forward(*, attached: bool) -> EmailMessage:
    """Make a forward with photos before and after what the shop wrote."""
    shop = EmailMessage(policy=SMTP)
    shop["From"] = "AliExpress <transaction@notice.aliexpress.com>"
    shop["Subject"] = f"Colis {NUMBER} : expédié"
    shop.set_content("Votre colis est en route.")
    mail = EmailMessage(policy=SMTP)
    mail["From"] = "Ana <ana@example.org>"
    mail["Subject"] = f"TR: {shop['Subject']}"
    quoted = f"De : {shop['From']}\nDate: lundi\nSubject: {shop['Subject']}\n\nVotre colis\n"
    mail.set_content(f"Voilà\n\n---------- Forwarded message ---------\n{quoted}")
    mail.add_attachment(PHOTO, "image", "jpeg", filename="devant.jpg")
    if attached:
        mail.set_payload([*mail.get_payload()[1:]])  # type: ignore[index]
        mail.add_attachment(shop)
    mail.add_attachment(PHOTO, "image", "jpeg", filename="derrière.jpg")
    return mail


@pytest.mark.parametrize("attached", [False, True], ids=["inline", "attached"])
def test_a_forward_among_photos_is_read_without_the_photos(*, attached: bool) -> None:
    raw = CHECKS + forward(attached=attached).as_bytes()
    with ImapServer("colis", "secret") as server:
        server.deliver(raw)
        mailbox = open_mailbox(server.settings().model_copy(update={"max_bytes": 100_000}))
        mail = mailbox.fetch(next(mailbox.new_uids(0)))
        mailbox.close()

    whole, read = read_message(raw), read_message(mail.raw)
    assert whole.headers == read.headers
    assert parse(whole).forward.method == parse(read).forward.method
    assert [NUMBER] == [parcel.number for parcel in parse(read).parcels]
    assert mail.raw.startswith(CHECKS)
    assert len(mail.raw) < 5_000
    assert len(raw) == len(mail.raw) + mail.left_out
    assert f"Only the texts of a mail of {len(raw)} bytes.".encode() in mail.raw


@pytest.mark.parametrize(
    ("described", "sections"),
    [
        (TEXT.format(size=7), ["HEADER", "TEXT"]),
        (JPEG, ["HEADER"]),
        (f'({JPEG}{TEXT.format(size=7)} "MIXED")', ["HEADER", "2.MIME", "2"]),
        (f'(({TEXT.format(size=7)}{JPEG} "RELATED"){JPEG} "MIXED")', None),
    ],
)
def test_only_what_can_be_read_is_asked_for(described: str, sections: list[str] | None) -> None:
    found = [item.split("[")[1].split("]")[0] for item in plan(structure(described)).items()]

    assert (sections or ["HEADER", "1.MIME", "1.1.MIME", "1.1"]) == found


def attached_mail(inner: str) -> str:
    envelope = '("Mon" "Colis" NIL NIL NIL NIL NIL NIL NIL "<a@b>")'
    return f'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 900 {envelope} {inner} 9 NIL NIL NIL NIL)'


@pytest.mark.parametrize(
    ("described", "sections"),
    [
        (f'({TEXT.format(size=7)}{attached_mail(JPEG)} "MIXED")', ["2.MIME", "2.HEADER"]),
        (
            f'({attached_mail(TEXT.format(size=7))} "MIXED")',
            ["1.MIME", "1.HEADER", "1.TEXT"],
        ),
        (
            f'({attached_mail(f"""({JPEG}{TEXT.format(size=7)} "MIXED")""")} "MIXED")',
            ["1.MIME", "1.HEADER", "1.2.MIME", "1.2"],
        ),
        (attached_mail(TEXT.format(size=7)), ["HEADER", "1.HEADER", "1.TEXT"]),
    ],
)
def test_an_attached_mail_is_asked_for_with_the_header_that_names_the_shop(
    described: str, sections: list[str]
) -> None:
    found = [item.split("[")[1].split("]")[0] for item in plan(structure(described)).items()]

    assert sections == found[-len(sections) :]


def test_a_mail_attached_as_a_file_is_asked_for_up_to_what_is_read_of_it() -> None:
    eml = '("APPLICATION" "OCTET-STREAM" ("NAME" "Colis.EML") NIL NIL "BASE64" 9000000)'

    assert f"BODY.PEEK[1]<0.{MAX_FILE}>" in plan(structure(f'({eml} "MIXED")')).items()


def test_what_is_fetched_is_bounded_however_many_parts_there_are() -> None:
    many = "".join([TEXT.format(size=900_000)] * 2_000)
    pieces = plan(structure(f'({many} "MIXED")')).pieces

    assert MAX_MAIL == sum(piece.size for piece in pieces)
    assert all(piece.size <= MAX_TEXT for piece in pieces)
    assert len(pieces) <= MAX_PIECES


def test_parts_in_parts_are_followed_to_a_depth() -> None:
    deep = TEXT.format(size=7)
    for _ in range(MAX_DEPTH + 1):
        deep = f'({deep} "MIXED")'

    assert Piece("HEADER") == plan(structure(deep))


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {b"BODYSTRUCTURE": None},
        {b"BODYSTRUCTURE": BodyData.create((b"TEXT",))},
        {b"BODYSTRUCTURE": BodyData.create((b"TEXT", b"PLAIN", None, None, None, b"8BIT", b"?"))},
        PermanentError("the server does not know BODYSTRUCTURE"),
        RecursionError(),
    ],
)
def test_a_mail_whose_structure_nobody_knows_is_read_from_its_beginning(
    answer: Mapping[bytes, Any] | Exception,
) -> None:
    beginning = b"Subject: gros\r\n\r\nLP00827165784034"

    def ask(*items: str) -> Mapping[bytes, Any]:
        if items != ("BODYSTRUCTURE",):
            return {b"BODY[]<0>": beginning} if "[]" in items[0] else {}
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert beginning == read_big(ask, 50_000_000)


def test_a_server_that_gives_no_headers_is_asked_for_the_beginning() -> None:
    def ask(*items: str) -> Mapping[bytes, Any]:
        if items == ("BODYSTRUCTURE",):
            return {b"BODYSTRUCTURE": structure(TEXT.format(size=7))}
        return {b"BODY[]": b"tout"} if "[]" in items[0] else {b"BODY[HEADER]<0>": None}

    assert b"tout" == read_big(ask, 50_000_000)


def answering(sections: Mapping[str, bytes]) -> Mapping[bytes, bytes]:
    return {f"BODY[{name}]<0>".encode(): content for name, content in sections.items()}


MIXED = b'From: ana@example.org\r\nContent-Type: multipart/mixed; boundary="a b"\r\n\r\n'


@pytest.mark.parametrize(
    ("header", "mime"),
    [
        (MIXED, b"Content-Type: text/plain\r\n\r\n"),
        (MIXED.replace(b"\r\n", b"\n"), b"Content-Type: text/plain\n\n"),
        (MIXED.removesuffix(b"\r\n"), b"Content-Type: text/plain"),
        (MIXED, b"\r\n"),
        (MIXED, b""),
    ],
)
def test_parts_are_put_together_whatever_ends_their_headers(header: bytes, mime: bytes) -> None:
    piece = Piece("HEADER", pieces=(Piece("1.MIME", "1", 9), Piece("2.MIME", "2", 9)))
    sections = {"HEADER": header, "1.MIME": mime, "1": b"un", "2.MIME": mime, "2": b"deux"}

    assert "un\ndeux" == read_message(compose(piece, answering(sections), 9)).text


@pytest.mark.parametrize("part", ["1.MIME", "1", "2.MIME", "2"])
def test_a_part_that_the_server_keeps_back_costs_only_that_part(part: str) -> None:
    piece = Piece("HEADER", pieces=(Piece("1.MIME", "1", 9), Piece("2.MIME", "2", 9)))
    sections = {"HEADER": MIXED, "1.MIME": b"\r\n", "1": b"un", "2.MIME": b"\r\n", "2": b"deux"}
    del sections[part]

    text = read_message(compose(piece, answering(sections), 9)).text

    assert {"un", "deux"} >= set(text.split()) > set()


@pytest.fixture
def asked() -> list[str]:
    return []


def test_plainly_means_that_no_structure_is_asked_for(asked: list[str]) -> None:
    def ask(*items: str) -> Mapping[bytes, Any]:
        asked.extend(items)
        return {b"BODY[]<0>": b"x"}

    assert b"x" == read_big(ask, 50_000_000, plainly=True)
    assert [f"BODY.PEEK[]<0.{MAX_MAIL}>"] == asked


def test_where_nothing_is_given_nothing_is_made_up() -> None:
    def nothing(*_: str) -> Mapping[bytes, Any]:
        return {}

    assert b"" == read_big(nothing, 50_000_000)
