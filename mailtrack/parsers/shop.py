"""What every shop offers to the registry: a declaration, `recognise` and `read`."""

import contextlib
import re
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from mailtrack.parsers.mime import normalised
from mailtrack.parsers.reading import Forward, Original, Person, Reading


class Authorship(StrEnum):
    """Whether a mail is a shop's own."""

    YES = "yes"
    NO = "no"
    #: It pretends to be.
    FAKE = "fake"


@dataclass(frozen=True, slots=True)
class Recognition:
    """A shop's answer; `reason` is fit to be shown where the claim is FAKE."""

    claim: Authorship
    reason: str = ""


class _Relay(NamedTuple):
    """Services that hide an address and send its mails on: how theirs name the sender.

    `dot`: how they write the dots of its host, `ends`: what follows that of their own.
    """

    domains: tuple[str, ...]
    dot: str
    ends: str
    #: False where anybody may have an address of the same form: a signature proves nothing.
    signs: bool = True


#: Two random words or one; the end of a longer host ("…com_fr_x1y2") is no random word.
_APPLE = r"_(?:[a-z]*\d[a-z0-9]*_|[a-z0-9]{6,}_)?[a-z0-9]+"
_RELAYS = (
    _Relay(("privaterelay.appleid.com",), "_", _APPLE),
    _Relay(("icloud.com",), "_", _APPLE, signs=False),
    _Relay(("duck.com",), ".", r"_(?!.*_at_)[a-z0-9._-]+"),
    _Relay(
        (
            "mozmail.com",
            *("simplelogin.co", "simplelogin.com", "simplelogin.fr", "slmails.com", "slmail.me"),
            *("aleeas.com", "passmail.net", "passmail.com", "passinbox.com", "passfwd.com"),
            *("anonaddy.com", "anonaddy.me", "addy.io", "addymail.com"),
        ),
        "_",
        r"_[a-z0-9-]+",
    ),
)


@dataclass(frozen=True, slots=True)
class Brand:
    """Who a shop is: its name and its domains, subdomains included.

    `signers` are the domains that sign its mails (DKIM), subdomains included; a service that
    hides an address signs as itself.
    """

    name: str
    domains: tuple[str, ...]
    signers: tuple[str, ...]

    def is_sender(self, person: Person) -> bool:
        """Return True if the address is the shop's, directly or through a private relay.

        People have relays at domains of their own, too. No signature of such a one proves
        anything (`signers_of`): who forwards its mail by hand speaks for it.
        """
        address = person.address.lower()
        if address:
            host = address.rpartition("@")[2] if "@" in address else ""
            return self.owns(host) or (_may_be_relayed(person) and self.is_behind(person))
        # Some mail programs quote a forward's sender without the address.
        return person.name.strip().casefold() == self.name.casefold()

    def signers_of(self, person: Person) -> tuple[str, ...]:
        """Return the domains of which one signs what the shop writes from this address."""
        host = person.address.lower().rpartition("@")[2]
        if not self.is_sender(person):
            return ()
        if self.owns(host) or not host:
            return self.signers
        relay = _relay_of(host)
        if relay is None or not relay.signs:
            return ()
        return tuple(domain for domain in relay.domains if _is_within(host, domain))

    def is_behind(self, person: Person) -> bool:
        """Return True if a relay's name or address says that it sends on a mail of the shop's.

        >>> brand = Brand("AliExpress", ("aliexpress.com",), ("aliexpress.com",))
        >>> brand.is_behind(Person("", "transaction_at_notice_aliexpress_com_x1@simplelogin.co"))
        True
        >>> brand.is_behind(Person("AliExpress", "deals@coupons.example"))
        False
        """
        local, _, host = person.address.lower().rpartition("@")
        in_address, in_name = _hidden_sender(self.domains, _relay_of(host) or _RELAYS[-1])
        return bool(in_address.search(local) or in_name.search(person.name.strip().lower()))

    def owns(self, host: str) -> bool:
        """Return True if a host is one of the shop's domains or below one."""
        host = host.lower().rstrip(".")
        return any(_is_within(host, domain) for domain in self.domains)

    def imitated_by(self, host: str) -> bool:
        """Return True if a foreign host is written so that it is taken for the shop's.

        What stands before an `@` in an address counts: a browser skips it, a reader does not.
        """
        if self.owns(host):
            return False
        wanted = self.name.casefold()
        return any(_resembles(label, wanted) for label in re.split(r"[^\w]|_", _skeleton(host)))

    def named_by(self, person: Person) -> bool:
        """Return True if somebody else writes under the shop's name or address."""
        name = re.sub(r"[\W_]+", "", _skeleton(person.name))
        return self.name.casefold() in name


@dataclass(frozen=True, slots=True)
class Shop:
    """One shop, as the registry knows it; no digits of some shops' mails are a parcel."""

    code: str
    brand: Brand
    recognise: Callable[[Original], Recognition]
    read: Callable[[Original, Forward], Reading]
    names_parcels: bool = True


def recognise(brand: Brand, original: Original) -> Recognition:
    """Answer for a brand by its senders and the hosts that the mail links to."""
    mine = brand.is_sender(original.sender)
    domain = original.sender.address.rpartition("@")[2]
    claims = brand.imitated_by(domain) or brand.named_by(original.sender)
    # Whoever sends mails on for a person may do so from a domain of their own.
    if not mine and domain and claims and not brand.is_behind(original.sender):
        return Recognition(
            Authorship.FAKE, f"The sender's domain {domain} is not one of {brand.name}'s."
        )
    if not mine:
        return Recognition(Authorship.NO)
    fake = next((h for h in hosts(original) if brand.imitated_by(h)), None)
    if fake:
        # What stands before an `@` is not where it goes, and may be somebody's address.
        goes_to = fake.rpartition("@")[2]
        return Recognition(
            Authorship.FAKE, f"A link goes to {goes_to}, which is not {brand.name}'s."
        )
    return Recognition(Authorship.YES)


# Every brand asks about the few people of a mail.
@lru_cache(maxsize=1_000)
def _may_be_relayed(person: Person) -> bool:
    """Return True if a name or an address has any of a relay's forms; few have."""
    local, name = person.address.lower().rpartition("@")[0], person.name.lower()
    return "_at_" in local or "=" in local or " at " in name or "[via relay]" in name


# A mail asks about few hosts, and about each of them for every brand.
@lru_cache(maxsize=1_000)
def _relay_of(host: str) -> _Relay | None:
    return next((r for r in _RELAYS if any(_is_within(host, own) for own in r.domains)), None)


def _is_within(host: str, domain: str) -> bool:
    return host == domain or host.endswith("." + domain)


@cache
def _hidden_sender(
    domains: tuple[str, ...], relay: _Relay
) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return how the address and the name of a relay tell a sender at some domains.

    `transaction_at_notice_aliexpress_com_…` (Apple, SimpleLogin; DuckDuckGo with dots) and
    `alias+transaction=notice.aliexpress.com` (addy.io); `… at notice.aliexpress.com`
    (SimpleLogin, addy.io) and `… <transaction@notice.aliexpress.com> [via Relay]` (Firefox).
    The relay's own words come last: what stands before them, the sender has chosen. They are
    one word or two, as each relay makes them: more would be the rest of a longer host.
    """
    known = "|".join(map(re.escape, domains))
    host = rf"(?:[a-z0-9-]{{1,60}}\.){{0,4}}(?:{known})"
    written = host.replace(r"\.", re.escape(relay.dot))
    in_address = re.compile(rf"_at_{written}(?:{relay.ends})$|={host}$")
    in_name = re.compile(rf" at {host}['\")]?$|@{host}>? \[via relay\]$")
    return in_address, in_name


def hosts(original: Original) -> list[str]:
    """Return the hosts that a mail links to, each once, with what stands before an `@`."""
    found: dict[str, None] = {}
    for link in original.content.links:
        # Backslashes are slashes to a browser, but not to a parser of addresses.
        match = _AUTHORITY.match(link.url)
        authority = match[1] if match else ""
        found[_PORT.sub("", authority) if ":" in authority else authority] = None
    return list(found)


def host_of(url: str) -> str:
    """Return the host of an address, "" where it has none."""
    plain = _PLAIN_HOST.match(url)
    if plain:
        return plain[1].lower()
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def parameters_of(url: str, names: Collection[str]) -> dict[str, str]:
    """Return the wanted parameters of an address: names in lower case, values as written."""
    found: dict[str, str] = {}
    for pair in url.partition("#")[0].partition("?")[2].split("&"):
        name, _, value = pair.partition("=")
        # "&amp;" where a link was escaped twice
        name = name.removeprefix("amp;").lower()
        if name in names:
            found[name] = value
    return found


# Most addresses are simple; the standard library reads the others, ten times as slowly.
_PLAIN_HOST = re.compile(r"https?://([a-z0-9.-]{1,253})(?=[/?#]|$)", re.IGNORECASE)
_PORT = re.compile(r":\d{0,5}$")
_AUTHORITY = re.compile(r"https?://([^/?#]{0,500})", re.IGNORECASE)

#: Letters of other alphabets and digits that are read as Latin ones.
_CONFUSABLES = str.maketrans("аеіорсухѕӏɩι015", "aeiopcyxslilols")
#: Marks that turn the direction of reading, and what nobody sees.
_UNSEEN = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
#: How alike two labels must be, between 0 and 1 (one letter of ten is 0.9).
_ALIKE = 0.9


def _skeleton(text: str) -> str:
    """Return what a reader sees at a glance: no accents, Latin letters, lower case."""
    if "xn--" in text.lower():
        with contextlib.suppress(UnicodeError):
            text = text.encode("ascii").decode("idna")
    elif text.isascii():
        return text.lower().translate(_CONFUSABLES)
    plain = normalised(_UNSEEN.sub("", text).casefold(), "NFKD")
    return "".join(c for c in plain if not unicodedata.combining(c)).translate(_CONFUSABLES)


def _resembles(label: str, wanted: str) -> bool:
    """Return True if a label holds a name, or may be taken for it.

    Two are alike if nearly all letters are the same, where one of them may be changed, added,
    left out or moved.
    """
    # A capital I stands for the l in most fonts.
    if wanted in label or wanted.replace("i", "l") in label.replace("i", "l"):
        return True
    letters = len(label) + len(wanted)
    if abs(len(label) - len(wanted)) > 1:
        return False
    begin = _same(label, wanted)
    one, other = label[begin:], wanted[begin:]
    end = _same(one[::-1], other[::-1])
    one, other = one[: len(one) - end], other[: len(other) - end]
    shared = begin + end
    if one and other and (one[1:] == other[:-1] or one[:-1] == other[1:]):
        shared += min(len(one), len(other)) - 1  # a letter was moved over the others
    return 2 * shared / letters >= _ALIKE


def _same(one: str, other: str) -> int:
    """Count the letters with which both begin."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
