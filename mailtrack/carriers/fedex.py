"""FedEx Track v1 (Basic Integrated Visibility): up to thirty numbers a call, with OAuth2.

An unknown number is an `error` inside a 200. FedEx uses numbers again after a while and
then answers several results for one; only the newest can be the parcel that is asked for.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mailtrack.carriers.base import Access, Budget, Declaration
from mailtrack.carriers.history import Scan, poll_result, read_history, recency
from mailtrack.carriers.oauth import ClientCredentials
from mailtrack.carriers.shape import (
    day_as_written,
    joined,
    local_time,
    record,
    records,
    string,
    strings,
)
from mailtrack.carriers.texts import tidy
from mailtrack.carriers.transport import (
    Transport,
    join,
    misunderstood,
    raise_for_status,
    until_midnight_s,
)
from mailtrack.clock import Clock
from mailtrack.domain.model import PickupPoint, PollResult, PollState
from mailtrack.errors import AuthError, MailtrackError, TransientError
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="fedex",
    name="FedEx",
    url="https://apis.fedex.com",
    page="https://www.fedex.com/fedextrack/?trknbr={number}",
    batch=30,
    # 1400 calls in ten seconds; the daily quota is the organisation's own.
    budget=Budget(per_second=10.0, per_day=10_000),
    credentials=("client_id", "client_secret"),
    access=Access.FREE_KEY,
)
PATH = "/track/v1/trackingnumbers"
TOKEN_PATH = "/oauth/token"  # noqa: S105 - an address
#: Seconds of silence after too many calls in a row.
BURST_SILENCE_S = 60.0
#: What an error of one number says of it; of others nothing is known.
NUMBER_ERRORS = {"NOTFOUND": PollState.NOT_FOUND, "INVALID": PollState.REJECTED}
#: Parts of the code of an error of the whole call that comes as a 200.
CALL_ERRORS: Mapping[str, type[MailtrackError]] = {
    "AUTHORIZED": AuthError,
    "FORBIDDEN": AuthError,
    "UNAVAILABLE": TransientError,
    "INTERNAL": TransientError,
}
#: Dates of a promise, the most certain one first.
PROMISES = ("ESTIMATED_DELIVERY", "APPOINTMENT_DELIVERY", "COMMITMENT")


class FedEx:
    """Asks apis.fedex.com."""

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        base = settings.url or DECLARATION.url
        self._url = join(base, PATH)
        self._tokens = ClientCredentials(
            join(base, TOKEN_PATH), settings, transport, clock, in_header=False
        )
        self._transport = transport
        self._clock = clock

    def fetch(self, numbers: Sequence[str]) -> Mapping[str, PollResult]:
        """Ask for all numbers at once; see `carriers.base.Carrier`.

        1. A single unknown number may be answered by a 400.
        2. A failure tells by its status, or inside a 200.
        3. A number may have several results, of which the newest counts.
        """
        asked = {
            "includeDetailedScans": True,
            "trackingInfo": [{"trackingNumberInfo": {"trackingNumber": n}} for n in numbers],
        }
        answer = self._tokens.send(
            lambda bearer: self._transport.post(
                self._url, json=asked, headers={**bearer, "x-locale": "en_US"}
            )
        )
        # 1.
        if len(numbers) == 1 and answer.status in (400, 404):
            codes = _error_codes(answer.object())
            if any(code.endswith("NUMBER.NOTFOUND") for code in codes):
                return {numbers[0]: PollResult(numbers[0], PollState.NOT_FOUND)}
        # 2. The daily quota starts anew at midnight UTC.
        now = self._clock.now()
        is_daily = b"daily" in answer.body.lower()
        raise_for_status(
            answer, now, silence_s=until_midnight_s(now) if is_daily else BURST_SILENCE_S
        )
        body = answer.object()
        completes = record(body.get("output")).get("completeTrackResults")
        if not isinstance(completes, list):
            codes = _error_codes(body)
            said = f"{answer.host} could not answer ({(codes or ['no error code'])[0][:60]})"
            for part, branch in CALL_ERRORS.items():
                if any(part in code for code in codes):
                    raise branch(f"{said}; check the carrier's settings where it goes on.")
            raise misunderstood(said)
        # 3.
        results = {}
        for number in numbers:
            answers = [
                _result(number, track)
                for complete in records(completes)
                if string(complete.get("trackingNumber")) == number
                for track in records(complete.get("trackResults"))
            ]
            results[number] = max(filter(None, answers), key=recency, default=None)
        return {number: result for number, result in results.items() if result}


def _error_codes(body: Mapping[str, Any]) -> list[str]:
    return [string(error.get("code")).upper() for error in records(body.get("errors"))]


def _result(number: str, track: Mapping[str, Any]) -> PollResult | None:
    """Return what one result says; None where its error says nothing of the number."""
    scans = []
    for event in reversed(records(track.get("scanEvents"))):
        when = string(event.get("date"))
        parts = (string(event.get("eventDescription")), string(event.get("exceptionDescription")))
        scans.append(
            Scan(
                local_time(when),
                text=": ".join(filter(None, parts)),
                code=string(event.get("eventType")),
                place=joined(record(event.get("scanLocation")), "city", "countryName"),
                mark=when,
            )
        )
    events = read_history(DECLARATION.code, scans)
    dates = {
        string(entry.get("type")): string(entry.get("dateTime"))
        for entry in records(track.get("dateAndTimes"))
    }
    if not events:
        # The status stands in for scans that are not told, where it has a day of its own.
        latest, when = record(track.get("latestStatusDetail")), dates.get("ACTUAL_DELIVERY", "")
        text, code = string(latest.get("description")), string(latest.get("code"))
        events = read_history(DECLARATION.code, [Scan(local_time(when), text, code, mark=when)])
    error = string(record(track.get("error")).get("code")).upper()
    # FedEx's own example has an error beside a whole history: the history counts.
    if error and not events:
        states = (state for part, state in NUMBER_ERRORS.items() if part in error)
        state = next(states, None)
        return PollResult(number, state) if state else None
    window = record(record(track.get("estimatedDeliveryTimeWindow")).get("window"))
    promised = next(filter(None, map(dates.get, PROMISES)), None) or string(window.get("ends"))
    # The number by which a partner carrier delivers.
    more = record(track.get("additionalTrackingInfo"))
    partner = next(
        (
            strings(identifier["values"])
            for identifier in records(more.get("packageIdentifiers"))
            if string(identifier.get("type")) == "PARTNER_CARRIER_NUMBER"
            and isinstance(identifier.get("values"), list)
        ),
        [],
    )
    # Where FedEx holds the parcel; the contact there may be the addressee: not read.
    held = record(record(track.get("holdAtLocation")).get("locationContactAndAddress"))
    address = record(held.get("address"))
    town = f"{string(address.get('postalCode'))} {string(address.get('city'))}"
    point = ", ".join(filter(None, map(tidy, (*strings(address.get("streetLines")), town))))
    return poll_result(
        number,
        events,
        local_numbers=partner,
        estimated_delivery=day_as_written(promised),
        pickup_point=PickupPoint(DECLARATION.name, address=point) if point else None,
    )
