"""GLS Track And Trace v1: up to ten numbers a call, with OAuth2.

Every number has its own verdict inside a 200. The status of the parcel is a closed list,
those of its events are not: the status tells what the newest event means where its own
code is new to us. It is dated, so that it stands in before the first event. "Delivered"
to a parcel shop (DELIVEREDPS) is not the end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import quote

from mailtrack.carriers.base import Access, Budget, Declaration
from mailtrack.carriers.history import Scan, poll_result, read_history, recency
from mailtrack.carriers.oauth import ClientCredentials
from mailtrack.carriers.shape import joined, local_time, records, string
from mailtrack.carriers.transport import Transport, join, raise_for_status
from mailtrack.carriers.vocabulary import classify
from mailtrack.clock import Clock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState
from mailtrack.errors import PermanentError
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="gls",
    name="GLS",
    url="https://api.gls-group.net",
    page="https://gls-group.com/FR/fr/suivi-colis/?match={number}",
    batch=10,
    # 500 requests a day by default.
    budget=Budget(per_second=1.0, per_day=500),
    credentials=("client_id", "client_secret"),
    access=Access.CONTRACT,
)
PATH = "/track-and-trace-v1/tracking/simple/trackids"
TOKEN_PATH = "/oauth2/v1/token"  # noqa: S105 - an address
#: Seconds of silence after a violated quota, whose end is not told.
SILENCE_S = 3600.0
#: Beginnings of a number's errorCode; of those that are not here nothing is known.
ERROR_CODES = {"E_404": PollState.NOT_FOUND, "E_400": PollState.REJECTED}


class Gls:
    """Asks api.gls-group.net."""

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        base = settings.url or DECLARATION.url
        self._url = join(base, PATH)
        self._tokens = ClientCredentials(
            join(base, TOKEN_PATH), settings, transport, clock, in_header=True
        )
        self._transport = transport
        self._clock = clock

    def fetch(self, numbers: Sequence[str]) -> Mapping[str, PollResult]:
        """Ask for all numbers at once; see `carriers.base.Carrier`."""
        url = f"{self._url}/{','.join(quote(number, safe='') for number in numbers)}"
        answer = self._tokens.send(
            lambda bearer: self._transport.get(
                url, headers={**bearer, "Accept": "application/json", "Accept-Language": "EN"}
            )
        )
        raise_for_status(answer, self._clock.now(), silence_s=SILENCE_S)
        parcels = answer.object().get("parcels")
        if not isinstance(parcels, list):
            raise PermanentError(f"{answer.host} answered without a list of parcels.")
        results = []
        for parcel in records(parcels):
            number, error = string(parcel.get("requested")), string(parcel.get("errorCode"))
            # A history counts, whatever is complained of beside it.
            if error and not records(parcel.get("events")):
                state = ERROR_CODES.get(error[:5])
                results += [PollResult(number, state)] if state else []
                continue
            status = {"code": parcel.get("status"), "eventDateTime": parcel.get("statusDateTime")}
            lines = map(_scan, reversed(records(parcel.get("events"))))
            events = read_history(DECLARATION.code, lines)
            events = events or read_history(DECLARATION.code, [_scan(status)])
            if events and events[0].milestone is Milestone.UNKNOWN:
                means = classify(DECLARATION.code, string(parcel.get("status")), "")
                newest = replace(events[0], milestone=means.milestone, reason=means.reason)
                events = (newest, *events[1:])
            results.append(poll_result(number, events))
        # Several parcels may share a number that GLS used before: the newest counts.
        return {one.number: one for one in sorted(results, key=recency) if one.number in numbers}


def _scan(event: Mapping[str, Any]) -> Scan:
    when = string(event.get("eventDateTime"))
    return Scan(
        local_time(when),
        text=string(event.get("description")),
        code=string(event.get("code")),
        place=joined(event, "city", "country"),
        mark=when,
    )
