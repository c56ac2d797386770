"""What is followed: parcels, their orders, their numbers and what carriers told."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    false,
)

from mailtrack.store.schema.columns import (
    Instant,
    Words,
    belongs_to,
    lane_columns,
    metadata,
    partial_index,
    row_id,
    state_columns,
)

#: One person's order: who else names its number changes nothing about it.
shop_order = Table(
    "shop_order",
    metadata,
    row_id(),
    Column("subscriber_id", ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False),
    Column("number", String(32), nullable=False),
    Column("shop", String(32), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ordered_at", Date),
    #: That day is the one which its owner told, as no mail did.
    Column("dated_by_owner", Boolean, nullable=False, default=False),
    #: On which day to look whether its owner is to be reminded of the protection's end.
    Column("remind_on", Date),
    UniqueConstraint("subscriber_id", "number"),
)
partial_index("ix_shop_order_remind", shop_order.c.remind_on, shop_order.c.remind_on.is_not(None))


#: A parcel, as its carriers tell of it; what mails tell is their readers' alone.
parcel = Table(
    "parcel",
    metadata,
    row_id(),
    Column("number", String(64), nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    *state_columns(),
    Column("local_number", String(64)),
    Column("estimated_delivery", Date),
    Column("pickup_name", Text),
    Column("pickup_address", Text),
    Column("pickup_last_day", Date),
    #: When a carrier first answered at all, and when any answered last.
    Column("first_answer_at", Instant),
    Column("last_answer_at", Instant),
    Column("last_event_at", Instant),
    *lane_columns(),
    #: Set when polling has stopped for good, with the reason.
    Column("ended_at", Instant),
    Column("ended_why", String(24)),
    #: Its way was added to what this installation has seen; see `store.outcomes`.
    Column("counted", Boolean, nullable=False, default=False, server_default=false()),
)
partial_index("ix_parcel_local_number", parcel.c.local_number, parcel.c.local_number.is_not(None))
partial_index("ix_parcel_ended", parcel.c.ended_at, parcel.c.ended_at.is_not(None))
#: What may be silent: by the last event, or since it was named.
partial_index(
    "ix_parcel_quiet", parcel.c.last_event_at, parcel.c.created_at, parcel.c.ended_at.is_(None)
)


parcel_order = Table(
    "parcel_order",
    metadata,
    Column("parcel_id", ForeignKey("parcel.id", ondelete="CASCADE"), primary_key=True),
    Column(
        "shop_order_id",
        ForeignKey("shop_order.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    sqlite_with_rowid=False,  # its key is all there is
)


#: One number of a parcel at one carrier: what is polled. A parcel has one leg at first,
#: a second after the hand-over to the local carrier, more where a guess was wrong.
leg = Table(
    "leg",
    metadata,
    row_id(),
    belongs_to("parcel"),
    Column("carrier", String(24), nullable=False),
    Column("number", String(64), nullable=False),
    Column("is_local", Boolean, nullable=False, default=False),
    #: What the carrier said last: "", found, pending, not_found, rejected.
    Column("state", String(16), nullable=False, default=""),
    Column("asked", Integer, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),
    Column("last_answer_at", Instant),
    Column("last_error", Words, nullable=False, default=""),
    #: Null once there is nothing left to ask.
    Column("next_poll_at", Instant),
    UniqueConstraint("number", "carrier", "parcel_id"),
)
_IS_POLLED = leg.c.next_poll_at.is_not(None)
partial_index("ix_leg_due", leg.c.carrier, leg.c.next_poll_at, _IS_POLLED)
partial_index("ix_leg_answered", leg.c.last_answer_at, _IS_POLLED)
partial_index("ix_leg_failing", leg.c.failures, leg.c.carrier, and_(_IS_POLLED, leg.c.failures > 0))


#: Who is asking about a leg. Apart from the legs, which lie far from each other on the
#: disk, so that a tick writes a few full pages; without a foreign key, whose check would
#: write to every leg all the same (PostgreSQL).
leg_claim = Table(
    "leg_claim",
    metadata,
    Column("leg_id", Integer, primary_key=True, autoincrement=False),
    Column("token", String(32), nullable=False),
    Column("until", Instant, nullable=False),
)


#: How carriers say what happened: shared by all events that say it alike, and gone with the last
#: of them; see `store.wordings`.
wording = Table(
    "wording",
    metadata,
    row_id(),
    #: A hash of all that follows.
    Column("digest", LargeBinary(16), nullable=False, unique=True),
    Column("source", String(24), nullable=False),
    Column("code", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("milestone", String(24), nullable=False),
    Column("reason", String(24)),
    Column("certainty", String(8), nullable=False),
)


#: What carriers told of a parcel; everybody who follows it sees that.
tracking_event = Table(
    "tracking_event",
    metadata,
    row_id(),
    Column("parcel_id", ForeignKey("parcel.id", ondelete="CASCADE"), nullable=False),
    #: A hash of `TrackingEvent.fingerprint`.
    Column("fingerprint", BigInteger, nullable=False),
    Column("wording_id", ForeignKey("wording.id"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("at_certain", Boolean, nullable=False),
    Column("mark", Text, nullable=False),
    UniqueConstraint("parcel_id", "fingerprint"),
)
