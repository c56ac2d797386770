"""Ciblex: the page of its extranet that is open to addressees, one number a request.

It says UTF-8 in its header, and it is, whatever its own text says. A place is free text
that may be somebody's address: only a town with its department is read. An unknown number
is an error or an empty table, which is never sure.
"""

import re
from typing import ClassVar

from mailtrack.carriers import keyless
from mailtrack.carriers.base import Declaration, OneByOne
from mailtrack.carriers.history import Scan, poll_result, read_history
from mailtrack.carriers.pages import PAGES
from mailtrack.carriers.shape import PARIS, in_zone, wall_time
from mailtrack.carriers.texts import comparable, tidy
from mailtrack.carriers.transport import Transport, join
from mailtrack.clock import Clock
from mailtrack.domain.model import PollResult, PollState
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="ciblex",
    name="Ciblex",
    url="https://secure.extranet.ciblex.fr",
    page=PAGES["ciblex"].address,
    batch=1,
    budget=keyless.BUDGET,
    keyless=True,
)
PATH = "/extranet/client/corps.php"
#: Other carriers have numbers of this form, too.
NUMBER = re.compile(r"\d{14}|\d{24}", re.ASCII)
#: Statuses without a word on the number.
SILENT = frozenset({302, 404})
BANNER = re.compile(r"SUIVI COLIS\s*:\s*(\d+)")
#: The head of the table, comparable.
COLUMNS = ("date", "heure livraison", "action", "lieu")
#: A town and its department, twice: "BORDEAUX 33 (33)".
TOWN = re.compile(r"([A-ZÀ-Ý][A-ZÀ-Ý' -]*?) (\d{2,3}|2[AB]) \(\2\)")
TIMES = ("%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S")


class Ciblex(OneByOne):
    """Asks secure.extranet.ciblex.fr."""

    declaration: ClassVar[Declaration] = DECLARATION
    form: ClassVar[re.Pattern[str]] = NUMBER

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._url = join(settings.url or DECLARATION.url, PATH)
        self._transport = transport
        self._clock = clock

    def _ask(self, number: str) -> PollResult | None:
        answer = self._transport.get(self._url, params={"module": "colis", "colis": number})
        if answer.status in SILENT:
            return None
        keyless.raise_for_answer(answer, self._clock.now())
        page = keyless.html_page(answer)
        if page.css_first(".f_erreur") is not None:
            return PollResult(number, PollState.NOT_FOUND)
        banner, table = page.css_first(".t_bandeau_detail td"), page.css_first("table[border='2']")
        named = BANNER.search(tidy(banner.text())) if banner is not None else None
        if named is None or table is None:
            raise keyless.changed(answer)
        if named[1] != number:
            return None
        lines = [[tidy(cell.text()) for cell in row.css("td, th")] for row in table.css("tr")]
        head, *rows = lines or [[]]
        if tuple(map(comparable, head)) != COLUMNS:
            raise keyless.changed(answer)
        scans = [_scan(*cells) for cells in reversed(rows) if len(cells) == len(COLUMNS)]
        events = read_history(DECLARATION.code, scans)
        return poll_result(number, events, without_events=PollState.NOT_FOUND)


def _scan(day: str, clock: str, action: str, place: str) -> Scan:
    written = f"{day} {clock}"
    town = TOWN.fullmatch(place)
    return Scan(
        local=in_zone(wall_time(written, *TIMES), PARIS),
        text=action,
        place=f"{town[1]} ({town[2]})" if town else "",
        mark=written,
    )
