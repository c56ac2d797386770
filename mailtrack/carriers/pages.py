"""Where people can look themselves: carriers that mailtrack cannot ask, by their code.

They have no interface for anybody but their own customers, or guard it against programs; a
few are asked where the operator says so (`keyless.py`). The codes are those of
`domain/number_formats.py`.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from mailtrack.carriers.base import Declaration
from mailtrack.domain.numbers import detect


@dataclass(frozen=True, slots=True)
class CarrierPage:
    """A carrier's name and its tracking page; `{number}` stands where the page takes one."""

    name: str
    address: str


PAGES: Mapping[str, CarrierPage] = {
    # France: their pages ask for the postcode or sit behind a robot check.
    "dpd": CarrierPage("DPD France", "https://trace.dpd.fr/fr/trace/{number}"),
    "colisprive": CarrierPage("Colis Privé", "https://colisprive.com/"),
    "relaiscolis": CarrierPage("Relais Colis", "https://www.relaiscolis.com/suivi-de-colis/"),
    "ciblex": CarrierPage(
        "Ciblex",
        "https://secure.extranet.ciblex.fr/extranet/client/corps.php?module=colis&colis={number}",
    ),
    "pickup": CarrierPage("Pickup", "https://www.pickup.fr/"),
    "gofo": CarrierPage("GOFO", "https://www.gofo.com/"),
    "vintedgo": CarrierPage("Vinted Go", "https://vintedgo.com/fr/tracking/{number}"),
    # The posts and parcel services around it
    "anpost": CarrierPage(
        "An Post", "https://www.anpost.com/Post-Parcels/Track/History?item={number}"
    ),
    "austrianpost": CarrierPage(
        "Österreichische Post", "https://www.post.at/s/sendungsdetails?snr={number}"
    ),
    "bpost": CarrierPage("bpost", "https://track.bpost.cloud/btr/web/#/search?itemCode={number}"),
    "ctt": CarrierPage("CTT", "https://www.ctt.pt/feapl_2/app/open/objectSearch/objectSearch.jspx"),
    "evri": CarrierPage("Evri", "https://www.evri.com/track/parcel/{number}"),
    "hermes": CarrierPage("Hermes", "https://www.myhermes.de/empfangen/sendungsverfolgung/"),
    "inpost": CarrierPage("InPost", "https://inpost.pl/sledzenie-przesylek?number={number}"),
    "postluxembourg": CarrierPage(
        "POST Luxembourg", "https://www.post.lu/particuliers/colis-courrier/"
    ),
    "posteitaliane": CarrierPage(
        "Poste Italiane", "https://www.poste.it/cerca/#/risultati-spedizioni/"
    ),
    "postnl": CarrierPage("PostNL", "https://jouw.postnl.nl/track-and-trace/"),
    "royalmail": CarrierPage("Royal Mail", "https://www.royalmail.com/track-your-item#/{number}"),
    "swisspost": CarrierPage(
        "La Poste suisse", "https://service.post.ch/ekp-web/ui/entry/search/{number}"
    ),
    "usps": CarrierPage("USPS", "https://tools.usps.com/go/TrackConfirmAction?tLabels={number}"),
    # Consolidators of China
    "jtexpress": CarrierPage("J&T Express", "https://www.jtexpress.com/"),
    "sfexpress": CarrierPage("SF Express", "https://www.sf-express.com/"),
    "sunyou": CarrierPage("SUNYOU", "https://www.sypost.net/search?orderNo={number}"),
    "winit": CarrierPage("WINIT", "https://track.winit.com.cn/"),
    "yunexpress": CarrierPage("YunExpress", "https://www.yuntrack.com/parcelTracking?id={number}"),
}


def pages_for(number: str, declarations: Mapping[str, Declaration]) -> Iterator[CarrierPage]:
    """Yield the carriers that a number may belong to, best first, each with its own page."""
    pages = (named_page(candidate.carrier, number, declarations) for candidate in detect(number))
    yield from filter(None, pages)


def named_page(
    carrier: str, number: str, declarations: Mapping[str, Declaration]
) -> CarrierPage | None:
    """Return a carrier's page for a number, whether we can ask it or not; None without one."""
    declared = declarations.get(carrier)
    if declared is not None:
        return CarrierPage(declared.name, declared.page.format(number=quote(number)))
    return page_of(carrier, quote(number))


def only_page(number: str, on: Container[str]) -> CarrierPage | None:
    """Return the page of whom a number looks like most, where none of them is on."""
    candidates = detect(number)
    likely = [c.carrier for c in candidates if c.format == candidates[0].format]
    if any(code in on for code in likely):
        return None
    return next(filter(None, (page_of(code, quote(number)) for code in likely)), None)


def page_of(carrier: str, number: str) -> CarrierPage | None:
    """Return a carrier's page for a number, or None where we know of none."""
    page = PAGES.get(carrier)
    return CarrierPage(page.name, page.address.replace("{number}", number)) if page else None


def name_of(carriers: Iterable[str], declarations: Mapping[str, Declaration]) -> str:
    """Return the name of the first of some carriers that has one, "" for none; by their codes."""
    for code in carriers:
        known = declarations.get(code) or PAGES.get(code)
        if known is not None:
            return known.name
    return ""
