"""GOFO's page service on loopback: newest event first, support lines beside every sentence."""

from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import JSONResponse, Response

from mailtrack.sandbox.carriers.answers import (
    ROBOT_CHECK,
    Call,
    CarrierRoutes,
    Replacement,
    chosen,
    spoiled,
)
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel

CODE = "gofo"
STRANGER = "GFFR99999999999999"
_PARIS = ZoneInfo("Europe/Paris")
_PEOPLE = "Jeanne EXEMPLE, 06 39 98 00 11"


routes = CarrierRoutes()


@routes.answer("/fr/open-api/official/track/queryTrackV2", "POST")
def _query(world: CarrierWorld, call: Call) -> Response:
    number = call.json().get("numberList", [""])[0]
    failure = world.begin(CODE, [number])
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    told = next(iter(chosen([number], failure, STRANGER)), STRANGER)
    parcel = None if failure is Failure.UNKNOWN else world.render(told, _parcel)
    data = [parcel] if parcel else []
    return JSONResponse({"code": 200, "msg": "Success", "data": data})


_FAILURES: dict[Failure, Replacement] = {
    **ROBOT_CHECK,
    Failure.REFUSAL: lambda _: JSONResponse({"code": 500, "msg": "system busy", "data": None}),
}


def _parcel(parcel: SandboxParcel | None, number: str) -> dict[str, Any] | None:
    if parcel is None and number != STRANGER:
        return None
    events = [
        {
            "processDate": scan.at.astimezone(_PARIS).strftime("%Y-%m-%dT%H:%M:%S.000%z"),
            "processContent": f"{scan.text}. {_PEOPLE}",
            "mainContent": scan.text,
            "subContent": _PEOPLE,
            "processLocation": scan.place or None,
            "processCode": scan.code,
            "trackStatus": "2",
        }
        for scan in reversed(parcel.scans[CODE] if parcel else [])
    ]
    estimate = parcel.estimate if parcel else None
    return {
        "waybillNo": number,
        "trackingNumber": "PK-0000000000000000017-0",
        "frCountry": "FR",
        "toCountry": "FR",
        "status": "Transit",
        "serviceName": "CIRRO Parcel",
        "expectedDeliveryTime": f"{estimate:%Y-%m-%d}" if estimate else None,
        "trackEventCount": len(events),
        "lastTrackEvent": events[0] if events else None,
        "trackEventList": events,
    }
