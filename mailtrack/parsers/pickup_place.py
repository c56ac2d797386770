"""Where a parcel waits, as a carrier's mail names the place: in a sentence, or below a label.

The address that stands below is read only where it ends in a postcode and a town. A mail that
names two places names none.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from mailtrack.domain.pickup import place_key
from mailtrack.parsers.dates import unaccented

#: « … est disponible à TABAC DE LA GARE jusqu'au … »
_SENTENCE = re.compile(
    r"(?:disponible|(?:vous |t')attend) (?:a|chez|au|dans) "
    r"(?P<place>[^\n!?;:]{2,120}?),? (?:jusqu'au|au plus tard|avant le)(?!\w)",
    re.IGNORECASE,
)
_KINDS = r"point (?:de )?(?:relais|retrait)®?|lieu de retrait"
_LABEL = re.compile(
    rf"(?:(?P<sure>(?:votre|ton|your) |(?={_KINDS})))?"
    rf"(?:{_KINDS}|point pickup|relais(?: pickup| gls)?|bureau de poste|consigne|locker"
    r"|adresse (?:de|du) (?:point (?:de )?(?:relais|retrait)|relais|retrait)"
    r"|pick-?up point|parcel ?shop|access point)"
    r"(?: :|:|(?=$)) ?(?P<value>.{0,160})",
    re.IGNORECASE,
)
#: Lines below a label or a name that may hold what belongs to it, blank ones left out.
_MAX_BELOW, _MAX_ADDRESS_LINES = 8, 3
_MAX_NAME = 60
#: Sentences and labels that are read of a mail; a carrier's has two.
MAX_PLACES = 10
#: Words of buttons, of sentences and of other labels.
_NO_NAME = re.compile(
    r"\b(?:voir|suiv\w*|consult\w*|cliqu\w*|choisi\w*|modifi\w*|horaires?|itineraire|carte"
    r"|ouvert\w*|ferm\w*|vous|votre|ton|colis|commande|numero|code|livraison|adresse|jusqu'au"
    r"|destinataire|expediteur|gratuit\w*|retirer|your|parcel|see|track\w*|https?|www)\b|[@:!?]",
    re.IGNORECASE,
)
#: What kind of place it is, without the name of any.
_GENERIC = re.compile(
    r"(?:(?:un|une|le|la|notre) )?(?:point |bureau )?(?:de )?(?:relais|retrait|poste|pickup"
    r"|consigne|locker)(?: (?:colis|pickup|gls|mondial relay|vinted go|ups|partenaire))*",
    re.IGNORECASE,
)
#: Words for the kind before the name.
_KIND_BEFORE = re.compile(
    r"(?:(?:votre|ton|le) )?(?:point relais®?|point de retrait|relais pickup) ", re.IGNORECASE
)
#: It begins like a name, or with the kind of place.
_BEGINS = re.compile(r"[^\W_a-z]|(?:bureau de poste|relais|consigne|agence|locker) \S")
_STREETS = (
    r"(?:rue|avenue|av|boulevard|bd|place|pl|chemin|route|allee|quai|cours|impasse|square|zone"
    r"|z\.?[aci]|centre commercial|residence|lieu-?dit|galerie|esplanade|faubourg|passage|voie"
    r"|rond-point|hameau)\b"
)
#: An hour, a date, a number alone, a street with its number.
_NUMBERED = re.compile(
    rf"\d{{1,2}} ?[h/.:]|[\d ]+$|\d{{1,4}}(?: ?(?:bis|ter|[a-d]))?,? {_STREETS}", re.IGNORECASE
)
_STREET = re.compile(
    rf"\d{{1,4}}(?: ?(?:bis|ter|[a-d]))?,? [^\W\d_]|.{{0,40}}\b{_STREETS}", re.IGNORECASE
)
_TOWN = r"\d{5} [^\W\d_][^\d\n,;:()@!?]{1,40}(?: cedex \d{1,2})?"
_TOWN_LINE = re.compile(_TOWN, re.IGNORECASE)
_STREET_AND_TOWN = re.compile(
    rf"(?:\d{{1,4}}(?: ?(?:bis|ter|[a-d]))?,? [^\d\n:@]{{3,60}}?,? (?:- )?)?{_TOWN}",
    re.IGNORECASE,
)


def read_place(text: str, lines: Sequence[str]) -> tuple[str, str]:
    """Return the name and the address of the one place where a mail says that a parcel waits.

    Both are "" where it is not certain; so is the address alone, where none is read. `text`
    has the sentences of the mail, in which its lines may be broken.
    """
    places = [
        *islice(_in_sentences(text, lines), MAX_PLACES),
        *islice(_below_labels(lines), MAX_PLACES),
    ]
    if len({place_key(name) for name, _ in places}) != 1:
        return "", ""
    addresses = {place_key(address): address for _, address in places if address}
    return places[0][0], next(iter(addresses.values())) if len(addresses) == 1 else ""


def _in_sentences(text: str, lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the places of sentences; an address may stand there, or below the name elsewhere."""
    for found in _SENTENCE.finditer(unaccented(text)):
        name, address = _split(text[slice(*found.span("place"))])
        if _is_name(name):
            wanted = place_key(name)
            at = (n for n, line in enumerate(lines) if place_key(line) == wanted)
            below = (_address(_below(lines, n)) for n in at) if not address else iter(())
            yield name, address or next(below, "")


def _below_labels(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the places behind labels, in their line or below.

    Below a label without a colon, what has no address may be anything.
    """
    for at, line in enumerate(lines):
        label = _LABEL.fullmatch(unaccented(line))
        if label is None or (":" not in line and label["sure"] is None):
            continue
        below = _below(lines, at)
        value = line[slice(*label.span("value"))].strip()
        name, address = _split(value or next(iter(below), ""))
        address = address or _address(below if value else below[1:])
        if _is_name(name) and (address or ":" in line):
            yield name, address


def _below(lines: Sequence[str], at: int) -> list[str]:
    return [line for line in lines[at + 1 : at + 1 + _MAX_BELOW] if line]


def _split(place: str) -> tuple[str, str]:
    """Return the name and the address of what may be both in one line."""
    place = " ".join(place.split())
    kind = _KIND_BEFORE.match(place)
    place = place[kind.end() :] if kind else place
    for begin in re.finditer(r"[,(–-] ?| (?=\d)", place):
        address = place[begin.end() :].rstrip(" .)")
        if _STREET_AND_TOWN.fullmatch(address):
            return place[: begin.start()].strip(' ,«»"-–'), address
    return place.strip(' ,«»"-–'), ""


def _is_name(name: str) -> bool:
    """Return False for what may be no name of a place: a sentence, a button, another label."""
    said = unaccented(name)
    return (
        len(name) <= _MAX_NAME
        and bool(re.search(r"[^\W\d_]{2}", name))
        and bool(_BEGINS.match(said))
        and not name.endswith(".")
        and not _NO_NAME.search(said)
        and not _NUMBERED.match(said)
        and not _GENERIC.fullmatch(said)
    )


def _address(lines: Sequence[str]) -> str:
    """Return the address with which some lines begin, "" where they do not."""
    parts: list[str] = []
    for line in lines[:_MAX_ADDRESS_LINES]:
        said = unaccented(line)
        if _TOWN_LINE.fullmatch(said) or _STREET_AND_TOWN.fullmatch(said):
            return ", ".join((*parts, line))
        if len(line) > _MAX_NAME or not _STREET.match(said) or _NO_NAME.search(said):
            return ""
        parts.append(line)
    return ""
