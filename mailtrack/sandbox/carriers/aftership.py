"""AfterShip Tracking 2025-01 on loopback: creation, listing, customers in every answer."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mailtrack.sandbox.carriers.answers import Call, Replacement, chosen, route, spoiled
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel

CODE = "aftership"
STRANGER = "ZZ999999999ZZ"
CREATE = f"{CODE}.create"
_PARIS = ZoneInfo("Europe/Paris")


def routes(world: CarrierWorld) -> list[Route]:
    """Return what AfterShip answers."""
    path = "/tracking/2025-01/trackings"
    return [route(path, _list, world), route(path, _create, world, "POST")]


def _list(world: CarrierWorld, call: Call) -> Response:
    numbers = call.query.get("tracking_numbers", "").split(",")
    failure = world.begin(CODE, numbers)
    if call.headers.get("as-api-key") != world.key:
        failure = Failure.BAD_KEY
    return spoiled(world, failure, _FAILURES) or _page(world, numbers, failure)


def _page(world: CarrierWorld, numbers: Sequence[str], failure: Failure | None) -> Response:
    known = world.registered[CODE] | {STRANGER}
    trackings = [
        world.render(number, _tracking)
        for number in chosen(numbers, failure, STRANGER)
        if number in known and failure is not Failure.UNKNOWN
    ]
    return JSONResponse({"meta": {"code": 200}, "data": {"trackings": trackings}})


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


def _too_many(world: CarrierWorld) -> Response:
    reset = int(datetime.now(UTC).timestamp()) + world.retry_after_s
    headers = {"X-RateLimit-Reset": str(reset), "Retry-After": str(world.retry_after_s)}
    return JSONResponse({"meta": {"code": 429}, "data": {}}, 429, headers)


_FAILURES: dict[Failure, Replacement] = {
    Failure.QUOTA: _too_many,
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
        }
        for scan in (parcel.scans[CODE] if parcel else [])
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
