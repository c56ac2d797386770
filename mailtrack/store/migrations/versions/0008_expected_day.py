"""The day on which a person's own mail expects a delivery."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("subscription", sa.Column("expected_on", sa.Date(), nullable=True))
    op.add_column("subscription", sa.Column("expected_by", sa.String(length=32), nullable=True))
