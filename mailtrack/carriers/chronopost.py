"""Chronopost's own SOAP service: open to everybody, but never said to be meant for it.

La Poste's Suivi v2 answers for the same numbers, so that this one is off by default.
An unknown number is a success without events; codes change their meaning over the
years, so that the label is read with them (phrases/chronopost.tsv).
"""

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar
from xml.etree.ElementTree import Element

from mailtrack.carriers import soap
from mailtrack.carriers.base import Budget, Declaration, OneByOne
from mailtrack.carriers.history import Scan, poll_result, read_history, waiting
from mailtrack.carriers.shape import PARIS, in_zone, local_time
from mailtrack.carriers.soap import text_of
from mailtrack.carriers.texts import tidy
from mailtrack.carriers.transport import Transport, join, misunderstood, out_of_order
from mailtrack.clock import Clock
from mailtrack.domain.model import PickupPoint, PollResult, PollState
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="chronopost",
    name="Chronopost",
    url="https://ws.chronopost.fr",
    page="https://www.chronopost.fr/tracking-no-cms/suivi-page?listeNumerosLT={number}",
    batch=1,
    # Nothing is published.
    budget=Budget(per_second=0.5, per_day=2_000),
    off_by_default=True,
)
PATH = "/tracking-cxf/TrackingServiceWS"
NAMESPACE = "http://cxf.tracking.soap.chronopost.fr/"
OPERATION = "trackSkybillV2"
#: The only documented `errorCode` besides 0: "System Error".
OUT_OF_ORDER = "1"
#: Names of additional facts follow the language; these come with fr_FR.
PARTNER, RELAY = "Numéro partenaire", "Point de livraison"
_PARTNER_NUMBER = re.compile(r"(?:[A-Z]{2,5}/)?((?=.*\d)[A-Z0-9]{8,30})")


class Chronopost(OneByOne):
    """Asks ws.chronopost.fr."""

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._url = join(settings.url or DECLARATION.url, PATH)
        self._transport = transport
        self._clock = clock

    def _ask(self, number: str) -> PollResult | None:
        """Ask for one number; its lines come oldest first, with padded codes ("DC ")."""
        parameters = {"language": "fr_FR", "skybillNumber": number}
        answer = soap.call(
            self._transport,
            self._url,
            "",
            soap.message(OPERATION, NAMESPACE, parameters.items(), qualified=False),
            self._clock.now(),
            keyless=True,
        )
        code = text_of(answer, "return/errorCode")
        if code != "0":
            said = f"Chronopost answered errorCode {tidy(code)[:10] or 'without a number'}"
            if code == OUT_OF_ORDER:
                raise out_of_order(said)
            raise misunderstood(said)
        told = text_of(answer, "return/listEventInfoComp/skybillNumber")
        if told not in ("", number) and told[:-1] != number:
            return None
        lines = answer.findall("return/listEventInfoComp/events")
        scans = []
        for line in lines:
            written = text_of(line, "eventDate")
            local = local_time(written)
            scans.append(
                Scan(
                    local=in_zone(local, PARIS),
                    text=text_of(line, "eventLabel"),
                    code=text_of(line, "code"),
                    place=text_of(line, "officeLabel"),
                    mark=written,
                    certain=local is not None and local.tzinfo is not None,
                )
            )
        events = read_history(DECLARATION.code, scans)
        waits = waiting(events)
        point = waits and (next(_facts(lines, RELAY), "") or waits.place)
        partners = filter(None, map(_PARTNER_NUMBER.fullmatch, _facts(lines, PARTNER)))
        return poll_result(
            number,
            events,
            without_events=PollState.NOT_FOUND,
            local_numbers=(found[1] for found in partners),
            pickup_point=PickupPoint(point) if point else None,
        )


def _facts(lines: Sequence[Element], name: str) -> Iterator[str]:
    """Yield the values of an additional fact, newest first; others hold people's names."""
    for line in reversed(lines):
        for fact in line.iterfind("infoCompList"):
            if tidy(text_of(fact, "name")).rstrip(" :") == name:
                yield tidy(text_of(fact, "value"))
