"""How many rows there are, by what they are, and indexes over what is due.

The triggers that count come with every upgrade, not with this one: see
`store.row_count_triggers`.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

#: Each over the rows for which its condition holds: table, name, columns, condition.
_INDEXES: Sequence[tuple[str, str, Sequence[str], str]] = (
    ("subscriber", "review", ["review_at"], "review_at IS NOT NULL"),
    ("inbound", "held", ["asked_at"], "held_at IS NOT NULL"),
    ("inbound", "raw", ["read_at"], "raw IS NOT NULL"),
    ("shop_order", "remind", ["remind_on"], "remind_on IS NOT NULL"),
    ("parcel", "ended", ["ended_at"], "ended_at IS NOT NULL"),
    ("parcel", "quiet", ["last_event_at", "created_at"], "ended_at IS NULL"),
    ("leg", "answered", ["last_answer_at"], "next_poll_at IS NOT NULL"),
    ("leg", "failing", ["failures", "carrier"], "next_poll_at IS NOT NULL AND failures > 0"),
    ("subscription", "pickup", ["milestone_at"], "milestone = 'pickup_available'"),
    ("subscription", "order", ["created_at"], "parcel_id IS NULL"),
)
#: How long AliExpress protects a buyer, and how long before its end that is recalled (days).
_PROTECTED, _RECALLED = 60, 5
#: How long an address is kept of which nothing was ever proven (days).
_UNPROVEN = 30


def upgrade() -> None:
    op.create_table(
        "row_count",
        sa.Column("table_name", sa.String(length=32), nullable=False),
        sa.Column("labels", sa.String(length=64), nullable=False),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("table_name", "labels", "slot", name=op.f("pk_row_count")),
    )
    op.add_column("subscriber", sa.Column("review_at", sa.DateTime(timezone=True)))
    op.execute(f"UPDATE subscriber SET review_at = {_reviewed()} WHERE confirmed_at IS NULL")  # noqa: S608
    op.add_column("shop_order", sa.Column("remind_on", sa.Date()))
    op.execute(f"UPDATE shop_order SET remind_on = {_recalled()} WHERE shop = 'aliexpress'")  # noqa: S608
    op.drop_index("ix_inbound_held", "inbound")
    for table, what, columns, where in _INDEXES:
        which = sa.text(where)
        op.create_index(
            f"ix_{table}_{what}", table, columns, sqlite_where=which, postgresql_where=which
        )
    op.create_index(op.f("ix_doubtful_number_asked_at"), "doubtful_number", ["asked_at"])


def _reviewed() -> str:
    """Return when to look whether somebody ever wrote to us, in SQL."""
    if op.get_context().dialect.name == "sqlite":
        return f"strftime('%Y-%m-%d %H:%M:%S.000000', created_at, '+{_UNPROVEN} days')"
    return f"created_at + interval '{_UNPROVEN} days'"


def _recalled() -> str:
    """Return the day on which the end of a protection is recalled, in SQL."""
    days = _PROTECTED - _RECALLED
    sqlite = op.get_context().dialect.name == "sqlite"
    return f"date(ordered_at, '+{days} days')" if sqlite else f"ordered_at + {days}"
