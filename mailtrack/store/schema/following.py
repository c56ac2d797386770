"""What each subscriber follows, and what is theirs alone: steps of mails, proofs, a calendar."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from mailtrack.domain.milestones import Milestone
from mailtrack.store.schema.columns import (
    Instant,
    belongs_to,
    metadata,
    partial_index,
    row_id,
    row_key,
    state_columns,
)

#: One subscriber following one parcel, or an order that has no parcel yet.
subscription = Table(
    "subscription",
    metadata,
    row_id(),
    row_key(),
    belongs_to("subscriber", index=False),
    belongs_to("parcel", nullable=True),
    #: The parcel that has the local number which a mail of theirs gave theirs; see
    #: `store.local_parcels`.
    Column("local_parcel_id", ForeignKey("parcel.id", ondelete="SET NULL"), nullable=True),
    belongs_to("shop_order", nullable=True, index=False),
    Column("titles", Text, nullable=False, default=""),
    Column("created_at", Instant, nullable=False),
    Column("muted_at", Instant),
    #: When they said that they have it: it is muted from then on.
    Column("received_at", Instant),
    #: What they call it, in place of the article's title; null where they gave it no name.
    Column("own_name", String(60)),
    #: Where it stands by what carriers and the subscriber's own mails tell.
    *state_columns(),
    #: The id in the logs of the mail that asked for it.
    Column("trace", String(16), nullable=False, default=""),
    #: On which day a mail of theirs expects the delivery, and the code of who wrote it.
    Column("expected_on", Date),
    Column("expected_by", String(32)),
    #: The hours of that day, as a mail of theirs told them ("11:15-15:15", Paris).
    Column("expected_slot", String(11)),
    #: Where a mail of theirs says that the parcel waits, until when, and what to show there.
    Column("pickup_name", Text),
    Column("pickup_address", Text),
    Column("pickup_last_day", Date),
    Column("pickup_code", String(16)),
    #: The code of the shop or carrier whose mail was the first to name it; null where a person
    #: typed its number.
    Column("named_by", String(32)),
    #: When it will have stayed where it is for longer than nine of ten; null once that was told,
    #: and where nothing is awaited.
    Column("slow_at", Instant),
    UniqueConstraint("subscriber_id", "parcel_id"),
    CheckConstraint("parcel_id IS NOT NULL OR shop_order_id IS NOT NULL", name="about_something"),
)
Index("ix_subscription_created_at", subscription.c.created_at)
partial_index(
    "ix_subscription_local_parcel_id",
    subscription.c.local_parcel_id,
    subscription.c.local_parcel_id.is_not(None),
)
partial_index(
    "ix_subscription_shop_order_id",
    subscription.c.shop_order_id,
    subscription.c.shop_order_id.is_not(None),
)
partial_index("ix_subscription_slow", subscription.c.slow_at, subscription.c.slow_at.is_not(None))
partial_index(
    "ix_subscription_pickup",
    subscription.c.milestone_at,
    subscription.c.milestone == Milestone.PICKUP_AVAILABLE,
)
partial_index(
    "ix_subscription_order", subscription.c.created_at, subscription.c.parcel_id.is_(None)
)


#: Numbers that somebody was asked about: each is followed once they say that it is their parcel's.
doubtful_number = Table(
    "doubtful_number",
    metadata,
    row_id(),
    row_key(),
    Column("subscriber_id", ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False),
    Column("number", String(64), nullable=False),
    #: Codes of the carriers that it may belong to, best first, with commas between.
    Column("carriers", Text, nullable=False),
    #: Why it is not followed at once: uncertain, check_digit.
    Column("why", String(16), nullable=False),
    #: The id in the logs of the mail that named it.
    Column("trace", String(16), nullable=False),
    #: When they were asked last, and when they said that it is theirs.
    Column("asked_at", Instant, nullable=False, index=True),
    Column("answered_at", Instant),
    UniqueConstraint("subscriber_id", "number"),
)


#: Whose number a subscriber's own mails say one to be; see `store.named_carriers`.
named_carrier = Table(
    "named_carrier",
    metadata,
    Column(
        "subscription_id",
        ForeignKey("subscription.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("number", String(64), primary_key=True),
    Column("carrier", String(24), nullable=False),
)


#: What a subscriber's own mails told of a parcel or an order; nobody else sees it.
mail_event = Table(
    "mail_event",
    metadata,
    row_id(),
    Column("subscription_id", ForeignKey("subscription.id", ondelete="CASCADE"), nullable=False),
    Column("milestone", String(24), nullable=False),
    #: The kind of the mail, and the code of who wrote it.
    Column("code", String(32), nullable=False),
    Column("told_by", String(32), nullable=False, server_default=""),
    Column("at", Instant, nullable=False),
    UniqueConstraint("subscription_id", "milestone", "code"),
)


#: What was known of a parcel when somebody asked for a proof; it is never changed.
proof = Table(
    "proof",
    metadata,
    row_id(),
    row_key(),
    belongs_to("subscription"),
    Column("made_at", Instant, nullable=False),
    #: A `domain.proof.Proof`, as JSON.
    Column("content", Text, nullable=False),
)


#: The calendar of who asked for one; its link holds the key, and another one once it is renewed.
calendar = Table(
    "calendar",
    metadata,
    row_id(),
    row_key(),
    Column(
        "subscriber_id",
        ForeignKey("subscriber.id", ondelete="CASCADE"),
        nullable=False,
        unique=True,
    ),
    Column("created_at", Instant, nullable=False),
    #: When its events were last compared with what is known.
    Column("refreshed_at", Instant, nullable=False, index=True),
)


#: What a calendar says of something that is followed, as it is served; its key is its UID. See
#: `domain.calendar_events`.
calendar_event = Table(
    "calendar_event",
    metadata,
    row_id(),
    row_key(),
    belongs_to("calendar"),
    Column("subscription_id", ForeignKey("subscription.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("title", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("changed_at", Instant, nullable=False),
    UniqueConstraint("subscription_id", "kind"),
)
