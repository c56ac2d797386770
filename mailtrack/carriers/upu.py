"""UPU Global Track & Trace: what the posts of the world tell each other about an S10 number.

The documented anonymous method, one item a request. An unknown item is a 200 with an
empty body. Dates are wall clocks of wherever, with an offset that means nothing.
"""

import re
from datetime import datetime, timedelta
from typing import ClassVar

from mailtrack.carriers.base import Budget, Declaration, OneByOne
from mailtrack.carriers.history import Scan, oldest_first, poll_result, read_history
from mailtrack.carriers.shape import instant_of_ms, local_time, records, string
from mailtrack.carriers.transport import Transport, join, raise_for_status
from mailtrack.clock import Clock
from mailtrack.domain.model import PollResult, PollState
from mailtrack.errors import PermanentError
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="upu",
    name="UPU Global Track & Trace",
    url="https://globaltracktrace.ptc.post",
    page="https://globaltracktrace.ptc.post/gtt.web/Search.aspx?itemId={number}",
    batch=1,
    # Nothing is published; histories are sparse, so that asking often brings nothing.
    budget=Budget(per_second=0.5, per_day=2_000),
)
PATH = "/gtt.api/service.svc/rest/ItemTTWithTrans"
S10 = re.compile(r"[A-Z]{2}\d{9}[A-Z]{2}", re.ASCII)
#: The estimated delivery, which posts list among the scans.
FORECAST = "DLV"
#: Dates of Microsoft's WCF: milliseconds of UTC, and the offset to write them with.
_WCF_DATE = re.compile(r"/Date\((-?\d{1,16})(?:([+-])(\d{2})(\d{2}))?\)/", re.ASCII)


class Upu(OneByOne):
    """Asks globaltracktrace.ptc.post."""

    declaration: ClassVar[Declaration] = DECLARATION
    form: ClassVar[re.Pattern[str]] = S10

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._url = join(settings.url or DECLARATION.url, PATH)
        self._transport = transport
        self._clock = clock

    def _ask(self, number: str) -> PollResult | None:
        """Ask for one item. Neither a forecast nor the name of who signed is taken over."""
        answer = self._transport.get(f"{self._url}/{number}/FR")
        raise_for_status(answer, self._clock.now(), keyless=True)
        body = answer.json() if answer.body.strip() else []
        if not isinstance(body, list) or len(records(body)) < len(body):
            raise PermanentError(f"{answer.host} answered JSON of another form than documented.")
        if not body:
            return PollResult(number, PollState.NOT_FOUND)
        item = next((item for item in records(body) if string(item.get("ID")) == number), None)
        if item is None:
            return None
        scans = [
            Scan(
                local=_wall_clock(string(line.get("EventDT"))),
                text=string(line.get("EventNm")),
                code=string(line.get("EventCd")),
                place=string(line.get("EventLocation")),
                mark=string(line.get("EventDT")),
            )
            for line in records(item.get("Events"))
            if string(line.get("EventCd")) != FORECAST
        ]
        events = read_history(DECLARATION.code, oldest_first(scans))
        return poll_result(number, events, without_events=PollState.NOT_FOUND)


def _wall_clock(written: str) -> datetime | None:
    """Return the naive time that a person on the spot read."""
    found = _WCF_DATE.fullmatch(written)
    if found is None:
        local = local_time(written)
        return local.replace(tzinfo=None) if local else None
    at = instant_of_ms(int(found[1]))
    offset = timedelta(hours=int(found[3] or 0), minutes=int(found[4] or 0))
    try:
        return (at + (-offset if found[2] == "-" else offset)).replace(tzinfo=None) if at else None
    except OverflowError:
        return None
