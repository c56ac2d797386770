"""La Poste's "Suivi v2" on loopback: envelopes with their own codes, 207, bare objects."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from mailtrack.sandbox.carriers.answers import Call, Replacement, chosen, route, spoiled
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel, SandboxScan

CODE = "laposte"
STRANGER = "6Z99999999999"
_PARIS = ZoneInfo("Europe/Paris")


def routes(world: CarrierWorld) -> list[Route]:
    """Return what La Poste answers."""
    return [route("/suivi/v2/idships/{ids}", _idships, world)]


def _idships(world: CarrierWorld, call: Call) -> Response:
    numbers = call.path["ids"].split(",")
    failure = world.begin(CODE, numbers)
    if call.headers.get("x-okapi-key") != world.key:
        failure = Failure.BAD_KEY
    return spoiled(world, failure, _FAILURES) or _page(world, numbers, failure)


def _refusal(_: CarrierWorld) -> Response:
    return JSONResponse({"returnCode": 504, "returnMessage": "Service indisponible"}, 504)


_FAILURES: dict[Failure, Replacement] = {
    Failure.REFUSAL: _refusal,
    # A 400 would speak of the number.
    Failure.BAD_REQUEST: lambda _: Response("Not Acceptable", 406),
    Failure.CHALLENGE: lambda _: HTMLResponse("<html><body>Incident</body></html>"),
}


def _page(world: CarrierWorld, numbers: Sequence[str], failure: Failure | None) -> Response:
    known = failure is not Failure.UNKNOWN
    envelopes = [
        world.render(number, _envelope) if known else _envelope(None, number)
        for number in chosen(numbers, failure, STRANGER)
    ]
    if len(numbers) > 1:
        return JSONResponse(envelopes, 207)
    code = envelopes[0]["returnCode"] if envelopes else 200
    status = {104: 404}.get(code, code)
    bare = failure is Failure.BARE or status != 200
    return JSONResponse(envelopes[0] if bare else envelopes, status)


def _envelope(parcel: SandboxParcel | None, number: str) -> dict[str, Any]:
    head = {"lang": "fr_FR", "scope": "open"}
    if not 11 <= len(number) <= 15 or not number.isalnum():
        message = "Le numéro que vous avez saisi n’est pas valide."
        return {**head, "returnCode": 400, "returnMessage": message, "idShip": number}
    if parcel is None or not parcel.scans[CODE]:
        message = "Votre suivi n'est pas encore disponible."
        return {**head, "returnCode": 104, "returnMessage": message, "idShip": number}
    return {**head, "returnCode": 200, "shipment": _shipment(parcel, number)}


def _shipment(parcel: SandboxParcel, number: str) -> dict[str, Any]:
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
        "event": [_event(i, scan) for i, scan in enumerate(newest_first)],
        "contextData": context,
        "url": f"https://www.laposte.fr/outils/suivre-vos-envois?code={number}",
    }
    if parcel.estimate:
        shipment["estimDate"] = _paris(parcel.estimate)
    return shipment


def _event(position: int, scan: SandboxScan) -> dict[str, Any]:
    # The newest is always 100: the numbers of all others move with every scan.
    return {
        "order": 100 - position,
        "label": scan.text,
        "date": _paris(scan.at),
        "code": scan.code,
    }


def _paris(at: datetime) -> str:
    return at.astimezone(_PARIS).isoformat(timespec="seconds")
