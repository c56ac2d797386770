"""How many rows there are, by what they are; the triggers that keep it come with every upgrade."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "row_count",
        sa.Column("table_name", sa.String(length=32), nullable=False),
        sa.Column("labels", sa.String(length=64), nullable=False),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("table_name", "labels", "slot", name=op.f("pk_row_count")),
    )
