"""One method for each page: it reads the request, calls its service and draws the answer."""

import math
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from anyio import CapacityLimiter, to_thread
from jinja2 import Environment
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from mailtrack.errors import MailtrackError
from mailtrack.notify.french import local_day
from mailtrack.notify.render import jinja_environment, templates_dir
from mailtrack.runtime.services import Services
from mailtrack.web import calendar_feed, health, hooks, metrics
from mailtrack.web.calendar_feed import CalendarFeed
from mailtrack.web.channels import ChannelPages
from mailtrack.web.forms import read_body, read_form
from mailtrack.web.headers import page_headers
from mailtrack.web.invitations import EndedInvitationError, Invitations
from mailtrack.web.limits import (
    CHANNELS_EACH,
    CHANNELS_TOGETHER,
    FILES_EACH,
    FILES_TOGETHER,
    Limiter,
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
from mailtrack.web.service import PageService
from mailtrack.web.typed_number import TypedNumber

#: What a mail program posts for a click on its own button (RFC 8058, 3.2).
ONE_CLICK = "One-Click"

_AS_FILE = {"Content-Disposition": 'attachment; filename="mes-donnees.json"'}
_AS_PDF: Mapping[Language, Mapping[str, str]] = {
    Language.FRENCH: {"Content-Disposition": 'inline; filename="dossier.pdf"'},
    Language.ENGLISH: {"Content-Disposition": 'inline; filename="record.pdf"'},
}


@dataclass(frozen=True, slots=True)
class Handlers:
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

    @classmethod
    def of(cls, services: Services, limiter: Limiter, monotonic: Callable[[], float]) -> Self:
        """Return the handlers of a service."""
        return cls(
            jinja_environment(templates_dir()),
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
            limiter,
            Limiter(FILES_EACH, FILES_TOGETHER),
            Limiter(CHANNELS_EACH, CHANNELS_TOGETHER),
            CapacityLimiter(1),
            monotonic,
        )

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
        if form.get("do") != Action.ADD:
            return await self._off_loop(lambda t: self.service.change(t, form, asked), token)
        if busy := self._busy(self.limiter, request):
            return busy
        typed = await run_in_threadpool(self.typed.follow, token, form.get("number", ""))
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
