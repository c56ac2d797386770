"""Who sent a mail to us, and what proves it.

Only the outer sender of a forward counts, never an address quoted inside it; and only
what our own receiving server says about it (RFC 8601), never what the mail brings along.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mailtrack.domain.hosts import aligned, lies_in
from mailtrack.inbox.authentication import Finding
from mailtrack.parsers.message import Message
from mailtrack.parsers.reading import Forward, ForwardMethod

#: What names a domain that may stand for the sender's.
_METHODS = frozenset({"dkim", "dmarc", "spf"})


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
    found: Sequence[Finding],
) -> Sender:
    """Say who forwarded a mail and whether we may believe it.

    `authserv_id`: the name under which our server writes Authentication-Results; `allow`:
    the only addresses that may forward, empty for all. Without an `authserv_id` the
    addresses of `allow` are believed as they stand. `found` is what `findings` says.

    1. Nobody, we ourselves and who is not on the list are refused, whatever proves them.
    2. The outer sender is proven by what our server found, or by being on the list.
    3. For others it is said what is missing.
    """
    person = forward.forwarder
    address = person.address.lower()
    # Two From headers: some programs check one and show the other.
    is_outer_sender = message.sender.address.lower() == address and len(message.all("from")) == 1
    # 1.
    refusal = _refusal(address, allow, own_addresses)
    # 2.
    proof = ""
    if not refusal and not authserv_id:
        proof = "on the list of those who may forward" if allow else ""
    elif not refusal and is_outer_sender:
        proof = _pass_for(address, found)
    # 3.
    if not is_outer_sender:
        doubt = "sent on by a rule: nothing proves the mailbox it came from, or the shop"
    elif not authserv_id:
        doubt = "no server of ours vouches for senders: set MAILTRACK_INBOX__AUTHSERV_ID"
    else:
        doubt = f"no aligned dkim, spf or dmarc pass in the results of {authserv_id}"
    return Sender(
        address,
        person.name,
        forward.method,
        proven=bool(proof),
        how=refusal or proof or doubt,
        welcome=not refusal,
        provable=bool(authserv_id),
    )


def is_signed_by(found: Sequence[Finding], domain: str) -> bool:
    """Return True if our server found a valid DKIM signature of exactly this domain."""
    return any(one.method == "dkim" and one.passed and one.domain == domain for one in found)


def is_from(found: Sequence[Finding], domains: Collection[str]) -> bool:
    """Return True if our server found that one of these domains, or one below, wrote a mail.

    Only what survives being sent on by a rule counts: DKIM, and DMARC that relies on it.
    """
    return any(
        one.method in ("dkim", "dmarc") and one.passed and lies_in(one.domain, domains)
        for one in found
    )


def _refusal(address: str, allow: Collection[str], own_addresses: Collection[str]) -> str:
    """Return why an address may not forward whatever proves it, "" where it may."""
    own, allowed = ({one.lower() for one in many} for many in (own_addresses, allow))
    if not address:
        return "the mail names no sender"
    if address in own:
        return "the mail comes from our own address"
    if allowed and address not in allowed:
        return "the sender is not on the list of those who may forward"
    return ""


def _pass_for(address: str, found: Sequence[Finding]) -> str:
    """Return the pass that proves an address, "" where there is none.

    One aligned pass is enough, whatever the others say, as with DMARC: SPF breaks on the way
    through a rule, DKIM on the way through a list. But where DMARC failed for the sender's
    domain, its owner does not want what passed to count (alignment "strict", for example).
    """
    about = [one for one in found if one.method in _METHODS and aligned(one.domain, address)]
    if any(one.method == "dmarc" and one.verdict == "fail" for one in about):
        return ""
    proof = next((one for one in about if one.passed), None)
    return f"{proof.method}=pass for {proof.domain}" if proof else ""
