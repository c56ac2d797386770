"""Mails of carriers and shops: of those that `senders/` declares, and of all others.

What a declared sender writes tells a step, too; of others a number alone is believed, and only
for a reason that does not rest on who wrote it (see `mail_numbers`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import unquote

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Outcome
from mailtrack.parsers.dates import day_sent
from mailtrack.parsers.mail_details import MailDetails, read_details
from mailtrack.parsers.mail_numbers import (
    FoundNumbers,
    find_numbers,
    is_of_own_form,
    read_lines,
)
from mailtrack.parsers.reading import IDLE_KINDS, Forward, Original, ParcelRead, Person, Reading
from mailtrack.parsers.sender_declarations import (
    MailSender,
    StepRow,
    anybody,
    declared,
    plain,
    spaced,
)
from mailtrack.parsers.shop import Authorship, Recognition, Shop, host_of, parameters_of
from mailtrack.parsers.tracking_links import MAX_URL, unwrapped

#: Characters of a subject that are read.
MAX_SUBJECT = 300


def read(sender: MailSender, original: Original, forward: Forward) -> Reading:
    """Read one mail of a declared sender.

    1. Find its step: the first row whose sender, subject and text fit.
    2. Surveys, advertisements and what the reader sends themselves name nothing.
    3. Collect the numbers.
    4. The orders that it names, in words or links, belong to its parcels, and so does the
       shop's name.
    5. What it says of a pick-up or of the day belongs to its parcel, if it names one alone.
    """
    # 1.
    step, groups = _step(sender, original)
    kind = step.kind if step else "parcel_update"
    if not sender.writes_from(original.sender.address):
        kind = "marketing"
    # 2.
    if kind in IDLE_KINDS:
        return Reading(Outcome.NOTHING_FOUND, forward, shop=sender.code, kind=kind)
    # 3.
    number = groups.get("number", "").upper()
    in_subject = [number] if number and is_of_own_form(sender, number) else []
    found = FoundNumbers()
    if sender.names_parcels:
        found = find_numbers(sender, original, in_subject, known=True)
    # 4.
    lines = read_lines(original)
    text = "\n".join((original.subject, *lines))
    said = sender.orders.findall(text) if sender.orders else ()
    orders = tuple(dict.fromkeys((*said, *_linked_orders(sender, original))))
    items = sender.items.findall(original.subject[:MAX_SUBJECT]) if sender.items else ()
    # 5.
    told = MailDetails()
    if step and step.milestone and len(found.certain) == 1:
        sent = day_sent(original.date)
        told = read_details(sender.code, step.milestone, original.subject, lines, sent)
    outcome = Outcome.TRACKED if found.certain else Outcome.ORDER_NOTED if orders else None
    return Reading(
        outcome or Outcome.NOTHING_FOUND,
        forward,
        shop=sender.code,
        kind=kind,
        language=step.language if step else None,
        milestone=(step.milestone if step else Milestone.UNKNOWN) if outcome else None,
        orders=orders,
        parcels=tuple(
            replace(parcel, pickup=told.pickup, slot=told.slot)
            for parcel in _parcels(found, orders)
        ),
        items=(groups["shop"],) if outcome and "shop" in groups else tuple(items),
        estimated_delivery=told.expected_on,
        step=original.subject[:MAX_SUBJECT].strip(),
        doubtful=found.doubts(),
    )


def read_unknown(original: Original, forward: Forward) -> Reading | None:
    """Read a forwarded mail of a sender that nobody declared; None where it names nothing.

    1. Its subject may say that it is no news.
    2. Collect the numbers. Who writes in a carrier's name from elsewhere is believed nothing:
       their number is asked about.
    3. The sender's name stands for the shop's.
    """
    # 1.
    step, _ = _step(anybody(), original)
    if step and step.kind in IDLE_KINDS:
        return None
    # 2.
    found = find_numbers(anybody(), original, (), known=False)
    if _claims_a_name(original.sender):
        found = FoundNumbers(doubtful=found.certain | found.doubtful)
    if not (found.certain or found.doubtful):
        return None
    # 3.
    name = original.sender.name.strip()
    return Reading(
        Outcome.TRACKED if found.certain else Outcome.NOT_A_SHOP_MAIL,
        forward,
        reason="" if found.certain else "No shop that we know wrote this.",
        kind=step.kind if step and found.certain else "parcel_update" if found.certain else None,
        milestone=(step.milestone if step else Milestone.UNKNOWN) if found.certain else None,
        parcels=_parcels(found, ()),
        items=(name,) if found.certain and name else (),
        doubtful=found.doubts(),
    )


def _step(sender: MailSender, original: Original) -> tuple[StepRow | None, dict[str, str]]:
    """Return what a mail tells, and what its subject has in known places: number and shop."""
    address = original.sender.address.lower()
    said = spaced(original.subject[:MAX_SUBJECT])
    subject, text = plain(said), plain("\n".join(read_lines(original)))
    for step in sender.steps:
        if step.sender not in address or step.text not in text:
            continue
        fits = step.subject.compiled.match(subject) if step.subject else None
        if fits:
            # Small letters are of one length with the others, but for a few.
            written = said if len(said) == len(subject) else subject
            spans = {name: fits.span(name) for name, value in fits.groupdict().items() if value}
            return step, {name: written[slice(*span)].strip() for name, span in spans.items()}
        if step.subject is None:
            return step, {}
    return None, {}


def _linked_orders(sender: MailSender, original: Original) -> Iterator[str]:
    """Yield the orders that the sender's own links name."""
    wanted = sender.order_parameter.lower()
    if sender.orders is None or not wanted:
        return
    for link in original.content.links:
        url = unwrapped(link.url[:MAX_URL])
        value = unquote(parameters_of(url, {wanted}).get(wanted, ""))
        if sender.brand.owns(host_of(url)) and sender.orders.fullmatch(value):
            yield value


def _parcels(found: FoundNumbers, orders: Sequence[str]) -> tuple[ParcelRead, ...]:
    named = found.parcels()
    return tuple(ParcelRead(number, tuple(orders), None, carriers) for number, carriers in named)


def _claims_a_name(person: Person) -> bool:
    """Return True if somebody writes in a declared sender's name, or from a host that has it."""
    said = plain(person.name)
    labels = set(re.split(r"\W", plain(person.address.rpartition("@")[2])))
    names = [name for sender in declared() for name in sender.known_as]
    return any(re.search(rf"\b{re.escape(name)}\b", said) for name in names) or not (
        labels.isdisjoint(re.sub(r"\W", "", name) for name in names)
    )


def shops() -> tuple[Shop, ...]:
    """Return the declared senders as the registry takes them."""
    return tuple(map(_shop, declared()))


def _shop(sender: MailSender) -> Shop:
    def recognise(original: Original) -> Recognition:
        known = sender.brand.is_sender(original.sender)
        return Recognition(Authorship.YES if known else Authorship.NO)

    def read_mail(original: Original, forward: Forward) -> Reading:
        return read(sender, original, forward)

    return Shop(sender.code, sender.brand, recognise, read_mail, sender.names_parcels)
