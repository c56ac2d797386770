"""HTTP for the carriers: one client per process, bounded in time and size.

Carriers see `Answer` and the errors of `mailtrack.errors`, never the HTTP library:
replacing it is a change of the import below.
"""

import json
import os
import re
import threading
import time
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from mailtrack import __version__
from mailtrack.clock import Clock
from mailtrack.errors import (
    AuthError,
    ChallengeError,
    ConfigurationError,
    PermanentError,
    QuotaError,
    TransientError,
)

CONNECT_S = 5.0
READ_S = 15.0
#: Seconds for one whole answer: the library's own timeouts restart with every byte.
DEADLINE_S = 25.0
MAX_BYTES = 2_000_000
#: Seconds of silence after a 429 that does not say how long to wait.
DEFAULT_RETRY_S = 300.0
#: Seconds of silence after a robot check, which is never solved nor retried at once.
CHALLENGE_S = 6 * 3600.0
#: Seconds of silence where a page came though JSON was due: a robot check, or a pause for repairs.
PAGE_S = 3600.0
#: Seconds of silence where an account has to be paid first.
UNPAID_S = 6 * 3600.0
#: No carrier is silenced for longer than this by its own header.
MAX_RETRY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, read to its end; header names are in lower case."""

    host: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    #: What the next request of the same look-up may have to show again.
    cookies: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")

    @property
    def is_page(self) -> bool:
        """Whether a page for people came with the status of an answer."""
        start = self.body.removeprefix(BOM_UTF8).lstrip()[:1]
        return 200 <= self.status < 300 and start == b"<"

    def json(self) -> Any:
        """Return the parsed body.

        Raises ChallengeError for a page in its place, TransientError for half an answer.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            if self.is_page:
                raise challenged(
                    f"{self.host} answered a page where JSON was due", PAGE_S
                ) from error
            raise TransientError(
                f"{self.host} answered {self.status} with something that is not JSON; "
                "asking again later."
            ) from error

    def object(self) -> Mapping[str, Any]:
        """Return the parsed body; PermanentError where it is JSON, but no object."""
        parsed = self.json()
        if not isinstance(parsed, dict):
            raise PermanentError(f"{self.host} answered JSON of another form than documented.")
        return parsed


class Transport:
    """Sends requests for all threads of a process.

    The client is made on first use, in the process that uses it: sockets that are
    opened before a fork would be shared by both sides.
    """

    def __init__(
        self,
        clock: Clock,
        public_url: str = "",
        *,
        connections: int = 32,
        read_s: float = READ_S,
        deadline_s: float = DEADLINE_S,
        monotonic: Callable[[], float] = time.monotonic,
        wire: Callable[[], httpx.BaseTransport] | None = None,
    ) -> None:
        self.clock = clock
        #: How often a client whose pool had run dry was replaced.
        self.rebuilt = 0
        self._user_agent = f"mailtrack/{__version__}" + (f" (+{public_url})" if public_url else "")
        self._connections = connections
        self._timeout = httpx.Timeout(
            connect=CONNECT_S, read=read_s, write=CONNECT_S, pool=CONNECT_S
        )
        self._deadline_s = deadline_s
        self._monotonic = monotonic
        self._wire = wire
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._pid = 0

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Fetch `url`; every failure to get an answer is a MailtrackError."""
        return self._send("GET", url, params=params, headers=headers)

    def post(
        self,
        url: str,
        *,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a JSON, form or raw body to `url`."""
        return self._send("POST", url, json=json, data=data, content=content, headers=headers)

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _send(self, method: str, url: str, **request: Any) -> Answer:
        """Send a request by this process's client; whatever fails is one of our own errors."""
        # What errors may name: no credentials, no path, and no complaint about the form.
        host = url.partition("://")[2].partition("/")[0].rpartition("@")[2]
        with self._lock:
            if self._client is None or self._pid != os.getpid():
                self._client = httpx.Client(
                    timeout=self._timeout,
                    limits=httpx.Limits(max_connections=self._connections),
                    follow_redirects=False,
                    headers={"User-Agent": self._user_agent},
                    # Nobody is known again: what one look-up is given is shown in no other.
                    cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                    transport=self._wire() if self._wire else None,
                )
                self._pid = os.getpid()
            client = self._client
        try:
            return self._exchange(client, host, method, url, request)
        except httpx.PoolTimeout as error:
            # httpcore #1093: slots can leak for ever; a new pool is the only cure. The old one
            # is not closed: other threads may still read through it; it goes with the last.
            with self._lock:
                if self._client is client:
                    self._client = None
                    self.rebuilt += 1
            raise TransientError(f"No free connection to {host}; asking again later.") from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeEncodeError) as error:
            raise ConfigurationError(
                f"No request to “{host}” can be made from these settings; correct "
                "MAILTRACK_CARRIERS__…__URL (http:// or https://) and the carrier's key."
            ) from error
        except httpx.HTTPError as error:
            kind = type(error).__name__
            raise TransientError(f"No answer from {host} ({kind}); asking again later.") from error

    def _exchange(
        self, client: httpx.Client, host: str, method: str, url: str, request: dict[str, Any]
    ) -> Answer:
        """Read an answer to its end, bounded in time and size."""
        deadline = self._monotonic() + self._deadline_s
        body = bytearray()
        with client.stream(method, url, **request) as response:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise PermanentError(f"{host} answered with more than {MAX_BYTES} bytes.")
                if self._monotonic() > deadline:
                    raise TransientError(
                        f"{host} took more than {self._deadline_s:g} s to answer; "
                        "asking again later."
                    )
        headers = {name.lower(): value for name, value in response.headers.items()}
        cookies = {cookie.name: cookie.value or "" for cookie in response.cookies.jar}
        return Answer(host, response.status_code, headers, bytes(body), cookies)


def join(base: str, path: str) -> str:
    """Append `path` to `base`, which may already end with the beginning, or all, of it.

    >>> join("https://api.example/track/", "/track/v1/details")
    'https://api.example/track/v1/details'
    """
    base = base.rstrip("/")
    segments = path.strip("/").split("/")
    for count in range(len(segments), 0, -1):
        head = "/" + "/".join(segments[:count])
        if base.endswith(head):
            return base.removesuffix(head) + path
    return base + path


def without_version(url: str, path: str) -> str:
    """Return a base address without `path` at its end, in whatever version it is written there.

    >>> without_version("https://api.example/track/v2.2", "/track/v2.4")
    'https://api.example'
    """
    form = re.sub(r"\d[\d.-]*", r"[\\d.-]+", re.escape(path))
    return re.sub(rf"{form}/?$", "", url)


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for, in either form (RFC 9110 10.2.3).

    A date is compared with the answer's own Date: the other side's clock may differ from `now`.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), MAX_RETRY_S)
    until = _http_date(value)
    if until is None:
        return None
    seconds = (until - (_http_date(headers.get("date", "")) or now)).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_S)


def until_midnight_s(now: datetime) -> float:
    """Return the seconds to the end of the day in UTC, when daily quotas start anew."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return (midnight - now).total_seconds()


def _http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else None


def raise_for_status(
    answer: Answer, now: datetime, silence_s: float = DEFAULT_RETRY_S, *, keyless: bool = False
) -> None:
    """Raise the branch that the HTTP status stands for; 2xx passes.

    `silence_s`: how long to wait after a 429 that does not say so itself. `keyless`: no
    credentials were sent, so that a 403 refuses the way we ask, as a robot check does.
    """
    if 200 <= answer.status < 300:
        return
    said = f"{answer.host} answered {answer.status}"
    wait = retry_after_s(answer.headers, now)
    if answer.status in (401, 403):
        raise challenged(said, CHALLENGE_S if wait is None else wait) if keyless else refused(said)
    if answer.status == 402:
        raise unpaid(said)
    if answer.status == 429:
        raise too_often(said, silence_s if wait is None else wait)
    if 400 <= answer.status < 500 and answer.status not in (408, 425):
        raise misunderstood(said)
    raise out_of_order(said)


def refused(said: str) -> AuthError:
    """Return the error for what a carrier said of us: an operator has to look."""
    return AuthError(f"{said}: it refuses our credentials; check the carrier's settings.")


def challenged(said: str, silence_s: float) -> ChallengeError:
    """Return the error for a carrier that answers programs with a robot check or a refusal."""
    return ChallengeError(
        f"{said}: it turns programs away; silent for {silence_s / 3600:g} h.", silence_s
    )


def unpaid(said: str) -> QuotaError:
    """Return the error for an account whose plan is used up or was not paid."""
    return QuotaError(f"{said}: the account's plan is used up; pay it or wait.", UNPAID_S)


def too_often(said: str, silence_s: float) -> QuotaError:
    """Return the error for too many requests, with the seconds of silence after it."""
    return QuotaError(f"{said}: we ask too often.", silence_s)


def misunderstood(said: str) -> PermanentError:
    """Return the error for a request that will never be answered."""
    return PermanentError(f"{said}: it does not understand the request.")


def out_of_order(said: str) -> TransientError:
    """Return the error for a carrier's own trouble, which will pass."""
    return TransientError(f"{said}; asking again later.")
