"""Who may use the operator's page: whoever typed its password, or a trusted proxy named."""

import ipaddress
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from mailtrack.runtime.services import Services
from mailtrack.settings import AdminSettings
from mailtrack.web.admin import ADMIN, PEER
from mailtrack.web.admin.passwords import is_password
from mailtrack.web.admin.sessions import OPERATOR, Session, Sessions
from mailtrack.web.limits import with_mapped

COOKIE = "mailtrack_operator"
#: Attempts to sign in of one address, and of all: so many at once, then so many a second.
ATTEMPTS_EACH = (5, 1 / 60)
ATTEMPTS_TOGETHER = (20, 1 / 10)


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets the operator in, and knows them afterwards; `secure`: the pages are https."""

    settings: AdminSettings
    sessions: Sessions
    secure: bool

    @classmethod
    def of(cls, services: Services) -> "Gate":
        """Return the gate of a service."""
        settings = services.settings
        secure = settings.web.public_url.startswith("https://")
        return cls(settings.admin, services.operator_sessions, secure)

    @property
    def by_password(self) -> bool:
        """Return True if there is a password to be typed."""
        return bool(self.settings.password_hash.get_secret_value())

    def session(self, request: Request) -> Session | None:
        """Return who asks, None for nobody who may.

        Whom a proxy let in is believed as long as it says so, request by request.
        """
        kept = self.sessions.read(request.cookies.get(COOKIE, ""))
        named = self._named(request)
        if kept and (not kept.by_proxy or kept.operator == named):
            return kept
        return self.sessions.begin(named, by_proxy=True) if named else None

    def sign_in(self, password: str) -> Session | None:
        """Return a new session for the right password, None for any other."""
        if not is_password(password, self.settings.password_hash.get_secret_value()):
            return None
        return self.sessions.begin(OPERATOR, by_proxy=False)

    def remember(self, response: Response, session: Session) -> Response:
        """Let a browser keep a session, for these pages alone and out of any script's reach."""
        response.set_cookie(
            COOKIE,
            self.sessions.cookie(session),
            path=ADMIN,
            secure=self.secure,
            httponly=True,
            samesite="strict",
        )
        return response

    def forget(self, response: Response) -> Response:
        """Let a browser forget its session."""
        response.delete_cookie(
            COOKIE, path=ADMIN, secure=self.secure, httponly=True, samesite="strict"
        )
        return response

    def _named(self, request: Request) -> str:
        """Return whom a trusted proxy let in, "" for nobody or where more than one is named."""
        header = self.settings.proxy_header
        named = request.headers.getlist(header) if header else []
        if len(named) != 1:
            return ""
        try:
            address = ipaddress.ip_address(request.scope.get(PEER) or "")
        except ValueError:
            return ""
        trusted = map(ipaddress.ip_network, with_mapped(self.settings.proxies))
        return named[0].strip() if any(address in network for network in trusted) else ""
