"""Whose number a person's mails say one to be, and the local number that they give a parcel."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "named_carrier",
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("carrier", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name=op.f("fk_named_carrier_subscription_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscription_id", "number", name=op.f("pk_named_carrier")),
    )
    with op.batch_alter_table("subscription") as batch_op:
        batch_op.add_column(sa.Column("local_parcel_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_subscription_local_parcel_id"),
            "parcel",
            ["local_parcel_id"],
            ["id"],
            ondelete="SET NULL",
        )
        batch_op.create_index(op.f("ix_subscription_local_parcel_id"), ["local_parcel_id"])
    op.create_index("ix_parcel_local_number", "parcel", ["local_number"])
