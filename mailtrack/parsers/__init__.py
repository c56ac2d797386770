"""Reading mails: from a `Message` to what it says. One file per shop; no I/O.

`SHOPS` is the registry: a new shop is a new file and one line here.
"""

from dataclasses import replace

from mailtrack.domain.model import Outcome
from mailtrack.parsers import aliexpress, sender_mails
from mailtrack.parsers.bare_number import read_bare_numbers
from mailtrack.parsers.commands import read_command
from mailtrack.parsers.confirmation import KIND as GMAIL
from mailtrack.parsers.confirmation import is_confirmation, read_confirmation
from mailtrack.parsers.forwarded import unwrap, whole
from mailtrack.parsers.message import Message
from mailtrack.parsers.reading import Forward, Original, Person, Reading
from mailtrack.parsers.shop import Authorship, Shop

SHOPS: tuple[Shop, ...] = (aliexpress.SHOP, *sender_mails.shops())

_BEST_FIRST = (Outcome.TRACKED, Outcome.ORDER_NOTED, Outcome.NOTHING_FOUND)


def is_shop_sender(person: Person) -> bool:
    """Return True if some shop that we know writes from this address."""
    return any(shop.brand.is_sender(person) for shop in SHOPS)


def signers_of(person: Person) -> frozenset[str]:
    """Return the domains of which one signs what the shops that we know write from an address."""
    return frozenset(domain for shop in SHOPS for domain in shop.brand.signers_of(person))


def parse(message: Message) -> Reading:
    """Read one mail: what it is, whom it came through and which parcels it names.

    1. A mail of ours came back, or Gmail asks whether it may forward to us.
    2. A shop wrote it, or somebody who pretends to be one.
    3. A machine wrote it.
    4. A person wrote it: a command, or numbers that they typed. A forward is neither.
    """
    forward = unwrap(message, is_shop_sender)
    # 1.
    if message.bounce is not None:
        return Reading(Outcome.BOUNCE, forward, reason="A mail of ours came back.")
    if is_confirmation(message):
        confirmation = read_confirmation(message)
        outcome = Outcome.FORWARDING_CONFIRMATION
        return Reading(outcome, forward, kind=GMAIL, confirmation=confirmation)
    # 2.
    original = forward.original if forward.original != Original() else whole(message)
    for shop in SHOPS:
        recognition = shop.recognise(original)
        if recognition.claim is Authorship.FAKE:
            return Reading(Outcome.REFUSED, forward, reason=recognition.reason)
        if recognition.claim is Authorship.YES:
            return _with_others(shop.read(original, forward), shop, forward)
    # 3.
    if message.is_automatic:
        return Reading(Outcome.AUTOMATIC_REPLY, forward, reason="Sent by a machine.")
    # 4.
    typed = None
    if not forward.is_forward:
        typed = read_command(message, forward) or read_bare_numbers(message, forward)
    none = Reading(Outcome.NOT_A_SHOP_MAIL, forward, reason="No shop that we know wrote this.")
    return typed or none


def _with_others(reading: Reading, shop: Shop, forward: Forward) -> Reading:
    """Add what further attached mails of the same shop name."""
    for other in forward.others:
        if shop.recognise(other).claim is not Authorship.YES:
            continue
        more = shop.read(other, forward)
        known = {parcel.number for parcel in reading.parcels}
        outcomes = (reading.outcome, more.outcome)
        reading = replace(
            reading,
            outcome=next(o for o in _BEST_FIRST if o in outcomes),
            orders=tuple(dict.fromkeys(reading.orders + more.orders)),
            parcels=reading.parcels + tuple(p for p in more.parcels if p.number not in known),
            items=tuple(dict.fromkeys(reading.items + more.items)),
        )
    return reading
