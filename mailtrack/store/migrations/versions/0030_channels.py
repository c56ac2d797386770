"""Channels besides mail, and their notices; nobody has one before they ask."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _add_channels()
    _add_notices()


def _compact_instant() -> Any:
    """Return the type of a time as notices have it."""
    sqlite = op.get_context().dialect.name == "sqlite"
    return sa.BigInteger() if sqlite else sa.DateTime(timezone=True)


def _add_channels() -> None:
    op.create_table(
        "channel",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=16), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("masked", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proven_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("ended_why", sa.String(length=16), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True)),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_channel_subscriber_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel")),
        sa.UniqueConstraint("key", name=op.f("uq_channel_key")),
    )
    op.create_index(op.f("ix_channel_subscriber_id"), "channel", ["subscriber_id"])


def _add_notices() -> None:
    op.create_table(
        "channel_notice",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("notice_id", sa.Integer()),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("skip", sa.String(length=24)),
        sa.Column("next_attempt_at", _compact_instant(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claim", sa.String(length=32)),
        sa.Column("sent_at", _compact_instant()),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["channel.id"],
            name=op.f("fk_channel_notice_channel_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["notice_id"],
            ["notice.id"],
            name=op.f("fk_channel_notice_notice_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_notice")),
        sa.UniqueConstraint(
            "notice_id", "channel_id", name=op.f("uq_channel_notice_notice_id_channel_id")
        ),
    )
    for column in ("channel_id", "notice_id"):
        op.create_index(op.f(f"ix_channel_notice_{column}"), "channel_notice", [column])
    is_due = sa.text("state = 'due'")
    op.create_index(
        "ix_channel_notice_due",
        "channel_notice",
        ["next_attempt_at"],
        sqlite_where=is_due,
        postgresql_where=is_due,
    )
