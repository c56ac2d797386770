"""EMS Cooperative: the express service of the posts, for numbers that begin with E.

One page of HTML an item, oldest scan first, in the local time of each post. Everything
is a 200; the table's id is the only proof that it is about the number asked for.
"""

import re
from typing import ClassVar

from selectolax.lexbor import LexborHTMLParser

from mailtrack.carriers.base import Budget, Declaration, OneByOne
from mailtrack.carriers.history import Scan, read_history
from mailtrack.carriers.shape import wall_time
from mailtrack.carriers.texts import tidy
from mailtrack.carriers.transport import (
    CHALLENGE_S,
    Transport,
    challenged,
    join,
    out_of_order,
    raise_for_status,
)
from mailtrack.clock import Clock
from mailtrack.domain.model import PollResult, PollState
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="ems",
    name="EMS",
    url="https://items.ems.post",
    page="https://items.ems.post/api/publicTracking/track?language=FR&itemId={number}",
    batch=1,
    # Nothing is published.
    budget=Budget(per_second=0.5, per_day=2_000),
)
PATH = "/api/publicTracking/track"
NUMBER = re.compile(r"E[A-Z]\d{9}[A-Z]{2}", re.ASCII)
NO_RESULTS = "There were no results found."
NOT_EMS = "does not denote an EMS item."
CHALLENGES = ("Just a moment", "cf-challenge", "g-recaptcha")
DATES = ("%b %d, %Y, %I:%M %p", "%b %d, %Y %I:%M %p", "%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M")


class Ems(OneByOne):
    """Asks items.ems.post."""

    declaration: ClassVar[Declaration] = DECLARATION
    form: ClassVar[re.Pattern[str]] = NUMBER

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._url = join(settings.url or DECLARATION.url, PATH)
        self._transport = transport
        self._clock = clock

    def _ask(self, number: str) -> PollResult | None:
        """Read a table with a row for each scan, or what a page without it says of the number."""
        answer = self._transport.get(self._url, params={"language": "EN", "itemId": number})
        raise_for_status(answer, self._clock.now(), keyless=True)
        page = LexborHTMLParser(answer.text)
        table = page.css_first(f"#table-{number}")
        said = tidy(page.text() if table is None else table.text())
        if table is None and NOT_EMS in said:
            return PollResult(number, PollState.REJECTED)
        if table is None and page.css_first("[id^=table-]") is not None:
            return None  # it is about another number
        rows = [] if table is None else table.css("tbody tr")
        lines = ([tidy(cell.text()) for cell in row.css("td")] for row in rows)
        scans = [
            Scan(wall_time(cells[0], *DATES), cells[1], place="".join(cells[2:3]), mark=cells[0])
            for cells in lines
            if len(cells) >= 2
        ]
        events = read_history(DECLARATION.code, scans)
        if events:
            return PollResult(number, PollState.FOUND, events)
        if NO_RESULTS in said:
            return PollResult(number, PollState.NOT_FOUND)
        if table is not None:
            raise out_of_order(f"{answer.host} answered a table without scans")
        if any(mark in answer.text for mark in CHALLENGES):
            raise challenged(f"{answer.host} asks for a robot check", CHALLENGE_S)
        raise out_of_order(f"{answer.host} answered a page without a table")
