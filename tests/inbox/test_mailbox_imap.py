"""The IMAP mailbox on a server that behaves: what it changes there, and what it says of trouble."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from imapclient import IMAPClient
from pydantic import SecretStr

from mailtrack.errors import AuthError, ConfigurationError, TransientError
from mailtrack.inbox.imap_errors import ServerErrors
from mailtrack.inbox.mailbox import open_mailbox, open_session
from mailtrack.sandbox.imap import ImapServer
from mailtrack.settings import InboxSettings, Security

MAIL = b"Subject: colis\r\n\r\nDedouane.\r\n"


@pytest.fixture
def server() -> Iterator[ImapServer]:
    with ImapServer("colis", "sésame") as running:
        yield running


def changed(server: ImapServer, **changes: Any) -> InboxSettings:
    return server.settings().model_copy(update=changes)


def flags(server: ImapServer, folder: str = "INBOX") -> list[tuple[bytes, ...]]:
    with open_session(server.settings()) as client:
        client.select_folder(folder, readonly=True)
        return [tuple(found) for found in client.get_flags(client.search()).values()]


def read_all(settings: InboxSettings) -> list[bytes]:
    mailbox = open_mailbox(settings)
    try:
        return [mailbox.fetch(uid).raw for uid in list(mailbox.new_uids(0))]
    finally:
        mailbox.close()


@pytest.mark.parametrize("move_to", ["", "Lus"])
def test_reading_does_not_mark_a_mail_as_read(server: ImapServer, move_to: str) -> None:
    server.deliver(MAIL)

    contents = read_all(changed(server, move_to=move_to))

    assert [MAIL] == contents
    assert all(b"\\Seen" not in found for found in flags(server))


def test_a_password_with_accents_is_accepted(server: ImapServer) -> None:
    """LOGIN knows ASCII only, so another way in is taken."""
    open_mailbox(server.settings()).close()


@pytest.mark.parametrize("wrong", ["faux", "sesamé"])
def test_a_wrong_password_is_an_auth_error_that_says_what_to_do(
    server: ImapServer, wrong: str
) -> None:
    with pytest.raises(AuthError) as caught:
        open_mailbox(changed(server, password=SecretStr(wrong)))

    message = str(caught.value)
    assert f"127.0.0.1:{server.port}: login failed: " in message
    assert "MAILTRACK_INBOX__PASSWORD" in message
    assert wrong not in message
    assert "\n" not in message


def test_an_unknown_folder_is_a_setting_to_change(server: ImapServer) -> None:
    with pytest.raises(ConfigurationError, match=r"opening folder Colis.*MAILTRACK_INBOX__FOLDER"):
        open_mailbox(changed(server, folder="Colis"))


def test_the_folder_for_read_mails_is_made_where_it_is_missing(server: ImapServer) -> None:
    server.deliver(MAIL)
    mailbox = open_mailbox(changed(server, move_to="Lus"))

    mailbox.move(next(mailbox.new_uids(0)))
    mailbox.close()

    assert [()] == flags(server, "Lus")
    assert [] == flags(server)


def test_without_move_a_copy_is_made_once_and_nothing_is_expunged(
    server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EXPUNGE would delete what other programs have marked; a second copy would be a double."""
    server.deliver(MAIL)
    mailbox = open_mailbox(changed(server, move_to="Lus"))
    monkeypatch.setattr(IMAPClient, "has_capability", lambda *_: False)
    uid = next(mailbox.new_uids(0))

    mailbox.move(uid)
    mailbox.move(uid)
    mailbox.close()

    assert [(b"\\Deleted",)] == flags(server)
    assert len(flags(server, "Lus")) == 1


def test_a_long_folder_is_searched_piece_by_piece(
    server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailtrack.inbox.mailbox.SEARCH_SPAN", 30)
    for _ in range(3):
        server.deliver(MAIL)
    mailbox = open_mailbox(server.settings())

    found = list(mailbox.new_uids(0))
    mailbox.close()

    assert len(found) == 3
    assert sorted(set(found)) == found


def test_a_server_without_idle_says_so() -> None:
    with ImapServer("colis", "secret", idle=False) as server:
        mailbox = open_mailbox(server.settings())
        mailbox.close()

    assert mailbox.can_idle is False


def test_an_idle_time_of_zero_turns_idle_off(server: ImapServer) -> None:
    mailbox = open_mailbox(changed(server, idle_s=0.0))
    mailbox.close()

    assert mailbox.can_idle is False


def test_an_unknown_host_is_one_line_that_names_the_setting() -> None:
    settings = InboxSettings(host="imap.example.invalid", user="colis")

    with pytest.raises(TransientError) as caught:
        open_mailbox(settings)

    assert str(caught.value).startswith("imap.example.invalid:993: connecting failed: ")
    assert str(caught.value).endswith("; check MAILTRACK_INBOX__HOST and the network.")


def test_a_closed_port_is_transient() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    settings = InboxSettings(host="127.0.0.1", port=port, security=Security.PLAIN, user="colis")

    with pytest.raises(TransientError, match="Connection refused"):
        open_mailbox(settings)


def test_a_password_is_never_sent_in_clear_over_the_net() -> None:
    settings = InboxSettings(host="imap.example.org", security=Security.PLAIN, user="colis")

    with pytest.raises(ConfigurationError, match="in clear"):
        open_mailbox(settings)


def test_a_server_without_starttls_gets_no_password(server: ImapServer) -> None:
    with pytest.raises(ConfigurationError, match=r"STARTTLS.*MAILTRACK_INBOX__SECURITY"):
        open_mailbox(changed(server, security=Security.STARTTLS))


def test_tls_to_a_port_that_speaks_plain_is_one_line(server: ImapServer) -> None:
    with pytest.raises(TransientError, match=r"connecting failed.*MAILTRACK_INBOX__SECURITY"):
        open_mailbox(changed(server, security=Security.TLS))


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (19, "name its authority in MAILTRACK_INBOX__CA_FILE."),  # self-signed in the chain
        (92, "make the authority's anew, with keyUsage=critical,keyCertSign"),
    ],
)
def test_a_certificate_against_the_rules_is_told_from_one_that_is_not_trusted(
    code: int, advice: str
) -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "what OpenSSL says"

    with pytest.raises(AuthError) as caught, ServerErrors("imap.example.org").during("connecting"):
        raise error
    assert "connecting failed: what OpenSSL says; " in str(caught.value)
    assert advice in str(caught.value)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_that_cannot_be_used_is_a_setting_to_change(
    server: ImapServer, tmp_path: Path, content: str | None
) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_text(content)

    with pytest.raises(ConfigurationError, match="MAILTRACK_INBOX__CA_FILE: cannot read"):
        open_mailbox(changed(server, security=Security.TLS, ca_file=ca_file))
