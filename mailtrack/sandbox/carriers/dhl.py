"""DHL "Shipment Tracking – Unified" on loopback: problem documents, names beside deliveries."""

from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import JSONResponse, Response

from mailtrack.sandbox.carriers.answers import (
    Call,
    CarrierRoutes,
    Replacement,
    chosen,
    spoiled,
    too_many,
)
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel

CODE = "dhl"
STRANGER = "00999999999999999999"
_PARIS = ZoneInfo("Europe/Paris")


routes = CarrierRoutes()


@routes.answer("/track/shipments")
def _shipments(world: CarrierWorld, call: Call) -> Response:
    number = call.query.get("trackingNumber", "")
    failure = world.begin(CODE, [number])
    if call.headers.get("dhl-api-key") != world.key:
        failure = Failure.BAD_KEY
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    (answered,) = chosen([number], failure, STRANGER) or [""]
    shipment = world.render(number, _shipment)
    if failure is Failure.UNKNOWN or not shipment:
        return _problem(404, "No result found", number)
    return JSONResponse({"shipments": [{**shipment, "id": answered}]})


def _problem(status: int, title: str, number: str = "") -> Response:
    told = {"title": title, "detail": title, "status": status, "instance": f"/shipment/{number}"}
    return JSONResponse(told, status, media_type="application/problem+json")


_FAILURES: dict[Failure, Replacement] = {
    Failure.BAD_KEY: lambda _: _problem(401, "Unauthorized"),
    Failure.BAD_REQUEST: lambda _: _problem(400, "Bad request"),
    Failure.QUOTA: lambda world: too_many(world, {"title": "Too many requests", "status": 429}),
}


def _shipment(parcel: SandboxParcel | None, number: str) -> dict[str, Any]:
    scans = parcel.scans[CODE] if parcel else []
    if parcel is None or not scans:
        return {}
    events = [
        {
            "timestamp": scan.at.astimezone(_PARIS).isoformat(),
            "location": {"address": {"countryCode": "FR", "addressLocality": scan.place}},
            "statusCode": scan.code,
            "status": scan.text,
            # A delivery is described by the name of the person who signed.
            "description": "JEANNE EXEMPLE" if scan.code == "delivered" else scan.text,
        }
        for scan in reversed(scans)
    ]
    shipment: dict[str, Any] = {
        "id": number,
        "service": "ecommerce",
        "origin": {"address": {"countryCode": "CN"}},
        "destination": {"address": {"countryCode": "FR"}},
        "status": events[0],
        "details": {"receiver": {"name": "JEANNE EXEMPLE"}},
        "events": events,
    }
    if parcel.estimate:
        shipment["estimatedTimeOfDelivery"] = parcel.estimate.astimezone(_PARIS).isoformat()
    return shipment
