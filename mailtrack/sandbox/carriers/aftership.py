"""AfterShip Tracking 2026-07 on loopback: creation, listing, customers in every answer."""

import base64
import hmac
import json
from typing import Any
from zoneinfo import ZoneInfo

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

CODE = "aftership"
STRANGER = "ZZ999999999ZZ"
CREATE = f"{CODE}.create"
_PATH = "/tracking/2026-07/trackings"
_PARIS = ZoneInfo("Europe/Paris")


routes = CarrierRoutes()


def push(world: CarrierWorld, number: str) -> tuple[bytes, str]:
    """Return the body of a push and its signature."""
    told = {"event": "tracking_update", "msg": world.render(number, _tracking)}
    body = json.dumps(told, ensure_ascii=False).encode()
    signed = hmac.digest(world.webhook_secret.encode(), body, "sha256")
    return body, base64.b64encode(signed).decode()


@routes.answer(_PATH)
def _list(world: CarrierWorld, call: Call) -> Response:
    numbers = call.query.get("tracking_numbers", "").split(",")
    failure = world.begin(CODE, numbers)
    if call.headers.get("as-api-key") != world.key:
        failure = Failure.BAD_KEY
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    known = world.registered[CODE] | {STRANGER}
    trackings = [
        world.render(number, _tracking)
        for number in chosen(numbers, failure, STRANGER)
        if number in known and failure is not Failure.UNKNOWN
    ]
    return JSONResponse({"meta": {"code": 200}, "data": {"trackings": trackings}})


@routes.answer(_PATH, "POST")
def _create(world: CarrierWorld, call: Call) -> Response:
    number = call.json()["tracking_number"]
    made = spoiled(world, world.begin(CREATE, [number]), _FAILURES)
    if made:
        return made
    if len(number) < 5:
        return _meta(400, 4005)
    if not world.register(CODE, number):
        return _meta(400, 4003)
    new = {"tracking_number": number, "tag": "Pending", "checkpoints": []}
    return JSONResponse({"meta": {"code": 201}, "data": new}, 201)


def _meta(status: int, code: int) -> Response:
    return JSONResponse({"meta": {"code": code, "message": "no"}, "data": {}}, status)


_TOO_MANY = {"meta": {"code": 429}, "data": {}}
_FAILURES: dict[Failure, Replacement] = {
    Failure.QUOTA: lambda world: too_many(world, _TOO_MANY, reset="X-RateLimit-Reset"),
    Failure.BAD_KEY: lambda _: _meta(401, 401),
    Failure.BAD_REQUEST: lambda _: _meta(400, 400),
}


def _tracking(parcel: SandboxParcel | None, number: str) -> dict[str, Any]:
    # Oldest first.
    checkpoints = [
        {
            "slug": "cainiao",
            "checkpoint_time": scan.at.astimezone(_PARIS).isoformat(),
            "message": scan.text,
            "location": scan.place,
            "tag": scan.code.partition("_")[0],
            "subtag": scan.code,
            "hash": f"{place:032x}",
        }
        for place, scan in enumerate(parcel.scans[CODE] if parcel else [])
    ]
    tracking: dict[str, Any] = {
        "tracking_number": number,
        "slug": "cainiao",
        "tag": checkpoints[-1]["tag"] if checkpoints else "Pending",
        "customers": [{"name": "JEANNE EXEMPLE", "email": "jeanne@example.org"}],
        "signed_by": "JEANNE EXEMPLE",
        "checkpoints": checkpoints,
    }
    if parcel and parcel.local_number:
        tracking["last_mile"] = {"tracking_number": parcel.local_number, "slug": "la-poste"}
    if parcel and parcel.estimate:
        day = {"datetime": parcel.estimate.astimezone(_PARIS).isoformat()}
        tracking["latest_estimated_delivery"] = day
    if parcel and parcel.pickup_point:
        tracking |= {"delivery_type": "pickup_at_store", "pickup_location": parcel.pickup_point}
    return tracking
