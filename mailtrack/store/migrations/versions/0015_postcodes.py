"""The postcode that a person tells, for carriers that want it beside the number."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("subscriber", sa.Column("postcode", sa.String(length=5), nullable=True))
