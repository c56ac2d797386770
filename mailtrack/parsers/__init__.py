"""Reading mails: from a `Message` to what it says. One file per shop; no I/O.

`SHOPS` is the registry: a new shop is a new file and one line here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial

from mailtrack.domain.milestones import STAGES
from mailtrack.domain.model import MailRead, Outcome
from mailtrack.domain.numbers import detect
from mailtrack.parsers import aliexpress, sender_mails
from mailtrack.parsers.bare_number import (
    KIND,
    MAX_NUMBERS,
    read_bare_numbers,
    typed_in,
    typed_read,
)
from mailtrack.parsers.commands import read_command
from mailtrack.parsers.confirmation import KIND as GMAIL
from mailtrack.parsers.confirmation import is_confirmation, read_confirmation
from mailtrack.parsers.doubtful import to_ask
from mailtrack.parsers.forwarded import unwrap, whole
from mailtrack.parsers.mail_numbers import proven_in
from mailtrack.parsers.message import Message
from mailtrack.parsers.own_words import own_lines
from mailtrack.parsers.reading import (
    DoubtfulNumber,
    Forward,
    OrderRead,
    Original,
    ParcelRead,
    Person,
    Reading,
)
from mailtrack.parsers.sender_mails import read_unknown
from mailtrack.parsers.shop import Authorship, Shop

SHOPS: tuple[Shop, ...] = (aliexpress.SHOP, *sender_mails.shops())

#: Lines at the end of a mail, and those of them that have words, in which somebody may have typed.
MAX_TAIL, MAX_TYPED_LINES = 10, 3
#: Characters of a subject or a name that an answer repeats.
MAX_TOLD = 200

_BEST_FIRST = (Outcome.TRACKED, Outcome.ORDER_NOTED, Outcome.NOTHING_FOUND)


# A forward asks about its people again and again.
@lru_cache(maxsize=1_000)
def is_shop_sender(person: Person) -> bool:
    """Return True if some shop that we know writes from this address."""
    return any(shop.brand.is_sender(person) for shop in SHOPS)


def signers_of(person: Person) -> frozenset[str]:
    """Return the domains of which one signs what the shops that we know write from an address."""
    return frozenset(domain for shop in SHOPS for domain in shop.brand.signers_of(person))


def name_of(code: str) -> str:
    """Return the name of a shop or carrier whose mails we read, by its code."""
    return next((shop.brand.name for shop in SHOPS if shop.code == code), code)


def parse(message: Message) -> Reading:
    """Read one mail: what it is, whom it came through and which parcels it names.

    1. A mail of ours came back, or Gmail asks whether it may forward to us.
    2. A shop or a carrier wrote it, or somebody who pretends to be one. A forward may hold
       several; what each names is bound to it alone, and so are numbers typed beside them.
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
    first = forward.original if forward.original != Original() else whole(message)
    first_read = _read_one(first, forward)
    # Behind an imitation in the first place nothing is read.
    if first_read.outcome is Outcome.REFUSED:
        return first_read
    read = [first_read, *(_read_one(other, forward) for other in forward.others)]
    typed, miscopied = _typed_beside(forward, read[-1])
    told = tuple(map(_told, (first, *forward.others), read)) if forward.is_forward else ()
    doubtful = [*miscopied, *(one for reading in read for one in reading.doubtful)]
    answered = partial(_with_answer, doubtful, typed, told)
    readings = [reading for reading in read if reading.outcome in _BEST_FIRST]
    if readings or typed:
        return answered(_together(readings or read[:1], typed))
    # 3.
    if message.is_automatic:
        return Reading(Outcome.AUTOMATIC_REPLY, forward, reason="Sent by a machine.")
    # 4.
    said = None
    if not forward.is_forward:
        said = read_command(message, forward) or read_bare_numbers(message, forward)
    return said or answered(first_read)


def _read_one(original: Original, forward: Forward) -> Reading:
    """Read one mail: as its shop or carrier writes them, or as anybody's who was forwarded."""
    for shop in SHOPS:
        recognition = shop.recognise(original)
        if recognition.claim is Authorship.YES:
            return shop.read(original, forward)
        if recognition.claim is Authorship.FAKE:
            return Reading(Outcome.REFUSED, forward, reason=recognition.reason)
    none = Reading(Outcome.NOT_A_SHOP_MAIL, forward, reason="No shop that we know wrote this.")
    return (read_unknown(original, forward) if forward.is_forward else None) or none


def _typed_beside(forward: Forward, last: Reading) -> tuple[list[ParcelRead], list[DoubtfulNumber]]:
    """Return the parcels that somebody typed above or below what they forwarded; see `typed_in`.

    Where nothing tells the end of the last mail, its last lines may be theirs: a number there
    with a check digit that is right is, if a shop wrote the mail and names it nowhere (and is
    none in whose mails no digits are a parcel).
    """
    if not forward.is_forward:
        return [], []
    typed, miscopied = typed_in([*own_lines(forward.message), *own_lines(forward.below)])
    names_parcels = any(shop.code == last.shop and shop.names_parcels for shop in SHOPS)
    if names_parcels and last.outcome in (Outcome.TRACKED, Outcome.ORDER_NOTED):
        end = (forward.original, *forward.others)[-1].content.lines[-MAX_TAIL:]
        tail = [line for line in end if line][-MAX_TYPED_LINES:]
        known = {parcel.local_number for parcel in last.parcels}
        below = (number for number in proven_in(tail) if number not in known)
        typed += [ParcelRead(number, (), None, detect(number)) for number in below]
    return typed[:MAX_NUMBERS], miscopied


def _told(original: Original, reading: Reading) -> MailRead:
    """Return what one mail of a forward gave, as the answer tells it."""
    return MailRead(
        original.subject[:MAX_TOLD].strip(),
        name_of(reading.shop) if reading.shop else original.sender.name[:MAX_TOLD].strip(),
        reading.outcome,
        reading.kind or "",
        tuple(parcel.number for parcel in reading.parcels),
        tuple(doubtful.number for doubtful in reading.doubtful),
        reading.orders,
    )


def _with_answer(
    doubtful: Sequence[DoubtfulNumber],
    typed: Sequence[ParcelRead],
    told: Sequence[MailRead],
    reading: Reading,
) -> Reading:
    """Return a reading with what its answer asks about and what it tells of each mail.

    What somebody typed that a mail names as well is told of the mail.
    """
    asked = to_ask(doubtful, {parcel.number for parcel in reading.parcels})
    named = {number for mail in told for number in (*mail.numbers, *mail.doubtful)}
    own = typed_read(
        [parcel for parcel in typed if parcel.number not in named],
        [one for one in asked if one.number not in named],
    )
    return replace(reading, doubtful=asked, mails=(*own, *told))


def _together(readings: Sequence[Reading], typed: Sequence[ParcelRead]) -> Reading:
    """Return what the mails of one forward say, and what was typed beside them.

    1. A parcel keeps its own step, or that of its mail, and its orders where there are several
       mails; so does an order.
    2. The step of the whole is the furthest; the date of an order counts where one mail has
       orders.
    """
    first = readings[0]
    # 1.
    several = len(readings) > 1
    parcels: dict[str, ParcelRead] = {}
    for reading in readings:
        for parcel in reading.parcels:
            orders = parcel.orders or (reading.orders if several else ())
            parcels.setdefault(
                parcel.number,
                replace(
                    parcel,
                    orders=orders,
                    items=reading.items,
                    milestone=parcel.milestone or reading.milestone,
                    source=reading.shop,
                    expected_on=reading.estimated_delivery,
                ),
            )
    for parcel in typed:
        parcels.setdefault(parcel.number, parcel)
    # 2.
    outcomes = {reading.outcome for reading in readings} | ({Outcome.TRACKED} if parcels else set())
    milestones = [reading.milestone for reading in readings if reading.milestone is not None]
    dates = [reading.ordered_at for reading in readings if reading.orders]
    return replace(
        first,
        outcome=next(outcome for outcome in _BEST_FIRST if outcome in outcomes),
        kind=first.kind or KIND,
        reason="",
        milestone=max(milestones, key=lambda m: STAGES[m].rank, default=None),
        orders=tuple(dict.fromkeys(order for reading in readings for order in reading.orders)),
        parcels=tuple(parcels.values()),
        items=tuple(dict.fromkeys(item for reading in readings for item in reading.items)),
        ordered_at=dates[0] if len(dates) == 1 else None if several else first.ordered_at,
        told_of_orders=tuple(order for reading in readings for order in _told_of_orders(reading)),
    )


def _told_of_orders(reading: Reading) -> Iterator[OrderRead]:
    """Yield what one mail says of each order; a step that is a parcel's own is no order's."""
    of_parcels = any(parcel.milestone for parcel in reading.parcels)
    of_each = [order for parcel in reading.parcels for order in parcel.orders]
    for number in dict.fromkeys((*reading.orders, *of_each)):
        yield OrderRead(
            number,
            reading.shop or "",
            reading.kind or "",
            None if of_parcels else reading.milestone,
            reading.items,
            reading.ordered_at,
        )
