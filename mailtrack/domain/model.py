"""The values of the domain: what flows between the rooms. Pure and immutable."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

from mailtrack.domain.milestones import Milestone

ParcelId = NewType("ParcelId", int)
LegId = NewType("LegId", int)
SubscriberId = NewType("SubscriberId", int)
SubscriptionId = NewType("SubscriptionId", int)
OrderId = NewType("OrderId", int)
NoticeId = NewType("NoticeId", int)
ChannelId = NewType("ChannelId", int)
ChannelNoticeId = NewType("ChannelNoticeId", int)
InboundId = NewType("InboundId", int)
#: By which links and addresses name a subscriber or a subscription: random, never given twice.
RowKey = NewType("RowKey", str)


class Reason(StrEnum):
    """Why a delivery failed, a parcel turned back or something went wrong."""

    BAD_ADDRESS = "bad_address"
    ABSENT = "absent"
    UNCLAIMED = "unclaimed"
    CUSTOMS = "customs"
    REFUSED = "refused"
    LOST = "lost"
    DAMAGED = "damaged"
    DELAYED = "delayed"
    #: A carrier says in so many words that a parcel on its way back is delivered anew.
    REDELIVERY = "redelivery"


class Certainty(StrEnum):
    """How the milestone of an event was reached; `domain.witnesses` says what follows."""

    #: The carrier's own table, or its code, says it.
    KNOWN = "known"
    #: Telling words say it that all carriers share.
    READ = "read"


@dataclass(frozen=True, slots=True)
class TrackingEvent:
    """One dated line of a parcel's history, as `source` gave it.

    `at` is UTC. `at_certain` is False where the source's clock is doubtful by hours
    (Cainiao prints European scans with Chinese zones). `source` is a carrier's code
    or "mail", `told_by` the code of who wrote that mail ("" where unknown). `mark` is the
    source's own identity of the scan (raw time, sequence number …): together with `source` and
    `code` it tells one scan from another.
    """

    at: datetime
    milestone: Milestone
    source: str
    code: str = ""
    text: str = ""
    place: str = ""
    at_certain: bool = True
    reason: Reason | None = None
    mark: str = ""
    certainty: Certainty = Certainty.KNOWN
    told_by: str = ""

    @property
    def is_unknown(self) -> bool:
        """Whether no table knows what the source means."""
        return self.milestone is Milestone.UNKNOWN

    @property
    def fingerprint(self) -> str:
        """Return what stays the same when a source tells the same scan again."""
        return "|".join((self.source, self.code, self.mark or self.at.isoformat()))


@dataclass(frozen=True, slots=True)
class PickupPoint:
    """Where a parcel waits, and until when.

    `code`: what its addressee shows there; mails tell it, carriers never do.
    """

    name: str
    address: str = ""
    last_day: date | None = None
    code: str = ""


class PollState(StrEnum):
    """What a carrier answered about one number."""

    #: It knows the number and gave events.
    FOUND = "found"
    #: It knows the number; the seller has not handed anything over yet.
    PENDING = "pending"
    #: It does not know the number, or not yet: carriers do not tell these apart.
    NOT_FOUND = "not_found"
    #: It says that this cannot be a number of its own.
    REJECTED = "rejected"
    #: It was not asked: it wants the addressee's postcode, which nobody has told us.
    NEEDS_POSTCODE = "needs_postcode"


#: After these, somebody else may be asked about the number.
UNKNOWN_STATES = frozenset({PollState.NOT_FOUND, PollState.REJECTED, PollState.NEEDS_POSTCODE})


class Hint(StrEnum):
    """What a service that asks many carriers says of a number that it does not know."""

    #: It could not read the carrier, so that the number may well be right.
    NOT_READ = "not_read"
    #: The carrier tells nothing without the postcode of the destination.
    POSTCODE = "postcode"


@dataclass(frozen=True, slots=True)
class PollResult:
    """One carrier's answer about one number; events in any order.

    `hint`: why it tells nothing, a `Hint` or words of the carrier's own, "" where it does not
    say so.
    """

    number: str
    state: PollState
    events: tuple[TrackingEvent, ...] = ()
    local_number: str | None = None
    estimated_delivery: date | None = None
    pickup_point: PickupPoint | None = None
    hint: str = ""


@dataclass(frozen=True, slots=True)
class HeldMail:
    """A mail in somebody's name that waits for their word: when it came, and what it asks for.

    `kind` is that of its reading ("stop", "number", a shop's kind), `numbers` what it names.
    """

    id: InboundId
    received_at: datetime
    kind: str
    numbers: tuple[str, ...] = ()

    @property
    def stops(self) -> bool:
        """Whether it asks us to write no more."""
        return self.kind == "stop"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A carrier that a number may belong to; best candidates come first in a list.

    `named`: the mail says that it is this one's, by its sender, a link or a typed name.
    """

    carrier: str
    format: str
    check_digit: str  # "ok", "none" or "failed": evidence, never a gate
    named: bool = False


class Outcome(StrEnum):
    """How the reading of one inbound mail ended; every mail has exactly one."""

    TRACKED = "tracked"
    ORDER_NOTED = "order_noted"
    UPDATED = "updated"
    NOTHING_FOUND = "nothing_found"
    NOT_A_SHOP_MAIL = "not_a_shop_mail"
    AUTOMATIC_REPLY = "automatic_reply"
    BOUNCE = "bounce"
    COMMAND = "command"
    FORWARDING_CONFIRMATION = "forwarding_confirmation"
    REFUSED = "refused"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class MailRead:
    """What was read of one of the mails that a forward holds, for its answer.

    `subject` and `sender` (a name) are its own, "" for what the forwarder typed; `outcome` and
    `kind` those of its reading. `numbers` are followed, the `doubtful` ones are asked about.
    """

    subject: str
    sender: str
    outcome: Outcome
    kind: str = ""
    numbers: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
