"""La Poste "Suivi v2": Colissimo, Courrier and Chronopost behind one official service.

Up to ten numbers a request, each with a `returnCode` of its own inside the body. One
number may come as an object or as a list of one. Codes group many labels, so the label
is read first (phrases/laposte.tsv), and `isFinal` says less than its name.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar
from urllib.parse import quote

from mailtrack.carriers.base import Access, Budget, Declaration
from mailtrack.carriers.history import poll_result, told_apart, waiting
from mailtrack.carriers.shape import (
    PARIS,
    day_in_paris,
    in_utc,
    in_zone,
    local_time,
    record,
    records,
    string,
)
from mailtrack.carriers.texts import split_place, tidy, without_people
from mailtrack.carriers.transport import Transport, join, raise_for_status
from mailtrack.carriers.vocabulary import classify
from mailtrack.clock import Clock
from mailtrack.domain.model import PickupPoint, PollResult, PollState, TrackingEvent
from mailtrack.errors import PermanentError, TransientError
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="laposte",
    name="La Poste",
    url="https://api.laposte.fr",
    page="https://www.laposte.fr/outils/suivre-vos-envois?code={number}",
    batch=10,
    # The free plan allows ten calls a second and says nothing of days.
    budget=Budget(per_second=5.0, per_day=20_000),
    credentials=("key",),
    access=Access.FREE_KEY,
    aliases=("colissimo",),
)
PATH = "/suivi/v2/idships"
#: HTTP statuses whose body may answer for single numbers.
ANSWERS = frozenset({200, 207, 400, 404})
#: What a `returnCode` without a shipment says of its number. The enum also has 101,
#: 105, 109, 201, 208, which nobody explains: such a number counts as unanswered.
RETURN_CODES = {
    104: PollState.NOT_FOUND,
    400: PollState.REJECTED,
    404: PollState.NOT_FOUND,
}
_MONTHS = (
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
)
_UNTIL = re.compile(
    rf"jusqu['’]au\s+(?:\w+di\s+|dimanche\s+)?(\d{{1,2}})(?:er)?"
    rf"(?:[/.](\d{{1,2}})[/.]|\s+({'|'.join(_MONTHS)})\s+)(\d{{4}})",
    re.IGNORECASE,
)


class LaPoste:
    """Asks api.laposte.fr."""

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._url = join(settings.url or DECLARATION.url, PATH)
        self._key = settings.key
        self._transport = transport
        self._clock = clock

    def fetch(self, numbers: Sequence[str]) -> Mapping[str, PollResult]:
        """Ask for all numbers at once; see `carriers.base.Carrier`.

        1. The body answers for single numbers, with some failures as well.
        2. Where it names no number, the HTTP status alone says what is known of a single one;
           of several that were left out nothing is known.
        """
        answer = self._transport.get(
            f"{self._url}/{','.join(quote(number, safe='') for number in numbers)}",
            params={"lang": "fr_FR"},
            headers={"X-Okapi-Key": self._key.get_secret_value(), "Accept": "application/json"},
        )
        if answer.status not in ANSWERS:
            raise_for_status(answer, self._clock.now())
        # 1.
        try:
            body = answer.json()
        except TransientError:
            if answer.status not in (400, 404):
                raise
            body = []
        if not isinstance(body, dict | list):
            raise PermanentError(f"{answer.host} answered JSON of another form than documented.")
        envelopes = records(body if isinstance(body, list) else [body])
        results = (_result(envelope, numbers) for envelope in envelopes)
        known = {result.number: result for result in results if result}
        if known or any(map(_id_ship, envelopes)):
            return known
        # 2.
        if answer.status in (400, 404) and len(numbers) == 1:
            return {numbers[0]: PollResult(numbers[0], RETURN_CODES[answer.status])}
        raise_for_status(answer, self._clock.now())
        raise TransientError(f"{answer.host} answered about no parcel at all; asking again later.")


def _id_ship(envelope: Mapping[str, Any]) -> str:
    shipment = record(envelope.get("shipment"))
    return string(shipment.get("idShip")) or string(envelope.get("idShip"))


def _result(envelope: Mapping[str, Any], numbers: Sequence[str]) -> PollResult | None:
    """Return what an envelope says; None where it is of no number that was asked for."""
    told = _id_ship(envelope)
    # Chronopost's numbers come back with one more character, a check letter.
    number = next((name for name in (told, told[:-1]) if name in numbers), "")
    if not number:
        return None
    shipment = record(envelope.get("shipment"))
    if not shipment:
        code = string(envelope.get("returnCode"))
        is_number = code.isascii() and code.isdigit() and len(code) < 6
        state = RETURN_CODES.get(int(code)) if is_number else None
        return PollResult(number, state) if state else None
    events = _events(shipment)
    estimate = local_time(shipment.get("estimDate"))
    point = record(record(shipment.get("contextData")).get("removalPoint"))
    name, waits = tidy(string(point.get("name"))), waiting(events)
    last_day = _last_day(waits.text) if waits else None
    return poll_result(
        number,
        events,
        estimated_delivery=day_in_paris(in_zone(estimate, PARIS)),
        pickup_point=PickupPoint(name, last_day=last_day) if name else None,
    )


def _events(shipment: Mapping[str, Any]) -> tuple[TrackingEvent, ...]:
    """Return the events newest first, as the service lists them.

    Its order and its clock agree: times without a zone are those of Paris, and stay.
    """
    events = []
    for event in reversed(records(shipment.get("event"))):
        written = local_time(event.get("date"))
        at = in_utc(in_zone(written, PARIS)) if written else None
        if written is None or at is None:
            continue
        code = string(event.get("code"))
        place, text = split_place(tidy(string(event.get("label"))))
        means = classify(DECLARATION.code, code, text)
        events.append(
            TrackingEvent(
                at=at,
                milestone=means.milestone,
                source=DECLARATION.code,
                code=code,
                text=without_people(text),
                place=place,
                at_certain=written.tzinfo is not None,
                reason=means.reason,
                # Not with `order`: it counts down from the newest, which is always 100.
                mark=string(event.get("date")),
                certainty=means.certainty,
            )
        )
    return told_apart(events)


def _last_day(label: str) -> date | None:
    """Return the day that a label names; "10 jours ouvrables" names none."""
    found = _UNTIL.search(label)
    if found is None:
        return None
    day, month, name, year = found.groups()
    number = int(month) if month else _MONTHS.index(name.lower()) + 1
    try:
        return date(int(year), number, int(day))
    except ValueError:
        return None
