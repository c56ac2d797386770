"""The adapter over mail-parser: one mail in, plain values out."""

from datetime import UTC, datetime

import pytest

from mailtrack.errors import PermanentError
from mailtrack.parsers.message import MAX_DEPTH, Message, read_message
from mailtrack.parsers.reading import Person

HEAD = b"From: Camille Durand <camille.durand@example.org>\n"


def _attached(inner: bytes, headers: bytes = b"", boundary: bytes = b"x") -> bytes:
    return (
        HEAD
        + b"Content-Type: multipart/mixed; boundary=%s\n\n" % boundary
        + b"--%s\nContent-Type: text/plain\n\nouter\n" % boundary
        + b"--%s\nContent-Type: message/rfc822\n%s\n%s" % (boundary, headers, inner)
        + b"\n--%s--\n" % boundary
    )


def test_headers_are_found_whatever_their_case_and_all_of_them() -> None:
    message = read_message(HEAD + b"X-Hop: one\nx-hop: two\n\n")

    assert ("one", "two") == message.all("X-HOP")
    assert "one" == message.header("X-Hop")
    assert "" == message.header("X-Absent")


def test_a_duplicated_subject_is_its_first_one() -> None:
    message = read_message(HEAD + b"Subject: one\nSubject: two\n\n")

    assert "one" == message.subject


def test_a_subject_cut_in_the_middle_of_a_letter_is_put_together() -> None:
    message = read_message(HEAD + b"Subject: =?utf-8?q?D=C3?=\n =?utf-8?q?=A9douan=C3=A9?=\n\n")

    assert "Dédouané" == message.subject


@pytest.mark.parametrize("raw", ["Dédouané".encode(), "Dédouané".encode("cp1252")])
def test_a_subject_in_raw_bytes_is_read(raw: bytes) -> None:
    assert "Dédouané" == read_message(HEAD + b"Subject: " + raw + b"\n\n").subject


def test_the_people_of_a_mail_are_read() -> None:
    message = read_message(
        HEAD + b"To: =?utf-8?q?Zo=C3=A9?= <zoe@example.org>, jo@example.org\n"
        b"Cc: Lou <lou@example.org>\nReply-To: other@example.org\n\n"
    )

    assert Person("Camille Durand", "camille.durand@example.org") == message.sender
    assert (Person("Zoé", "zoe@example.org"), Person("", "jo@example.org")) == message.to
    assert (Person("Lou", "lou@example.org"),) == message.cc
    assert (Person("", "other@example.org"),) == message.reply_to


def test_the_date_is_aware_utc() -> None:
    message = read_message(HEAD + b"Date: Mon, 02 Mar 2026 09:31:00 +0100\n\n")

    assert datetime(2026, 3, 2, 8, 31, tzinfo=UTC) == message.date


def test_a_date_that_is_none_is_none() -> None:
    assert None is read_message(HEAD + b"Date: hier soir\n\n").date


def test_threading_headers_are_read() -> None:
    message = read_message(
        HEAD + b"Message-ID: <a@x>\nIn-Reply-To: <b@x>\nReferences: <c@x>\n <b@x>\n\n"
    )

    assert "<a@x>" == message.message_id
    assert "<b@x>" == message.in_reply_to
    assert ("<c@x>", "<b@x>") == message.references


def test_an_attached_mail_keeps_its_text_to_itself() -> None:
    inner = b"From: shop@example.org\nSubject: inner\nContent-Type: text/plain\n\ninner text"

    message = read_message(_attached(inner))

    assert "outer" == message.text.strip()
    assert ["inner"] == [attached.subject for attached in message.attached]
    assert "inner text" == message.attached[0].text.strip()


def test_an_attached_mail_in_base64_is_read_though_it_should_not_exist() -> None:
    inner = b"RnJvbTogc2hvcEBleGFtcGxlLm9yZwpTdWJqZWN0OiBpbm5lcgoKdGV4dAo="

    message = read_message(_attached(b"\n" + inner, b"Content-Transfer-Encoding: base64\n"))

    assert ["inner"] == [attached.subject for attached in message.attached]


def test_attached_mails_are_followed_to_a_limit() -> None:
    raw = HEAD + b"\nend"
    for level in range(MAX_DEPTH + 3):
        raw = _attached(raw, boundary=b"level%d" % level)

    depth, message = 0, read_message(raw)
    while message.attached:
        depth, message = depth + 1, message.attached[0]

    assert MAX_DEPTH == depth


def test_parts_that_share_a_boundary_are_read_as_far_as_they_go() -> None:
    message = read_message(_attached(_attached(HEAD + b"\nend")))

    assert "outer" in message.text
    assert message.attached


def test_a_wrong_charset_label_is_read_as_windows_writes() -> None:
    raw = HEAD + b"Content-Type: text/plain; charset=utf-8\n\nD\xe9douan\xe9 \x80 5"

    assert "Dédouané € 5" == read_message(raw).text


def test_nul_bytes_and_byte_order_marks_are_dropped() -> None:
    raw = HEAD + b"Content-Type: text/plain; charset=utf-8\n\n\xef\xbb\xbfab\x00c"

    assert "abc" == read_message(raw).text


def test_an_empty_mail_is_an_empty_message() -> None:
    assert Message() == read_message(b"")


def test_a_mail_nested_to_break_parsers_is_a_permanent_error() -> None:
    raw = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(1500)
    )

    with pytest.raises(PermanentError, match="cannot be read"):
        read_message(raw)


@pytest.mark.parametrize(
    "header",
    [
        b"Auto-Submitted: auto-replied",
        b"Auto-Submitted: auto-generated; x=y",
        b"Precedence: bulk",
        b"Precedence: auto_reply",
        b"X-Autoreply: yes",
        b"X-Autorespond: away",
        b"Content-Type: multipart/report; report-type=disposition-notification; boundary=x",
    ],
)
def test_mails_of_machines_are_automatic(header: bytes) -> None:
    assert read_message(HEAD + header + b"\n\n").is_automatic


@pytest.mark.parametrize(
    "header",
    [
        b"Auto-Submitted: no",
        b"List-Id: <a.example.org>",
        b"Auto-Submitted: auto-forwarded",
        b"A: b",
    ],
)
def test_mails_of_people_lists_and_forwarding_rules_are_not_automatic(header: bytes) -> None:
    assert not read_message(HEAD + header + b"\n\n").is_automatic


REPORT = b"""From: MAILER-DAEMON@mx.example.org
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; Absent@example.org
Action: %s
Status: 5.1.1 (no such user)

--b
Content-Type: text/rfc822-headers

From: suivi@example.net
Message-ID: <7-delivered-1@example.net>
--b--
"""


def test_a_delivery_report_says_who_why_and_which_mail() -> None:
    bounce = read_message(REPORT % b"failed").bounce

    assert bounce is not None
    assert ("absent@example.org",) == bounce.recipients
    assert "5.1.1" == bounce.status
    assert "<7-delivered-1@example.net>" == bounce.message_id


def test_a_report_of_success_is_no_bounce() -> None:
    assert not read_message(REPORT % b"delivered").is_bounce


def test_a_bounce_in_words_alone_is_a_bounce() -> None:
    message = read_message(
        b"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.org\nSubject: failure notice\n\n"
        b"<absent@example.org>:\n550 5.1.1 no such user\n\n--- Below is a copy.\n"
        b"Message-ID: <7-delivered-1@example.net>\n"
    )

    assert message.bounce is not None
    assert ("absent@example.org",) == message.bounce.recipients
    assert "5.1.1" == message.bounce.status
    assert "<7-delivered-1@example.net>" == message.bounce.message_id


def test_a_person_who_writes_of_an_error_is_no_bounce() -> None:
    assert not read_message(HEAD + b"\nI got 550 5.1.1 for a@example.org\n").is_bounce
