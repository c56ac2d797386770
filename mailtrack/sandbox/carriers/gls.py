"""GLS Track And Trace v1 on loopback: a verdict for each number inside a 200."""

from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import JSONResponse, Response

from mailtrack.sandbox.carriers.answers import (
    Call,
    CarrierRoutes,
    Replacement,
    forms,
    spoiled,
    too_many,
)
from mailtrack.sandbox.carriers.oauth import is_admitted, offer_tokens
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel

CODE = "gls"
STRANGER = "99999999999"
#: How many numbers a request may hold.
MOST = 10
_PARIS = ZoneInfo("Europe/Paris")


routes = CarrierRoutes()
offer_tokens(routes, CODE, "/oauth2/v1/token")


@routes.answer("/track-and-trace-v1/tracking/simple/trackids/{ids}")
def _trackids(world: CarrierWorld, call: Call) -> Response:
    numbers = call.path["ids"].split(",")
    failure = world.begin(CODE, numbers)
    if not is_admitted(world, call):
        return _fault(401, "steps.jwt.TokenExpired")
    if len(numbers) > MOST:
        failure = Failure.BAD_REQUEST
    made = spoiled(world, failure, _FAILURES)
    return made or JSONResponse({"parcels": forms(world, numbers, failure, STRANGER, _parcel)})


def _fault(status: int, code: str) -> Response:
    return JSONResponse({"fault": {"faultstring": code, "detail": {"errorcode": code}}}, status)


_QUOTA = {"fault": {"detail": {"errorcode": "policies.ratelimit.QuotaViolation"}}}
_FAILURES: dict[Failure, Replacement] = {
    Failure.QUOTA: lambda world: too_many(world, _QUOTA),
    Failure.BAD_KEY: lambda _: _fault(403, "steps.oauth.v2.InvalidApiKey"),
}


def _parcel(parcel: SandboxParcel | None, number: str) -> dict[str, Any]:
    events = [
        {
            "code": scan.code,
            "city": scan.place,
            "postalCode": "",
            "country": "FR",
            "description": scan.text,
            # The offset without its colon.
            "eventDateTime": scan.at.astimezone(_PARIS).strftime("%Y-%m-%dT%H:%M:%S%z"),
        }
        for scan in reversed(parcel.scans[CODE] if parcel else [])
    ]
    if not events:
        error = {"errorCode": "E_404_01", "errorMessage": "Resource Not Found"}
        return {"requested": number, **error}
    return {
        "requested": number,
        "unitno": number,
        "status": "INTRANSIT",
        "statusDateTime": events[0]["eventDateTime"],
        "events": events,
    }
