"""Poczta Polska: the official SOAP service "Śledzenie", many parcels a request.

It wants a name and a password (WS-Security); the post publishes a pair for everybody
with the service's documentation. Times have no zone: they are Poland's.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

from mailtrack.carriers import soap
from mailtrack.carriers.base import Access, Budget, Declaration
from mailtrack.carriers.history import Scan, poll_result, read_history, waiting
from mailtrack.carriers.shape import in_zone, wall_time
from mailtrack.carriers.soap import text_of
from mailtrack.carriers.texts import tidy
from mailtrack.carriers.transport import Transport, join
from mailtrack.clock import Clock
from mailtrack.domain.model import PickupPoint, PollResult, PollState
from mailtrack.errors import PermanentError, TransientError
from mailtrack.settings import CarrierSettings

WARSAW = ZoneInfo("Europe/Warsaw")
DECLARATION = Declaration(
    code="pocztapolska",
    name="Poczta Polska",
    url="https://tt.poczta-polska.pl",
    page="https://emonitoring.poczta-polska.pl/?numer={number}",
    # The service tells its own maximum (maksymalnaLiczbaPrzesylek); this many is safe.
    batch=10,
    budget=Budget(per_second=1.0, per_day=5_000),
    credentials=("client_id", "client_secret"),
    access=Access.PUBLISHED,
)
PATH = "/Sledzenie/services/Sledzenie"
NAMESPACE = "http://sledzenie.pocztapolska.pl"
OPERATION = "sprawdzPrzesylki"
#: `status` of a parcel: known (1: and others by the same number), without events, none,
#: no number at all. -99 is an error: such a number counts as unanswered.
STATES = {
    "0": PollState.FOUND,
    "1": PollState.FOUND,
    "2": PollState.PENDING,
    "-1": PollState.NOT_FOUND,
    "-2": PollState.REJECTED,
}
OUT_OF_ORDER = "-99"


class PocztaPolska:
    """Asks tt.poczta-polska.pl."""

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._url = join(settings.url or DECLARATION.url, PATH)
        self._user = settings.client_id
        self._password = settings.client_secret
        self._transport = transport
        self._clock = clock

    def fetch(self, numbers: Sequence[str]) -> Mapping[str, PollResult]:
        """Ask for all numbers at once; see `carriers.base.Carrier`.

        Every parcel has a status of its own; an answer without parcels has one for all.
        """
        user, password = self._user.get_secret_value(), self._password.get_secret_value()
        token = soap.username_token(user, password)
        parameters = (("numer", number) for number in numbers)
        answer = soap.call(
            self._transport,
            self._url,
            f"urn:{OPERATION}",
            soap.message(OPERATION, NAMESPACE, parameters, header=token),
            self._clock.now(),
        )
        parcels = list(answer.iter("przesylka"))
        if not parcels:
            status = text_of(answer, "return/status")
            if status == OUT_OF_ORDER:
                raise TransientError("Poczta Polska answered status -99; asking again later.")
            state = STATES.get(status, PollState.FOUND)
            if state is PollState.FOUND:
                raise PermanentError("Poczta Polska answered XML of another form than documented.")
            # Where it is of one number alone, nobody knows of which.
            is_of_all = state is PollState.NOT_FOUND or len(numbers) == 1
            return {number: PollResult(number, state) for number in numbers if is_of_all}
        results = map(_result, parcels)
        return {result.number: result for result in results if result and result.number in numbers}


def _result(parcel: Element) -> PollResult | None:
    """Return what is known of a parcel, whose lines come oldest first; None after an error."""
    number, state = text_of(parcel, "numer"), STATES.get(text_of(parcel, "status"))
    if state is not PollState.FOUND:
        return PollResult(number, state) if state else None
    scans = []
    for line in parcel.iterfind("danePrzesylki/zdarzenia/zdarzenie"):
        written = text_of(line, "czas")
        local = wall_time(written, "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d")
        text, why = text_of(line, "nazwa"), text_of(line, "przyczyna/nazwa")
        scans.append(
            Scan(
                local=in_zone(local, WARSAW),
                text=f"{text} ({why})" if why else text,
                code=text_of(line, "kod"),
                place=text_of(line, "jednostka/nazwa"),
                mark=written,
            )
        )
    events = read_history(DECLARATION.code, scans)
    waits = waiting(events)
    return poll_result(
        number,
        events,
        pickup_point=PickupPoint(tidy(waits.place)) if waits and waits.place else None,
    )
