"""SunYou (顺友): what its own tracking page reads, one number a request, always a 200.

The answer is a call of a script's function; what is between its brackets is JSON. Every
event has its own clock. `eventCode` says what happened, `status` the same in digits; the
summary (`displayStatus`) has been seen to contradict them, and is not read.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from mailtrack.carriers import keyless
from mailtrack.carriers.base import Declaration, OneByOne
from mailtrack.carriers.history import Scan, in_order_of_time, poll_result, read_history
from mailtrack.carriers.pages import PAGES
from mailtrack.carriers.shape import local_time, record, records, string
from mailtrack.carriers.transport import Answer, Transport, join, out_of_order
from mailtrack.carriers.vocabulary import first_known
from mailtrack.clock import Clock
from mailtrack.domain.model import PollResult, PollState
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="sunyou",
    name="SUNYOU",
    url="https://www.sypost.net",
    page=PAGES["sunyou"].address,
    batch=1,
    budget=keyless.BUDGET,
    keyless=True,
)
PATH = "/queryTrack"
NUMBER = re.compile(r"S[YU][A-Z0-9]{9,20}", re.ASCII)
SUCCESS = "1"
#: The two halves of a way, each a list of events.
HALVES = ("origin", "destination")


class SunYou(OneByOne):
    """Asks www.sypost.net."""

    declaration: ClassVar[Declaration] = DECLARATION
    form: ClassVar[re.Pattern[str]] = NUMBER

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._url = join(settings.url or DECLARATION.url, PATH)
        self._transport = transport
        self._clock = clock

    def _ask(self, number: str) -> PollResult | None:
        answer = self._transport.get(
            self._url, params={"trackNumber": number, "toLanguage": "en_US"}
        )
        keyless.raise_for_answer(answer, self._clock.now())
        page = keyless.json_object(_without_call(answer))
        if string(page.get("status")) != SUCCESS:
            raise out_of_order(f"{answer.host} answered status {string(page.get('status'))[:20]}")
        if not isinstance(page.get("data"), list):
            raise keyless.changed(answer)
        parcels = records(page["data"])
        parcel = next((one for one in parcels if string(one.get("orderNo")) == number), None)
        if parcel is None:
            return None
        if parcel.get("has") is False:
            return PollResult(number, PollState.NOT_FOUND)
        result = record(parcel.get("result"))
        halves = (records(record(result.get(half)).get("items")) for half in HALVES)
        lines = [_scan(event) for half in halves for event in reversed(half)]
        return poll_result(number, read_history(DECLARATION.code, in_order_of_time(lines)))


def _without_call(answer: Answer) -> Answer:
    """Return an answer without the call around its JSON; one without a call stays."""
    body = answer.body
    begin, end = body.find(b"("), body.rfind(b")")
    is_call = re.fullmatch(rb"\s*[\w.]+", body[: max(begin, 0)]) is not None
    return replace(answer, body=body[begin + 1 : end]) if is_call and end > begin else answer


def _scan(event: Mapping[str, Any]) -> Scan:
    when, status = string(event.get("createTime")), string(event.get("status"))
    text, what = string(event.get("content")), string(event.get("eventCode"))
    zoned = local_time(f"{when}{string(event.get('timeZone'))}")
    return Scan(
        local=zoned or local_time(when),
        text=text,
        code=status,
        mark=when,
        means=first_known(DECLARATION.code, (what, ""), (status, text)),
    )
