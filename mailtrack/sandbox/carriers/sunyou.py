"""SunYou's page service on loopback: JSON inside a call, always a 200, each scan in its zone."""

import json
from datetime import timedelta, timezone
from typing import Any

from starlette.responses import PlainTextResponse, Response

from mailtrack.sandbox.carriers.answers import (
    ROBOT_CHECK,
    Call,
    CarrierRoutes,
    Replacement,
    chosen,
    spoiled,
)
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel

CODE = "sunyou"
STRANGER = "SYAE999999999"


routes = CarrierRoutes()


@routes.answer("/queryTrack")
def _query(world: CarrierWorld, call: Call) -> Response:
    number = call.query.get("trackNumber", "")
    failure = world.begin(CODE, [number])
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    told = next(iter(chosen([number], failure, STRANGER)), STRANGER)
    unknown = failure is Failure.UNKNOWN
    parcel = _parcel(None, told) if unknown else world.render(told, _parcel)
    return _call({"data": [parcel], "message": "success", "status": 1})


def _call(body: dict[str, Any]) -> Response:
    return PlainTextResponse(f"searchCallback({json.dumps(body)})")


_FAILURES: dict[Failure, Replacement] = {
    **ROBOT_CHECK,
    Failure.REFUSAL: lambda _: _call({"data": None, "message": "system error", "status": 0}),
    Failure.GARBAGE: lambda _: PlainTextResponse('searchCallback({"data":[{"has":tr'),
}


def _parcel(parcel: SandboxParcel | None, number: str) -> dict[str, Any]:
    if parcel is None:
        return {"has": False, "orderNo": number, "displayStatus": "0"}
    items = []
    for scan in reversed(parcel.scans[CODE]):
        hours = 8 if scan.offset_h is None else scan.offset_h
        items.append(
            {
                "createTime": f"{scan.at.astimezone(timezone(timedelta(hours=hours))):%F %T}",
                "timeZone": f"{hours:+03}:00",
                "status": scan.code.partition("@")[0],
                "eventCode": scan.code.partition("@")[2],
                "content": scan.text,
            }
        )
    return {
        "has": True,
        "orderNo": number,
        # Whatever has happened.
        "displayStatus": "4",
        "lastContent": items[0]["content"] if items else "",
        "lastUpdate": items[0]["createTime"] if items else "",
        "result": {"origin": {"items": items}},
    }
