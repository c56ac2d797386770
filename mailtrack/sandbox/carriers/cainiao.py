"""Cainiao on loopback: its page's JSON, its wrong epochs, its robot check in a 200."""

from collections.abc import Sequence
from datetime import timedelta, timezone
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from mailtrack.sandbox.carriers.answers import Call, Replacement, chosen, route, spoiled
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel, SandboxScan

CODE = "cainiao"
STRANGER = "LP00999999999999"
_BEIJING = timezone(timedelta(hours=8))


def routes(world: CarrierWorld) -> list[Route]:
    """Return what Cainiao answers."""
    return [route("/global/detail.json", _detail, world)]


def _detail(world: CarrierWorld, call: Call) -> Response:
    numbers = call.query.get("mailNos", "").split(",")
    failure = world.begin(CODE, numbers)
    return spoiled(world, failure, _FAILURES) or _page(world, numbers, failure)


def _refusal(_: CarrierWorld) -> Response:
    return JSONResponse({"success": False, "errorCode": "SYSTEM_BUSY", "errorMsg": "busy"})


def _challenge(_: CarrierWorld) -> Response:
    script = "window._config_ = {'action': 'captcha', 'url': '/_____tmd_____/punish?x5secdata='}"
    return HTMLResponse(
        f"<html><body><div id='nocaptcha'></div><script>{script}</script></body></html>"
    )


_FAILURES: dict[Failure, Replacement] = {
    Failure.REFUSAL: _refusal,
    Failure.CHALLENGE: _challenge,
}


def _page(world: CarrierWorld, numbers: Sequence[str], failure: Failure | None) -> Response:
    known = failure is not Failure.UNKNOWN
    modules = [
        world.render(number, _module) if known else _module(None, number)
        for number in chosen(numbers, failure, STRANGER)
    ]
    return JSONResponse({"module": modules, "success": True})


def _module(parcel: SandboxParcel | None, number: str) -> dict[str, Any]:
    if parcel is None:
        return {"mailNo": number, "mailNoSource": "EXTERNAL", "detailList": []}
    traces = [_trace(scan) for scan in reversed(parcel.scans[CODE])]
    module: dict[str, Any] = {
        "mailNo": number,
        "mailNoSource": "AE",
        "originCountry": "Mainland China",
        "destCountry": parcel.destination,
        "status": "DELIVERING" if traces else "SELLER_PREPARING",
        "statusDesc": "In transit ",
        "detailList": traces,
        "daysNumber": f"{len(traces)}\tday(s)",
    }
    if traces:
        module["latestTrace"] = traces[0]
    if parcel.local_number:
        module["realMailNo"] = f"Latest Tracking Number:\t{parcel.local_number}"
        module["copyRealMailNo"] = parcel.local_number
    if parcel.estimate:
        at = int(parcel.estimate.timestamp() * 1000)
        module["globalEtaInfo"] = {"deliveryMinTime": at, "deliveryMaxTime": at}
    return module


def _trace(scan: SandboxScan) -> dict[str, Any]:
    hours = int(scan.zone.removeprefix("GMT") or 0) if scan.offset_h is None else scan.offset_h
    wall_clock = scan.at.astimezone(timezone(timedelta(hours=hours))).replace(tzinfo=None)
    trace: dict[str, Any] = {
        # As the live service does: the wall clock of wherever, taken for Beijing's.
        "time": int(wall_clock.replace(tzinfo=_BEIJING).timestamp() * 1000),
        "timeStr": wall_clock.strftime("%Y-%m-%d %H:%M:%S"),
        "desc": scan.text,
        "standerdDesc": f"[{scan.place}] {scan.text}" if scan.place else scan.text,
        "descTitle": "Carrier note:",
        "timeZone": scan.zone,
        "actionCode": scan.code,
    }
    if scan.group:
        trace["group"] = {"nodeCode": scan.group, "nodeDesc": ""}
    return trace
