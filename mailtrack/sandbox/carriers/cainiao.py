"""Cainiao on loopback: its page's JSON, its wrong epochs, its robot check in a 200."""

from datetime import timedelta, timezone
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, Response

from mailtrack.sandbox.carriers.answers import Call, CarrierRoutes, Replacement, forms, spoiled
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel

CODE = "cainiao"
STRANGER = "LP00999999999999"
_BEIJING = timezone(timedelta(hours=8))


_BUSY = {"success": False, "errorCode": "SYSTEM_BUSY", "errorMsg": "busy"}
_CHALLENGE = (
    "<html><body><div id='nocaptcha'></div><script>window._config_ = "
    "{'action': 'captcha', 'url': '/_____tmd_____/punish?x5secdata='}</script></body></html>"
)
_FAILURES: dict[Failure, Replacement] = {
    Failure.REFUSAL: lambda _: JSONResponse(_BUSY),
    Failure.CHALLENGE: lambda _: HTMLResponse(_CHALLENGE),
}
routes = CarrierRoutes()


@routes.answer("/global/detail.json")
def _detail(world: CarrierWorld, call: Call) -> Response:
    numbers = call.query.get("mailNos", "").split(",")
    failure = world.begin(CODE, numbers)
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    modules = forms(world, numbers, failure, STRANGER, _module)
    return JSONResponse({"module": modules, "success": True})


def _module(parcel: SandboxParcel | None, number: str) -> dict[str, Any]:
    if parcel is None:
        return {"mailNo": number, "mailNoSource": "EXTERNAL", "detailList": []}
    traces = []
    for scan in reversed(parcel.scans[CODE]):
        hours = int(scan.zone.removeprefix("GMT") or 0) if scan.offset_h is None else scan.offset_h
        wall_clock = scan.at.astimezone(timezone(timedelta(hours=hours))).replace(tzinfo=None)
        group = {"group": {"nodeCode": scan.group, "nodeDesc": ""}} if scan.group else {}
        traces.append(
            {
                # As the live service does: the wall clock of wherever, taken for Beijing's.
                "time": int(wall_clock.replace(tzinfo=_BEIJING).timestamp() * 1000),
                "timeStr": wall_clock.strftime("%Y-%m-%d %H:%M:%S"),
                "desc": scan.text,
                "standerdDesc": f"[{scan.place}] {scan.text}" if scan.place else scan.text,
                "descTitle": "Carrier note:",
                "timeZone": scan.zone,
                "actionCode": scan.code,
                **group,
            }
        )
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
