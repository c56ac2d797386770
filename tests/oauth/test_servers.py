"""The mailbox and the relay open by the same token, and say what is missing where they do not."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from pydantic import SecretStr

from mailtrack.errors import AuthError, ConfigurationError, MailtrackError, TransientError
from mailtrack.inbox.mailbox import open_mailbox
from mailtrack.notify.mail import OutgoingMail
from mailtrack.notify.smtp import RelayAwayError, SmtpRelay
from mailtrack.settings import InboxSettings, Security
from tests.oauth.standins import USER, FakeProvider, TokenImapServer, TokenSmtpServer

MAIL = OutgoingMail(USER, "camille@example.net", "<1@x>", b"Subject: x\r\n\r\nBonjour\r\n")
TOKEN = "a-good-token" * 100


class Tokens:
    """Gives one token, and a newer one to who was refused with it."""

    def __init__(self, first: str = TOKEN, newer: str = TOKEN) -> None:
        self._first, self._newer = first, newer
        self.refused: list[str] = []

    def __call__(self, refused: str) -> str:
        self.refused += [refused] if refused else []
        return self._newer if refused else self._first


class Mailbox:
    """Opens a mailbox that offers something."""

    WAYS = "AUTH=XOAUTH2", "AUTH=OAUTHBEARER", "AUTH=XOAUTH2 AUTH=OAUTHBEARER AUTH=PLAIN"

    def __init__(self, opened: ExitStack, fake: FakeProvider, offers: str) -> None:
        self.server = opened.enter_context(TokenImapServer(fake, offers))

    def open(self, tokens: Any, password: str = "") -> None:
        settings = InboxSettings(
            host=self.server.host,
            port=self.server.port,
            security=Security.PLAIN,
            user=USER,
            password=SecretStr(password),
        )
        open_mailbox(settings, access_token=tokens).close()


class Relay:
    """Tries a relay that offers something."""

    WAYS = "AUTH XOAUTH2", "AUTH OAUTHBEARER", "AUTH XOAUTH2 OAUTHBEARER PLAIN"

    def __init__(self, opened: ExitStack, fake: FakeProvider, offers: str) -> None:
        self.server = opened.enter_context(TokenSmtpServer(fake, [offers] if offers else []))

    def open(self, tokens: Any, password: str = "") -> None:
        host, port = self.server.host, self.server.port
        with SmtpRelay(host, port, "plain", USER, password, access_token=tokens) as relay:
            relay.check(MAIL)


Side = type[Mailbox] | type[Relay]
SIDES = pytest.mark.parametrize("side", [Mailbox, Relay])


@pytest.fixture
def fake() -> FakeProvider:
    return FakeProvider(good={TOKEN})


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as servers:
        yield servers


@SIDES
@pytest.mark.parametrize(("way", "used"), [(0, "XOAUTH2"), (1, "OAUTHBEARER"), (2, "XOAUTH2")])
def test_both_open_by_the_token_in_a_way_that_they_offer(
    opened: ExitStack, fake: FakeProvider, side: Side, way: int, used: str
) -> None:
    one = side(opened, fake, side.WAYS[way])
    one.open(Tokens())

    assert [used] == one.server.logins


@SIDES
@pytest.mark.parametrize("way", [0, 1])
def test_a_token_that_ended_before_its_time_is_replaced_at_once(
    opened: ExitStack, fake: FakeProvider, side: Side, way: int
) -> None:
    one, tokens = side(opened, fake, side.WAYS[way]), Tokens(first="ended")
    one.open(tokens)

    assert ["ended"] == tokens.refused
    assert 1 == len(one.server.logins)


@SIDES
def test_a_token_that_stays_refused_is_said_with_the_servers_words_and_not_shown(
    opened: ExitStack, fake: FakeProvider, side: Side
) -> None:
    one = side(opened, fake, side.WAYS[0])
    with pytest.raises(AuthError, match=r"(?i)authenticat.*mailtrack login") as caught:
        one.open(Tokens("ended-long-ago", "ended-too"))

    assert "ended" not in str(caught.value)


@SIDES
def test_no_password_is_sent_where_only_tokens_are_taken(
    opened: ExitStack, fake: FakeProvider, side: Side
) -> None:
    offers = "AUTH=XOAUTH2 LOGINDISABLED" if side is Mailbox else "AUTH XOAUTH2"
    one = side(opened, fake, offers)
    with pytest.raises(MailtrackError, match=r"offers XOAUTH2.*mailtrack login") as caught:
        one.open(None, password="right")

    assert "\n" not in str(caught.value)
    assert not [line for line in one.server.asked if "right" in line or "LOGIN " in line]
    assert not [line for line in one.server.asked if line.startswith("AUTH")]


def test_no_password_is_sent_where_logindisabled_stands_whatever_else_is_offered(
    opened: ExitStack, fake: FakeProvider
) -> None:
    one = Mailbox(opened, fake, "LOGINDISABLED STARTTLS AUTH=PLAIN")
    with pytest.raises(ConfigurationError, match=r"LOGINDISABLED.*MAILTRACK_INBOX__SECURITY"):
        one.open(None, password="right")

    assert {"CAPABILITY "} >= {*one.server.asked}


@SIDES
def test_a_password_counts_before_the_sign_in(
    opened: ExitStack, fake: FakeProvider, side: Side
) -> None:
    """One side may be another provider's, which knows nothing of the sign-in."""
    one = side(opened, fake, "AUTH=PLAIN" if side is Mailbox else "AUTH PLAIN")
    one.open(Tokens(), password="right")

    assert ["LOGIN" if side is Mailbox else "PLAIN"] == one.server.logins


@SIDES
def test_a_server_that_takes_no_tokens_wants_a_password(
    opened: ExitStack, fake: FakeProvider, side: Side
) -> None:
    one = side(opened, fake, "AUTH=PLAIN" if side is Mailbox else "AUTH PLAIN LOGIN")
    with pytest.raises(MailtrackError, match=r"no access tokens.*PLAIN.*__PASSWORD"):
        one.open(Tokens())


@SIDES
def test_a_provider_that_is_away_makes_the_server_count_as_away(
    opened: ExitStack, fake: FakeProvider, side: Side
) -> None:
    def away(_: str) -> str:
        raise TransientError("login.example.org cannot be reached (timed out); check the network.")

    one = side(opened, fake, side.WAYS[0])
    expected = TransientError if side is Mailbox else RelayAwayError
    with pytest.raises(expected, match=r"^login\.example\.org cannot be reached"):
        one.open(away)


@pytest.mark.parametrize(
    ("offers", "security", "said"),
    [
        ((), "plain", "offers no login.*MAILTRACK_SMTP__PORT.*587"),
        (("STARTTLS",), "plain", "STARTTLS first.*MAILTRACK_SMTP__SECURITY=starttls"),
        (("AUTH PLAIN",), "starttls", "STARTTLS.*not supported.*MAILTRACK_SMTP__SECURITY=tls"),
        (("AUTH PLAIN",), "tls", r"no TLS \(WRONG_VERSION_NUMBER\).*SECURITY=starttls"),
        (("AUTH GSSAPI",), "plain", "takes no password.*GSSAPI"),
    ],
)
def test_a_relay_that_is_spoken_to_in_the_wrong_way_says_which_setting_to_change(
    opened: ExitStack, fake: FakeProvider, offers: tuple[str, ...], security: str, said: str
) -> None:
    server = opened.enter_context(TokenSmtpServer(fake, offers))
    relay = SmtpRelay(server.host, server.port, security, USER, "right", timeout_s=30)

    with relay, pytest.raises(MailtrackError, match=said) as caught:
        relay.check(MAIL)

    assert "\n" not in str(caught.value)


def test_a_port_that_waits_for_tls_is_no_riddle(opened: ExitStack) -> None:
    """Who speaks TLS from the start says nothing until we do: STARTTLS on port 465."""
    silent = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
    host, port = silent.getsockname()
    relay = SmtpRelay(host, port, "starttls", USER, "right", timeout_s=0.05)

    with relay, pytest.raises(RelayAwayError, match=r"timed out.*MAILTRACK_SMTP__SECURITY=tls"):
        relay.check(MAIL)
