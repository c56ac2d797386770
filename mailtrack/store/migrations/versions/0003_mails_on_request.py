"""Mails that are sent on request, and mails that answer somebody who is awake."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "subscriber", sa.Column("also_wanted", sa.Text(), nullable=False, server_default="")
    )
    op.add_column(
        "notice", sa.Column("prompt", sa.Boolean(), nullable=False, server_default=sa.false())
    )
