"""DHL "Shipment Tracking – Unified": every division of DHL behind one key, one number a call.

A statusCode only names a group; the words tell. Three traps: the same number may belong
to shipments of several divisions, the description of a delivery may be the name of who
signed, and some divisions print local times without their offset.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from mailtrack.carriers.base import Access, Budget, Declaration, OneByOne
from mailtrack.carriers.history import Scan, poll_result, read_history, recency
from mailtrack.carriers.shape import (
    day_as_written,
    local_time,
    record,
    records,
    string,
)
from mailtrack.carriers.texts import tidy
from mailtrack.carriers.transport import (
    Transport,
    join,
    raise_for_status,
    until_midnight_s,
)
from mailtrack.carriers.vocabulary import classify
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
    access=Access.FREE_KEY,
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
            # An unknown number comes with a problem document, a wrong address as any 404.
            if string(answer.object().get("status")) != "404":
                raise PermanentError(f"{answer.host} answered 404: check the carrier's URL.")
            return PollResult(number, PollState.NOT_FOUND)
        now = self._clock.now()
        raise_for_status(answer, now, silence_s=until_midnight_s(now))
        results = []
        for shipment in records(answer.object().get("shipments")):
            if string(shipment.get("id")).upper() != number.upper():
                continue
            # The status stands in where there are no events.
            newest_first = records(shipment.get("events")) or [record(shipment.get("status"))]
            events = read_history(DECLARATION.code, map(_scan, reversed(newest_first)))
            window = record(shipment.get("estimatedDeliveryTimeFrame"))
            promised = string(window.get("estimatedThrough"))
            promised = promised or string(shipment.get("estimatedTimeOfDelivery"))
            results.append(poll_result(number, events, estimated_delivery=day_as_written(promised)))
        return max(results, key=recency, default=None)


def _scan(event: Mapping[str, Any]) -> Scan:
    """Read an event: the words that a phrase knows, else the least personal ones."""
    when, code = string(event.get("timestamp")), string(event.get("statusCode"))
    address = record(record(event.get("location")).get("address"))
    # Facilities come with their street in front.
    place = string(address.get("addressLocality")).rpartition(",")[2]
    words = [tidy(string(event.get(key))) for key in ("description", "status", "remark")]
    for text in words:
        means = classify(DECLARATION.code, "", text)
        means = means.borne_out(classify(DECLARATION.code, code, ""))
        if means.milestone is not Milestone.UNKNOWN:
            return Scan(local_time(when), text, code, place, mark=when, means=means)
    means = classify(DECLARATION.code, code, "")
    said, status, _ = words
    # Unknown words beside a delivery are as a rule the name of who signed.
    text = status if means.milestone is Milestone.DELIVERED else said or status
    return Scan(local_time(when), text, code, place, mark=when, means=means)
