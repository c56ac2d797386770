"""La Poste "Suivi v2": Colissimo, Courrier and Chronopost behind one official service.

Up to ten numbers a request, each with a `returnCode` of its own inside the body. One
number may come as an object or as a list of one. Codes group many labels, so the label
is read first (phrases/laposte.tsv), and `isFinal` says less than its name.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, ClassVar
from urllib.parse import quote

from mailtrack.carriers.base import Budget, Declaration
from mailtrack.carriers.history import told_apart
from mailtrack.carriers.shape import (
    PARIS,
    day_in_paris,
    in_utc,
    local_time,
    record,
    records,
    string,
)
from mailtrack.carriers.texts import split_place, tidy, without_people
from mailtrack.carriers.transport import Answer, Transport, join, raise_for_status
from mailtrack.carriers.vocabulary import classify
from mailtrack.clock import Clock
from mailtrack.domain.milestones import Milestone
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
        """Ask for all numbers at once; see `carriers.base.Carrier`."""
        answer = self._transport.get(
            f"{self._url}/{','.join(quote(number, safe='') for number in numbers)}",
            params={"lang": "fr_FR"},
            headers={"X-Okapi-Key": self._key.get_secret_value(), "Accept": "application/json"},
        )
        if answer.status not in ANSWERS:
            raise_for_status(answer, self._clock.now())
        envelopes = _envelopes(answer)
        results = _results(envelopes, numbers)
        return results or self._without_a_name(answer, envelopes, numbers)

    def _without_a_name(
        self, answer: Answer, envelopes: Sequence[Mapping[str, Any]], numbers: Sequence[str]
    ) -> dict[str, PollResult]:
        """Return what the HTTP status alone says, where the body tells of no asked number."""
        if any(_id_ship(envelope) for envelope in envelopes):
            return {}
        if answer.status == 404 or (answer.status == 400 and len(numbers) == 1):
            state = RETURN_CODES[answer.status]
            return {number: PollResult(number, state) for number in numbers}
        raise_for_status(answer, self._clock.now())
        raise TransientError(f"{answer.host} answered about no parcel at all; asking again later.")


def _envelopes(answer: Answer) -> list[Mapping[str, Any]]:
    try:
        body = answer.json()
    except TransientError:
        if answer.status in (400, 404):
            return []
        raise
    if not isinstance(body, dict | list):
        raise PermanentError(f"{answer.host} answered JSON of another form than documented.")
    return records(body if isinstance(body, list) else [body])


def _results(
    envelopes: Sequence[Mapping[str, Any]], numbers: Sequence[str]
) -> dict[str, PollResult]:
    results = {}
    for envelope in envelopes:
        number = _asked_number(envelope, numbers)
        result = _result(envelope, number) if number else None
        if result:
            results[result.number] = result
    return results


def _asked_number(envelope: Mapping[str, Any], numbers: Sequence[str]) -> str | None:
    """Return the number that an envelope answers.

    Chronopost's numbers come back with one more character, a check letter.
    """
    told = _id_ship(envelope)
    if told in numbers:
        return told
    return told[:-1] if told[:-1] in numbers else None


def _id_ship(envelope: Mapping[str, Any]) -> str:
    shipment = record(envelope.get("shipment"))
    return string(shipment.get("idShip")) or string(envelope.get("idShip"))


def _result(envelope: Mapping[str, Any], number: str) -> PollResult | None:
    shipment = record(envelope.get("shipment"))
    if not shipment:
        state = RETURN_CODES.get(_return_code(envelope))
        return PollResult(number, state) if state else None
    events = tuple(_events(shipment))
    return PollResult(
        number=number,
        state=PollState.FOUND if events else PollState.PENDING,
        events=events,
        estimated_delivery=_estimate(shipment),
        pickup_point=_pickup_point(shipment, events),
    )


def _return_code(envelope: Mapping[str, Any]) -> int:
    code = string(envelope.get("returnCode"))
    return int(code) if code.isascii() and code.isdigit() and len(code) < 6 else 0


def _events(shipment: Mapping[str, Any]) -> Iterator[TrackingEvent]:
    """Yield the events newest first, as the service lists them."""
    read = [_event(event) for event in reversed(records(shipment.get("event")))]
    yield from told_apart(filter(None, read))


def _event(event: Mapping[str, Any]) -> TrackingEvent | None:
    written = local_time(event.get("date"))
    at = in_utc(_aware(written)) if written else None
    if written is None or at is None:
        return None
    code = string(event.get("code"))
    place, text = split_place(tidy(string(event.get("label"))))
    means = classify(DECLARATION.code, code, text)
    return TrackingEvent(
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
    )


def _aware(written: datetime) -> datetime:
    return written if written.tzinfo else written.replace(tzinfo=PARIS)


def _estimate(shipment: Mapping[str, Any]) -> date | None:
    written = local_time(shipment.get("estimDate"))
    return day_in_paris(_aware(written)) if written else None


def _pickup_point(
    shipment: Mapping[str, Any], events: Sequence[TrackingEvent]
) -> PickupPoint | None:
    point = record(record(shipment.get("contextData")).get("removalPoint"))
    name = tidy(string(point.get("name")))
    if not name:
        return None
    waits = (event for event in events if event.milestone is Milestone.PICKUP_AVAILABLE)
    newest = next(waits, None)
    return PickupPoint(name, last_day=_last_day(newest.text) if newest else None)


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
