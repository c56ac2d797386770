"""AfterShip Tracking 2026-07: an aggregator; a shipment is created once and then listed.

`fetch` lists the numbers, creates those that are missing, and leaves the rest to later
polls: a new shipment has no checkpoints yet. The carrier's words beside a wide tag say
more than the tag. Names and addresses of customers come with every answer: never read.
What it sends of itself has the form of an answer: `verify_push`, `read_push`.
"""

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mailtrack.carriers.base import Access, Budget, Declaration, Push
from mailtrack.carriers.history import Scan, poll_result, read_history, recency
from mailtrack.carriers.shape import (
    day_as_written,
    joined,
    local_time,
    record,
    records,
    string,
)
from mailtrack.carriers.transport import (
    DEFAULT_RETRY_S,
    MAX_RETRY_S,
    Answer,
    Transport,
    join,
    raise_for_status,
    without_version,
)
from mailtrack.carriers.vocabulary import first_known
from mailtrack.clock import Clock
from mailtrack.domain.model import PickupPoint, PollResult, PollState
from mailtrack.errors import PermanentError, QuotaError
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="aftership",
    name="AfterShip",
    url="https://api.aftership.com",
    page="https://www.aftership.com/track/{number}",
    # Each missing number is created by a call of its own.
    batch=10,
    # Six lists a second; shipments cost, calls do not.
    budget=Budget(per_second=2.0, per_day=20_000),
    credentials=("key",),
    access=Access.PAID,
)
PATH = "/tracking/2026-07/trackings"
#: What the refusal to create a shipment says of its number (meta.code): that it exists, or
#: that it can be no number.
EXISTS = "4003"
NOT_NUMBERS = frozenset({"4005", "4012", "4017"})
DELIVERED = "Delivered"
#: Tags of a shipment of which nothing is known.
UNKNOWN_TAGS = frozenset({"", "Pending", "Expired"})
#: Tags so wide that the words beside them say more.
WIDE_TAGS = frozenset(
    {"", "InTransit", "InTransit_001", "InTransit_003", "Exception", "Exception_001"}
)
#: Where a place stands that has no line of its own.
PLACE = ("city", "country_name", "country_region_name")
#: Where a promised day may stand, the latest word first.
PROMISES = (
    ("latest_estimated_delivery", "datetime_max"),
    ("latest_estimated_delivery", "datetime"),
    ("courier_estimated_delivery", "estimated_delivery_date_max"),
    ("courier_estimated_delivery", "estimated_delivery_date"),
)


class AfterShip:
    """Asks api.aftership.com."""

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._url = join(without_version(settings.url, PATH) or DECLARATION.url, PATH)
        self._key = settings.key
        self._transport = transport
        self._clock = clock

    def fetch(self, numbers: Sequence[str]) -> Mapping[str, PollResult]:
        """List all numbers at once and create new ones; see `carriers.base.Carrier`."""
        answer = self._transport.get(
            self._url,
            params={"tracking_numbers": ",".join(numbers), "limit": "200"},
            headers=self._headers(),
        )
        self._raise_for_status(answer)
        trackings = record(answer.object().get("data")).get("trackings")
        if not isinstance(trackings, list):
            raise PermanentError(f"{answer.host} answered without a list of trackings.")
        # Several carriers may have a number: the newest history is the parcel's.
        listed = sorted(map(_result, records(trackings)), key=recency)
        results = {result.number: result for result in listed if result.number in numbers}
        for number in [number for number in numbers if number not in results]:
            try:
                created = self._create(number)
            except QuotaError:
                # No more may be created now: what was listed counts, the rest is asked again.
                if results:
                    break
                raise
            if created is not None:
                results[number] = created
        return results

    def _create(self, number: str) -> PollResult | None:
        """Make a number known; None where it is already, and was only left out of the list."""
        answer = self._transport.post(
            self._url, json={"tracking_number": number}, headers=self._headers()
        )
        code = ""
        if answer.status == 400:
            code = string(record(answer.object().get("meta")).get("code"))
        if code in NOT_NUMBERS:
            return PollResult(number, PollState.REJECTED)
        if code == EXISTS:
            return None
        self._raise_for_status(answer)
        data = record(answer.object().get("data"))
        created = _result(record(data.get("tracking")) or data)
        return created if created.number == number else None

    def _headers(self) -> Mapping[str, str]:
        return {"as-api-key": self._key.get_secret_value(), "Accept": "application/json"}

    def _raise_for_status(self, answer: Answer) -> None:
        """Raise what the status stands for; X-RateLimit-Reset, a Unix time, ends a silence."""
        now = self._clock.now()
        reset = answer.headers.get("x-ratelimit-reset", "").strip()
        silence_s = DEFAULT_RETRY_S
        if reset.isascii() and reset.isdigit() and len(reset) < 12:
            silence_s = min(max(int(reset) - now.timestamp(), 1.0), MAX_RETRY_S)
        raise_for_status(answer, now, silence_s=silence_s)


def verify_push(body: bytes, sign: str, secret: str) -> bool:
    """Return True if a push comes from AfterShip: `sign` is HMAC-SHA256 of it, in base64.

    `body` are the exact bytes of the request; without a secret nothing is believed.
    """
    expected = base64.b64encode(hmac.digest(secret.encode(), body, "sha256"))
    return bool(secret) and hmac.compare_digest(expected, sign.strip().encode())


def read_push(body: bytes) -> Push:
    """Return what a push says of its shipment, in `msg`; raises PermanentError for no push."""
    try:
        push = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PermanentError("The push of AfterShip is not JSON; nothing was taken in.") from error
    if not isinstance(push, dict) or "event" not in push:
        raise PermanentError("The push of AfterShip has another form; nothing was taken in.")
    result = _result(record(push.get("msg")))
    return Push({result.number: result} if result.number else {})


def _result(tracking: Mapping[str, Any]) -> PollResult:
    """Return what is known of one shipment, whose checkpoints come oldest first.

    Where none of them is dated, the tag of the shipment stands in, if it is delivered.
    """
    number, tag = string(tracking.get("tracking_number")), string(tracking.get("tag"))
    end = {
        "checkpoint_time": tracking.get("shipment_delivery_date"),
        "subtag": tracking.get("subtag"),
        "tag": tag,
    }
    told = records(tracking.get("checkpoints"))
    # The same checkpoint has the same hash, and is told once.
    by_hash = {string(line.get("hash")) or str(place): line for place, line in enumerate(told)}
    events = read_history(DECLARATION.code, map(_scan, by_hash.values()), status=tag)
    if not events and tag == DELIVERED:
        events = read_history(DECLARATION.code, [_scan(end)])
    promised = (string(record(tracking.get(group)).get(key)) for group, key in PROMISES)
    point = string(tracking.get("pickup_location"))
    is_collected = string(tracking.get("delivery_type")).startswith("pickup")
    return poll_result(
        number,
        events,
        without_events=PollState.NOT_FOUND if tag in UNKNOWN_TAGS else PollState.PENDING,
        local_numbers=[string(record(tracking.get("last_mile")).get("tracking_number"))],
        estimated_delivery=day_as_written(
            next(filter(None, promised), "") or tracking.get("expected_delivery")
        ),
        pickup_point=PickupPoint(point) if point and is_collected else None,
    )


def _scan(checkpoint: Mapping[str, Any]) -> Scan:
    """Read a checkpoint; when AfterShip heard of it stands in for a time that it lacks."""
    when, text = string(checkpoint.get("checkpoint_time")), string(checkpoint.get("message"))
    is_dated = local_time(when) is not None
    if not is_dated:
        when = string(checkpoint.get("created_at"))
    tag = string(checkpoint.get("subtag")) or string(checkpoint.get("tag"))
    place = string(checkpoint.get("location")) or joined(checkpoint, *PLACE)
    mark = f"{string(checkpoint.get('slug'))}:{when}"
    said = [(tag, ""), (tag.partition("_")[0], ""), ("", text)]
    if tag in WIDE_TAGS:
        said = [("", text), (tag, "")]
    means = first_known(DECLARATION.code, *said)
    return Scan(local_time(when), text, tag, place, mark, certain=is_dated, means=means)
