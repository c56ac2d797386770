"""Yanwen on loopback: many numbers a request, times without a zone."""

from datetime import timedelta, timezone
from typing import Any

from starlette.responses import JSONResponse, Response

from mailtrack.sandbox.carriers.answers import Call, CarrierRoutes, Replacement, forms, spoiled
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel

CODE = "yanwen"
STRANGER = "UF999999999YP"
_BEIJING = timezone(timedelta(hours=8))


routes = CarrierRoutes()


@routes.answer("/api/tracking")
def _tracking(world: CarrierWorld, call: Call) -> Response:
    numbers = call.query.get("nums", "").split(",")
    failure = world.begin(CODE, numbers)
    if call.headers.get("authorization") != world.key:
        failure = Failure.BAD_KEY
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    result = forms(world, numbers, failure, STRANGER, _parcel)
    return JSONResponse({"code": 0, "message": "success", "result": result})


_FAILURES: dict[Failure, Replacement] = {
    Failure.REFUSAL: lambda _: JSONResponse({"code": 1, "message": "error"}),
    Failure.BAD_KEY: lambda _: JSONResponse({"code": 2, "message": "Invalid Authorization"}),
}


def _parcel(parcel: SandboxParcel | None, number: str) -> dict[str, Any]:
    scans = parcel.scans[CODE] if parcel else []
    if parcel is None or not scans:
        return {"tracking_number": number, "tracking_status": "NOTFOUND", "checkpoints": []}
    return {
        "tracking_number": number,
        "waybill_number": number,
        "exchange_number": parcel.local_number or number,
        "tracking_status": scans[-1].code,
        "checkpoints": [
            {
                "time_stamp": scan.at.astimezone(_BEIJING).strftime("%Y-%m-%dT%H:%M:%S"),
                "tracking_status": scan.code,
                "message": scan.text,
                "location": scan.place,
            }
            for scan in reversed(scans)
        ],
    }
