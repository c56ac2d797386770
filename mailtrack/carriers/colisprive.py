"""Colis Privé: its page for addressees, who are known by number and postcode together.

The page has days without hours, in its own order, no place and no estimate. What it says
in French is not what it says in other languages. The addressee's box is not read.
"""

import re
from collections.abc import Sequence
from typing import ClassVar

from mailtrack.carriers import keyless
from mailtrack.carriers.base import Declaration, WithPostcode
from mailtrack.carriers.history import Scan, poll_result, read_history
from mailtrack.carriers.pages import PAGES
from mailtrack.carriers.shape import PARIS, in_zone, wall_time
from mailtrack.carriers.texts import tidy
from mailtrack.carriers.transport import Transport, join
from mailtrack.clock import Clock
from mailtrack.domain.model import PollResult, PollState
from mailtrack.domain.numbers import normalise
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="colisprive",
    name="Colis Privé",
    url="https://colisprive.com",
    page=PAGES["colisprive"].address,
    batch=1,
    budget=keyless.BUDGET_WITH_POSTCODES,
    keyless=True,
    postcode=True,
)
PATH = "/moncolis/pages/DetailColis.aspx"
#: Links have the postcode behind the number.
NUMBER = re.compile(r"((?=[A-Z]*\d)[A-Z0-9]{12})(\d{5})?", re.ASCII)
LENGTH = 12
#: Where it sends us for a number, or a postcode, that it does not know.
UNKNOWN = "default.aspx"
DAY = "%d/%m/%Y"


class ColisPrive(WithPostcode):
    """Asks colisprive.com."""

    declaration: ClassVar[Declaration] = DECLARATION
    form: ClassVar[re.Pattern[str]] = NUMBER

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._url = join(settings.url or DECLARATION.url, PATH)
        self._transport = transport
        self._clock = clock

    def postcodes_in(self, number: str) -> Sequence[str]:
        """Return what stands behind the number itself."""
        return [number[LENGTH:]] if number[LENGTH:] else []

    def _ask(self, number: str, postcode: str) -> PollResult | None:
        bare = number[:LENGTH]
        answer = self._transport.get(
            self._url, params={"numColis": f"{bare}{postcode}", "lang": "fr"}
        )
        if answer.status == 302 and UNKNOWN in answer.headers.get("location", "").lower():
            return PollResult(number, PollState.NOT_FOUND)
        keyless.raise_for_answer(answer, self._clock.now())
        page = keyless.html_page(answer)
        banner, found = page.css_first(".BandeauInfoColis"), page.css_first("[id$=pnResultatColis]")
        if banner is None or found is None:
            raise keyless.changed(answer)
        if bare not in normalise(banner.text(separator=" ")):
            return None
        scans = []
        for row in reversed(page.css("tr.bandeauText")):
            day, said = row.css_first("[headers=th-date]"), row.css_first("[headers=th-statut]")
            if day is not None and said is not None:
                written = tidy(day.text())
                local = in_zone(wall_time(written, DAY), PARIS)
                # A day has no hour, so that no clock is sure.
                scans.append(Scan(local, tidy(said.text()), mark=written, certain=False))
        return poll_result(number, read_history(DECLARATION.code, scans))
