"""The UPU on loopback: nothing for an unknown item, forecasts among the scans, WCF dates."""

from datetime import timedelta, timezone
from typing import Any

from starlette.responses import JSONResponse, Response

from mailtrack.sandbox.carriers.answers import Call, CarrierRoutes, chosen, spoiled
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel, SandboxScan

CODE = "upu"
STRANGER = "LZ999999999CN"
#: The offset of a scan that has none of its own.
_BEIJING_H = 8


routes = CarrierRoutes()


@routes.answer("/gtt.api/service.svc/rest/ItemTTWithTrans/{number}/{language}")
def _item(world: CarrierWorld, call: Call) -> Response:
    number = call.path["number"]
    failure = world.begin(CODE, [number])
    made = spoiled(world, failure, {})
    if made:
        return made
    told = next(iter(chosen([number], failure, STRANGER)), STRANGER)
    item = None if failure is Failure.UNKNOWN else world.render(told, _form)
    if told != number:
        item = {"ID": told, "Events": []}
    return JSONResponse([item]) if item else Response(b"", 200)


def _form(parcel: SandboxParcel | None, number: str) -> dict[str, Any] | None:
    if parcel is None or not parcel.scans[CODE]:
        return None
    scans = parcel.scans[CODE]
    forecast = SandboxScan("DLV", "Estimated delivery", scans[-1].at + timedelta(days=5))
    events = []
    for scan in (*scans, forecast):
        # The wall clock of the place; the offset belongs to the server.
        hours = _BEIJING_H if scan.offset_h is None else scan.offset_h
        wall_clock = scan.at.astimezone(timezone(timedelta(hours=hours)))
        as_server = wall_clock.replace(tzinfo=timezone(timedelta(hours=2)))
        events.append(
            {
                "EventCd": scan.code,
                "EventNm": scan.text,
                "EventDT": f"/Date({int(as_server.timestamp() * 1000)}+0200)/",
                "EventLocation": scan.place,
                "Signature": "",
            }
        )
    return {
        "ID": number,
        "Events": events,
        "State": 1,
        "OriginCountryCd": "CN",
        "DestinationCountryCd": "FR",
    }
