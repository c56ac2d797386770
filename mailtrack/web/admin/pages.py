"""The operator's pages over HTTP: GET shows, POST acts with a token of the session.

Each shows what commands of `mailtrack.admin` answer; nothing is worked out here.
"""

import math
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from urllib.parse import urlencode

import structlog
from anyio import CapacityLimiter, to_thread
from jinja2 import Environment
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from mailtrack.admin.filters import Filter, owner_of, parcels_with
from mailtrack.admin.table import Table
from mailtrack.errors import MailtrackError
from mailtrack.notify.render import jinja_environment, templates_dir
from mailtrack.runtime.services import Services
from mailtrack.web import health
from mailtrack.web.admin import ADMIN
from mailtrack.web.admin.actions import act, offered
from mailtrack.web.admin.drawing import draw_table
from mailtrack.web.admin.gate import ATTEMPTS_EACH, ATTEMPTS_TOGETHER, Gate
from mailtrack.web.admin.sessions import Session
from mailtrack.web.admin.topics import ROWS, TOPICS, asked
from mailtrack.web.admin.views import ActionResult, SignInPage, TopicPage
from mailtrack.web.forms import read_form
from mailtrack.web.headers import page_headers
from mailtrack.web.limits import Limiter, asker

SIGN_IN, SIGN_OUT, FIND = f"{ADMIN}/sign-in", f"{ADMIN}/sign-out", f"{ADMIN}/find"

log = structlog.get_logger(__name__)


def admin_routes(
    services: Services, monotonic: Callable[[], float] = time.monotonic
) -> Sequence[BaseRoute]:
    """Return the operator's pages; `monotonic` has the seconds that attempts are counted by."""
    pages = AdminPages(
        jinja_environment(templates_dir()),
        services,
        Gate.of(services),
        Limiter(ATTEMPTS_EACH, ATTEMPTS_TOGETHER),
        CapacityLimiter(1),
        monotonic,
    )
    return [
        Route(SIGN_IN, pages.sign_in, methods=["GET", "POST"]),
        Route(SIGN_OUT, pages.sign_out, methods=["POST"]),
        Route(FIND, pages.find, methods=["POST"]),
        *(
            Route(_path(name), partial(pages.topic, name=name), methods=["GET", "POST"])
            for name in TOPICS
        ),
    ]


@dataclass(frozen=True, slots=True)
class AdminPages:
    """One method for each thing that can be asked; the rooms below do the work."""

    environment: Environment
    services: Services
    gate: Gate
    attempts: Limiter
    #: One password is tried at a time: each costs memory and a part of a second.
    trying: CapacityLimiter
    monotonic: Callable[[], float]

    async def sign_in(self, request: Request) -> Response:
        page = SignInPage(self.gate.by_password)
        if request.method != "POST":
            known = self.gate.session(request)
            return RedirectResponse(ADMIN, 303) if known else self._draw("sign_in", page)
        client = request.client.host if request.client else None
        wait_s = math.ceil(self.attempts.wait_s(asker(client), self.monotonic()))
        if wait_s:
            late = SignInPage(self.gate.by_password, f"Too often: try again in {wait_s} s.")
            return self._draw("sign_in", late, 429, {"Retry-After": str(wait_s)})
        password = (await read_form(request)).get("password", "")
        session = await to_thread.run_sync(self.gate.sign_in, password, limiter=self.trying)
        if session is None:
            log.warning("operator not let in", why="wrong password")
            wrong = SignInPage(self.gate.by_password, "This is not the password.")
            return self._draw("sign_in", wrong, 403)
        log.info("operator signed in", operator=session.operator)
        return self.gate.remember(RedirectResponse(ADMIN, 303), session)

    async def sign_out(self, request: Request) -> Response:
        session, form = self.gate.session(request), await read_form(request)
        if session is None or not self._holds_token(session, form):
            return RedirectResponse(ADMIN, 303)
        return self.gate.forget(RedirectResponse(SIGN_IN, 303))

    async def find(self, request: Request) -> Response:
        """Lead to a parcel, or to a person: an address stands in a form, and in no address."""
        session, form = self.gate.session(request), await read_form(request)
        if session is None or not self._holds_token(session, form):
            return RedirectResponse(ADMIN, 303)
        try:
            found = await run_in_threadpool(self._find, form.get("what", "").strip())
        except MailtrackError as error:
            return await self._answer(session, "", Filter(), ActionResult.of(error))
        return RedirectResponse(found, 303)

    async def topic(self, request: Request, name: str) -> Response:
        """Show a topic; a POST does first what its form asks for."""
        session = self.gate.session(request)
        if session is None:
            return RedirectResponse(SIGN_IN, 303)
        result = ActionResult()
        try:
            wanted = asked(request.query_params, self.services.clock.now())
            if request.method == "POST":
                result = await self._act(session, await read_form(request))
        except MailtrackError as error:
            return await self._answer(session, name, Filter(), ActionResult.of(error))
        return await self._answer(session, name, wanted, result)

    async def _act(self, session: Session, form: Mapping[str, str]) -> ActionResult:
        """Do what a form asks for, where it is one of this session."""
        if not self._holds_token(session, form):
            log.warning("operator not let in", why="a form without the token of its session")
            wrong = "This form is of another session, and nothing was done: press again."
            return ActionResult(wrong=wrong, status=403)
        try:
            said = await run_in_threadpool(act, self.services, session.operator, form)
        except MailtrackError as error:
            return ActionResult.of(error)
        return ActionResult(said)

    async def _answer(
        self, session: Session, name: str, wanted: Filter, result: ActionResult
    ) -> Response:
        """Draw a topic, with what became of what was done on it."""
        services, topic, tables = self.services, TOPICS[name], list[Table]()
        try:
            tables += await run_in_threadpool(topic.answer, services, wanted)
        except MailtrackError as error:
            result = result if result.wrong else ActionResult.of(error)
        now = services.clock.now()
        page = TopicPage(
            topics={_path(one): known.name for one, known in TOPICS.items()},
            title=topic.name,
            path=_path(name),
            address=_path(name) + _query(wanted),
            token=self.gate.sessions.form_token(session),
            operator=session.operator,
            asked=wanted,
            states=topic.states,
            rows=ROWS,
            troubles=None if name else await run_in_threadpool(health.what_is_wrong, services),
            tables=[draw_table(table, now) for table in tables],
            forms=offered(name, wanted, services),
            result=result,
        )
        answer = self._draw("topic", page, result.status)
        return self.gate.remember(answer, session)

    def _find(self, what: str) -> str:
        """Return the page of the person with an address, or of the parcel with a number."""
        with self.services.store.read() as connection:
            if "@" in what:
                return f"{_path('people')}?id={owner_of(connection, what)}"
            parcels_with(connection, what)
        return f"{_path('parcels')}?{urlencode({'number': what})}"

    def _holds_token(self, session: Session, form: Mapping[str, str]) -> bool:
        return self.gate.sessions.holds_token(session, form.get("token", ""))

    def _draw(
        self,
        template: str,
        page: SignInPage | TopicPage,
        status: int = 200,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> Response:
        nonce = secrets.token_urlsafe(12)
        drawn = self.environment.get_template(f"web/admin/{template}.html")
        html = drawn.render(page=page, nonce=nonce)
        return HTMLResponse(html, status, headers={**page_headers(nonce), **more})


def _path(name: str) -> str:
    return f"{ADMIN}/{name}" if name else ADMIN


def _query(wanted: Filter) -> str:
    """Return what follows the address of a page that asks for the same."""
    parts = {"id": str(wanted.ids[0]) if wanted.ids else "", "number": wanted.number}
    parts["rows"] = str(wanted.limit) if wanted.limit != ROWS[0] else ""
    parts |= {"state": wanted.state, "since": wanted.since.isoformat() if wanted.since else ""}
    query = urlencode({name: value for name, value in parts.items() if value})
    return f"?{query}" if query else ""
