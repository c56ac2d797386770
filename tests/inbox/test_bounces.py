"""Mails that come back to the address that each of them was sent with."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from mailtrack.clock import FakeClock
from mailtrack.domain.model import NoticeId
from mailtrack.inbox.addresses import BounceAddresses
from mailtrack.inbox.bounces import MOST_SOFT_BOUNCES
from mailtrack.runtime.services import Services
from mailtrack.sandbox.mails import FORWARD_TO
from mailtrack.store import erasure, notices
from mailtrack.store import schema as t
from mailtrack.store.engine import Store

Rows = Callable[..., list[Mapping[str, Any]]]
Receive = Callable[..., Mapping[str, Any]]
Send = Callable[[], str]


@pytest.fixture
def send(
    store: Store,
    services: Services,
    clock: FakeClock,
    follow: Callable[..., Any],
    rows: Rows,
) -> Send:
    """Send Ana one more mail, a day after the last; return the address that brings it back."""

    def make() -> str:
        clock.advance(days=1)
        mine = follow()
        with store.write() as connection:
            day, now = clock.now().isoformat()[:19], clock.now()
            notices.owe(
                connection,
                mine.subscriber,
                "stalled",
                subscription_id=mine.id,
                at=now,
                now=now,
                occurrence=day,
            )
        number = NoticeId(rows(t.notice)[-1]["id"])
        with store.write() as connection:
            notices.mark_sent(connection, number, f"<{number}@colis.example>", clock.now())
        assert services.bounces is not None
        return services.bounces.of(number, ana(rows)["key"])

    return make


def report(
    to: str,
    status: str = "5.1.1",
    header: str = "To",
    action: str = "failed",
    diagnostic: str = "",
) -> bytes:
    """Write a report that says nothing of the mail that came back (RFC 3464)."""
    said = f"Diagnostic-Code: {diagnostic}\r\n" if diagnostic else ""
    return (
        "Return-Path: <>\r\n"
        "From: MAILER-DAEMON@mx.example.org\r\n"
        f"{header}: {to}\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n'
        "\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example.org\r\n\r\n"
        f"Final-Recipient: rfc822; ana@example.org\r\nAction: {action}\r\n"
        f"Status: {status}\r\n{said}\r\n"
        "--b--\r\n"
    ).encode()


def ana(rows: Rows) -> Mapping[str, Any]:
    (row,) = rows(t.subscriber)
    return row


@pytest.mark.parametrize("header", ["To", "Delivered-To", "X-Original-To"])
def test_a_report_to_the_address_of_a_mail_stops_its_reader_whatever_it_quotes(
    receive: Receive, send: Send, rows: Rows, clock: FakeClock, header: str
) -> None:
    row = receive(report(send(), header=header))

    assert ("bounce", ana(rows)["id"]) == (row["outcome"], row["subscriber_id"])
    assert clock.now() == ana(rows)["bounced_at"]
    assert "returned 5.1.1" == rows(t.notice)[-1]["last_error"]


@pytest.mark.parametrize("forge", ["another secret", "another notice", "no address"])
def test_a_forged_report_changes_nothing(
    receive: Receive, send: Send, rows: Rows, forge: str
) -> None:
    address = send()
    forged = {
        "another secret": BounceAddresses(FORWARD_TO, "guessed").of(NoticeId(1), ana(rows)["key"]),
        "another notice": address.replace("1@", "2@"),
        "no address": FORWARD_TO,
    }[forge]
    row = receive(report(forged))

    assert ("bounce", None) == (row["outcome"], row["subscriber_id"])
    assert (None, 0) == (ana(rows)["bounced_at"], ana(rows)["soft_bounces"])
    assert "" == rows(t.notice)[-1]["last_error"]


def quoting(message_id: str) -> bytes:
    """Return a report to our visible address that quotes the mail which came back."""
    quoted = (
        "--b\r\nContent-Type: message/rfc822\r\n\r\n"
        f"From: suivi@colis.example\r\nMessage-ID: {message_id}\r\n\r\nx\r\n--b--\r\n"
    )
    return report("suivi@colis.example").replace(b"--b--\r\n", quoted.encode())


def test_without_addresses_of_their_own_mails_are_known_by_their_message_id(
    receive: Receive, send: Send, rows: Rows, clock: FakeClock
) -> None:
    send()
    receive(quoting("<1@colis.example>"))

    assert clock.now() == ana(rows)["bounced_at"]


@pytest.mark.parametrize(
    ("ours", "forged"),
    [
        (b"<1@colis.example>", b"<2@colis.example>"),
        (b"Return-Path: <>", b"Return-Path: <eve@evil.example>"),
        (b"Return-Path: <>\r\nFrom: MAILER-DAEMON@mx", b"From: eve@evil"),
    ],
    ids=["an id that was never sent", "a sender to answer to", "no mail server"],
)
def test_whoever_is_no_mail_server_or_does_not_know_the_id_reports_nothing(
    receive: Receive, send: Send, rows: Rows, ours: bytes, forged: bytes
) -> None:
    send()
    genuine = quoting("<1@colis.example>")
    assert ours in genuine
    receive(genuine.replace(ours, forged))

    assert (None, 0) == (ana(rows)["bounced_at"], ana(rows)["soft_bounces"])


ABSENCE = (
    "From: Ana <ana@example.org>\r\nTo: {to}\r\nSubject: Absence du bureau\r\n{header}\r\n"
    "Je suis absente jusqu'au 5.1.2026.\r\n"
)


@pytest.mark.parametrize(
    "header",
    ["Auto-Submitted: auto-replied\r\n", "X-Autoreply: yes\r\n", "Return-Path: <>\r\n", ""],
)
def test_an_absence_is_no_failure_and_is_never_answered(
    receive: Receive, send: Send, rows: Rows, header: str
) -> None:
    """Many say nothing of what they are; but nobody writes to such an address by hand."""
    proof = "Authentication-Results: mx.colis.example; dkim=pass header.d=example.org\r\n"
    row = receive((proof + ABSENCE.format(to=send(), header=header)).encode())

    assert "automatic_reply" == row["outcome"]
    assert row["reason"]
    assert (None, 0) == (ana(rows)["bounced_at"], ana(rows)["soft_bounces"])
    assert 1 == len(rows(t.notice))


def test_a_report_of_success_is_no_failure(receive: Receive, send: Send, rows: Rows) -> None:
    row = receive(report(send(), "2.0.0", action="delivered"))

    assert "automatic_reply" == row["outcome"]
    assert None is ana(rows)["bounced_at"]


@pytest.mark.parametrize(
    ("status", "diagnostic"),
    [
        ("5.7.1", ""),
        ("5.7.26", "smtp; 550-5.7.26 Unauthenticated email is not accepted"),
        ("4.7.0", "smtp; 421-4.7.0 unusual rate of unsolicited mail"),
        ("5.4.5", "smtp; 550-5.4.5 Daily user sending limit exceeded"),
        ("5.1.90", ""),
        ("5.1.8", "smtp; 550 5.1.8 Access denied, bad outbound sender"),
        ("5.0.0", "smtp; 550 5.7.606 Access denied, banned sending IP"),
        ("5.0.0", "smtp; 550 Service refuse. LPN007_510 for <ana@example.org>"),
        ("5.2.2", "smtp; 554 5.2.2 Submission quota exceeded"),
    ],
)
def test_a_report_about_us_is_never_counted_against_a_reader(
    receive: Receive,
    send: Send,
    rows: Rows,
    logged: list[Mapping[str, Any]],
    status: str,
    diagnostic: str,
) -> None:
    """On the day we are on a blacklist, all addresses would be dead."""
    for _ in range(MOST_SOFT_BOUNCES + 1):
        receive(report(send(), status, diagnostic=diagnostic))

    assert (0, None) == (ana(rows)["soft_bounces"], ana(rows)["bounced_at"])
    assert MOST_SOFT_BOUNCES + 1 == sum(
        entry["event"] == "mail came back because of us" for entry in logged
    )


@pytest.mark.parametrize(
    ("status", "diagnostic"),
    [
        ("5.1.1", ""),
        ("5.1.10", ""),
        ("5.2.1", "smtp; 550 5.2.1 The email account that you tried to reach is disabled."),
        ("5.0.0", "smtp; 550 5.1.1 User unknown"),
        ("5.0.0", "smtp; 550 No such user here"),
    ],
)
def test_a_report_of_an_address_that_is_none_ends_it_at_once(
    receive: Receive, send: Send, rows: Rows, clock: FakeClock, status: str, diagnostic: str
) -> None:
    receive(report(send(), status, diagnostic=diagnostic))

    assert clock.now() == ana(rows)["bounced_at"]


@pytest.mark.parametrize("status", ["4.2.2", "5.2.2", "5.3.4", "5.4.4", "5.4.7", "4.4.1", "5.0.0"])
def test_failures_that_may_pass_count_in_a_row_and_the_fifth_ends_it(
    receive: Receive, send: Send, rows: Rows, clock: FakeClock, status: str
) -> None:
    for times in range(1, MOST_SOFT_BOUNCES):
        receive(report(send(), status))
        assert (times, None) == (ana(rows)["soft_bounces"], ana(rows)["bounced_at"])
    receive(report(send(), status))

    assert clock.now() == ana(rows)["bounced_at"]


def test_one_mail_that_is_reported_late_again_and_again_counts_once(
    receive: Receive, send: Send, rows: Rows, clock: FakeClock
) -> None:
    address = send()
    for _ in range(MOST_SOFT_BOUNCES):
        clock.advance(hours=4)
        receive(report(address, "4.4.1", action="delayed") + f"{clock.now()}".encode())

    assert (1, None) == (ana(rows)["soft_bounces"], ana(rows)["bounced_at"])
    receive(report(address, "5.1.1"))
    assert clock.now() == ana(rows)["bounced_at"]


def test_a_mail_that_arrives_begins_the_count_again(
    receive: Receive, send: Send, rows: Rows
) -> None:
    for _ in range(MOST_SOFT_BOUNCES - 1):
        receive(report(send(), "4.2.2"))
    send()
    receive(report(send(), "4.2.2"))

    assert (1, None) == (ana(rows)["soft_bounces"], ana(rows)["bounced_at"])


def test_a_report_about_somebody_who_was_erased_is_recorded_and_no_more(
    receive: Receive, send: Send, store: Store, rows: Rows
) -> None:
    address = send()
    with store.write() as connection:
        erasure.erase(connection, ana(rows)["id"])

    assert "bounce" == receive(report(address))["outcome"]
    assert [] == rows(t.subscriber)
