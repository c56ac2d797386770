"""When parcels are expected: what was promised, how it was kept, and who is told that one is late.

What this installation has seen begins empty. Of what is under way it is filled in by whom it
goes, and from when on it counts as late: after as many days at its milestone as were a long
silence in the version before. Who was told of a silence there is not told again.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

#: Days at a milestone after which a parcel was long silent in the version before.
_USUAL_DAYS = {
    15: (
        "order_received",
        "details_awaited",
        "order_processing",
        "amount_updated",
        "order_paid",
        "invoice_available",
        "order_prepared",
        "order_consolidated",
        "arrived_in_country",
        "customs_started",
        "customs_held",
        "customs_cleared",
        "exception",
    ),
    30: ("shipped", "carrier_accepted", "in_transit"),
    7: ("local_transit", "out_for_delivery", "delivery_failed", "pickup_available"),
    45: ("returning",),
}

_parcel = sa.table("parcel", *map(sa.column, ("id", "first_carrier", "last_carrier", "ended_at")))
_event = sa.table("tracking_event", *map(sa.column, ("id", "parcel_id", "at", "source")))
_subscription = sa.table(
    "subscription",
    *map(sa.column, ("id", "parcel_id", "milestone")),
    sa.column("milestone_at", sa.DateTime(timezone=True)),
    sa.column("slow_at", sa.DateTime(timezone=True)),
)
_notice = sa.table("notice", *map(sa.column, ("subscription_id", "kind", "created_at")))


def upgrade() -> None:
    _add_columns()
    _add_tables()
    _fill_carriers()
    _fill_slow_at()


def _add_columns() -> None:
    for column in _lane():
        op.add_column("parcel", column)
    op.add_column(
        "parcel", sa.Column("counted", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("subscription", sa.Column("slow_at", sa.DateTime(timezone=True), nullable=True))
    is_slow = sa.column("slow_at").is_not(None)
    op.create_index(
        "ix_subscription_slow",
        "subscription",
        ["slow_at"],
        sqlite_where=is_slow,
        postgresql_where=is_slow,
    )


def _add_tables() -> None:
    op.create_table(
        "promise",
        sa.Column("parcel_id", sa.Integer(), nullable=False),
        sa.Column("milestone", sa.String(length=24), nullable=False),
        *_lane(),
        sa.Column("followed_on", sa.Date(), nullable=False),
        sa.Column("reached_on", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("middle_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("mean_days", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["parcel_id"], ["parcel.id"], name=op.f("fk_promise_parcel_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("parcel_id", "milestone", name=op.f("pk_promise")),
    )
    op.create_table(
        "stage_tally",
        sa.Column("milestone", sa.String(length=24), nullable=False),
        sa.Column("measure", sa.String(length=8), nullable=False),
        *_lane(),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ended", sa.Integer(), nullable=False),
        sa.Column("left", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "milestone",
            "measure",
            "first_carrier",
            "last_carrier",
            "service",
            "day",
            name=op.f("pk_stage_tally"),
        ),
    )
    op.create_table(
        "forecast_score",
        sa.Column("milestone", sa.String(length=24), nullable=False),
        sa.Column("parcels", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("loss", sa.Float(), nullable=False),
        sa.Column("published_loss", sa.Float(), nullable=False),
        sa.Column("mean_loss", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("milestone", name=op.f("pk_forecast_score")),
    )


def _lane() -> list[sa.Column[str]]:
    return [
        sa.Column(name, sa.String(length=24), nullable=False, server_default="")
        for name in ("first_carrier", "last_carrier", "service")
    ]


def _fill_carriers() -> None:
    """Note who told the first scan of each parcel, and who else told its latest one."""
    told = sa.select(_event.c.source).where(_event.c.parcel_id == _parcel.c.id).limit(1)
    first = told.order_by(_event.c.at, _event.c.id).scalar_subquery()
    others = told.where(_event.c.source != _parcel.c.first_carrier)
    last = others.order_by(_event.c.at.desc(), _event.c.id.desc()).scalar_subquery()
    for name, carrier in (("first_carrier", first), ("last_carrier", last)):
        op.execute(sa.update(_parcel).values({name: sa.func.coalesce(carrier, "")}))


def _fill_slow_at() -> None:
    """Note from when on each parcel under way is late, where nobody was told so already."""
    under_way = sa.exists().where(
        _parcel.c.id == _subscription.c.parcel_id, _parcel.c.ended_at.is_(None)
    )
    told = sa.exists().where(
        _notice.c.subscription_id == _subscription.c.id,
        _notice.c.kind == "stalled",
        _notice.c.created_at >= _subscription.c.milestone_at,
    )
    for days, milestones in _USUAL_DAYS.items():
        late = _days_after_milestone(days)
        at_one = _subscription.c.milestone.in_(milestones)
        op.execute(sa.update(_subscription).where(at_one, under_way, ~told).values(slow_at=late))


def _days_after_milestone(days: int) -> sa.ColumnElement[Any]:
    """Return the instant so many days after a milestone, as the database writes instants."""
    at = _subscription.c.milestone_at
    if op.get_bind().dialect.name == "sqlite":
        # As SQLAlchemy writes them: with microseconds, without a zone.
        return sa.func.strftime("%Y-%m-%d %H:%M:%f", at, f"+{days} days").concat("000")
    return at + sa.text(f"INTERVAL '{days} days'")
