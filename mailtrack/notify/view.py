"""What a mail is made of: plain values, gathered from the store before rendering.

Templates see these and nothing else; no mail knows the database.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from mailtrack.domain.channels import GIVEN_UP_AFTER
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import HeldMail, PickupPoint, Reason, TrackingEvent
from mailtrack.domain.pickup_times import UsualHold
from mailtrack.notify.expectation import Expectation


class NoticeKind(StrEnum):
    """Every mail that we send; each has a folder of its own in `templates/mail/`.

    Those named like a milestone go to everybody or to those who ask, as `STAGES` has it.
    """

    #: A parcel number is known: the subscription begins ("suivi enregistré").
    REGISTERED = "registered"
    #: Only an order number is known yet; says what to forward next.
    ORDER_REGISTERED = "order_registered"
    DETAILS_AWAITED = "details_awaited"
    ORDER_PREPARED = "order_prepared"
    ORDER_CONSOLIDATED = "order_consolidated"
    CARRIER_ACCEPTED = "carrier_accepted"
    IN_TRANSIT = "in_transit"
    ARRIVED_IN_COUNTRY = "arrived_in_country"
    CUSTOMS_STARTED = "customs_started"
    CUSTOMS_HELD = "customs_held"
    CUSTOMS_CLEARED = "customs_cleared"
    LOCAL_TRANSIT = "local_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERY_FAILED = "delivery_failed"
    PICKUP_AVAILABLE = "pickup_available"
    DELIVERED = "delivered"
    RETURNING = "returning"
    RETURNED = "returned"
    EXCEPTION = "exception"
    ORDER_UNFULFILLABLE = "order_unfulfillable"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    ABANDONED = "abandoned"
    #: The carriers have not known the number for three days.
    NOT_FOUND = "not_found"
    #: It stays at its milestone for longer than nine parcels of ten.
    STALLED = "stalled"
    #: Polling has stopped for good.
    EXPIRED = "expired"
    #: The forwarded mail named neither an order nor a parcel.
    NOTHING_FOUND = "nothing_found"
    #: What was read of each mail that a forward holds, and what is asked about.
    READ_SUMMARY = "read_summary"
    #: The forwarded mail names more new parcels than an address may follow in a day.
    TOO_MANY = "too_many"
    #: A mail came in this person's name and nothing proves that they sent it.
    CONFIRM_ADDRESS = "confirm_address"
    #: The answer to AIDE.
    HELP = "help"
    #: The answer to STOP.
    GOODBYE = "goodbye"
    #: The person's mail provider asks whether it may forward to us.
    FORWARDING_REQUEST = "forwarding_request"
    #: The parcel lies at its pickup point for two more days.
    PICKUP_REMINDER = "pickup_reminder"
    #: AliExpress' buyer protection ends in five days, and nothing was delivered.
    PROTECTION_ENDING = "protection_ending"
    #: A channel of theirs takes no news any more: they come by mail again.
    CHANNEL_ENDED = "channel_ended"
    #: More news on one day than mails that a person wants: the rest in one.
    DIGEST = "digest"
    #: Somebody invites the owner of an address to hear of a parcel, or of all of theirs.
    INVITATION = "invitation"


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses that a mail offers, each signed for its own purpose.

    `stop_parcel` and `timeline` are None where the mail is about no subscription;
    `help` is the public page of help and `data` the person's own data, "" where unknown.
    """

    stop_all: str
    preferences: str
    stop_parcel: str | None = None
    timeline: str | None = None
    help: str = ""
    data: str = ""


@dataclass(frozen=True, slots=True)
class NewsLine:
    """One piece of news in a digest; `timeline` is the address of the parcel's page.

    `shop`: the code of who sold it, "" where nobody knows.
    """

    number: str
    name: str
    kind: NoticeKind
    timeline: str
    shop: str = ""


@dataclass(frozen=True, slots=True)
class ParcelView:
    """One parcel as its subscriber sees it; `events` newest first, told once each.

    `name` is what its reader calls it, or the first item's title, "" where nobody named it.
    `carrier_page` is the carrier's own tracking page. `milestone` is None before the first answer.
    `expected` is None where nothing is to be delivered any more, or nobody can tell when.
    `asked` is False where no carrier that we can ask takes the number. `shop` is the code of
    who sold it, "" where nobody knows, and `named_by` who wrote the mail that named it. `hint`
    says why a number is unknown (a `Hint`, or a carrier's own words), `hint_by` who told it.
    `wants_postcode` names a carrier that does not know the number, but might with the reader's
    postcode; "" for none. `ordered_on` is the day of its order; `usual_hold` how long its pick-up
    point usually keeps it, None where its last day is known.
    """

    number: str
    name: str
    carrier: str
    carrier_page: str
    milestone: Milestone | None
    milestone_at: datetime | None
    events: tuple[TrackingEvent, ...]
    local_number: str | None = None
    #: By which anybody sees its news, where that is not `number`.
    public_number: str = ""
    orders: tuple[str, ...] = ()
    reason: Reason | None = None
    expected: Expectation | None = None
    pickup_point: PickupPoint | None = None
    checked_at: datetime | None = None
    next_check_at: datetime | None = None
    asked: bool = True
    wants_postcode: str = ""
    shop: str = ""
    named_by: str = ""
    hint: str = ""
    hint_by: str = ""
    ordered_on: date | None = None
    usual_hold: UsualHold | None = None


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order of which no parcel is known, as its subscriber sees it; `events` newest first.

    `milestone` is None where its mails told no step; `shop` is the code of who sold it.
    """

    number: str
    shop: str
    milestone: Milestone | None = None
    milestone_at: datetime | None = None
    events: tuple[TrackingEvent, ...] = ()
    ordered_on: date | None = None


@dataclass(frozen=True, slots=True)
class NumberLine:
    """A number that a mail named, followed or (with an `action`, the link) asked about.

    `carrier` is a name, "" where unknown. `why` it is asked about: "uncertain", or "check_digit"
    where it was miscopied.
    """

    number: str
    carrier: str = ""
    why: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class MailSummary:
    """What was read of one mail; `subject` and `sender` are "" for what its reader typed.

    `outcome` and `kind` are those of its reading, `unasked` how many numbers of it are neither
    followed nor asked about.
    """

    subject: str
    sender: str
    outcome: str
    kind: str
    numbers: tuple[NumberLine, ...] = ()
    orders: tuple[str, ...] = ()
    unasked: int = 0

    @property
    def asked(self) -> tuple[NumberLine, ...]:
        """Return the numbers that are asked about."""
        return tuple(line for line in self.numbers if line.action)

    @property
    def followed(self) -> tuple[NumberLine, ...]:
        """Return the numbers that are followed."""
        return tuple(line for line in self.numbers if not line.action)


@dataclass(frozen=True, slots=True)
class InvitationView:
    """What an invitation says before its click, which is nothing of the parcel.

    `inviter` is an address; `everything`: it is about all parcels of theirs, also those to come.
    It can be accepted until `until`; `refusal` is the link that ends all invitations.
    """

    inviter: str
    everything: bool
    until: datetime
    refusal: str


@dataclass(frozen=True, slots=True)
class EndedChannel:
    """A channel that takes no news any more; `masked` is what is shown of its address.

    `why`: an `EndReason`; `was_instead`: it stood in the place of mail. `days`: how long one
    that fails is tried.
    """

    masked: str
    why: str
    was_instead: bool
    days: int = GIVEN_UP_AFTER.days


@dataclass(frozen=True, slots=True)
class NoticeView:
    """Everything one mail needs.

    `key` names the notice for good ("7-customs_cleared-1"): the Message-ID is made
    from it. `parcel` is None where `order` is all that is known, and both are for mails about no
    subscription; `orders` and `items` hold all that it is about, `named` says that `items` is the
    name that its reader gave it. `subject` is the forwarded
    mail's subject (NOTHING_FOUND), `message_id` its Message-ID (for threading), "" where
    unknown, and `outcome` how its reading ended ("refused": an imitation, "quarantined":
    unreadable). `event` is the tracking event that the notice tells of, where there is one.
    Mails of one `thread` are one conversation; it is the key up to its first "-".

    `personal_address` is the person's own address to forward to, "" where they have none
    or know it already. `action` is the one link of CONFIRM_ADDRESS, GOODBYE (which it
    takes back), INVITATION, CHANNEL_ENDED and FORWARDING_REQUEST; `code` the provider's
    confirmation code, often "". `news` is the DIGEST's, `held` the mails that CONFIRM_ADDRESS asks
    about, `mails` those that READ_SUMMARY tells of, `channel` the one of CHANNEL_ENDED;
    `invitation` is None also where it is over. `invited`: its reader was invited to follow the
    parcel, by `inviter` ("" once that has ended).
    """

    kind: NoticeKind
    key: str
    to: str
    links: Links
    forward_to: str
    at: datetime
    parcel: ParcelView | None = None
    order: OrderView | None = None
    event: TrackingEvent | None = None
    orders: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    named: bool = False
    subject: str = ""
    message_id: str = ""
    personal_address: str = ""
    action: str = ""
    code: str = ""
    news: tuple[NewsLine, ...] = ()
    held: tuple[HeldMail, ...] = ()
    outcome: str = ""
    mails: tuple[MailSummary, ...] = ()
    channel: EndedChannel | None = None
    invitation: InvitationView | None = None
    invited: bool = False
    inviter: str = ""

    @property
    def unsubscribe(self) -> str:
        """Return the address behind a mail program's own button (RFC 8058)."""
        if self.invitation is not None:
            return self.invitation.refusal
        return self.links.stop_parcel or self.links.stop_all

    @property
    def thread(self) -> str:
        """Return what the mails of one conversation have in common."""
        return self.key.partition("-")[0]
