"""Where a pick-up point is on a map: plain links, which nothing follows by itself."""

from dataclasses import dataclass
from urllib.parse import quote

from mailtrack.domain.model import PickupPoint


@dataclass(frozen=True, slots=True)
class MapLinks:
    """A map in the browser, and the same for a telephone's own maps (`geo:`, RFC 5870).

    Mail programs drop links that they do not know, so that mails have the first alone.
    """

    web: str
    app: str


def map_links(point: PickupPoint | None) -> MapLinks | None:
    """Return where an address is on a map, None where none is known.

    >>> map_links(PickupPoint("Tabac", "1 rue de la Paix, 75002 Paris")).web
    'https://www.openstreetmap.org/search?query=1%20rue%20de%20la%20Paix%2C%2075002%20Paris'
    """
    if point is None or not point.address:
        return None
    # Set in type, it has no-break spaces, which no map knows.
    address = quote(" ".join(point.address.split()), safe="")
    return MapLinks(f"https://www.openstreetmap.org/search?query={address}", f"geo:0,0?q={address}")
