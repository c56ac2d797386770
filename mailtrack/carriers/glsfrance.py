"""GLS France: what its page for addressees reads, one number a request, codes without words.

Times come in three forms in the same field; the year 1 stands for none. A parcel shop is
told by the code, never by its name. GLS's own interface (`gls.py`) says more to those who
have a contract.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar
from urllib.parse import quote

from mailtrack.carriers import keyless
from mailtrack.carriers.base import Declaration, OneByOne
from mailtrack.carriers.gls import DECLARATION as GLS
from mailtrack.carriers.history import FIRST_YEAR, Scan, oldest_first, poll_result, read_history
from mailtrack.carriers.shape import (
    PARIS,
    day_as_written,
    in_zone,
    local_time,
    record,
    records,
    string,
)
from mailtrack.carriers.transport import Transport, join
from mailtrack.carriers.vocabulary import classify
from mailtrack.clock import Clock
from mailtrack.domain.model import PollResult, PollState
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="glsfrance",
    name="GLS France",
    url="https://public.infra-prod.prod.cloud.fr.gls-group.com",
    page=GLS.page,
    batch=1,
    budget=keyless.BUDGET,
    keyless=True,
)
PATH = "/consignee-ws/api/v1/command/public/codes"
NUMBER = re.compile(r"(?=[A-Z]*\d)[A-Z0-9]{8}|\d{11,12}", re.ASCII)
#: Names by which a parcel may be asked for.
NAMES = ("trackid", "numeroalphaColis", "numeroGp")
#: Digits of a number without its check digit, which GLS may not know.
BARE = 11


class GlsFrance(OneByOne):
    """Asks GLS France's page for addressees."""

    declaration: ClassVar[Declaration] = DECLARATION
    form: ClassVar[re.Pattern[str]] = NUMBER

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._url = join(settings.url or DECLARATION.url, PATH)
        self._transport = transport
        self._clock = clock

    def _ask(self, number: str) -> PollResult | None:
        """Ask without the check digit, then as the label has it; 404 is an unknown number."""
        for asked in dict.fromkeys((number[:BARE], number)):
            answer = self._transport.get(
                f"{self._url}/{quote(asked, safe='')}", headers={"Accept": "application/json"}
            )
            if answer.status == 404 and not keyless.is_page(answer):
                continue
            keyless.raise_for_answer(answer, self._clock.now())
            page = keyless.json_object(answer)
            if not isinstance(page.get("colis"), dict):
                raise keyless.changed(answer)
            is_it = any(string(page["colis"].get(name)) in (asked, number) for name in NAMES)
            return _result(number, page) if is_it else None
        return PollResult(number, PollState.NOT_FOUND)


def _result(number: str, page: Mapping[str, Any]) -> PollResult:
    """Return what a page tells; the parcel's own state stands in where no event does."""
    parcel = record(page.get("colis"))
    state = {
        "statutEvenement": parcel.get("statutColis"),
        "datereference": parcel.get("dateActionColis"),
    }
    scans = [_scan(event) for event in records(page.get("evenements"))] or [_scan(state)]
    return poll_result(
        number,
        read_history(DECLARATION.code, oldest_first(scans)),
        estimated_delivery=_day(parcel.get("dateTheoriqueLivraison")),
    )


def _scan(event: Mapping[str, Any]) -> Scan:
    """Return an event; a code may mean another thing in another type of event (DEL)."""
    times = (string(event.get(name)) for name in ("datereference", "datecreation"))
    when = next(filter(_day, times), "")
    code, kind = string(event.get("statutEvenement")), string(event.get("typeEvenement"))
    depot = string(event.get("codelieuEvenement"))
    return Scan(
        local=in_zone(local_time(when), PARIS),
        text="",
        code=code,
        place=f"agence GLS {depot}" if depot else "",
        mark=when,
        certain=":" in when,
        means=classify(DECLARATION.code, f"{code}@{kind}" if kind else code, ""),
    )


def _day(value: Any) -> date | None:
    """Return the day of a time as it was written; the year 1 is none."""
    day = day_as_written(value)
    return day if day and day.year >= FIRST_YEAR else None
