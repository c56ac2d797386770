"""OAuth2 client credentials (RFC 6749, 4.4): one token for all threads of a process.

A token is kept until a minute before its end. A carrier may end it earlier: a 401 is
answered by one new token and one repetition, never more.
"""

import base64
import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from mailtrack.carriers.shape import string
from mailtrack.carriers.transport import Answer, Transport, raise_for_status
from mailtrack.clock import Clock
from mailtrack.errors import AuthError, PermanentError
from mailtrack.settings import CarrierSettings

#: Real seconds before its end at which a token is no longer used.
MARGIN_S = 60.0
#: Real seconds that a token is believed to live where its answer does not say.
DEFAULT_LIFE_S = 600.0
MAX_LIFE_S = 86_400.0
#: Statuses by which token endpoints refuse a client (RFC 6749, 5.2: 400 and 401).
REFUSALS = frozenset({400, 401, 403})

Request = Callable[[Mapping[str, str]], Answer]


class ClientCredentials:
    """Sends requests with a bearer token. `in_header`: the client is named by HTTP Basic."""

    def __init__(
        self,
        url: str,
        settings: CarrierSettings,
        transport: Transport,
        clock: Clock,
        *,
        in_header: bool,
    ) -> None:
        self._url = url
        self._id = settings.client_id
        self._secret = settings.client_secret
        self._transport = transport
        self._clock = clock
        self._in_header = in_header
        # Held while a token is fetched, so that threads in need of one fetch it once.
        self._lock = threading.Lock()
        self._token = ""
        self._until: datetime | None = None

    def send(self, request: Request) -> Answer:
        """Call `request` with the headers that carry a token; once more after a 401."""
        token = self._current()
        answer = request(_bearer(token))
        if answer.status != 401:
            return answer
        with self._lock:
            # Another thread may have replaced it in the meantime.
            if token == self._token:
                self._until = None
        return request(_bearer(self._current()))

    def _current(self) -> str:
        """Return the token; get a new one where there is none, or where it is at its end."""
        with self._lock:
            if self._until is not None and self._clock.now() < self._until:
                return self._token
            form = {"grant_type": "client_credentials"}
            client_id, secret = self._id.get_secret_value(), self._secret.get_secret_value()
            headers = {}
            if self._in_header:
                pair = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
                headers["Authorization"] = f"Basic {pair}"
            else:
                form |= {"client_id": client_id, "client_secret": secret}
            answer = self._transport.post(self._url, data=form, headers=headers)
            if answer.status in REFUSALS:
                raise AuthError(
                    f"{answer.host} gives no token ({answer.status}): it refuses our credentials; "
                    "check the carrier's client_id and client_secret."
                )
            raise_for_status(answer, self._clock.now())
            given = answer.object()
            token, told = string(given.get("access_token")), string(given.get("expires_in"))
            if not token.isascii() or not token.isprintable() or not token:
                raise PermanentError(f"{answer.host} answered without a usable token.")
            is_told = told.isascii() and told.isdigit()
            life_s = min(float(told), MAX_LIFE_S) if is_told else DEFAULT_LIFE_S
            self._token, self._until = token, self._clock.later(life_s - MARGIN_S)
            return token


def _bearer(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}
