"""Relais Colis: its tracking form for everybody, filled in as it asks, one number at a time.

The form has a token that belongs to a cookie; both live for one look-up. A parcel's page
lists steps, newest first, each with its events; the relay and the addressee share one box,
which is not read.
"""

import re
from typing import ClassVar

from selectolax.lexbor import LexborHTMLParser

from mailtrack.carriers import keyless
from mailtrack.carriers.base import Budget, Declaration, OneByOne
from mailtrack.carriers.history import Scan, poll_result, read_history
from mailtrack.carriers.pages import PAGES
from mailtrack.carriers.shape import PARIS, in_zone, wall_time
from mailtrack.carriers.texts import comparable, tidy
from mailtrack.carriers.transport import Answer, Transport, join, out_of_order
from mailtrack.clock import Clock
from mailtrack.domain.model import PollResult, PollState
from mailtrack.domain.numbers import normalise
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="relaiscolis",
    name="Relais Colis",
    url="https://www.relaiscolis.com",
    page=PAGES["relaiscolis"].address,
    batch=1,
    # A look-up is two requests.
    budget=Budget(keyless.BUDGET.per_second / 2, keyless.BUDGET.per_day // 2),
    keyless=True,
)
PATH = "/colis/suivre"
NUMBER = re.compile(r"(?=[A-Z]*\d)[A-Z0-9]{10,16}", re.ASCII)
#: What the form says, comparable, of a number that it does not know, and of a token.
NOTHING = "aucune donnee de suivi pour votre colis"
BAD_TOKEN = "jeton csrf"  # noqa: S105 - a message
TIMES = ("%d-%m-%Y à %Hh%M", "%d/%m/%Y à %H:%M", "%d-%m-%Y à %H:%M", "%d/%m/%Y à %Hh%M")


class RelaisColis(OneByOne):
    """Asks www.relaiscolis.com."""

    declaration: ClassVar[Declaration] = DECLARATION
    form: ClassVar[re.Pattern[str]] = NUMBER

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._base = (settings.url or DECLARATION.url).rstrip("/")
        self._transport = transport
        self._clock = clock

    def _ask(self, number: str) -> PollResult | None:
        """Open the form, send it, and read the page that comes.

        1. A page that names a number is about that parcel.
        2. One that names none is the form again, which says why.
        """
        form = self._transport.get(join(self._base, PATH))
        keyless.raise_for_answer(form, self._clock.now())
        answer = self._send(number, form)
        page = keyless.html_page(answer)
        # 1.
        title = page.css_first(".back-subedtext--sub")
        if title is not None:
            if normalise(title.text()) != number:
                return None
            steps = page.css("li.follow-step")
            if not steps:
                raise keyless.changed(answer)
            return poll_result(number, read_history(DECLARATION.code, _scans(page)))
        # 2.
        said = comparable(" ".join(error.text() for error in page.css(".field-error")))
        if NOTHING in said:
            return PollResult(number, PollState.NOT_FOUND)
        if BAD_TOKEN in said:
            raise out_of_order(f"{answer.host} refused its own form")
        raise keyless.changed(answer)

    def _send(self, number: str, form: Answer) -> Answer:
        """Send the form as a person would, with the token and the cookies that came with it."""
        field = keyless.html_page(form).css_first("#track_package__token")
        token = field.attributes.get("value") if field is not None else None
        if not token:
            raise keyless.changed(form)
        answer = self._transport.post(
            join(self._base, PATH),
            data={
                "track_package[trackingNumber]": number,
                "track_package[searchPackage]": "",
                "track_package[_token]": token,
            },
            headers={
                "Cookie": "; ".join(f"{name}={value}" for name, value in form.cookies.items()),
                "Origin": self._base,
                "Referer": join(self._base, PATH),
            },
        )
        keyless.raise_for_answer(answer, self._clock.now())
        return answer


def _scans(page: LexborHTMLParser) -> list[Scan]:
    """Return the events of a page, oldest first: pairs of a time and a sentence."""
    scans = []
    for box in reversed(page.css("li.follow-step .box")):
        cells = [tidy(cell.text()) for cell in box.css(".follow-step-date")]
        pairs = [*zip(cells[::2], cells[1::2], strict=False)]
        for when, text in reversed(pairs):
            local = in_zone(wall_time(when, *TIMES), PARIS)
            scans.append(Scan(local, text, mark=when))
    return scans
