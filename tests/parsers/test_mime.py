"""Taking a mail apart: what is cut before the libraries see it, and what is left as it is."""

import unicodedata
from collections.abc import Callable

import pytest

from mailtrack.errors import PermanentError
from mailtrack.parsers.message import read_message
from mailtrack.parsers.mime import (
    MAX_FIELDS,
    MAX_FIELDS_OF_ONE,
    MAX_MARKS,
    MAX_MIME_VALUE,
    MAX_NESTING,
    MAX_PARAMETERS,
    MAX_PARTS,
    MAX_VALUE,
    decode_encoded_words,
    decode_text,
    is_charset,
    normalised,
    take_apart,
    take_header,
    without_heaps,
)

HEAD = b"From: Ana <ana@example.org>\n"
MIXED = b'Content-Type: multipart/mixed; boundary="b"\n\n'
#: A file name of 255 letters, as programs write it.
NAME = "é" * 120 + ".eml"


# --- fields ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        b'multipart/mixed; boundary="----=_Part_1; with; semicolons"',
        b'text/plain; charset="utf-8"; format=flowed; delsp=yes',
        b"application/pdf; name*=utf-8''%s" % "".join(f"%{c:02X}" for c in NAME.encode()).encode(),
        b"; ".join(
            (b"application/pdf", *(b"name*%d*=%s" % (n, b"%C3%A9" * 12) for n in range(10)))
        ),
    ],
)
def test_what_mail_programs_write_is_left_as_it_is(value: bytes) -> None:
    header = take_header(b"Content-Type: " + value + b"\n\n")

    assert value.decode() == header["content-type"]


def test_a_parameter_is_read_however_many_follow() -> None:
    header = take_header(MIXED.rstrip() + b"; a=b" * 100_000 + b"\n\n")

    assert "b" == header.get_boundary()
    assert len(header["content-type"]) <= MAX_MIME_VALUE
    assert MAX_PARAMETERS == header["content-type"].count(";") + 1


def test_other_fields_are_cut_where_nobody_reads_on() -> None:
    header = take_header(b"X-A: " + b"a" * 2 * MAX_VALUE + b"\n\n")

    assert "a" * MAX_VALUE == header["x-a"]


def test_a_list_of_people_is_cut_between_two_of_them() -> None:
    people = b", ".join(b"Ana <ana%d@example.org>" % n for n in range(5_000))

    to = read_message(b"To: " + people + b"\n\n").to

    assert 500 < len(to) < 5_000
    assert all(person.address.endswith("@example.org") for person in to)


def test_an_endless_address_is_nobody() -> None:
    assert () == read_message(b"To: " + b"a" * 2 * MAX_VALUE + b"@example.org\n\n").to


# --- too many -------------------------------------------------------------------------


def _parts(count: int) -> bytes:
    return MIXED + b"--b\n\nx\n" * count


def _blocks(count: int) -> bytes:
    return b"Content-Type: message/delivery-status\n\n" + b"a: b\n\n" * count


def _nested(depth: int) -> bytes:
    return b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(depth)
    )


def _fields(count: int) -> bytes:
    return b"X-A: b\n" * count + b"\n"


def _fields_in_all(count: int) -> bytes:
    each = b"--b\nContent-Type: message/rfc822\n\n" + b"X-A: b\n" * 1_000 + b"\n"
    return MIXED + each * (count // 1_000)


@pytest.mark.parametrize(
    ("make", "most", "what"),
    [
        (_parts, MAX_PARTS - 1, "parts"),
        (_blocks, MAX_PARTS - 2, "parts"),
        (_nested, MAX_NESTING, "deep"),
        (_fields, MAX_FIELDS_OF_ONE, "header fields"),
        (_fields_in_all, MAX_FIELDS - 1_000, "header fields"),
    ],
)
def test_a_mail_with_too_many_of_anything_is_refused(
    make: Callable[[int], bytes], most: int, what: str
) -> None:
    take_apart(make(most))

    with pytest.raises(PermanentError, match=what):
        take_apart(make(2 * most))


def test_what_is_in_attached_files_counts_as_well() -> None:
    inner = HEAD + MIXED + b"--b\n\nx\n" * (MAX_PARTS + 1)
    file = b'--b\nContent-Type: a/b; name="a.eml"\n\n' + inner.replace(b"--b", b"--c")
    raw = HEAD + MIXED + file.replace(b'boundary="b"', b'boundary="c"') + b"\n--b--\n"

    with pytest.raises(PermanentError, match="parts"):
        read_message(raw)


def test_nothing_is_looked_for_behind_the_end_of_a_mail() -> None:
    """mail-parser reads a lost part there, without any limit."""
    broken = b'--b\nContent-Type: multipart/mixed; boundary="c"\n\nx\n--b--\n'
    lost = b"--b\nContent-Type: text/plain\n\nlost\n--b--\n"

    assert "lost" not in read_message(HEAD + MIXED + broken + lost).text


def test_texts_in_an_attached_multipart_stay_no_bodies() -> None:
    inner = (
        b'Content-Type: multipart/mixed; boundary="c"\nContent-Disposition: attachment\n\n'
        b"--c\nContent-Type: text/plain; name=a.txt\nContent-Disposition: inline\n\nfile\n--c--\n"
    )
    raw = HEAD + MIXED + b"--b\n\nbody\n--b\n" + inner + b"--b--\n"

    assert "body" == read_message(raw).text


# --- charsets -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["utf-8", "UTF8", "iso-8859-15", "latin1", "windows-1252", "gb2312"]
)
def test_what_mails_are_written_in_is_a_charset(name: str) -> None:
    assert is_charset(name)


@pytest.mark.parametrize(
    "name", ["punycode", "idna", "unicode-escape", "base64", "rot13", "x-1", ""]
)
def test_other_codecs_are_no_charsets(name: str) -> None:
    assert not is_charset(name)


@pytest.mark.parametrize(
    ("payload", "charsets", "text"),
    [
        ("é".encode(), ("utf-8",), "é"),
        ("é".encode("latin-1"), ("iso-8859-1",), "é"),
        ("é".encode(), ("punycode", "utf-8"), "é"),
        ("’".encode("cp1252"), ("utf-8", "utf-8", "cp1252"), "’"),
        (b"\xff\x81", ("utf-8", "cp1252"), "\ufffd\ufffd"),
        ("e\u0301".encode(), ("utf-8",), "é"),
    ],
)
def test_a_body_is_read_by_the_first_charset_that_fits(
    payload: bytes, charsets: tuple[str, ...], text: str
) -> None:
    assert text == decode_text(payload, *charsets)


@pytest.mark.parametrize("label", ["iso-8859-1", "ISO-8859-15", "windows-1252", "us-ascii"])
def test_utf_8_under_another_name_is_utf_8(label: str) -> None:
    """« EnvoyÃ© : » would be no label of a forward."""
    assert "Envoyé : à Noël" == decode_text("Envoyé : à Noël".encode(), label, "utf-8", "cp1252")


def test_what_is_no_utf_8_keeps_its_label() -> None:
    assert "Envoyé" == decode_text("Envoyé".encode("latin-1"), "iso-8859-1", "utf-8")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("=?utf-8?q?caf=C3=A9?=", "café"),
        ("=?utf-8?q?caf=C3?= =?utf-8?q?=A9?=", "café"),
        ("=?x-none?q?caf=C3=A9?=", "café"),
        ("=?utf-8?b?a?=", "=?utf-8?b?a?="),
    ],
)
def test_encoded_words_are_read_or_left_as_they_are(words: str, text: str) -> None:
    assert text == decode_encoded_words(words)


def test_the_library_is_asked_for_no_charset_that_does_not_exist() -> None:
    """It looks for each on the disk and remembers for ever that there is none."""
    header = take_header(
        b"Subject: =?x-1?q?a?= =?utf-8?q?b?=\nContent-Type: a/b; c*=punycode''d; "
        + b"e" * 200
        + b"\n\n"
    )

    assert "=?unknown?q?a?= =?utf-8?q?b?=" == header["subject"]
    assert "c*=unknown''d" in header["content-type"]


# --- marks ----------------------------------------------------------------------------

ACUTE, BELOW, MUSICAL = "\u0301", "\u0316", "\U0001d165"


@pytest.mark.parametrize("marks", [ACUTE, ACUTE + BELOW, ACUTE + MUSICAL, MUSICAL])
def test_no_letter_bears_more_marks_than_any_language_writes(marks: str) -> None:
    heaped = without_heaps("e" + marks * 100 + "x")

    assert "e" + (marks * 100)[:MAX_MARKS] + "x" == heaped


@pytest.mark.parametrize(
    "text",
    [
        "Déjà livré ! " * 1_000,
        "Привет, посылка " * 1_000,
        "您的包裹" * 1_000,
        "e" + ACUTE * MAX_MARKS,
        "\U0001d4d1\U0001d4f8" * 50,  # letters, as advertisements write them
    ],
)
def test_what_people_write_keeps_all_its_marks(text: str) -> None:
    assert text == without_heaps(text)
    assert unicodedata.normalize("NFC", text) == normalised(text)
