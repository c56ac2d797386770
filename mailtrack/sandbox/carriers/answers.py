"""What the sandbox's carriers share: requests read to their end, and the usual failures."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mailtrack.sandbox.carriers.world import CarrierWorld, Failure

Replacement = Callable[[CarrierWorld], Response]


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read to its end; header names are in lower case."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def route(
    path: str,
    answer: Callable[[CarrierWorld, Call], Response],
    world: CarrierWorld,
    method: str = "GET",
) -> Route:
    """Return a route whose answer is made in a thread, so that it may wait."""

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        call = Call(request.path_params, request.query_params, request.headers, body)
        return await run_in_threadpool(answer, world, call)

    return Route(path, endpoint, methods=[method])


def spoiled(
    world: CarrierWorld,
    failure: Failure | None,
    own: Mapping[Failure, Replacement],
) -> Response | None:
    """Return the answer that a failure replaces; None where the data is answered.

    `own` are the failures that a carrier words in its own way.
    """
    if failure is None:
        return None
    if failure is Failure.HANG:
        world.hang()
        return None
    if failure is Failure.QUOTA_BARE:
        return _without_a_time((own.get(Failure.QUOTA) or _USUAL[Failure.QUOTA])(world))
    made = own.get(failure) or _USUAL.get(failure)
    return made(world) if made else None


def _without_a_time(refusal: Response) -> Response:
    del refusal.headers["retry-after"]
    return refusal


def chosen(numbers: Sequence[str], failure: Failure | None, stranger: str) -> Sequence[str]:
    """Return the numbers that are answered; `stranger` is another customer's parcel."""
    if failure is Failure.MISSING:
        return numbers[:-1]
    return [stranger] if failure is Failure.STRANGER else numbers


def too_many(world: CarrierWorld, body: Any, *, as_date: bool = False) -> Response:
    """Answer 429 with `body` and a Retry-After in seconds or as an HTTP date."""
    until = datetime.now(UTC) + timedelta(seconds=world.retry_after_s)
    retry_after = format_datetime(until, usegmt=True) if as_date else str(world.retry_after_s)
    return JSONResponse(body, 429, {"Retry-After": retry_after})


_TOO_MANY = {"code": "TOO_MANY_REQUESTS", "message": "max quota reached (10 calls per 1s)"}
_USUAL: dict[Failure, Replacement] = {
    Failure.QUOTA: lambda world: too_many(world, _TOO_MANY),
    Failure.QUOTA_DATE: lambda world: too_many(world, _TOO_MANY, as_date=True),
    Failure.OUTAGE: lambda _: Response("Internal Server Error", 500),
    Failure.REFUSAL: lambda _: Response("Service Unavailable", 503),
    Failure.GARBAGE: lambda _: Response(b'{"module":[{"mailNo":"LP', media_type="text/json"),
    Failure.BAD_KEY: lambda _: JSONResponse(
        {"code": "UNAUTHORIZED", "message": "This action requires an authorization"}, 401
    ),
    Failure.BAD_REQUEST: lambda _: Response("Bad Request", 400),
}
