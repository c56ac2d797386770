"""Tracking links of carriers: which number of whom an address names.

Programs that send mails wrap addresses to count clicks; where what they wrap can be read out
of the address itself, it is. Nothing is ever asked of the network.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import NamedTuple
from urllib.parse import unquote

from mailtrack.domain.numbers import normalise
from mailtrack.parsers.shop import host_of, parameters_of

#: Characters of an address that are read; a wrapped one holds the other twice.
MAX_URL = 2_000
_TABLE = resources.files("mailtrack.parsers") / "senders" / "links.tsv"
_BASE64 = re.compile(r"aHR0c[A-Za-z0-9_-]{8,1500}")


class TrackingLink(NamedTuple):
    """Which number of whom a link names; `anywhere`: whoever wrote the mail it stands in."""

    carrier: str
    number: str
    anywhere: bool = True


@dataclass(frozen=True, slots=True)
class LinkRule:
    """Where the links of one host hold a number: in a parameter, or behind a path."""

    carrier: str
    host: str
    parameter: str
    path: re.Pattern[str] | None
    form: re.Pattern[str]
    anywhere: bool

    def number_in(self, url: str, host: str) -> str | None:
        """Return the number that an address names, None where it names none."""
        if host != self.host and not host.endswith("." + self.host):
            return None
        if self.path is not None:
            behind = self.path.search(url)
            value = behind[1] if behind else ""
        else:
            value = parameters_of(url, {self.parameter}).get(self.parameter, "")
        found = self.form.fullmatch(normalise(unquote(value)))
        return found[self.form.groups] if found else None


def tracking_link(url: str) -> TrackingLink | None:
    """Return what a carrier's tracking link names, None for any other address.

    >>> link = tracking_link("https://www.laposte.fr/outils/suivre-vos-envois?code=6A12345678901")
    >>> link.carrier, link.number
    ('laposte', '6A12345678901')
    """
    plain = unwrapped(url[:MAX_URL])
    host = host_of(plain)
    for rule in _rules():
        number = rule.number_in(plain, host)
        if number:
            return TrackingLink(rule.carrier, number, rule.anywhere)
    return None


def unwrapped(url: str) -> str:
    """Return the address that a counting address holds in itself, or the address."""
    host = host_of(url)
    if host in ("links.vinted.com", "notification.mondialrelay.fr"):
        return _decoded(url) or url
    if host.endswith(".awstrack.me"):
        return unquote(url.partition("/L0/")[2].partition("/")[0]) or url
    if host.partition("amazon.")[1] and "/gp/r.html" in url:
        return unquote(parameters_of(url, {"u"}).get("u", "")) or url
    return url


def _decoded(url: str) -> str:
    """Return the address in base64 within an address, up to what no address holds."""
    hidden = _BASE64.search(url)
    if not hidden:
        return ""
    text = hidden[0][: len(hidden[0]) // 4 * 4]
    try:
        plain = base64.urlsafe_b64decode(text).decode("ascii", "ignore")
    except (binascii.Error, ValueError):
        return ""
    return re.split(r"[|\s\"<>]", plain, maxsplit=1)[0]


@cache
def _rules() -> tuple[LinkRule, ...]:
    rules = []
    for line in _TABLE.read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        carrier, host, place, form, *own = line.split("\t")
        path = None
        if not place.startswith("?"):
            before, _, after = place.partition("{number}")
            path = re.compile(re.escape(before) + r"([0-9A-Za-z.-]{6,40})" + re.escape(after))
        parameter = place.removeprefix("?").lower() if path is None else ""
        rules.append(LinkRule(carrier, host, parameter, path, re.compile(form), own != ["own"]))
    return tuple(rules)
