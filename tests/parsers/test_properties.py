"""What holds for every mail, found by generating them."""

import re
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.mutants import mutants
from mailtrack.domain.model import Outcome
from mailtrack.domain.numbers import normalise
from mailtrack.errors import PermanentError
from mailtrack.parsers import is_shop_sender, parse
from mailtrack.parsers.content import MAX_LINKS
from mailtrack.parsers.forward_labels import LABELS, Field
from mailtrack.parsers.forwarded import unwrap
from mailtrack.parsers.message import Message, read_message
from mailtrack.parsers.reading import Person

CORPUS = Path(__file__).parents[1] / "corpus"
SLOW = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])

HEADERS = st.sampled_from(
    [
        b"From: a@example.org",
        b"From: AliExpress <transaction@notice.aliexpress.com>",
        b"Subject: Fwd: Colis LP00827165784034",
        b"Subject: =?utf-8?b?/////?=",
        b"Subject: \xff\xfe",
        b"Content-Type: text/html; charset=utf-16",
        b'Content-Type: multipart/mixed; boundary="x"',
        b"Content-Type: message/rfc822",
        b"Content-Type: multipart/report; report-type=delivery-status",
        b"Content-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding: quoted-printable",
        b"Date: \x00",
        b"To: ,,<>;:@",
        b"X-Forwarded-For: @ @",
    ]
)
PARTS = st.sampled_from(
    [b"--x", b"--x--", b"", b"<p>De : a@b.c<br>", b"From: x <", b"De : a", b"Objet : b", b"> > >"]
)


@SLOW
@given(st.binary(max_size=400))
def test_random_bytes_are_read_or_refused_and_nothing_else(raw: bytes) -> None:
    _read_or_refuse(raw)


@SLOW
@given(
    st.lists(HEADERS, max_size=6), st.lists(st.one_of(PARTS, st.binary(max_size=30)), max_size=8)
)
def test_mails_made_of_broken_pieces_are_read_or_refused(
    headers: list[bytes], body: list[bytes]
) -> None:
    _read_or_refuse(b"\n".join(headers) + b"\n\n" + b"\n".join(body))


def _read_or_refuse(raw: bytes) -> None:
    with suppress(PermanentError):
        assert parse(read_message(raw)).outcome in set(Outcome)


TOKENS = st.from_regex(r"\A[A-Z]{0,4}[0-9]{6,20}[A-Z]{0,3}\Z")
WORDS = st.sampled_from(
    ["Colis", "Commande", "Order", "Package", "livré", ":", "numéro de suivi", "x1", "\n", "id"]
)


@SLOW
@given(st.lists(st.one_of(TOKENS, WORDS), max_size=12), st.lists(st.one_of(TOKENS, WORDS)))
def test_every_number_found_stands_in_the_mail(subject: list[str], body: list[str]) -> None:
    text = " ".join(body)
    message = Message(
        sender=Person("AliExpress", "transaction@notice.aliexpress.com"),
        subject=" ".join(subject).replace("\n", " "),
        text=text,
    )

    reading = parse(message)

    whole = normalise(message.subject + "|" + text)
    for number in (*reading.orders, *(parcel.number for parcel in reading.parcels)):
        assert number in whole


WORDS_OF_A_SUBJECT = st.from_regex(r"\A[A-Z][a-zà-ÿ]{1,9}( [a-zà-ÿ]{2,9}){0,4}\Z")
NAMES = st.from_regex(r"\A[A-Z][a-z]{1,8} [A-Z][a-z]{1,8}\Z")

LANGUAGES = {
    "fr": "De Date À Objet",
    "en": "From Date To Subject",
    "de": "Von Datum An Betreff",
    "es": "De Fecha Para Asunto",
    "it": "Da Data A Oggetto",
    "pt": "De Data Para Assunto",
    "pl": "Od Data Do Temat",
    "nl": "Van Datum Aan Onderwerp",
    "cs": "Od Datum Komu Předmět",
    "da": "Fra Dato Til Emne",
    "fi": "Lähettäjä Päivämäärä Vastaanottaja Aihe",
    "hr": "Šalje Datum Prima Naslov",
    "hu": "Feladó Dátum Címzett Tárgy",
    "ja": "送信元 日付 送信先 件名",
    "no": "Fra Dato Til Emne",
    "ro": "Expeditorul Dată Destinatarul Subiectul",
    "ru": "Отправитель Дата Кому Тема",
    "sk": "Od Dátum Pre Predmet",
    "sv": "Från Datum Till Ämne",
    "tr": "Kimden Tarih Kime Konu",
    "uk": "Від Дата Кому Тема",
}
LAYOUTS = {
    "outlook": "{f}: {sender}\n{d}: {date}\n{t}: me@example.org\n{s}: {subject}\n\n{body}",
    "no-break spaces": (
        "{f}\u00a0: {sender}\n{d}\u00a0: {date}\n{t}\u00a0: me@example.org\n"
        "{s}\u00a0: {subject}\n\n{body}"
    ),
    "tabs": ("{s}: \t{subject}\n{d}: \t{date}\n{f}: \t{sender}\n{t}: \tme@example.org\n\n\n{body}"),
    "quoted": (
        "> {f}: {sender}\n> {s}: {subject}\n> {d}: {date}\n> {t}: me@example.org\n>\n> {body}"
    ),
    "glued": (
        "----- x -----{f}: {sender}{t}: <me@example.org>{d}: {date} CET{s}: {subject}\n{body}"
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("language", LANGUAGES)
@settings(deadline=None, max_examples=5)
@given(subject=WORDS_OF_A_SUBJECT, name=NAMES)
def test_a_forward_gives_its_original_back_in_every_language(
    language: str, layout: str, subject: str, name: str
) -> None:
    f, d, t, s = LANGUAGES[language].split()
    text = LAYOUTS[layout].format(
        f=f,
        d=d,
        t=t,
        s=s,
        sender=f"{name} <shop@example.com>",
        date="2 mars 2026 09:31",
        subject=subject,
        body="Bonjour.",
    )
    mail = EmailMessage()
    mail["From"] = "Camille <camille.durand@example.org>"
    mail["Subject"] = "Fwd: x"
    mail.set_content(text)

    original = unwrap(read_message(mail.as_bytes()), is_shop_sender).original

    assert (name, "shop@example.com") == (original.sender.name, original.sender.address)
    assert subject == original.subject
    assert "Bonjour." == original.body


def test_no_label_stands_for_two_fields() -> None:
    labels = [label.casefold() for row in LABELS.values() for label in row.split("|")]

    assert sorted(set(labels)) == sorted(labels)
    assert set(Field) == set(LABELS)
    assert all(re.fullmatch(r"\S.*\S|\S", label) for label in labels)


#: What once made a program think for minutes; each would hang the test, not fail it.
STALLERS = {
    "one endless word": b"A1" * 50_000,
    "spaces in a separator": b"---" + b" " * 100_000 + b"x:",
    "spaces in a name": b"From: a\nDate: x\nSubject: y\nTo: @ x" + b" " * 5_000 + b"y <\n",
    "an endless address": b"---------- Forwarded message ---------\nFrom: %s\nDate: x\nSubject: y\n"
    % (b"a" * 100_000),
    "one label after the other": b"De : a <a@b>A : " * 5_000,
    "nothing but colons": b": : :\n" * 20_000,
    "deep nesting": b"<div>" * 100_000,
    "deep quoting": b"> " * 50_000 + b"From: a",
    "comments without end": b"<!--" * 50_000,
    "preformatted text without end": b"<pre>\n" * 20_000,
    "title cells without values": b"</th      " * 20_000,
    "addresses without names": b"<a@b>" * 50_000,
    "many links": b"<http://a" * 10_000,
    "the same date again": b"placed on 16/02/2026 " * 10_000,
    "the same number again": b"3074309624382839 livr\xc3\xa9 " * 10_000,
    "numbers in groups": b"lp 0082 7165 7840 3 " * 10_000,
    "marks of direction": "\u202e".encode() * 50_000,
    "zeros": b"\x00" * 100_000,
}
SHOP_BLOCK = b"De : AliExpress <transaction@notice.aliexpress.com>\nDate : lundi\nObjet : Colis\n\n"


@pytest.mark.parametrize("head", [b"", SHOP_BLOCK], ids=["person", "shop"])
@pytest.mark.parametrize("kind", ["plain", "html"])
@pytest.mark.parametrize("body", STALLERS.values(), ids=STALLERS.keys())
def test_no_mail_stalls_the_reader(body: bytes, kind: str, head: bytes) -> None:
    newline = b"<br>" if kind == "html" else b"\n"
    raw = b"From: a@example.org\nSubject: Fwd: x\nContent-Type: text/%s\n\n" % kind.encode()

    reading = parse(read_message(raw + head.replace(b"\n", newline) + body))

    assert reading.outcome in set(Outcome)
    assert len(reading.forward.original.content.links) <= MAX_LINKS
    assert len(reading.parcels) + len(reading.orders) <= 2


MUTANTS = 800


def test_mutated_mails_of_the_corpus_are_read_or_refused() -> None:
    for mail in mutants(MUTANTS, 20260302):
        _read_or_refuse(mail)
