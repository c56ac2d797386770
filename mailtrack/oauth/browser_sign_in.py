"""Letting a person sign in by a browser (RFC 8252), on this machine or on another one.

It is the authorization code with PKCE (RFC 7636): what comes back through the browser is worth
nothing to whoever reads it there, and `state` tells it from what strangers send us.
"""

import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from typing import Any
from urllib.parse import urlsplit

from oauthlib.oauth2 import MismatchingStateError, MissingCodeError, OAuth2Error

from mailtrack.errors import AuthError, ConfigurationError, MailtrackError
from mailtrack.oauth.endpoint import Grant, TokenEndpoint

#: Seconds in which a person signs in.
PATIENCE_S = 600.0
#: Seconds that a connection to us may say nothing.
_SILENCE_S = 5.0
_HERE = "127.0.0.1"
#: Where nobody listens: the address is copied from a browser elsewhere.
_NOBODYS_PORT = 8400

_STRANGE = "Somebody called who is not of this sign-in (wrong state); still waiting."
_DONE = "mailtrack is signed in. You may close this page.\n"
_NOT_DONE = "mailtrack is not signed in: the terminal says why.\n"

# The library takes https alone for safe; on loopback nothing leaves the machine (RFC 8252, 8.3),
# and the settings see to all other addresses.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

Say = Callable[[str], None]


@dataclass(frozen=True)
class BrowserSignIn:
    """One sign-in; `port` is where the browser comes back to, `user` whom its page suggests."""

    endpoint: TokenEndpoint
    user: str
    port: int
    state: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    @property
    def comes_back_to(self) -> str:
        return f"http://{self.endpoint.provider.loopback}:{self.port}/"

    @property
    def address(self) -> str:
        """Where the person signs in."""
        provider, client = self.endpoint.provider, self.endpoint.client
        return str(
            client.prepare_request_uri(
                provider.authorize_url,
                redirect_uri=self.comes_back_to,
                scope=provider.scope,
                state=self.state,
                code_challenge=client.create_code_challenge(self.verifier, "S256"),
                code_challenge_method="S256",
                login_hint=self.user,
                **provider.extras,
            )
        )

    def is_met_by(self, address: str) -> bool:
        """Return True if an address that a browser came back to is of this sign-in."""
        try:
            self._read(address)
        except (MismatchingStateError, MissingCodeError):
            return False
        except OAuth2Error:
            return True
        return True

    def finish(self, address: str) -> Grant:
        """Return the tokens for what the browser came back with.

        Raises AuthError where the person or the provider refuses, TransientError where the
        provider does not answer.
        """
        try:
            code = self._read(address)
        except OAuth2Error as error:
            host = urlsplit(self.endpoint.provider.authorize_url).netloc
            raise self.endpoint.refusal(host, error) from None
        body = self.endpoint.client.prepare_request_body(
            code, self.comes_back_to, code_verifier=self.verifier
        )
        return self.endpoint.grant(body)

    def _read(self, address: str) -> str:
        """Return the code in an address; raises what the library makes of any other."""
        given = self.endpoint.client.parse_request_uri_response(address, self.state)
        return str(given["code"])


def sign_in_here(
    endpoint: TokenEndpoint, user: str, port: int, say: Say, patience_s: float = PATIENCE_S
) -> Grant:
    """Let a person sign in by a browser on this machine, which comes back to a port of ours.

    `port`: 0 takes a free one. Raises ConfigurationError where it is taken, and what
    `BrowserSignIn.finish` does; AuthError where nobody came in time (seconds).
    """
    try:
        server = _RedirectServer(port)
    except OSError as error:
        raise ConfigurationError(
            f"Cannot listen on {_HERE}:{port}: {error.strerror}; choose another --port."
        ) from error
    with server:
        sign_in = BrowserSignIn(endpoint, user, server.server_address[1])
        say(f"Open this page in a browser on this machine, and sign in: {sign_in.address}")
        until = time.monotonic() + patience_s
        while (left_s := until - time.monotonic()) > 0:
            outcome = server.next_visit(sign_in, left_s, say)
            if isinstance(outcome, MailtrackError):
                raise outcome
            if outcome is not None:
                return outcome
    raise AuthError(
        f"Nobody has signed in within {patience_s / 60:.0f} minutes: run "
        f"`mailtrack login {endpoint.name}` again."
    )


def sign_in_elsewhere(
    endpoint: TokenEndpoint, user: str, read: Callable[[], str], say: Say
) -> Grant:
    """Let a person sign in by a browser anywhere, and copy the address where it ends to us."""
    sign_in = BrowserSignIn(endpoint, user, _NOBODYS_PORT)
    say(f"Open this page in any browser, and sign in: {sign_in.address}")
    say("It ends at a page that cannot be shown. Copy its whole address to here, and press Enter.")
    address = read().strip()
    if not sign_in.is_met_by(address):
        raise AuthError(
            "This is not the address at which this sign-in ended (wrong state, or cut short): "
            f"run `mailtrack login {endpoint.name} --paste` again."
        )
    return sign_in.finish(address)


class _RedirectServer(TCPServer):
    """Takes a browser that comes back, one visit at a time."""

    allow_reuse_address = True

    def __init__(self, port: int) -> None:
        super().__init__((_HERE, port), _Visit)
        self.outcome: Grant | MailtrackError | None = None

    def next_visit(
        self, sign_in: BrowserSignIn, seconds: float, say: Say
    ) -> Grant | MailtrackError | None:
        """Wait for a visit; return how the sign-in ended, None where it goes on."""
        self.sign_in, self.say, self.timeout = sign_in, say, seconds
        self.handle_request()
        return self.outcome

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A visitor who hangs up is none of ours; a traceback would tell what they brought."""


class _Visit(BaseHTTPRequestHandler):
    """One request; nothing of it is logged: a code may be in it."""

    server: _RedirectServer
    timeout = _SILENCE_S

    def do_GET(self) -> None:
        server = self.server
        address = server.sign_in.comes_back_to.rstrip("/") + self.path
        if not server.sign_in.is_met_by(address):
            if "?" in self.path:
                server.say(_STRANGE)
            self._answer(HTTPStatus.BAD_REQUEST, "This is no address of a sign-in.\n")
            return
        try:
            server.outcome = server.sign_in.finish(address)
        except MailtrackError as error:
            server.outcome = error
        self._answer(HTTPStatus.OK, _DONE if isinstance(server.outcome, Grant) else _NOT_DONE)

    def _answer(self, status: HTTPStatus, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
