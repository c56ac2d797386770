"""The pages: unsubscribe, timeline, preferences, health. GET shows, POST acts."""

import math
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from anyio import CapacityLimiter, to_thread
from jinja2 import Environment
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailtrack.errors import MailtrackError
from mailtrack.notify.french import local_day
from mailtrack.notify.links import BadLink
from mailtrack.notify.render import make_environment, templates_dir
from mailtrack.runtime.services import Services
from mailtrack.settings import WebSettings
from mailtrack.web import calendar_feed, health, hooks, metrics
from mailtrack.web.admin import ADMIN
from mailtrack.web.calendar_feed import CalendarFeed
from mailtrack.web.channels import ChannelPages
from mailtrack.web.description import describe
from mailtrack.web.forms import read_body, read_form
from mailtrack.web.headers import KEPT_TO_ITSELF, page_headers
from mailtrack.web.invitations import EndedInvitationError, Invitations
from mailtrack.web.limits import (
    CHANNELS_EACH,
    CHANNELS_TOGETHER,
    FILES_EACH,
    FILES_TOGETHER,
    Limiter,
    Shares,
    asker,
)
from mailtrack.web.lookup import Lookup
from mailtrack.web.own_data import OwnData
from mailtrack.web.pages.buttons import Action
from mailtrack.web.pages.channels import ChannelAction
from mailtrack.web.pages.lookup import BusyPage
from mailtrack.web.pages.own_data import DataState
from mailtrack.web.pages.page import Page, draw
from mailtrack.web.pages.site import (
    AwayPage,
    BadLinkPage,
    HelpPage,
    HomePage,
    LegalPage,
    PrivacyPage,
    Publisher,
)
from mailtrack.web.parcel_list import ListAddress
from mailtrack.web.proof_words import Language
from mailtrack.web.proofs import Proofs
from mailtrack.web.questions import ExpiredQuestionError, Questions
from mailtrack.web.service import GoneError, PageService
from mailtrack.web.typed_number import TypedNumber

#: What a mail program posts for a click on its own button (RFC 8058, 3.2).
ONE_CLICK = "One-Click"

#: How errors are answered, by their classes.
Handlers: TypeAlias = Mapping[Any, Callable[[Request, Exception], Response]]

#: Pages for the operator alone, which a proxy hides by their addresses.
FOR_THE_OPERATOR = frozenset({"/metrics", "/readyz"})

_AS_FILE = {"Content-Disposition": 'attachment; filename="mes-donnees.json"'}
_AS_PDF: Mapping[Language, Mapping[str, str]] = {
    Language.FRENCH: {"Content-Disposition": 'inline; filename="dossier.pdf"'},
    Language.ENGLISH: {"Content-Disposition": 'inline; filename="record.pdf"'},
}
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
    pages = Pages(
        make_environment(templates_dir()),
        PageService(services),
        OwnData(services),
        Questions(services),
        Invitations(services),
        TypedNumber(services),
        Lookup(services),
        Proofs(services),
        CalendarFeed(services),
        ChannelPages(services),
        services,
        Limiter() if limiter is None else limiter,
        Limiter(FILES_EACH, FILES_TOGETHER),
        Limiter(CHANNELS_EACH, CHANNELS_TOGETHER),
        CapacityLimiter(1),
        monotonic,
    )
    routes = _routes(pages, services.settings.web)
    if not services.settings.admin.is_apart:
        routes += _admin_routes(services, monotonic)
    handlers: Handlers = {
        BadLink: pages.bad_link,
        GoneError: pages.gone,
        HTTPException: pages.bad_link,  # no such page, or it cannot do that
        ClientDisconnect: lambda *_: Response(status_code=400),  # nobody reads it
        MailtrackError: pages.away,  # the store is away, or not what it should be
        Exception: pages.away,
    }
    return _application(services, routes, handlers)


def _routes(pages: "Pages", web: WebSettings) -> list[BaseRoute]:
    """Return the addresses of the pages; those for the operator alone where they are wanted."""
    routes: list[BaseRoute] = [
        Route("/", pages.home),
        Route("/d/{token}", pages.stop, methods=["GET", "POST"]),
        Route("/c/{token}", pages.timeline, methods=["GET", "POST"]),
        Route("/l/{token}", pages.proof),
        Route("/l/{token}/pdf", pages.proof_file),
        Route("/k/{token}", pages.calendar),
        Route("/o/{token}", pages.channels, methods=["GET", "POST"]),
        Route("/n/{token}", pages.prove_channel, methods=["GET", "POST"]),
        Route("/p/{token}", pages.preferences, methods=["GET", "POST"]),
        Route("/a/{token}", pages.confirm, methods=["GET", "POST"]),
        Route("/f/{token}", pages.follow, methods=["GET", "POST"]),
        Route("/i/{token}", pages.invitation, methods=["GET", "POST"]),
        Route("/m/{token}", pages.own_data, methods=["GET", "POST"]),
        Route("/hooks/{carrier}", pages.hook, methods=["POST"]),
        Route("/suivi", pages.look_up),
        Route("/aide", pages.help),
        Route("/mentions-legales", pages.legal),
        Route("/confidentialite", pages.privacy),
        Route("/openapi.json", lambda _: JSONResponse(describe())),
        Route("/healthz", lambda _: PlainTextResponse("ok\n")),
        Route("/robots.txt", lambda _: PlainTextResponse(_NO_ROBOTS)),
        Route("/favicon.ico", lambda _: Response(status_code=204, headers=_NO_PICTURE)),
    ]
    if web.ready:
        routes.append(Route("/readyz", pages.ready))
    if web.metrics:
        routes.append(Route("/metrics", pages.metrics))
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


def _application(services: Services, routes: Sequence[BaseRoute], handlers: Handlers) -> Starlette:
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(_KeptToItself),
            Middleware(_Paths),
            Middleware(_FairShares, Shares(services.settings.web.trusted_proxies)),
        ],
        exception_handlers=handlers,
    )
    app.router.redirect_slashes = False
    return app


@dataclass(frozen=True, slots=True)
class _Paths:
    """Serves an address with a slash at its end as the one without, but for the operator's.

    A redirect would name the scheme between the proxy and us, and RFC 8058 forbids it. What
    a proxy hides is served under the exact bytes of its address alone: a rule for `/metrics`
    lets `/metrics/` and `/%6detrics` pass.
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            as_sent = scope.get("raw_path", path.encode()).decode("latin-1")
            if path.startswith(("http://", "https://")):  # allowed by RFC 9112, 3.2.2
                path = "/" + path.partition("://")[2].partition("/")[2]
            path = path.rstrip("/") or "/"
            scope["path"] = as_sent if _is_for_the_operator(path) else path
        await self.app(scope, receive, send)


def _is_for_the_operator(path: str) -> bool:
    return path in FOR_THE_OPERATOR or path == ADMIN or path.startswith(f"{ADMIN}/")


@dataclass(frozen=True, slots=True)
class _KeptToItself:
    """Says with every answer what its page does not say otherwise."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in KEPT_TO_ITSELF.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_on)


@dataclass(frozen=True, slots=True)
class _FairShares:
    """Lets one visitor have so many requests under way, also through a proxy, and no more."""

    app: ASGIApp
    shares: Shares

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        client = scope["client"][0] if scope.get("client") else None
        if not self.shares.take(client):
            await Response(status_code=429, headers={"Retry-After": "10"})(scope, receive, send)
            return
        try:
            await self.app(scope, receive, send)
        finally:
            self.shares.give_back(client)


@dataclass(frozen=True, slots=True)
class Pages:
    """One method per page; each is a few lines, the service does the work."""

    environment: Environment
    service: PageService
    data: OwnData
    questions: Questions
    invitations: Invitations
    typed: TypedNumber
    lookup: Lookup
    proofs: Proofs
    calendars: CalendarFeed
    channel_pages: ChannelPages
    services: Services
    limiter: Limiter
    #: Counts who asks for files; one is written at a time.
    files: Limiter
    #: Counts who adds channels.
    additions: Limiter
    writing: CapacityLimiter
    monotonic: Callable[[], float]

    def home(self, _request: Request) -> Response:
        return self._draw(HomePage(self.service.forward_to))

    async def stop(self, request: Request) -> Response:
        token = request.path_params["token"]
        if request.method != "POST":
            return await self._off_loop(self.service.ask_to_stop, token)
        form = await read_form(request)
        if form.get("List-Unsubscribe") == ONE_CLICK:
            return await self._off_loop(self.service.stop, token)
        resume = form.get("do") == Action.RESUME
        return await self._off_loop(self.service.resume if resume else self.service.stop, token)

    async def timeline(self, request: Request) -> Response:
        token = request.path_params["token"]
        if request.method != "POST":
            return await self._off_loop(self.service.timeline, token)
        form = await read_form(request)
        if form.get("do") == Action.PROVE:
            # To an address that may be passed on; this one opens all that is its reader's.
            return RedirectResponse(await run_in_threadpool(self.proofs.make, token), 303)
        return await self._off_loop(lambda t: self.service.change_one(t, form), token)

    def proof(self, request: Request) -> Response:
        page = self.proofs.page(request.path_params["token"], _language(request))
        return self._draw(page)

    async def proof_file(self, request: Request) -> Response:
        token, language = request.path_params["token"], _language(request)
        busy = self._busy(self.files, request)
        if busy is not None:
            return busy
        written = await to_thread.run_sync(self.proofs.pdf, token, language, limiter=self.writing)
        return Response(written, media_type="application/pdf", headers=_AS_PDF[language])

    def calendar(self, request: Request) -> Response:
        shown = self.calendars.show(request.path_params["token"])
        if shown.is_known(request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=shown.headers)
        return Response(shown.content, headers=shown.headers, media_type=calendar_feed.MEDIA_TYPE)

    async def channels(self, request: Request) -> Response:
        token = request.path_params["token"]
        if request.method != "POST":
            return await self._off_loop(self.channel_pages.show, token)
        form = await read_form(request)
        adds = form.get("do") == ChannelAction.ADD
        busy = self._busy(self.additions, request) if adds else None
        return busy or await self._off_loop(lambda t: self.channel_pages.change(t, form), token)

    async def prove_channel(self, request: Request) -> Response:
        token, pages = request.path_params["token"], self.channel_pages
        agrees = request.method == "POST" and (await read_form(request)).get("do")
        is_asked = agrees == ChannelAction.PROVE
        return await self._off_loop(pages.prove if is_asked else pages.ask, token)

    async def preferences(self, request: Request) -> Response:
        token, asked = request.path_params["token"], ListAddress.read(request.query_params)
        if request.method != "POST":
            return await self._off_loop(lambda t: self.service.preferences(t, asked), token)
        form = await read_form(request)
        if form.get("do") == Action.ADD:
            return self._busy(self.limiter, request) or await self._add(token, form, asked)
        return await self._off_loop(lambda t: self.service.change(t, form, asked), token)

    async def _add(self, token: str, form: Mapping[str, str], asked: ListAddress) -> Response:
        """Follow a number that was typed, or lead to the page that asks about it."""
        number = form.get("number", "")
        typed = await run_in_threadpool(self.typed.follow, token, number)
        if typed.question:
            return RedirectResponse(typed.question, 303)
        return await self._off_loop(
            lambda t: self.service.preferences(t, asked, typed.saved), token
        )

    async def confirm(self, request: Request) -> Response:
        token = request.path_params["token"]
        if request.method != "POST":
            return await self._off_loop(self.data.ask_to_confirm, token)
        form = await read_form(request)
        return await self._off_loop(lambda t: self.data.confirm(t, form), token)

    async def follow(self, request: Request) -> Response:
        token = request.path_params["token"]
        if request.method != "POST":
            return await self._off_loop(self.questions.ask, token)
        agrees = (await read_form(request)).get("do") == Action.FOLLOW
        return await self._off_loop(self.questions.follow if agrees else self.questions.ask, token)

    async def invitation(self, request: Request) -> Response:
        token = request.path_params["token"]
        if request.method != "POST":
            return await self._off_loop(self.invitations.ask, token)
        form = await read_form(request)
        one_click = form.get("List-Unsubscribe") == ONE_CLICK
        return await self._off_loop(
            lambda t: self.invitations.answer(t, form, one_click=one_click), token
        )

    async def own_data(self, request: Request) -> Response:
        token = request.path_params["token"]
        if request.method != "POST":
            return await self._off_loop(self.data.show, token)
        match (await read_form(request)).get("do"):
            case Action.EXPORT:
                kept = await run_in_threadpool(self.data.export, token)
                return JSONResponse(kept, headers=_AS_FILE)
            case Action.ERASE:
                return await self._off_loop(lambda t: self.data.show(t, DataState.CONFIRM), token)
            case Action.ERASE_FOR_GOOD:
                return await self._off_loop(self.data.erase, token)
        return await self._off_loop(self.data.show, token)

    async def hook(self, request: Request) -> Response:
        body = await read_body(request, hooks.MOST_PUSH_BYTES)
        if body is None:
            return Response(status_code=413)
        carrier = request.path_params["carrier"]
        status = await run_in_threadpool(
            hooks.take_in, self.services, carrier, body, request.headers
        )
        return Response(status_code=status)

    async def look_up(self, request: Request) -> Response:
        number = request.query_params.get("number", "")
        busy = self._busy(self.limiter, request) if number else None
        return busy or await self._off_loop(self.lookup.page, number)

    def help(self, _request: Request) -> Response:
        today = local_day(self.services.clock.now())
        return self._draw(HelpPage(self.service.forward_to, today))

    def legal(self, _request: Request) -> Response:
        return self._draw(LegalPage(self._publisher()))

    def privacy(self, _request: Request) -> Response:
        keep = self.services.settings.keep
        page = PrivacyPage(
            self._publisher(),
            self.service.forward_to,
            keep.raw_mail_days,
            keep.parcel_days,
            channels=bool(self.services.channel_kinds),
        )
        return self._draw(page)

    def _publisher(self) -> Publisher:
        return Publisher(**self.services.settings.publisher.model_dump())

    def ready(self, _request: Request) -> Response:
        wrong = health.what_is_wrong(self.services)
        return JSONResponse({"ready": not wrong, "wrong": wrong}, 503 if wrong else 200)

    def metrics(self, _request: Request) -> Response:
        return Response(metrics.render(self.services), media_type=CONTENT_TYPE_LATEST)

    def bad_link(self, _request: Request, error: Exception) -> Response:
        said = error if isinstance(error, HTTPException) else HTTPException(404)
        return self._draw(
            BadLinkPage(self.service.forward_to), said.status_code, said.headers or {}
        )

    def gone(self, _request: Request, error: Exception) -> Response:
        question = isinstance(error, ExpiredQuestionError)
        invitation = isinstance(error, EndedInvitationError)
        page = BadLinkPage(
            self.service.forward_to, gone=True, question=question, invitation=invitation
        )
        return self._draw(page, status=410)

    def away(self, _request: Request, error: Exception) -> Response:
        """Draw what needs no store; what nobody expected goes on to the log."""
        status = 503 if isinstance(error, MailtrackError) else 500
        return self._draw(AwayPage(self.service.forward_to), status, {"Retry-After": "120"})

    def _busy(self, limiter: Limiter, request: Request) -> Response | None:
        """Count who asks; answer in place of the page where it is too often."""
        client = request.client.host if request.client else None
        wait_s = limiter.wait_s(asker(client), self.monotonic())
        if not wait_s:
            return None
        page = BusyPage(
            self.service.forward_to, math.ceil(wait_s), file=limiter is not self.limiter
        )
        return self._draw(page, status=429, more={"Retry-After": str(page.wait_s)})

    async def _off_loop(self, work: Callable[[str], Page], token: str) -> Response:
        return self._draw(await run_in_threadpool(work, token))

    def _draw(
        self, page: Page, status: int = 200, more: Mapping[str, str] = MappingProxyType({})
    ) -> Response:
        """Answer with a page that keeps to itself: nothing is fetched, framed, cached, referred."""
        nonce = secrets.token_urlsafe(12)
        headers = {**page_headers(nonce), **more}
        return HTMLResponse(draw(self.environment, page, nonce), status, headers=headers)


def _language(request: Request) -> Language:
    asked = request.query_params.get("langue")
    return Language.ENGLISH if asked == Language.ENGLISH else Language.FRENCH
