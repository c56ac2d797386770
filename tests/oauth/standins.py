"""Stand-ins on loopback: a provider of sign-ins, and a mailbox and a relay that take its tokens.

The provider rotates: each refresh token is good once, and one that comes twice ends the sign-in
(RFC 9700, 4.14.2).
"""

import base64
import hashlib
import json
import secrets
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from pydantic import SecretStr

from mailtrack.sandbox.loopback import StreamServer
from mailtrack.settings import OAuthSettings

USER = "colis@example.com"
Form = Mapping[str, str]
Said = tuple[int, Mapping[str, Any]]


@dataclass
class FakeProvider:
    """What a provider knows; `say` answers the next questions instead, in their order."""

    url: str = ""
    user: str = USER
    password: str = "right"
    lives_s: int = 3600
    rotates: bool = True
    say: list[Said] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    good: set[str] = field(default_factory=set)
    #: How long an answer takes: until this is set.
    answers: threading.Event = field(default_factory=threading.Event)
    _challenges: dict[str, str] = field(default_factory=dict)
    _refresh: str = ""
    _spent: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.answers.set()

    def settings(self, **changes: Any) -> OAuthSettings:
        """Return what the operator would set."""
        return OAuthSettings(
            client_id="mailtrack-at-example",
            client_secret=SecretStr("a secret of the client"),
            authorize_url=f"{self.url}/authorize",
            token_url=f"{self.url}/token",
            device_url=f"{self.url}/device",
        ).model_copy(update=changes)

    def consent(self, address: str, **instead: str) -> str:
        """Sign in as a person would; return the address that their browser is sent to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert "S256" == asked["code_challenge_method"]
        code = secrets.token_urlsafe(16)
        self._challenges[code] = asked["code_challenge"]
        given = {"code": code, "state": asked["state"], **instead}
        return f"{asked['redirect_uri']}?{urlencode(given)}"

    def end_all(self) -> None:
        """End all access tokens before their time."""
        self.good.clear()

    def answer(self, path: str, form: Form) -> Said:
        """Answer a question of the program's."""
        self.answers.wait(10)
        if path == "/introspect":  # a mail server asks (RFC 7662)
            return 200, {"active": form["token"] in self.good, "username": self.user}
        with self._lock:
            self.forms.append(form)
            if self.say:
                return self.say.pop(0)
            if path == "/device":
                return 200, DEVICE_CODE
            return self._token(form)

    def _token(self, form: Form) -> Said:
        match form["grant_type"]:
            case "authorization_code":
                digest = hashlib.sha256(form["code_verifier"].encode()).digest()
                shown = base64.urlsafe_b64encode(digest).decode().rstrip("=")
                if self._challenges.pop(form["code"], "") != shown:
                    return refused("invalid_grant", "AADSTS70000: The code is not valid.")
            case "refresh_token":
                if form["refresh_token"] in self._spent:
                    self._refresh = ""
                if form["refresh_token"] != self._refresh:
                    return refused("invalid_grant", "AADSTS700082: The refresh token has expired.")
        given: dict[str, Any] = {
            "access_token": secrets.token_urlsafe(1500),
            "token_type": "Bearer",
        }
        self.good.add(given["access_token"])
        if self.rotates or not self._refresh:
            self._spent.add(self._refresh)
            given["refresh_token"] = self._refresh = secrets.token_urlsafe(60)
        return 200, {**given, "expires_in": self.lives_s}


DEVICE_CODE = {
    "device_code": "a long code for the program",
    "user_code": "ABCD-EFGH",
    "verification_uri": "https://login.example.org/device",
    "interval": 5,
    "expires_in": 900,
}


def refused(error: str, description: str = "") -> Said:
    """Return how a provider refuses (RFC 6749, 5.2)."""
    return 400, {"error": error, "error_description": description}


@contextmanager
def provider() -> Iterator[FakeProvider]:
    """Run a provider on loopback."""
    fake = FakeProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            status, given = fake.answer(self.path, form)
            content = json.dumps(given).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        fake.url = f"http://127.0.0.1:{server.server_port}"
        yield fake
        server.shutdown()


def _is_good(fake: FakeProvider, response: str) -> bool:
    """Return True if a first response shows a good token of our user, in either mechanism."""
    parts = dict(
        part.partition("=")[::2]
        for part in base64.b64decode(response).decode().replace("n,a=", "user=").split("\x01")
        if part
    )
    is_ours = parts.get("user", "").rstrip(",") == fake.user
    return is_ours and parts.get("auth", "").removeprefix("Bearer ") in fake.good


_REASONS = base64.b64encode(b'{"status":"invalid_token","schemes":"bearer"}').decode()


class TokenImapServer(StreamServer):
    """A mailbox that offers what it is told to, and takes tokens and the password."""

    def __init__(
        self,
        fake: FakeProvider,
        offers: str = "AUTH=XOAUTH2 SASL-IR LOGINDISABLED",
        mails: Sequence[bytes] = (),
    ) -> None:
        super().__init__()
        self.fake, self.offers, self.mails = fake, offers, mails
        self.logins: list[str] = []
        self.asked: list[str] = []

    async def converse(self, reader: StreamReader, writer: StreamWriter) -> None:
        writer.write(b"* OK hello\r\n")
        while line := (await reader.readline()).decode().strip():
            tag, command, rest = (*line.split(" ", 2), "")[:3]
            self.asked.append(f"{command} {rest}")
            if command == "AUTHENTICATE":
                answer = await self._authenticate(rest, reader, writer)
            else:
                answer = self._answer(command, rest)
            writer.write(answer.replace("{tag}", tag).encode("latin-1"))

    async def _authenticate(
        self, mechanism: str, reader: StreamReader, writer: StreamWriter
    ) -> str:
        writer.write(b"+ \r\n")
        if _is_good(self.fake, (await reader.readline()).decode()):
            self.logins.append(mechanism)
            return "{tag} OK done\r\n"
        writer.write(f"+ {_REASONS}\r\n".encode())
        farewell = (await reader.readline()).strip()
        assert {"XOAUTH2": b"", "OAUTHBEARER": b"AQ=="}[mechanism] == farewell
        return "{tag} NO [AUTHENTICATIONFAILED] AUTHENTICATE failed.\r\n"

    def _answer(self, command: str, rest: str) -> str:
        mails = self.mails
        match command:
            case "CAPABILITY":
                return f"* CAPABILITY IMAP4rev1 {self.offers}\r\n{{tag}} OK done\r\n"
            case "LOGIN":
                self.logins.append("LOGIN")
                is_right = rest.endswith(f'"{self.fake.password}"')
                return "{tag} OK done\r\n" if is_right else "{tag} NO LOGIN failed.\r\n"
            case "EXAMINE" | "SELECT":
                return (
                    f"* {len(mails)} EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n"
                    f"* OK [UIDNEXT {len(mails) + 1}] ok\r\n{{tag}} OK done\r\n"
                )
            case "LOGOUT":
                return "* BYE bye\r\n{tag} OK done\r\n"
        if rest.startswith("SEARCH"):
            found = " ".join(str(n) for n in range(1, len(mails) + 1))
            return f"* SEARCH {found}\r\n{{tag}} OK done\r\n"
        fetched = "".join(
            f"* {n} FETCH (UID {n} BODY[HEADER] {{{len(raw)}}}\r\n{raw.decode('latin-1')})\r\n"
            for n, raw in enumerate(mails, 1)
            if rest.startswith("FETCH")
        )
        return f"{fetched}{{tag}} OK done\r\n"


class TokenSmtpServer(StreamServer):
    """A relay that offers what it is told to, takes tokens and the password, and keeps nothing."""

    def __init__(self, fake: FakeProvider, offers: Sequence[str] = ("AUTH XOAUTH2",)) -> None:
        super().__init__()
        self.fake, self.offers = fake, offers
        self.logins: list[str] = []
        self.asked: list[str] = []
        #: What it answers to a token that it refuses, after its reasons.
        self.refusal = "535 5.7.3 Authentication unsuccessful [PAXPR.prod.outlook.com]"

    async def converse(self, reader: StreamReader, writer: StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        while line := (await reader.readline()).decode().strip():
            self.asked.append(line)
            command, rest = line.partition(" ")[0].upper(), line.partition(" ")[2]
            if command == "AUTH":
                answer = await self._authenticate(rest, reader, writer)
            elif command == "EHLO":
                extensions = ["relay.example.org", *self.offers]
                lines = [f"250-{name}" for name in extensions]
                answer = "\r\n".join([*lines[:-1], f"250 {extensions[-1]}"])
            else:
                answer = {"QUIT": "221 bye", "DATA": "354 go on"}.get(command, "250 OK")
            writer.write(f"{answer}\r\n".encode())

    async def _authenticate(self, said: str, reader: StreamReader, writer: StreamWriter) -> str:
        mechanism, first = said.split(" ")
        if mechanism == "PLAIN":
            credentials = f"\0{self.fake.user}\0{self.fake.password}"
            self.logins.append(mechanism)
            is_right = base64.b64decode(first).decode() == credentials
            return "235 2.7.0 welcome" if is_right else self.refusal
        if _is_good(self.fake, first):
            self.logins.append(mechanism)
            return "235 2.7.0 welcome"
        writer.write(f"334 {_REASONS}\r\n".encode())
        farewell = (await reader.readline()).strip()
        assert {"XOAUTH2": b"", "OAUTHBEARER": b"AQ=="}[mechanism] == farewell
        return self.refusal
