"""Where a person's own mail says that a parcel waits, and the hours in which it is brought."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("subscription", sa.Column("expected_slot", sa.String(length=11), nullable=True))
    op.add_column("subscription", sa.Column("pickup_name", sa.Text(), nullable=True))
    op.add_column("subscription", sa.Column("pickup_address", sa.Text(), nullable=True))
    op.add_column("subscription", sa.Column("pickup_last_day", sa.Date(), nullable=True))
    op.add_column("subscription", sa.Column("pickup_code", sa.String(length=16), nullable=True))
