"""Who sent a mail to us, and what proves it.

Only the outer sender of a forward counts, never an address quoted inside it; and only
what our own receiving server says about it (RFC 8601), never what the mail brings along.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from mailtrack.parsers.message import Message
from mailtrack.parsers.reading import Forward, ForwardMethod

_COMMENT = re.compile(r"\([^()]*\)")
_PARTS = re.compile(r"(?:[^;\"]|\"[^\"]*\")+")
_RESULT = re.compile(r"\s*([\w-]{1,40})(?:/\d+)?\s*=\s*([\w-]+)(.*)", re.DOTALL)
_PROPERTY = re.compile(r"([\w-]{1,40}\.[\w-]{1,40})\s*=\s*(\"[^\"]*\"|[^\s;\"]+)")

#: Which property must name the sender's domain, by method.
_ALIGNED_BY = {
    "dkim": ("header.d", "header.i"),  # Gmail writes header.i only
    "spf": ("smtp.mailfrom",),
    "dmarc": ("header.from",),
}


@dataclass(frozen=True, slots=True)
class Sender:
    """The person behind a mail; `how` says in one line what proves it or is missing.

    `welcome` is False where no proof would help: nobody is named, or not admitted.
    `provable` is False where nothing could prove anybody: no server of ours vouches.
    """

    address: str
    name: str
    method: ForwardMethod | None
    proven: bool
    how: str
    welcome: bool = True
    provable: bool = True


def identify(
    message: Message,
    forward: Forward,
    *,
    authserv_id: str,
    allow: Collection[str],
    own_addresses: Collection[str],
) -> Sender:
    """Say who forwarded a mail and whether we may believe it.

    `authserv_id`: the name under which our server writes Authentication-Results; `allow`:
    the only addresses that may forward, empty for all. Without an `authserv_id` the
    addresses of `allow` are believed as they stand.
    """
    person = forward.forwarder
    address = person.address.lower()
    refusal = _refusal(address, allow, own_addresses)
    proof = "" if refusal else _proof(message, address, authserv_id, allow)
    how = refusal or proof or _doubt(message, address, authserv_id)
    return Sender(
        address,
        person.name,
        forward.method,
        bool(proof),
        how,
        welcome=not refusal,
        provable=bool(authserv_id),
    )


def is_signed_by(message: Message, domain: str, authserv_id: str) -> bool:
    """Say whether our server found a valid DKIM signature of exactly this domain."""
    return bool(authserv_id) and any(
        method == "dkim" and result == "pass" and properties.get("header.d", "").lower() == domain
        for method, result, properties in _results(message, authserv_id)
    )


def _refusal(address: str, allow: Collection[str], own_addresses: Collection[str]) -> str:
    if not address:
        return "the mail names no sender"
    if address in {own.lower() for own in own_addresses}:
        return "the mail comes from our own address"
    if allow and address not in {allowed.lower() for allowed in allow}:
        return "the sender is not on the list of those who may forward"
    return ""


def _proof(message: Message, address: str, authserv_id: str, allow: Collection[str]) -> str:
    if not authserv_id:
        return "on the list of those who may forward" if allow else ""
    if not _is_outer_sender(message, address):
        return ""
    domain = address.rpartition("@")[2]
    for method, result, properties in _results(message, authserv_id):
        for name in _ALIGNED_BY.get(method, ()):
            named = properties.get(name, "").rpartition("@")[2]
            if result == "pass" and _aligned(named, domain):
                return f"{method}=pass for {named}"
    return ""


def _doubt(message: Message, address: str, authserv_id: str) -> str:
    if not _is_outer_sender(message, address):
        return "sent on by a rule: nothing proves whose mailbox it came from"
    if not authserv_id:
        return "no server of ours vouches for senders: set MAILTRACK_INBOX__AUTHSERV_ID"
    return f"no aligned dkim, spf or dmarc pass in the results of {authserv_id}"


def _is_outer_sender(message: Message, address: str) -> bool:
    # Two From headers: some programs check one and show the other.
    return message.sender.address.lower() == address and len(message.all("from")) == 1


def _results(message: Message, authserv_id: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield (method, result, properties) of the topmost header that our server wrote.

    Further down, the sender may have written headers in our server's name.
    """
    for header in message.all("authentication-results"):
        name, _, rest = _COMMENT.sub(" ", header).partition(";")
        if name.lower().split()[:1] != [authserv_id.lower()]:
            continue
        for part in _PARTS.findall(rest):
            found = _RESULT.match(part)
            if found:
                properties = {k.lower(): v.strip('"') for k, v in _PROPERTY.findall(found[3])}
                yield found[1].lower(), found[2].lower(), properties
        return


def _aligned(named: str, domain: str) -> bool:
    """Say whether two domains are equal or one lies below the other (not below a bare TLD)."""
    named, domain = named.lower().strip("."), domain.lower()
    if "." not in named:
        return False
    return named == domain or domain.endswith("." + named) or named.endswith("." + domain)
