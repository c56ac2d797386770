"""Number in, timeline out: what anybody may see of a parcel who has its number."""

import re
from dataclasses import replace

from mailtrack.carriers.pages import pages_for
from mailtrack.domain import numbers
from mailtrack.runtime.services import Services
from mailtrack.store import parcels
from mailtrack.web.pages.lookup import CarrierLine, LookupPage

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

        1. Set the number right; what cannot be one is shown as it was typed.
        2. Name the carriers that it may belong to.
        3. Look for the parcel: by the number as it was typed, then as it was set right.

        A parcel that nothing is known of yet looks like one that nobody follows.
        """
        # 1.
        typed = typed[:_MOST_TYPED].strip()
        number = numbers.correct(typed)
        page = LookupPage(self._services.settings.inbox.forward_to, self._services.clock.now())
        if not _NUMBER.fullmatch(number):
            return replace(page, number=typed)
        # 2.
        theirs = pages_for(number, self._services.declarations)
        carriers = tuple(dict.fromkeys(CarrierLine(one.name, one.address) for one in theirs))
        page = replace(page, number=number, carriers=carriers)
        # 3.
        with self._services.store.read() as connection:
            for reading in dict.fromkeys((numbers.normalise(typed), number)):
                parcel = parcels.find_parcel(connection, reading)
                if parcel is not None:
                    view = self._services.views.public(connection, parcel, page.now)
                    return replace(page, parcel=view)
        return page
