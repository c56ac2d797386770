"""Mondial Relay on loopback: signed SOAP, failures as STAT inside a 200, minutes of Paris."""

import hashlib
from xml.etree.ElementTree import Element, SubElement
from zoneinfo import ZoneInfo

from starlette.responses import Response

from mailtrack.sandbox.carriers import soap
from mailtrack.sandbox.carriers.answers import Call, CarrierRoutes, Replacement, spoiled
from mailtrack.sandbox.carriers.soap import add
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel

CODE = "mondialrelay"
_PARIS = ZoneInfo("Europe/Paris")
_NAMESPACE = "{http://www.mondialrelay.fr/webservice/}"
#: How long the service's list of lines always is, with empty ones at its end.
LINES = 10


routes = CarrierRoutes()


@routes.answer("/Web_Services.asmx", "POST")
def _tracing(world: CarrierWorld, call: Call) -> Response:
    given = dict(soap.parameters(call.body))
    number = given.get("Expedition", "")
    failure = world.begin(CODE, [number])
    signed = "".join(given.get(name, "") for name in ("Enseigne", "Expedition", "Langue"))
    md5 = hashlib.md5((signed + world.key).encode(), usedforsecurity=False)
    if given.get("Security") != md5.hexdigest().upper():
        failure = Failure.BAD_KEY
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    unknown = failure is Failure.UNKNOWN
    return soap.envelope(_result(None, number) if unknown else world.render(number, _result))


def _stat(stat: str) -> Element:
    answer = Element(f"{_NAMESPACE}WSI2_TracingColisDetailleResponse")
    add(SubElement(answer, f"{_NAMESPACE}WSI2_TracingColisDetailleResult"), "STAT", stat)
    return answer


_FAILURES: dict[Failure, Replacement] = {
    Failure.BAD_KEY: lambda _: soap.envelope(_stat("97")),
    Failure.BAD_REQUEST: lambda _: soap.envelope(_stat("98")),
    Failure.REFUSAL: lambda _: soap.envelope(_stat("99")),
}


def _result(parcel: SandboxParcel | None, _: str) -> Element:
    if parcel is None or not parcel.scans[CODE]:
        return _stat("94")
    scans = parcel.scans[CODE]
    answer = _stat(scans[-1].code or "81")
    result = answer[0]
    add(result, "Libelle01", scans[-1].text)
    add(result, "Relais_Libelle", parcel.pickup_point)
    add(result, "Relais_Num", "024474" if parcel.pickup_point else "")
    tracing = add(result, "Tracing")
    for scan in (*reversed(scans), *[None] * (LINES - len(scans))):
        line = add(tracing, "ret_WSI2_sub_TracingColisDetaille")
        at = scan.at.astimezone(_PARIS) if scan else None
        add(line, "Libelle", scan.text if scan else "")
        add(line, "Date", at.strftime("%d/%m/%Y") if at else "")
        add(line, "Heure", at.strftime("%H:%M") if at else "")
        add(line, "Emplacement", scan.place if scan else "")
    return answer
