"""GOFO (CIRRO) in France: what its own tracking page reads, one number a request.

It tells of the French leg only. An event's words stand in `mainContent`: the fields around
them hold telephones and support lines, and are not read.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from mailtrack.carriers import keyless
from mailtrack.carriers.base import Declaration, OneByOne
from mailtrack.carriers.history import Scan, poll_result, read_history
from mailtrack.carriers.pages import PAGES
from mailtrack.carriers.shape import PARIS, day_as_written, in_zone, local_time, records, string
from mailtrack.carriers.transport import Transport, join, out_of_order
from mailtrack.clock import Clock
from mailtrack.domain.model import PollResult, PollState
from mailtrack.domain.numbers import normalise
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="gofo",
    name="GOFO",
    url="https://www.gofo.com",
    page=PAGES["gofo"].address,
    batch=1,
    budget=keyless.BUDGET,
    aliases=("cirro",),
    keyless=True,
)
PATH = "/fr/open-api/official/track/queryTrackV2"
#: Its own numbers, and the shipper's reference, which it knows with hyphens only.
NUMBER = re.compile(r"(?:GF|CI)FR\d{10,20}|PK\d{20}", re.ASCII)
REFERENCE = re.compile(r"(PK)(\d{19})(\d)", re.ASCII)
SUCCESS = "200"
#: What a parcel may be asked for by.
_NUMBERS = ("waybillNo", "trackingNumber")


class Gofo(OneByOne):
    """Asks www.gofo.com."""

    declaration: ClassVar[Declaration] = DECLARATION
    form: ClassVar[re.Pattern[str]] = NUMBER

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._url = join(settings.url or DECLARATION.url, PATH)
        self._transport = transport
        self._clock = clock

    def _ask(self, number: str) -> PollResult | None:
        answer = self._transport.post(
            self._url,
            json={"numberList": [REFERENCE.sub(r"\1-\2-\3", number)]},
            headers={"Accept": "application/json", "lang": "fr"},
        )
        keyless.raise_for_answer(answer, self._clock.now())
        page = keyless.json_object(answer)
        if string(page.get("code")) != SUCCESS:
            raise out_of_order(f"{answer.host} answered code {string(page.get('code'))[:20]}")
        if not isinstance(page.get("data"), list):
            raise keyless.changed(answer)
        parcels = records(page["data"])
        if not parcels:
            return PollResult(number, PollState.NOT_FOUND)
        parcel = next(
            (one for one in parcels if number in {normalise(string(one.get(x))) for x in _NUMBERS}),
            None,
        )
        if parcel is None:
            return None
        events = read_history(
            DECLARATION.code, map(_scan, reversed(records(parcel.get("trackEventList"))))
        )
        expected = day_as_written(parcel.get("expectedDeliveryTime"))
        return poll_result(number, events, estimated_delivery=expected)


def _scan(event: Mapping[str, Any]) -> Scan:
    when = string(event.get("processDate"))
    return Scan(
        local=in_zone(local_time(when), PARIS),
        text=string(event.get("mainContent")),
        code=string(event.get("processCode")),
        place=string(event.get("processLocation")),
        mark=when,
    )
