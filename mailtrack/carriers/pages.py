"""Where people can look themselves: carriers that mailtrack cannot ask, by their code.

They have no interface for anybody but their own customers, or guard it against programs.
The codes are those of `domain/number_formats.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from mailtrack.carriers.base import Declaration
from mailtrack.domain.numbers import detect


@dataclass(frozen=True, slots=True)
class Page:
    """A carrier's name and its tracking page; `{number}` stands where the page takes one."""

    name: str
    address: str


PAGES: Mapping[str, Page] = {
    # France: their pages ask for the postcode or sit behind a robot check.
    "dpd": Page("DPD France", "https://trace.dpd.fr/fr/trace/{number}"),
    "colisprive": Page("Colis Privé", "https://colisprive.com/"),
    "relaiscolis": Page("Relais Colis", "https://www.relaiscolis.com/suivi-de-colis/"),
    "pickup": Page("Pickup", "https://www.pickup.fr/"),
    "gofo": Page("GOFO", "https://www.gofo.com/"),
    # The posts and parcel services around it
    "anpost": Page("An Post", "https://www.anpost.com/Post-Parcels/Track/History?item={number}"),
    "austrianpost": Page(
        "Österreichische Post", "https://www.post.at/s/sendungsdetails?snr={number}"
    ),
    "bpost": Page("bpost", "https://track.bpost.cloud/btr/web/#/search?itemCode={number}"),
    "ctt": Page("CTT", "https://www.ctt.pt/feapl_2/app/open/objectSearch/objectSearch.jspx"),
    "hermes": Page("Hermes", "https://www.myhermes.de/empfangen/sendungsverfolgung/"),
    "inpost": Page("InPost", "https://inpost.pl/sledzenie-przesylek?number={number}"),
    "postluxembourg": Page("POST Luxembourg", "https://www.post.lu/particuliers/colis-courrier/"),
    "posteitaliane": Page("Poste Italiane", "https://www.poste.it/cerca/#/risultati-spedizioni/"),
    "postnl": Page("PostNL", "https://jouw.postnl.nl/track-and-trace/"),
    "royalmail": Page("Royal Mail", "https://www.royalmail.com/track-your-item#/{number}"),
    "swisspost": Page(
        "La Poste suisse", "https://service.post.ch/ekp-web/ui/entry/search/{number}"
    ),
    "usps": Page("USPS", "https://tools.usps.com/go/TrackConfirmAction?tLabels={number}"),
    # Consolidators of China
    "jtexpress": Page("J&T Express", "https://www.jtexpress.com/"),
    "sfexpress": Page("SF Express", "https://www.sf-express.com/"),
    "sunyou": Page("SUNYOU", "https://www.sypost.net/search?orderNo={number}"),
    "winit": Page("WINIT", "https://track.winit.com.cn/"),
    "yunexpress": Page("YunExpress", "https://www.yuntrack.com/parcelTracking?id={number}"),
}


def pages_for(number: str, declarations: Mapping[str, Declaration]) -> Iterator[Page]:
    """Yield the carriers that a number may belong to, best first, each with its own page."""
    for candidate in detect(number):
        declared = declarations.get(candidate.carrier)
        if declared is not None:
            yield Page(declared.name, declared.page.format(number=quote(number)))
        elif (page := page_of(candidate.carrier, quote(number))) is not None:
            yield page


def only_page(number: str, declarations: Mapping[str, Declaration]) -> Page | None:
    """Return the page of whom a number looks like most, where we can ask none of them."""
    candidates = detect(number)
    likely = [c.carrier for c in candidates if c.format == candidates[0].format]
    if any(code in declarations for code in likely):
        return None
    return next(filter(None, (page_of(code, quote(number)) for code in likely)), None)


def page_of(carrier: str, number: str) -> Page | None:
    """Return a carrier's page for a number, or None where we know of none."""
    page = PAGES.get(carrier)
    return Page(page.name, page.address.replace("{number}", number)) if page else None
