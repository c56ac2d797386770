"""The web application: which address is which page. GET shows, POST acts."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from mailtrack.errors import MailtrackError
from mailtrack.notify.links import BadLink
from mailtrack.runtime.services import Services
from mailtrack.settings import WebSettings
from mailtrack.web.admin import ADMIN
from mailtrack.web.description import describe
from mailtrack.web.handlers import Handlers
from mailtrack.web.limits import Limiter, Shares
from mailtrack.web.middleware import DefaultHeaders, FairShares, SlashlessPaths
from mailtrack.web.service import GoneError

#: How errors are answered, by their classes.
ErrorHandlers: TypeAlias = Mapping[Any, Callable[[Request, Exception], Response]]

#: Browsers ask for a picture of their own accord; they need not ask again for a day.
_NO_PICTURE = {"Cache-Control": "public, max-age=86400"}
#: Google's calendar obeys them, too, and fetches what its reader gave it the link of.
_NO_ROBOTS = "User-agent: *\nAllow: /k/\nDisallow: /\n"


def make_app(
    services: Services,
    limiter: Limiter | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Starlette:
    """Return the web application; `limiter` counts look-ups by the seconds of `monotonic`."""
    handlers = Handlers.of(services, Limiter() if limiter is None else limiter, monotonic)
    routes = _routes(handlers, services.settings.web)
    if not services.settings.admin.is_apart:
        routes += _admin_routes(services, monotonic)
    error_handlers: ErrorHandlers = {
        BadLink: handlers.bad_link,
        GoneError: handlers.gone,
        HTTPException: handlers.bad_link,  # no such page, or it cannot do that
        ClientDisconnect: lambda *_: Response(status_code=400),  # nobody reads it
        MailtrackError: handlers.away,  # the store is away, or not what it should be
        Exception: handlers.away,
    }
    return _application(services, routes, error_handlers)


def _routes(handlers: Handlers, web: WebSettings) -> list[BaseRoute]:
    """Return the addresses of the pages; those for the operator alone where they are wanted."""
    routes: list[BaseRoute] = [
        Route("/", handlers.home),
        Route("/d/{token}", handlers.stop, methods=["GET", "POST"]),
        Route("/c/{token}", handlers.timeline, methods=["GET", "POST"]),
        Route("/l/{token}", handlers.proof),
        Route("/l/{token}/pdf", handlers.proof_file),
        Route("/k/{token}", handlers.calendar),
        Route("/o/{token}", handlers.channels, methods=["GET", "POST"]),
        Route("/n/{token}", handlers.prove_channel, methods=["GET", "POST"]),
        Route("/p/{token}", handlers.preferences, methods=["GET", "POST"]),
        Route("/a/{token}", handlers.confirm, methods=["GET", "POST"]),
        Route("/f/{token}", handlers.follow, methods=["GET", "POST"]),
        Route("/i/{token}", handlers.invitation, methods=["GET", "POST"]),
        Route("/m/{token}", handlers.own_data, methods=["GET", "POST"]),
        Route("/hooks/{carrier}", handlers.hook, methods=["POST"]),
        Route("/suivi", handlers.look_up),
        Route("/aide", handlers.help),
        Route("/mentions-legales", handlers.legal),
        Route("/confidentialite", handlers.privacy),
        Route("/openapi.json", lambda _: JSONResponse(describe())),
        Route("/healthz", lambda _: PlainTextResponse("ok\n")),
        Route("/robots.txt", lambda _: PlainTextResponse(_NO_ROBOTS)),
        Route("/favicon.ico", lambda _: Response(status_code=204, headers=_NO_PICTURE)),
    ]
    if web.ready:
        routes.append(Route("/readyz", handlers.ready))
    if web.metrics:
        routes.append(Route("/metrics", handlers.metrics))
    return routes


def make_admin_app(
    services: Services, monotonic: Callable[[], float] = time.monotonic
) -> Starlette:
    """Return the operator's pages alone, for a port of their own."""
    home = Route("/", lambda _: RedirectResponse(ADMIN, 303))
    return _application(services, [home, *_admin_routes(services, monotonic)], {})


def _admin_routes(services: Services, monotonic: Callable[[], float]) -> Sequence[BaseRoute]:
    """Return the operator's pages, whose rooms are loaded where somebody may sign in alone."""
    if not services.settings.admin.is_on:
        return []
    from mailtrack.web.admin.pages import admin_routes

    return admin_routes(services, monotonic)


def _application(
    services: Services, routes: Sequence[BaseRoute], error_handlers: ErrorHandlers
) -> Starlette:
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(DefaultHeaders),
            Middleware(SlashlessPaths),
            Middleware(FairShares, Shares(services.settings.web.trusted_proxies)),
        ],
        exception_handlers=error_handlers,
    )
    app.router.redirect_slashes = False
    return app
