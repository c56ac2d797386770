"""17TRACK v2.4 on loopback: registration, asking, taking up again, and pushes."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC
from typing import Any

from starlette.responses import JSONResponse, Response

from mailtrack.sandbox.carriers.answers import (
    Call,
    CarrierRoutes,
    Replacement,
    chosen,
    spoiled,
    too_many,
)
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel

CODE = "17track"
STRANGER = "ZZ999999999ZZ"
#: Failures and requests of the other two methods are counted under these names.
REGISTER, RETRACK = f"{CODE}.register", f"{CODE}.retrack"

Verdict = dict[str, Any]


routes = CarrierRoutes()


def push(world: CarrierWorld, number: str, event: str = "TRACKING_UPDATED") -> tuple[bytes, str]:
    """Return the body of a push and its `sign`."""
    stopped = {"number": number, "carrier": 3011, "tag": None}
    data = stopped if event == "TRACKING_STOPPED" else world.render(number, _accepted)
    body = json.dumps({"event": event, "data": data}, ensure_ascii=False).encode()
    return body, hashlib.sha256(body + b"/" + world.key.encode()).hexdigest()


@routes.answer("/track/v2.4/gettrackinfo", "POST")
def _gettrackinfo(world: CarrierWorld, call: Call) -> Response:
    return _answer(world, call, CODE, _asked)


@routes.answer("/track/v2.4/register", "POST")
def _register(world: CarrierWorld, call: Call) -> Response:
    return _answer(world, call, REGISTER, _registered)


@routes.answer("/track/v2.4/retrack", "POST")
def _retrack(world: CarrierWorld, call: Call) -> Response:
    return _answer(
        world,
        call,
        RETRACK,
        lambda _, number, failure: _rejection(number, -18019905) if failure else {"number": number},
    )


def _answer(
    world: CarrierWorld,
    call: Call,
    name: str,
    judge: Callable[[CarrierWorld, str, Failure | None], Verdict],
) -> Response:
    numbers = [item["number"] for item in call.json()]
    failure = world.begin(name, numbers)
    if call.headers.get("17token") != world.key:
        failure = Failure.BAD_KEY
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    verdicts = [judge(world, number, failure) for number in chosen(numbers, failure, STRANGER)]
    accepted = [verdict for verdict in verdicts if "error" not in verdict]
    rejected = [verdict for verdict in verdicts if "error" in verdict]
    return JSONResponse({"code": 0, "data": {"accepted": accepted, "rejected": rejected}})


def _rejection(number: str, code: int) -> Verdict:
    return {"number": number, "error": {"code": code, "message": "no"}}


def _asked(world: CarrierWorld, number: str, failure: Failure | None) -> Verdict:
    if failure is Failure.STRANGER:
        return _accepted(None, number)
    if number not in world.registered[CODE] or failure is Failure.UNKNOWN:
        return _rejection(number, -18019902)
    return world.render(number, _accepted)


def _registered(world: CarrierWorld, number: str, failure: Failure | None) -> Verdict:
    if failure is Failure.UNKNOWN:
        return _rejection(number, -18019903)
    if failure is Failure.SPENT:
        return _rejection(number, -18019908)
    if len(number) < 5:
        return _rejection(number, -18010012)
    fresh = world.register(CODE, number)
    return {"number": number, "origin": 1} if fresh else _rejection(number, -18019901)


def _whole(status: int, code: int) -> Response:
    return JSONResponse({"code": code, "data": {"errors": [{"code": code}]}}, status)


_FAILURES: dict[Failure, Replacement] = {
    Failure.QUOTA: lambda world: too_many(world, {"code": 429, "data": {"errors": []}}),
    Failure.REFUSAL: lambda _: _whole(200, -18010003),
    Failure.BAD_KEY: lambda _: _whole(401, -18010002),
    Failure.BAD_REQUEST: lambda _: _whole(200, -18010013),
}


def _accepted(parcel: SandboxParcel | None, number: str) -> Verdict:
    events = [
        {
            "time_iso": scan.at.isoformat(),
            "time_utc": scan.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "description": scan.text,
            "location": scan.place,
            "stage": scan.code or None,
        }
        for scan in reversed(parcel.scans[CODE] if parcel else [])
    ]
    info: dict[str, Any]
    if parcel is None or not events:
        status = {"status": "NotFound", "sub_status": "NotFound_Other"}
        # Nobody could read the carrier yet, and it says why in words of its own.
        tips = {"provider_tips": parcel.notice} if parcel and parcel.notice else {}
        info = {"latest_status": status, "tracking": {"providers": []}, **tips}
    else:
        stage = events[0]["stage"] or "InTransit_Other"
        until = parcel.estimate.isoformat() if parcel.estimate else None
        info = {
            "shipping_info": {"recipient_address": {"city": "LYON", "street": "1 rue Exemple"}},
            "latest_status": {"status": stage.partition("_")[0], "sub_status": stage},
            "time_metrics": {"estimated_delivery_date": {"from": until, "to": until}},
            "misc_info": {"local_number": parcel.local_number or "", "local_key": 0},
            "tracking": {"providers": [{"provider": {"key": 190271}, "events": events}]},
        }
    return {"number": number, "carrier": 190271, "track_info": info}
