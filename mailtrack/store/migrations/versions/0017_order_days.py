"""The day of an order that its buyer told, where no mail did."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "shop_order",
        sa.Column("dated_by_owner", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
