"""Number in, timeline out: what anybody may see of a parcel who has its number."""

import re
from dataclasses import replace

from mailtrack.carriers.pages import pages_for
from mailtrack.domain import numbers
from mailtrack.notify.view import ParcelView
from mailtrack.runtime.services import Services
from mailtrack.store import parcels
from mailtrack.web.views import CarrierLine, LookupPage

#: More than any number with spaces between its digits; the rest is not read.
_MOST_TYPED = 100
#: What a carrier's number is made of, once it is normalised.
_NUMBER = re.compile(r"[0-9A-Z]{6,40}")


class Lookup:
    """Answers for one number at a time; asks no carrier, and tells nobody who follows it."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def page(self, typed: str) -> LookupPage:
        """Show the parcel with a number, or whose number it looks like.

        A parcel that nothing is known of yet looks like one that nobody follows.
        """
        typed = typed[:_MOST_TYPED].strip()
        number = numbers.correct(typed)
        page = LookupPage(self._services.settings.inbox.forward_to, self._services.clock.now())
        if not _NUMBER.fullmatch(number):
            return replace(page, number=typed)
        return replace(
            page,
            number=number,
            carriers=self._carriers(number),
            parcel=self._parcel(numbers.normalise(typed), number),
        )

    def _carriers(self, number: str) -> tuple[CarrierLine, ...]:
        pages = pages_for(number, self._services.declarations)
        return tuple(dict.fromkeys(CarrierLine(page.name, page.address) for page in pages))

    def _parcel(self, *readings: str) -> ParcelView | None:
        with self._services.store.read() as connection:
            found = (parcels.find_parcel(connection, number) for number in dict.fromkeys(readings))
            parcel = next((number for number in found if number is not None), None)
            return None if parcel is None else self._services.views.public(connection, parcel)
