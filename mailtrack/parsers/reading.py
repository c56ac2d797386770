"""What reading one mail yields: the values that all shops share. No I/O, no rules."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Candidate, MailRead, Outcome, PickupPoint
from mailtrack.parsers.content import Content

_EMPTY = Content()
#: Kinds of mails that are no news of a parcel that comes to the reader, whatever they name.
IDLE_KINDS = frozenset({"survey", "marketing", "account", "sent_by_reader"})


@dataclass(frozen=True, slots=True)
class Person:
    """A name and an address as a header gives them; both may be empty."""

    name: str = ""
    address: str = ""


class ForwardMethod(StrEnum):
    """How the shop's mail came to us."""

    INLINE = "inline"
    ATTACHMENT = "attachment"
    AUTOMATIC = "automatic"


@dataclass(frozen=True, slots=True)
class Original:
    """The shop's mail inside the forward. `content` is kept for the parsers only."""

    sender: Person = Person()
    to: tuple[Person, ...] = ()
    cc: tuple[Person, ...] = ()
    subject: str = ""
    date: str = ""
    body: str = ""
    content: Content = _EMPTY


@dataclass(frozen=True, slots=True)
class Forward:
    """A mail taken apart: who forwarded what, and what they wrote above it.

    `others`: further mails, where a forward holds several; `below`: what was written below the
    last one, where a mark or the quoting says that it ends.
    """

    is_forward: bool
    method: ForwardMethod | None
    forwarder: Person
    message: str
    original: Original
    others: tuple[Original, ...] = ()
    below: str = ""


@dataclass(frozen=True, slots=True)
class ParcelRead:
    """One parcel that a mail names.

    `orders` and `items`: of its own mail, where a forward holds several. `milestone`: the step
    that its mail tells of it (unknown, where it tells one of others alone), `expected_on`: the
    day on which it expects the delivery, `slot`: the hours of that day ("11:15-15:15", Paris),
    "" where it names none; `pickup`: where it says that the parcel waits; `source`: the shop or
    carrier that wrote it, None where a person typed the number.
    """

    number: str
    orders: tuple[str, ...] = ()
    local_number: str | None = None
    carriers: tuple[Candidate, ...] = ()
    milestone: Milestone | None = None
    source: str | None = None
    items: tuple[str, ...] = ()
    expected_on: date | None = None
    pickup: PickupPoint | None = None
    slot: str = ""

    @property
    def named_carrier(self) -> str | None:
        """Return whose number it is, as the mail says; None where only its form tells."""
        return next((one.carrier for one in self.carriers if one.named), None)


@dataclass(frozen=True, slots=True)
class OrderRead:
    """What one mail says of an order that it names.

    `shop`: the shop or carrier that wrote it; `kind`, `items` and `ordered_at`: of its own mail,
    where a forward holds several. `milestone`: its step, None where that is its parcels'.
    """

    number: str
    shop: str = ""
    kind: str = ""
    milestone: Milestone | None = None
    items: tuple[str, ...] = ()
    ordered_at: date | None = None


class Doubt(StrEnum):
    """Why a number is asked about in place of being followed."""

    #: It has the form of a carrier's numbers, and nothing says that it is one.
    UNCERTAIN = "uncertain"
    #: Its check digit is wrong: somebody miscopied it.
    CHECK_DIGIT = "check_digit"


@dataclass(frozen=True, slots=True)
class DoubtfulNumber:
    """A number that is followed only once its reader says that it is their parcel's."""

    number: str
    carriers: tuple[Candidate, ...]
    why: Doubt


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A mail provider's question whether `requester` may forward to us; `code` may be ""."""

    link: str
    code: str
    requester: str


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that one mail says, and how its reading ended.

    `outcome` is one of tracked (a parcel number), order_noted (an order without one),
    nothing_found (a shop mail that names neither), not_a_shop_mail, command,
    forwarding_confirmation, bounce, automatic_reply, refused (a look-alike; `reason` says
    why). `kind` is the shop's mail kind ("order_confirmed", "order_shipped",
    "parcel_update" …), "number" for one that a person typed, "stop" or "help" for a command
    (about `parcels`, if it names some), "gmail" for a confirmation. `step` holds the shop's
    own words, kept for the steps that we do not know (`milestone` is then `unknown`).
    `told_of_orders` has an entry for each mail that names an order, in their order. `mails` tells
    what each mail of a forward gave, and what its forwarder typed.
    """

    outcome: Outcome
    forward: Forward
    reason: str = ""
    shop: str | None = None
    kind: str | None = None
    language: str | None = None
    milestone: Milestone | None = None
    orders: tuple[str, ...] = ()
    parcels: tuple[ParcelRead, ...] = ()
    items: tuple[str, ...] = ()
    estimated_delivery: date | None = None
    ordered_at: date | None = None
    step: str = ""
    doubtful: tuple[DoubtfulNumber, ...] = ()
    told_of_orders: tuple[OrderRead, ...] = ()
    mails: tuple[MailRead, ...] = ()
    confirmation: Confirmation | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return what a mail names: parcels, else orders, else what its sender is asked about."""
        certain = tuple(parcel.number for parcel in self.parcels)
        return certain or self.orders or tuple(asked.number for asked in self.doubtful)

    def orders_of(self, parcel: ParcelRead) -> tuple[str, ...]:
        """Return the orders that a parcel belongs to: where one mail names all, every one."""
        is_one_mail = parcel.source is not None and not self.forward.others
        return parcel.orders or (self.orders if is_one_mail else ())
