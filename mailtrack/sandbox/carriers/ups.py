"""UPS Track v1 on loopback: warnings inside a 200, dates and times in pieces."""

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
from mailtrack.sandbox.carriers.oauth import is_admitted, offer_tokens
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel

CODE = "ups"
STRANGER = "1Z9999999999999999"
_PARIS = ZoneInfo("Europe/Paris")


routes = CarrierRoutes()
offer_tokens(routes, CODE, "/security/v1/oauth/token")


@routes.answer("/api/track/v1/details/{number}")
def _details(world: CarrierWorld, call: Call) -> Response:
    number = call.path["number"]
    failure = world.begin(CODE, [number])
    if not is_admitted(world, call):
        return _errors(401, "250002", "Invalid Authentication Information.")
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    if not 7 <= len(number) <= 34:
        return _errors(400, "TV1002", "Invalid inquiry number")
    (answered,) = chosen([number], failure, STRANGER) or [""]
    package = world.render(number, _package)
    if failure is Failure.UNKNOWN or not package:
        warnings = [{"code": "TW0001", "message": "Tracking Information Not Found"}]
        return JSONResponse({"trackResponse": {"shipment": [{"warnings": warnings}]}})
    shipment = {"inquiryNumber": answered, "package": [{**package, "trackingNumber": answered}]}
    return JSONResponse({"trackResponse": {"shipment": [shipment]}})


def _errors(status: int, code: str, message: str) -> Response:
    return JSONResponse({"response": {"errors": [{"code": code, "message": message}]}}, status)


_FAILURES: dict[Failure, Replacement] = {
    Failure.QUOTA: lambda world: too_many(
        world, {"response": {"errors": [{"code": "10429", "message": "Too Many Requests"}]}}
    ),
    Failure.BAD_KEY: lambda _: _errors(403, "250003", "Invalid Access License number"),
    Failure.BAD_REQUEST: lambda _: _errors(400, "TV1001", "Bad request"),
}


def _package(parcel: SandboxParcel | None, number: str) -> dict[str, Any]:
    scans = parcel.scans[CODE] if parcel else []
    if parcel is None or not scans:
        return {}
    activity = []
    for scan in reversed(scans):
        local = scan.at.astimezone(_PARIS)
        described = {"type": "I", "description": f"{scan.text} ", "code": "XX"}
        activity.append(
            {
                "location": {"address": {"city": scan.place, "countryCode": "FR"}},
                "status": {**described, "statusCode": scan.code.zfill(3)},
                "date": local.strftime("%Y%m%d"),
                "time": local.strftime("%H%M%S"),
                "gmtOffset": local.isoformat()[-6:],
            }
        )
    package: dict[str, Any] = {
        "trackingNumber": number,
        "activity": activity,
        "deliveryInformation": {"receivedBy": "JEANNE EXEMPLE"},
        "packageAddress": [{"type": "DESTINATION", "name": "JEANNE EXEMPLE", "address": {}}],
    }
    if parcel.estimate:
        day = parcel.estimate.astimezone(_PARIS).strftime("%Y%m%d")
        package["deliveryDate"] = [{"type": "SDD", "date": day}]
    if parcel.local_number:
        alternate = {"number": parcel.local_number, "type": "LOCAL_POST"}
        package["alternateTrackingNumber"] = [alternate]
    if parcel.pickup_point:
        address = {"addressLine1": parcel.pickup_point, "city": "LYON", "postalCode": "69001"}
        package["packageAddress"].append({"type": "ACCESS_POINT", "address": address})
    return package
