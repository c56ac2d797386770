"""4PX on loopback: the signed platform and the list behind its page, both on Beijing's clock."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mailtrack.sandbox.carriers.answers import Call, Replacement, chosen, route, spoiled
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel, SandboxScan

CODE = "4px"
STRANGER = "4PX9999999999999CN"
_BEIJING = timezone(timedelta(hours=8))
_SIGNED = ("app_key", "format", "method", "timestamp", "v")


def routes(world: CarrierWorld) -> list[Route]:
    """Return what both services of 4PX answer."""
    return [
        route("/router/api/service", _platform, world, "POST"),
        route("/track/v2/front/listTrackV3", _list, world, "POST"),
    ]


def _platform(world: CarrierWorld, call: Call) -> Response:
    number = call.json().get("deliveryOrderNo", "")
    failure = world.begin(CODE, [number])
    if call.query.get("sign") != _signature(call, world.client_secret):
        failure = Failure.BAD_KEY
    made = spoiled(world, failure, _PLATFORM_FAILURES)
    return made or _answer(_numbers(number, failure), world, failure)


def _list(world: CarrierWorld, call: Call) -> Response:
    # Of several numbers, it reads the first.
    number = call.json().get("queryCodes", [""])[0]
    failure = world.begin(CODE, [number])
    made = spoiled(world, failure, {Failure.REFUSAL: lambda _: JSONResponse({"result": 0})})
    if made:
        return made
    data = [
        world.render(n, _listed if failure is not Failure.UNKNOWN else _unlisted)
        for n in _numbers(number, failure)
    ]
    return JSONResponse({"result": 1, "message": "", "data": data, "tag": "sandbox"})


def _numbers(number: str, failure: Failure | None) -> Sequence[str]:
    return chosen([number], failure, STRANGER)


def _signature(call: Call, secret: str) -> str:
    pairs = "".join(f"{name}{call.query.get(name, '')}" for name in _SIGNED)
    told = pairs.encode() + call.body + secret.encode()
    return hashlib.md5(told, usedforsecurity=False).hexdigest()


def _refused(code: str, message: str) -> Replacement:
    body = {"result": "0", "msg": "", "errors": [{"errorCode": code, "errorMsg": message}]}
    return lambda _: JSONResponse(body)


_PLATFORM_FAILURES: dict[Failure, Replacement] = {
    # The live service's Chinese arrives unreadable.
    Failure.BAD_KEY: _refused("000013", "app_key鏍￠獙澶辫触"),
    Failure.REFUSAL: _refused("DS000000", "system error"),
    Failure.BAD_REQUEST: _refused("000007", "parameter error"),
}


def _answer(numbers: Sequence[str], world: CarrierWorld, failure: Failure | None) -> Response:
    unknown = failure is Failure.UNKNOWN or not numbers
    number = numbers[0] if numbers else ""
    data = _order(None, number) if unknown else world.render(number, _order)
    return JSONResponse({"data": data, "result": "1", "msg": "success"})


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


def _unlisted(_: SandboxParcel | None, number: str) -> dict[str, Any]:
    return {"queryCode": number, "serverCode": None, "status": 7, "tracks": None}


def _listed(parcel: SandboxParcel | None, number: str) -> dict[str, Any]:
    if parcel is None:
        return _unlisted(None, number)
    tracks = [_track(scan) for scan in reversed(parcel.scans[CODE])]
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


def _track(scan: SandboxScan) -> dict[str, Any]:
    return {
        "tkCode": scan.code,
        "tkDesc": scan.text,
        "tkLocation": scan.place,
        "tkTimezone": scan.zone.replace("GMT+8", "UTC+08:00"),
        "tkDate": scan.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
        "tkDateStr": _beijing(scan.at),
        "tkCategoryCode": scan.code[:5],
    }


def _beijing(at: datetime) -> str:
    return at.astimezone(_BEIJING).strftime("%Y-%m-%d %H:%M:%S")
