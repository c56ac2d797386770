"""Who has signed in to the operator's page: a signed cookie, and a token in each form.

Nothing is stored, so every process that serves pages knows every session. One ends by its time,
or with the password that it began with.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from itsdangerous import BadData, URLSafeSerializer

from mailtrack.clock import Clock

#: Real seconds after which one signs in again.
SESSION_S = 12 * 3_600.0
#: Who signed in with the password, of which there is one.
OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Session:
    """One signing-in: `operator` is who acts, as the proxy names them where one does."""

    key: str
    operator: str
    by_proxy: bool
    ends_at: datetime


class Sessions:
    """Begins sessions and reads them back; `password_hash` is that of the settings."""

    def __init__(self, secret: str, password_hash: str, clock: Clock) -> None:
        of_password = hashlib.sha256(password_hash.encode()).hexdigest()
        self._form_key = hashlib.sha256(f"mailtrack.admin.form.{secret}".encode()).digest()
        self._clock = clock
        self._serializer = URLSafeSerializer(
            secret,
            salt=f"mailtrack.admin.session.{of_password}",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )

    def begin(self, operator: str, *, by_proxy: bool) -> Session:
        """Return a new session."""
        key, ends_at = secrets.token_urlsafe(16), self._clock.later(SESSION_S)
        return Session(key, operator, by_proxy, ends_at)

    def cookie(self, session: Session) -> str:
        """Return what the browser keeps of a session."""
        ends_at = session.ends_at.isoformat()
        return str(
            self._serializer.dumps([session.key, session.operator, session.by_proxy, ends_at])
        )

    def read(self, cookie: str) -> Session | None:
        """Return the session of a cookie, None where it is over or none of ours."""
        try:
            key, operator, by_proxy, ends_at = self._serializer.loads(cookie)
        except (BadData, UnicodeError):
            return None
        session = Session(key, operator, by_proxy, datetime.fromisoformat(ends_at))
        return session if self._clock.now() < session.ends_at else None

    def form_token(self, session: Session) -> str:
        """Return what the forms of a session hold, which no other site can know."""
        return hmac.new(self._form_key, session.key.encode(), "sha256").hexdigest()

    def holds_token(self, session: Session, token: str) -> bool:
        """Return True if a form is one of ours, and of this session."""
        return hmac.compare_digest(self.form_token(session).encode(), token.encode())
