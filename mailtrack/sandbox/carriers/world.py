"""What the carriers of the sandbox know, and how they are told to fail."""

import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

#: Seconds that a hanging answer waits at most for `CarrierWorld.release`.
HANG_S = 60.0
#: Where all addressees of the sandbox live.
POSTCODE = "69001"
Form = TypeVar("Form")


class Failure(StrEnum):
    """What the next answers of a carrier suffer from."""

    QUOTA = "quota"  # 429, Retry-After in seconds
    QUOTA_DATE = "quota_date"  # 429, Retry-After as an HTTP date
    QUOTA_BARE = "quota_bare"  # 429 that does not say for how long
    OUTAGE = "outage"  # 500
    REFUSAL = "refusal"  # out of order in the carrier's own words, often inside a 200
    GARBAGE = "garbage"  # half a document
    CHALLENGE = "challenge"  # a slider page in a 200
    BAD_KEY = "bad_key"  # 401, or the carrier's own form of it
    BAD_REQUEST = "bad_request"  # the carrier's own way of not understanding
    HANG = "hang"  # nothing until released
    UNKNOWN = "unknown"  # knows none of the numbers
    MISSING = "missing"  # leaves the last of the numbers out
    STRANGER = "stranger"  # answers for another number
    SPENT = "spent"  # 17TRACK: no more numbers may be registered
    BARE = "bare"  # La Poste: an object instead of a list of one
    NEW_PAGE = "new_page"  # a page of another form than before, in a 200
    MOVED = "moved"  # 302 to somewhere else


@dataclass(frozen=True, slots=True)
class SandboxScan:
    """One line of a carrier's history.

    `zone` is what Cainiao prints, `offset_h` the clock that the scan was made by, where
    the two differ.
    """

    code: str
    text: str
    at: datetime
    place: str = ""
    group: str = ""
    zone: str = "GMT+8"
    offset_h: int | None = None


@dataclass(slots=True)
class SandboxParcel:
    """What the carriers know of one number."""

    number: str
    local_number: str | None = None
    destination: str = "France"
    estimate: datetime | None = None
    pickup_point: str = ""
    #: What its carrier says in the place of scans.
    notice: str = ""
    scans: dict[str, list[SandboxScan]] = field(default_factory=lambda: defaultdict(list))


class CarrierWorld:
    """The parcels, and how the carriers behave; safe to use from any thread.

    `key` opens every carrier that wants one; `client_id` and `client_secret` open those
    that give tokens for them; `webhook_secret` signs pushes that the key does not.
    `latency_s` is how long each answer takes.
    """

    client_id = "sandbox-client"
    client_secret = "sandbox-secret"  # noqa: S105 - opens nothing but the sandbox
    webhook_secret = "sandbox-webhook"  # noqa: S105 - the same

    def __init__(
        self, *, key: str = "sandbox-key", retry_after_s: int = 120, latency_s: float = 0.0
    ) -> None:
        self.key = key
        self.retry_after_s = retry_after_s
        self.latency_s = latency_s
        #: Requests per carrier, and the numbers of each.
        self.requests: Counter[str] = Counter()
        self.asked: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        #: OAuth2 tokens that are good today, and how many each carrier has given out.
        self.tokens: set[str] = set()
        self.tokens_given: Counter[str] = Counter()
        #: Numbers that were registered with an aggregator, by its code.
        self.registered: dict[str, set[str]] = defaultdict(set)
        self._lock = threading.RLock()
        self._parcels: dict[str, SandboxParcel] = {}
        self._failures: dict[str, deque[Failure]] = defaultdict(deque)
        self._standing: dict[str, Failure] = {}
        self._released = threading.Event()

    def parcel(
        self,
        number: str,
        *,
        local_number: str | None = None,
        destination: str = "France",
        estimate: datetime | None = None,
        pickup_point: str = "",
    ) -> SandboxParcel:
        """Make a number known, or change what is known of it."""
        with self._lock:
            parcel = self._parcels.setdefault(number, SandboxParcel(number))
            parcel.local_number = local_number or parcel.local_number
            parcel.destination = destination
            parcel.estimate = estimate or parcel.estimate
            parcel.pickup_point = pickup_point or parcel.pickup_point
            return parcel

    def scan(
        self,
        number: str,
        carrier: str,
        code: str,
        text: str,
        at: datetime,
        *,
        place: str = "",
        group: str = "",
        zone: str = "GMT+8",
        offset_h: int | None = None,
    ) -> None:
        """Reveal the next scan of a parcel; the carrier lists scans as they are revealed."""
        with self._lock:
            parcel = self._parcels.setdefault(number, SandboxParcel(number))
            parcel.scans[carrier].append(SandboxScan(code, text, at, place, group, zone, offset_h))

    def reword(self, number: str, carrier: str, text: str) -> None:
        """Give the newest scan of a parcel another text, as carriers do between two polls."""
        with self._lock:
            scans = self._parcels[number].scans[carrier]
            scans[-1] = replace(scans[-1], text=text)

    def withdraw(self, number: str, carrier: str) -> None:
        """Take the newest scan of a parcel back."""
        with self._lock:
            self._parcels[number].scans[carrier].pop()

    def fail_next(self, carrier: str, kind: Failure | str, times: int = 1) -> None:
        """Spoil the next `times` answers of a carrier; failures queue up."""
        with self._lock:
            self._failures[carrier].extend([Failure(kind)] * times)

    def fail_always(self, carrier: str, kind: Failure | None) -> None:
        """Spoil every answer of a carrier that no other failure spoils; None ends it."""
        with self._lock:
            self._standing.pop(carrier, None)
            if kind is not None:
                self._standing[carrier] = kind

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let no answer see some of what is revealed in the block and not the rest."""
        with self._lock:
            yield

    def release(self) -> None:
        """Let hanging answers, present and future, go on."""
        self._released.set()

    def begin(self, carrier: str, numbers: Sequence[str]) -> Failure | None:
        """Note a request, let its latency pass and return how its answer fails."""
        time.sleep(self.latency_s)
        with self._lock:
            self.requests[carrier] += 1
            self.asked[carrier].append(tuple(numbers))
            failures = self._failures[carrier]
            return failures.popleft() if failures else self._standing.get(carrier)

    def hang(self) -> None:
        """Wait for `release`, at most HANG_S seconds."""
        self._released.wait(HANG_S)

    def render(self, number: str, form: Callable[[SandboxParcel | None, str], Form]) -> Form:
        """Return a parcel in a carrier's form, read in one piece."""
        with self._lock:
            return form(self._parcels.get(number), number)

    def give_token(self, carrier: str) -> str:
        """Return a new OAuth2 token; it stays good until `revoke_tokens`."""
        with self._lock:
            self.tokens_given[carrier] += 1
            token = f"{carrier}-token-{self.tokens_given[carrier]}"
            self.tokens.add(token)
            return token

    def revoke_tokens(self) -> None:
        """Make every token invalid at once, as carriers do when they restart."""
        with self._lock:
            self.tokens.clear()

    def register(self, carrier: str, number: str) -> bool:
        """Register a number with an aggregator; False where it already was."""
        with self._lock:
            known = number in self.registered[carrier]
            self.registered[carrier].add(number)
            return not known
