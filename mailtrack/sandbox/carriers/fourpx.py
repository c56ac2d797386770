"""4PX on loopback: the signed platform and the list behind its page, both on Beijing's clock."""

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from starlette.responses import JSONResponse, Response

from mailtrack.sandbox.carriers.answers import Call, CarrierRoutes, Replacement, forms, spoiled
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel

CODE = "4px"
STRANGER = "4PX9999999999999CN"
_BEIJING = timezone(timedelta(hours=8))
_SIGNED = ("app_key", "format", "method", "timestamp", "v")


routes = CarrierRoutes()


@routes.answer("/router/api/service", "POST")
def _platform(world: CarrierWorld, call: Call) -> Response:
    number = call.json().get("deliveryOrderNo", "")
    failure = world.begin(CODE, [number])
    pairs = "".join(f"{name}{call.query.get(name, '')}" for name in _SIGNED)
    signed = pairs.encode() + call.body + world.client_secret.encode()
    if call.query.get("sign") != hashlib.md5(signed, usedforsecurity=False).hexdigest():
        failure = Failure.BAD_KEY
    made = spoiled(world, failure, _PLATFORM_FAILURES)
    if made:
        return made
    orders = forms(world, [number], failure, STRANGER, _order)
    data = orders[0] if orders else _order(None, "")
    return JSONResponse({"data": data, "result": "1", "msg": "success"})


@routes.answer("/track/v2/front/listTrackV3", "POST")
def _list(world: CarrierWorld, call: Call) -> Response:
    # Of several numbers, it reads the first.
    number = call.json().get("queryCodes", [""])[0]
    failure = world.begin(CODE, [number])
    made = spoiled(world, failure, {Failure.REFUSAL: lambda _: JSONResponse({"result": 0})})
    if made:
        return made
    data = forms(world, [number], failure, STRANGER, _listed)
    return JSONResponse({"result": 1, "message": "", "data": data, "tag": "sandbox"})


def _refused(code: str, message: str) -> Replacement:
    body = {"result": "0", "msg": "", "errors": [{"errorCode": code, "errorMsg": message}]}
    return lambda _: JSONResponse(body)


_PLATFORM_FAILURES: dict[Failure, Replacement] = {
    # The live service's Chinese arrives unreadable.
    Failure.BAD_KEY: _refused("000013", "app_key鏍￠獙澶辫触"),
    Failure.REFUSAL: _refused("DS000000", "system error"),
    Failure.BAD_REQUEST: _refused("000007", "parameter error"),
}


def _order(parcel: SandboxParcel | None, number: str) -> dict[str, Any]:
    scans = parcel.scans[CODE] if parcel else []
    return {
        "deliveryOrderNo": number,
        "destinationCountry": "FR",
        "trackingList": [
            {
                "businessLinkCode": scan.code,
                "occurDatetime": _beijing(scan.at),
                "occurLocation": scan.place,
                "trackingContent": scan.text,
            }
            for scan in reversed(scans)
        ],
    }


def _listed(parcel: SandboxParcel | None, number: str) -> dict[str, Any]:
    if parcel is None:
        return {"queryCode": number, "serverCode": None, "status": 7, "tracks": None}
    tracks = [
        {
            "tkCode": scan.code,
            "tkDesc": scan.text,
            "tkLocation": scan.place,
            "tkTimezone": scan.zone.replace("GMT+8", "UTC+08:00"),
            "tkDate": scan.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
            "tkDateStr": _beijing(scan.at),
            "tkCategoryCode": scan.code[:5],
        }
        for scan in reversed(parcel.scans[CODE])
    ]
    codes = [number, parcel.local_number] if parcel.local_number else [number]
    return {
        "queryCode": number,
        "shipperCode": number,
        "serverCode": parcel.local_number or number,
        "hawbCodeSet": codes,
        "ctStartCode": "CN",
        "ctEndCode": "FR",
        "status": 1 if tracks else 0,
        "tracks": tracks or None,
    }


def _beijing(at: datetime) -> str:
    return at.astimezone(_BEIJING).strftime("%Y-%m-%d %H:%M:%S")
