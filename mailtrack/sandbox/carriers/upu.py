"""The UPU on loopback: nothing for an unknown item, forecasts among the scans, WCF dates."""

from datetime import timedelta, timezone
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mailtrack.sandbox.carriers.answers import Call, chosen, route, spoiled
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel, SandboxScan

CODE = "upu"
STRANGER = "LZ999999999CN"
_BEIJING = timezone(timedelta(hours=8))


def routes(world: CarrierWorld) -> list[Route]:
    """Return what the UPU answers."""
    return [route("/gtt.api/service.svc/rest/ItemTTWithTrans/{number}/{language}", _item, world)]


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
    return {
        "ID": number,
        "Events": [_event(scan) for scan in (*scans, forecast)],
        "State": 1,
        "OriginCountryCd": "CN",
        "DestinationCountryCd": "FR",
    }


def _event(scan: SandboxScan) -> dict[str, Any]:
    # The wall clock of the place; the offset belongs to the server.
    wall_clock = scan.at.astimezone(_BEIJING if scan.offset_h is None else _zone(scan.offset_h))
    as_server = wall_clock.replace(tzinfo=timezone(timedelta(hours=2)))
    return {
        "EventCd": scan.code,
        "EventNm": scan.text,
        "EventDT": f"/Date({int(as_server.timestamp() * 1000)}+0200)/",
        "EventLocation": scan.place,
        "Signature": "",
    }


def _zone(hours: int) -> timezone:
    return timezone(timedelta(hours=hours))
