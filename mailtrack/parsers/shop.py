"""What every shop offers to the registry: a declaration, `recognise` and `read`."""

import contextlib
import difflib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from mailtrack.parsers.reading import Forward, Original, Person, Reading


class Claim(StrEnum):
    """Whether a mail is a shop's own."""

    YES = "yes"
    NO = "no"
    #: It pretends to be.
    FAKE = "fake"


@dataclass(frozen=True, slots=True)
class Recognition:
    """A shop's answer; `reason` is fit to be shown where the claim is FAKE."""

    claim: Claim
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Brand:
    """Who a shop is: its name, its domains (subdomains included) and relayed senders."""

    name: str
    domains: tuple[str, ...]
    relayed: re.Pattern[str]

    def is_sender(self, person: Person) -> bool:
        """Say whether the address is the shop's, directly or through a private relay."""
        address = person.address.lower()
        if self.relayed.fullmatch(address):
            return True
        return self.owns(address.rpartition("@")[2]) if "@" in address else self._is_name(person)

    def owns(self, host: str) -> bool:
        """Say whether a host is one of the shop's domains or below one."""
        host = host.lower().rstrip(".")
        return any(host == domain or host.endswith("." + domain) for domain in self.domains)

    def imitated_by(self, host: str) -> bool:
        """Say whether a foreign host is written so that it is taken for the shop's."""
        if self.owns(host):
            return False
        wanted = self.name.casefold()
        return any(_resembles(label, wanted) for label in re.split(r"[.\-_]", _skeleton(host)))

    def named_by(self, person: Person) -> bool:
        """Say whether somebody else writes under the shop's name."""
        return _skeleton(person.name).startswith(self.name.casefold())

    def _is_name(self, person: Person) -> bool:
        # Some mail programs quote a forward's sender without the address.
        return not person.address and person.name.strip().casefold() == self.name.casefold()


@dataclass(frozen=True, slots=True)
class Shop:
    """One shop, as the registry knows it."""

    code: str
    brand: Brand
    recognise: Callable[[Original], Recognition]
    read: Callable[[Original, Forward], Reading]


def recognise(brand: Brand, original: Original) -> Recognition:
    """Answer for a brand by its senders and the hosts that the mail links to."""
    mine = brand.is_sender(original.sender)
    domain = original.sender.address.rpartition("@")[2]
    if not mine and domain and (brand.imitated_by(domain) or brand.named_by(original.sender)):
        return Recognition(
            Claim.FAKE, f"The sender's domain {domain} is not one of {brand.name}'s."
        )
    if not mine:
        return Recognition(Claim.NO)
    fake = next((h for h in hosts(original) if brand.imitated_by(h)), None)
    if fake:
        return Recognition(Claim.FAKE, f"A link goes to {fake}, which is not {brand.name}'s.")
    return Recognition(Claim.YES)


def hosts(original: Original) -> list[str]:
    """Return the hosts that a mail links to."""
    return [host_of(link.url) for link in original.content.links]


def host_of(url: str) -> str:
    """Return the host of an address, "" where it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


#: Letters of other alphabets and digits that are read as Latin ones.
_CONFUSABLES = str.maketrans("аеіорсухѕӏ01", "aeiopcyxslol")
#: How alike two labels must be, between 0 and 1 (one letter of ten is 0.9).
_ALIKE = 0.9


def _skeleton(text: str) -> str:
    """Return what a reader sees at a glance: no accents, Latin letters, lower case."""
    with contextlib.suppress(UnicodeError):
        text = text.encode("ascii").decode("idna")
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c)).translate(_CONFUSABLES)


def _resembles(label: str, wanted: str) -> bool:
    if wanted in label:
        return True
    if abs(len(label) - len(wanted)) > 1:
        return False
    return difflib.SequenceMatcher(None, label, wanted).ratio() >= _ALIKE
