"""Every example of docs/mailboxes.md is what the service takes, and logs in where it should."""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from mailtrack.inbox.mailbox import open_mailbox
from mailtrack.notify.mail import OutgoingMail
from mailtrack.notify.smtp import SmtpRelay
from mailtrack.settings import Security, Settings, load_settings
from tests.oauth.standins import FakeProvider, TokenImapServer, TokenSmtpServer

PAGE = (Path(__file__).parents[1] / "docs" / "mailboxes.md").read_text("utf-8")
DOVECOT = "SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ AUTH=PLAIN AUTH=LOGIN"
PASSWORDS = "AUTH PLAIN LOGIN"
#: What each provider says that it offers, to IMAP and to SMTP, after TLS.
OFFERS = {
    "Gmail": (
        "UNSELECT IDLE SASL-IR AUTH=XOAUTH2 AUTH=PLAIN AUTH=PLAIN-CLIENTTOKEN AUTH=OAUTHBEARER",
        "AUTH LOGIN PLAIN XOAUTH2 PLAIN-CLIENTTOKEN OAUTHBEARER XOAUTH",
    ),
    "Microsoft 365": ("AUTH=PLAIN AUTH=XOAUTH2 SASL-IR MOVE IDLE", "AUTH LOGIN XOAUTH2"),
    "Outlook.com": ("AUTH=PLAIN AUTH=XOAUTH2 SASL-IR MOVE IDLE", "AUTH LOGIN XOAUTH2"),
    "Yahoo": (
        "SASL-IR AUTH=PLAIN AUTH=XOAUTH2 AUTH=OAUTHBEARER MOVE LITERAL+",
        "AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER",
    ),
    "iCloud": ("SASL-IR AUTH=ATOKEN AUTH=PTOKEN AUTH=PLAIN IDLE", "AUTH LOGIN PLAIN ATOKEN"),
    "Orange": ("AUTH=PLAIN AUTH=LOGIN IDLE", PASSWORDS),
    "Free": (DOVECOT, PASSWORDS),
    "OVH": (DOVECOT, PASSWORDS),
    "Infomaniak": (DOVECOT, PASSWORDS),
    "Migadu": (DOVECOT, PASSWORDS),
    "Your own server": (DOVECOT, PASSWORDS),
}
#: The ports that are for logging in, and how each is protected.
PROTECTED = {(993, Security.TLS), (465, Security.TLS), (587, Security.STARTTLS)}


def examples() -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the settings of each example, under its provider's name."""
    for section in PAGE.partition("\n## Examples\n")[2].split("\n### ")[1:]:
        for block in re.findall(r"(?:^    MAILTRACK_\S+\n?)+", section, re.MULTILINE):
            lines = (line.strip().partition("=") for line in block.splitlines())
            yield section.splitlines()[0], {name: value for name, _, value in lines}


EXAMPLES = list(examples())


@pytest.fixture(params=EXAMPLES, ids=[name for name, _ in EXAMPLES])
def example(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> tuple[str, Settings]:
    monkeypatch.chdir(tmp_path)
    provider, settings = request.param
    (tmp_path / ".env").write_text("".join(f"{name}={v}\n" for name, v in settings.items()))
    return provider, load_settings()


def test_every_provider_has_an_example() -> None:
    assert {*OFFERS} == {provider for provider, _ in EXAMPLES}


def test_an_example_is_what_the_service_takes(example: tuple[str, Settings]) -> None:
    _, settings = example
    for name, server in (("INBOX", settings.inbox), ("SMTP", settings.smtp)):
        server.check(name)
        assert (server.port, server.security) in PROTECTED

    assert settings.inbox.user == settings.smtp.user == settings.smtp.from_address


def test_an_example_logs_in_at_a_server_that_offers_what_the_provider_does(
    example: tuple[str, Settings],
) -> None:
    provider, settings = example
    imap_offers, smtp_offers = OFFERS[provider]
    user, password = settings.inbox.user, settings.inbox.password.get_secret_value()
    fake = FakeProvider(user=user, password=password, good={"token"})
    token = (lambda _: "token") if settings.oauth.client_id else None
    mail = OutgoingMail(settings.smtp.from_address, "jo@example.org", "<1@x>", b"\r\n")
    with ExitStack() as running:
        imap = running.enter_context(TokenImapServer(fake, imap_offers))
        smtp = running.enter_context(TokenSmtpServer(fake, [smtp_offers]))
        here = {"host": imap.host, "port": imap.port, "security": Security.PLAIN}
        open_mailbox(settings.inbox.model_copy(update=here), access_token=token).close()
        password = settings.smtp.password.get_secret_value()
        with SmtpRelay(smtp.host, smtp.port, "plain", user, password, access_token=token) as relay:
            relay.check(mail)

    assert ["XOAUTH2" if token else "LOGIN"] == imap.logins
    assert ["XOAUTH2" if token else "PLAIN"] == smtp.logins
