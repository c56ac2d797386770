"""The IMAP server of the sandbox: as real as a client can tell."""

import logging
import socket
from datetime import UTC, datetime, timedelta, timezone

import pytest
from imapclient.exceptions import IMAPClientError

from mailtrack.inbox.mailbox import open_session
from mailtrack.sandbox.imap import ImapAccount, ImapServer

MAIL = b"Subject: re\xe7u\r\n\r\n.\r\nLivr\xe9.\r\n"


def test_a_delivered_mail_is_there_unread_and_byte_for_byte() -> None:
    at = datetime(2026, 3, 2, 9, 0, tzinfo=timezone(timedelta(hours=1)))

    with ImapServer("colis", "secret") as server:
        server.deliver(MAIL, at)
        with open_session(server.settings()) as client:
            client.select_folder("INBOX", readonly=True)
            found = client.fetch(client.search(), ["BODY.PEEK[]", "INTERNALDATE", "FLAGS"])

    (row,) = found.values()
    assert row[b"BODY[]"] == MAIL
    assert row[b"INTERNALDATE"].astimezone(UTC) == at
    assert b"\\Seen" not in row[b"FLAGS"]


def test_it_starts_empty_and_forgets_everything_at_the_end() -> None:
    for _ in range(2):
        with ImapServer("colis", "secret") as server:
            with open_session(server.settings()) as client:
                assert client.select_folder("INBOX")[b"EXISTS"] == 0
            server.deliver(MAIL)


def test_two_servers_stand_side_by_side() -> None:
    with ImapServer("un", "1") as first, ImapServer("deux", "2") as second:
        second.deliver(MAIL)

        assert first.port != second.port
        with open_session(first.settings()) as client:
            assert client.select_folder("INBOX")[b"EXISTS"] == 0


def test_a_port_that_is_taken_is_an_error_at_the_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = ImapServer("colis", "secret", port=taken.getsockname()[1])

        with pytest.raises(OSError, match="in use"):
            server.__enter__()


def test_the_end_closes_open_connections_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        with ImapServer("colis", "secret") as server:
            client = open_session(server.settings())
            client.select_folder("INBOX")
            client.idle()

        with pytest.raises(IMAPClientError, match="EOF"):
            client.idle_done()
        client.shutdown()

    assert caplog.records == []


def test_an_account_delivers_to_any_server() -> None:
    with ImapServer("colis", "secret") as server:
        ImapAccount(server.host, server.port, "colis", "secret").deliver(MAIL)

        with open_session(server.settings()) as client:
            assert client.select_folder("INBOX")[b"EXISTS"] == 1


def test_a_rebuilt_mailbox_has_its_mails_under_another_uidvalidity() -> None:
    with ImapServer("colis", "secret") as server:
        server.deliver(MAIL)
        seen = []
        for _ in range(2):
            with open_session(server.settings()) as client:
                answer = client.select_folder("INBOX", readonly=True)
                seen.append((answer[b"UIDVALIDITY"], answer[b"EXISTS"]))
            server.renumber()

    (before, mails), (after, same_mails) = seen
    assert before != after
    assert 1 == mails == same_mails
