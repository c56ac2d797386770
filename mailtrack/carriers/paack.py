"""Paack: its page for addressees, who are known by a shop's order number and the postcode.

The page carries its data as JSON in a script. Steps are identifiers, not words; those of
the future stand among them without a time, and some are marked as hidden.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from mailtrack.carriers import keyless
from mailtrack.carriers.base import Declaration, WithPostcode
from mailtrack.carriers.history import (
    Scan,
    in_order_of_time,
    poll_result,
    read_history,
    waiting,
)
from mailtrack.carriers.shape import (
    PARIS,
    day_in_paris,
    in_zone,
    instant_of_ms,
    local_time,
    record,
    records,
    string,
)
from mailtrack.carriers.texts import comparable, tidy
from mailtrack.carriers.transport import Answer, Transport, join
from mailtrack.carriers.vocabulary import first_known
from mailtrack.clock import Clock
from mailtrack.domain.model import PickupPoint, PollResult, PollState
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="paack",
    name="Paack",
    url="https://mydeliveries.paack.app",
    page="https://mydeliveries.paack.app/",
    batch=1,
    budget=keyless.BUDGET_WITH_POSTCODES,
    keyless=True,
    postcode=True,
)
PATH = "/tracking/order"
#: Any shop's order number.
NUMBER = re.compile(r"[A-Z0-9]{4,40}", re.ASCII)
#: Where the page's script keeps the order.
ROUTE = "routes/tracking.order"
CONTEXT = re.compile(r"window\.__remixContext\s*=\s*")
#: What it says, comparable, of an order that it does not know.
NOTHING = (
    "order not found",
    "incorrect order number",
    "commande introuvable",
    "pedido no encontrado",
)
NUMERAL = re.compile(r"\d{1,15}", re.ASCII)
#: Numbers of a time above this are milliseconds, others seconds.
LAST_SECOND = 100_000_000_000


class Paack(WithPostcode):
    """Asks mydeliveries.paack.app."""

    declaration: ClassVar[Declaration] = DECLARATION
    form: ClassVar[re.Pattern[str]] = NUMBER

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._url = join(settings.url or DECLARATION.url, PATH)
        self._transport = transport
        self._clock = clock

    def _ask(self, number: str, postcode: str) -> PollResult | None:
        answer = self._transport.get(
            self._url, params={"tracking_number": number, "postal_code": postcode}
        )
        if answer.status in (301, 302, 303, 307, 308, 404):
            return PollResult(number, PollState.NOT_FOUND)
        keyless.raise_for_answer(answer, self._clock.now())
        data = _data(answer)
        order = record(data.get("orderTrackData"))
        if not order:
            said = comparable(keyless.html_page(answer).text())
            if any(words in said for words in NOTHING):
                return PollResult(number, PollState.NOT_FOUND)
            raise keyless.changed(answer)
        if string(order.get("external_id")) != number:
            return None
        steps = (s for s in records(data.get("eventList")) if s.get("timeline") is not False)
        events = read_history(DECLARATION.code, in_order_of_time(map(_scan, steps)))
        expected = record(order.get("expected_delivery_ts"))
        # A pick-up point is told only while the parcel waits there.
        name = tidy(string(order.get("pudo_name"))) if waiting(events) else ""
        point = PickupPoint(name, tidy(string(order.get("pudo_address")))) if name else None
        day = day_in_paris(_time(expected.get("end") or expected.get("start")))
        return poll_result(number, events, estimated_delivery=day, pickup_point=point)


def _data(answer: Answer) -> Mapping[str, Any]:
    """Return what the page's script keeps for the page; an empty object where it is not there."""
    found = CONTEXT.search(answer.text)
    try:
        context, _ = json.JSONDecoder().raw_decode(answer.text, found.end() if found else 0)
    except (ValueError, RecursionError):
        return {}
    state = record(record(context).get("state"))
    return record(record(state.get("loaderData")).get(ROUTE))


def _scan(step: Mapping[str, Any]) -> Scan:
    when, label = step.get("timestamp") or step.get("time"), string(step.get("label"))
    return Scan(
        local=_time(when),
        text="",
        code=label,
        mark=string(when),
        means=first_known(DECLARATION.code, (label, ""), ("", label)),
    )


def _time(value: Any) -> datetime | None:
    """Return a time that is written as seconds or milliseconds since 1970, or in ISO 8601."""
    digits = string(value)
    if not NUMERAL.fullmatch(digits):
        return in_zone(local_time(value), PARIS)
    number = int(digits)
    return instant_of_ms(number if number > LAST_SECOND else number * 1000)
