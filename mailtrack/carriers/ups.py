"""UPS Track v1: one number a call, with OAuth2.

An unknown number is a warning inside a 200 or a 404. The type of an activity is too wide
("I" is in transit and out for delivery alike); its three-digit statusCode tells more, and
for the widest of these the words do.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from mailtrack.carriers.base import Budget, Declaration, OneByOne
from mailtrack.carriers.history import Scan, read_history
from mailtrack.carriers.oauth import ClientCredentials
from mailtrack.carriers.shape import day_as_written, local_time, record, records, string
from mailtrack.carriers.texts import tidy
from mailtrack.carriers.transport import Answer, Transport, join, raise_for_status
from mailtrack.carriers.vocabulary import Classified, classify, first_known
from mailtrack.clock import Clock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PickupPoint, PollResult, PollState, TrackingEvent
from mailtrack.errors import AuthError, PermanentError, QuotaError
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="ups",
    name="UPS",
    url="https://onlinetools.ups.com",
    page="https://www.ups.com/track?loc=fr_FR&tracknum={number}",
    batch=1,
    # Nothing is published.
    budget=Budget(per_second=1.0, per_day=2_000),
    credentials=("client_id", "client_secret"),
)
PATH = "/api/track/v1/details"
TOKEN_PATH = "/security/v1/oauth/token"  # noqa: S105 - an address
#: Seconds of silence after "too many requests", which never says how long.
SILENCE_S = 900.0
#: What a warning or an error says of the number.
NUMBER_CODES = {
    "TW0001": PollState.NOT_FOUND,
    "TV1002": PollState.REJECTED,
}
REFUSED_CODES = frozenset({"250002", "250003"})
QUOTA_CODE = "10429"
#: Status codes and types that hold many stages: "on the way", "exception".
WIDE_CODES = frozenset({"", "5", "10", "13", "25", "29", "39", "47", "I", "X"})
#: Kinds of delivery dates, the latest word first.
PROMISES = ("RDD", "SDD")


class Ups(OneByOne):
    """Asks onlinetools.ups.com."""

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        # UPS prints its addresses with /api at the end; tokens do not live below it.
        base = (settings.url or DECLARATION.url).rstrip("/").removesuffix("/api")
        self._url = join(base, PATH)
        self._tokens = ClientCredentials(
            join(base, TOKEN_PATH), settings, transport, clock, in_header=True
        )
        self._transport = transport
        self._clock = clock

    def _ask(self, number: str) -> PollResult | None:
        url = f"{self._url}/{quote(number, safe='')}"
        headers = {"transId": self._transaction(number), "transactionSrc": "mailtrack"}
        answer = self._tokens.send(
            lambda bearer: self._transport.get(
                url, params={"locale": "fr_FR"}, headers={**bearer, **headers}
            )
        )
        state = self._verdict(answer)
        if state:
            return PollResult(number, state)
        raise_for_status(answer, self._clock.now(), silence_s=SILENCE_S)
        return _result(number, answer)

    def _transaction(self, number: str) -> str:
        """Return a name of the request that gives away neither the number nor chance."""
        return uuid5(NAMESPACE_URL, f"{number}@{self._clock.now().isoformat()}").hex

    def _verdict(self, answer: Answer) -> PollState | None:
        """Return what a refusal says of the number; raise what it says of the whole call."""
        codes = _codes(answer)
        if REFUSED_CODES & set(codes):
            raise AuthError(f"{answer.host} refuses our credentials; check the carrier's settings.")
        if QUOTA_CODE in codes:
            raise_for_status(answer, self._clock.now(), silence_s=SILENCE_S)
            raise QuotaError(f"{answer.host}: we ask too often.", SILENCE_S)
        return next((NUMBER_CODES[code] for code in codes if code in NUMBER_CODES), None)


def _codes(answer: Answer) -> list[str]:
    """Return the codes of all errors and warnings; none where the answer is no JSON."""
    if answer.status >= 500 or not answer.body.lstrip().startswith(b"{"):
        return []
    body = answer.object()
    told = records(record(body.get("response")).get("errors"))
    for shipment in records(record(body.get("trackResponse")).get("shipment")):
        told += records(shipment.get("warnings"))
    return [string(one.get("code")) for one in told]


def _result(number: str, answer: Answer) -> PollResult | None:
    response = answer.object().get("trackResponse")
    if not isinstance(response, dict):
        raise PermanentError(f"{answer.host} answered without a trackResponse.")
    package = _package(number, records(response.get("shipment")))
    if package is None:
        return None
    scans = (_scan(activity) for activity in reversed(records(package.get("activity"))))
    events = read_history(DECLARATION.code, filter(None, scans))
    return PollResult(
        number=number,
        state=PollState.FOUND if events else PollState.PENDING,
        events=events,
        local_number=_local_number(package, number),
        estimated_delivery=_estimate(package),
        pickup_point=_pickup_point(package, events),
    )


def _package(number: str, shipments: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the package with this number, or the only one of a shipment with this number."""
    for shipment in shipments:
        packages = records(shipment.get("package"))
        named = [p for p in packages if string(p.get("trackingNumber")) == number]
        if named:
            return named[0]
        if string(shipment.get("inquiryNumber")) == number and len(packages) == 1:
            return packages[0]
    return None


def _scan(activity: Mapping[str, Any]) -> Scan | None:
    when = _written(activity)
    local = local_time(when)
    if local is None:
        return None
    status = record(activity.get("status"))
    text, kind = tidy(string(status.get("description"))), string(status.get("type"))
    code = _digits(string(status.get("statusCode"))) or kind
    address = record(record(activity.get("location")).get("address"))
    place = filter(None, (string(address.get(key)) for key in ("city", "countryCode")))
    return Scan(local, text, code, ", ".join(place), mark=when, means=_means(code, kind, text))


def _digits(status_code: str) -> str:
    """Return "011" as "11", as UPS writes it in its own tables."""
    return status_code.lstrip("0") or status_code[:1]


def _means(code: str, kind: str, text: str) -> Classified:
    if code in WIDE_CODES:
        return first_known(DECLARATION.code, ("", text), (code, ""))
    means = classify(DECLARATION.code, code, text)
    if means.milestone is not Milestone.UNKNOWN:
        return means
    return classify(DECLARATION.code, kind, text)


def _written(activity: Mapping[str, Any]) -> str:
    """Return the local time with its offset where UPS gives it (20260210, 071356, +01:00)."""
    day, clock = (string(activity.get(key)) for key in ("date", "time"))
    return f"{day}T{clock.zfill(6)}{string(activity.get('gmtOffset'))}" if clock else day


def _local_number(package: Mapping[str, Any], number: str) -> str | None:
    """Return the post's number; those without a type are UPS's own."""
    for alternate in records(package.get("alternateTrackingNumber")):
        other = string(alternate.get("number"))
        if string(alternate.get("type")) and other and other != number:
            return other
    return None


def _estimate(package: Mapping[str, Any]) -> date | None:
    dates = {
        string(entry.get("type")): string(entry.get("date"))
        for entry in records(package.get("deliveryDate"))
    }
    return day_as_written(next((dates[kind] for kind in PROMISES if dates.get(kind)), ""))


def _pickup_point(
    package: Mapping[str, Any], events: Sequence[TrackingEvent]
) -> PickupPoint | None:
    """Return the access point where the parcel waits; the other addresses are people's."""
    last_day = string(record(package.get("accessPointInformation")).get("pickupByDate"))
    waits = any(event.milestone is Milestone.PICKUP_AVAILABLE for event in events)
    if not last_day and not waits:
        return None
    points = (
        record(entry.get("address"))
        for entry in records(package.get("packageAddress"))
        if "ACCESS" in string(entry.get("type")).upper()
    )
    address = next(points, {})
    keys = ("addressLine1", "addressLine2", "postalCode", "city")
    written = ", ".join(filter(None, (string(address.get(key)) for key in keys)))
    return PickupPoint("UPS Access Point", address=written, last_day=day_as_written(last_day))
