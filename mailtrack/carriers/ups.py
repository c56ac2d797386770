"""UPS Track v1: one number a call, with OAuth2.

An unknown number is a warning inside a 200 or a 404. The type of an activity is too wide
("I" is in transit and out for delivery alike); its three-digit statusCode tells more, and
for the widest of these the words do.
"""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from mailtrack.carriers.base import Access, Budget, Declaration, OneByOne
from mailtrack.carriers.history import Scan, poll_result, read_history, waiting
from mailtrack.carriers.oauth import ClientCredentials
from mailtrack.carriers.shape import day_as_written, joined, local_time, record, records, string
from mailtrack.carriers.texts import tidy
from mailtrack.carriers.transport import Answer, Transport, join, raise_for_status
from mailtrack.carriers.vocabulary import first_known
from mailtrack.clock import Clock
from mailtrack.domain.model import PickupPoint, PollResult, PollState
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
    access=Access.FREE_KEY,
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
        """Ask for one number.

        1. A package that is told counts, whatever an answer warns of besides: it has this
           number, or is the only one of a shipment with this number.
        2. Else errors and warnings, which come with any status, speak of us or of the number.
        """
        # The request's name gives away neither the number nor chance.
        name = uuid5(NAMESPACE_URL, f"{number}@{self._clock.now().isoformat()}").hex
        url = f"{self._url}/{quote(number, safe='')}"
        headers = {"transId": name, "transactionSrc": "mailtrack"}
        answer = self._tokens.send(
            lambda bearer: self._transport.get(
                url, params={"locale": "fr_FR"}, headers={**bearer, **headers}
            )
        )
        # 1.
        body = _body(answer)
        package = _package(body, number)
        if package is not None and records(package.get("activity")):
            return _result(number, package)
        # 2.
        codes = _codes(body)
        if REFUSED_CODES & set(codes):
            raise AuthError(f"{answer.host} refuses our credentials; check the carrier's settings.")
        if QUOTA_CODE in codes:
            raise_for_status(answer, self._clock.now(), silence_s=SILENCE_S)
            raise QuotaError(f"{answer.host}: we ask too often.", SILENCE_S)
        state = next((NUMBER_CODES[code] for code in codes if code in NUMBER_CODES), None)
        if state:
            return PollResult(number, state)
        raise_for_status(answer, self._clock.now(), silence_s=SILENCE_S)
        if not isinstance(answer.object().get("trackResponse"), dict):
            raise PermanentError(f"{answer.host} answered without a trackResponse.")
        return None if package is None else _result(number, package)


def _body(answer: Answer) -> Mapping[str, Any]:
    """Return the object of an answer; an empty one where it is no JSON."""
    is_json = answer.status < 500 and answer.body.lstrip().startswith(b"{")
    return answer.object() if is_json else {}


def _shipments(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return records(record(body.get("trackResponse")).get("shipment"))


def _package(body: Mapping[str, Any], number: str) -> Mapping[str, Any] | None:
    """Return the package of a number, None where it is not told."""
    for shipment in _shipments(body):
        packages = records(shipment.get("package"))
        is_alone = string(shipment.get("inquiryNumber")) == number and len(packages) == 1
        for package in packages:
            if is_alone or string(package.get("trackingNumber")) == number:
                return package
    return None


def _codes(body: Mapping[str, Any]) -> list[str]:
    """Return the codes of all errors and warnings."""
    told = records(record(body.get("response")).get("errors"))
    for shipment in _shipments(body):
        told += records(shipment.get("warnings"))
    return [string(one.get("code")) for one in told]


def _result(number: str, package: Mapping[str, Any]) -> PollResult:
    """Return what is known of a package, whose activities come newest first."""
    scans = []
    for activity in reversed(records(package.get("activity"))):
        # 20260210, 071356, +01:00: the local time with its offset where UPS gives it.
        day, clock = string(activity.get("date")), string(activity.get("time"))
        when = f"{day}T{clock.zfill(6)}{string(activity.get('gmtOffset'))}" if clock else day
        status = record(activity.get("status"))
        text, kind = tidy(string(status.get("description"))), string(status.get("type"))
        # UPS writes "011" as "11" in its own tables.
        digits = string(status.get("statusCode"))
        code = digits.lstrip("0") or digits[:1] or kind
        said = [("", text), (code, "")] if code in WIDE_CODES else [(code, text), (kind, text)]
        place = joined(
            record(record(activity.get("location")).get("address")), "city", "countryCode"
        )
        means = first_known(DECLARATION.code, *said)
        scans.append(Scan(local_time(when), text, code, place, mark=when, means=means))
    events = read_history(DECLARATION.code, scans)
    # The post's number is listed with those that are UPS's own, which have no type.
    others = [
        string(other.get("number"))
        for other in records(package.get("alternateTrackingNumber"))
        if string(other.get("type"))
    ]
    promised = {
        string(entry.get("type")): string(entry.get("date"))
        for entry in records(package.get("deliveryDate"))
    }
    # Where the parcel waits, or will; the other addresses are people's.
    last_day = string(record(package.get("accessPointInformation")).get("pickupByDate"))
    points = (
        record(entry.get("address"))
        for entry in records(package.get("packageAddress"))
        if "ACCESS" in string(entry.get("type")).upper()
    )
    address = joined(next(points, {}), "addressLine1", "addressLine2", "postalCode", "city")
    point = PickupPoint("UPS Access Point", address=address, last_day=day_as_written(last_day))
    return poll_result(
        number,
        events,
        local_numbers=others,
        estimated_delivery=day_as_written(
            next((promised[kind] for kind in PROMISES if promised.get(kind)), "")
        ),
        pickup_point=point if last_day or waiting(events) else None,
    )
