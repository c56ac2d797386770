"""FedEx Track v1 on loopback: errors inside a 200, numbers that were used before."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import JSONResponse, Response

from mailtrack.sandbox.carriers.answers import (
    Call,
    CarrierRoutes,
    Replacement,
    forms,
    spoiled,
    too_many,
)
from mailtrack.sandbox.carriers.oauth import is_admitted, offer_tokens
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel, SandboxScan

CODE = "fedex"
STRANGER = "999999999999"
_PARIS = ZoneInfo("Europe/Paris")


routes = CarrierRoutes()
offer_tokens(routes, CODE, "/oauth/token")


@routes.answer("/track/v1/trackingnumbers", "POST")
def _track(world: CarrierWorld, call: Call) -> Response:
    asked = call.json()["trackingInfo"]
    numbers = [item["trackingNumberInfo"]["trackingNumber"] for item in asked]
    failure = world.begin(CODE, numbers)
    if not is_admitted(world, call):
        return _errors(401, "NOT.AUTHORIZED.ERROR")
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    results = forms(world, numbers, failure, STRANGER, _complete)
    return JSONResponse({"transactionId": "s", "output": {"completeTrackResults": results}})


def _errors(status: int, code: str) -> Response:
    return JSONResponse({"transactionId": "sandbox", "errors": [{"code": code}]}, status)


_DAILY = "Too many requests - Daily transaction quota exceeded. Retry after 12:00AM GMT"
_FAILURES: dict[Failure, Replacement] = {
    Failure.QUOTA: lambda world: too_many(world, {"errors": [{"message": _DAILY}]}),
    Failure.REFUSAL: lambda _: _errors(200, "SERVICE.UNAVAILABLE.ERROR"),
    Failure.BAD_KEY: lambda _: _errors(403, "FORBIDDEN.ERROR"),
    Failure.BAD_REQUEST: lambda _: _errors(400, "TRACKING.TRACKINGNUMBER.EMPTY"),
}


def _complete(parcel: SandboxParcel | None, number: str) -> dict[str, Any]:
    head = {"trackingNumberInfo": {"trackingNumber": number}}
    scans = parcel.scans[CODE] if parcel else []
    if parcel is None or not scans:
        error = {"code": "TRACKING.TRACKINGNUMBER.NOTFOUND", "message": "cannot be found"}
        return {"trackingNumber": number, "trackResults": [{**head, "error": error}]}
    before = SandboxScan("DL", "Delivered", scans[0].at - timedelta(days=400))
    used_before = {**head, "scanEvents": [_event(before)]}
    result: dict[str, Any] = {
        **head,
        "scanEvents": [_event(scan) for scan in reversed(scans)],
        "recipientInformation": {"contact": {"personName": "JEANNE EXEMPLE"}},
        "dateAndTimes": [],
    }
    if parcel.estimate:
        written = parcel.estimate.astimezone(_PARIS).isoformat()
        result["dateAndTimes"] = [{"type": "ESTIMATED_DELIVERY", "dateTime": written}]
    if parcel.local_number:
        identifier = {"type": "PARTNER_CARRIER_NUMBER", "values": [parcel.local_number]}
        result["additionalTrackingInfo"] = {"packageIdentifiers": [identifier]}
    if parcel.pickup_point:
        address = {"streetLines": [parcel.pickup_point], "city": "LYON", "postalCode": "69001"}
        result["holdAtLocation"] = {"locationContactAndAddress": {"address": address}}
    return {"trackingNumber": number, "trackResults": [used_before, result]}


def _event(scan: SandboxScan) -> dict[str, Any]:
    return {
        "date": scan.at.astimezone(_PARIS).isoformat(),
        "eventType": scan.code,
        "eventDescription": scan.text,
        "exceptionDescription": scan.group,
        "scanLocation": {"city": scan.place, "countryName": ""},
    }
