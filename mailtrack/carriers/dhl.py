"""DHL "Shipment Tracking – Unified": every division of DHL behind one key, one number a call.

A statusCode only names a group; the words tell. Three traps: the same number may belong
to shipments of several divisions, the description of a delivery may be the name of who
signed, and some divisions print local times without their offset.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from mailtrack.carriers.base import Budget, Declaration, OneByOne
from mailtrack.carriers.history import Scan, read_history, recency
from mailtrack.carriers.shape import (
    day_as_written,
    local_time,
    record,
    records,
    string,
)
from mailtrack.carriers.texts import tidy
from mailtrack.carriers.transport import (
    Answer,
    Transport,
    join,
    raise_for_status,
    until_midnight_s,
)
from mailtrack.carriers.vocabulary import Classified, first_known
from mailtrack.clock import Clock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState
from mailtrack.errors import PermanentError
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="dhl",
    name="DHL",
    url="https://api-eu.dhl.com",
    page="https://www.dhl.com/fr-fr/home/suivi.html?tracking-id={number}",
    batch=1,
    # The first service level: 250 calls a day, one a second.
    budget=Budget(per_second=0.5, per_day=250),
    credentials=("key",),
)
PATH = "/track/shipments"


class Dhl(OneByOne):
    """Asks api-eu.dhl.com."""

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._url = join(settings.url or DECLARATION.url, PATH)
        self._key = settings.key
        self._transport = transport
        self._clock = clock

    def _ask(self, number: str) -> PollResult | None:
        answer = self._transport.get(
            self._url,
            params={"trackingNumber": number, "requesterCountryCode": "FR", "language": "en"},
            headers={"DHL-API-Key": self._key.get_secret_value(), "Accept": "application/json"},
        )
        if answer.status == 404:
            return _unknown(answer, number)
        now = self._clock.now()
        raise_for_status(answer, now, silence_s=until_midnight_s(now))
        found = [
            shipment
            for shipment in records(answer.object().get("shipments"))
            if string(shipment.get("id")).upper() == number.upper()
        ]
        return max((_result(number, s) for s in found), key=recency, default=None)


def _unknown(answer: Answer, number: str) -> PollResult:
    # The service says so in a problem document; a wrong address answers 404 as well.
    if string(answer.object().get("status")) != "404":
        raise PermanentError(f"{answer.host} answered 404: check the carrier's URL.")
    return PollResult(number, PollState.NOT_FOUND)


def _result(number: str, shipment: Mapping[str, Any]) -> PollResult:
    events = read_history(DECLARATION.code, filter(None, _scans(shipment)))
    return PollResult(
        number=number,
        state=PollState.FOUND if events else PollState.PENDING,
        events=events,
        estimated_delivery=day_as_written(
            string(record(shipment.get("estimatedDeliveryTimeFrame")).get("estimatedThrough"))
            or string(shipment.get("estimatedTimeOfDelivery"))
        ),
    )


def _scans(shipment: Mapping[str, Any]) -> Iterator[Scan | None]:
    """Yield the events oldest first; the status stands in where there are none."""
    events = records(shipment.get("events")) or [record(shipment.get("status"))]
    return (_scan(event) for event in reversed(events))


def _scan(event: Mapping[str, Any]) -> Scan | None:
    when = string(event.get("timestamp"))
    local = local_time(when)
    if local is None:
        return None
    address = record(record(event.get("location")).get("address"))
    code = string(event.get("statusCode"))
    text, means = _words(event, code)
    # Facilities come with their street in front.
    place = string(address.get("addressLocality")).rpartition(",")[2]
    return Scan(local, text, code, place, mark=when, means=means)


def _words(event: Mapping[str, Any], code: str) -> tuple[str, Classified]:
    """Return the words that a phrase knows, else the least personal ones."""
    words = [tidy(string(event.get(key))) for key in ("description", "status", "remark")]
    for text in words:
        means = first_known(DECLARATION.code, ("", text), ("", ""))
        if means.milestone is not Milestone.UNKNOWN:
            return text, means
    said, status, _ = words
    means = first_known(DECLARATION.code, ("", ""), (code, ""))
    # Unknown words beside a delivery are as a rule the name of who signed.
    is_private = means.milestone is Milestone.DELIVERED
    return status if is_private else said or status, means
