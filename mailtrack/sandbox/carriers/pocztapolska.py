"""Poczta Polska's SOAP on loopback: many numbers, each with a status, minutes of Warsaw."""

from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

from starlette.responses import Response

from mailtrack.sandbox.carriers import soap
from mailtrack.sandbox.carriers.answers import Call, CarrierRoutes, Replacement, forms, spoiled
from mailtrack.sandbox.carriers.soap import add
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel

CODE = "pocztapolska"
STRANGER = "PX9999999999"
_WARSAW = ZoneInfo("Europe/Warsaw")
_NAMESPACE = "{http://sledzenie.pocztapolska.pl}"


routes = CarrierRoutes()


@routes.answer("/Sledzenie/services/Sledzenie", "POST")
def _check(world: CarrierWorld, call: Call) -> Response:
    given = soap.parameters(call.body)
    numbers = [text for name, text in given if name == "numer"]
    failure = world.begin(CODE, numbers)
    login = {"Username": world.client_id, "Password": world.client_secret}
    if not login.items() <= dict(given).items():
        failure = Failure.BAD_KEY
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    answer = _answer("0")
    add(answer[0], "przesylki").extend(forms(world, numbers, failure, STRANGER, _parcel))
    return soap.envelope(answer)


def _answer(status: str) -> Element:
    answer = Element(f"{_NAMESPACE}sprawdzPrzesylkiResponse")
    add(add(answer, "return"), "status", status)
    return answer


_FAILURES: dict[Failure, Replacement] = {
    Failure.REFUSAL: lambda _: soap.envelope(_answer("-99")),
    Failure.BAD_KEY: soap.fault("wsse:FailedAuthentication"),
    Failure.BAD_REQUEST: soap.fault("soapenv:Client"),
}


def _parcel(parcel: SandboxParcel | None, number: str) -> Element:
    element = Element("przesylka")
    scans = parcel.scans[CODE] if parcel else []
    add(element, "numer", number)
    add(element, "status", "0" if scans else "-1" if parcel is None else "2")
    events = add(add(element, "danePrzesylki"), "zdarzenia")
    for scan in scans:
        event = add(events, "zdarzenie")
        add(event, "czas", scan.at.astimezone(_WARSAW).strftime("%Y-%m-%d %H:%M"))
        add(add(event, "jednostka"), "nazwa", scan.place)
        add(event, "kod", scan.code)
        add(event, "konczace", "false")
        add(event, "nazwa", scan.text)
    return element
