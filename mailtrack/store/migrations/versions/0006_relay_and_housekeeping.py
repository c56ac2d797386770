"""How the relay takes our mails, which of them go first, and when chores were done."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_URGENT = "('out_for_delivery', 'delivery_failed', 'pickup_available', 'pickup_reminder')"


def upgrade() -> None:
    op.add_column(
        "notice", sa.Column("urgent", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.execute(
        f"UPDATE notice SET urgent = (1 = 1) WHERE state = 'due' AND (prompt OR kind IN {_URGENT})"  # noqa: S608
    )
    is_urgent = sa.and_(sa.column("state") == "due", sa.column("urgent", sa.Boolean()))
    was_sent = sa.column("sent_at").is_not(None)
    for name, column, which in (
        ("ix_notice_urgent", "next_attempt_at", is_urgent),
        ("ix_notice_sent_at", "sent_at", was_sent),
    ):
        op.create_index(name, "notice", [column], sqlite_where=which, postgresql_where=which)
    op.add_column("lease", sa.Column("taken_at", sa.DateTime(timezone=True)))
    op.create_table(
        "relay",
        sa.Column("name", sa.String(length=400), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("doubts", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True)),
        sa.Column("blocked_until", sa.DateTime(timezone=True)),
        sa.Column("whose", sa.String(length=16), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("probe", sa.String(length=32), nullable=False),
        sa.Column("probe_until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_relay")),
    )
    op.create_table(
        "housekeeping",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("steady_since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_housekeeping")),
    )
