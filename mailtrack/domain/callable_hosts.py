"""Which hosts may be called for subscribers, who name them: a guard against SSRF. Pure.

An address on the network is checked where it is connected to, as it was resolved for that very
connection: a name may lead elsewhere a moment later (DNS rebinding).
"""

from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

#: Names every public host.
EVERYBODY = "*"
#: The ports of a host that is named without one, and the one of hosts that nobody named.
USUAL_PORTS = frozenset({80, 443})
HTTPS_PORT = 443

#: IPv6 networks in whose addresses an IPv4 address is written, and how many bits behind it:
#: NAT64 (RFC 6052), 6to4 (RFC 3056), the former IPv4-compatible ones (RFC 4291, 2.5.5.1).
_EMBEDDING = (
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("2002::/16"), 80),
    (IPv6Network("::/96"), 0),
)
#: Public by their numbers, and yet the inside of somebody's network: Azure's own services,
#: NAT64 of a network's own (RFC 8215), and what was site-local (RFC 3879), which not every Python
#: counts as private.
_INSIDE = (
    IPv4Network("168.63.129.16/32"),
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("fec0::/10"),
)


@dataclass(frozen=True, slots=True)
class NamedHost:
    """A host of the operator's list; `port` is None for the usual ones."""

    host: str | Network
    port: int | None

    def covers(self, host: str, port: int) -> bool:
        """Return True if a host of an address, in lower case, is this one, or lies in it."""
        if port not in USUAL_PORTS if self.port is None else port != self.port:
            return False
        literal = as_literal(host)
        if isinstance(self.host, str):
            return literal is None and host == self.host
        return literal is not None and literal in self.host


@dataclass(frozen=True, slots=True)
class CallableHosts:
    """The operator's list: names, addresses and networks, each with a port or the usual ones.

    >>> CallableHosts.parse("ntfy.sh, 192.168.1.0/24, ha.lan:8123").names
    ('ntfy.sh', 'ha.lan')
    """

    named: tuple[NamedHost, ...] = ()
    everybody: bool = False

    @classmethod
    def parse(cls, text: str) -> "CallableHosts":
        """Read a list with commas between; raises ValueError, whose words name no part of it."""
        words = [word for part in text.lower().split(",") if (word := part.strip())]
        named = tuple(_named(word) for word in words if word != EVERYBODY)
        return cls(named, EVERYBODY in words)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the hosts that are named as such, without addresses and networks."""
        return tuple(one.host for one in self.named if isinstance(one.host, str))

    def may_call(self, scheme: str, host: str, port: int | None) -> bool:
        """Return True if an address of the web may be called, as far as its words tell.

        Hosts that are only covered by `*` are called by HTTPS on its own port.
        """
        host = host.lower().rstrip(".")
        actual = port or (HTTPS_PORT if scheme == "https" else 80)
        if not host or _is_numeric(host):
            return False
        if any(one.covers(host, actual) for one in self.named):
            return True
        literal = as_literal(host)
        by_https = scheme == "https" and actual == HTTPS_PORT
        return self.everybody and by_https and (literal is None or is_public(literal))

    def may_connect(self, address: str, port: int) -> bool:
        """Return True if a resolved address may be connected to: public, or in a named network.

        `may_call` has looked at the port for the name; a network that is named with a port may
        be connected to at that one alone, whatever leads there.
        """
        found = as_literal(address.partition("%")[0])
        if found is None:
            return False
        inside = (one for one in self.named if one.port in (None, port))
        return is_public(found) or any(
            found in one.host or _plain(found) in one.host
            for one in inside
            if not isinstance(one.host, str)
        )


def as_literal(host: str) -> Address | None:
    """Return the address that a host is written as, None for a name."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Return True if an address belongs to the internet: no network of somebody's own."""
    plain = _plain(address)
    inside = any(plain in network for network in _INSIDE)
    return plain.is_global and not plain.is_multicast and not inside


def _plain(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    for network, bits in _EMBEDDING:
        if address in network:
            return IPv4Address(int(address) >> bits & 0xFFFF_FFFF)
    return address


def _is_numeric(host: str) -> bool:
    """Return True for what resolvers read as an address, and `ip_address` does not.

    Their last label is a number, octal and hexadecimal ones among them (WHATWG URL, "ends in a
    number"): 0177.0.0.1, 0x7f.1, 2130706433.
    """
    last = host.rpartition(".")[2]
    return as_literal(host) is None and (last.isdigit() or last.startswith("0x"))


def _named(word: str) -> NamedHost:
    """Read an entry, a port behind it or not; IPv6 with a port stands in brackets."""
    host, written = word, ""
    if word.startswith("["):
        host, _, rest = word[1:].partition("]")
        written = rest.removeprefix(":")
    elif word.count(":") == 1:
        host, _, written = word.partition(":")
    if written and not (written.isascii() and written.isdigit() and 0 < int(written) < 65_536):
        raise ValueError("holds a host whose port is none")
    port = int(written) if written else None
    try:
        return NamedHost(ip_network(host), port)
    except ValueError:
        pass
    plain = host.replace("-", "").replace("_", "")
    if not all(label.isalnum() and label.isascii() for label in plain.split(".")):
        raise ValueError("holds what is no host such as ntfy.sh, no network, and not *")
    return NamedHost(host, port)
