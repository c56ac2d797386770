"""Invitations to hear of somebody's parcels, and what is followed by one."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _add_invitations()
    _add_shared_subscriptions()


def _add_invitations() -> None:
    op.create_table(
        "invitation",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=16), nullable=False),
        sa.Column("inviter_id", sa.Integer(), nullable=True),
        sa.Column("subscription_id", sa.Integer(), nullable=True),
        sa.Column("everything", sa.Boolean(), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("mailbox", sa.String(length=320), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.Column(name, sa.DateTime(timezone=True), nullable=True)
            for name in ("mailed_at", "accepted_at", "ended_at", "refused_at")
        ),
        sa.ForeignKeyConstraint(
            ["inviter_id"],
            ["subscriber.id"],
            name=op.f("fk_invitation_inviter_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name=op.f("fk_invitation_subscription_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("key", name=op.f("uq_invitation_key")),
    )
    for name in ("inviter_id", "subscription_id", "address", "mailbox", "created_at"):
        op.create_index(op.f(f"ix_invitation_{name}"), "invitation", [name])


def _add_shared_subscriptions() -> None:
    op.create_table(
        "shared_subscription",
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=True),
        sa.Column("invitation_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name=op.f("fk_shared_subscription_subscription_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["source_id"],
            ["subscription.id"],
            name=op.f("fk_shared_subscription_source_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["invitation_id"],
            ["invitation.id"],
            name=op.f("fk_shared_subscription_invitation_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("subscription_id", name=op.f("pk_shared_subscription")),
    )
    for name in ("source_id", "invitation_id"):
        op.create_index(op.f(f"ix_shared_subscription_{name}"), "shared_subscription", [name])
