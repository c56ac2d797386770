"""Asking a provider for tokens (RFC 6749), and what its refusals mean to the operator."""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeGuard
from urllib.parse import parse_qsl, urlsplit

from oauthlib.oauth2 import MissingTokenError, OAuth2Error, WebApplicationClient

from mailtrack.carriers.transport import Answer, Transport
from mailtrack.domain.harmless import printable
from mailtrack.errors import AuthError, ConfigurationError, MailtrackError, TransientError
from mailtrack.oauth.names import ProviderName
from mailtrack.oauth.providers import Provider, provider_of
from mailtrack.settings import OAuthSettings

# Its DEBUG lines quote tokens.
logging.getLogger("oauthlib").setLevel(logging.WARNING)

#: Seconds that an access token is believed to live where nobody says; and at most.
_DEFAULT_LIFE_S, _MAX_LIFE_S = 600.0, 86_400.0
#: How much of a provider's words is shown.
_LONGEST_SHOWN = 240
#: Codes, verifiers and tokens are longer; what is shorter may be any word of theirs.
_SHORTEST_SECRET = 8

#: What to do about a refusal, by its code and words; the first line that fits. Microsoft's own
#: codes: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
_ADVICE = (
    (r"AADSTS(?:90002|50059|50020|50194|700016|9002331|9002346)\b", "check {tenant} and {client}"),
    (r"AADSTS7000218\b", "let the program be a public client (“Allow public client flows”)"),
    (r"AADSTS50011\b|redirect_uri_mismatch", "give the program the address that it comes back to"),
    (r"\bexpired_token\b|AADSTS70019\b", "the code has lapsed: run `mailtrack login {name}` again"),
    (
        r"\b(?:access_denied|authorization_declined)\b",
        "the sign-in was cancelled: run `mailtrack login {name}` again",
    ),
    (
        r"device flow scope",  # Google's
        "it lets no mailbox be read by a device code: run `mailtrack login {name} --paste`",
    ),
    (r"\binvalid_scope\b", "check MAILTRACK_OAUTH__SCOPE"),
    (r"\b(?:invalid_client|unauthorized_client)\b", "check {client}"),
    (r"\binvalid_request\b", "check MAILTRACK_OAUTH__*"),
    (r"", "sign in anew: `mailtrack login {name}`"),
)
_SETTINGS = {
    "client": "MAILTRACK_OAUTH__CLIENT_ID and MAILTRACK_OAUTH__CLIENT_SECRET",
    "tenant": "MAILTRACK_OAUTH__TENANT",
}
#: Codes by which a provider asks for patience.
_PASSING = frozenset({"temporarily_unavailable", "server_error"})


@dataclass(frozen=True, slots=True)
class Grant:
    """What a provider gave; no refresh token means that the former one stays good."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    lives_s: float


class RefusedGrantError(AuthError):
    """Raised when a provider refuses; `code` is its own word for why (RFC 6749, 5.2)."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class TokenEndpoint:
    """One provider as our program sees it; raises ConfigurationError where it has no name."""

    name: ProviderName
    settings: OAuthSettings
    transport: Transport

    def __post_init__(self) -> None:
        if not self.settings.client_id:
            raise ConfigurationError(
                "MAILTRACK_OAUTH__CLIENT_ID is not set: docs/mailboxes.md says how to get one."
            )

    @property
    def provider(self) -> Provider:
        return provider_of(self.name, self.settings)

    @property
    def client(self) -> WebApplicationClient:
        """What knows the forms of the standard."""
        return WebApplicationClient(self.settings.client_id)

    def refresh(self, refresh_token: str) -> Grant:
        """Return new tokens; raises RefusedGrantError, or TransientError if nobody answers."""
        body = self.client.prepare_refresh_body(
            refresh_token=refresh_token, scope=self.provider.scope
        )
        return self.grant(body)

    def grant(self, body: str) -> Grant:
        """Ask for tokens with a form of the standard's, to which our own name is added."""
        form = dict(parse_qsl(body))
        answer = self.ask(self.provider.token_url, form)
        try:
            given = self.client.parse_request_body_response(answer.text)
        except MissingTokenError:
            given = {}
        except OAuth2Error as error:
            # Not "from": what the library raises may repeat the form, and with it tokens.
            raise self.refusal(answer.host, error, form.values()) from None
        token, newer = given.get("access_token"), given.get("refresh_token") or ""
        if not (_is_usable(token) and (_is_usable(newer) or not newer)):
            raise TransientError(
                f"{answer.host} gave no usable token ({answer.status}); asking again later."
            )
        return Grant(token, newer, min(given.get("expires_in") or _DEFAULT_LIFE_S, _MAX_LIFE_S))

    def ask(self, url: str, form: dict[str, str]) -> Answer:
        """Send a form in our name; raises TransientError with the reason if nobody answers."""
        form["client_id"] = self.settings.client_id
        if secret := self.settings.client_secret.get_secret_value():
            form["client_secret"] = secret
        try:
            answer = self.transport.post(url, data=form)
        except TransientError as error:
            raise TransientError(_unreachable(url, error)) from None
        try:
            answer.object()
        except MailtrackError:
            raise TransientError(
                f"{answer.host} answered {answer.status} without a token; asking again later."
            ) from None
        return answer

    def refusal(self, host: str, error: OAuth2Error, sent: Iterable[str] = ()) -> MailtrackError:
        """Return a refusal in the provider's own words, without what we sent, and what to do."""
        words = str(error.description or "").partition("Trace ID")[0]
        for secret in sent:
            if len(secret) >= _SHORTEST_SECRET and secret != self.settings.client_id:
                words = words.replace(secret, "…")
        said = printable(" ".join(f"{error.error}: {words}".split()))
        said = said[:_LONGEST_SHOWN].rstrip(" .:")
        if error.error in _PASSING:
            return TransientError(f"{host} asks for patience: {said}.")
        advice = next(advice for pattern, advice in _ADVICE if re.search(pattern, said))
        what_to_do = advice.format(name=self.name, **_SETTINGS)
        return RefusedGrantError(f"{host} refuses: {said}; {what_to_do}.", str(error.error))


def _is_usable(token: object) -> TypeGuard[str]:
    return isinstance(token, str) and token.isascii() and token.isprintable() and token != ""


def _unreachable(url: str, error: TransientError) -> str:
    """Say why nobody answers: the network, or a certificate that our clock does not believe."""
    reason = re.sub(r"\[[^]]*\] ?|\(_ssl.*?\)", "", str(error.__cause__ or "")).strip(" .")
    by_clock = re.search(r"not yet valid|has expired", reason)
    what_to_do = "this machine's clock" if by_clock else "the network"
    host = urlsplit(url).netloc
    return f"{host} cannot be reached ({printable(reason) or error}); check {what_to_do}."
