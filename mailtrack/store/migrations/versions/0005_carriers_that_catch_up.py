"""How far a carrier that was switched on was asked about the parcels from before."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "catch_up",
        sa.Column("carrier", sa.String(length=24), nullable=False),
        sa.Column("parcel_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("carrier", name=op.f("pk_catch_up")),
    )
