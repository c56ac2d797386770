"""One sign-in opens the mailbox and the relay, whichever way the person takes to it."""

import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from mailtrack.carriers.transport import Transport
from mailtrack.clock import SystemClock
from mailtrack.errors import AuthError, ConfigurationError, MailtrackError, TransientError
from mailtrack.oauth.browser_sign_in import sign_in_elsewhere, sign_in_here
from mailtrack.oauth.device_sign_in import sign_in_by_code
from mailtrack.oauth.endpoint import Grant, TokenEndpoint
from mailtrack.oauth.names import ProviderName
from mailtrack.oauth.providers import provider_of
from mailtrack.sandbox.loopback import free_port
from mailtrack.settings import OAuthSettings
from tests.oauth.standins import DEVICE_CODE, USER, FakeProvider, provider, refused

MICROSOFT, GOOGLE = ProviderName.MICROSOFT, ProviderName.GOOGLE


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with provider() as running:
        yield running


@pytest.fixture
def transport() -> Iterator[Transport]:
    transport = Transport(SystemClock())
    yield transport
    transport.close()


@pytest.fixture
def endpoint(fake: FakeProvider, transport: Transport) -> TokenEndpoint:
    return TokenEndpoint(MICROSOFT, fake.settings(), transport)


class Person:
    """Reads what we say, and visits the addresses in it in a thread of their own."""

    def __init__(self, *visits: Callable[[str], str]) -> None:
        self.said: list[str] = []
        self.pages: list[httpx.Response] = []
        self._visits = visits

    def hear(self, line: str) -> None:
        self.said.append(line)
        if "sign in: " in line:
            self.address = line.rpartition(" ")[2]
            threading.Thread(target=self._browse, daemon=True).start()

    def _browse(self) -> None:
        for visit in self._visits:
            self.pages.append(httpx.get(visit(self.address).replace("localhost", "127.0.0.1")))


def one_line(caught: pytest.ExceptionInfo[MailtrackError], fake: FakeProvider) -> str:
    """Return the message: one line, without any secret of the sign-in."""
    said = str(caught.value)
    assert 1 == len(said.splitlines())
    for form in fake.forms:
        secrets = {"client_secret", "code", "code_verifier", "refresh_token", "device_code"}
        assert not [form[name] for name in secrets & form.keys() if form[name] in said]
    assert caught.value.__cause__ is None  # what a traceback would show beside it
    return said


def test_a_browser_here_brings_the_tokens_back(fake: FakeProvider, endpoint: TokenEndpoint) -> None:
    person = Person(fake.consent)

    grant = sign_in_here(endpoint, USER, 0, person.hear)

    assert grant.access_token in fake.good
    assert grant.refresh_token
    asked = parse_qs(urlsplit(person.address).query)
    assert [USER] == asked["login_hint"]
    assert ["code"] == asked["response_type"]
    assert {"offline_access", "https://outlook.office.com/SMTP.Send"} < {*asked["scope"][0].split()}
    form = fake.forms[-1]
    assert asked["redirect_uri"][0] == form["redirect_uri"]
    assert form["redirect_uri"].startswith("http://localhost:")


def test_a_stranger_at_the_redirect_ends_nothing(
    fake: FakeProvider, endpoint: TokenEndpoint
) -> None:
    strangers: tuple[Callable[[str], str], ...] = (
        lambda address: fake.consent(address, state="a guess"),
        lambda address: fake.consent(address, state="a guess", error="access_denied"),
        lambda address: fake.consent(address).partition("?")[0] + "favicon.ico",
    )
    person = Person(*strangers, fake.consent)

    grant = sign_in_here(endpoint, USER, 0, person.hear)

    assert grant.access_token in fake.good
    assert [400, 400, 400] == [page.status_code for page in person.pages[:3]]
    assert 2 == sum("wrong state" in line for line in person.said)


def test_a_browser_elsewhere_has_its_last_address_copied(
    fake: FakeProvider, endpoint: TokenEndpoint
) -> None:
    said: list[str] = []

    def read() -> str:
        return fake.consent(said[0].rpartition(" ")[2]) + "\n"

    assert sign_in_elsewhere(endpoint, USER, read, said.append).access_token in fake.good


@pytest.mark.parametrize("copied", ["", "http://localhost:8400/?code=a&state=b", "nonsense"])
def test_an_address_that_was_copied_badly_is_said(
    fake: FakeProvider, endpoint: TokenEndpoint, copied: str
) -> None:
    with pytest.raises(AuthError, match="not the address") as caught:
        sign_in_elsewhere(endpoint, USER, lambda: copied, lambda _: None)

    one_line(caught, fake)


def test_a_code_is_typed_on_any_device(fake: FakeProvider, endpoint: TokenEndpoint) -> None:
    fake.say = [
        (200, DEVICE_CODE),
        refused("authorization_pending"),
        refused("slow_down"),
        (503, {}),
    ]
    said: list[str] = []
    pauses: list[float] = []

    grant = sign_in_by_code(endpoint, said.append, pauses.append)

    assert grant.access_token in fake.good
    assert "https://login.example.org/device" in said[0]
    assert "ABCD-EFGH" in said[0]
    assert [5, 5, 10, 10] == pauses


def _here(endpoint: TokenEndpoint, fake: FakeProvider) -> Grant:
    return sign_in_here(endpoint, USER, 0, Person(fake.consent).hear)


def _cancelled(endpoint: TokenEndpoint, fake: FakeProvider) -> Grant:
    denied = {"error": "access_denied", "error_description": "AADSTS65004: User declined."}
    return sign_in_here(
        endpoint, USER, 0, Person(lambda address: fake.consent(address, **denied)).hear
    )


def _by_code(endpoint: TokenEndpoint, fake: FakeProvider) -> Grant:
    return sign_in_by_code(endpoint, lambda _: None, lambda _: None)


@pytest.mark.parametrize(
    ("way", "answers", "said"),
    [
        (
            _cancelled,
            [],
            r"access_denied: AADSTS65004: User declined; .*cancelled.*login microsoft",
        ),
        (_here, [refused("invalid_grant", "AADSTS70008: expired")], "AADSTS70008.*sign in anew"),
        (
            _here,
            [refused("invalid_request", "AADSTS90002: Tenant 'x' not found.\r\nTrace ID: 1f")],
            r"AADSTS90002: Tenant 'x' not found; check MAILTRACK_OAUTH__TENANT and",
        ),
        (
            _here,
            [refused("invalid_client", "AADSTS7000215: Invalid client secret provided.")],
            "AADSTS7000215.*check MAILTRACK_OAUTH__CLIENT_ID and MAILTRACK_OAUTH__CLIENT_SECRET",
        ),
        (_here, [refused("invalid_client", "AADSTS7000218: needs")], "Allow public client flows"),
        (_by_code, [refused("invalid_scope", "Invalid device flow scope: x")], "--paste"),
        (_by_code, [(200, DEVICE_CODE), refused("expired_token")], "code has lapsed.*login"),
        (_by_code, [(200, DEVICE_CODE), refused("authorization_declined")], "cancelled"),
        (
            _by_code,
            [(200, DEVICE_CODE), *[refused("authorization_pending")] * 200],
            "code has lapsed.*login microsoft --device",
        ),
    ],
)
def test_a_refusal_is_one_line_in_the_providers_words_with_what_to_do(
    fake: FakeProvider, endpoint: TokenEndpoint, way: Any, answers: Any, said: str
) -> None:
    fake.say = answers
    with pytest.raises(AuthError, match=said) as caught:
        way(endpoint, fake)

    assert "Trace ID" not in one_line(caught, fake)


def test_whoever_does_not_come_is_not_waited_for_for_ever(endpoint: TokenEndpoint) -> None:
    with pytest.raises(AuthError, match=r"Nobody has signed in.*login microsoft"):
        sign_in_here(endpoint, USER, 0, lambda _: None, patience_s=0.05)


def test_a_port_that_is_taken_is_said(fake: FakeProvider, endpoint: TokenEndpoint) -> None:
    taken = urlsplit(fake.url).port or 0

    with pytest.raises(ConfigurationError, match=rf"127\.0\.0\.1:{taken}.*--port"):
        sign_in_here(endpoint, USER, taken, lambda _: None)


def test_a_provider_out_of_reach_is_one_line(transport: Transport) -> None:
    nowhere = OAuthSettings(client_id="x", token_url=f"http://127.0.0.1:{free_port()}/token")
    endpoint = TokenEndpoint(GOOGLE, nowhere, transport)

    with pytest.raises(TransientError, match=r"^127\.0\.0\.1:\d+ cannot be reached \(.*refused\)"):
        endpoint.refresh("a refresh token")


def test_a_certificate_from_the_future_points_at_the_clock(
    fake: FakeProvider, monkeypatch: pytest.MonkeyPatch, transport: Transport
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        cause = httpx.ConnectError(
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
            "certificate is not yet valid (_ssl.c:1016)"
        )
        raise TransientError("No answer") from cause

    monkeypatch.setattr(transport, "post", refuse)
    with pytest.raises(TransientError, match=r"not yet valid.*this machine's clock"):
        TokenEndpoint(GOOGLE, fake.settings(), transport).refresh("a refresh token")


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}),
        (200, {"access_token": 5}),
        (200, {"access_token": "é"}),
        (200, ["no", "object"]),
        (503, {"error": "temporarily_unavailable", "error_description": "AADSTS90033"}),
    ],
)
def test_an_answer_without_a_token_is_for_later(
    fake: FakeProvider, endpoint: TokenEndpoint, answer: Any
) -> None:
    fake.say = [answer]

    with pytest.raises(TransientError) as caught:
        endpoint.refresh("a refresh token")

    one_line(caught, fake)


def test_what_a_provider_repeats_of_our_secrets_is_not_shown(
    fake: FakeProvider, endpoint: TokenEndpoint
) -> None:
    fake.say = [refused("invalid_grant", "Token a-long-refresh-token-of-ours is not known")]

    with pytest.raises(AuthError, match="Token … is not known") as caught:
        endpoint.refresh("a-long-refresh-token-of-ours")

    assert "invalid_grant" in one_line(caught, fake)


def test_a_program_without_a_name_is_told_where_to_get_one(transport: Transport) -> None:
    with pytest.raises(ConfigurationError, match=r"CLIENT_ID is not set.*mailboxes"):
        TokenEndpoint(GOOGLE, OAuthSettings(), transport)


@pytest.mark.parametrize("name", ["authorize_url", "token_url", "device_url"])
@pytest.mark.parametrize("url", ["http://login.example.org/x", "login.example.org", "https://"])
def test_a_secret_goes_nowhere_in_clear(name: str, url: str) -> None:
    with pytest.raises(ValueError, match="must start with https"):
        OAuthSettings.model_validate({name: url})


def test_the_tenant_is_microsofts_alone() -> None:
    settings = OAuthSettings(tenant="colis.example")

    assert "/colis.example/" in provider_of("microsoft", settings).token_url
    assert "colis.example" not in provider_of("google", settings).token_url
