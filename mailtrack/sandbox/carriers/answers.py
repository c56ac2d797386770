"""What the sandbox's carriers share: requests read to their end, and the usual failures."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel

Replacement = Callable[[CarrierWorld], Response]
Form = TypeVar("Form")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read to its end; header names are in lower case."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


Handler = Callable[[CarrierWorld, Call], Response]


class CarrierRoutes:
    """What one carrier answers; called with a world, the routes that speak from it.

    >>> routes = CarrierRoutes()
    >>> @routes.answer("/track/{number}")
    ... def track(world: CarrierWorld, call: Call) -> Response:
    ...     return Response(call.path["number"])
    >>> [route.path for route in routes(CarrierWorld())]
    ['/track/{number}']
    """

    def __init__(self) -> None:
        self._handlers: list[tuple[str, Handler, str]] = []

    def answer(self, path: str, method: str = "GET") -> Callable[[Handler], Handler]:
        """Let the function below answer at a path."""

        def add(handler: Handler) -> Handler:
            self._handlers.append((path, handler, method))
            return handler

        return add

    def __call__(self, world: CarrierWorld) -> list[Route]:
        return [_route(world, *handler) for handler in self._handlers]


def _route(world: CarrierWorld, path: str, handler: Handler, method: str) -> Route:
    """Return a route whose answer is made in a thread, so that it may wait."""

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        call = Call(request.path_params, request.query_params, request.headers, body)
        return await run_in_threadpool(handler, world, call)

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
        refusal = (own.get(Failure.QUOTA) or _USUAL[Failure.QUOTA])(world)
        del refusal.headers["retry-after"]
        return refusal
    made = own.get(failure) or _USUAL.get(failure)
    return made(world) if made else None


def chosen(numbers: Sequence[str], failure: Failure | None, stranger: str) -> Sequence[str]:
    """Return the numbers that are answered; `stranger` is another customer's parcel."""
    if failure is Failure.MISSING:
        return numbers[:-1]
    return [stranger] if failure is Failure.STRANGER else numbers


def forms(
    world: CarrierWorld,
    numbers: Sequence[str],
    failure: Failure | None,
    stranger: str,
    form: Callable[[SandboxParcel | None, str], Form],
) -> list[Form]:
    """Return the numbers that are answered in a carrier's form; of None it is that of unknown."""
    return [
        form(None, number) if failure is Failure.UNKNOWN else world.render(number, form)
        for number in chosen(numbers, failure, stranger)
    ]


def too_many(world: CarrierWorld, body: Any, *, as_date: bool = False, reset: str = "") -> Response:
    """Answer 429 with `body` and a Retry-After in seconds or as an HTTP date.

    `reset` names a header that says the same in seconds since 1970.
    """
    until = datetime.now(UTC) + timedelta(seconds=world.retry_after_s)
    retry_after = format_datetime(until, usegmt=True) if as_date else str(world.retry_after_s)
    also = {reset: str(int(until.timestamp()))} if reset else {}
    return JSONResponse(body, 429, {"Retry-After": retry_after, **also})


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

_CHALLENGE = "<html><head><title>Just a moment...</title></head><body></body></html>"
#: How the services behind carriers' own pages refuse programs.
ROBOT_CHECK: dict[Failure, Replacement] = {
    Failure.CHALLENGE: lambda _: HTMLResponse(_CHALLENGE, 403, {"cf-mitigated": "challenge"}),
    Failure.BAD_KEY: lambda _: HTMLResponse("<html><h1>403 Forbidden</h1></html>", 403),
    Failure.NEW_PAGE: lambda _: HTMLResponse("<html><body><main>Nouveau !</main></body></html>"),
    Failure.MOVED: lambda _: Response("", 302, {"Location": "/maintenance"}),
}
