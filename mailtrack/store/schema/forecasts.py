"""When parcels were expected, and how long stages last: what forecasts learn from."""

from sqlalchemy import (
    Column,
    Date,
    Float,
    ForeignKey,
    Integer,
    String,
    Table,
)

from mailtrack.store.schema.columns import Instant, lane_columns, metadata

#: When a parcel was expected, by our own estimate, as it reached a milestone; scored once it is
#: delivered.
promise = Table(
    "promise",
    metadata,
    Column("parcel_id", ForeignKey("parcel.id", ondelete="CASCADE"), primary_key=True),
    Column("milestone", String(24), primary_key=True),
    *lane_columns(),
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
    *lane_columns(primary_key=True),
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
