"""Logging in with a token instead of a password."""

import json
from collections.abc import Mapping

import pytest
from imapclient import IMAPClient
from pydantic import SecretStr

from mailtrack.carriers.transport import Answer
from mailtrack.errors import AuthError, ConfigurationError, TransientError
from mailtrack.inbox import mailbox
from mailtrack.inbox.oauth import access_token
from mailtrack.sandbox.imap import ImapServer
from mailtrack.settings import OAuthSettings

OAUTH = OAuthSettings(
    token_url="https://login.example.org/token",
    client_id="mailtrack",
    refresh_token=SecretStr("a refresh token"),
    scope="imap",
)


class TokenServer:
    """Answers every question alike, and remembers what it was asked."""

    def __init__(self, status: int, answer: object) -> None:
        self._answer = Answer("login.example.org", status, {}, json.dumps(answer).encode())
        self.forms: list[Mapping[str, str]] = []

    def __call__(self, url: str, form: Mapping[str, str]) -> Answer:
        assert OAUTH.token_url == url
        self.forms.append(form)
        return self._answer


def test_a_token_is_asked_for_with_the_refresh_token_and_no_empty_fields() -> None:
    server = TokenServer(200, {"access_token": "abc", "expires_in": 3600})

    assert "abc" == access_token(OAUTH, server)
    assert [
        {
            "grant_type": "refresh_token",
            "refresh_token": "a refresh token",
            "client_id": "mailtrack",
            "scope": "imap",
        }
    ] == server.forms


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (400, {"error": "invalid_grant"}, AuthError),
        (401, {}, AuthError),
        (503, {}, TransientError),
        (200, {"access_token": 5}, TransientError),
        (200, {}, TransientError),
    ],
)
def test_what_the_token_server_refuses_takes_its_own_branch(
    status: int, answer: object, error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"login\.example\.org") as caught:
        access_token(OAUTH, TokenServer(status, answer))

    assert "a refresh token" not in str(caught.value)


def test_a_refresh_token_alone_is_not_enough() -> None:
    with pytest.raises(ConfigurationError, match="TOKEN_URL"):
        access_token(OAuthSettings(refresh_token=SecretStr("x")))


def test_the_mailbox_is_opened_with_the_token_instead_of_the_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logins: list[tuple[str, str]] = []

    def oauth2_login(client: IMAPClient, user: str, token: str) -> None:
        logins.append((user, token))
        client.login("colis", "right")  # the sandbox knows passwords only

    monkeypatch.setattr(mailbox, "access_token", lambda _: "abc")
    monkeypatch.setattr(IMAPClient, "oauth2_login", oauth2_login)
    with ImapServer("colis", "right") as server:
        settings = server.settings().model_copy(update={"oauth": OAUTH, "password": SecretStr("")})
        mailbox.open_mailbox(settings).close()

    assert [("colis", "abc")] == logins
