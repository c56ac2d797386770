"""How the milestone of an event was reached; what is kept already counts as known."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "tracking_event",
        sa.Column("certainty", sa.String(length=8), nullable=False, server_default="known"),
    )
