"""The name that somebody gives a parcel of theirs, and when they said that they have it."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("subscription", sa.Column("own_name", sa.String(length=60), nullable=True))
    op.add_column(
        "subscription", sa.Column("received_at", sa.DateTime(timezone=True), nullable=True)
    )
