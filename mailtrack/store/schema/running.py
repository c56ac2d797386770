"""What the service keeps about its own work: leases, sign-ins, carriers and what they left."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Float,
    Integer,
    LargeBinary,
    String,
    Table,
)

from mailtrack.store.schema.columns import Instant, Words, metadata

#: How many rows of a table have the same labels (its outcome, its kind and state …), kept by
#: triggers: the sum over the slots; see `store.row_counts`.
row_count = Table(
    "row_count",
    metadata,
    Column("table_name", String(32), primary_key=True),
    Column("labels", String(64), primary_key=True),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("total", BigInteger, nullable=False),
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
