"""Chronopost's SOAP on loopback: oldest first, padded codes, an unknown number is a success."""

from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

from starlette.responses import Response

from mailtrack.sandbox.carriers import soap
from mailtrack.sandbox.carriers.answers import Call, CarrierRoutes, Replacement, chosen, spoiled
from mailtrack.sandbox.carriers.soap import add
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel

CODE = "chronopost"
STRANGER = "XX999999999FR"
_PARIS = ZoneInfo("Europe/Paris")
_NAMESPACE = "{http://cxf.tracking.soap.chronopost.fr/}"


routes = CarrierRoutes()


@routes.answer("/tracking-cxf/TrackingServiceWS", "POST")
def _track(world: CarrierWorld, call: Call) -> Response:
    number = dict(soap.parameters(call.body)).get("skybillNumber", "")
    failure = world.begin(CODE, [number])
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    told = next(iter(chosen([number], failure, STRANGER)), STRANGER)
    unknown = failure is Failure.UNKNOWN
    return soap.envelope(_result(None, told) if unknown else world.render(told, _result))


def _answer(code: str) -> Element:
    response = Element(f"{_NAMESPACE}trackSkybillV2Response")
    add(add(response, "return"), "errorCode", code)
    return response


_FAILURES: dict[Failure, Replacement] = {
    Failure.REFUSAL: lambda _: soap.envelope(_answer("1")),
    Failure.BAD_REQUEST: soap.fault("soap:Client"),
}


def _result(parcel: SandboxParcel | None, number: str) -> Element:
    answer = _answer("0")
    history = add(answer[0], "listEventInfoComp")
    scans, facts = [], {}
    if parcel:
        scans = parcel.scans[CODE]
        facts["Numéro partenaire"] = f"GEO/{parcel.local_number}" if parcel.local_number else ""
        facts["Point de livraison"] = parcel.pickup_point
    for scan in scans:
        event = add(history, "events")
        add(event, "code", scan.code.ljust(3))
        add(event, "eventDate", scan.at.astimezone(_PARIS).isoformat(timespec="milliseconds"))
        add(event, "eventLabel", scan.text)
        add(event, "highPriority", "false")
        add(event, "officeLabel", scan.place)
        for name, value in facts.items():
            if value:
                fact = add(event, "infoCompList")
                add(fact, "name", name)
                add(fact, "value", value)
    add(history, "skybillNumber", number)
    return answer
