"""Correos (Spain): the service behind its tracking page, or its twin for customers.

The twin wants a name and a password and answers alike. Everything is a 200 with a
`codError` inside; times are Spain's, without a zone.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

from mailtrack.carriers.base import Budget, Declaration, OneByOne
from mailtrack.carriers.history import Scan, oldest_first, read_history
from mailtrack.carriers.shape import record, records, string, wall_time
from mailtrack.carriers.texts import tidy
from mailtrack.carriers.transport import Answer, Transport, join, raise_for_status
from mailtrack.clock import Clock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PickupPoint, PollResult, PollState, TrackingEvent
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
        answer = self._transport.get(
            f"{self._url}/{quote(number, safe='')}",
            params=PARAMETERS,
            headers={"Accept": "application/json", **self._headers},
        )
        raise_for_status(answer, self._clock.now())
        parcel = _parcel(answer)
        code = string(record(parcel.get("error")).get("codError"))
        if code == UNKNOWN:
            return PollResult(number, PollState.NOT_FOUND)
        if code not in ("", OK):
            raise TransientError(
                f"{answer.host} could not answer ({code[:20]}); asking again later."
            )
        return _read(parcel, number)


def _parcel(answer: Answer) -> Mapping[str, Any]:
    """Return the only object of the answer, bare or in a list of one."""
    body = answer.json()
    parcel = body[0] if isinstance(body, list) and body else body
    if not isinstance(parcel, dict) or not parcel.keys() & {"eventos", "error"}:
        raise PermanentError(f"{answer.host} answered JSON of another form than documented.")
    return parcel


def _read(parcel: Mapping[str, Any], number: str) -> PollResult | None:
    if string(parcel.get("codEnvio")) not in ("", number):
        return None
    lines = records(parcel.get("eventos"))
    events = read_history(DECLARATION.code, oldest_first([*_scans(lines)]))
    return PollResult(
        number=number,
        state=PollState.FOUND if events else PollState.PENDING,
        events=events,
        local_number=_relabelled(parcel, number),
        pickup_point=_pickup_point(events),
    )


def _scans(lines: Sequence[Mapping[str, Any]]) -> Iterator[Scan]:
    for line in lines:
        day, time = string(line.get("fecEvento")), string(line.get("horEvento"))
        written = f"{day} {time or '00:00:00'}"
        local = wall_time(written, "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M")
        if local is not None:
            yield Scan(
                local=local.replace(tzinfo=MADRID),
                text=string(line.get("desTextoResumen")),
                hint=string(line.get("desTextoAmpliado")),
                code=string(line.get("codEvento")),
                place=string(line.get("unidad")),
                mark=written,
            )


def _relabelled(parcel: Mapping[str, Any], number: str) -> str | None:
    for other in records(parcel.get("enviosAsociados")):
        if string(other.get("codEnvio")) not in ("", number):
            return string(other.get("codEnvio"))
    return None


def _pickup_point(events: Sequence[TrackingEvent]) -> PickupPoint | None:
    waits = (event for event in events if event.milestone is Milestone.PICKUP_AVAILABLE)
    newest = next(waits, None)
    return PickupPoint(tidy(newest.place)) if newest and newest.place else None
