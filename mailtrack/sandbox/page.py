"""The demo's own page: the mailbox, the mails as subscribers see them, the timelines."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from mailtrack.errors import MailtrackError
from mailtrack.notify.render import jinja_environment, templates_dir
from mailtrack.runtime.services import Services
from mailtrack.sandbox.carriers import serve
from mailtrack.sandbox.director import Director
from mailtrack.store import subscriptions
from mailtrack.store.schema import inbound, parcel, subscriber, subscription


@dataclass(frozen=True, slots=True)
class InboxLine:
    """One mail in the mailbox, with what became of it."""

    subject: str
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class SentLine:
    """One mail that a subscriber got."""

    number: int
    to: str
    subject: str
    day: int


@dataclass(frozen=True, slots=True)
class DemoParcelLine:
    """One parcel of one subscriber."""

    name: str
    number: str
    milestone: str
    timeline: str


class DemoPage:
    """Draws the page from the store and the mails that arrived."""

    def __init__(self, services: Services, director: Director) -> None:
        self._services = services
        self._director = director
        self._environment = jinja_environment(templates_dir())

    def index(self, _request: Request) -> Response:
        query = select(inbound.c.subject, inbound.c.outcome, inbound.c.reason)
        shown: dict[str, Any] = {}
        # The service may not have made its database yet.
        with suppress(MailtrackError), self._services.store.read() as connection:
            mails = connection.execute(query.order_by(inbound.c.id.desc())).all()
            shown = {
                "inbox": [
                    InboxLine(r.subject or "…", r.outcome or "waiting", r.reason) for r in mails
                ],
                "parcels": self._parcels(connection),
            }
        start = self._director.started_at
        sent = [
            SentLine(i, a.address, str(a.mail.message["Subject"]), (a.mail.at - start).days)
            for i, a in enumerate(self._director.arrived())
        ]
        html = self._environment.get_template("demo/index.html").render(
            sent=sent[::-1], over=self._director.over, **shown
        )
        return HTMLResponse(html)

    def mail(self, request: Request) -> Response:
        """Show one mail as its HTML part draws it, sealed off from everything."""
        arrived = list(self._director.arrived())
        number = request.path_params["number"]
        if number >= len(arrived):
            return HTMLResponse("", 404)
        part = arrived[number].mail.message.get_body(("html",))
        return HTMLResponse(
            part.get_content() if part else "",
            headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
        )

    def _parcels(self, connection: Connection) -> list[DemoParcelLine]:
        query = (
            select(
                subscription,
                subscriber.c.address,
                subscriber.c.key.label("reader"),
                parcel.c.number,
            )
            .join(parcel, parcel.c.id == subscription.c.parcel_id)
            .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
            .order_by(subscription.c.id)
        )
        lines = []
        for row in connection.execute(query).all():
            mine = subscriptions.subscription_from(row)
            name = mine.items[0] if mine.items else row.address
            links = self._services.links.for_reader(row.reader, mine.key)
            lines.append(
                DemoParcelLine(name, row.number, row.milestone or "", links.timeline or "")
            )
        return lines


@contextmanager
def demo_page(services: Services, director: Director, port: int) -> Iterator[str]:
    """Serve the page while the block runs; gives its address."""
    page = DemoPage(services, director)
    app = Starlette(routes=[Route("/", page.index), Route("/mail/{number:int}", page.mail)])
    with serve(app, port) as address:
        yield address
