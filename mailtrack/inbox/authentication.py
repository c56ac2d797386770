"""What our own receiving server found out about a mail: Authentication-Results (RFC 8601).

A server writes its results at the top, and so can a sender in its name, further down. Hops
prepend: all that stands above the `Received` line of the server that took the mail from
outside is ours. So headers in our server's name are read from the top, and the first
`Received` line below one of them ends it: OpenDKIM, OpenDMARC and spf-engine write one or two
each above that of Postfix, and a forged one can only stand below it.

* Lines that only hand a mail on within our own servers (LMTP, an address of our own network,
  names of our own) may stand above the results. Any other `Received` line above them means
  that they came from outside: a server that wrote nothing lends its name to nobody.
* Some servers write below their own line: Gmail, iCloud, rspamd as Postfix's milter. There the
  topmost counts, and it alone, since the sender's own may follow at once; and it is theirs only
  if they write into every mail. Of Gmail and iCloud that is known, of others `below` says it.
* Without any `Received` line nothing says where ours end: the topmost counts alone.

What stands in these headers is partly the sender's choice: SPF names the envelope sender and
the greeting (HELO), DKIM an identity (`i=`), spf-engine prints an explanation out of the
sender's DNS. Some servers print it as it is, and then a semicolon begins a result of its own
(seen with OpenDMARC 1.4.2, OpenDKIM 2.11 and spf-engine 3.0.4). So a mail whose envelope,
greeting or identity could do that proves nothing, and of a header of spf-engine only the
first result counts, its own.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import authres

from mailtrack.domain.hosts import domain_name, in_ascii, lies_in, organisation
from mailtrack.parsers.message import Message

#: The name for Microsoft's servers, which write none in front of their results; it is what
#: they call themselves in `Received-SPF`.
MICROSOFT = "protection.outlook.com"

#: Servers that write their results below their own `Received` line, and its domain.
_BELOW_THEIR_LINE = {"mx.google.com": "google.com", "dmarc.icloud.com": "me.com"}
#: Domains of servers that hand mails on to each other, where the name does not say it.
_OWN_DOMAINS = {MICROSOFT: ("outlook.com", "office365.com")}
_OWN_NETWORKS = tuple(
    ip_network(block)
    for block in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)

#: Servers write less (characters, headers, results in one); longer headers are not read.
MAX_HEADER, MAX_HEADERS, MAX_RESULTS = 5_000, 10, 30

#: Which property names the domain that passed, by method; the first that is there.
_NAMED_BY = {
    "dkim": ("header.d", "header.i"),  # Gmail and Yahoo write header.i alone
    "spf": ("smtp.mailfrom",),
    "dmarc": ("header.from",),
}

_NAME = re.compile(r'\s*"?([^\s;"()/]+)')
# A quoted string (its escapes included), a bracket of comments, an escape, text in between.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[();]|\\.|[^"();\\]+|["\\]', re.DOTALL)
# A quoted string that needs no quotes says the same without them (RFC 2045: value).
_PLAIN = re.compile(r'"([\w.@=+/-]+)"', re.ASCII)
_SPF_ENGINE = re.compile(r"\(\s*client-ip=", re.IGNORECASE)

_HOP = re.compile(r"from (?P<source>.*?) by (?P<by>\S+)(?P<rest>.*)", re.IGNORECASE)
_PROTOCOL = re.compile(r" with (\S+)", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<![\w.:-])(?:IPv6:)?([0-9a-f:.]{2,45})(?![\w.-])", re.IGNORECASE)
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)+", re.ASCII)

_IDENTITY = re.compile(r"(?:^|;)\s*i\s*=([^;]*)", re.IGNORECASE)
_QUOTED_OCTET = re.compile(r"=([0-9a-f]{2})", re.IGNORECASE)
#: With one of these, what a sender chose ends a value or a comment that it was printed in.
_BREAKS_OUT = re.compile(r'[;()"\\]')


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of our server: `domain` is whose it is, in lower case, "" where none is named."""

    method: str
    verdict: str
    domain: str

    @property
    def passed(self) -> bool:
        return self.verdict == "pass"


def findings(message: Message, authserv_id: str, *, below: bool = False) -> tuple[Finding, ...]:
    """Return what our server, which signs with `authserv_id`, found out about a mail.

    Machines of a provider that have names of their own below `authserv_id` are ours, too.
    `below`: our server writes into every mail, below its own `Received` line.

    1. The headers that our server wrote are told from those that came with the mail.
    2. A mail whose sender could have made our server write a result proves nothing.
    3. Each result is read by itself; one that is not to be understood proves nothing.

    >>> from mailtrack.parsers.message import read_message
    >>> raw = b'''\\
    ... Authentication-Results: mx.example.com; dkim=pass header.d=example.org
    ... Received: from mail.example.org (mail.example.org [192.0.2.1]) by mx.example.com; x
    ... Authentication-Results: mx.example.com; dkim=pass header.d=forged.example
    ... From: ana@example.org
    ...
    ... bonjour'''
    >>> findings(read_message(raw), "mx.example.com")
    (Finding(method='dkim', verdict='pass', domain='example.org'),)
    """
    wanted = _in_short(authserv_id)
    if not wanted:
        return ()
    below = below or wanted in _BELOW_THEIR_LINE
    choose = _below_its_line if below else _above_its_line
    # 1.
    headers, line = choose(message.headers, wanted)
    # 2.
    if _breaks_out(message, line):
        return ()
    # 3.
    return tuple(found for header in headers[:MAX_HEADERS] for found in _read(header, wanted))


def _in_short(name: str) -> str:
    return name.strip().strip(".").lower()


# --- which headers are ours ------------------------------------------------------------


def _above_its_line(headers: Iterable[tuple[str, str]], wanted: str) -> tuple[list[str], str]:
    """Return the headers that our server wrote, and its `Received` line below them."""
    found: list[str] = []
    for name, value in headers:
        if name == "authentication-results" and _is_named(value, wanted):
            found.append(value)
        elif name == "received" and found:
            return found, value
        elif name == "received" and not _hands_on(value, wanted):
            return [], value
    return found[:1], ""


def _below_its_line(headers: Iterable[tuple[str, str]], wanted: str) -> tuple[list[str], str]:
    """Return the topmost header in our server's name, and the `Received` line above it."""
    line = ""
    for name, value in headers:
        if name == "received":
            line = value
        elif name == "authentication-results" and _is_named(value, wanted):
            domain = _BELOW_THEIR_LINE.get(wanted)
            if line and domain is not None:
                hop = _HOP.match(_one_line(line))
                if hop is None or not lies_in(_in_short(hop["by"]), [domain]):
                    return [], line
            return [value], line
    return [], line


def _is_named(header: str, wanted: str) -> bool:
    """Return True if a header is in our server's name, whatever else it says."""
    found = _NAME.match(header[:MAX_HEADER])
    if not found:
        return False
    # Microsoft writes no name; its first word is a result.
    return lies_in(MICROSOFT if "=" in found[1] else _in_short(found[1]), [wanted])


def _hands_on(line: str, wanted: str) -> bool:
    """Return True if a `Received` line only hands a mail on within our own servers."""
    hop = _HOP.match(_one_line(line))
    if not hop:
        return False
    protocol = _PROTOCOL.search(hop["rest"])
    if protocol and protocol[1].upper().removeprefix("UTF8").startswith("LMTP"):
        return True
    addresses: list[IPv4Address | IPv6Address] = []
    for written in _ADDRESS.findall(hop["source"]):
        with suppress(ValueError):
            addresses.append(ip_address(written))
    if addresses and all(any(a in own for own in _OWN_NETWORKS) for a in addresses):
        return True
    # A greeting alone is what the other side says; a name that was looked up stands beside it.
    domains = _OWN_DOMAINS.get(wanted, [organisation(wanted) or wanted])
    names = [name for name in _HOST.findall(hop["source"]) if not name.replace(".", "").isdigit()]
    enough = len(names) > 1 or (names and wanted in _OWN_DOMAINS)
    return bool(enough) and all(lies_in(_in_short(n), domains) for n in (*names, hop["by"]))


def _one_line(header: str) -> str:
    return " ".join(header[:MAX_HEADER].split())


# --- what they say ---------------------------------------------------------------------


def _read(header: str, wanted: str) -> Iterator[Finding]:
    """Yield the results of one header; one that is not to be understood proves nothing."""
    parts = _split(header)
    if parts and "=" in parts[0]:
        parts = ["", *parts]  # Microsoft's
    count = 1 if _SPF_ENGINE.search(header) else MAX_RESULTS
    for part in parts[1 : count + 1]:
        version = " ".join(parts[0].split()[1:])
        try:
            parsed = _Header.parse_value(authres.core_features(), f"{wanted} {version};{part}")
        except authres.AuthResError:
            continue
        for result in parsed.results:
            properties = {f"{p.type}.{p.name}": p.value or "" for p in reversed(result.properties)}
            named = (properties.get(name) for name in _NAMED_BY.get(result.method, ()))
            domain = domain_name(next(filter(None, named), ""))
            yield Finding(result.method, result.result, domain)


class _Header(authres.core.AuthenticationResultsHeader):  # type: ignore[misc]
    """Compiles each pattern once: authres (1.2.0) does so with each use, some 130 for a header."""

    _parse_text: str

    def _parse_pattern(self, pattern: str) -> re.Match[str] | None:
        found = _at_beginning(pattern).match(self._parse_text)
        if found:
            self._parse_text = self._parse_text[found.end() :]
        return found


@cache
def _at_beginning(pattern: str) -> re.Pattern[str]:
    return re.compile(f"^{pattern}", re.IGNORECASE)


def _split(header: str) -> list[str]:
    """Return the parts between semicolons, comments left out; [] where marks do not match.

    authres (1.2.0) gives up a whole header for one part: the semicolon that Yahoo ends with,
    Microsoft's missing name, an IPv6 address without quotes. It reads parts one by one.
    """
    if len(header) > MAX_HEADER:
        return []
    parts: list[list[str]] = [[]]
    depth = 0
    # Letters of other alphabets (RFC 8616) are unknown to authres.
    for mark in _TOKEN.findall(in_ascii(header)):
        depth += {"(": 1, ")": -1}.get(mark, 0)
        # A quote inside a comment was the sender's: servers have no use for one.
        if depth < 0 or mark == '"' or (depth and mark[0] == '"'):
            return []
        if mark == ";" and not depth:
            parts.append([])
        elif not depth or mark == "(":
            parts[-1].append(" " if mark in "()" else _PLAIN.sub(r"\1", mark))
    return [] if depth else ["".join(part).strip() for part in parts]


# --- what a sender could have made our server write ---------------------------------------


def _breaks_out(message: Message, line: str) -> bool:
    """Return True if something that the sender chose may stand as a result of our server's."""
    envelope = next((value for name, value in message.headers if name == "return-path"), "")
    greeting = _one_line(line).lower().partition(" by ")[0]
    # Postfix shows other marks of a greeting as "?": a;dkim=pass(x)header.d=… -> a?dkim=pass?x…
    is_result = "pass" in greeting and any(method in greeting for method in _NAMED_BY)
    if is_result or _BREAKS_OUT.search(envelope):
        return True
    # The identities (`i=`) of all signatures, decoded (RFC 6376, 2.11).
    signatures = (value for name, value in message.headers if name == "dkim-signature")
    identities = (
        _QUOTED_OCTET.sub(lambda octet: chr(int(octet[1], 16)), "".join(identity.split()))
        for signature in signatures
        for identity in _IDENTITY.findall(signature)
    )
    return any(map(_BREAKS_OUT.search, identities))
