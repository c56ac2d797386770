"""The tables: the only truth of the service. Redis carries work, never knowledge.

Due work is found by partial indexes over what is due, so that a tick costs what is
due and not what is stored.
"""

import secrets
from base64 import b32encode
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    and_,
    false,
)

from mailtrack.domain.harmless import without_addresses


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime, also where the database has no time zones (SQLite)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy passes it by name
    ) -> datetime | None:
        if value is None:
            return None
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value
        return aware.astimezone(UTC)


class Names(TypeDecorator[frozenset[str]]):
    """A set of short names, as one text with commas between."""

    impl = Text
    cache_ok = True

    def process_bind_param(
        self,
        value: frozenset[str] | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> str:
        return ",".join(sorted(value or ()))

    def process_result_value(
        self,
        value: str | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> frozenset[str]:
        return frozenset((value or "").split(",")) - {""}


def new_key() -> str:
    """Return a name for a row that nobody can guess and no other row ever gets (80 bits)."""
    return b32encode(secrets.token_bytes(10)).decode("ascii").lower()


class Words(TypeDecorator[str]):
    """Why something failed or ended: quotes servers and strangers, names no address of a person."""

    impl = Text
    cache_ok = True

    def process_bind_param(
        self,
        value: str | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> str | None:
        return None if value is None else without_addresses(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", Integer, primary_key=True, autoincrement=True)


def _key() -> Column[str]:
    """Make the column by which links and addresses name a row.

    Its number may come to mean somebody else: after a restore, or in another database.
    """
    return Column("key", String(16), nullable=False, unique=True, default=new_key)


def _state() -> tuple[Column[Any], ...]:
    """Make the columns for where a parcel stands, and since when."""
    return (
        Column("milestone", String(24)),
        Column("milestone_at", Instant),
        Column("reason", String(24)),
    )


def _lane(*, primary_key: bool = False) -> tuple[Column[Any], ...]:
    """Make the columns for by whom a parcel goes; see `domain.stage_times.Lane`."""
    return tuple(
        Column(name, String(24), nullable=False, server_default="", primary_key=primary_key)
        for name in ("first_carrier", "last_carrier", "service")
    )


def _belongs_to(target: str, *, nullable: bool = False) -> Column[Any]:
    return Column(
        f"{target}_id",
        ForeignKey(f"{target}.id", ondelete="CASCADE"),
        nullable=nullable,
        index=True,
    )


mailbox = Table(
    "mailbox",
    metadata,
    Column("account", String(320), primary_key=True),
    Column("folder", String(255), primary_key=True),
    Column("uidvalidity", BigInteger, nullable=False, default=0),
    Column("last_uid", BigInteger, nullable=False, default=0),
    Column("state", String(16), nullable=False, default=""),
    Column("detail", Words, nullable=False, default=""),
    Column("state_at", Instant),
    Column("last_ok_at", Instant),
)

subscriber = Table(
    "subscriber",
    metadata,
    _id(),
    _key(),
    Column("address", String(320), nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    #: When they clicked in a mail of ours, so that the address is theirs.
    Column("confirmed_at", Instant),
    Column("unsubscribed_at", Instant),
    Column("bounced_at", Instant),
    #: Temporary failures reported since the last mail that came from them.
    Column("soft_bounces", Integer, nullable=False, default=0),
    #: Kinds of notices that they chose not to get, by name, with commas between.
    Column("unwanted", Names, nullable=False, default=frozenset()),
    #: Kinds that go to those who ask for them, and that they asked for.
    Column("also_wanted", Names, nullable=False, default=frozenset()),
    #: Where their parcels go, as they told it: half of the key that some carriers ask for.
    Column("postcode", String(5)),
)

#: Addresses that asked for no more mail, or refuse it, and were then erased: a keyed hash
#: is enough to leave them in peace.
suppressed = Table(
    "suppressed",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("why", String(16), nullable=False),
    Column("at", Instant, nullable=False),
)

inbound = Table(
    "inbound",
    metadata,
    _id(),
    Column("account", String(320), nullable=False),
    Column("folder", String(255), nullable=False),
    Column("uidvalidity", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False),
    #: SHA-256 of the raw mail: the same mail again, after the server renumbered it.
    Column("content_key", String(64), nullable=False),
    Column("raw", LargeBinary),
    Column("received_at", Instant, nullable=False),
    Column("stored_at", Instant, nullable=False),
    #: Null while the mail waits to be read.
    Column("outcome", String(24)),
    Column("reason", Words, nullable=False, default=""),
    Column("read_at", Instant),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", Instant, nullable=False),
    Column("claim", String(32)),
    _belongs_to("subscriber", nullable=True),
    Column("subject", Text, nullable=False, default=""),
    Column("message_id", Text, nullable=False, default=""),
    Column("shop", String(32)),
    Column("kind", String(32)),
    #: The numbers of parcels, or else of orders or of what is asked about, with commas between.
    Column("names", Text, nullable=False, default=""),
    #: Where it came from, as far as our own server tells: a network, or else a domain.
    Column("source", String(64), nullable=False, default=""),
    #: Since when it waits for its sender's word that it is theirs; null where it does not.
    Column("held_at", Instant),
    #: When its sender was asked about it, and when they said that it is theirs.
    Column("asked_at", Instant),
    Column("vouched_at", Instant),
    #: What was read of each mail that it holds, where its answer tells that.
    Column("mails_read", JSON(none_as_null=True)),
    UniqueConstraint("account", "folder", "uidvalidity", "uid"),
    UniqueConstraint("account", "content_key"),
)
Index(
    "ix_inbound_due",
    inbound.c.due_at,
    sqlite_where=inbound.c.outcome.is_(None),
    postgresql_where=inbound.c.outcome.is_(None),
)

Index(
    "ix_inbound_held",
    inbound.c.held_at,
    sqlite_where=inbound.c.held_at.is_not(None),
    postgresql_where=inbound.c.held_at.is_not(None),
)

#: One person's order: who else names its number changes nothing about it.
shop_order = Table(
    "shop_order",
    metadata,
    _id(),
    Column("subscriber_id", ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False),
    Column("number", String(32), nullable=False),
    Column("shop", String(32), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ordered_at", Date),
    #: That day is the one which its owner told, as no mail did.
    Column("dated_by_owner", Boolean, nullable=False, default=False),
    UniqueConstraint("subscriber_id", "number"),
)

#: A parcel, as its carriers tell of it; what mails tell is their readers' alone.
parcel = Table(
    "parcel",
    metadata,
    _id(),
    Column("number", String(64), nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    *_state(),
    Column("local_number", String(64)),
    Column("estimated_delivery", Date),
    Column("pickup_name", Text),
    Column("pickup_address", Text),
    Column("pickup_last_day", Date),
    #: When a carrier first answered at all, and when any answered last.
    Column("first_answer_at", Instant),
    Column("last_answer_at", Instant),
    Column("last_event_at", Instant),
    *_lane(),
    #: Set when polling has stopped for good, with the reason.
    Column("ended_at", Instant),
    Column("ended_why", String(24)),
    #: Its way was added to what this installation has seen; see `store.outcomes`.
    Column("counted", Boolean, nullable=False, default=False, server_default=false()),
)

Index("ix_parcel_local_number", parcel.c.local_number)

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
)

#: One number of a parcel at one carrier: what is polled. A parcel has one leg at first,
#: a second after the hand-over to the local carrier, more where a guess was wrong.
leg = Table(
    "leg",
    metadata,
    _id(),
    _belongs_to("parcel"),
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
    UniqueConstraint("parcel_id", "carrier", "number"),
)
Index(
    "ix_leg_due",
    leg.c.carrier,
    leg.c.next_poll_at,
    sqlite_where=leg.c.next_poll_at.is_not(None),
    postgresql_where=leg.c.next_poll_at.is_not(None),
)
Index("ix_leg_number", leg.c.number)

#: When a parcel was expected, by our own estimate, as it reached a milestone; scored once it is
#: delivered.
promise = Table(
    "promise",
    metadata,
    Column("parcel_id", ForeignKey("parcel.id", ondelete="CASCADE"), primary_key=True),
    Column("milestone", String(24), primary_key=True),
    *_lane(),
    #: The days of its first milestone and of this one, and when the promise was made.
    Column("followed_on", Date, nullable=False),
    Column("reached_on", Date, nullable=False),
    Column("made_at", Instant, nullable=False),
    #: Between the first and the last day, both included; by the middle one half of them come.
    Column("first_day", Date, nullable=False),
    Column("middle_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    #: What parcels had taken from this milestone to the delivery by then; null where none had come.
    Column("mean_days", Float),
)

#: How many parcels of a milestone and lane left it, or were delivered, on which day after they
#: had reached it: what forecasts learn from. It outlives the parcels, and names no person.
stage_tally = Table(
    "stage_tally",
    metadata,
    Column("milestone", String(24), primary_key=True),
    Column("measure", String(8), primary_key=True),
    *_lane(primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("ended", Integer, nullable=False),
    #: Of which nothing more was seen: returned, lost, given up, erased under way.
    Column("left", Integer, nullable=False),
)

#: How well promises were kept: sums over the delivered parcels of a milestone, which outlive them;
#: see `domain.forecast_score`.
forecast_score = Table(
    "forecast_score",
    metadata,
    Column("milestone", String(24), primary_key=True),
    Column("parcels", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("loss", Float, nullable=False),
    Column("published_loss", Float, nullable=False),
    Column("mean_loss", Float, nullable=False),
)

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

#: What carriers told of a parcel; everybody who follows it sees that.
tracking_event = Table(
    "tracking_event",
    metadata,
    _id(),
    Column("parcel_id", ForeignKey("parcel.id", ondelete="CASCADE"), nullable=False),
    Column("fingerprint", String(255), nullable=False),
    Column("at", Instant, nullable=False),
    Column("at_certain", Boolean, nullable=False),
    Column("milestone", String(24), nullable=False),
    Column("source", String(24), nullable=False),
    Column("code", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("reason", String(24)),
    Column("mark", Text, nullable=False),
    Column("certainty", String(8), nullable=False, server_default="known"),
    Column("seen_at", Instant, nullable=False),
    UniqueConstraint("parcel_id", "fingerprint"),
)

#: One subscriber following one parcel, or an order that has no parcel yet.
subscription = Table(
    "subscription",
    metadata,
    _id(),
    _key(),
    _belongs_to("subscriber"),
    _belongs_to("parcel", nullable=True),
    #: The parcel that has the local number which a mail of theirs gave theirs; see
    #: `store.local_parcels`.
    Column(
        "local_parcel_id", ForeignKey("parcel.id", ondelete="SET NULL"), nullable=True, index=True
    ),
    _belongs_to("shop_order", nullable=True),
    Column("titles", Text, nullable=False, default=""),
    Column("created_at", Instant, nullable=False),
    Column("muted_at", Instant),
    #: When they said that they have it: it is muted from then on.
    Column("received_at", Instant),
    #: What they call it, in place of the article's title; null where they gave it no name.
    Column("own_name", String(60)),
    #: Where it stands by what carriers and the subscriber's own mails tell.
    *_state(),
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
Index(
    "ix_subscription_slow",
    subscription.c.slow_at,
    sqlite_where=subscription.c.slow_at.is_not(None),
    postgresql_where=subscription.c.slow_at.is_not(None),
)

#: Numbers that somebody was asked about: each is followed once they say that it is their parcel's.
doubtful_number = Table(
    "doubtful_number",
    metadata,
    _id(),
    _key(),
    Column("subscriber_id", ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False),
    Column("number", String(64), nullable=False),
    #: Codes of the carriers that it may belong to, best first, with commas between.
    Column("carriers", Text, nullable=False),
    #: Why it is not followed at once: uncertain, check_digit.
    Column("why", String(16), nullable=False),
    #: The id in the logs of the mail that named it.
    Column("trace", String(16), nullable=False),
    #: When they were asked last, and when they said that it is theirs.
    Column("asked_at", Instant, nullable=False),
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
    _id(),
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
    _id(),
    _key(),
    _belongs_to("subscription"),
    Column("made_at", Instant, nullable=False),
    #: A `domain.proof.Proof`, as JSON.
    Column("content", Text, nullable=False),
)

#: The calendar of who asked for one; its link holds the key, and another one once it is renewed.
calendar = Table(
    "calendar",
    metadata,
    _id(),
    _key(),
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
    _id(),
    _key(),
    _belongs_to("calendar"),
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

#: The outbox: one mail owed to one subscriber, before, while and after it is sent.
notice = Table(
    "notice",
    metadata,
    _id(),
    _belongs_to("subscriber"),
    _belongs_to("subscription", nullable=True),
    _belongs_to("inbound", nullable=True),
    Column("kind", String(24), nullable=False),
    Column("occurrence", String(32), nullable=False),
    #: due, sent, skipped or failed.
    Column("state", String(8), nullable=False),
    Column("skip", String(24)),
    #: When what it tells happened, by the carrier's clock; null where it tells no event.
    Column("event_at", Instant),
    Column("event_fingerprint", String(255)),
    Column("created_at", Instant, nullable=False),
    Column("next_attempt_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("claim", String(32)),
    Column("sent_at", Instant),
    #: By which a report names it; null where a return address of its own does.
    Column("message_id", Text, index=True),
    #: It answers somebody who has just written: it goes out by night, too.
    Column("prompt", Boolean, nullable=False, default=False),
    #: It goes before the others, where not all can go at once.
    Column("urgent", Boolean, nullable=False, default=False),
    #: The digest that tells this instead.
    Column("digest_id", Integer, index=True),
    Column("last_error", Words, nullable=False, default=""),
    #: The id in the logs of the mail that it goes back to.
    Column("trace", String(16), nullable=False, default=""),
    UniqueConstraint("subscription_id", "kind", "occurrence"),
    UniqueConstraint("inbound_id", "kind", "occurrence"),
)
Index(
    "ix_notice_due",
    notice.c.next_attempt_at,
    sqlite_where=notice.c.state == "due",
    postgresql_where=notice.c.state == "due",
)
Index(
    "ix_notice_urgent",
    notice.c.next_attempt_at,
    sqlite_where=and_(notice.c.state == "due", notice.c.urgent),
    postgresql_where=and_(notice.c.state == "due", notice.c.urgent),
)
Index(
    "ix_notice_sent_at",
    notice.c.sent_at,
    sqlite_where=notice.c.sent_at.is_not(None),
    postgresql_where=notice.c.sent_at.is_not(None),
)

#: How the relay takes our mails, for all workers: see `domain.relay`. A row appears with the
#: first refusal; another relay or account has a row of its own.
relay = Table(
    "relay",
    metadata,
    Column("name", String(400), primary_key=True),
    Column("refusals", Integer, nullable=False, default=0),
    Column("doubts", Integer, nullable=False, default=0),
    Column("since", Instant),
    Column("blocked_until", Instant),
    Column("whose", String(16), nullable=False, default=""),
    Column("said", Text, nullable=False, default=""),
    Column("probe", String(32), nullable=False, default=""),
    Column("probe_until", Instant),
)

#: When the housekeeping was done last, and since when without a jump of the clock.
housekeeping = Table(
    "housekeeping",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("done_at", Instant, nullable=False),
    Column("steady_since", Instant, nullable=False),
)

#: Who is at work where only one may be: on one mailbox, on the ticks.
lease = Table(
    "lease",
    metadata,
    Column("name", String(400), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("until", Instant, nullable=False),
    Column("taken_at", Instant),
)

#: The one sign-in at a provider that takes no passwords: its tokens, sealed, and who fetches
#: new ones now; see `store.oauth_tokens`.
oauth_token = Table(
    "oauth_token",
    metadata,
    Column("provider", String(16), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("fresh_until", Instant, nullable=False),
    Column("claimed_until", Instant),
)

carrier = Table(
    "carrier",
    metadata,
    Column("code", String(24), primary_key=True),
    Column("day", Date, nullable=False),
    Column("spent", Integer, nullable=False),
    Column("tokens", Float, nullable=False),
    Column("filled_at", Instant, nullable=False),
    Column("blocked_until", Instant),
    Column("price_h", Float, nullable=False),
    Column("last_ok_at", Instant),
    Column("last_error", Words, nullable=False, default=""),
    Column("last_error_at", Instant),
    Column("requests", Integer, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),
)

#: How far a carrier that is on was asked about the parcels from before it was switched on.
catch_up = Table(
    "catch_up",
    metadata,
    Column("carrier", String(24), primary_key=True),
    Column("parcel_id", Integer, nullable=False),
)

#: Codes and texts that no phrase file maps: shown by `mailtrack unmapped`.
unmapped = Table(
    "unmapped",
    metadata,
    Column("carrier", String(24), primary_key=True),
    Column("code", String(128), primary_key=True),
    Column("text", String(500), primary_key=True),
    Column("times", Integer, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
)
