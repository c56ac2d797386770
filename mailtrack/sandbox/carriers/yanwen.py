"""Yanwen on loopback: many numbers a request, times without a zone."""

from datetime import timedelta, timezone
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mailtrack.sandbox.carriers.answers import Call, Replacement, chosen, route, spoiled
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel

CODE = "yanwen"
STRANGER = "UF999999999YP"
_BEIJING = timezone(timedelta(hours=8))


def routes(world: CarrierWorld) -> list[Route]:
    """Return what Yanwen answers."""
    return [route("/api/tracking", _tracking, world)]


def _tracking(world: CarrierWorld, call: Call) -> Response:
    numbers = call.query.get("nums", "").split(",")
    failure = world.begin(CODE, numbers)
    if call.headers.get("authorization") != world.key:
        failure = Failure.BAD_KEY
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    form = _unknown if failure is Failure.UNKNOWN else _parcel
    result = [world.render(number, form) for number in chosen(numbers, failure, STRANGER)]
    return JSONResponse({"code": 0, "message": "success", "result": result})


_FAILURES: dict[Failure, Replacement] = {
    Failure.REFUSAL: lambda _: JSONResponse({"code": 1, "message": "error"}),
    Failure.BAD_KEY: lambda _: JSONResponse({"code": 2, "message": "Invalid Authorization"}),
}


def _unknown(_: SandboxParcel | None, number: str) -> dict[str, Any]:
    return {"tracking_number": number, "tracking_status": "NOTFOUND", "checkpoints": []}


def _parcel(parcel: SandboxParcel | None, number: str) -> dict[str, Any]:
    scans = parcel.scans[CODE] if parcel else []
    if parcel is None or not scans:
        return _unknown(None, number)
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
