"""17TRACK v2.4: an aggregator of thousands of carriers, forty numbers a call.

A number is registered once, and costs quota once; after that it is asked for free. So
`fetch` asks first, registers what is not registered, and takes up again (once in a
number's life, the service sees to that) what was stopped for want of news. The first
data comes minutes after the registration, best by push: `verify_push`, `read_push`. Some
carriers want the postcode of the destination, which is given at the registration where the
settings have it.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from types import MappingProxyType
from typing import Any, ClassVar

from mailtrack.carriers.base import Access, Budget, Declaration, Push
from mailtrack.carriers.history import Scan, in_order_of_time, poll_result, read_history
from mailtrack.carriers.shape import day_as_written, local_time, record, records, string
from mailtrack.carriers.texts import tidy, without_people
from mailtrack.carriers.transport import (
    Transport,
    join,
    misunderstood,
    out_of_order,
    raise_for_status,
    too_often,
    without_version,
)
from mailtrack.carriers.vocabulary import first_known
from mailtrack.clock import Clock
from mailtrack.domain.model import Hint, PollResult, PollState
from mailtrack.errors import AuthError, PermanentError, QuotaError
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="17track",
    name="17TRACK",
    url="https://api.17track.net",
    page="https://t.17track.net/fr#nums={number}",
    batch=40,
    # Three requests a second, of which a call may need three; numbers cost, calls do not.
    budget=Budget(per_second=1.0, per_day=20_000),
    credentials=("key",),
    access=Access.PAID,
)
PATH = "/track/v2.4"
#: Seconds of silence after more than three requests in a second.
BURST_SILENCE_S = 60.0
#: Seconds of silence where no new number can be registered and nothing else was asked.
QUOTA_SILENCE_S = 3600.0
NOT_REGISTERED = -18019902
QUOTA_CODES = frozenset({-18019907, -18019908})
#: What the rejection of one number says of it; of others nothing is known: who is registered
#: already, but was left out before, is asked about again.
REJECTIONS = {
    -18019909: PollState.NOT_FOUND,  # no data yet
    -18019903: PollState.REJECTED,  # no carrier has such numbers
    -18010012: PollState.REJECTED,  # not the form of a number
    # The carrier wants more than the number: country, postcode, telephone …
    -18010016: PollState.NOT_FOUND,
    -18010018: PollState.NOT_FOUND,
    -18010019: PollState.NOT_FOUND,
    -18010020: PollState.NOT_FOUND,
    -18010022: PollState.NOT_FOUND,
}
POSTCODE_CODES = frozenset({-18010018, -18010019})
#: Words for a reading of a carrier that went well, or has not been tried yet.
READ = frozenset({"", "success", "1", "true"})
#: What the code of a whole answer means, besides its HTTP status.
AUTH_CODES = frozenset({-18010001, -18010002, -18010004, -18010005})
INTERNAL_ERROR = -18010003
EXPIRED = "Expired"
#: `event` of a push about a number that is no longer followed: too long without news.
STOPPED = "TRACKING_STOPPED"
UNKNOWN_STATUS = "NotFound"
#: Milestones of the summary that the list of scans has under other names.
STAGES = {
    "PickedUp": "InTransit_PickedUp",
    "Departure": "InTransit_Departure",
    "Arrival": "InTransit_Arrival",
    "Returning": "Exception_Returning",
    "Returned": "Exception_Returned",
}
#: Stages so wide that the words beside them say more.
WIDE_STAGES = frozenset(
    {"", "InTransit", "InTransit_Other", "Exception", "Exception_Other", "DeliveryFailure_Other"}
)


class SeventeenTrack:
    """Asks api.17track.net."""

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._url = join(without_version(settings.url, PATH) or DECLARATION.url, PATH)
        self._key = settings.key
        # Empty fields are none: it picks what each carrier needs.
        self._more = {"destination_postal_code": settings.postcode} if settings.postcode else {}
        self._transport = transport
        self._clock = clock

    def fetch(self, numbers: Sequence[str]) -> Mapping[str, PollResult]:
        """Ask for all numbers at once; see `carriers.base.Carrier`.

        1. Ask: the rejected numbers are those of which it says why there is no result.
        2. Register new numbers. They are known from now on; their first data takes minutes.
        3. Take up again what was stopped. It is refused for a number that still runs, or
           was taken up before: both are fine.
        4. Where the quota let us register none, and there is nothing else to tell, say so.
        """
        # 1.
        told = self._call("gettrackinfo", numbers)
        results = _results(told) | _verdicts(told)
        # 2.
        new = [n for n, code in _rejected(told) if code == NOT_REGISTERED and n in numbers]
        registered = self._call("register", new, self._more) if new else {}
        accepted = [string(item.get("number")) for item in records(registered.get("accepted"))]
        results |= {number: PollResult(number, PollState.NOT_FOUND) for number in accepted}
        results |= _verdicts(registered)
        # 3.
        stopped = [
            string(item.get("number"))
            for item in records(told.get("accepted"))
            if _status(item) == EXPIRED
        ]
        if stopped:
            self._call("retrack", stopped)
        # 4.
        asked = {number: result for number, result in results.items() if number in numbers}
        if not asked and any(code in QUOTA_CODES for _, code in _rejected(registered)):
            raise QuotaError(
                "17TRACK registers no more numbers: its quota is used up; buy some or wait.",
                QUOTA_SILENCE_S,
            )
        return asked

    def _call(
        self, method: str, numbers: Sequence[str], more: Mapping[str, str] = MappingProxyType({})
    ) -> Mapping[str, Any]:
        """Return the data of an answer; a failure tells by its status, or inside a 200.

        `more`: what is said of each number besides.
        """
        answer = self._transport.post(
            f"{self._url}/{method}",
            json=[{"number": number, **more} for number in numbers],
            headers={"17token": self._key.get_secret_value(), "Accept": "application/json"},
        )
        raise_for_status(answer, self._clock.now(), silence_s=BURST_SILENCE_S)
        body = answer.object()
        code = _code(body)
        if code != 0:
            said = f"{answer.host} could not answer ({code})"
            if code in AUTH_CODES:
                raise AuthError(
                    f"{said}: it refuses our key or address; check the carrier's settings."
                )
            if code == 429 or code in QUOTA_CODES:
                silence_s = BURST_SILENCE_S if code == 429 else QUOTA_SILENCE_S
                raise too_often(said, silence_s)
            if code == INTERNAL_ERROR:
                raise out_of_order(said)
            raise misunderstood(said)
        if not isinstance(body.get("data"), dict):
            raise PermanentError(f"{answer.host} answered without data.")
        return record(body["data"])


def verify_push(body: bytes, sign: str, key: str) -> bool:
    """Return True if a push comes from 17TRACK: `sign` is SHA-256 over body, "/" and key.

    `body` are the exact bytes of the request; without a key nothing is believed.
    """
    expected = hashlib.sha256(body + b"/" + key.encode()).hexdigest()
    return bool(key) and hmac.compare_digest(expected.encode(), sign.strip().lower().encode())


def read_push(body: bytes) -> Push:
    """Return what a push says of its numbers: their results, or that 17TRACK stopped them.

    Raises PermanentError for what is no push. Pushes come twice and out of order: a result
    holds the whole history each time.
    """
    try:
        push = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PermanentError("The push of 17TRACK is not JSON; nothing was taken in.") from error
    if not isinstance(push, dict) or "event" not in push:
        raise PermanentError("The push of 17TRACK has another form; nothing was taken in.")
    data = push.get("data")
    items = records(data if isinstance(data, list) else [data])
    stopped = items if push["event"] == STOPPED else []
    return Push(
        results=_results({"accepted": [item for item in items if record(item.get("track_info"))]}),
        stopped=frozenset(filter(None, (string(item.get("number")) for item in stopped))),
    )


def _code(value: Mapping[str, Any]) -> int | None:
    code = value.get("code")
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _rejected(told: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for item in records(told.get("rejected")):
        code = _code(record(item.get("error")))
        if code is not None:
            yield string(item.get("number")), code


def _verdicts(told: Mapping[str, Any]) -> dict[str, PollResult]:
    return {
        number: PollResult(
            number, REJECTIONS[code], hint=Hint.POSTCODE if code in POSTCODE_CODES else ""
        )
        for number, code in _rejected(told)
        if code in REJECTIONS
    }


def _results(told: Mapping[str, Any]) -> dict[str, PollResult]:
    """Return the results; of several records of one number the one that knows most."""
    found = map(_result, records(told.get("accepted")))
    results = sorted(found, key=lambda result: len(result.events))
    return {result.number: result for result in results if result.number}


def _status(item: Mapping[str, Any]) -> str:
    return string(record(record(item.get("track_info")).get("latest_status")).get("status"))


def _result(item: Mapping[str, Any]) -> PollResult:
    """Return what is known of one number, from the scans of all carriers on its way.

    1. Where none of them is dated, the summary has the newest, or at least the milestones.
    2. Its status stands in for words that nobody knows, unless an older scan told it.
    """
    number = string(item.get("number"))
    info = record(item.get("track_info"))
    # 1.
    providers = records(record(info.get("tracking")).get("providers"))
    told = [
        [_scan(event, key) for event in reversed(records(provider.get("events")))]
        for provider in providers
        for key in [string(record(provider.get("provider")).get("key"))]
    ]
    newest = _scan(record(info.get("latest_event")), "")
    stages = [_scan(line, "") for line in records(info.get("milestone"))]
    histories = (in_order_of_time(scans) for scans in ([*chain(*told)], [newest], stages))
    events = read_history(DECLARATION.code, next(filter(None, histories), []), status=_status(item))
    # 2.
    status = record(info.get("latest_status"))
    means = first_known(
        DECLARATION.code, *((string(status.get(name)), "") for name in ("sub_status", "status"))
    )
    if events and events[0].is_unknown and all(e.milestone != means.milestone for e in events):
        known = replace(
            events[0],
            milestone=means.milestone,
            reason=means.reason,
            certainty=means.certainty,
        )
        events = (known, *events[1:])
    is_unknown = _status(item) in ("", UNKNOWN_STATUS)
    estimate = record(record(info.get("time_metrics")).get("estimated_delivery_date"))
    return poll_result(
        number,
        events,
        without_events=PollState.NOT_FOUND if is_unknown else PollState.PENDING,
        local_numbers=[string(record(info.get("misc_info")).get("local_number"))],
        estimated_delivery=day_as_written(string(estimate.get("to")) or estimate.get("from")),
        hint=_hint(item, providers),
    )


def _hint(item: Mapping[str, Any], providers: Sequence[Mapping[str, Any]]) -> str:
    """Return why there is no result: a carrier's own notice, or that it could not be read."""
    places = (record(item.get("track_info")), item, *providers)
    tips = (without_people(tidy(_words(place.get("provider_tips")))) for place in places)
    states = [string(item.get("sync_status"))]
    states += (string(provider.get("latest_sync_status")) for provider in providers)
    unread = any(state.lower() not in READ for state in states)
    return next(filter(None, tips), Hint.NOT_READ if unread else "")


def _words(value: Any) -> str:
    """Return a text, or the texts of a list or an object, as one."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return string(value) or " ".join(filter(None, map(_words, parts)))


def _scan(event: Mapping[str, Any], key: str) -> Scan:
    """Read a scan of the carrier `key`, dated by the first of its times that can be read.

    The carrier's own (`time_raw`) may be the only one. Where it gives no zone, 17TRACK had to
    guess: then the clock is doubtful.
    """
    raw = event.get("time_raw")
    day, clock, zone = (string(record(raw).get(name)) for name in ("date", "time", "timezone"))
    own = f"{day}T{clock}" if clock else day
    times = (string(event.get("time_utc")), string(event.get("time_iso")), f"{own}{zone}", own)
    when = next(filter(local_time, times), "")
    stage = (
        string(event.get("sub_status"))
        or string(event.get("stage"))
        or STAGES.get(string(event.get("key_stage")), string(event.get("key_stage")))
    )
    text = string(event.get("description"))
    said = [(stage, ""), ("", text)]
    return Scan(
        local_time(when),
        text,
        stage,
        place=string(event.get("location")),
        mark=f"{key}:{when}",
        certain=bool(zone) if isinstance(raw, dict) else True,
        means=first_known(DECLARATION.code, *(reversed(said) if stage in WIDE_STAGES else said)),
    )
