"""`mailtrack login` signs in once, and `mailtrack doctor` tries mailbox and relay with it."""

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from mailtrack import cli, logs
from mailtrack.admin.doctor import check_all
from mailtrack.cli import service
from mailtrack.errors import AuthError
from mailtrack.runtime.services import Services
from mailtrack.settings import Settings, load_settings
from mailtrack.store.migrate import upgrade
from tests.inbox.servers import SERVERS
from tests.oauth.standins import (
    DEVICE_CODE,
    USER,
    FakeProvider,
    TokenImapServer,
    TokenSmtpServer,
    provider,
    refused,
)

GMAIL = f"{SERVERS['Gmail'].writes}From: jo@example.org\n\n".replace("\n", "\r\n").encode()


@dataclass
class World:
    """The three servers of one account, and the environment that names them."""

    fake: FakeProvider
    imap: TokenImapServer
    smtp: TokenSmtpServer
    opened: list[Services]

    @property
    def services(self) -> Services:
        """What a new process has of the settings."""
        self.opened.append(Services(load_settings()))
        return self.opened[-1]

    def checks(self) -> dict[str, tuple[bool, str]]:
        return {check.name: (check.ok, check.detail) for check in check_all(self.services)}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    with ExitStack() as running:
        fake = running.enter_context(provider())
        imap = running.enter_context(TokenImapServer(fake, mails=[GMAIL] * 3))
        smtp = running.enter_context(TokenSmtpServer(fake))
        settings = {
            "DATA_DIR": str(tmp_path / "data"),
            "INBOX__HOST": imap.host,
            "INBOX__PORT": str(imap.port),
            "INBOX__SECURITY": "plain",
            "INBOX__USER": USER,
            "SMTP__HOST": smtp.host,
            "SMTP__PORT": str(smtp.port),
            "SMTP__SECURITY": "plain",
            "SMTP__USER": USER,
            "SMTP__FROM_ADDRESS": USER,
            "OAUTH__CLIENT_ID": "mailtrack-at-example",
            "OAUTH__AUTHORIZE_URL": f"{fake.url}/authorize",
            "OAUTH__TOKEN_URL": f"{fake.url}/token",
            "OAUTH__DEVICE_URL": f"{fake.url}/device",
        }
        for name, value in settings.items():
            monkeypatch.setenv(f"MAILTRACK_{name}", value)
        world = World(fake, imap, smtp, [])
        upgrade(world.services.store)
        yield world
        for services in world.opened:
            services.close()


@pytest.fixture
def log_in(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[object, str]]:
    """Run `mailtrack login`; return how it ended, and what it said."""
    monkeypatch.setattr(logs, "configure", lambda _: None)

    def open_services(settings: Settings) -> Services:
        world.opened.append(Services(settings))
        return world.opened[-1]

    monkeypatch.setattr("mailtrack.runtime.services.Services", open_services)

    def run(*arguments: str) -> tuple[object, str]:
        monkeypatch.setattr(sys, "argv", ["mailtrack", "login", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = "".join(capsys.readouterr())
        assert not [token for token in world.fake.good if token in said]
        return ended.value.code, said

    return run


def by_code(world: World) -> list[str]:
    world.fake.say = [(200, {**DEVICE_CODE, "interval": 0.01}), refused("authorization_pending")]
    return ["--device"]


def elsewhere(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let a person paste what their browser shows, once we have said where to sign in."""
    said: list[str] = []
    monkeypatch.setattr(service, "say", lambda line, **_: said.append(line))
    answer = type("Terminal", (), {"readline": lambda _: world.fake.consent(said[0].split()[-1])})
    monkeypatch.setattr(sys, "stdin", answer())
    return ["--paste"]


def here(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let a browser come back as soon as we have said where to sign in."""

    def browse(line: str, **_: Any) -> None:
        if "sign in: " in line:
            address = world.fake.consent(line.split()[-1]).replace("localhost", "127.0.0.1")
            Thread(target=httpx.get, args=(address,), daemon=True).start()

    monkeypatch.setattr(service, "say", browse)
    return []


@pytest.mark.parametrize("way", ["--device", "--paste", ""])
@pytest.mark.parametrize("name", ["google", "microsoft"])
def test_one_sign_in_opens_mailbox_and_relay(
    world: World,
    log_in: Callable[..., tuple[object, str]],
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    name: str,
) -> None:
    prepare = {"--paste": elsewhere, "": here}.get(way)
    options = prepare(world, monkeypatch) if prepare else by_code(world)

    code, _ = log_in(name, *options)

    checks = world.checks()
    assert 0 == code
    assert checks["mailbox"][0], checks
    assert checks["relay"][0], checks
    assert ["XOAUTH2"] * 2 == world.imap.logins
    assert ["XOAUTH2"] == world.smtp.logins


def test_a_cancelled_sign_in_is_one_line_and_keeps_the_former_one(
    world: World, log_in: Callable[..., tuple[object, str]]
) -> None:
    log_in("microsoft", *by_code(world))
    world.fake.say = [(200, {**DEVICE_CODE, "interval": 0.01}), refused("authorization_declined")]

    code, said = log_in("microsoft", "--device")

    assert 1 == code
    assert "cancelled" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert world.checks()["mailbox"][0]


def test_before_anybody_signs_in_both_sides_say_how(world: World) -> None:
    checks = world.checks()

    for side in ("mailbox", "relay"):
        assert not checks[side][0]
        assert "run `mailtrack login google` or `mailtrack login microsoft`" in checks[side][1]


def test_without_a_database_nobody_is_sent_to_the_provider(
    world: World, log_in: Callable[..., tuple[object, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILTRACK_DATA_DIR", "elsewhere")

    code, said = log_in("google")

    assert 1 == code
    assert "db upgrade" in said
    assert "http" not in said


def test_a_sign_in_that_would_end_in_an_hour_is_not_kept(
    world: World, log_in: Callable[..., tuple[object, str]]
) -> None:
    token = {"access_token": "only this", "token_type": "Bearer", "expires_in": 3600}
    world.fake.say = [(200, {**DEVICE_CODE, "interval": 0.01}), (200, token)]

    code, said = log_in("google", "--device")

    assert 1 == code
    assert "no refresh token" in said
    with pytest.raises(AuthError, match="Nobody has signed in"):
        world.services.tokens()


def test_a_provider_that_there_is_not_is_wrong_usage(
    log_in: Callable[..., tuple[object, str]],
) -> None:
    assert 2 == log_in("yahoo")[0]


def test_no_secret_of_a_sign_in_is_in_a_traceback(
    world: World, log_in: Callable[..., tuple[object, str]]
) -> None:
    """Whatever falls: what is raised and all that it holds shows no token."""
    log_in("microsoft", *by_code(world))
    services = world.services
    world.fake.say = [refused("invalid_grant", "AADSTS700082")]
    with pytest.raises(AuthError) as caught:
        services.tokens(services.tokens())

    shown = "".join(traceback.format_exception(caught.value))
    shown += repr(caught.value.__dict__)
    assert not [token for token in world.fake.good if token in shown]


# --- by which name the server signs --------------------------------------------------------


@pytest.fixture
def signed_in(world: World, log_in: Callable[..., tuple[object, str]]) -> World:
    log_in("google", *by_code(world))
    return world


def test_the_name_that_signs_the_mails_of_the_folder_is_suggested(signed_in: World) -> None:
    ok, detail = signed_in.checks()["senders"]

    assert ok
    assert "set MAILTRACK_INBOX__AUTHSERV_ID=mx.google.com" in detail


def test_a_wrong_name_is_found_out_in_one_line(
    signed_in: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILTRACK_INBOX__AUTHSERV_ID", "imap.gmail.com")
    ok, detail = signed_in.checks()["senders"]

    assert not ok
    assert "\n" not in detail
    assert "AUTHSERV_ID=imap.gmail.com signs none of the last 3 mails" in detail
    assert "set MAILTRACK_INBOX__AUTHSERV_ID=mx.google.com" in detail


def test_the_right_name_is_confirmed(signed_in: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILTRACK_INBOX__AUTHSERV_ID", "mx.google.com")

    assert (True, "mx.google.com vouches for them, in 3 of the last 3 mails") == (
        signed_in.checks()["senders"]
    )


def test_an_empty_folder_tells_nothing(signed_in: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILTRACK_INBOX__AUTHSERV_ID", "mx.google.com")
    signed_in.imap.mails = []

    assert signed_in.checks()["senders"][0]
