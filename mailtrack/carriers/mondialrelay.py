"""Mondial Relay: the merchants' SOAP service, one parcel a request.

Failures come as a `STAT` number inside a 200. A request is signed with an MD5 of its own
parameters and the private key, which is the service's choice, not ours.
"""

import hashlib
import re
from typing import ClassVar

from mailtrack.carriers import soap
from mailtrack.carriers.base import Access, Budget, Declaration, OneByOne
from mailtrack.carriers.history import Scan, oldest_first, poll_result, read_history
from mailtrack.carriers.shape import PARIS, in_zone, wall_time
from mailtrack.carriers.soap import text_of
from mailtrack.carriers.texts import tidy
from mailtrack.carriers.transport import Transport, join, misunderstood, out_of_order, refused
from mailtrack.clock import Clock
from mailtrack.domain.model import PickupPoint, PollResult, PollState
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="mondialrelay",
    name="Mondial Relay",
    url="https://api.mondialrelay.com",
    page="https://www.mondialrelay.fr/suivi-de-colis/?numeroExpedition={number}",
    batch=1,
    # Nothing is published; the service is meant for shops that look up their own parcels.
    budget=Budget(per_second=1.0, per_day=5_000),
    credentials=("client_id", "key"),
    access=Access.CONTRACT,
)
PATH = "/Web_Services.asmx"
NAMESPACE = "http://www.mondialrelay.fr/webservice/"
OPERATION = "WSI2_TracingColisDetaille"
LANGUAGE = "FR"
#: The documentation says eight digits; parcels of other brands have up to fourteen.
NUMBER = re.compile(r"\d{8,14}", re.ASCII)
#: 0 is success, the others are the states of a parcel that is known.
ANSWERED = frozenset({"0", "80", "81", "82", "83"})
UNANSWERED = {"94": PollState.NOT_FOUND, "24": PollState.REJECTED}
#: The merchant, its type or its key is wrong.
AUTH_STATS = frozenset({"1", "2", "8", "95", "96", "97"})
OUT_OF_ORDER = "99"
TIMES = ("%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H%M")


class MondialRelay(OneByOne):
    """Asks api.mondialrelay.com."""

    declaration: ClassVar[Declaration] = DECLARATION
    form: ClassVar[re.Pattern[str]] = NUMBER

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._url = join(settings.url or DECLARATION.url, PATH)
        self._merchant = settings.client_id
        self._key = settings.key
        self._transport = transport
        self._clock = clock

    def _ask(self, number: str) -> PollResult:
        merchant, key = self._merchant.get_secret_value(), self._key.get_secret_value()
        signed = f"{merchant}{number}{LANGUAGE}{key}".encode()
        parameters = {
            "Enseigne": merchant,
            "Expedition": number,
            "Langue": LANGUAGE,
            "Security": hashlib.md5(signed, usedforsecurity=False).hexdigest().upper(),
        }
        answer = soap.call(
            self._transport,
            self._url,
            NAMESPACE + OPERATION,
            soap.message(OPERATION, NAMESPACE, parameters.items()),
            self._clock.now(),
        )
        result = answer.find(f"{OPERATION}Result")
        stat = text_of(answer, f"{OPERATION}Result/STAT")
        if stat in UNANSWERED:
            return PollResult(number, UNANSWERED[stat])
        if result is None or stat not in ANSWERED:
            said = f"Mondial Relay answered STAT {tidy(stat)[:10] or 'without a number'}"
            if stat in AUTH_STATS:
                raise refused(said)
            if stat == OUT_OF_ORDER:
                raise out_of_order(said)
            raise misunderstood(said)
        scans = []
        # The service fills its list up with empty lines.
        for line in result.iterfind("Tracing/*"):
            written = f"{text_of(line, 'Date')} {text_of(line, 'Heure') or '00:00'}"
            scans.append(
                Scan(
                    local=in_zone(wall_time(written, *TIMES), PARIS),
                    text=text_of(line, "Libelle"),
                    place=text_of(line, "Emplacement"),
                    mark=written,
                )
            )
        events = read_history(DECLARATION.code, oldest_first(scans))
        point = tidy(text_of(result, "Relais_Libelle"))
        return poll_result(number, events, pickup_point=PickupPoint(point) if point else None)
