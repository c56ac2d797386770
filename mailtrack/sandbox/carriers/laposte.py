"""La Poste's "Suivi v2" on loopback: envelopes with their own codes, 207, bare objects."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import HTMLResponse, JSONResponse, Response

from mailtrack.sandbox.carriers.answers import Call, CarrierRoutes, Replacement, forms, spoiled
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel

CODE = "laposte"
STRANGER = "6Z99999999999"
_PARIS = ZoneInfo("Europe/Paris")


routes = CarrierRoutes()


@routes.answer("/suivi/v2/idships/{ids}")
def _idships(world: CarrierWorld, call: Call) -> Response:
    numbers = call.path["ids"].split(",")
    failure = world.begin(CODE, numbers)
    if call.headers.get("x-okapi-key") != world.key:
        failure = Failure.BAD_KEY
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    envelopes = forms(world, numbers, failure, STRANGER, _envelope)
    if len(numbers) > 1:
        return JSONResponse(envelopes, 207)
    code = envelopes[0]["returnCode"] if envelopes else 200
    status = {104: 404}.get(code, code)
    bare = failure is Failure.BARE or status != 200
    return JSONResponse(envelopes[0] if bare else envelopes, status)


_REFUSAL = {"returnCode": 504, "returnMessage": "Service indisponible"}
_FAILURES: dict[Failure, Replacement] = {
    Failure.REFUSAL: lambda _: JSONResponse(_REFUSAL, 504),
    # A 400 would speak of the number.
    Failure.BAD_REQUEST: lambda _: Response("Not Acceptable", 406),
    Failure.CHALLENGE: lambda _: HTMLResponse("<html><body>Incident</body></html>"),
}


def _envelope(parcel: SandboxParcel | None, number: str) -> dict[str, Any]:
    head = {"lang": "fr_FR", "scope": "open"}
    if not 11 <= len(number) <= 15 or not number.isalnum():
        message = "Le numéro que vous avez saisi n’est pas valide."
        return {**head, "returnCode": 400, "returnMessage": message, "idShip": number}
    if parcel is None or not parcel.scans[CODE]:
        message = "Votre suivi n'est pas encore disponible."
        return {**head, "returnCode": 104, "returnMessage": message, "idShip": number}
    newest_first = list(reversed(parcel.scans[CODE]))
    context: dict[str, Any] = {
        "deliveryChoice": {"deliveryChoice": 0},
        "originCountry": "CN",
        "arrivalCountry": "FR",
    }
    if parcel.pickup_point:
        context["removalPoint"] = {"name": parcel.pickup_point, "type": "A2P"}
    shipment: dict[str, Any] = {
        # Chronopost's thirteen digits come back with a check letter.
        "idShip": f"{number}X" if number.isdigit() and len(number) == 14 else number,
        "holder": 3 if number.isdigit() else 4,
        "product": "colissimo",
        "isFinal": newest_first[0].code in ("DI1", "DI2", "RE1"),
        "entryDate": _paris(newest_first[-1].at),
        "timeline": [],
        # The newest is always 100: the numbers of all others move with every scan.
        "event": [
            {"order": 100 - i, "label": scan.text, "date": _paris(scan.at), "code": scan.code}
            for i, scan in enumerate(newest_first)
        ],
        "contextData": context,
        "url": f"https://www.laposte.fr/outils/suivre-vos-envois?code={number}",
    }
    if parcel.estimate:
        shipment["estimDate"] = _paris(parcel.estimate)
    return {**head, "returnCode": 200, "shipment": shipment}


def _paris(at: datetime) -> str:
    return at.astimezone(_PARIS).isoformat(timespec="seconds")
