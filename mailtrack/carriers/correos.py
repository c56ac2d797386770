"""Correos (Spain): the service behind its tracking page, or its twin for customers.

The twin wants a name and a password and answers alike. Everything is a 200 with a
`codError` inside; times are Spain's, without a zone.
"""

from base64 import b64encode
from typing import ClassVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

from mailtrack.carriers.base import Budget, Declaration, OneByOne
from mailtrack.carriers.history import Scan, oldest_first, poll_result, read_history, waiting
from mailtrack.carriers.shape import in_zone, record, records, string, wall_time
from mailtrack.carriers.texts import tidy
from mailtrack.carriers.transport import Transport, join, raise_for_status
from mailtrack.clock import Clock
from mailtrack.domain.model import PickupPoint, PollResult, PollState
from mailtrack.errors import PermanentError, TransientError
from mailtrack.settings import CarrierSettings

MADRID = ZoneInfo("Europe/Madrid")
DECLARATION = Declaration(
    code="correos",
    name="Correos",
    url="https://localizador.correos.es",
    page="https://www.correos.es/es/es/herramientas/localizador/envios/detalle?tracking-number={number}",
    batch=1,
    # Nothing is published.
    budget=Budget(per_second=0.5, per_day=2_000),
)
PATH = "/canonico/eventos_envio_servicio"
PARAMETERS = {"codAplicacion": "60", "codCanal": "3", "codIdioma": "ES", "indUltEvento": "N"}
#: `codError`: an answer, or "Sin Trazabilidad en Minerva" (unknown, or not scanned yet).
OK, UNKNOWN = "0", "3"
TIMES = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M")


class Correos(OneByOne):
    """Asks localizador.correos.es."""

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        user, password = settings.client_id.get_secret_value(), settings.client_secret
        self._url = join(settings.url or DECLARATION.url, PATH + ("_auth" if user else ""))
        login = b64encode(f"{user}:{password.get_secret_value()}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}"} if user else {}
        self._transport = transport
        self._clock = clock

    def _ask(self, number: str) -> PollResult | None:
        """Ask for one number; the answer is one object, bare or in a list of one."""
        answer = self._transport.get(
            f"{self._url}/{quote(number, safe='')}",
            params=PARAMETERS,
            headers={"Accept": "application/json", **self._headers},
        )
        raise_for_status(answer, self._clock.now(), keyless=not self._headers)
        body = answer.json()
        parcel = body[0] if isinstance(body, list) and body else body
        if not isinstance(parcel, dict) or not parcel.keys() & {"eventos", "error"}:
            raise PermanentError(f"{answer.host} answered JSON of another form than documented.")
        code = string(record(parcel.get("error")).get("codError"))
        if code == UNKNOWN:
            return PollResult(number, PollState.NOT_FOUND)
        if code not in ("", OK):
            raise TransientError(
                f"{answer.host} could not answer ({code[:20]}); asking again later."
            )
        if string(parcel.get("codEnvio")) not in ("", number):
            return None
        scans = []
        for line in records(parcel.get("eventos")):
            day, time = string(line.get("fecEvento")), string(line.get("horEvento"))
            written = f"{day} {time or '00:00:00'}"
            scans.append(
                Scan(
                    local=in_zone(wall_time(written, *TIMES), MADRID),
                    text=string(line.get("desTextoResumen")),
                    hint=string(line.get("desTextoAmpliado")),
                    code=string(line.get("codEvento")),
                    place=string(line.get("unidad")),
                    mark=written,
                )
            )
        events = read_history(DECLARATION.code, oldest_first(scans))
        waits = waiting(events)
        # The office stands beside the history; a scan's own unit is as a rule a sorting centre.
        office = tidy(string(parcel.get("nom_codired"))) or (tidy(waits.place) if waits else "")
        others = [string(other.get("codEnvio")) for other in records(parcel.get("enviosAsociados"))]
        return poll_result(
            number,
            events,
            local_numbers=others,
            pickup_point=PickupPoint(office) if waits and office else None,
        )
