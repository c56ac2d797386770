"""Who wrote the mail that told a step."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    told_by = sa.Column("told_by", sa.String(length=32), nullable=False, server_default="")
    op.add_column("mail_event", told_by)
